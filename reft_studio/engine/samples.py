"""What a bot says to unseen prompts while it is still learning; asked seldom enough to cost little."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.engine.interface import Sample

PROMPTS = 2
TOKENS = 40
PARTS = 4
"""After each of so many parts of a training, though not after the last, it is asked."""
MOST_SHARE = 0.2
"""Of the time that a training takes."""


@dataclass
class Sampler:
    """Asks the same prompts again and again; the base model once."""

    base: BaseModel
    prompts: Sequence[str]
    _plain: list[str] = field(init=False, default_factory=list)
    _begun: float = field(init=False, default_factory=time.monotonic)
    _spent: float = field(init=False, default=0.0)

    def is_due(self, step: int, total: int) -> bool:
        """Whether this step, counted from 1, ends a part, and asking has not taken too long so far."""
        ends_a_part = step < total and step * PARTS // total > (step - 1) * PARTS // total
        return ends_a_part and self._spent <= MOST_SHARE * (time.monotonic() - self._begun)

    def ask(self, bot: Bot) -> tuple[Sample, ...]:
        """What base and bot say now, greedily."""
        begun, prompts = time.monotonic(), self.prompts[:PROMPTS]
        self._plain = self._plain or self._replies(None, prompts)
        said = self._replies(bot, prompts)
        self._spent += time.monotonic() - begun
        return tuple(map(Sample, prompts, self._plain, said))

    def _replies(self, bot: Bot | None, prompts: Sequence[str]) -> list[str]:
        if not prompts:
            return []
        requests = [ChatRequest([{"role": "user", "content": prompt}], bot) for prompt in prompts]
        return final_replies(self.base, requests, Sampling(max_new_tokens=TOKENS))
