"""What could be better about a table of examples, in plain words. Nothing here stops a training."""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from reft_studio.demonstrations import Demonstration, Limits
from reft_studio.errors import RuleError
from reft_studio.rules import meets, read_rules
from reft_studio.ui import wording

FEW_ROWS = 6
SECONDS_FOR_RULES = 0.3
"""And for what else takes longer with every row: others wait behind every change of a table."""
FEW_WORDS = 4
NEARLY = 0.75
"""So much of their words two replies share when they are nearly the same."""
MOST_SAID = 4
"""More at once would not be read."""


def advice(
    rows: Sequence[Demonstration], rules: Sequence[str], most_characters: int = Limits().cell_characters
) -> list[str]:
    """Sentences on the rows, which are counted from 1 as in the table; `rules` say what a right reply is."""
    written = [(number, row) for number, row in enumerate(rows, 1) if row.prompt.strip() or row.reply.strip()]
    if not written:
        return []
    return [
        *_halves(written),
        *_long(written, most_characters),
        *_twice(written),
        *_breaking(written, rules),
        *_same_replies(written),
        *([wording.few_rows(len(written))] if len(written) < FEW_ROWS else []),
    ][:MOST_SAID]


_Numbered = Sequence[tuple[int, Demonstration]]


def _halves(rows: _Numbered) -> Iterator[str]:
    for number, row in rows:
        if not row.prompt.strip() or not row.reply.strip():
            yield wording.half_a_row(number, prompt=not row.prompt.strip())


def _long(rows: _Numbered, most_characters: int) -> Iterator[str]:
    for number, row in rows:
        longest = max(len(row.prompt), len(row.reply))
        if longest > most_characters:
            yield wording.long_cell(number, longest, most_characters)


def _twice(rows: _Numbered) -> Iterator[str]:
    replies = {number: _plain(row.reply) for number, row in rows}
    for numbers in _alike((number, row.prompt) for number, row in rows):
        different = {replies[number] for number in numbers}
        yield wording.same_prompt(numbers, contradict=len(different) > 1)


def _same_replies(rows: _Numbered) -> Iterator[str]:
    for numbers in _alike((number, row.reply) for number, row in rows):
        yield wording.same_reply(numbers, nearly=False)
    for numbers in _nearly_alike(rows):
        yield wording.same_reply(numbers, nearly=True)


def _nearly_alike(rows: _Numbered) -> Iterator[list[int]]:
    """Rows whose replies have nearly all words in common, and are not the same."""
    begun = time.monotonic()
    different = {_plain(row.reply): (number, row.reply) for number, row in reversed(rows)}
    words = {
        number: said
        for number, reply in sorted(different.values())
        if len(said := frozenset(re.findall(r"\w+", reply.casefold()))) >= FEW_WORDS
    }
    while words:
        said = next(iter(words.values()))
        near = [n for n, other in words.items() if len(said & other) >= NEARLY * len(said | other)]
        if len(near) > 1:
            yield near
        words = {number: other for number, other in words.items() if number not in near}
        if time.monotonic() - begun > SECONDS_FOR_RULES:
            return


def _breaking(rows: _Numbered, rules: Sequence[str]) -> Iterator[str]:
    wrong, begun = [], time.monotonic()
    try:
        read = read_rules(rules)
        for number, row in rows:
            if row.reply.strip() and not meets(read, row.reply):
                wrong.append(number)
            if time.monotonic() - begun > SECONDS_FOR_RULES:
                break
    except RuleError:
        # Said where the rules stand.
        return
    if wrong:
        yield wording.breaks_rules(wrong, [rule.sentence for rule in read])


def _alike(texts: Iterator[tuple[int, str]]) -> Iterator[list[int]]:
    """Rows with the same text but for capitals, spaces and the last sign."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, text in texts:
        if plain := _plain(text):
            places[plain].append(number)
    yield from (numbers for numbers in places.values() if len(numbers) > 1)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?!. ")
