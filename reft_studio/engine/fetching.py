"""How far a base model has got on its way from the Hub, told while it is loaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from reft_studio.base_ref import BaseRef
from reft_studio.errors import StudioError
from reft_studio.fit import gigabytes
from reft_studio.model_source import EMBEDDED_ID, find_model
from reft_studio.weighing import weigh

SECONDS_BETWEEN_LOOKS = 1.0
FETCHING = "The chat model is being downloaded, which happens once: {done} of about {total}."


@contextmanager
def telling_how_far(base: BaseRef, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell now and then how much of a model is there; nothing where there is nothing to fetch."""
    if base.name == EMBEDDED_ID or Path(base.name).expanduser().is_dir():
        yield
        return
    loaded = Flag()

    def look() -> None:
        try:
            total, folder = weigh(base).to_fetch, find_model(base.name, None).folder
        except StudioError:
            # Said by whoever loads it.
            return
        while total and not loaded.wait(SECONDS_BETWEEN_LOOKS):
            done = min(total, _fetched(folder))
            tell(FETCHING.format(done=gigabytes(done), total=gigabytes(total)))

    looking = Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        loaded.set()
        looking.join()


def _fetched(snapshot: Path) -> int:
    """Bytes of a repository that are in the Hub's cache, finished or not."""
    total = 0
    for blob in (snapshot.parent.parent / "blobs").glob("*"):
        try:
            total += blob.stat().st_size
        except OSError:
            # Renamed between two looks.
            continue
    return total
