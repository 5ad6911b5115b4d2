"""From messages to token ids. The only place where a chat template is applied.

Training and chat both come here, so both see the same prompt, token for token. Where a prompt begins and
ends is found by rendering the conversation up to there, never by searching in text.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from jinja2 import TemplateError

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

PLAIN_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For tokenizers without a chat template: "User: …", a line break, "Assistant: …", the end token."""


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    """"user" or "assistant"."""
    content: str


@dataclass(frozen=True)
class Rendered:
    """A conversation that ends with a prompt, ready for a reply."""

    token_ids: list[int]
    prompt_spans: list[tuple[int, int]]
    """[start, end) in tokens of every turn's prompt, the last one ending where the reply begins."""


def render(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], system_prompt: str | None = None
) -> Rendered:
    """Render a conversation whose last message is the user's.

    A turn's prompt runs from after the previous reply to the last token before its own. Some templates
    render old turns differently from the newest one (they drop earlier reasoning, say); an old turn whose
    borders are not those it had when it was the newest has no span and is not edited.
    """
    token_ids = _apply(tokenizer, messages, system_prompt, reply_follows=True)
    spans = []
    for index in (i for i, message in enumerate(messages) if message["role"] == "user"):
        before = _apply(tokenizer, messages[:index], system_prompt, reply_follows=False) if index else []
        prompt = _apply(tokenizer, messages[: index + 1], system_prompt, reply_follows=True)
        last = index == len(messages) - 1
        if _is_prefix(before, prompt) and _is_prefix(prompt, token_ids):
            spans.append((len(before), len(prompt)))
        elif last:
            spans.append((0, len(token_ids)))
    return Rendered(token_ids, spans)


def render_demonstration(
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    reply: str,
    system_prompt: str | None = None,
    *,
    ends: Sequence[int] = (),
) -> tuple[list[int], list[int]]:
    """Token ids of a prompt as `render` gives it, and of the reply up to and with the end-of-turn token.

    That is the first of `ends` and the tokenizer's own that the template writes; if it writes none, its own.
    """
    asked: list[Message] = [{"role": "user", "content": prompt}]
    answered: list[Message] = [*asked, {"role": "assistant", "content": reply}]
    prompt_ids = _apply(tokenizer, asked, system_prompt, reply_follows=True)
    full = _apply(tokenizer, answered, system_prompt, reply_follows=False)
    own: Any = tokenizer.eos_token_id
    if _is_prefix(prompt_ids, full):
        reply_ids = full[len(prompt_ids) :]
    else:
        reply_ids = tokenizer.encode(reply, add_special_tokens=False)
    if found := [at for at, token_id in enumerate(reply_ids) if token_id in (own, *ends)]:
        return prompt_ids, reply_ids[: found[0] + 1]
    return prompt_ids, [*reply_ids, own]


def _is_prefix(start: list[int], whole: list[int]) -> bool:
    return whole[: len(start)] == start


def _apply(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    system_prompt: str | None,
    *,
    reply_follows: bool,
) -> list[int]:
    """The tokens of a conversation; a template that knows no system role gets it in the first user turn."""
    turns = [{"role": message["role"], "content": message["content"]} for message in messages]
    if not system_prompt:
        return _tokenize(tokenizer, turns, reply_follows)
    # Some refuse that role, and some leave out what they do not know.
    with suppress(TemplateError):
        with_it = [{"role": "system", "content": system_prompt}, *turns]
        token_ids = _tokenize(tokenizer, with_it, reply_follows)
        if token_ids != _tokenize(tokenizer, turns, reply_follows):
            return token_ids
    turns[0]["content"] = f"{system_prompt}\n\n{turns[0]['content']}"
    return _tokenize(tokenizer, turns, reply_follows)


def _tokenize(
    tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, str]], reply_follows: bool
) -> list[int]:
    ids: Any = tokenizer.apply_chat_template(
        turns,
        chat_template=tokenizer.chat_template or PLAIN_TEMPLATE,
        add_generation_prompt=reply_follows,
        # Someone who types "<|end|>" means these letters, not the end of the turn.
        sanitize_control_tokens=True,
        # Models that think aloud first are asked not to, where their template knows how; others ignore it.
        enable_thinking=False,
        return_dict=False,
    )
    return list(ids)
