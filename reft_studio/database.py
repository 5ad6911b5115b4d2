"""The file of the store: SQLite, brought up to date when opened, and set aside when it is damaged."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reft_studio.errors import StorageError

log = logging.getLogger(__name__)

FIRST_SCHEMA = """
CREATE TABLE IF NOT EXISTS drafts (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    demonstrations TEXT NOT NULL,
    probes TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    demonstrations TEXT NOT NULL,
    recipe_changes TEXT NOT NULL,
    probes TEXT NOT NULL,
    bot_folder TEXT NOT NULL,
    state TEXT NOT NULL,
    step INTEGER NOT NULL DEFAULT 0,
    total_steps INTEGER NOT NULL DEFAULT 0,
    losses TEXT NOT NULL DEFAULT '[]',
    seconds_left REAL,
    message TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS bots (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folder TEXT NOT NULL,
    probes TEXT NOT NULL
);
"""
_COUNT_ATTEMPTS = """
ALTER TABLE jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN furthest INTEGER NOT NULL DEFAULT 0;
"""
# Everything belongs to somebody; what is older belongs to the one person who used the app on this computer.
# claimed: the how-many-eth training it was that was given to the engine; empty as long as it waits.
_OWNERS = """
ALTER TABLE drafts RENAME TO drafts_of_one;
CREATE TABLE drafts (
    owner TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    demonstrations TEXT NOT NULL,
    probes TEXT NOT NULL
);
INSERT INTO drafts SELECT 'local', name, demonstrations, probes FROM drafts_of_one;
DROP TABLE drafts_of_one;
ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT 'local';
ALTER TABLE jobs ADD COLUMN claimed INTEGER;
ALTER TABLE bots ADD COLUMN owner TEXT NOT NULL DEFAULT 'local';
"""
# By which replies are scored, and what came of it. Rules that are null are to be guessed from the rows.
_SCORES = """
ALTER TABLE drafts ADD COLUMN rules TEXT NOT NULL DEFAULT 'null';
ALTER TABLE drafts ADD COLUMN instruction TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN rules TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN instruction TEXT NOT NULL DEFAULT '';
ALTER TABLE bots ADD COLUMN report TEXT;
"""
_CORRECTIONS = """
ALTER TABLE jobs ADD COLUMN start_from TEXT;
ALTER TABLE bots ADD COLUMN instruction TEXT NOT NULL DEFAULT '';
"""
_EDITS = """
CREATE TABLE edits (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    edit TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX edits_of ON edits (owner, number);
"""
_CONVERSATIONS = """
CREATE TABLE conversations (
    owner TEXT NOT NULL,
    bot TEXT NOT NULL,
    turns TEXT NOT NULL,
    PRIMARY KEY (owner, bot)
);
"""
_SAMPLES = """
ALTER TABLE jobs ADD COLUMN samples TEXT NOT NULL DEFAULT '[]';
"""
_TOURS = """
CREATE TABLE skipped_tours (owner TEXT PRIMARY KEY);
"""
# A training that nobody can ask for any more: of its row only the place in the queue's history is left.
_FORGOTTEN = """
ALTER TABLE jobs ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_of ON jobs (owner, number);
"""
# What is known of a training's moments and which one is the bot; where to end, and which one to keep.
_MOMENTS = """
ALTER TABLE jobs ADD COLUMN moments TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN kept INTEGER;
ALTER TABLE jobs ADD COLUMN stop_early INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN last_step INTEGER;
ALTER TABLE jobs ADD COLUMN to_keep INTEGER;
"""
# A search for the best place is a job too, but no training: nothing that is about those shows it.
_SEARCHES = """
ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'training';
ALTER TABLE jobs ADD COLUMN places TEXT;
"""
# What is older was made with the base model of the settings; the store, which knows it, fills that in.
_BASES = """
ALTER TABLE jobs ADD COLUMN base TEXT;
ALTER TABLE jobs ADD COLUMN quantization TEXT;
ALTER TABLE bots ADD COLUMN base TEXT;
ALTER TABLE bots ADD COLUMN quantization TEXT;
"""
# What is not as recommended under Advanced.
_SETTINGS = """
CREATE TABLE settings (owner TEXT PRIMARY KEY, chosen TEXT NOT NULL);
"""
# A person's table becomes the first of several projects. The one with the highest `opened` was opened last.
_PROJECTS = """
CREATE TABLE projects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    demonstrations TEXT NOT NULL,
    probes TEXT NOT NULL,
    rules TEXT NOT NULL,
    instruction TEXT NOT NULL,
    examples INTEGER NOT NULL,
    opened INTEGER NOT NULL
);
CREATE INDEX projects_of ON projects (owner, opened);
INSERT INTO projects (id, owner, name, demonstrations, probes, rules, instruction, examples, opened)
    SELECT lower(hex(randomblob(16))), owner, name, demonstrations, probes, rules, instruction,
        (SELECT count(*) FROM json_each(demonstrations)
            WHERE trim(json_extract(value, '$[0]') || json_extract(value, '$[1]')) != ''), 1
    FROM drafts;
DROP TABLE drafts;
ALTER TABLE edits ADD COLUMN project TEXT;
UPDATE edits SET project = (SELECT id FROM projects WHERE projects.owner = edits.owner);
DELETE FROM edits WHERE project IS NULL;
DROP INDEX edits_of;
ALTER TABLE edits DROP COLUMN owner;
CREATE INDEX edits_of ON edits (project, number);
"""
MIGRATIONS = [
    FIRST_SCHEMA,
    _COUNT_ATTEMPTS,
    _OWNERS,
    _SCORES,
    _CORRECTIONS,
    _EDITS,
    _CONVERSATIONS,
    _SAMPLES,
    _TOURS,
    _FORGOTTEN,
    _MOMENTS,
    _SEARCHES,
    _BASES,
    _SETTINGS,
    _PROJECTS,
]
"""What each version of the schema adds to the one before it; a database says which one it has."""

NO_ROOM = (
    "The disk is full, so this could not be saved. Everything that was saved before is safe, and what you "
    "see here stays as long as this page is open: make room on the disk, then do it once more."
)
TOO_NEW = (
    "The data of ReFT Studio were last used by a newer version of it. Update this one, or set "
    "REFT_STUDIO_DATA_FOLDER to another folder."
)
IN_USE = (
    "Another program keeps the data of the app busy, perhaps one that copies or synchronises them, so this "
    "could not be done. What was saved before is safe: please try again in a moment."
)
NOT_OPEN = (
    "The data of the app cannot be opened, or not be written: {path}. Look whether that folder is there and "
    "belongs to you, or set REFT_STUDIO_DATA_FOLDER to another one."
)
SECONDS_FOR_OTHERS = 10.0
"""So long somebody else may write before it is given up."""
_SENTENCES = {
    sqlite3.SQLITE_FULL: NO_ROOM,
    sqlite3.SQLITE_IOERR: NO_ROOM,
    sqlite3.SQLITE_BUSY: IN_USE,
    sqlite3.SQLITE_LOCKED: IN_USE,
    sqlite3.SQLITE_CANTOPEN: NOT_OPEN,
    sqlite3.SQLITE_READONLY: NOT_OPEN,
    sqlite3.SQLITE_PERM: NOT_OPEN,
}
"""What is said of an error that is not the app's doing, by its code."""


class Database:
    """A database with the newest schema. Each connection is its own, so any thread may ask for one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.damaged: Path | None = None
        """Where what could not be read was set aside, if it had to be."""
        if not self._is_sound():
            self.damaged = self._set_aside()
        self.is_new = self._is_empty()
        """Whether nothing was in it: it was set aside, or never there, or somebody has deleted it."""
        self._migrate()
        # The last connection that closes takes the log and its index along, and on a full disk there is no
        # room to make them anew, not even to read. So one stays open and does nothing.
        self._kept_open = sqlite3.connect(self._path, check_same_thread=False)
        self._kept_open.execute("SELECT 1 FROM jobs LIMIT 1").fetchall()

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """One transaction; raises StorageError if the disk or the file does not allow it."""
        try:
            with closing(sqlite3.connect(self._path, timeout=SECONDS_FOR_OTHERS)) as connection, connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except sqlite3.OperationalError as error:
            # The lower byte says what kind of error it is; the rest, where exactly.
            if sentence := _SENTENCES.get(error.sqlite_errorcode & 0xFF):
                log.warning("The database cannot be used: %s", error)
                raise StorageError(sentence.format(path=self._path)) from error
            raise

    def forget_past(self) -> None:
        """Empty the log of what was written, which has earlier versions of it; where it is in use, later."""
        with self.connect() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _is_sound(self) -> bool:
        try:
            with self.connect() as connection:
                return bool(connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")
        except sqlite3.OperationalError:
            # That says nothing about what is in it.
            raise
        except sqlite3.DatabaseError:
            return False

    def _is_empty(self) -> bool:
        with self.connect() as connection:
            return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None

    def _set_aside(self) -> Path:
        """Rename the database with all that belongs to it, so that nothing of it is written over."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        kept = self._path.with_name(f"damaged-{stamp}.sqlite3")
        while kept.exists():
            # Two at the same time: that is what a clock says which was set back.
            kept = kept.with_name(f"again-{kept.name}")
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
        log.error("The database %s is damaged; it was set aside as %s", self._path, kept)
        return kept

    def _migrate(self) -> None:
        with self.connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise StorageError(TOO_NEW)
            for number, change in enumerate(MIGRATIONS[version:], start=version + 1):
                # In one transaction with its number: a crash leaves either version, never half of one.
                connection.executescript(f"BEGIN; {change} PRAGMA user_version = {number}; COMMIT;")
