"""In the Train tab, below a finished training: its score as bars, and the answers that were not right."""

from typing import Any

import gradio as gr

from reft_studio.engine.interface import JobState, JobUpdate
from reft_studio.score import Report, score_of
from reft_studio.ui import wording
from reft_studio.ui.moments_panel import keep
from reft_studio.ui.studio import Studio
from reft_studio.ui.verdict import verdict

MAX_MISTAKES = 8


class ResultPanel:
    """Lays the panel out; `show` says what goes into it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._verdict = gr.HTML(elem_id="verdict")
        self.score_now = gr.Button(wording.SCORE_NOW, visible=False, size="sm", elem_id="score-now")
        self.mistakes = gr.Radio(
            [], visible=False, label=wording.MISTAKES, info=wording.MISTAKES_HELP, elem_id="mistakes"
        )
        self.shown = [self._verdict, self.score_now, self.mistakes]

    def show(self, owner: str, job: JobUpdate | None, report: Report | None) -> tuple[Any, ...]:
        """Values for `shown`."""
        score = score_of(report) if report else None
        if score or job is None or job.state is not JobState.DONE:
            return verdict(score) if score else "", gr.Button(visible=False), _mistakes(report)
        can_score = self._can_score(owner, job)
        said = wording.NO_SCORE_YET if can_score else wording.NO_SCORE
        return f'<p class="quiet">{said}</p>', gr.Button(visible=can_score), _mistakes(None)

    def score(self, owner: str) -> None:
        """Ask the newest bot what it was not asked, because its owner did not want to wait."""
        job = self._studio.store.latest_job(owner)
        if job and job.kept is not None:
            keep(self._studio, owner, job.job_id, job.kept)

    def _can_score(self, owner: str, job: JobUpdate) -> bool:
        """Whether there are rules to score by, and the bot is kept as it was scored from."""
        run = next((run for run in self._studio.store.runs(owner) if run.id == job.job_id), None)
        kept = job.kept in self._studio.store.moment_folders(owner, job.job_id)
        return run is not None and bool(run.rules) and kept


def _mistakes(report: Report | None) -> gr.Radio:
    """What one message alone led to: a second turn cannot be an example."""
    prompts = [asked.prompts[0] for asked in report.mistakes if len(asked.prompts) == 1] if report else []
    return gr.Radio(prompts[:MAX_MISTAKES], value=None, visible=bool(prompts))
