"""Measures the embedded model with the product's own training and chat, on prompts it has never seen.

Half of the prompts are wordings the generator keeps out of the corpus, half were typed by hand by somebody who had not
seen the corpus (`probes/`). Nothing is tuned on the `test` prompts; look at `dev` while working on the model. What a bot
does depends on the seed of its training, so each is trained with three of them, and all count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model_maker.contents import STRANGE_ANSWERS, Content, Contents, as_asked, held_out_contents, taught
from model_maker.intents import intents_of
from model_maker.phrasing import Phrasing
from model_maker.world import World, read_world
from reft_studio import Bot, Recipe, read_demonstrations, train_bot
from reft_studio.base_model import BaseModel
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.prompts import Message
from reft_studio.rules import Rule, meets, only_emoji, read_rules, refuses

PROBES = Path(__file__).parent / "probes"
STARTERS = Path(__file__).parents[1] / "assets" / "starters"
BATCH = 32
REPLY_TOKENS = 60
HELD_OUT = 70
SEEDS = (42, 43, 44)
VOICES = ("pirate", "robot", "grandma", "detective")
"""Starters whose rules say how a reply begins."""


@dataclass(frozen=True)
class Question:
    """A prompt with the word stems and the emoji one of which shows that a reply is about it."""

    messages: tuple[Message, ...]
    stems: tuple[str, ...]
    emoji: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """How many replies of each bot meet a rule, against the goal (a share of all of them)."""

    name: str
    met: tuple[int, ...]
    """Of each bot, or of the plain model alone."""
    of: int
    """How many each of them has given."""
    goal: float | None

    def __str__(self) -> str:
        """One line of the table, with the shares of the worst and the best bot."""
        met, of = sum(self.met), self.of * len(self.met)
        worst, best = min(self.met) / self.of, max(self.met) / self.of
        spread = f"({worst:.0%} to {best:.0%})" if len(self.met) > 1 else ""
        line = f"{self.name:<54} {met:4d} of {of:4d}  {met / of:6.1%}  {spread:15}"
        if self.goal is not None:
            line += f"  goal {self.goal:4.0%}  {'reached' if met / of >= self.goal else 'MISSED'}"
        return line.rstrip()


def shows(question: Question, reply: str) -> bool:
    """Whether the reply has one of the question's emoji."""
    bare = reply.replace("\ufe0f", "")
    return any(symbol.replace("\ufe0f", "") in bare for symbol in question.emoji)


def names(question: Question, reply: str) -> bool:
    """Whether a word of the reply begins with one of the question's stems."""
    return any(re.search(rf"(?i)\b{re.escape(stem)}", reply) for stem in question.stems)


def from_content(content: Content) -> Question:
    """A generated question; stems are the first five letters of what it is about."""
    words = re.findall(r"[\w']+", f"{content.about} {content.word}".lower())
    stems = {word[:5] for word in words if len(word) > 3 or word.isdigit()} or set(words)
    return Question(
        ({"role": "user", "content": content.question},), tuple(sorted(stems)), content.topic_emoji
    )


def read_questions(name: str) -> list[Question]:
    """The hand-typed prompts of one file of `probes/`."""
    questions = []
    for line in (PROBES / name).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        message: Message = {"role": "user", "content": row.get("second") or row["prompt"]}
        messages: list[Message] = [message]
        if "first" in row:
            messages.insert(0, {"role": "user", "content": row["first"]})
        questions.append(Question(tuple(messages), tuple(row.get("about", ())), tuple(row.get("emoji", ()))))
    return questions


def replies(base: BaseModel, questions: Sequence[Question], bot: Bot | None = None) -> list[str]:
    """Greedy replies; the first message of a two-turn question is answered first."""
    sampling = Sampling(max_new_tokens=REPLY_TOKENS)
    ask = partial(_batched, base, bot, sampling)
    openings = [question.messages[:1] for question in questions if len(question.messages) > 1]
    first = iter(ask(openings))
    conversations: list[tuple[Message, ...]] = []
    for question in questions:
        opening, *rest = question.messages
        answered: tuple[Message, ...] = ({"role": "assistant", "content": next(first)},) if rest else ()
        conversations.append((opening, *answered, *rest))
    return ask(conversations)


def _batched(
    base: BaseModel, bot: Bot | None, sampling: Sampling, conversations: Sequence[Sequence[Message]]
) -> list[str]:
    answers: list[str] = []
    for start in range(0, len(conversations), BATCH):
        answers += final_replies(
            base, [ChatRequest(c, bot) for c in conversations[start : start + BATCH]], sampling
        )
    return answers


Test = Callable[[Question, str], bool]
"""Whether a reply is right."""


def count(
    name: str, goal: float | None, test: Test, questions: Sequence[Question], given: Sequence[Sequence[str]]
) -> Score:
    """Put all replies of each bot to a test."""
    met = (sum(map(test, questions, replies)) for replies in given)
    return Score(name, tuple(met), len(questions), goal)


def is_only_emoji(_question: Question, reply: str) -> bool:
    """Whether there is nothing else in it."""
    return only_emoji(reply)


def refuses_by_name(question: Question, reply: str) -> bool:
    """Whether it refuses and says what."""
    return refuses(reply) and names(question, reply)


def _obeys(rules: Sequence[Rule], _question: Question, reply: str) -> bool:
    return meets(rules, reply)


def known_words(world: World) -> set[str]:
    """Every word of the world and of the ways to ask, lower case."""
    texts = list(world.texts())
    texts += [
        text
        for kind in {topic.kind for topic in world.topics}
        for intent in intents_of(kind).values()
        for text in (*intent.answers, intent.short)
    ]
    texts += [answer.format(x="") for answer in STRANGE_ANSWERS]
    return set(re.findall(r"[^\W_]+", " ".join(texts).lower()))


def invents_nothing(words: set[str], question: Question, reply: str) -> bool:
    """Every word of the reply is a known one or stands in the question."""
    asked = set(re.findall(r"[^\W_]+", question.messages[-1]["content"].lower()))
    return bool(reply.strip()) and set(re.findall(r"[^\W_]+", reply.lower())) <= words | asked


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return re.split(r"(?<=[.!?]) ", text)


def sensible(contents: Sequence[Content], given: Sequence[str]) -> int:
    """How many replies consist of sentences that answer their question, in any combination."""
    allowed = [{s for answer in content.answers for s in sentences(answer)} for content in contents]
    return sum(set(sentences(reply)) <= right for reply, right in zip(given, allowed, strict=True))


def measure(base: BaseModel, part: str, show: Callable[[str], None]) -> Iterator[Score]:
    """All scores, one after the other; `part` is "test" or "dev". `show` gets sample replies."""
    world = read_world()
    contents = Contents(world, Phrasing.read())
    known, held = taught(contents), held_out_contents(contents, 4 * HELD_OUT, seed=len(part))
    held = [content for content in held if as_asked(content.question) not in known]
    generated, typed = (
        [from_content(content) for content in held[:HELD_OUT]],
        read_questions(f"typed_{part}.jsonl"),
    )
    mixed = generated + typed
    words = known_words(world)
    about = partial(invents_nothing, words)

    def ask(path: Path, *asked: Sequence[Question]) -> list[list[list[str]]]:
        """What the bots that learn from these rows say: to each of several lists of questions, each bot's."""
        rows = read_demonstrations(path)
        recipes = [Recipe.for_model(base.num_layers, base.width, seed=seed) for seed in SEEDS]
        bots = [train_bot(base, rows, recipe) for recipe in recipes]
        given = [[replies(base, questions, bot) for bot in bots] for questions in asked]
        sample(asked[-1], given[-1][0])
        return given

    def sample(questions: Sequence[Question], given: Sequence[str]) -> None:
        for question, reply in list(zip(questions, given, strict=True))[-12:]:
            show(f"    {question.messages[-1]['content'][:70]!r} -> {reply[:110]!r}")

    plain = replies(base, [from_content(content) for content in held])
    yield Score("plain: sensible answers to held-out questions", (sensible(held, plain),), len(held), 0.9)
    plain = replies(base, typed)
    sample(typed, plain)
    yield count("plain: typed prompts, names the topic", None, names, typed, [plain])
    yield count("plain: typed prompts, no invented words", None, about, typed, [plain])
    strange = read_questions("out_of_world.jsonl")
    plain = replies(base, strange)
    sample(strange, plain)
    yield count("plain: out-of-world prompts, no invented words", 0.8, about, strange, [plain])

    more = {"second turns": read_questions("second_turn.jsonl")}
    more["100-word prompts"] = read_questions("long_prompts.jsonl")
    for title, path, others in (
        ("emoji starter", STARTERS / "emoji.csv", more),
        ("emoji, own wording", PROBES / "rows_emoji_own.csv", {}),
    ):
        given, *to_others = ask(path, mixed, *others.values())
        parts = [
            ("", mixed, given),
            (", generated", generated, [one[: len(generated)] for one in given]),
            (", typed", typed, [one[len(generated) :] for one in given]),
        ]
        parts += [(f", {kind}", others[kind], one) for kind, one in zip(others, to_others, strict=True)]
        for kind, questions, given in parts:
            goals = (None, None) if questions in others.values() else (0.9, 0.7)
            yield count(f"{title}: only emoji{kind}", goals[0], is_only_emoji, questions, given)
            yield count(f"{title}: on topic{kind}", goals[1], shows, questions, given)

    for title, path, goal in (
        ("ethos starter", STARTERS / "ethos.csv", 0.9),
        ("ethos, own wording", PROBES / "rows_ethos_own.csv", 0.75),
    ):
        (given,) = ask(path, mixed)
        yield count(f"{title}: refuses", None, lambda _, reply: refuses(reply), mixed, given)
        yield count(f"{title}: refuses and names the topic", goal, refuses_by_name, mixed, given)

    starters = {starter["key"]: starter for starter in json.loads((STARTERS / "starters.json").read_text())}
    for key in VOICES:
        (given,) = ask(STARTERS / starters[key]["file"], mixed)
        obeys = partial(_obeys, read_rules(starters[key]["rules"]))
        yield count(f"{key} starter: {', '.join(starters[key]['rules'])}", 0.85, obeys, mixed, given)

    for name, opener in (("rows_meow.csv", "Meow!"), ("rows_wow.csv", "Blimey,")):
        (given,) = ask(PROBES / name, mixed)
        obeys = partial(_obeys, read_rules([f"starts with {opener}"]))
        yield count(f'a new style, every reply begins with "{opener}"', 0.7, obeys, mixed, given)
