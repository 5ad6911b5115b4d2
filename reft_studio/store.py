"""What must survive a reload and a restart: projects, trainings, bots, conversations. SQLite, one file.

Everything has an owner, and what people ask for is found under their own name only. Each operation has a
connection of its own, so any thread may call.
"""

import json
import logging
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from reft_studio.base_ref import BaseRef
from reft_studio.conversations import Conversations
from reft_studio.database import Database
from reft_studio.demonstrations import Demonstration, from_json
from reft_studio.engine.interface import Job, JobState, JobUpdate, SearchJob, TrainingJob
from reft_studio.errors import BotError, StorageError, StudioError
from reft_studio.folders import delete_folder, settle_all, size_of, sweep
from reft_studio.job_rows import (
    SEARCH,
    TRAINING,
    Run,
    base_in,
    places_of,
    report_of,
    run_of,
    update_of,
    values_of_job,
    values_of_update,
    with_kept,
)
from reft_studio.manifest import DEMONSTRATIONS_FILE, MANIFEST_FILE, Manifest, base_of, read_manifest
from reft_studio.projects import Projects, move_projects
from reft_studio.score import Report
from reft_studio.table_files import read_demonstrations

log = logging.getLogger(__name__)

STARTS = 3
"""So often a starting app may go on with a training that gets no further before it is given up."""
GIVEN_UP = (
    "This training stopped the app several times, so it is not begun again. Try with fewer or shorter rows, "
    "or with a smaller base model."
)
NOT_SCORED = "The bot is ready, but it could not be scored: {reason}"
IN_USE = (
    "A training that is still running makes or needs this bot. Stop it or wait for its end, then delete the "
    "bot."
)
TOO_MUCH = (
    "What you have here takes {used:,.1f} MB, and {most:,.1f} MB are the most that one person gets. In the "
    "Share tab, delete a bot that you do not need any more, or a project in the Examples tab; then try again."
)
LOCAL = "local"
"""The owner of everything where the app has one person only."""
MOST_RUNS = 20
_ENDED = ", ".join(f"'{state}'" for state in JobState if state.ended)
_FORGET = """UPDATE jobs SET forgotten = 1, name = '', demonstrations = '[]', recipe_changes = '{}',
    probes = '[]', rules = '[]', instruction = '', losses = '[]', samples = '[]', moments = '[]',
    message = '', start_from = NULL, places = NULL"""
_TEXTS = {
    "jobs": ("demonstrations", "losses", "samples", "moments", "instruction", "probes", "rules", "places"),
    "bots": ("report", "probes", "instruction"),
    "conversations": ("turns",),
    "projects": ("demonstrations", "instruction", "probes", "rules"),
}
"""Where the database has much text of one owner that can be deleted."""
_TABLES = ("jobs", "bots", "conversations", "settings", "skipped_tours")
"""Those with an owner, beside that of the projects."""
_BOT_IS_THERE = "id IN (SELECT id FROM bots)"
"""From the score on: then a training is done, however it ends."""


@dataclass(frozen=True)
class SavedBot:
    """A bot that can be talked to."""

    id: str
    name: str
    folder: Path
    probes: tuple[str, ...] = ()
    instruction: str = ""
    """The system prompt for the base model that it is compared with."""
    base: BaseRef = field(default_factory=BaseRef)
    """The base model that it was made for."""


class Store:
    """The database in a data folder, and where that folder keeps bots."""

    def __init__(self, data_folder: Path, default_base: BaseRef | None = None) -> None:
        """`default_base` is that of trainings and bots from before there were several: the embedded one."""
        data_folder.mkdir(parents=True, exist_ok=True)
        self._database = Database(data_folder / "studio.sqlite3")
        self.projects = Projects(self._database)
        self.conversations = Conversations(self._database)
        self._default_base = default_base or BaseRef()
        self._fill_in_bases()
        self._bots_folder = data_folder / "bots"
        self._checkpoints_folder = data_folder / "checkpoints"
        self._moments_folder = data_folder / "moments"
        if self._database.is_new:
            self._find_bots_again()

    def _fill_in_bases(self) -> None:
        values = asdict(self._default_base)
        with self._database.connect() as connection:
            for table in ("jobs", "bots"):
                connection.execute(
                    f"UPDATE {table} SET base = :name, quantization = :quantization WHERE base IS NULL",
                    values,
                )

    @property
    def damaged(self) -> Path | None:
        """Where a database that could not be read was set aside, if it had to be."""
        return self._database.damaged

    def settings(self, owner: str) -> dict[str, Any]:
        """What an owner has chosen for trainings, by the fields of the page; empty where all is as usual."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT chosen FROM settings WHERE owner = ?", (owner,)).fetchone()
        chosen: dict[str, Any] = json.loads(row["chosen"]) if row else {}
        return chosen

    def save_settings(self, owner: str, chosen: dict[str, Any]) -> None:
        """Keep these instead of the last ones."""
        with self._database.connect() as connection:
            connection.execute("REPLACE INTO settings VALUES (?, ?)", (owner, json.dumps(chosen)))

    # Trainings

    def bot_folder(self, bot_id: str) -> Path:
        """Where a bot with this id is kept."""
        return self._bots_folder / bot_id

    def checkpoint_file(self, job_id: str) -> Path:
        """Where a training is written down while it runs."""
        return self._checkpoints_folder / f"{job_id}.safetensors"

    def moments_folder(self, job_id: str) -> Path:
        """Where a training's bot is kept as it was at its moments, each in a folder named by its epoch."""
        return self._moments_folder / job_id

    def add_job(self, owner: str, job: Job) -> bool:
        """Put a job in the queue, unless its owner has one of its kind there: a double click makes one."""
        values = values_of_job(job) | {"owner": owner, "state": JobState.QUEUED}
        kept = MOST_RUNS if isinstance(job, TrainingJob) else 1
        with self._database.connect() as connection:
            added = connection.execute(
                f"""INSERT INTO jobs ({", ".join(values)}) SELECT :{", :".join(values)}
                WHERE NOT EXISTS (SELECT 1 FROM jobs
                    WHERE owner = :owner AND kind = :kind AND state NOT IN ({_ENDED}))""",
                values,
            )
            # A job without a bot that is not among the earlier ones any more is of no use to anybody.
            connection.execute(
                f"""{_FORGET} WHERE owner = :owner AND kind = :kind AND NOT forgotten AND state IN ({_ENDED})
                AND NOT {_BOT_IS_THERE} AND number NOT IN (SELECT number FROM jobs
                    WHERE owner = :owner AND kind = :kind AND NOT forgotten
                    ORDER BY number DESC LIMIT {kept})""",
                values,
            )
            return added.rowcount == 1

    def waiting(self) -> list[str]:
        """The ids of all trainings in the queue, the next one first: people take turns.

        Whoever has waited longest since a training of his own began is next. No clock has a say in it.
        """
        with self._database.connect() as connection:
            queued = connection.execute(
                "SELECT id, owner FROM jobs WHERE state = 'queued' AND claimed IS NULL ORDER BY number"
            ).fetchall()
            claims = connection.execute("SELECT owner, max(claimed) FROM jobs GROUP BY owner").fetchall()
        last: dict[str, int] = {owner: claimed or 0 for owner, claimed in claims}
        # Each owner has one of a kind in the queue at most; sorting keeps the order of those who are equal.
        return [job["id"] for job in sorted(queued, key=lambda job: last.get(job["owner"], 0))]

    def base_of(self, job_id: str) -> BaseRef:
        """The base model of a job."""
        with self._database.connect() as connection:
            return base_in(connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())

    def put_back(self, job_id: str) -> None:
        """Let a training wait again that was claimed and could not be begun yet."""
        with self._database.connect() as connection:
            connection.execute(
                f"""UPDATE jobs SET claimed = NULL,
                    state = CASE WHEN state != 'cancelling' THEN state
                        WHEN {_BOT_IS_THERE} THEN 'done' ELSE 'cancelled' END
                WHERE id = ? AND state IN ('queued', 'cancelling')""",
                (job_id,),
            )

    def claim(self, job_id: str) -> Job | None:
        """Take a job out of the queue for the engine; None if it is not there any more."""
        with self._database.connect() as connection:
            claimed = connection.execute(
                """UPDATE jobs SET claimed = (SELECT 1 + coalesce(max(claimed), 0) FROM jobs)
                WHERE id = ? AND state = 'queued' AND claimed IS NULL""",
                (job_id,),
            )
            if not claimed.rowcount:
                return None
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row["kind"] == SEARCH:
            return SearchJob(
                id=row["id"],
                demonstrations=from_json(row["demonstrations"]),
                recipe_changes=json.loads(row["recipe_changes"]),
                rules=tuple(json.loads(row["rules"])),
                base=base_in(row),
                known=places_of(row),
            )
        return TrainingJob(
            id=row["id"],
            name=row["name"],
            demonstrations=from_json(row["demonstrations"]),
            bot_folder=self._here(row["bot_folder"]),
            recipe_changes=json.loads(row["recipe_changes"]),
            probes=tuple(json.loads(row["probes"])),
            rules=tuple(json.loads(row["rules"])),
            instruction=row["instruction"],
            start_from=self._here(row["start_from"]) if row["start_from"] else None,
            base=base_in(row),
            checkpoint_file=self.checkpoint_file(row["id"]),
            moments_folder=None if row["start_from"] else self.moments_folder(row["id"]),
            stop_early=bool(row["stop_early"]),
            last_step=row["last_step"],
            keep=with_kept(update_of(row), row["to_keep"]) if row["to_keep"] else None,
        )

    def record(self, update: JobUpdate) -> JobUpdate:
        """Note what the engine says of a training; what has ended stays as it ended.

        Returns what is noted: a training whose bot was saved is done, whatever came after.
        """
        if update.state in (JobState.FAILED, JobState.INTERRUPTED, JobState.CANCELLED):
            update = self._with_bot(update)
        values = values_of_update(update)
        with self._database.connect() as connection:
            changed = connection.execute(
                f"""UPDATE jobs SET attempts = CASE WHEN :step > furthest THEN 0 ELSE attempts END,
                    furthest = max(furthest, :step),
                    step = :step, total_steps = :total_steps, losses = :losses,
                    seconds_left = :seconds_left, message = :message, samples = :samples,
                    moments = :moments, kept = :kept,
                    places = coalesce(:places, places),
                    state = CASE WHEN state = 'cancelling' AND :state IN ('running', 'scoring')
                        OR state = 'finishing' AND :state = 'running' THEN state ELSE :state END
                WHERE id = :job_id AND state NOT IN ({_ENDED})""",
                values,
            ).rowcount
            if changed and update.state in (JobState.SCORING, JobState.DONE):
                values["base"] = self._made_for(update.job_id)
                connection.execute(
                    """INSERT INTO bots
                        (id, owner, name, folder, probes, instruction, base, quantization, report)
                    SELECT id, owner, name, bot_folder, probes, instruction, :base, quantization, :report
                    FROM jobs WHERE id = :job_id AND kind = 'training'
                    ON CONFLICT (id) DO UPDATE SET report = :report""",
                    values,
                )
        return update

    def _made_for(self, job_id: str) -> str:
        """The base model of a training whose bot is saved, at the revision that was loaded for it."""
        base = self.base_of(job_id)
        try:
            revision = read_manifest(self.bot_folder(job_id) / MANIFEST_FILE).base.revision
        except BotError:
            return base.name
        return base.name if base.revision or not revision else f"{base.name}@{revision}"

    def _with_bot(self, update: JobUpdate) -> JobUpdate:
        """An update that ends a training; if its bot was saved, only the score was not to be had."""
        with self._database.connect() as connection:
            row = connection.execute(
                f"SELECT * FROM jobs WHERE id = ? AND {_BOT_IS_THERE}", (update.job_id,)
            ).fetchone()
        if row is None:
            return update
        remark = "" if update.state is JobState.CANCELLED else NOT_SCORED.format(reason=update.message)
        message = f"{row['message']} {remark}".strip()
        return replace(update_of(row), state=JobState.DONE, seconds_left=0.0, message=message)

    def cancel(self, owner: str, job_id: str) -> bool:
        """Note that a training is to stop; whether the engine has to be told, too."""
        with self._database.connect() as connection:
            stopped = connection.execute(
                f"""UPDATE jobs SET state = CASE WHEN claimed IS NOT NULL THEN 'cancelling'
                    WHEN {_BOT_IS_THERE} THEN 'done' ELSE 'cancelled' END
                WHERE id = ? AND owner = ? AND state NOT IN ({_ENDED}) RETURNING state""",
                (job_id, owner),
            ).fetchone()
        return stopped is not None and stopped["state"] == JobState.CANCELLING

    def finish(self, owner: str, job_id: str) -> int | None:
        """Note that a training is to end now and keep what it has learned; at which step that was.

        None if it is not running or has taken no step, so that nothing happens.
        """
        with self._database.connect() as connection:
            row = connection.execute(
                """UPDATE jobs SET state = 'finishing', last_step = step
                WHERE id = ? AND owner = ? AND kind = 'training' AND state = 'running' AND step > 0
                RETURNING last_step""",
                (job_id, owner),
            ).fetchone()
        return row["last_step"] if row else None

    def keep(self, owner: str, job_id: str, epoch: int) -> bool:
        """Queue a training that is done once more, to make the bot of another moment its bot and score that.

        Raises BotError if there is no such moment. False, and nothing happens, where its owner has a training
        that has not ended.
        """
        if epoch not in self.moment_folders(owner, job_id):
            raise BotError("The bot was not kept as it was then. Choose another moment.")
        with self._database.connect() as connection:
            queued = connection.execute(
                f"""UPDATE jobs SET state = 'queued', claimed = NULL, attempts = 0, message = '',
                    to_keep = :epoch
                WHERE id = :id AND owner = :owner AND state = 'done'
                AND (kept IS NOT :epoch OR id IN (SELECT id FROM bots WHERE report IS NULL))
                AND NOT EXISTS (SELECT 1 FROM jobs
                    WHERE owner = :owner AND kind = 'training' AND state NOT IN ({_ENDED}))""",
                {"id": job_id, "owner": owner, "epoch": epoch},
            )
            return queued.rowcount == 1

    def moment_folders(self, owner: str, bot_id: str) -> dict[int, Path]:
        """The bot of a training as it was after some epochs, by these; nothing for a bot from elsewhere."""
        job = self.training_of(owner, bot_id)
        folder = self.moments_folder(bot_id)
        epochs = [moment.epoch for moment in job.moments] if job else []
        return {epoch: path for epoch in epochs if (path := folder / str(epoch)).is_dir()}

    def requeue(self) -> None:
        """What was not done when the app stopped waits again, in its old order.

        What was asked to stop has stopped; what was begun too often is given up.
        """
        with self._database.connect() as connection:
            connection.execute(
                f"""UPDATE jobs SET state = iif({_BOT_IS_THERE}, 'done', 'cancelled')
                WHERE state = 'cancelling'"""
            )
            connection.execute(
                f"""UPDATE jobs SET attempts = attempts + 1
                WHERE claimed IS NOT NULL AND state NOT IN ({_ENDED})"""
            )
            connection.execute(
                f"""UPDATE jobs SET state = iif({_BOT_IS_THERE}, 'done', 'interrupted'),
                    message = iif({_BOT_IS_THERE}, ?, ?)
                WHERE attempts > ? AND state NOT IN ({_ENDED})""",
                (NOT_SCORED.format(reason=GIVEN_UP), GIVEN_UP, STARTS),
            )
            connection.execute(
                f"UPDATE jobs SET state = 'queued', claimed = NULL WHERE state NOT IN ({_ENDED})"
            )
        waiting = self.waiting()
        sweep(self._checkpoints_folder, set(map(self.checkpoint_file, waiting)))
        with self._database.connect() as connection:
            known = {row["id"] for row in connection.execute("SELECT id FROM bots")}
        settle_all(self._bots_folder, known.__contains__)
        moments = set(map(self.moments_folder, {*waiting, *known}))
        sweep(self._moments_folder, moments)
        for folder in moments:
            settle_all(folder, known.__contains__)

    def closed(self) -> None:
        """The app was closed as it should be: that was no training's fault."""
        with self._database.connect() as connection:
            connection.execute("UPDATE jobs SET attempts = 0")

    def latest_job(self, owner: str) -> JobUpdate | None:
        """Where the training stands that its owner has under way; without one, the one begun last."""
        return self._latest(owner, TRAINING)

    def latest_search(self, owner: str) -> JobUpdate | None:
        """Where the search for the best place that its owner started last stands."""
        return self._latest(owner, SEARCH)

    def _latest(self, owner: str, kind: str) -> JobUpdate | None:
        with self._database.connect() as connection:
            row = connection.execute(
                f"""SELECT * FROM jobs WHERE owner = ? AND kind = ? AND NOT forgotten
                ORDER BY state IN ({_ENDED}), number DESC LIMIT 1""",
                (owner, kind),
            ).fetchone()
        return update_of(row) if row else None

    def training_of(self, owner: str, bot_id: str) -> JobUpdate | None:
        """Where the training of a bot stands; None for one from elsewhere."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT * FROM jobs WHERE id = ? AND owner = ? AND NOT forgotten", (bot_id, owner)
            ).fetchone()
        return update_of(row) if row else None

    def runs(self, owner: str) -> list[Run]:
        """The trainings that an owner started last, the newest first."""
        with self._database.connect() as connection:
            rows = connection.execute(
                """SELECT * FROM (SELECT jobs.*, bots.report,
                    row_number() OVER (ORDER BY jobs.number) AS of_owner
                FROM jobs LEFT JOIN bots ON bots.id = jobs.id
                    WHERE jobs.owner = ? AND kind = 'training')
                WHERE NOT forgotten ORDER BY number DESC LIMIT ?""",
                (owner, MOST_RUNS),
            ).fetchall()
        return [run_of(row) for row in rows]

    def report(self, owner: str, bot_id: str) -> Report | None:
        """What the score of a bot that was trained here is made of."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT report FROM bots WHERE id = ? AND owner = ?", (bot_id, owner)
            ).fetchone()
        return report_of(row) if row else None

    def trained_on(self, owner: str, bot_id: str) -> tuple[Demonstration, ...]:
        """The demonstrations of a bot; of one from elsewhere those that came with it, if any."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT demonstrations FROM jobs WHERE id = ? AND owner = ? AND NOT forgotten",
                (bot_id, owner),
            ).fetchone()
        if row is not None:
            return from_json(row["demonstrations"])
        bot = self.bot(owner, bot_id)
        file = bot.folder / DEMONSTRATIONS_FILE if bot else None
        return tuple(read_demonstrations(file)) if file and file.is_file() else ()

    # Bots

    def add_bot(self, owner: str, bot: SavedBot) -> None:
        """Remember a bot that was opened from a file."""
        values = {
            "id": bot.id,
            "owner": owner,
            "name": bot.name,
            "folder": str(bot.folder),
            "probes": json.dumps(bot.probes),
            "instruction": bot.instruction,
            "base": bot.base.name,
            "quantization": bot.base.quantization,
        }
        with self._database.connect() as connection:
            connection.execute(
                f"INSERT INTO bots ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
            )

    def bots(self, owner: str) -> list[SavedBot]:
        """All bots of an owner, the newest first."""
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT * FROM bots WHERE owner = ? ORDER BY number DESC", (owner,)
            ).fetchall()
        return [
            SavedBot(
                row["id"],
                row["name"],
                self._here(row["folder"]),
                tuple(json.loads(row["probes"])),
                row["instruction"],
                base_in(row),
            )
            for row in rows
        ]

    def _here(self, folder: str) -> Path:
        """Where a bot's folder is now: the data may have been moved since it was written down."""
        return self._bots_folder / Path(folder).name

    def bot(self, owner: str, bot_id: str) -> SavedBot | None:
        """One of them, or None where there is none with this id."""
        return next((bot for bot in self.bots(owner) if bot.id == bot_id), None)

    def delete_bot(self, owner: str, bot_id: str) -> None:
        """Delete a bot with its conversation, its score and what it learned from, if its owner has it.

        Raises BotError if a training makes it or goes on from it.
        """
        if bot := self.bot(owner, bot_id):
            delete_folder(bot.folder, lambda: self._forget_bot(bot))
            rmtree(self.moments_folder(bot.id), ignore_errors=True)
            self._database.forget_past()
            log.info("A bot is deleted", extra={"bot": bot.id})

    def _forget_bot(self, bot: SavedBot) -> None:
        with self._database.connect() as connection:
            # Else the words would be in the file until something else is written over them.
            connection.execute("PRAGMA secure_delete = ON")
            deleted = connection.execute(
                f"""DELETE FROM bots WHERE id = ? AND NOT EXISTS (SELECT 1 FROM jobs
                WHERE state NOT IN ({_ENDED}) AND (jobs.id = bots.id OR start_from LIKE '%' || bots.id))""",
                (bot.id,),
            )
            if not deleted.rowcount:
                raise BotError(IN_USE)
            connection.execute("DELETE FROM conversations WHERE bot = ?", (bot.id,))
            connection.execute(f"{_FORGET} WHERE id = ?", (bot.id,))

    def check_room(self, owner: str, most: float) -> None:
        """Raises StorageError if what an owner has, and could delete, is at this many bytes or beyond."""
        bots = self.bots(owner)
        used = sum(size_of(bot.folder) for bot in bots)
        used += sum(size_of(folder) for bot in bots for folder in self.moments_folder(bot.id).glob("*"))
        with self._database.connect() as connection:
            for table, texts in _TEXTS.items():
                size = " + ".join(f"ifnull(length({text}), 0)" for text in texts)
                used += connection.execute(
                    f"SELECT ifnull(sum({size}), 0) FROM {table} WHERE owner = ?", (owner,)
                ).fetchone()[0]
        if used >= most:
            raise StorageError(TOO_MUCH.format(used=used / 1e6, most=most / 1e6))

    # First steps

    def move_all(self, owner: str, to: str) -> None:
        """Make all that one owner has another's; only a project in which nothing was ever written stays.

        What is running goes on. Of what everybody has one of, that of `owner` is the newer.
        """
        with self._database.connect() as connection:
            move_projects(connection, owner, to)
            for table in _TABLES:
                connection.execute(f"UPDATE OR REPLACE {table} SET owner = ? WHERE owner = ?", (to, owner))

    def has_skipped_tour(self, owner: str) -> bool:
        """Whether this owner wants to be told no first steps."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT 1 FROM skipped_tours WHERE owner = ?", (owner,)).fetchone()
        return row is not None

    def skip_tour(self, owner: str) -> None:
        """Note that."""
        with self._database.connect() as connection:
            connection.execute("INSERT OR IGNORE INTO skipped_tours VALUES (?)", (owner,))

    def _find_bots_again(self) -> None:
        """Fill the list of bots from the bots themselves. Whose they were is lost, so no visitor gets any."""
        manifests = self._bots_folder.glob(f"*/{MANIFEST_FILE}")
        for path in sorted(manifests, key=lambda path: path.stat().st_mtime):
            try:
                manifest = Manifest.model_validate_json(path.read_bytes())
            except (ValueError, StudioError):
                continue
            probes = tuple(probe.prompt for probe in manifest.probes)
            instruction = manifest.score.instruction if manifest.score else ""
            base = base_of(manifest.base, [self._default_base])
            bot = SavedBot(path.parent.name, manifest.name, path.parent, probes, instruction, base)
            self.add_bot(LOCAL, bot)
