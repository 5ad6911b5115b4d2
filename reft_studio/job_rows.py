"""Jobs as rows of the database, and back."""

import json
import math
import sqlite3
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from reft_studio.base_ref import BaseRef
from reft_studio.demonstrations import Demonstration, from_json, to_json
from reft_studio.engine.interface import Job, JobState, JobUpdate, SearchJob
from reft_studio.manifest import Score
from reft_studio.moments import Moment, Sample
from reft_studio.quantization import Quantization
from reft_studio.score import Report, score_of
from reft_studio.train.places import PlaceMap

TRAINING, SEARCH = "training", "search"
"""Kinds of jobs."""
_REPORT = TypeAdapter(Report)
_SAMPLES = TypeAdapter(tuple[Sample, ...])
_MOMENTS = TypeAdapter(tuple[Moment, ...])
_PLACES = TypeAdapter(PlaceMap)


@dataclass(frozen=True)
class Run:
    """A training with all that went into it and came of it."""

    id: str
    number: int
    """Of its owner's trainings, counted from 1."""
    name: str
    state: JobState
    demonstrations: tuple[Demonstration, ...]
    probes: tuple[str, ...]
    rules: tuple[str, ...]
    instruction: str
    base: BaseRef
    recipe_changes: dict[str, Any]
    is_correction: bool
    """It went on from a bot."""
    last_loss: float
    """Not a number before the first step."""
    score: Score | None


def update_of(row: sqlite3.Row) -> JobUpdate:
    """What was noted last of a job."""
    return JobUpdate(
        job_id=row["id"],
        state=JobState(row["state"]),
        step=row["step"],
        total_steps=row["total_steps"],
        losses=tuple(json.loads(row["losses"])),
        seconds_left=row["seconds_left"],
        message=row["message"],
        samples=_SAMPLES.validate_json(row["samples"]),
        moments=_MOMENTS.validate_json(row["moments"]),
        kept=row["kept"],
        places=places_of(row),
    )


def with_kept(update: JobUpdate, epoch: int) -> JobUpdate:
    """What is told of a training whose bot becomes that of another moment."""
    samples = [moment.samples for moment in update.moments if moment.epoch == epoch]
    return replace(update, kept=epoch, samples=samples[0] if samples else ())


def places_of(row: sqlite3.Row) -> PlaceMap | None:
    """The map of a search that has one."""
    return _PLACES.validate_json(row["places"]) if row["places"] else None


def values_of_update(update: JobUpdate) -> dict[str, Any]:
    """What is noted of a job by the fields of an update."""
    return asdict(update) | {
        "losses": json.dumps(update.losses),
        "samples": _SAMPLES.dump_json(update.samples).decode(),
        "moments": _MOMENTS.dump_json(update.moments).decode(),
        "report": _REPORT.dump_json(update.report).decode() if update.report else None,
        "places": _PLACES.dump_json(update.places).decode() if update.places else None,
    }


def report_of(row: sqlite3.Row) -> Report | None:
    """What the score of a bot is made of, if it has one."""
    return _REPORT.validate_json(row["report"]) if row["report"] else None


def values_of_job(job: Job) -> dict[str, Any]:
    """What a row says of a job before it begins."""
    values = {
        "id": job.id,
        "kind": SEARCH,
        "name": "",
        "demonstrations": to_json(job.demonstrations),
        "recipe_changes": json.dumps(job.recipe_changes),
        "probes": "[]",
        "rules": json.dumps(job.rules),
        "bot_folder": "",
        "base": job.base.name,
        "quantization": job.base.quantization,
    }
    if isinstance(job, SearchJob):
        return values
    return values | {
        "kind": TRAINING,
        "name": job.name,
        "probes": json.dumps(job.probes),
        "instruction": job.instruction,
        "start_from": str(job.start_from) if job.start_from else None,
        "bot_folder": str(job.bot_folder),
        "stop_early": job.stop_early,
    }


def run_of(row: sqlite3.Row) -> Run:
    """A training, from its row and what its bot and its owner add to it."""
    losses, report = json.loads(row["losses"]), report_of(row)
    return Run(
        id=row["id"],
        number=row["of_owner"],
        name=row["name"],
        state=JobState(row["state"]),
        demonstrations=from_json(row["demonstrations"]),
        probes=tuple(json.loads(row["probes"])),
        rules=tuple(json.loads(row["rules"])),
        instruction=row["instruction"],
        base=base_in(row),
        recipe_changes=json.loads(row["recipe_changes"]),
        is_correction=row["start_from"] is not None,
        last_loss=losses[-1] if losses else math.nan,
        score=score_of(report) if report else None,
    )


def base_in(row: sqlite3.Row) -> BaseRef:
    """The base model of a job or of a bot."""
    quantization = row["quantization"]
    return BaseRef(row["base"], Quantization(quantization) if quantization else None)
