"""What was said to the bots, by whom it was said and to which bot."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from reft_studio.database import Database
from reft_studio.turns import Turn

MOST_TURNS = 200
"""So many of the newest are kept of each conversation."""
_TURNS = TypeAdapter(tuple[Turn, ...])


class Conversations:
    """Everyone's conversations. Any thread may call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def turns(self, owner: str, bot_id: str) -> tuple[Turn, ...]:
        """What an owner has said to a bot so far, and what came back."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT turns FROM conversations WHERE owner = ? AND bot = ?", (owner, bot_id)
            ).fetchone()
        return _TURNS.validate_json(row["turns"]) if row else ()

    def save(self, owner: str, bot_id: str, turns: Sequence[Turn]) -> None:
        """Keep the newest turns instead of what was kept; none at all to forget the conversation.

        With a bot that was deleted in the meantime there is none.
        """
        with self._database.connect() as connection:
            connection.execute("DELETE FROM conversations WHERE owner = ? AND bot = ?", (owner, bot_id))
            if turns:
                kept = _TURNS.dump_json(tuple(turns[-MOST_TURNS:])).decode()
                connection.execute(
                    "INSERT INTO conversations SELECT owner, id, ? FROM bots WHERE owner = ? AND id = ?",
                    (kept, owner, bot_id),
                )

    def is_there_any(self, owner: str) -> bool:
        """Whether an owner has talked to any bot."""
        with self._database.connect() as connection:
            row = connection.execute("SELECT 1 FROM conversations WHERE owner = ?", (owner,)).fetchone()
        return row is not None
