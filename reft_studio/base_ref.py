"""Which base model is meant: by a training, a bot, a setting. No torch here: the page names them too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from reft_studio.errors import BaseModelError
from reft_studio.model_source import EMBEDDED_ID, split_pinned
from reft_studio.quantization import Quantization
from reft_studio.settings import EMBEDDED_MODEL, Settings

NOT_OFFERED = (
    "This app is shared and offers certain base models only, and this one is not among them. Choose one of "
    "the list, or run ReFT Studio on your own computer."
)
NOT_LENT = (
    "Where a graphics card is lent for moments only, there is one base model for everybody. Run ReFT Studio "
    "on your own computer to use another one."
)


@dataclass(frozen=True)
class BaseRef:
    """A base model by its name, and how its weights are stored in memory. There is one engine for each."""

    name: str = EMBEDDED_ID
    """"embedded", a Hub id, perhaps with its revision ("owner/model@v1"), or a folder's absolute path."""
    quantization: Quantization | None = None

    @classmethod
    def of(cls, name: str, quantization: Quantization | None = None) -> Self:
        """From a name as people write it; the same folder is the same model however it is written."""
        name = name.strip()
        folder = Path(name).expanduser()
        if not name or name == EMBEDDED_ID or not folder.is_dir():
            return cls(name or EMBEDDED_ID, quantization)
        folder = folder.resolve()
        return cls(EMBEDDED_ID if folder == EMBEDDED_MODEL.resolve() else str(folder), quantization)

    @classmethod
    def default(cls, settings: Settings) -> Self:
        """The one that an app starts with."""
        return cls.of(settings.base_model, settings.quantization)

    @property
    def id(self) -> str:
        """As bots call it, who need not know where a folder was: its last part; and without the revision."""
        return Path(self.name).name if Path(self.name).is_absolute() else split_pinned(self.name)[0]

    @property
    def revision(self) -> str | None:
        """The one that a Hub id is pinned to."""
        return None if Path(self.name).is_absolute() else split_pinned(self.name)[1]


def choose_base(name: str, quantization: Quantization | None, settings: Settings) -> BaseRef:
    """The base model that a person names; raises BaseModelError for one that may not be chosen here."""
    if settings.allowed_base_models is None and not settings.lent_card:
        return BaseRef.of(name, quantization)
    # As it is written: whether there is a folder of that name is nobody's business.
    base = BaseRef(name.strip(), quantization)
    check_offered(base, settings)
    return base


def check_offered(base: BaseRef, settings: Settings) -> None:
    """Raise BaseModelError for a base model that may not be used in this app."""
    if base == BaseRef.default(settings):
        return
    if settings.lent_card:
        # What is lent is lent to one model, which has to be in memory before.
        raise BaseModelError(NOT_LENT)
    offered = settings.allowed_base_models
    if offered is not None and (base.name not in offered or base.quantization != settings.quantization):
        raise BaseModelError(NOT_OFFERED)
