"""A conversation with several at once: what was asked, what each side said, and how it is kept and told."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reft_studio.prompts import Message
from reft_studio.score import Side


@dataclass(frozen=True)
class Turn:
    """One prompt and the replies of all sides, as far as they go."""

    prompt: str
    base: str = ""
    instructed: str | None = None
    """None where nobody was instructed."""
    bot: str = ""
    finished: bool = False
    how: str = ""
    """If not as it was trained: with which strengths the bot answered, as of which moment, with which bot."""

    @property
    def replies(self) -> dict[Side, str]:
        """Of everybody who was there."""
        found: dict[Side, str | None] = {side: getattr(self, side) for side in Side}
        return {side: reply for side, reply in found.items() if reply is not None}


def messages(turns: Sequence[Turn], side: Side) -> tuple[Message, ...]:
    """What one side has heard and said, ending with the newest prompt, without turns that it was not in."""
    *past, newest = turns
    said: list[Message] = []
    for turn in past:
        if side in turn.replies:
            said.append({"role": "user", "content": turn.prompt})
            said.append({"role": "assistant", "content": turn.replies[side]})
    return (*said, {"role": "user", "content": newest.prompt})


def to_markdown(turns: Sequence[Turn], names: Mapping[str, str]) -> str:
    """A conversation to read: what was said is indented, so that none of it is taken for a heading."""
    parts = []
    for turn in turns:
        parts.append(_quoted("You", turn.prompt))
        said_by = {**names, Side.BOT: f"{names[Side.BOT]} {turn.how}"} if turn.how else names
        parts += [_quoted(said_by[side], reply) for side, reply in turn.replies.items()]
    return "\n".join(parts)


def to_jsonl(turns: Sequence[Turn], _names: Mapping[str, str] | None = None) -> str:
    """A conversation to work with: a line for each turn."""
    lines = (
        {"prompt": turn.prompt}
        | {str(side): reply for side, reply in turn.replies.items()}
        | ({"how": turn.how} if turn.how else {})
        for turn in turns
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _quoted(name: str, text: str) -> str:
    indented = "\n".join(f"    {line}" for line in text.splitlines())
    # All punctuation of ASCII can have a backslash before it (CommonMark 2.4).
    plain = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(name.split()))
    return f"{plain}:\n\n{indented}\n"
