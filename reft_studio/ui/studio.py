"""What every tab works with."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from uuid import uuid4

from reft_studio.base_ref import BaseRef, check_offered
from reft_studio.draft import Draft
from reft_studio.engine.interface import PyreftFolder, Readiness
from reft_studio.engine.pool import Engines
from reft_studio.errors import BotError, StudioError
from reft_studio.manifest import base_of, look_inside
from reft_studio.projects import Project
from reft_studio.settings import Settings
from reft_studio.store import SavedBot, Store
from reft_studio.trainings import Trainings
from reft_studio.ui import wording
from reft_studio.ui.rates import Rates

log = logging.getLogger(__name__)

MAX_NAME_CHARACTERS = 80
SECONDS_BETWEEN_LOOKS = 0.5
MAX_PROBES = 4
"""So many prompts are tried with a bot when it is trained, to tell later whether it is still the same."""


@dataclass(frozen=True)
class Studio:
    """Handlers read the store and the engine through this, never each other."""

    settings: Settings
    store: Store
    engines: Engines
    trainings: Trainings
    rates: Rates
    scratch: Path
    """A folder for files on their way to the browser, emptied when the app ends."""

    def bot(self, owner: str, chosen: str | None) -> SavedBot:
        """The bot that is chosen in a dropdown, before that the newest; raises BotError if there is none."""
        if chosen is None:
            # Whoever is quicker than the page means the bot that the page is about to choose.
            newest = self.store.bots(owner)[:1]
            if not newest:
                raise BotError(wording.NO_BOT)
            return newest[0]
        bot = self.store.bot(owner, chosen)
        if bot is None:
            raise BotError(wording.NO_SUCH_BOT)
        return bot

    def begin_project(self, owner: str, draft: Draft) -> str:
        """Open one that begins like this and return its id.

        Raises StorageError where its owner has as many, or as much, as one person gets.
        """
        self.store.check_room(owner, self.settings.max_person_bytes)
        return self.store.projects.add(owner, draft, self.settings.max_projects)

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """A place of its own for files, as long as the block."""
        with TemporaryDirectory(dir=self.scratch) as folder:
            yield Path(folder)

    def open_bot(
        self,
        owner: str,
        source: Path,
        pyreft: PyreftFolder | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> SavedBot | None:
        """Take in a bot's folder, whoever made it, for its new owner; raises StudioError.

        None where that is to stop while its base model is on its way: then so does the model.
        """
        self.store.check_room(owner, self.settings.max_person_bytes)
        bot_id = uuid4().hex
        folder = self.store.bot_folder(bot_id)
        base = pyreft.base if pyreft else self._base_of(source)
        check_offered(base, self.settings)
        with ExitStack() as using:
            using.callback(self.engines.give_up, base)
            try:
                engine = using.enter_context(self.engines.use(base))
            except StudioError as error:
                raise BotError(wording.base_not_to_be_had(base.id, str(error))) from error
            while engine.status().readiness is Readiness.LOADING:
                if should_stop():
                    return None
                sleep(SECONDS_BETWEEN_LOOKS)
            opened = engine.open_bot(source, folder, pyreft)
        bot = SavedBot(bot_id, opened.name, folder, opened.probes, opened.instruction, base)
        self.store.add_bot(owner, bot)
        log.info("A bot is opened", extra={"bot": bot.id})
        return bot

    def opening(
        self,
        owner: str,
        source: Path,
        pyreft: PyreftFolder | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[str | SavedBot]:
        """The same, telling meanwhile how far its base model has got; the bot comes last, if it comes.

        It is opened to the end also for who has left: nobody knows when the model would be there again.
        """
        base = pyreft.base if pyreft else self._base_of(source)
        with ThreadPoolExecutor(1) as opener:
            opened = opener.submit(self.open_bot, owner, source, pyreft, should_stop)
            while not wait([opened], SECONDS_BETWEEN_LOOKS).done:
                status = self.engines.status(base)
                yield (status.message if status else "") or wording.OPENING_BOT
            if bot := opened.result():
                yield bot

    def unloaded_base(self, path: Path, chosen: BaseRef | None = None) -> BaseRef | None:
        """The base model of a bot's zip or folder, or the one `chosen` for it, if that is not loaded.

        Raises StudioError.
        """
        base = chosen or self._base_of(path)
        check_offered(base, self.settings)
        return None if base in (self.engines.default, *self.engines.bases) else base

    def _base_of(self, path: Path) -> BaseRef:
        """The base model of a bot's zip or folder; raises BotError if it is none."""
        known = [self.engines.default, *self.engines.bases]
        base = base_of(look_inside(path).base, known)
        if base in known or self.settings.allowed_base_models is None:
            return base
        # Who names the models that are offered means their newest revision: others can be anybody's work.
        return BaseRef(base.id, base.quantization)


def name_of(project: Draft | Project) -> str:
    """What to call it, also as long as it has no name."""
    return project.name or wording.DEFAULT_BOT_NAME


def bot_name(typed: str, otherwise: str) -> str:
    """The name a person gave a bot; raises BotError if it is too long."""
    if len(typed) > MAX_NAME_CHARACTERS:
        raise BotError(wording.name_too_long(len(typed), MAX_NAME_CHARACTERS))
    return typed.strip() or otherwise
