"""What every tab works with."""

from dataclasses import dataclass, replace
from pathlib import Path

from reft_studio.demonstrations import Limits
from reft_studio.engine.interface import Engine
from reft_studio.errors import BotError
from reft_studio.settings import Settings
from reft_studio.store import SavedBot, Store
from reft_studio.ui import wording

MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True)
class Studio:
    """Handlers read the store and the engine through this, never each other."""

    settings: Settings
    store: Store
    engine: Engine
    scratch: Path
    """A folder for files on their way to the browser, emptied when the app ends."""

    @property
    def limits(self) -> Limits:
        """How much of a table training accepts."""
        return Limits(rows=self.settings.max_rows, cell_characters=self.settings.max_cell_characters)

    def resume_trainings(self) -> None:
        """Go on with what was not done when the app was last stopped, however it was."""
        for job in self.store.unfinished_jobs():
            self.engine.submit(replace(job, limits=self.limits))

    def bot(self, chosen: str | None) -> SavedBot:
        """The bot that is chosen in a dropdown; raises BotError if there is none."""
        if chosen is None:
            raise BotError(wording.NO_BOT)
        bot = self.store.bot(chosen)
        if bot is None:
            raise BotError(wording.NO_SUCH_BOT)
        return bot


def bot_name(typed: str, otherwise: str) -> str:
    """The name a person gave a bot; raises BotError if it is too long."""
    if len(typed) > MAX_NAME_CHARACTERS:
        raise BotError(wording.name_too_long(len(typed), MAX_NAME_CHARACTERS))
    return typed.strip() or otherwise
