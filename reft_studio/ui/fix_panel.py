"""Correct an answer: it becomes an example, the bot learns a little more, and is asked again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration, check_demonstrations
from reft_studio.engine.interface import Conversation, JobState, JobUpdate, TrainingJob
from reft_studio.errors import DemonstrationsError, EngineError, RuleError, StudioError, TrainingError
from reft_studio.manifest import MANIFEST_FILE, Manifest, read_manifest
from reft_studio.rules import guess_rules, read_rules
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.advanced import check_allowed
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import IN_ORDER, connect, follow, show
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import MAX_PROBES, Studio
from reft_studio.ui.table import filled
from reft_studio.ui.typed import checked_instruction

EPOCHS = 10
"""From what the bot knows already; more would forget other things for the new one."""
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_STOP = 3.0
"""So long a score may take to end between two tokens of a slow model."""
LEARN_AT_ONCE = 32
_READY = (JobState.SCORING, JobState.DONE)


@dataclass(frozen=True)
class Wrong:
    """An answer that its owner is not content with."""

    owner: str = ""
    bot_id: str = ""
    prompt: str = ""
    reply: str = ""


@dataclass(frozen=True)
class Learning:
    """A training that was begun for a correction."""

    job_id: str
    in_table: bool
    """Whether the table has the example too."""


class FixPanel:
    """Lays the panel out and connects it; `show` says what goes into it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio, self._examples = studio, examples
        self._wrong = gr.State(Wrong())
        with gr.Column(visible=False, elem_id="fix") as self._group:
            self._said = gr.HTML(elem_id="fix-said")
            self._right = gr.Textbox(
                label=wording.SHOULD_SAY, info=wording.SHOULD_SAY_HELP, elem_id="fix-right"
            )
            with gr.Row(elem_classes="actions"):
                self._teach = gr.Button(wording.TEACH, variant="primary", elem_id="teach")
                close = gr.Button(wording.NEVER_MIND, elem_id="fix-close")
        self._banner = gr.HTML(elem_classes="banner")
        self._outcome = gr.HTML(elem_id="fixed")
        self.shown = [self._wrong, self._group, self._said, self._right, self._outcome]
        connect(close.click, lambda _owner: gr.Column(visible=False), [], [self._group], self._banner)

    def connect(self, then: Any, outputs: list[Any], inputs: list[Any]) -> None:
        """What is to be shown when a bot has learned: `then`, with the new bot as the newest one."""
        learned = gr.State(None)
        corrected = [self._wrong, self._right]
        # By itself, since it may take a while, and nobody else's rows wait for that.
        made_way = show(self._teach.click, self._make_way, corrected, [], concurrency_limit=LEARN_AT_ONCE)
        connect(
            made_way,
            self._keep,
            [self._examples.project, self._wrong, self._right],
            [self._wrong, learned, *self._examples.shown],
            self._banner,
            **IN_ORDER,
        )
        taught = connect(
            learned.change,
            self._learn,
            [self._wrong, learned],
            [self._outcome, self._group, self._teach],
            self._banner,
            concurrency_limit=LEARN_AT_ONCE,
        )
        follow(taught, then, inputs, outputs)

    def show(self, owner: str, bot: SavedBot, prompt: str, reply: str) -> tuple[Any, ...]:
        """Values for `shown`: the answer, and a box that begins with it."""
        said = (
            f"<h3>{wording.FIX_TITLE}</h3>"
            f'<p class="quiet" dir="auto">{escape(wording.you_asked(prompt))}</p>'
            f'<p class="quiet" dir="auto">{escape(wording.it_said(bot.name, reply))}</p>'
        )
        return Wrong(owner, bot.id, prompt, reply), gr.Column(visible=True), said, reply, ""

    def _keep(self, owner: str, project: str, wrong: Wrong, right: str) -> tuple[Any, ...]:
        """Put the example into the table and the training into the queue."""
        bot, known, example, rows = self._checked(owner, wrong, right)
        job, draft = self._job(bot, tuple(rows)), self._studio.store.projects.draft(owner, project)
        latest = self._studio.store.latest_job(owner)
        if latest and not latest.state.ended:
            raise TrainingError(wording.ALREADY_TRAINING)
        self._studio.rates.count(owner, Asked.TRAININGS)
        self._studio.trainings.add(owner, job)
        there = filled(draft.demonstrations)
        # A table about something else stays as it is.
        in_table = set(known) <= set(there)
        if not in_table:
            return wrong, Learning(job.id, in_table), *(gr.skip() for _ in self._examples.shown)
        draft = replace(draft, demonstrations=_with(there, example))
        return wrong, Learning(job.id, in_table), *self._examples.show_instead(owner, project, draft)

    def _checked(
        self, owner: str, wrong: Wrong, right: str
    ) -> tuple[SavedBot, tuple[Demonstration, ...], Demonstration, list[Demonstration]]:
        """The bot, what it has learned from, the example that corrects it, and all rows from now on."""
        bot = self._bot_of(owner, wrong)
        if right.strip() == wrong.reply.strip() or not right.strip():
            raise DemonstrationsError(wording.NOTHING_CORRECTED)
        known = self._studio.store.trained_on(owner, bot.id)
        if not known:
            raise DemonstrationsError(wording.NO_ROWS_TO_GO_ON_FROM)
        example = Demonstration(wrong.prompt.strip(), right.strip())
        rows = check_demonstrations(_with(known, example), self._studio.settings.limits)
        return bot, known, example, rows

    def _make_way(self, owner: str, wrong: Wrong, right: str) -> None:
        """Nobody has to wait for the score of a bot that is about to learn more."""
        try:
            self._checked(owner, wrong, right)
        except StudioError:
            # It is about to be told.
            return
        job, begun = self._studio.store.latest_job(owner), monotonic()
        if job and job.state is JobState.SCORING:
            self._studio.trainings.cancel(owner, job.job_id)
            while monotonic() - begun < SECONDS_TO_STOP and self._is_stopping(owner):
                sleep(SECONDS_BETWEEN_LOOKS)

    def _is_stopping(self, owner: str) -> bool:
        job = self._studio.store.latest_job(owner)
        return job is not None and job.state is JobState.CANCELLING

    def _job(self, bot: SavedBot, rows: tuple[Demonstration, ...]) -> TrainingJob:
        """Limited like a training of one's own: the bot may come from anywhere."""
        manifest, job_id = read_manifest(bot.folder / MANIFEST_FILE), uuid4().hex
        recipe = manifest.recipe.model_copy(update={"epochs": EPOCHS})
        check_allowed(recipe, self._studio.settings)
        return TrainingJob(
            id=job_id,
            name=bot.name,
            demonstrations=rows,
            bot_folder=self._studio.store.bot_folder(job_id),
            base=bot.base,
            recipe_changes=recipe.model_dump(mode="json"),
            probes=bot.probes[:MAX_PROBES],
            rules=_rules(manifest, rows),
            instruction=checked_instruction(bot.instruction, self._studio.settings),
            start_from=bot.folder,
        )

    def _learn(self, owner: str, wrong: Wrong, learning: Learning) -> Iterator[tuple[Any, ...]]:
        """Wait for the bot, ask it again, and show before and after."""
        job_id = learning.job_id
        while (job := self._latest(owner, job_id)) and job.state not in _READY and not job.state.ended:
            yield _how_far(job)
            # Where a graphics card is lent, the training gets on only while it is asked for.
            for _ in self._studio.trainings.drive(owner):
                yield _how_far(self._latest(owner, job_id) or job)
            sleep(SECONDS_BETWEEN_LOOKS)
        again = gr.Button(interactive=True)
        if job is None or job.state not in _READY:
            yield _told(job.message or wording.CANCELLED) if job else "", gr.skip(), again
            return
        conversation = Conversation(
            ({"role": "user", "content": wrong.prompt},), self._studio.store.bot_folder(job.job_id)
        )
        try:
            with self._studio.engines.use(self._studio.store.base_of(job_id)) as engine:
                *_, (reply,) = engine.chat(f"{owner}/{job_id}", [conversation], Sampling())
        except EngineError:
            yield "", gr.skip(), again
            raise
        same = (
            f'<p class="quiet">{wording.SAME_AS_BEFORE}</p>' if reply.strip() == wrong.reply.strip() else ""
        )
        after = (
            f'{same}<div class="sides"><div class="side"><h3>{wording.BEFORE}</h3>'
            f'<div class="reply" dir="auto">{escape(wrong.reply)}</div></div>'
            f'<div class="side bot"><h3>{wording.AFTER}</h3>'
            f'<div class="reply" dir="auto">{escape(reply)}</div></div></div>'
        )
        yield _told(wording.learned(wrong.prompt, learning.in_table)) + after, gr.Column(visible=False), again
        # The score too.
        for _ in self._studio.trainings.drive(owner):
            yield gr.skip(), gr.skip(), gr.skip()

    def _latest(self, owner: str, job_id: str | None) -> JobUpdate | None:
        """The training, as long as it is the owner's latest."""
        job = self._studio.store.latest_job(owner)
        return job if job and job.job_id == job_id else None

    def _bot_of(self, owner: str, wrong: Wrong) -> SavedBot:
        return self._studio.bot(owner, wrong.bot_id if wrong.owner == owner else "")


def _with(rows: Sequence[Demonstration], example: Demonstration) -> tuple[Demonstration, ...]:
    """The rows with one more, in place of any with its prompt."""
    return (*(row for row in rows if row.prompt.strip() != example.prompt), example)


def _rules(manifest: Manifest, rows: Sequence[Demonstration]) -> tuple[str, ...]:
    """Those of the bot's score; guessed from the rows if it has none that can be read."""
    try:
        rules = read_rules(manifest.score.rules) if manifest.score else []
    except RuleError:
        rules = []
    return tuple(rule.sentence for rule in rules or guess_rules([row.reply for row in rows]))


def _how_far(job: JobUpdate) -> tuple[Any, ...]:
    share = job.step / job.total_steps if job.total_steps else 0
    return _told(f"{wording.learning(share)} {job.message}"), gr.skip(), gr.Button(interactive=False)


def _told(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'
