"""How long one button takes to find the best place: `OMP_NUM_THREADS=1 python -m benchmarks.places`.

The grid of the page on the embedded model, for three starters, in this process. The goal is two minutes on
two cores.
"""

from __future__ import annotations

import time

from reft_studio.base_model import load_base_model
from reft_studio.engine.interface import SearchJob
from reft_studio.engine.places import search
from reft_studio.ui.starters import starters

STARTERS = ("emoji", "ethos", "pirate")


def never() -> bool:
    """Nobody stops it."""
    return False


def main() -> None:
    """Print what each search took and found."""
    base = load_base_model()
    for starter in starters():
        if starter.key not in STARTERS:
            continue
        job = SearchJob(starter.key, starter.draft().demonstrations, rules=starter.rules or ())
        begun = time.perf_counter()
        *_, done = search(base, job, never, never)
        taken = time.perf_counter() - begun
        assert done.places
        best, usual = done.places.finished[0], done.places.at(done.places.grid.usual)
        assert usual
        found = f"best {best.value:.0f} of {best.of} at {best.place}, usual {usual.value:.0f} of {usual.of}"
        print(f"{starter.key}: {len(done.places.tried)} places in {taken:.0f} s; {found}", flush=True)


if __name__ == "__main__":
    main()
