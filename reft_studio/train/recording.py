"""A training step on a graphics card, recorded once and then replayed.

A step of a large model is thousands of short computations. Python takes longer to start them one by one
than the card takes to do them, so the card waits most of the time. Where a step is always the same but for
the numbers that are learned, a CUDA graph starts all of them at once.
"""

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

WARM_UP = 2
"""Steps before the recording, in which libraries prepare what they must not prepare during one."""

logger = logging.getLogger(__name__)


class Recording:
    """Computes what `gradients` computed when it was recorded, from the parameters' numbers of now.

    `gradients` returns a loss and leaves its gradients in the parameters, which had none before. Raises
    RuntimeError if it does what cannot be recorded, such as asking the card for a number.
    """

    def __init__(self, gradients: Callable[[], Tensor], parameters: Sequence[nn.Parameter]) -> None:
        self._parameters, self._graph = parameters, torch.cuda.CUDAGraph()
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                gradients()
        torch.cuda.current_stream().wait_stream(beside)
        _forget(parameters)
        with torch.cuda.graph(self._graph):
            self._loss = gradients()
        self._gradients = [parameter.grad for parameter in parameters]

    def __call__(self) -> Tensor:
        """The loss; the gradients are in the parameters."""
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return self._loss


def record(gradients: Callable[[], Tensor], parameters: Sequence[nn.Parameter]) -> Callable[[], Tensor]:
    """A recording, or `gradients` itself where it cannot be recorded."""
    try:
        return Recording(gradients, parameters)
    except RuntimeError as reason:
        logger.warning("Steps are taken one by one, since they cannot be recorded: %s", reason)
        return gradients
    finally:
        _forget(parameters)


def _forget(parameters: Sequence[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = None
