"""What an account has published with this app, as the Hub knows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from huggingface_hub import HfApi
from huggingface_hub.hf_api import ModelInfo, SpaceInfo

from reft_studio.share.bundle import is_bot
from reft_studio.share.card import OUR_TAG
from reft_studio.share.hub import IsOurs, Place, RepoKind, account
from reft_studio.share.refusals import said_plainly
from reft_studio.share.space import is_chat_space

IS_OURS: dict[RepoKind, IsOurs] = {"model": is_bot, "space": is_chat_space}


@dataclass(frozen=True)
class Listing:
    """The bots and chat Spaces of one account."""

    account: str
    places: tuple[Place, ...]

    def without(self, place: Place) -> "Listing":
        """All but that one, whoever may see it."""
        kept = tuple(one for one in self.places if _key(one) != _key(place))
        return replace(self, places=kept)

    def with_one(self, place: Place) -> "Listing":
        """That one first, and in place of what is known of it."""
        return replace(self, places=(place, *self.without(place).places))


def list_published(api: HfApi) -> Listing:
    """All bots and chat Spaces of whose token it is, by their tag and their files. Raises ShareError."""
    name = account(api)
    with said_plainly(name):
        models = [*api.list_models(author=name, filter=OUR_TAG, full=True)]
        spaces = [*api.list_spaces(author=name, filter=OUR_TAG, full=True)]
    return Listing(name, (*_ours("model", models), *_ours("space", spaces)))


def _ours(kind: RepoKind, found: Sequence[ModelInfo] | Sequence[SpaceInfo]) -> list[Place]:
    return [
        Place(one.id, kind, bool(one.private))
        for one in found
        if IS_OURS[kind]({file.rfilename for file in one.siblings or []} - {".gitattributes"})
    ]


def _key(place: Place) -> tuple[str, str]:
    return place.kind, place.repo_id
