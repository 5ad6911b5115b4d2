"""What people work on: tables with what is said beside them, each with its edits. One was opened last.

A project is asked for by its owner and its id; somebody else's is as if there were none.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter

from reft_studio.database import Database
from reft_studio.demonstrations import from_json, is_filled, to_json
from reft_studio.draft import Draft, Edit
from reft_studio.errors import ProjectError, StorageError

GONE = (
    "This project is not there any more: it was deleted, perhaps in another window. What you see stays as "
    'long as this page is open. To keep its rows, press "New project" above: it begins with them.'
)
TOO_MANY = (
    "You have {most:,} projects, and that is the most that one person gets here. Delete one that you do not "
    "need any more; then try again."
)
MOST_EDITS = 200
"""So many of the newest edits are kept for each project."""
MOST_EDITED_CHARACTERS = 10_000_000
"""So much text in them is kept for each owner."""
_ALONE = "BEGIN IMMEDIATE"
"""Nobody writes between what is read from here on and what is written."""
_EDIT = TypeAdapter(Edit)


@dataclass(frozen=True)
class Project:
    """What a list of them says of one."""

    id: str
    name: str
    examples: int
    """In so many of its rows something is written."""


class Projects:
    """Everyone's projects. Any thread may call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, owner: str) -> list[Project]:
        """What an owner has, the newest first."""
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT id, name, examples FROM projects WHERE owner = ? ORDER BY number DESC", (owner,)
            ).fetchall()
        return [Project(**row) for row in rows]

    def opened_last(self, owner: str) -> str:
        """The id of the one that its owner has opened last; who has none gets an empty one."""
        with self._database.connect() as connection:
            if (found := _opened_last(connection, owner)) is None:
                # Another window may be doing the same.
                _add(connection, owner, Draft(), most=1)
                found = _opened_last(connection, owner)
        assert found
        return found

    def add(self, owner: str, draft: Draft, most: int) -> str:
        """Begin a project and open it; returns its id. StorageError if its owner has this many."""
        with self._database.connect() as connection:
            added = _add(connection, owner, draft, most)
        if added is None:
            raise StorageError(TOO_MANY.format(most=most))
        return added

    def open(self, owner: str, project: str) -> None:
        """Note that this one was opened last; raises ProjectError."""
        with self._database.connect() as connection:
            _changed(
                connection.execute(
                    """UPDATE projects SET opened = (SELECT 1 + max(opened) FROM projects)
                    WHERE owner = ? AND id = ?""",
                    (owner, project),
                )
            )

    def delete(self, owner: str, project: str) -> None:
        """Delete it with its edits; nothing happens if there is none. What was made from it stays."""
        with self._database.connect() as connection:
            # Else the words would be in the file until something else is written over them.
            connection.execute("PRAGMA secure_delete = ON")
            deleted = connection.execute("DELETE FROM projects WHERE owner = ? AND id = ?", (owner, project))
            if deleted.rowcount:
                connection.execute("DELETE FROM edits WHERE project = ?", (project,))
        self._database.forget_past()

    def draft(self, owner: str, project: str) -> Draft:
        """Its table as it was last saved; raises ProjectError, as everything below."""
        with self._database.connect() as connection:
            return _draft(connection, owner, project)

    def save(self, owner: str, project: str, draft: Draft, *, goes_on: bool = False) -> None:
        """Keep this table instead of the last one; if the rows are others, that can be undone.

        A change that `goes_on` with the row that was changed last is undone together with that.
        """
        with self._database.connect() as connection:
            connection.execute(_ALONE)
            before = _draft(connection, owner, project)
            _save(connection, owner, project, draft)
            if before.demonstrations == draft.demonstrations:
                return
            edit = Edit.between(before, draft)
            connection.execute("DELETE FROM edits WHERE project = ? AND undone", (project,))
            if goes_on and (last := _last_edit(connection, project)) and (joined := last[1].joined(edit)):
                connection.execute("DELETE FROM edits WHERE number = ?", (last[0],))
                edit = joined
            written = _EDIT.dump_json(edit).decode()
            connection.execute("INSERT INTO edits (project, edit) VALUES (?, ?)", (project, written))
            connection.execute(
                """DELETE FROM edits WHERE number IN (SELECT number FROM (
                    SELECT edits.number,
                        row_number() OVER (PARTITION BY project ORDER BY edits.number DESC) AS age,
                        sum(length(edit)) OVER (ORDER BY edits.number DESC) AS size
                    FROM edits JOIN projects ON projects.id = project WHERE owner = ?
                ) WHERE age > ? OR size > ?)""",
                (owner, MOST_EDITS, MOST_EDITED_CHARACTERS),
            )

    def can_undo(self, owner: str, project: str) -> bool:
        """Whether there is a change of the rows to take back."""
        return self._has_edit(owner, project, undone=False)

    def can_redo(self, owner: str, project: str) -> bool:
        """Whether there is one that was taken back."""
        return self._has_edit(owner, project, undone=True)

    def undo(self, owner: str, project: str) -> None:
        """Take the last change of the rows back; nothing happens if there is none."""
        self._move(owner, project, undone=False)

    def redo(self, owner: str, project: str) -> None:
        """Make the change again that was taken back last; nothing happens if there is none."""
        self._move(owner, project, undone=True)

    def _has_edit(self, owner: str, project: str, *, undone: bool) -> bool:
        with self._database.connect() as connection:
            _draft(connection, owner, project)
            return _last_edit(connection, project, undone=undone) is not None

    def _move(self, owner: str, project: str, *, undone: bool) -> None:
        with self._database.connect() as connection:
            connection.execute(_ALONE)
            draft = _draft(connection, owner, project)
            if found := _last_edit(connection, project, undone=undone):
                number, edit = found
                _save(connection, owner, project, edit.redone(draft) if undone else edit.undone(draft))
                connection.execute("UPDATE edits SET undone = ? WHERE number = ?", (not undone, number))


def move_projects(connection: sqlite3.Connection, owner: str, to: str) -> None:
    """Make them another owner's, all but those in which nothing was ever written."""
    untouched = _values(Draft())
    connection.execute(
        f"""UPDATE projects SET owner = :to WHERE owner = :owner AND NOT (
            {" AND ".join(f"{name} = :{name}" for name in untouched)}
            AND id NOT IN (SELECT project FROM edits))""",
        untouched | {"owner": owner, "to": to},
    )


def _opened_last(connection: sqlite3.Connection, owner: str) -> str | None:
    row = connection.execute(
        "SELECT id FROM projects WHERE owner = ? ORDER BY opened DESC LIMIT 1", (owner,)
    ).fetchone()
    return row["id"] if row else None


def _add(connection: sqlite3.Connection, owner: str, draft: Draft, most: int) -> str | None:
    values = _values(draft) | {"id": uuid4().hex, "owner": owner}
    added = connection.execute(
        f"""INSERT INTO projects ({", ".join(values)}, opened)
        SELECT :{", :".join(values)}, (SELECT 1 + coalesce(max(opened), 0) FROM projects)
        WHERE (SELECT count(*) FROM projects WHERE owner = :owner) < :most""",
        values | {"most": most},
    )
    return str(values["id"]) if added.rowcount else None


def _draft(connection: sqlite3.Connection, owner: str, project: str) -> Draft:
    row = connection.execute("SELECT * FROM projects WHERE owner = ? AND id = ?", (owner, project)).fetchone()
    if row is None:
        raise ProjectError(GONE)
    rules = json.loads(row["rules"])
    return Draft(
        name=row["name"],
        demonstrations=from_json(row["demonstrations"]),
        probes=tuple(json.loads(row["probes"])),
        rules=None if rules is None else tuple(rules),
        instruction=row["instruction"],
    )


def _save(connection: sqlite3.Connection, owner: str, project: str, draft: Draft) -> None:
    values = _values(draft)
    _changed(
        connection.execute(
            f"""UPDATE projects SET {", ".join(f"{name} = :{name}" for name in values)}
            WHERE owner = :owner AND id = :id""",
            values | {"owner": owner, "id": project},
        )
    )


def _changed(done: sqlite3.Cursor) -> None:
    if not done.rowcount:
        raise ProjectError(GONE)


def _values(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "demonstrations": to_json(draft.demonstrations),
        "probes": json.dumps(draft.probes),
        "rules": json.dumps(draft.rules),
        "instruction": draft.instruction,
        "examples": sum(map(is_filled, draft.demonstrations)),
    }


def _last_edit(
    connection: sqlite3.Connection, project: str, *, undone: bool = False
) -> tuple[int, Edit] | None:
    """The newest one; of those that were undone the oldest."""
    order = "" if undone else "DESC"
    row = connection.execute(
        f"SELECT * FROM edits WHERE project = ? AND undone = ? ORDER BY number {order} LIMIT 1",
        (project, undone),
    ).fetchone()
    return (row["number"], _EDIT.validate_json(row["edit"])) if row else None
