"""How often one person may ask for what takes work, where strangers share one app."""

from collections import deque
from enum import StrEnum
from threading import Lock
from time import monotonic

from reft_studio.errors import RateError
from reft_studio.settings import Settings
from reft_studio.ui import wording

SECONDS = 3600.0


class Asked(StrEnum):
    """What is counted, each by itself."""

    MESSAGES = "messages"
    TRAININGS = "trainings"
    TRANSFERS = "transfers"
    """Bots opened, downloaded, fetched, previewed and published."""
    UPLOADS = "uploads"
    """Requests with files for whatever purpose."""


class Rates:
    """Counts within the last hour, whatever is done to the clock on the wall. Any thread may call."""

    def __init__(self, settings: Settings) -> None:
        self._most = {
            Asked.MESSAGES: settings.max_messages_per_hour,
            Asked.TRAININGS: settings.max_trainings_per_hour,
            Asked.TRANSFERS: settings.max_transfers_per_hour,
            Asked.UPLOADS: settings.max_uploads_per_hour,
        }
        self._counted: dict[tuple[str, Asked], deque[float]] = {}
        self._lock = Lock()

    def count(self, owner: str, asked: Asked) -> None:
        """Count one more; raises RateError where that is too many."""
        most = self._most[asked]
        if most is None:
            return
        with self._lock:
            now = monotonic()
            self._forget_until(now - SECONDS)
            counted = self._counted.setdefault((owner, asked), deque())
            if len(counted) >= most:
                raise RateError(wording.too_often(asked, most))
            counted.append(now)

    def _forget_until(self, time: float) -> None:
        for key, counted in list(self._counted.items()):
            while counted and counted[0] <= time:
                counted.popleft()
            if not counted:
                del self._counted[key]
