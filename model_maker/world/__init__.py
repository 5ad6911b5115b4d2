"""Reads and checks the hand-written world (see README.md in this folder)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent

COMMON_COLUMNS = ("name", "form", "emoji", "definition", "fact", "adjective")
KIND_COLUMNS: dict[str, tuple[str, ...]] = {
    "animal": ("home", "eats"),
    "food": ("taste", "goes_with", "made"),
    "place": ("where", "see"),
    "activity": ("need", "where", "how"),
    "job": ("where", "does"),
    "thing": ("use", "found"),
    "nature": ("where",),
    "idea": ("why", "advice"),
    "health": ("why", "advice"),
}
FORMS = ("count", "mass", "name", "plural", "the")
SENTENCES = ("definition", "fact", "advice")
FORBIDDEN = re.compile(
    r"[;()\[\]\"“”—–{}<>]|\b\w+n't\b|\b(?:it|that|he|she|they|we|you|I|there)'(?:s|re|ve|ll|m|d)\b"
)


class WorldError(ValueError):
    """A line of the world is malformed; the message names file, line and reason."""


@dataclass(frozen=True)
class Topic:
    """One thing to talk about; `columns` holds the kind's own columns."""

    kind: str
    name: str
    form: str
    plural: str
    emoji: tuple[str, ...]
    definition: str
    fact: str
    adjective: str
    columns: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Exchange:
    """Several ways to ask one thing, with its answers."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    emoji: tuple[str, ...]
    about: str


def pluralize(noun: str) -> str:
    """The regular English plural of a noun (its last word)."""
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


def check_sentence(text: str, where: str, most_words: int) -> None:
    """Raise WorldError unless `text` is one or more plain sentences of at most `most_words` words."""
    if not re.search(r"[.?!]$", text):
        raise WorldError(f"{where}: does not end with a period: {text!r}")
    if len(text.split()) > most_words:
        raise WorldError(f"{where}: longer than {most_words} words: {text!r}")
    if found := FORBIDDEN.search(text):
        raise WorldError(f"{where}: {found.group(0)!r} is not allowed: {text!r}")


def read_topics(path: Path) -> list[Topic]:
    """Read one `*.topics` file; raises WorldError on the first malformed line."""
    kind, topics = path.stem.split("_")[0], []
    own = KIND_COLUMNS[kind]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path.name}:{number}"
        cells = [cell.strip() for cell in line.split("|")]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) != len(COMMON_COLUMNS) + len(own):
            raise WorldError(f"{where}: {len(cells)} columns, expected {len(COMMON_COLUMNS) + len(own)}")
        name, form, emoji, definition, fact, adjective = cells[:6]
        columns = dict(zip(own, cells[6:], strict=True))
        form, _, irregular = form.partition(":")
        if form not in FORMS:
            raise WorldError(f"{where}: form {form!r} is not one of {', '.join(FORMS)}")
        check_sentence(definition, where, 16)
        check_sentence(fact, where, 16)
        if "advice" in columns:
            check_sentence(columns["advice"], where, 16)
        for column, text in columns.items():
            if column != "advice" and text.endswith("."):
                raise WorldError(f"{where}: {column} is a phrase and takes no period: {text!r}")
        plural = irregular or (pluralize(name) if form == "count" else name)
        topics.append(
            Topic(kind, name, form, plural, tuple(emoji.split()), definition, fact, adjective, columns)
        )
    return topics


def read_exchanges(path: Path) -> list[Exchange]:
    """Read one `*.qa` file; raises WorldError on the first malformed block."""
    exchanges = []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for block in re.split(r"\n\s*\n", "\n".join(lines).strip()):
        parts: dict[str, list[str]] = {"?": [], "!": [], "*": [], "~": []}
        for line in block.splitlines():
            mark, _, text = line.strip().partition(" ")
            if mark not in parts or not text.strip():
                raise WorldError(f"{path.name}: a line must begin with ?, !, * or ~ and a space: {line!r}")
            parts[mark].append(text.strip())
        if len(parts["?"]) < 2 or not parts["!"] or len(parts["*"]) != 1 or len(parts["~"]) != 1:
            raise WorldError(f"{path.name}: incomplete block: {block!r}")
        for answer in parts["!"]:
            check_sentence(answer, path.name, 24)
        exchanges.append(
            Exchange(
                tuple(parts["?"]), tuple(parts["!"]), tuple(parts["*"][0].split()), parts["~"][0].rstrip(".")
            )
        )
    return exchanges


@dataclass(frozen=True)
class World:
    """All topics and exchanges, each name once."""

    topics: tuple[Topic, ...]
    exchanges: tuple[Exchange, ...]

    def texts(self) -> Iterator[str]:
        """Everything that is written in it."""
        for topic in self.topics:
            yield from (topic.name, topic.plural, topic.definition, topic.fact, topic.adjective)
            yield from topic.columns.values()
        for exchange in self.exchanges:
            yield from (*exchange.questions, *exchange.answers)

    def words(self) -> set[str]:
        """Every word of it, lower case."""
        return set(re.findall(r"[^\W\d_]+", " ".join(self.texts()).lower()))

    def symbols(self) -> set[str]:
        """Every emoji of it."""
        topics = {symbol for topic in self.topics for symbol in topic.emoji}
        return topics | {symbol for exchange in self.exchanges for symbol in exchange.emoji}


def read_world(folder: Path = FOLDER) -> World:
    """Read every file of the world; of topics with the same name the first one counts."""
    topics: dict[str, Topic] = {}
    for path in sorted(folder.glob("*.topics")):
        for topic in read_topics(path):
            topics.setdefault(topic.name.lower(), topic)
    exchanges = [exchange for path in sorted(folder.glob("*.qa")) for exchange in read_exchanges(path)]
    return World(tuple(topics.values()), tuple(exchanges))
