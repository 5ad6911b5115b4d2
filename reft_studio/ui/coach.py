"""What could be better about a table of examples, in plain words. Nothing here stops a training."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from reft_studio.demonstrations import Demonstration
from reft_studio.errors import RuleError
from reft_studio.rules import meets, read_rules
from reft_studio.ui import wording

FEW_ROWS = 6
SECONDS_FOR_RULES = 0.3
MOST_SAID = 4
"""More at once would not be read."""


def advice(rows: Sequence[Demonstration], rules: Sequence[str]) -> list[str]:
    """Sentences on the rows, which are counted from 1 as in the table; `rules` say what a right reply is."""
    written = [(number, row) for number, row in enumerate(rows, 1) if row.prompt.strip() or row.reply.strip()]
    if not written:
        return []
    return [
        *_halves(written),
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


def _twice(rows: _Numbered) -> Iterator[str]:
    for numbers in _alike((number, row.prompt) for number, row in rows):
        yield wording.same_prompt(numbers)


def _same_replies(rows: _Numbered) -> Iterator[str]:
    for numbers in _alike((number, row.reply) for number, row in rows):
        yield wording.same_reply(numbers)


def _breaking(rows: _Numbered, rules: Sequence[str]) -> Iterator[str]:
    wrong, begun = [], time.monotonic()
    try:
        read = read_rules(rules)
        for number, row in rows:
            if row.reply.strip() and not meets(read, row.reply):
                wrong.append(number)
            # Others wait behind every change of a table.
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
        if plain := " ".join(text.casefold().split()).rstrip("?!. "):
            places[plain].append(number)
    yield from (numbers for numbers in places.values() if len(numbers) > 1)
