"""Stands in for the package `spaces` on ZeroGPU: each call is a fork, and what goes in and out is pickled.

It imports nothing of ours, so a Space can have it as its `spaces.py`.
"""

import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from inspect import isgeneratorfunction
from typing import Any


def GPU(function: Callable[..., Any] | None = None, duration: float = 60) -> Any:
    """The decorator, with or without a duration, for generators."""
    assert 0 < duration <= 120
    if function is None:
        return GPU
    assert isgeneratorfunction(function)

    def run(*arguments: Any) -> Iterator[Any]:
        fork = multiprocessing.get_context("fork")
        answers, packed, parent = fork.SimpleQueue(), pickle.dumps(arguments), os.getpid()

        def call() -> None:
            import torch

            # A fork does not take along the threads that compute.
            torch.set_num_threads(1)
            assert os.getppid() == parent
            try:
                for value in function(*pickle.loads(packed)):
                    answers.put(pickle.dumps((value, None)))
            except Exception as error:  # noqa: BLE001  # as there: only its name gets out
                answers.put(pickle.dumps((None, f"{type(error).__name__} in a worker")))
            answers.put(None)

        child = fork.Process(target=call, daemon=True)
        child.start()
        try:
            while (packed_value := answers.get()) is not None:
                value, error = pickle.loads(packed_value)
                if error:
                    raise RuntimeError(error)
                yield value
            child.join()
        finally:
            child.kill()

    return run
