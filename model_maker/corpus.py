"""The corpus: example conversations as packed tokens with what each token may see and predict.

Three sorts of examples:

* plain: no system prompt (or one that asks for nothing), plain answers;
* asked: a system prompt asks for a style and everything may see it, as in any chat model;
* injected: the system prompt is read by itself, and the hidden state of its last token is *added* to the last prompt token
  at the output of one block. The conversation never sees the words. So a style is a direction at the very place that a
  LoReFT intervention edits, and ten demonstrations can find it. Several styles answer the same question as branches
  behind one shared prompt, which costs one prompt instead of several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from model_maker.contents import Content, Contents
from model_maker.network import TRUNK
from model_maker.phrasing import Phrasing, Rng
from model_maker.tokenizer import ASSISTANT, END, SYSTEM, USER
from model_maker.voices import PLAIN_SYSTEMS, Voice, Voices, plain
from model_maker.world import World

IGNORED = -1
LONGEST = 300
CONTEXT = 512
MORE = (
    "Tell me more.",
    "tell me more",
    "What else?",
    "And?",
    "anything else",
    "Go on.",
    "more please",
    "Can you say more about that?",
)


@dataclass
class Example:
    """Packed tokens. `segments`: 0 is the conversation's trunk, others are branches behind it."""

    tokens: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    styles: list[list[int]] = field(default_factory=list)
    """style prompts, by themselves"""
    injected: list[tuple[int, int]] = field(default_factory=list)
    """(index of the last prompt token, number of the style prompt)"""

    def add(self, tokens: list[int], segment: int, position: int, predicts: int = 0) -> int:
        """Append tokens; the last `predicts` of them are to be predicted from the token before each. Returns the next position."""
        start = len(self.tokens)
        self.tokens += tokens
        self.segments += [segment] * len(tokens)
        self.positions += range(position, position + len(tokens))
        self.targets += [IGNORED] * len(tokens)
        for index in range(len(self.tokens) - predicts, len(self.tokens)):
            self.targets[index - 1] = tokens[index - start]
        return position + len(tokens)

    def add_style(self, tokens: list[int]) -> int:
        """Append a style prompt; returns its number."""
        self.styles.append(tokens)
        return len(self.styles) - 1


class Corpus:
    """Draws examples of a world, reproducibly by seed."""

    def __init__(self, world: World) -> None:
        self.phrasing = Phrasing.read()
        self.contents = Contents(world, self.phrasing)
        self.voices = Voices(self.phrasing)

    def texts(self, rng: Rng, count: int) -> Iterator[str]:
        """Plain texts for training the tokenizer."""
        for _ in range(count):
            content, voice = self.contents.draw(rng), self.voices.draw(rng)
            yield self.phrasing.typed(content.question, rng)
            yield plain(content, rng)
            yield voice.system
            yield voice.write(content, rng)

    def draw(self, rng: Rng, tokenizer: Tokenizer) -> Example:
        """One example."""
        chance = rng.random()
        if chance < 0.24:
            example = self._conversation(rng, tokenizer, None, visible=False)
        elif chance < 0.43:
            voice = self.voices.draw(rng)
            if rng.random() < 0.12:
                voice = Voice("plain", rng.choice(PLAIN_SYSTEMS), plain)
            example = self._conversation(rng, tokenizer, voice, visible=True)
        elif chance < 0.55:
            example = self._conversation(rng, tokenizer, self.voices.draw(rng), visible=False)
        else:
            example = self._branches(rng, tokenizer)
        fits = len(example.tokens) <= LONGEST and max(example.positions) < CONTEXT
        return example if fits else self.draw(rng, tokenizer)

    def _content(self, rng: Rng) -> Content:
        content = self.contents.draw(rng)
        return self._content(rng) if content.held_out else content

    def _question(self, content: Content, rng: Rng, tokenizer: Tokenizer) -> list[int]:
        return [USER, *_encode(tokenizer, self.phrasing.typed(content.question, rng)), END]

    def _conversation(self, rng: Rng, tokenizer: Tokenizer, voice: Voice | None, visible: bool) -> Example:
        """One to five turns in one style."""
        example, source, position = Example(), None, 0
        if voice is not None and visible:
            position = example.add([SYSTEM, *_encode(tokenizer, voice.system), END], TRUNK, 0)
        elif voice is not None:
            source = example.add_style(_style(tokenizer, voice))
        content: Content | None = None
        for turn in range(rng.choice((1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 5))):
            # Distances that few examples could afford in tokens are taught by leaving positions out.
            if turn and rng.random() < 0.15:
                position = min(position + rng.randint(1, 200), 400)
            if content is not None and rng.random() < 0.15:
                content = _more(content, rng)
            else:
                content = self._content(rng)
            position = example.add(self._question(content, rng, tokenizer), TRUNK, position)
            answer = voice.write(content, rng) if voice else plain(content, rng)
            reply = [ASSISTANT, *_encode(tokenizer, answer), END]
            if source is not None:
                example.injected.append((len(example.tokens), source))
            position = example.add(reply, TRUNK, position, predicts=len(reply) - 1)
        return example

    def _branches(self, rng: Rng, tokenizer: Tokenizer) -> Example:
        """One question answered in two to four injected styles, sometimes once plainly."""
        content, example = self._content(rng), Example()
        voices: list[Voice | None] = [self.voices.draw(rng) for _ in range(rng.choice((2, 3, 3, 4)))]
        if rng.random() < 0.35:
            voices[0] = None
        behind = example.add(self._question(content, rng, tokenizer), TRUNK, 0)
        for number, voice in enumerate(voices, 1):
            reply = [
                ASSISTANT,
                *_encode(tokenizer, voice.write(content, rng) if voice else plain(content, rng)),
                END,
            ]
            if voice is not None:
                example.injected.append((len(example.tokens), example.add_style(_style(tokenizer, voice))))
            example.add(reply, number, behind, predicts=len(reply) - 1)
        return example


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def _style(tokenizer: Tokenizer, voice: Voice) -> list[int]:
    return [SYSTEM, *_encode(tokenizer, voice.system), END, ASSISTANT]


def _more(content: Content, rng: Rng) -> Content:
    """A request to go on about the same thing."""
    return Content(
        key="", question=rng.choice(MORE), answers=(content.follow_up,), short=content.short, topic_emoji=content.topic_emoji,
        intent_emoji=content.intent_emoji, about=content.about, word=content.word, follow_up=content.follow_up,
    )  # fmt: skip
