"""The log: one line of JSON for each event, on standard error, of the page's process and the engine's alike.

What people write is in none of them. An event has a fixed text and the fields below; an exception of which
the text may quote somebody, such as one about a value, is told by its kind and place alone.
"""

import json
import logging
import sqlite3
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from safetensors import SafetensorError

FIELDS = ("job", "bot", "state", "step", "steps", "rows", "replies", "seconds", "pid", "exit_code")
"""All that may be said of an event besides its text, given as `extra`."""
_QUOTES_NOBODY = (
    OSError,
    RuntimeError,
    MemoryError,
    ImportError,
    AttributeError,
    sqlite3.Error,
    SafetensorError,
)


def configure_logs(process: str, into: TextIO | None = None) -> None:
    """Have this process, called so in each line, log what happens in it; of libraries only warnings."""
    handler = logging.StreamHandler(into)
    handler.setFormatter(Line(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("reft_studio").setLevel(logging.INFO)


class Line(logging.Formatter):
    """Makes a line of an event."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """JSON without line breaks."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "from": record.name,
            "event": record.getMessage(),
        }
        told |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info and record.exc_info[1]:
            told["error"] = _told(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


def _told(error: BaseException) -> str:
    """Where it came from and, if it quotes nobody, what it says; before it, those that led to it."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{_told(earlier)}\nwhich led to\n" if earlier else ""
    said = str(error)
    said = said if isinstance(error, _QUOTES_NOBODY) else f"({len(said)} characters that may be somebody's)"
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}Traceback (most recent call last):\n{frames}{type(error).__name__}: {said}"
