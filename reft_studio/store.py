"""What must survive a reload and a restart: the table, the trainings, the bots. SQLite, one file.

Each operation has a connection of its own, so any thread may call.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reft_studio.database import Database
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import JobState, JobUpdate, TrainingJob
from reft_studio.errors import StudioError
from reft_studio.manifest import MANIFEST_FILE, Manifest

STARTS = 3
"""So often a starting app may go on with a training that gets no further before it is given up."""
GIVEN_UP = (
    "This training stopped the app several times, so it is not begun again. Try with fewer or shorter rows, "
    "or with a smaller base model."
)
_ENDED = ", ".join(f"'{state}'" for state in JobState if state.ended)


@dataclass(frozen=True)
class Draft:
    """The table as it stands on the page, empty rows and all."""

    name: str = ""
    demonstrations: tuple[Demonstration, ...] = ()
    probes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedBot:
    """A bot that can be talked to."""

    id: str
    name: str
    folder: Path
    probes: tuple[str, ...] = ()


class Store:
    """The database in a data folder, and where that folder keeps bots."""

    def __init__(self, data_folder: Path) -> None:
        data_folder.mkdir(parents=True, exist_ok=True)
        self._database = Database(data_folder / "studio.sqlite3")
        self._bots_folder = data_folder / "bots"
        self._checkpoints_folder = data_folder / "checkpoints"
        if self.damaged:
            self._find_bots_again()

    @property
    def damaged(self) -> Path | None:
        """Where a database that could not be read was set aside, if it had to be."""
        return self._database.damaged

    # The draft

    def draft(self) -> Draft:
        """The table as it was last saved; an empty one at first."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT * FROM drafts").fetchone()
        if row is None:
            return Draft()
        return Draft(row["name"], _demonstrations(row), tuple(json.loads(row["probes"])))

    def save_draft(self, draft: Draft) -> None:
        """Keep this table instead of the last one."""
        values = (draft.name, _json(draft.demonstrations), json.dumps(draft.probes))
        with self._database.connect() as connection:
            connection.execute("REPLACE INTO drafts VALUES (1, ?, ?, ?)", values)

    # Trainings

    def bot_folder(self, bot_id: str) -> Path:
        """Where a bot with this id is kept."""
        return self._bots_folder / bot_id

    def checkpoint_file(self, job_id: str) -> Path:
        """Where a training is written down while it runs."""
        return self._checkpoints_folder / f"{job_id}.safetensors"

    def add_job(self, job: TrainingJob) -> None:
        """Write down a training before the engine hears of it."""
        values = {
            "id": job.id,
            "name": job.name,
            "demonstrations": _json(job.demonstrations),
            "recipe_changes": json.dumps(job.recipe_changes),
            "probes": json.dumps(job.probes),
            "bot_folder": str(job.bot_folder),
            "state": JobState.QUEUED,
        }
        with self._database.connect() as connection:
            connection.execute(_insert("jobs", values), values)

    def record(self, update: JobUpdate) -> None:
        """Note what the engine says of a training; what has ended stays as it ended."""
        values = asdict(update) | {"losses": json.dumps(update.losses)}
        with self._database.connect() as connection:
            changed = connection.execute(
                f"""UPDATE jobs SET attempts = CASE WHEN :step > furthest THEN 0 ELSE attempts END,
                    furthest = max(furthest, :step),
                    step = :step, total_steps = :total_steps, losses = :losses,
                    seconds_left = :seconds_left, message = :message,
                    state = CASE WHEN state = 'cancelling' AND :state = 'running' THEN state ELSE :state END
                WHERE id = :job_id AND state NOT IN ({_ENDED})""",
                values,
            ).rowcount
            if changed and update.state is JobState.DONE:
                connection.execute(
                    "INSERT INTO bots (id, name, folder, probes) "
                    "SELECT id, name, bot_folder, probes FROM jobs WHERE id = ?",
                    (update.job_id,),
                )

    def cancelling(self, job_id: str) -> None:
        """Note that a training is asked to stop."""
        with self._database.connect() as connection:
            connection.execute(
                f"UPDATE jobs SET state = 'cancelling' WHERE id = ? AND state NOT IN ({_ENDED})", (job_id,)
            )

    def unfinished_jobs(self) -> list[TrainingJob]:
        """Trainings that a starting app has to go on with, in their order.

        What was asked to stop has stopped; what was begun too often is given up.
        """
        with self._database.connect() as connection:
            connection.execute("UPDATE jobs SET state = 'cancelled' WHERE state = 'cancelling'")
            connection.execute(
                f"""UPDATE jobs SET state = 'interrupted', message = ?
                WHERE attempts >= ? AND state NOT IN ({_ENDED})""",
                (GIVEN_UP, STARTS),
            )
            connection.execute(
                f"UPDATE jobs SET state = 'queued', attempts = attempts + 1 WHERE state NOT IN ({_ENDED})"
            )
            rows = connection.execute("SELECT * FROM jobs WHERE state = 'queued' ORDER BY number").fetchall()
        needed = {self.checkpoint_file(row["id"]) for row in rows}
        for left in set(self._checkpoints_folder.glob("*")) - needed:
            left.unlink()
        return [
            TrainingJob(
                id=row["id"],
                name=row["name"],
                demonstrations=_demonstrations(row),
                bot_folder=Path(row["bot_folder"]),
                recipe_changes=json.loads(row["recipe_changes"]),
                probes=tuple(json.loads(row["probes"])),
                checkpoint_file=self.checkpoint_file(row["id"]),
            )
            for row in rows
        ]

    def closed(self) -> None:
        """The app was closed as it should be: that was no training's fault."""
        with self._database.connect() as connection:
            connection.execute("UPDATE jobs SET attempts = 0")

    def latest_job(self) -> JobUpdate | None:
        """Where the training that was started last stands."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT * FROM jobs ORDER BY number DESC LIMIT 1").fetchone()
        if row is None:
            return None
        return JobUpdate(
            job_id=row["id"],
            state=JobState(row["state"]),
            step=row["step"],
            total_steps=row["total_steps"],
            losses=tuple(json.loads(row["losses"])),
            seconds_left=row["seconds_left"],
            message=row["message"],
        )

    def trained_on(self, bot_id: str) -> tuple[Demonstration, ...]:
        """The demonstrations of a bot that was trained here; none for one that was opened from a file."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT demonstrations FROM jobs WHERE id = ?", (bot_id,)).fetchone()
        return () if row is None else _demonstrations(row)

    # Bots

    def add_bot(self, bot: SavedBot) -> None:
        """Remember a bot that was opened from a file."""
        values = (bot.id, bot.name, str(bot.folder), json.dumps(bot.probes))
        with self._database.connect() as connection:
            connection.execute("INSERT INTO bots (id, name, folder, probes) VALUES (?, ?, ?, ?)", values)

    def bots(self) -> list[SavedBot]:
        """All bots, the newest first."""
        with self._database.connect() as connection:
            rows = connection.execute("SELECT * FROM bots ORDER BY number DESC").fetchall()
        return [_bot(row) for row in rows]

    def bot(self, bot_id: str) -> SavedBot | None:
        """One of them, or None where there is none with this id."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT * FROM bots WHERE id = ?", (bot_id,)).fetchone()
        return None if row is None else _bot(row)

    def _find_bots_again(self) -> None:
        """Fill the list of bots from the bots themselves."""
        manifests = self._bots_folder.glob(f"*/{MANIFEST_FILE}")
        for path in sorted(manifests, key=lambda path: path.stat().st_mtime):
            try:
                manifest = Manifest.model_validate_json(path.read_bytes())
            except (ValueError, StudioError):
                continue
            probes = tuple(probe.prompt for probe in manifest.probes)
            self.add_bot(SavedBot(path.parent.name, manifest.name, path.parent, probes))


def _insert(table: str, values: dict[str, Any]) -> str:
    names = ", ".join(values)
    return f"INSERT INTO {table} ({names}) VALUES (:{', :'.join(values)})"


def _json(demonstrations: Sequence[Demonstration]) -> str:
    return json.dumps([[row.prompt, row.reply] for row in demonstrations])


def _demonstrations(row: sqlite3.Row) -> tuple[Demonstration, ...]:
    return tuple(Demonstration(prompt, reply) for prompt, reply in json.loads(row["demonstrations"]))


def _bot(row: sqlite3.Row) -> SavedBot:
    return SavedBot(row["id"], row["name"], Path(row["folder"]), tuple(json.loads(row["probes"])))
