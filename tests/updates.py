"""What an engine tells, for tests to wait for."""

import time
from collections.abc import Callable
from threading import Condition

from reft_studio.engine.interface import JobState, JobUpdate

SECONDS = 240.0
"""How long a machine that is busy with something else may take."""


class Updates:
    """Keeps what an engine tells and lets a test wait for it."""

    def __init__(self) -> None:
        self.all: list[JobUpdate] = []
        self._changed = Condition()

    def __call__(self, update: JobUpdate) -> None:
        with self._changed:
            self.all.append(update)
            self._changed.notify_all()

    def of(self, job_id: str) -> list[JobUpdate]:
        return [update for update in self.all if update.job_id == job_id]

    def wait(self, job_id: str, condition: Callable[[JobUpdate], bool]) -> JobUpdate:
        def found() -> JobUpdate | None:
            return next((update for update in self.of(job_id) if condition(update)), None)

        with self._changed:
            update = self._changed.wait_for(found, SECONDS)
        assert update, f"The engine did not tell this in time; it told {self.of(job_id)[-1:]}."
        return update

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, "This did not happen in time."
            time.sleep(0.05)

    def end(self, job_id: str) -> JobUpdate:
        return self.wait(job_id, lambda update: update.state.ended)

    def running(self, job_id: str) -> JobUpdate:
        return self.wait(job_id, lambda update: update.state is JobState.RUNNING)
