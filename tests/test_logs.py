"""Every event is a line that a program can read, and no line has what somebody wrote."""

import json
import logging
import sqlite3

import pytest

from reft_studio.logs import Line

SECRET = "Where did I leave the blue teapot?"


def line(error: BaseException | None = None, **extra: object) -> dict[str, object]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger("reft_studio.test").makeRecord(
        "reft_studio.test", logging.INFO, "here.py", 1, "A training has ended", (), info, extra=extra
    )
    written = Line("engine").format(record)
    assert "\n" not in written
    told = json.loads(written)
    assert isinstance(told, dict)
    return told


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_an_event_says_when_where_and_of_which_training() -> None:
    told = line(job="abc", state="done", step=3)
    assert told.pop("time")
    assert told == {
        "level": "info", "process": "engine", "from": "reft_studio.test", "event": "A training has ended",
        "job": "abc", "state": "done", "step": 3,
    }  # fmt: skip


def test_what_is_not_meant_for_the_log_does_not_get_there() -> None:
    assert SECRET not in str(line(prompt=SECRET, owner=SECRET, token=SECRET))


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), Exception(SECRET)])
def test_an_exception_that_may_quote_somebody_is_told_by_its_place(error: Exception) -> None:
    told = str(line(raised(error))["error"])
    assert SECRET not in told
    assert type(error).__name__ in told
    assert "test_logs.py" in told


def test_an_exception_about_the_machine_is_told_with_its_words_and_what_led_to_it_without() -> None:
    error = OSError(28, "No space left on device")
    error.__cause__ = raised(ValueError(SECRET))
    told = str(line(raised(error))["error"])
    assert "No space left on device" in told
    assert told.index("ValueError") < told.index("OSError")
    assert SECRET not in told
    assert "disk I/O error" in str(line(raised(sqlite3.OperationalError("disk I/O error")))["error"])
