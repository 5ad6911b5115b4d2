"""The table that somebody has opened last, for tests of what is not about several projects."""

from reft_studio.draft import Draft
from reft_studio.store import LOCAL, Store


def draft_of(store: Store, owner: str = LOCAL) -> Draft:
    """As it was last saved."""
    return store.projects.draft(owner, store.projects.opened_last(owner))


def save_draft(store: Store, draft: Draft, owner: str = LOCAL) -> None:
    """Keep another one there."""
    store.projects.save(owner, store.projects.opened_last(owner), draft)
