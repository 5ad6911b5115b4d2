"""How often one person may ask for what takes work, where strangers share one app."""

from enum import StrEnum

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from reft_studio.errors import RateError
from reft_studio.settings import Settings
from reft_studio.ui import wording


class Asked(StrEnum):
    """What is counted, each by itself."""

    MESSAGES = "messages"
    TRAININGS = "trainings"
    TRANSFERS = "transfers"
    """Bots opened, downloaded, fetched, previewed and published."""


class Rates:
    """Counts within the last hour. Any thread may call."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        most = {
            Asked.MESSAGES: settings.max_messages_per_hour,
            Asked.TRAININGS: settings.max_trainings_per_hour,
            Asked.TRANSFERS: settings.max_transfers_per_hour,
        }
        self._most = {
            asked: RateLimitItemPerHour(limit) for asked, limit in most.items() if limit is not None
        }

    def count(self, owner: str, asked: Asked) -> None:
        """Count one more; raises RateError where that is too many."""
        most = self._most.get(asked)
        if most and not self._limiter.hit(most, owner, asked):
            raise RateError(wording.too_often(asked, most.amount))
