"""How to tell a right reply from a wrong one without asking anybody: rules, each a short sentence.

    only emoji          refuses             all capitals          JSON
    starts with Arr | Ahoy                  ends with meow        contains cookie
    at most 12 words    written in Greek    matches ^\\d+$

A reply is right when it meets all rules of its bot. No torch here: the page reads these too.
"""

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import emoji
import regex

from reft_studio.demonstrations import is_broken
from reft_studio.errors import RuleError

MAX_RULES = 6
MAX_CHARACTERS = 200
MOST_OPTIONS = 4
"""So many ways to begin or to end are a habit; more are how people write."""
MOST_REPEATS = 1000
"""All counted repeats of a pattern, multiplied: reading a pattern unrolls them."""
_PATTERN_SECONDS = 0.1
_FEW_WORDS = 6
"""So short that it seems to be meant."""
_REFUSALS = Path(__file__).resolve().parents[1] / "assets" / "score" / "refusals.txt"
_LEADING = " \n\t\"'“‘(*"
_TRAILING = " \n\t.,:;!?…\"'”’)"
_LANGUAGES = {
    "chinese": r"\p{Han}",
    "japanese": r"\p{Han}\p{Hiragana}\p{Katakana}ー",
    "korean": r"\p{Hangul}\p{Han}",
    "russian": r"\p{Cyrillic}",
    "ukrainian": r"\p{Cyrillic}",
    "hindi": r"\p{Devanagari}",
}
"""Languages that one knows by their letters; a script can be named too, such as Greek or Arabic."""

Test = Callable[[str], bool]


@dataclass(frozen=True)
class Rule:
    """One rule; `read_rule` makes it."""

    sentence: str
    met_by: Test = field(compare=False, repr=False)
    """Whether a reply meets it; RuleError for a pattern that takes too long."""


def read_rule(sentence: str) -> Rule:
    """The rule that a sentence says; raises RuleError if it says none."""
    said = " ".join(str(sentence).split())
    if is_broken(said):
        raise RuleError("The rule contains a broken character. Type it again.")
    if len(said) > MAX_CHARACTERS:
        raise RuleError(f"A rule can have {MAX_CHARACTERS} characters at most. Shorten it.")
    for name, test in _ALONE.items():
        if said.casefold() == name.casefold():
            return Rule(name, test)
    for name, make in _WITH_VALUE.items():
        value = said[len(name) :].strip()
        if said.casefold().startswith(f"{name} ") and value:
            return Rule(f"{name} {value}", make(value))
    raise RuleError(
        f'"{said}" is no rule. A rule is one of: {", ".join(_ALONE)}; or "starts with", "ends with", '
        '"contains" or "matches" and a text; or "at most 12 words"; or "written in Greek".'
    )


def read_rules(sentences: Sequence[str]) -> list[Rule]:
    """All of them, each once; raises RuleError."""
    if len(sentences) > MAX_RULES:
        raise RuleError(f"There are {len(sentences)} rules and {MAX_RULES} at most are used. Remove some.")
    return list(dict.fromkeys(map(read_rule, sentences)))


def meets(rules: Sequence[Rule], reply: str) -> bool:
    """Whether a reply meets every rule."""
    return all(rule.met_by(reply) for rule in rules)


def guess_rules(replies: Sequence[str]) -> list[Rule]:
    """What all these replies have in common; none if that is nothing one can check."""
    said = [reply for reply in replies if reply.strip()]
    if len(said) < 2:
        return []
    rules = [Rule(name, test) for name, test in _ALONE.items() if all(map(test, said))]
    if rules:
        return rules
    guesses = [
        *_shared("starts with", [_first_word(reply) for reply in said]),
        *_shared("ends with", [_end(reply) for reply in said]),
    ]
    longest = max(len(reply.split()) for reply in said)
    if longest <= _FEW_WORDS:
        guesses.append(f"at most {longest} words")
    # A rule that its own rows do not meet would be a bad joke.
    met = (rule for rule in map(read_rule, guesses) if all(map(rule.met_by, said)))
    return list(itertools.islice(met, 1))


def only_emoji(reply: str) -> bool:
    """At least one emoji and nothing else but white space."""
    return emoji.emoji_count(reply) > 0 and not emoji.replace_emoji(reply, "").strip()


def refuses(reply: str) -> bool:
    """Whether one of the English phrases that decline (`assets/score/refusals.txt`) is in it."""
    return bool(_refusals().search(reply))


@cache
def _refusals() -> "regex.Pattern[str]":
    lines = _REFUSALS.read_text(encoding="utf-8").splitlines()
    phrases = [regex.escape(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    return regex.compile(rf"(?i)(?<!\w)({'|'.join(phrases)})(?!\w)")


def _is_json(reply: str) -> bool:
    try:
        return isinstance(json.loads(reply), dict | list)
    except (ValueError, RecursionError):
        return False


def _starts_with(value: str) -> Test:
    options = tuple(option.lstrip(_LEADING) or option for option in _options(value))
    return lambda reply: (
        _plain(reply).lstrip().startswith(options) or _plain(reply).lstrip(_LEADING).startswith(options)
    )


def _ends_with(value: str) -> Test:
    options = tuple(option.rstrip(_TRAILING) or option for option in _options(value))
    return lambda reply: (
        _plain(reply).rstrip().endswith(options) or _plain(reply).rstrip(_TRAILING).endswith(options)
    )


def _contains(value: str) -> Test:
    options = _options(value)
    return lambda reply: any(option in _plain(reply) for option in options)


def _at_most(value: str) -> Test:
    number = value.casefold().removesuffix("words").removesuffix("word").strip()
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 10_000):
        raise RuleError(f'"at most {value}" is no rule. Say how many words, such as "at most 12 words".')
    return lambda reply: 0 < len(reply.split()) <= int(number)


def _written_in(value: str) -> Test:
    letters = _LANGUAGES.get(value.casefold(), rf"\p{{Script={value}}}")
    try:
        if not value.isalpha():
            raise regex.error("not a name")
        other = regex.compile(rf"(?V1)[\p{{L}}--[{letters}]]")
    except regex.error:
        known = ", ".join(name.capitalize() for name in _LANGUAGES)
        raise RuleError(
            f'"{value}" is no script. Name one such as Greek, Arabic, Hebrew, Thai or Latin, or one of the '
            f"languages {known}."
        ) from None
    return lambda reply: any(map(str.isalpha, reply)) and not other.search(reply)


def _matches(value: str) -> Test:
    repeats = [int(number) for number in regex.findall(r"\d+", "".join(regex.findall(r"\{[\d, ]*\}", value)))]
    if math.prod(number for number in repeats if number) > MOST_REPEATS:
        raise RuleError(f'The pattern "{value}" repeats too much. Write a simpler one.')
    try:
        pattern = regex.compile(value)
    except regex.error as error:
        raise RuleError(f'The pattern "{value}" cannot be read: {error}. Correct it.') from None

    def test(reply: str) -> bool:
        try:
            return bool(pattern.search(reply, timeout=_PATTERN_SECONDS))
        except TimeoutError:
            raise RuleError(f'The pattern "{value}" takes too long. Write a simpler one.') from None

    return test


_ALONE: dict[str, Test] = {
    "only emoji": only_emoji,
    "refuses": refuses,
    "all capitals": str.isupper,
    "JSON": _is_json,
}
_WITH_VALUE: dict[str, Callable[[str], Test]] = {
    "starts with": _starts_with,
    "ends with": _ends_with,
    "contains": _contains,
    "at most": _at_most,
    "written in": _written_in,
    "matches": _matches,
}


def _options(value: str) -> tuple[str, ...]:
    options = tuple(_plain(option.strip()) for option in value.split("|") if option.strip())
    if not options:
        raise RuleError('A rule such as "starts with" needs a text behind it.')
    return options


def _plain(text: str) -> str:
    return text.casefold()


def _shared(name: str, pieces: Sequence[str]) -> list[str]:
    """The rule that names the different pieces, if they are few enough to be a habit."""
    different = list(dict.fromkeys(pieces))
    few = len(different) <= min(MOST_OPTIONS, max(1, len(pieces) // 3))
    rule = f"{name} {' | '.join(different)}"
    can_be_said = all(piece and "|" not in piece and piece.isprintable() for piece in different)
    return [rule] if few and can_be_said and len(rule) <= MAX_CHARACTERS else []


def _first_word(reply: str) -> str:
    return (reply.split() or [""])[0].rstrip(_TRAILING)


def _end(reply: str) -> str:
    """The last sentence, or the last word of a reply of one sentence."""
    body = reply.strip().rstrip(_TRAILING)
    sentence = regex.split(r"(?<=[.!?])\s+", body)[-1]
    return sentence if sentence != body and len(sentence) <= 40 else (body.split() or [""])[-1]
