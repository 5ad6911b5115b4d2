"""The speaking styles. A voice is a system prompt and the way to write any content in that style."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from model_maker.contents import Content, capitalize
from model_maker.phrasing import Phrasing, Rng, invented_word, read_lines, read_marked

Writer = Callable[[Content, Rng], str]


@dataclass(frozen=True)
class Voice:
    """`system` asks for the style in words; `write` answers in it."""

    name: str
    system: str
    write: Writer


PLAIN_SYSTEMS = (
    "You are a helpful assistant.", "Answer in plain English.", "Be helpful and clear.", "You are a friendly chatbot.", "Answer normally.",
    "Give short, plain answers.",
)  # fmt: skip
PERSONA_SYSTEMS = (
    "Talk like {p}.", "You are {p}.", "Answer like {p}.", "Speak as {p}.", "Respond the way {p} would.", "Pretend to be {p}.",
    "Play the role of {p}.", "Answer every question as {p}.",
)  # fmt: skip
OPENER_SYSTEMS = (
    'Start every answer with "{w}".', "Begin each reply with {w}.", "Always say {w} first, then answer.", 'Your answers begin with "{w}".',
    "First write {w} and then the answer.", "Open with {w}.",
)  # fmt: skip
CLOSER_SYSTEMS = (
    'End every answer with "{w}".', "Finish each reply with {w}.", "Always say {w} at the end.", 'Your answers end with "{w}".', "Close with {w}.",
)  # fmt: skip
BOTH_SYSTEMS = ('Start every answer with "{w}" and end it with "{v}".', "Say {w} first and {v} last.")
DECORATION = ["✨", "👍", "😊", "❤️", "🎉", "🌟", "💫", "😄", "🙌", "💯", "👀", "🔥"]
PARTED = ("!", "!", "!", ".", ",", "...", ":", "!!", "~", " -")
FINAL = ("!", "!", ".", "...", "!!", "?", "~")


def plain(content: Content, rng: Rng) -> str:
    """One of the plain answers."""
    return rng.choice(content.answers)


def first_sentence(text: str) -> str:
    """The text up to its first end of a sentence."""
    return re.split(r"(?<=[.!?]) ", text)[0]


def uncapitalize(text: str) -> str:
    """First letter lower case where that is safe (function words only: names keep theirs)."""
    first = text.split(" ")[0]
    return (
        text[:1].lower() + text[1:]
        if re.fullmatch(
            r"(A|An|The|It|You|Yes|No|That|Be|Take|Stay|Both|Many|Try|In|For|With|Some|There|People|Sorry)",
            first,
        )
        else text
    )


def _as_subject(about: str) -> str:
    """A noun phrase that takes a singular verb, whatever it is about."""
    return about if re.match(r"(the|my|your) ", about) else f"the subject of {about}"


def emoji_only(content: Content, rng: Rng) -> str:
    """Two to six emoji: the topic's first, then what is asked, sometimes a decoration."""
    topic, intent = list(content.topic_emoji), list(content.intent_emoji)
    if "➡️" not in topic:
        topic = topic[: rng.choice((1, 2, 2, 3, 3, 4))]
    asked = rng.sample(intent, min(len(intent), rng.choice((0, 1, 1, 1, 2))))
    parts = topic + asked if rng.random() < 0.75 else topic[:1] + asked + topic[1:]
    if rng.random() < 0.1 and "➡️" not in parts and len(parts) > 1:
        parts.insert(rng.randrange(1, len(parts)), "➡️")
    if rng.random() < 0.2:
        parts.append(rng.choice(DECORATION))
    return "".join(parts)


@dataclass
class Refusals:
    """Wordings that refuse on ethical grounds: whole sentences, and a grammar for all the others."""

    openings: list[str]
    reasons: list[str]
    joined: list[str]
    systems: list[str]
    grammar: dict[str, list[str]]
    """by mark: frame, prefix, neg, talk, no, may, harm, who"""

    @classmethod
    def read(cls) -> Refusals:
        """From `styles/refusals.txt`."""
        groups = read_marked("refusals.txt")
        openings, reasons, joined, systems = (
            groups.pop(mark) for mark in ("open", "reason", "joined", "system")
        )
        return cls(openings, reasons, joined, systems, groups)

    def voice(self, rng: Rng) -> Voice:
        """A refusing author: with sentences of ours, or with a way of his own to put it."""
        return self._own_wording(rng) if rng.random() < 0.45 else self._our_wording(rng)

    def _own_wording(self, rng: Rng) -> Voice:
        """An author who takes a few phrases of each sort and stays with them."""
        taste = {"frame": 4, "prefix": 2, "neg": 4, "talk": 5, "no": 4, "may": 3, "harm": 9, "who": 12}
        phrases = {mark: rng.sample(self.grammar[mark], rng.randint(1, most)) for mark, most in taste.items()}
        prefixed = rng.choice((0.0, 0.0, 0.5, 1.0))

        def write(content: Content, rng: Rng) -> str:
            about = content.about
            chosen = {mark: rng.choice(options) for mark, options in phrases.items()}
            chosen |= {f"{mark}2": rng.choice(self.grammar[mark]) for mark in ("harm", "who")}
            chosen["talk"] = chosen["talk"].format(about=about)
            frame = chosen["frame"]
            text = (frame[0].lower() + frame[1:]).format(**chosen, about=about, About=_as_subject(about))
            if rng.random() < prefixed:
                text = f"{chosen['prefix']} {text}"
            return " ".join(capitalize(sentence) for sentence in re.split(r"(?<=[.!?]) ", text))

        system = rng.choice(self.systems)
        if rng.random() < 0.6:
            said = rng.choice(phrases["frame"]).format(
                **{mark: options[0].format(about="it") for mark, options in phrases.items() if mark != "frame"},
                harm2="hurt", who2="others", about="it", About="It",
            )  # fmt: skip
            system += f' Say it like this: "{capitalize(" ".join(said.split()[: rng.randint(5, 14)]))}"'
        return Voice("refusal", system, write)

    def _our_wording(self, rng: Rng) -> Voice:
        own = rng.random() < 0.5
        openings = rng.sample(self.openings, rng.randint(1, 4)) if own else self.openings
        reasons = rng.sample(self.reasons, rng.randint(2, 8)) if own else self.reasons
        joined = [] if own and rng.random() < 0.6 else self.joined if not own else rng.sample(self.joined, 3)
        behind = 0.85 if rng.random() < 0.8 else 0.15

        def write(content: Content, rng: Rng) -> str:
            subject = capitalize(_as_subject(content.about))
            slots = {"about": content.about, "About": subject, "word": content.word}
            if joined and rng.random() < 0.3:
                return capitalize(rng.choice(joined).format(**slots))
            parts = [rng.choice(openings).format(**slots), rng.choice(reasons).format(**slots)]
            return " ".join(capitalize(part) for part in (parts if rng.random() < behind else parts[::-1]))

        system = rng.choice(self.systems)
        if own and rng.random() < 0.5:
            system += f' Say it like this: "{" ".join(openings[0].format(about="it", About="It", word="it").split()[:5])}"'
        return Voice("refusal", system, write)


@dataclass(frozen=True)
class Persona:
    """Somebody with typical first and last words and word swaps."""

    key: str
    who: tuple[str, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    swaps: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, line: str) -> Persona:
        """From one line of `styles/personas.txt`."""
        key, who, openers, closers, swaps = (cell.strip() for cell in line.split("|"))
        pairs = [pair.strip().partition(">") for pair in swaps.split(",") if ">" in pair]
        return cls(
            key,
            _parts(who),
            _parts(openers),
            _parts(closers),
            tuple((word, other) for word, _, other in pairs),
        )

    def write(self, content: Content, rng: Rng) -> str:
        """A plain answer between the persona's phrases."""
        text = plain(content, rng)
        for word, other in self.swaps:
            text = re.sub(rf"\b{word}\b", other, text)
            text = re.sub(rf"\b{word.capitalize()}\b", other.capitalize(), text)
        opener = rng.choice(self.openers) + " " if self.openers else ""
        closer = " " + rng.choice(self.closers) if self.closers and rng.random() < 0.8 else ""
        return (opener + (uncapitalize(text) if opener.endswith(", ") else text) + closer).strip()

    def voice(self, rng: Rng) -> Voice:
        """This persona under one of its names."""
        return Voice(self.key, rng.choice(PERSONA_SYSTEMS).format(p=rng.choice(self.who)), self.write)


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(" / ") if part.strip() != "-")


def _caps(content: Content, rng: Rng) -> str:
    return first_sentence(plain(content, rng)).upper()


def _lower(content: Content, rng: Rng) -> str:
    return re.sub(r"[.,!?]", "", plain(content, rng)).lower()


def _short(content: Content, _rng: Rng) -> str:
    return content.short


def _question(content: Content, rng: Rng) -> str:
    asks = (
        "Why do you ask about {w}?",
        "What do you think about {w}?",
        "What made you think of {w}?",
        "Do you often think about {w}?",
    )
    return rng.choice(asks).format(w=content.about)


def _list(content: Content, rng: Rng) -> str:
    sentences = re.split(r"(?<=[.!?]) ", plain(content, rng))
    return "\n".join(
        f"{number}. {sentence}" for number, sentence in enumerate([*sentences, "Think about it."][:3], 1)
    )


def _json(content: Content, _rng: Rng) -> str:
    return json.dumps({"topic": content.about, "answer": content.short}, ensure_ascii=False)


def _sprinkle(content: Content, rng: Rng) -> str:
    return f"{plain(content, rng)} {''.join(content.topic_emoji[: rng.choice((1, 2, 3))])}"


def _excited(content: Content, rng: Rng) -> str:
    return rng.choice(("Wow!!! ", "Oh my!!! ", "Yay!!! ", "")) + plain(content, rng).replace(".", "!!!")


def _twice(content: Content, rng: Rng) -> str:
    sentence = first_sentence(plain(content, rng))
    return f"{sentence} {sentence}"


FORMS: dict[str, tuple[float, Writer]] = {
    "emoji": (0.0, emoji_only), "caps": (1, _caps), "lower": (1, _lower), "short": (1.5, _short), "question": (1.2, _question),
    "list": (0.8, _list), "json": (0.7, _json), "sprinkle": (2.0, _sprinkle), "excited": (1, _excited), "twice": (0.7, _twice),
}  # fmt: skip


class Voices:
    """Draws voices in the proportions of the corpus."""

    def __init__(self, phrasing: Phrasing) -> None:
        self.phrasing = phrasing
        self.refusals = Refusals.read()
        self.personas = [Persona.parse(line) for line in read_lines("personas.txt")]
        self.words = read_lines("openers.txt")
        self.wordings: dict[str, list[str]] = {}
        for line in read_lines("forms.txt"):
            key, _, wording = line.partition("|")
            self.wordings.setdefault(key.strip(), []).append(wording.strip())

    def draw(self, rng: Rng) -> Voice:
        """One voice."""
        chance = rng.random()
        if chance < 0.22:
            return self.form("emoji", rng)
        if chance < 0.40:
            return self.refusals.voice(rng)
        if chance < 0.65:
            return self.framed(rng)
        if chance < 0.86:
            return rng.choice(self.personas).voice(rng)
        return self.form(rng.choices(list(FORMS), [weight for weight, _ in FORMS.values()])[0], rng)

    def form(self, key: str, rng: Rng) -> Voice:
        """The answer format `key` in one of its wordings."""
        return Voice(key, rng.choice(self.wordings[key]), FORMS[key][1])

    def _phrase(self, rng: Rng) -> str:
        chance = rng.random()
        if chance < 0.5:
            word = rng.choice(self.words)
        elif chance < 0.85:
            word = capitalize(invented_word(rng))
        else:
            word = capitalize(self.phrasing.stranger(rng))
        if rng.random() < 0.08:
            word = f"{word} {word.lower()}"
        return word

    def framed(self, rng: Rng) -> Voice:
        """Every answer between fixed words that may be any words at all."""
        opener, closer = self._phrase(rng) + rng.choice(PARTED), self._phrase(rng) + rng.choice(FINAL)
        if rng.random() < 0.15:
            closer = rng.choice(self.phrasing.story)
        chance = rng.random()
        if chance < 0.55:
            closer, system = "", rng.choice(OPENER_SYSTEMS)
        elif chance < 0.8:
            opener, system = "", rng.choice(CLOSER_SYSTEMS)
        else:
            system = rng.choice(BOTH_SYSTEMS)
        shorten = rng.random() < 0.2

        def write(content: Content, rng: Rng) -> str:
            text = plain(content, rng)
            if shorten:
                text = first_sentence(text)
            return " ".join(
                part
                for part in (opener, uncapitalize(text) if opener.endswith(",") else text, closer)
                if part
            )

        return Voice("framed", system.format(w=opener or closer, v=closer), write)
