"""How far a training has come, in the file that its job names: written down, and gone on from."""

import logging

from safetensors import SafetensorError

from reft_studio.engine.interface import TrainingJob
from reft_studio.errors import TrainingError
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.train.loop import Training

log = logging.getLogger(__name__)


def resume(training: Training, job: TrainingJob) -> int:
    """Go on from the job's checkpoint if there is a whole one; returns the steps that need no repeating."""
    if job.checkpoint_file is None or not job.checkpoint_file.exists():
        return 0
    try:
        checkpoint = Checkpoint.load(job.checkpoint_file)
        training.resume(checkpoint)
    except TrainingError:
        # The rows are what counts, and they are all there.
        log.warning(
            "A training cannot go on from its checkpoint and begins again",
            exc_info=True,
            extra={"job": job.id},
        )
        return 0
    log.info("A training goes on from its checkpoint", extra={"job": job.id, "step": checkpoint.step})
    return checkpoint.step


def keep(training: Training, job: TrainingJob) -> None:
    """Write a checkpoint; where that is not possible, as on a full disk, the training goes on without."""
    if job.checkpoint_file is None:
        return
    try:
        job.checkpoint_file.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = training.checkpoint()
        # The last one that can be gone on from is of more use.
        if all(tensor.isfinite().all() for tensor in checkpoint.tensors.values()):
            checkpoint.save(job.checkpoint_file)
    except (OSError, SafetensorError):
        log.warning("The checkpoint of a training cannot be written", exc_info=True, extra={"job": job.id})
