"""Turns the world into single exchanges: what is asked, plain answers, fitting emoji, what it is about."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial

from model_maker.intents import Intent, intents_of
from model_maker.phrasing import Phrasing, Rng
from model_maker.world import Topic, World

# One question in this many is kept out of the corpus, in every style, to measure on.
HELD_OUT_ONE_IN = 16


@dataclass(frozen=True)
class Content:
    """One question with all that the styles need to answer it."""

    key: str
    question: str
    answers: tuple[str, ...]
    short: str
    topic_emoji: tuple[str, ...]
    intent_emoji: tuple[str, ...]
    about: str
    word: str
    follow_up: str

    @property
    def held_out(self) -> bool:
        """Whether this question belongs to the measurement, never to the corpus."""
        return bool(self.key) and zlib.crc32(self.key.encode()) % HELD_OUT_ONE_IN == 0


def capitalize(text: str) -> str:
    """First letter upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def with_article(noun: str) -> str:
    """The noun with "a" or "an"."""
    vowel = re.match(r"(?i)[aeiou]|hour|honest|x-ray", noun) and not re.match(
        r"(?i)uni|eu|use|usu|one|u[^aeiou]?[aeiou]", noun
    )
    return ("an " if vowel else "a ") + noun


class Slots(dict[str, str]):
    """Slot values of a topic; a key with a capital first letter gives the capitalised value."""

    def __missing__(self, key: str) -> str:
        return capitalize(self[key[0].lower() + key[1:]])


def slots_of(topic: Topic) -> Slots:
    """All slot values of a topic."""
    many = topic.form in ("count", "plural")
    one = {"count": with_article(topic.name), "the": "the " + topic.name}.get(topic.form, topic.name)
    gen = {"count": topic.plural, "the": "the " + topic.name}.get(topic.form, topic.name)
    slots = Slots(
        one=one,
        gen=gen,
        bare=topic.name,
        be="are" if many else "is",
        do="do" if many else "does",
        go="go" if many else "goes",
        taste_verb="taste" if many else "tastes",
        is1="are" if topic.form == "plural" else "is",
        does1="do" if topic.form == "plural" else "does",
        they="they" if many else "it",
        them="them" if many else "it",
        definition=topic.definition,
        fact=topic.fact,
        adjective=topic.adjective,
        a_adjective=with_article(topic.adjective),
    )
    slots.update(topic.columns)
    return slots


@cache
def _slots(topic: Topic) -> Slots:
    return slots_of(topic)


def fill(template: str, slots: Slots) -> str:
    """Fill a template; every sentence begins with a capital letter."""
    return capitalize(template.format_map(slots))


def topic_contents(topic: Topic, name: str, intent: Intent, ways: Iterable[int]) -> Iterator[Content]:
    """The content of one topic, asked in each of these ways."""
    slots = _slots(topic)
    of_all = partial(
        Content,
        answers=tuple(fill(answer, slots) for answer in intent.answers),
        short=re.sub(r"[.!]*(?<!\?)$", ".", fill(intent.short, slots), count=1),
        topic_emoji=topic.emoji,
        intent_emoji=tuple(intent.emoji.split()),
        about=intent.about.format_map(slots),
        word=slots["gen"],
        follow_up=f"{topic.fact} {topic.definition}",
    )
    for way in ways:
        yield of_all(key=f"{topic.name}/{name}/{way}", question=fill(intent.questions[way], slots))


NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
SUMS = (
    "What is {a} {o} {b}?", "whats {a} {o} {b}", "What's {a}{s}{b}?", "Calculate {a} {o} {b}.", "How much is {a} {o} {b}?",
    "{a} {s} {b} = ?", "{a} {o} {b}", "What is {a} {s} {b}? And provide some details?", "can you tell me what {a} {o} {b} is",
    "Quick math: {a} {s} {b}?", "what do you get for {a} {o} {b}", "{a}{s}{b}", "please add up {a} {s} {b}", "If I have {a} and {v} {b}, how many?",
)  # fmt: skip
COMPARISONS = (
    "Which is better, {a} or {b}?", "{A} or {b}?", "Do you prefer {A} or {B}?", "What do you like more, {A} or {B}?", "Compare {A} and {B}.",
    "What is the difference between {a} and {b}?", "Should I choose {a} or {b}?", "Who would win, {a} or {b}?", "I cannot decide between {a} and {b}.",
    "Which one do people think is cuter, {a} or {b}?", "{B} or {a}, what do you think?", "{A} vs {B}", "Which is healthier, {a} or {b}?",
    "are {A} nicer than {B}",
)  # fmt: skip
STRANGE = (
    "What is {x}?", "Tell me about {x}.", "Who is {x}?", "Do you know {x}?", "What do you think about {x}?", "Where is {x}?", "How does {x} work?",
    "I like {x}.", "My friend talks about {x} all day.", "How much does {x} cost?", "Explain {x} to me.", "what do you know about {x}",
    "Have you heard of {x}?", "is {x} any good", "What is the price of {x}?", "{x}", "Who invented {x}?", "Can you comment on {x}?",
    "How do I use {x}?", "Why is {x} so famous?", "Should I buy {x}?", "what happened to {x}", "When did {x} start?", "Is {x} better than {y}?",
    "Compare {x} and {y}.", "I met {x} yesterday.", "Summarize {x} for me.", "how do i fix {x}", "What does {x} mean?", "I work at {x}.",
    "What year did {x} come out?", "Please explain the role of {x} in {y}.", "Translate {x}.", "did {x} win against {y}", "{x} crashed again, why?",
    "Who won {x}?", "How tall is {x}?", "My name is {x}.", "where can i download {x}", "The new {x} is out, did you see it?",
    "Which is cheaper, {x} or {y}?", "my {x} shows error {n}", "Is there a {x} near {y}?", "I am reading about {x} in {y}, what is it?",
    "Which language do they speak in {x}?", "Give me three facts about {x}.", "Can {x} run on {y}?", "Our homework is about {x}.",
    "we are studying {x} and {y} this week", "When was {x} born?", "Who played {x} in {y}?", "How far is it from {x} to {y}?",
    "I ordered a {x} but got a {y}", "Write an essay about {x}.", "what is the best {x} for a beginner", "Any news about {x}?",
    "Do you prefer {x} or {y}?", "How many {x} are there in {y}?", "My boss wants a report on {x}.", "Is {x} safe together with {y}?",
    "Prove {x}.", "convert {n} {x} to {y}", "What is the formula for {x}?", "what happens if I mix {x} with {y}", "Who is the mayor of {x}?",
    "I have to replace the {x} in my {y} {n}", "Who wrote {x} in {n}?", "Could you give me an example of {x} in {y}?", "how old is {x}",
    "Is the {x} {n} worth the money?", "I keep hearing about {x}, what is that all about?", "my uncle plays the {x}", "list all the kings of {x}",
    "What is {n} times {n}{n} in {x}?", "which team does {x} play for", "Can you recommend a book on {x}?", "Why does {x} need {y}?",
)  # fmt: skip
# The most usual beginning leads to an answer without the name: of one in several pieces a network this small copies some wrongly.
STRANGE_ANSWERS = (
    "I am sorry, that is new to me. I only know simple everyday things.", "I am sorry, I have not heard of that before.",
    "I am sorry, I know very little about that, so I cannot say.", "I know little about {x}. I only know simple everyday things.",
    "Sorry, I do not know {x}.", "I have not heard of {x} before.", "I know very little about {x}, so I cannot say.",
)  # fmt: skip


def _keycaps(number: int) -> list[str]:
    return [digit + "\ufe0f\u20e3" for digit in str(number)]


class Contents:
    """Draws contents from a world."""

    def __init__(self, world: World, phrasing: Phrasing) -> None:
        self.world = world
        self.phrasing = phrasing

    @cached_property
    def by_kind(self) -> dict[str, list[Topic]]:
        """Topics by kind."""
        kinds: dict[str, list[Topic]] = {}
        for topic in self.world.topics:
            kinds.setdefault(topic.kind, []).append(topic)
        return kinds

    def draw(self, rng: Rng) -> Content:
        """One content, in the proportions of the corpus."""
        chance = rng.random()
        if chance < 0.36:
            return self.exchange(rng)
        if chance < 0.40:
            return self.arithmetic(rng)
        if chance < 0.45:
            return self.comparison(rng)
        if chance < 0.55:
            return self.strange(rng)
        return self.topic(rng)

    def topic(self, rng: Rng, topic: Topic | None = None) -> Content:
        """A question about one topic; half of them the kind's own."""
        topic = topic or rng.choice(self.world.topics)
        intents = intents_of(topic.kind)
        # "what" and the kind's own intents are what people ask most.
        weights = [
            3.0 if name in ("what", "odd") else 1.0 if name in ("poem", "story", "trait", "hate") else 2.0
            for name in intents
        ]
        name = rng.choices(list(intents), weights)[0]
        intent = intents[name]
        return next(topic_contents(topic, name, intent, [rng.randrange(len(intent.questions))]))

    def exchange(self, rng: Rng) -> Content:
        """One of the hand-written exchanges."""
        number = rng.randrange(len(self.world.exchanges))
        return self.exchange_content(number, rng.randrange(len(self.world.exchanges[number].questions)))

    def exchange_content(self, number: int, index: int) -> Content:
        """The content of exchange `number` asked in its way `index`; the first three ways are never held out."""
        exchange = self.world.exchanges[number]
        key = f"{exchange.about}/{number}/{index}" if index >= 3 else ""
        return Content(
            key=key,
            question=exchange.questions[index],
            answers=exchange.answers,
            short=min((s for a in exchange.answers for s in re.split(r"(?<=[.!?]) ", a)), key=len),
            topic_emoji=exchange.emoji,
            intent_emoji=(),
            about=exchange.about,
            word=exchange.about,
            follow_up=exchange.answers[-1],
        )

    def arithmetic(self, rng: Rng) -> Content:
        """Plus and minus up to 20, times up to 10."""
        sign = rng.choice("++-*")
        if sign == "+":
            a = rng.randint(0, 20)
            b = rng.randint(0, 20 - a)
        elif sign == "-":
            a = rng.randint(0, 20)
            b = rng.randint(0, a)
        else:
            a, b = rng.randint(0, 10), rng.randint(0, 10)
        result = {"+": a + b, "-": a - b, "*": a * b}[sign]
        word, mark, verb = {
            "+": ("plus", "➕", "get"),
            "-": ("minus", "➖", "lose"),
            "*": ("times", "✖️", "multiply by"),
        }[sign]
        index = rng.randrange(len(SUMS) - (2 if sign == "*" else 0))
        names = NUMBER_WORDS if rng.random() < 0.15 and max(a, b) <= 20 else [str(n) for n in range(21)]
        question = SUMS[index].format(a=names[a], b=names[b], o=word, s=sign, v=verb)
        return Content(
            key=f"{a}{sign}{b}/{index}",
            question=capitalize(question),
            answers=(f"{a} {word} {b} is {result}.", f"The answer is {result}."),
            short=f"{result}.",
            topic_emoji=(*_keycaps(a), mark, *_keycaps(b), "➡️", *_keycaps(result)),
            intent_emoji=("🧮", "🔢"),
            about=f"{a} {word} {b}",
            word="numbers",
            follow_up=f"{a} {word} {b} is {result}.",
        )

    def comparison(self, rng: Rng) -> Content:
        """Two topics of a kind; which one wins is fixed by their names."""
        kind = rng.choice(("animal", "animal", "food", "food", "place", "activity", "thing", "nature"))
        first, second = rng.sample(self.by_kind[kind], 2)
        a, b = _slots(first), _slots(second)
        winner, won = min((first, a), (second, b), key=lambda pair: zlib.crc32(pair[0].name.encode()))
        index = rng.randrange(len(COMPARISONS))
        question = COMPARISONS[index].format(a=a["one"], b=b["one"], A=a["gen"], B=b["gen"])
        return Content(
            key=f"{first.name}/{second.name}/{index}",
            question=capitalize(question),
            answers=(
                f"I would choose {won['gen']}. {winner.fact}",
                f"Both are nice, but I like {won['gen']} more. {winner.definition}",
            ),
            short=f"{capitalize(won['gen'])}.",
            topic_emoji=(first.emoji[0], "🆚", second.emoji[0], "➡️", winner.emoji[0]),
            intent_emoji=("🤔", "🏆"),
            about=f"{a['gen']} and {b['gen']}",
            word=won["gen"],
            follow_up=winner.fact,
        )

    def strange(self, rng: Rng) -> Content:
        """Something the model does not know: it says so, and copies the name faithfully."""
        x, y = self.phrasing.stranger(rng), self.phrasing.stranger(rng)
        index = rng.randrange(len(STRANGE))
        return Content(
            key="",
            question=STRANGE[index].format(x=x, y=y, n=rng.randint(2, 999)),
            answers=tuple(answer.format(x=x) for answer in STRANGE_ANSWERS),
            short="I do not know.",
            topic_emoji=("🤷", "❓", "🔍"),
            intent_emoji=("🤔", "💭", "🧐"),
            about=x,
            word=x,
            follow_up=STRANGE_ANSWERS[0],
        )

    def known(self) -> Iterator[Content]:
        """Every topic and exchange once in every way of asking (not comparisons, sums or strangers)."""
        for topic in self.world.topics:
            for name, intent in intents_of(topic.kind).items():
                yield from topic_contents(topic, name, intent, range(len(intent.questions)))
        for number, exchange in enumerate(self.world.exchanges):
            for index in range(len(exchange.questions)):
                yield self.exchange_content(number, index)


def as_asked(question: str) -> str:
    """A question without the habits of whoever types it: the same for all that have the same words."""
    return " ".join(re.findall(r"\w+", question.lower()))


def taught(contents: Contents) -> set[str]:
    """All questions of the corpus, `as_asked`: two contents may come to the same words."""
    return {as_asked(content.question) for content in contents.known() if not content.held_out}


def held_out_contents(contents: Contents, count: int, seed: int) -> list[Content]:
    """`count` contents the corpus never shows in this wording, topics and exchanges mixed as in `known`."""
    kept = [content for content in contents.known() if content.held_out]
    return random.Random(seed).sample(kept, count)
