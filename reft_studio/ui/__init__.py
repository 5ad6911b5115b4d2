"""The page, one file per tab. The only package that imports gradio; it imports no torch."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Keeps Gradio from reading its own source on import, and from writing there what editors show of it.

    It does so for each of its 80 components, again and again, and that is half of what importing it takes:
    1.2 of 2.8 seconds. It leaves out those that are in no file.
    """

    def in_no_file(_: Any) -> str:
        raise OSError

    getfile = inspect.getfile
    inspect.getfile = in_no_file  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = getfile


with _without_stubs():
    import gradio  # noqa: F401
