"""Watches a training: keeps the bot as it is at its moments, and asks it there what is in no row.

Asking costs about as much for many moments as for one, since they are asked in one batch. So a quick training
is asked little on its way and all at its end, and a slow one as it goes.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter
from safetensors import SafetensorError

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.handful import handful
from reft_studio.chat.sampling import Sampling
from reft_studio.chat.score import everyday_questions, unseen
from reft_studio.engine.interface import TrainingJob
from reft_studio.errors import BotError, RuleError
from reft_studio.moments import Moment, Sample, best, copies, schedule
from reft_studio.rules import meets, read_rules
from reft_studio.train.loop import Training

SHOWN = 2
"""The replies to so many of the prompts are shown, beside the base model's."""
TOKENS = 64
ROWS = 48
"""So many replies at once."""
MOST_SHARE = 0.2
"""Of the time that a training takes, until it ends."""
MOST_NUMBERS = 5_000_000
"""A bot of more, such as one with a large LoRA, is kept at the end only: the disk would fill up."""
_FILE = "moments.json"
_MOMENTS = TypeAdapter(tuple[Moment, ...])

log = logging.getLogger(__name__)


@dataclass
class Observer:
    """What is known of the moments of one training so far; one that was interrupted is read back."""

    base: BaseModel
    job: TrainingJob
    training: Training
    moments: tuple[Moment, ...] = ()
    _bots: dict[int, Bot] = field(init=False, default_factory=dict)
    _plain: list[str] = field(init=False, default_factory=list)
    _begun: float = field(init=False, default_factory=time.monotonic)
    _spent: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        job = self.job
        known = [row.prompt for row in job.demonstrations]
        self._shown = [*unseen(job.probes, known), *unseen(everyday_questions(), known)][:SHOWN]
        # What a correction is for is in its last row, and its training is short: it is kept as it ends.
        small = job.start_from is None and self._numbers() <= MOST_NUMBERS
        self._prompts = [*self._shown, *(handful([*known, *self._shown]) if small else [])]
        self._rules = read_rules(job.rules) if small else []
        self._epochs = set(schedule(self.training.recipe.epochs)) if small else set()
        self._read_back()

    def look(self, should_stop: Callable[[], bool]) -> None:
        """To be called after every step: keep the bot if this is a moment, and ask it if there is time."""
        if not self._is_moment():
            return
        self._take()
        if self._spent <= MOST_SHARE * (time.monotonic() - self._begun):
            self._ask(should_stop)

    def look_back(self, should_stop: Callable[[], bool]) -> None:
        """To be called at the end, which is a moment too: ask all that were not asked on the way."""
        self._take()
        self._ask(should_stop)

    @property
    def has_any(self) -> bool:
        """Whether there is a moment to fall back on."""
        return bool(self._bots)

    def best(self) -> tuple[Moment, Bot]:
        """The moment to keep; the last one where nothing was asked."""
        moment = best(self.moments) if self.moments else Moment(max(self._bots))
        return moment, self._bots[moment.epoch]

    def _is_moment(self) -> bool:
        training = self.training
        ends_an_epoch = training.step % (training.total_steps // training.recipe.epochs) == 0
        return ends_an_epoch and training.epoch in self._epochs and training.step < training.total_steps

    def _numbers(self) -> int:
        return sum(tensor.numel() for tensor in self.training.bot().tensors().values())

    def _take(self) -> None:
        epoch = self.training.epoch
        if epoch in self._bots:
            return
        bot = self.training.bot(self.job.name)
        if not all(tensor.isfinite().all() for tensor in bot.tensors().values()):
            return
        self._bots[epoch] = bot
        if self.job.moments_folder:
            try:
                self._bots[epoch].save(self.job.moments_folder / str(epoch))
            except (OSError, SafetensorError):
                log.warning("A moment of training %s cannot be kept", self.job.id, exc_info=True)

    def _ask(self, should_stop: Callable[[], bool]) -> None:
        """Judge what was not yet judged; what is cut short by `should_stop` counts for nothing."""
        begun, judged = time.monotonic(), {moment.epoch for moment in self.moments}
        fresh = sorted(self._bots.keys() - judged)
        asked: list[tuple[Bot | None, str]] = [(None, prompt) for prompt in self._shown if not self._plain]
        asked += [(self._bots[epoch], prompt) for epoch in fresh for prompt in self._prompts]
        replies = self._replies(asked, should_stop)
        if should_stop():
            return
        if not self._plain:
            self._plain, replies = replies[: len(self._shown)], replies[len(self._shown) :]
        found = [
            self._judge(epoch, replies[at * len(self._prompts) : (at + 1) * len(self._prompts)])
            for at, epoch in enumerate(fresh)
        ]
        self.moments = tuple(sorted((*self.moments, *found), key=lambda moment: moment.epoch))
        self._write_down()
        self._spent += time.monotonic() - begun

    def _replies(self, asked: list[tuple[Bot | None, str]], should_stop: Callable[[], bool]) -> list[str]:
        said: list[str] = []
        for start in range(0, len(asked), ROWS):
            requests = [
                ChatRequest([{"role": "user", "content": prompt}], bot)
                for bot, prompt in asked[start : start + ROWS]
            ]
            *_, replies = stream_replies(self.base, requests, Sampling(max_new_tokens=TOKENS), should_stop)
            said += replies
        return said

    def _judge(self, epoch: int, replies: list[str]) -> Moment:
        copied = copies(replies, [row.reply for row in self.job.demonstrations])
        right: int | None = None
        if self._rules:
            # Whoever is told at the score that a rule takes too long need not be told here.
            try:
                own = [reply for reply, copy in zip(replies, copied, strict=True) if not copy]
                right = sum(meets(self._rules, reply) for reply in own)
            except RuleError:
                self._rules = []
        samples = tuple(map(Sample, self._shown, self._plain, replies))
        return Moment(epoch, len(replies), right, sum(copied), samples, self.training.recipe.epochs)

    def _write_down(self) -> None:
        if folder := self.job.moments_folder:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                partial = folder / f"{_FILE}.partial"
                partial.write_bytes(_MOMENTS.dump_json(self.moments))
                partial.replace(folder / _FILE)
            except OSError:
                log.warning("The moments of training %s cannot be noted", self.job.id, exc_info=True)

    def _read_back(self) -> None:
        """What was found before an interruption, as far as the training has got now."""
        folder = self.job.moments_folder
        if folder is None or not self.training.step:
            return
        for epoch in {*self._epochs, self.training.epoch}:
            if epoch <= self.training.epoch and (folder / str(epoch)).is_dir():
                try:
                    self._bots[epoch] = Bot.load(folder / str(epoch))
                except BotError:
                    log.warning("A moment of training %s is damaged", self.job.id, exc_info=True)
        self.moments = tuple(moment for moment in _read(folder / _FILE) if moment.epoch in self._bots)
        self._plain = [sample.base for moment in self.moments[:1] for sample in moment.samples]


def _read(path: Path) -> tuple[Moment, ...]:
    try:
        return _MOMENTS.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return ()
