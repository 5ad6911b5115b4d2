"""Replies of the base model and of bots. `sampling` needs no torch; `generate` and `compare` do."""
