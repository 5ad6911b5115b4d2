"""One base model that trains and chats: `interface` says how, `inline` and `process` say where.

Nothing here but `core` needs torch, so that the page can hold an engine without it.
"""
