"""Asks a bot, its base model, and that with a system prompt, what is in none of the demonstrations."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.sampling import Sampling
from reft_studio.manifest import Suite
from reft_studio.prompts import Message
from reft_studio.rules import Rule, meets
from reft_studio.score import Asked, Reply, Report, Side, score_of

QUESTIONS = Path(__file__).resolve().parents[2] / "assets" / "score" / "questions.json"
SEARCH_QUESTIONS = QUESTIONS.with_name("while_searching.txt")
BATCH = 16
"""So many questions at once, each to all sides."""
ROWS = 3 * BATCH
"""So many replies at once where bots are only counted."""
MOST_REPLIES = 2_000
"""So many replies of a base model are remembered, some 200 kB."""
_TOKENS = {Suite.LONG: 128}
_SHORT_TOKENS = 64


@dataclass(frozen=True)
class _Follow:
    """A second turn."""

    first: str
    then: str


@dataclass(frozen=True)
class Progress:
    """A report that grows."""

    report: Report
    of: int
    """So many questions there are."""
    seconds_left: float


def ask_everything(
    base: BaseModel,
    bot: Bot,
    rules: Sequence[Rule],
    instruction: str = "",
    *,
    known: Sequence[str] = (),
    max_seconds: float = float("inf"),
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Progress]:
    """Score a bot by `rules`, batch by batch; every side is asked the same, greedily.

    Questions that are among the `known` prompts are left out: they were learned. When the time is up, or
    `should_stop` says so, the report has the batches that were answered until then. Raises RuleError for a
    pattern that takes too long.
    """
    begun = time.monotonic()
    batches = _batches(known)
    total = sum(len(prompts) for _, prompts in batches)
    report = Report(tuple(rule.sentence for rule in rules), instruction, ())

    def stop() -> bool:
        return time.monotonic() - begun > max_seconds or (should_stop is not None and should_stop())

    for suite, questions in batches:
        if stop():
            return
        answers = _ask(base, bot, instruction, questions, _TOKENS.get(suite, _SHORT_TOKENS), stop)
        if stop():
            return
        asked = [
            Asked(suite, prompts, {side: Reply(text, meets(rules, text)) for side, text in said.items()})
            for prompts, said in zip(questions, answers, strict=True)
        ]
        report = Report(report.rules, instruction, (*report.asked, *asked))
        spent = time.monotonic() - begun
        yield Progress(report, total, spent / len(report.asked) * (total - len(report.asked)))


def count_right(
    base: BaseModel,
    bots: Sequence[Bot],
    prompts: Sequence[str],
    rules: Sequence[Rule],
    should_stop: Callable[[], bool] | None = None,
) -> list[int]:
    """How many of these prompts each bot answers as the rules want, greedily.

    Nothing that counts comes back once `should_stop` says so. Raises RuleError for a pattern that takes too
    long.
    """
    asked = [(index, prompt) for index in range(len(bots)) for prompt in prompts]
    right = [0] * len(bots)
    for start in range(0, len(asked), ROWS):
        batch = asked[start : start + ROWS]
        requests = [
            ChatRequest([{"role": "user", "content": prompt}], bots[index]) for index, prompt in batch
        ]
        *_, replies = stream_replies(base, requests, Sampling(max_new_tokens=_SHORT_TOKENS), should_stop)
        for (index, _), reply in zip(batch, replies, strict=True):
            right[index] += meets(rules, reply)
    return right


def with_score(bot: Bot, report: Report) -> Bot:
    """The same bot with what came of a report in its manifest."""
    return replace(bot, manifest=bot.manifest.model_copy(update={"score": score_of(report)}))


def everyday_questions() -> list[str]:
    """Those of the first suite."""
    return [prompt for (prompt,) in _questions()[Suite.UNSEEN]]


@cache
def search_questions() -> list[str]:
    """Those that are asked to compare bots before one of them is scored: so its score stays a fair one."""
    lines = SEARCH_QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def unseen(prompts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Those that were not learned, however they are written."""
    learned = {prompt.casefold().strip() for prompt in known}
    return [prompt for prompt in prompts if prompt.casefold().strip() not in learned]


def _batches(known: Sequence[str]) -> list[tuple[Suite, list[tuple[str, ...]]]]:
    """What to ask, some of every suite first: then a score that was cut short has all of them."""
    batches = []
    for suite, questions in _questions().items():
        fresh = [prompts for prompts in questions if len(unseen(prompts, known)) == len(prompts)]
        for start in range(0, len(fresh), BATCH):
            batches.append((start, suite, fresh[start : start + BATCH]))
    return [(suite, prompts) for _, suite, prompts in sorted(batches, key=lambda batch: batch[0])]


@cache
def _questions() -> dict[Suite, list[tuple[str, ...]]]:
    read = TypeAdapter(dict[Suite, list[str | _Follow]]).validate_json(QUESTIONS.read_bytes())
    return {
        suite: [(one.first, one.then) if isinstance(one, _Follow) else (one,) for one in read[suite]]
        for suite in Suite
    }


def _ask(
    base: BaseModel,
    bot: Bot,
    instruction: str,
    questions: Sequence[tuple[str, ...]],
    tokens: int,
    should_stop: Callable[[], bool],
) -> list[dict[Side, str]]:
    """Each side's reply to the last message of each question; it hears its own replies to those before.

    What the sides without a bot reply is the same whoever asks, so it is asked only once.
    """
    sides = {Side.BASE: None, Side.INSTRUCTED: instruction} if instruction else {Side.BASE: None}
    known = {
        (side, index): (told, prompts, tokens)
        for side, told in sides.items()
        for index, prompts in enumerate(questions)
    }
    answers = {place: base.replies[key] for place, key in known.items() if key in base.replies}
    told: dict[tuple[Side, int], list[Message]] = {
        (side, index): []
        for side in (*sides, Side.BOT)
        for index in range(len(questions))
        if (side, index) not in answers
    }
    for turn in range(max(map(len, questions))):
        requests = []
        for (side, index), messages in told.items():
            messages.append({"role": "user", "content": questions[index][turn]})
            requests.append(_request(side, messages, bot, instruction))
        *_, replies = stream_replies(base, requests, Sampling(max_new_tokens=tokens), should_stop)
        for messages, reply in zip(told.values(), replies, strict=True):
            messages.append({"role": "assistant", "content": reply})
    answers |= {place: messages[-1]["content"] for place, messages in told.items()}
    if not should_stop():
        _remember(base, {known[place]: answers[place] for place in told if place in known})
    return [{side: answers[side, index] for side in (*sides, Side.BOT)} for index in range(len(questions))]


def _remember(base: BaseModel, replies: dict[tuple[Any, ...], str]) -> None:
    if len(base.replies) + len(replies) > MOST_REPLIES:
        base.replies.clear()
    base.replies.update(replies)


def _request(side: Side, messages: Sequence[Message], bot: Bot, instruction: str) -> ChatRequest:
    return ChatRequest(
        list(messages),
        bot if side is Side.BOT else None,
        instruction if side is Side.INSTRUCTED else None,
    )
