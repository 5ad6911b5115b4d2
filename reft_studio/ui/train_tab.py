"""The second tab: one button, and what the training is doing. The truth is the latest job in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.demonstrations import check_demonstrations
from reft_studio.draft import Draft
from reft_studio.engine.interface import JobState, JobUpdate, TrainingJob
from reft_studio.errors import ProjectError
from reft_studio.rules import read_rules
from reft_studio.score import Report, score_of
from reft_studio.ui import wording
from reft_studio.ui.advanced import SETTINGS, AdvancedPanel, recipe_changes
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import IN_ORDER, after, connect, follow, show
from reft_studio.ui.history_panel import HistoryPanel
from reft_studio.ui.moments_panel import MomentsPanel, keep
from reft_studio.ui.place_panel import PlacePanel
from reft_studio.ui.progress import progress
from reft_studio.ui.rates import Asked
from reft_studio.ui.result_panel import ResultPanel
from reft_studio.ui.score_panel import ScorePanel, rules_of
from reft_studio.ui.studio import MAX_PROBES, Studio, bot_name, name_of
from reft_studio.ui.table import filled

SECONDS_BETWEEN_LOOKS = 0.7
SECONDS_TO_DRAW = 2.0
"""So long a slow browser may take to draw the tab for the first time."""
LOOKS_AT_ONCE = 32


class TrainTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio, self._examples = studio, examples
        # Not that of the examples: what is typed here goes where what stands here came from.
        self.project = gr.Textbox("", visible="hidden", elem_id="project-to-train")
        """The id of the one that the tab shows."""
        gr.HTML(f"<h2>{wording.TRAIN_TITLE}</h2><p>{wording.TRAIN_INTRO}</p>")
        self._ready = gr.HTML(elem_id="ready")
        self.banner = gr.HTML(elem_classes="banner", render=False)
        with gr.Column(elem_classes="narrow"):
            self.name = gr.Textbox(label=wording.BOT_NAME, elem_id="bot-name")
        # What the name was filled with. Where that still stands there, nobody typed another one, and the
        # stored name counts: a starter that was just chosen may have one that has not come to the page yet.
        self._filled = gr.Textbox("", visible="hidden")
        # All that is chosen comes before the button, all that a training says after it: so nothing is pushed
        # away by what comes.
        self._score = ScorePanel(studio, self.project)
        with gr.Accordion(wording.ADVANCED, open=False, elem_id="advanced") as self._group:
            self._advanced = AdvancedPanel(studio, self.project)
            self.models = self._advanced.base
            self._places = PlacePanel(studio, self.project, self._advanced, self.banner)
        with gr.Row(elem_classes="actions"):
            self._train = gr.Button(wording.TRAIN, variant="primary", elem_id="train")
            self._finish = gr.Button(wording.FINISH, visible=False, elem_id="finish")
            self._cancel = gr.Button(wording.CANCEL, visible=False, elem_id="cancel")
            self.talk = gr.Button(wording.TALK, variant="primary", visible=False, elem_id="talk")
        self.banner.render()  # type: ignore[no-untyped-call]
        self._progress = gr.HTML(elem_id="progress")
        self._moments = MomentsPanel(studio, self.banner)
        self.result = ResultPanel(studio)
        self.history = HistoryPanel(studio, examples, self._advanced, self.banner)
        self._timer = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
        self.ended = gr.State("")
        """Changes when a training has ended."""
        self.has_bot = gr.State(False)
        """Changes when there is a bot for the first time."""
        of_project = [self.project, self.name, self._filled, self._ready, *self._score.shown]
        self.begun = [*of_project, self._advanced.preview]
        self.seen = [self.project, self._score.filled]
        self.shown = [*of_project, *self.history.shown, *self._places.shown, *self._job_parts]

        renamed = [self.project, self.name]
        connect(self.name.input, self._rename, renamed, [examples.projects], self.banner, **IN_ORDER)
        show(self.ended.change, self.history.restore, [], self.history.shown)
        typed = [self.project, self.name, self._filled, self._advanced.stop_early, *self._advanced.fields]
        moment = [self._moments.number]
        started = connect(self._train.click, self._start, typed, self._job_parts, self.banner, **IN_ORDER)
        # If it is pressed before all of the tab is drawn, what the tab was to show at first is drawn last: no
        # training, of which nothing more would be asked.
        follow(after(started, SECONDS_TO_DRAW), self._look, [], self._job_parts)
        for changed in (
            started,
            connect(self._finish.click, self._end, [], self._job_parts, self.banner),
            connect(self._cancel.click, self._stop, [], self._job_parts, self.banner),
            connect(self._moments.keep.click, self._keep, moment, self._job_parts, self.banner),
            connect(self.result.score_now.click, self._score_now, [], self._job_parts, self.banner),
        ):
            self.follow(changed)
        tick, looks = self._timer.tick, {"concurrency_limit": LOOKS_AT_ONCE}
        if studio.settings.lent_card:
            self.follow(show(tick, self._drive, [], self._job_parts, **looks))
        else:
            # In one event: each takes the browser a while, on the processors that the training could use.
            both = [*self._job_parts, *self._moments.shown]
            show(tick, self._look_at_both, self._moments.seen, both, **looks)

    def follow(self, changed: Any) -> None:
        """After an event by which a training is seen to get on, its moments are looked at, too."""
        follow(changed, self._moments.look, self._moments.seen, self._moments.shown)

    @property
    def _job_parts(self) -> list[Any]:
        return [
            *(self._progress, *self.result.shown),
            *(self._train, self._finish, self._cancel, self.talk, self._timer, self.ended, self.has_bot),
        ]

    def begin(self, owner: str, project: str) -> tuple[Any, ...]:
        """Values for `begun`, after all that gives another project or other rows all at once."""
        try:
            draft = self._studio.store.projects.draft(owner, project)
        except ProjectError:
            # It was said already why there are no others.
            return (gr.skip(),) * len(self.begun)
        return *self._of(project, draft), ""

    def restore(self, owner: str, project: str, shown: str, filled: Sequence[str]) -> tuple[Any, ...]:
        """The tab as the store has it, but for what it shows already: somebody may be typing there.

        It shows the project `shown`, and its rules as `filled`.
        """
        draft = self._studio.store.projects.draft(owner, project)
        if project == shown:
            again = self._score.look_again(draft, filled)
            of_project = project, gr.skip(), gr.skip(), _ready(draft), *again
        else:
            of_project = self._of(project, draft)
        beside = *self.history.restore(owner), *self._places.restore(owner)
        return *of_project, *beside, *self._look(owner)

    def _of(self, project: str, draft: Draft) -> tuple[Any, ...]:
        name = name_of(draft)
        return project, name, name, _ready(draft), *self._score.restore(draft)

    def restore_settings_on(self, load: Any) -> None:
        """Fill in what was chosen under Advanced before; only once, never over what is chosen."""
        self._advanced.restored_on(load, self._group)

    def _look(self, owner: str) -> tuple[Any, ...]:
        job = self._studio.store.latest_job(owner)
        done = job is not None and job.state is JobState.DONE
        report = self._studio.store.report(owner, job.job_id) if job and done else None
        has_bot = bool(self._studio.store.bots(owner))
        return self._said(job, report), *self.result.show(owner, job, report), *_buttons(job), has_bot

    def _look_at_both(self, owner: str, *seen: Any) -> tuple[Any, ...]:
        return *self._look(owner), *self._moments.look(owner, *seen)

    def _said(self, job: JobUpdate | None, report: Report | None) -> str:
        ahead, loading = None, ""
        if job and job.state is JobState.QUEUED:
            ahead = self._studio.trainings.ahead_of(job.job_id)
            status = self._studio.engines.status(self._studio.store.base_of(job.job_id))
            loading = status.message if status else ""
        return progress(job, ahead, loading, score_of(report) if report else None)

    def _drive(self, owner: str) -> Iterator[tuple[Any, ...]]:
        """Look while the training gets on, which it does as long as this lasts."""
        for _ in self._studio.trainings.drive(owner):
            yield self._look(owner)
        yield self._look(owner)

    def _rename(self, owner: str, project: str, name: str) -> gr.Dropdown:
        projects = self._studio.store.projects
        projects.save(owner, project, replace(projects.draft(owner, project), name=name))
        return self._examples.offer(owner, project)

    def _start(
        self, owner: str, project: str, name: str, filled: str, stop_early: bool, *settings: Any
    ) -> tuple[Any, ...]:
        """Begin a training, unless one is on its way: then a click asks for nothing new."""
        latest = self._studio.store.latest_job(owner)
        if latest is None or latest.state.ended:
            draft = self._studio.store.projects.draft(owner, project)
            draft = draft if name == filled else replace(draft, name=name)
            job = self._job(draft, dict(zip(SETTINGS, settings, strict=True)))
            job = replace(job, stop_early=bool(stop_early))
            self._studio.rates.count(owner, Asked.TRAININGS)
            self._studio.trainings.add(owner, job)
        return self._look(owner)

    def _job(self, draft: Draft, settings: dict[str, Any]) -> TrainingJob:
        demonstrations = check_demonstrations(draft.demonstrations, self._studio.settings.limits)
        probes = draft.probes or tuple(row.prompt for row in demonstrations)
        job_id = uuid4().hex
        return TrainingJob(
            id=job_id,
            name=bot_name(draft.name, wording.DEFAULT_BOT_NAME),
            demonstrations=tuple(demonstrations),
            bot_folder=self._studio.store.bot_folder(job_id),
            base=self._advanced.chosen_base(settings),
            recipe_changes=recipe_changes(settings, self._studio.settings),
            probes=probes[:MAX_PROBES],
            rules=tuple(rule.sentence for rule in read_rules(rules_of(draft))),
            instruction=draft.instruction,
        )

    def _end(self, owner: str) -> tuple[Any, ...]:
        if job := self._studio.store.latest_job(owner):
            self._studio.trainings.finish(owner, job.job_id)
        return self._look(owner)

    def _keep(self, owner: str, number: int) -> tuple[Any, ...]:
        keep(self._studio, owner, *self._moments.chosen(owner, number))
        return self._look(owner)

    def _score_now(self, owner: str) -> tuple[Any, ...]:
        self.result.score(owner)
        return self._look(owner)

    def _stop(self, owner: str) -> tuple[Any, ...]:
        if job := self._studio.store.latest_job(owner):
            self._studio.trainings.cancel(owner, job.job_id)
        return self._look(owner)


def _ready(draft: Draft) -> str:
    return f"<p>{wording.ready_to_train(len(filled(draft.demonstrations)))}</p>"


def _buttons(job: JobUpdate | None) -> tuple[Any, ...]:
    """Values for the buttons, the timer and `ended`."""
    busy = job is not None and not job.state.ended
    done = job is not None and job.state is JobState.DONE
    scoring = job is not None and job.state is JobState.SCORING
    can_finish = job is not None and job.state is JobState.RUNNING and job.step > 0
    return (
        gr.Button(
            _on_train(job),
            variant="secondary" if done else "primary",
            interactive=not busy,
        ),
        # Seen before it can be pressed, so that nothing moves when it can.
        gr.Button(visible=busy and not scoring, interactive=can_finish),
        gr.Button(wording.SKIP_SCORE if scoring else wording.CANCEL, visible=busy),
        gr.Button(visible=done or scoring),
        gr.Timer(active=busy),
        f"{job.job_id} {job.state}" if job and not busy else "",
    )


def _on_train(job: JobUpdate | None) -> str:
    if job and not job.state.ended:
        return wording.BEING_SCORED if job.state is JobState.SCORING else wording.TRAINING
    return wording.TRAIN_AGAIN if job and job.state is JobState.DONE else wording.TRAIN
