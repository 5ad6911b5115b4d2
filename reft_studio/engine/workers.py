"""What `cluster` knows of each copy of the model, and of what that has to do."""

import logging
import time
from dataclasses import dataclass, field, replace

from reft_studio.engine.explain import GIVEN_UP, GOES_ON, explain
from reft_studio.engine.interface import (
    EngineStatus,
    Job,
    JobState,
    JobUpdate,
    Readiness,
    SearchJob,
    TrainingJob,
)
from reft_studio.engine.machines import Copy
from reft_studio.engine.messages import End
from reft_studio.engine.parcels import Files, write
from reft_studio.engine.process import ATTEMPTS

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Task:
    """A training, or a search, as it would have to be begun again."""

    job: Job
    told: JobUpdate | None = None
    """What was last heard of it."""
    cancelled: bool = False
    losses: int = 0
    """So often it has lost its machine since it got any further."""

    def finish(self) -> None:
        """End where it is."""
        if isinstance(self.job, TrainingJob):
            self.job = replace(self.job, last_step=self.told.step if self.told else 0)

    def note(self, update: JobUpdate, files: Files) -> None:
        """What was told of it, and has come along, need not be done again."""
        self.told = update
        if isinstance(self.job, SearchJob) and update.places:
            self.job, self.losses = replace(self.job, known=update.places), 0
        if isinstance(self.job, TrainingJob) and self.job.checkpoint_file in files:
            self.losses = 0

    def lose(self) -> JobUpdate | None:
        """It has lost its machine; what is to be told of that is its end, or that it goes on elsewhere."""
        self.losses += 1
        if self.cancelled:
            return JobUpdate(self.job.id, JobState.CANCELLED)
        if self.losses >= ATTEMPTS:
            return JobUpdate(self.job.id, JobState.INTERRUPTED, message=GIVEN_UP)
        return self.told and replace(self.told, message=GOES_ON, seconds_left=None)


@dataclass(eq=False)
class Worker:
    """A copy of the model, and what it has to do."""

    copy: Copy
    status: EngineStatus | None = None
    """None until it has its place on a machine."""
    task: Task | None = None
    asked: set[str] = field(default_factory=set)
    owed: Files = field(default_factory=dict)
    """What it has brought and could not be written yet, as on a full disk."""
    free_since: float = field(default_factory=time.monotonic)
    leaving: bool = False

    @property
    def is_loaded(self) -> bool:
        """Whether it answers at once."""
        return self.status is not None and self.status.readiness is Readiness.READY and not self.leaving

    @property
    def load(self) -> int:
        """How much it has to do at the same time."""
        return len(self.asked) + (self.task is not None)

    @property
    def is_free(self) -> bool:
        """Whether it could begin a training."""
        return self.status is not None and self.task is None and not self.leaving

    def write(self, files: Files) -> OSError | None:
        """Write what it has brought, and what it brought before and could not be written then.

        What cannot be written now stays owed, and why is returned.
        """
        self.owed |= files
        problem = None
        for path, contents in list(self.owed.items()):
            try:
                write({path: contents})
                del self.owed[path]
            except OSError as error:
                problem = error
                log.warning("%s cannot be written: %s", path, error)
        return problem

    def note(self, update: JobUpdate, files: Files, error: OSError | None) -> JobUpdate:
        """What is to be told of a training, which has failed if its bot could not be written."""
        if task := self.task:
            task.note(update, files)
        if task and update.state.ended:
            self.task, self.free_since = None, time.monotonic()
            owed, self.owed = self.owed, {}
            if error and isinstance(task.job, TrainingJob) and task.job.bot_folder in owed:
                return replace(update, state=JobState.FAILED, message=explain(error))
        return update

    def note_end(self, end: End, files: Files, error: OSError | None) -> End:
        """What is to be told of an answer, which has failed if what belongs to it could not be written."""
        self.asked.discard(end.id)
        if error and any(self.owed.pop(path, None) for path in files):
            return End(end.id, explain(error))
        return end
