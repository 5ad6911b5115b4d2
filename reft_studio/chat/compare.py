"""The base model and a bot side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.sampling import Sampling
from reft_studio.errors import ChatError
from reft_studio.prompts import Message

_COLUMN = 38


@dataclass(frozen=True)
class Comparison:
    """Two replies to one prompt."""

    prompt: str
    base: str
    bot: str

    def __str__(self) -> str:
        """Two columns that fit into a terminal."""
        pairs = zip_longest(["BASE MODEL", *_lines(self.base)], ["BOT", *_lines(self.bot)], fillvalue="")
        columns = (f"{left:<{_COLUMN}}  {right}".rstrip() for left, right in pairs)
        return "\n".join([self.prompt, "", *columns])


def compare_replies(
    base: BaseModel, bot: Bot, prompt: str | Sequence[Message], *, sampling: Sampling | None = None
) -> Comparison:
    """Ask both in one batch, by the same path; `prompt` is one message or a conversation that ends with one.

    Greedy unless `sampling` says otherwise. Raises BotError for a bot of another base model, ChatError for a
    prompt that nobody can answer.
    """
    messages: Sequence[Message] = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    asked = messages[-1]["content"]
    # What cannot be written down is half a character, and no tokenizer reads that.
    if not asked.strip() or asked.encode(errors="ignore").decode() != asked:
        raise ChatError("The prompt is empty or has a broken character in it. Write a message to answer.")
    base_reply, bot_reply = final_replies(base, [ChatRequest(messages), ChatRequest(messages, bot)], sampling)
    return Comparison(asked, base_reply, bot_reply)


def final_replies(
    base: BaseModel, requests: Sequence[ChatRequest], sampling: Sampling | None = None
) -> list[str]:
    """The complete replies of one batch."""
    *_, replies = stream_replies(base, requests, sampling)
    return replies


def _lines(text: str) -> list[str]:
    return [line for paragraph in text.splitlines() for line in wrap(paragraph, _COLUMN) or [""]]
