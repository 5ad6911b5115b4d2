"""Searches the best place for an edit, and tells how far that is as it tells of a training."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.score import count_right, search_questions, unseen
from reft_studio.demonstrations import check_demonstrations
from reft_studio.engine.interface import JobState, JobUpdate, SearchJob
from reft_studio.rules import Rule, read_rules
from reft_studio.train.passes import Passes
from reft_studio.train.places import Grid, Measure
from reft_studio.train.search import ByLoss, Judge, Search, leave_out

SECONDS_BETWEEN_UPDATES = 0.3
ASKED_FIRST = 24
"""So many prompts tell the hopeless places from the others."""
TIME_IS_UP = (
    "This took as long as it may take here, so it was ended before all places were tried. What was found "
    "until then stands below."
)

Condition = Callable[[], bool]


@dataclass(frozen=True)
class ByRules:
    """Judges bots by their replies to prompts that are in no row."""

    base: BaseModel
    prompts: Sequence[str]
    rules: Sequence[Rule]
    should_stop: Condition
    measure: Measure = Measure.RIGHT

    def size(self, thoroughly: bool) -> int:
        """How many prompts are asked."""
        return len(self.prompts if thoroughly else self.prompts[:ASKED_FIRST])

    def judge(self, bots: Sequence[Bot], thoroughly: bool) -> list[float]:
        """How many replies meet the rules; raises RuleError for a pattern that takes too long."""
        prompts = self.prompts[: self.size(thoroughly)]
        right = count_right(self.base, bots, prompts, self.rules, self.should_stop)
        return [] if self.should_stop() else list(map(float, right))


def search(
    base: BaseModel, job: SearchJob, should_cancel: Condition, should_pause: Condition
) -> Iterator[JobUpdate]:
    """Try the places; the last update ends the job, unless it was paused.

    A paused search goes on, when the job comes again, with what is `known` by then. Raises StudioError where
    it cannot begin.
    """
    begun, sent_at = time.monotonic(), 0.0
    progress = JobUpdate(job.id, JobState.RUNNING)
    for found in _search(base, job, lambda: should_cancel() or should_pause()).events():
        if should_pause() or should_cancel():
            break
        progress = replace(
            progress, step=found.done, total_steps=found.of, seconds_left=found.seconds_left, places=found.map
        )
        if found.done and time.monotonic() - begun > job.max_seconds:
            progress = replace(progress, message=TIME_IS_UP)
            break
        if time.monotonic() - sent_at > SECONDS_BETWEEN_UPDATES:
            yield progress
            sent_at = time.monotonic()
    if should_cancel():
        yield replace(progress, state=JobState.CANCELLED, seconds_left=None)
    elif not should_pause():
        yield replace(progress, state=JobState.DONE, seconds_left=0.0)


def _search(base: BaseModel, job: SearchJob, should_stop: Condition) -> Search:
    """By the rules; where there are none, by rows that are left out."""
    rows = check_demonstrations(job.demonstrations, job.limits)
    judge: Judge
    if job.rules:
        prompts = unseen(search_questions(), [row.prompt for row in rows])
        judge = ByRules(base, prompts, read_rules(job.rules), should_stop)
    else:
        rows, left_out = leave_out(rows)
        judge = ByLoss(base, Passes(base, left_out, limits=job.limits))
    grid = Grid.for_model(base.num_layers, min(base.width, job.max_rank))
    known = job.known.tried if job.known and job.known.grid == grid else ()
    return Search(base, Passes(base, rows, limits=job.limits), judge, grid, job.recipe_changes, known)
