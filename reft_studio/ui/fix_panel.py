"""Correct an answer: it becomes an example, the bot learns a little more, and is asked again."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from time import sleep
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration, check_demonstrations
from reft_studio.engine.interface import Conversation, JobState, JobUpdate, TrainingJob
from reft_studio.errors import DemonstrationsError, EngineError, TrainingError
from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.rules import guess_rules
from reft_studio.store import Draft, SavedBot
from reft_studio.ui import wording
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import IN_ORDER, connect, follow
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio

EPOCHS = 10
"""From what the bot knows already; more would forget other things for the new one."""
SECONDS_BETWEEN_LOOKS = 0.2
_READY = (JobState.SCORING, JobState.DONE)


@dataclass(frozen=True)
class Wrong:
    """An answer that its owner is not content with."""

    owner: str = ""
    bot_id: str = ""
    prompt: str = ""
    reply: str = ""


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
        kept = connect(
            self._teach.click,
            self._keep,
            [self._wrong, self._right],
            [self._wrong, learned, *self._examples.replaced],
            self._banner,
            **IN_ORDER,
        )
        taught = connect(
            learned.change,
            self._learn,
            [self._wrong, learned],
            [self._outcome, self._group, self._teach],
            self._banner,
            concurrency_limit=8,
        )
        assert kept
        follow(taught, then, inputs, outputs)

    def show(self, owner: str, bot: SavedBot, prompt: str, reply: str) -> tuple[Any, ...]:
        """Values for `shown`: the answer, and a box that begins with it."""
        said = (
            f"<h3>{wording.FIX_TITLE}</h3>"
            f'<p class="quiet" dir="auto">{escape(wording.you_asked(prompt))}</p>'
            f'<p class="quiet" dir="auto">{escape(wording.it_said(bot.name, reply))}</p>'
        )
        return Wrong(owner, bot.id, prompt, reply), gr.Column(visible=True), said, reply, ""

    def _keep(self, owner: str, wrong: Wrong, right: str) -> tuple[Any, ...]:
        """Put the example into the table and the training into the queue."""
        bot = self._bot_of(owner, wrong)
        if right.strip() == wrong.reply.strip() or not right.strip():
            raise DemonstrationsError(wording.NOTHING_CORRECTED)
        latest = self._studio.store.latest_job(owner)
        if latest and not latest.state.ended:
            raise TrainingError(wording.ALREADY_TRAINING)
        others = [row for row in self._studio.store.trained_on(owner, bot.id) if row.prompt != wrong.prompt]
        rows = check_demonstrations(
            [*others, Demonstration(wrong.prompt, right.strip())], self._studio.settings.limits
        )
        self._studio.rates.count(owner, Asked.TRAININGS)
        job = self._job(bot, tuple(rows))
        self._studio.trainings.add(owner, job)
        draft = Draft(bot.name, tuple(rows), bot.probes, job.rules, job.instruction)
        return wrong, job.id, *self._examples.show_instead(owner, draft)

    def _job(self, bot: SavedBot, rows: tuple[Demonstration, ...]) -> TrainingJob:
        manifest, job_id = read_manifest(bot.folder / MANIFEST_FILE), uuid4().hex
        guessed = tuple(rule.sentence for rule in guess_rules([row.reply for row in rows]))
        return TrainingJob(
            id=job_id,
            name=bot.name,
            demonstrations=rows,
            bot_folder=self._studio.store.bot_folder(job_id),
            recipe_changes=manifest.recipe.model_dump(mode="json") | {"epochs": EPOCHS},
            probes=bot.probes,
            rules=manifest.score.rules if manifest.score else guessed,
            instruction=bot.instruction,
            start_from=bot.folder,
        )

    def _learn(self, owner: str, wrong: Wrong, job_id: str | None) -> Iterator[tuple[Any, ...]]:
        """Wait for the bot, ask it again, and show before and after."""
        job = self._latest(owner, job_id)
        while job and job.state not in _READY and not job.state.ended:
            share = job.step / job.total_steps if job.total_steps else 0
            yield _told(wording.learning(share)), gr.skip(), gr.Button(interactive=False)
            # Where a graphics card is lent, the training gets on only while it is asked for.
            for _ in self._studio.trainings.drive(owner):
                pass
            sleep(SECONDS_BETWEEN_LOOKS)
            job = self._latest(owner, job_id)
        again = gr.Button(interactive=True)
        if job is None or job.state not in _READY:
            yield _told(job.message or wording.CANCELLED) if job else "", gr.skip(), again
            return
        conversation = Conversation(
            ({"role": "user", "content": wrong.prompt},), self._studio.store.bot_folder(job.job_id)
        )
        try:
            *_, (reply,) = self._studio.engine.chat(f"{owner}/{job_id}", [conversation], Sampling())
        except EngineError:
            yield "", gr.skip(), again
            raise
        after = (
            f'<div class="sides"><div class="side"><h3>{wording.BEFORE}</h3>'
            f'<div class="reply" dir="auto">{escape(wrong.reply)}</div></div>'
            f'<div class="side bot"><h3>{wording.AFTER}</h3>'
            f'<div class="reply" dir="auto">{escape(reply)}</div></div></div>'
        )
        yield _told(wording.learned(wrong.prompt)) + after, gr.Column(visible=False), again

    def _latest(self, owner: str, job_id: str | None) -> JobUpdate | None:
        """The training, as long as it is the owner's latest."""
        job = self._studio.store.latest_job(owner)
        return job if job and job.job_id == job_id else None

    def _bot_of(self, owner: str, wrong: Wrong) -> SavedBot:
        return self._studio.bot(owner, wrong.bot_id if wrong.owner == owner else None)


def _told(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'
