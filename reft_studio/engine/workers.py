"""What `cluster` knows of each copy of the model, and of what that has to do."""

import logging
import time
from dataclasses import dataclass, field, replace

from reft_studio.engine.interface import EngineStatus, Job, JobUpdate, Readiness, SearchJob, TrainingJob
from reft_studio.engine.machines import Copy
from reft_studio.engine.parcels import Files, write

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
