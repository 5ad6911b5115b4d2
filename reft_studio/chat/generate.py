"""Replies of the base model and of bots, together in one batch and streamed as they grow."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)
from transformers.generation.streamers import BaseStreamer

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.sampling import Sampling
from reft_studio.edits import Edit, applied
from reft_studio.errors import BotError, ChatError
from reft_studio.lora import LoRA, scaled, together
from reft_studio.positions import Located, locate, parse_positions
from reft_studio.prompts import Message, Rendered, render


@dataclass(frozen=True)
class ChatRequest:
    """One conversation that ends with the user's message, for a bot or for the base model alone."""

    messages: Sequence[Message]
    bot: Bot | None = None
    system_prompt: str | None = None
    """Where there is none, the bot's own is used."""
    strength: float = 1.0
    """Of the bot: 0 is the base model, 1 the bot as it was trained; more exaggerates, less than 0 inverts."""
    beside: Sequence[tuple[Bot, float]] = ()
    """Other bots of the same base that are mixed with the bot, each with its strength."""

    @property
    def bots(self) -> list[tuple[Bot, float]]:
        """All that answer together, with their strengths."""
        return [*([(self.bot, self.strength)] if self.bot else []), *self.beside]

    @property
    def active(self) -> list[tuple[Bot, float]]:
        """Those with any strength: for the others nothing is computed, so not even the last bit changes."""
        return [(bot, strength) for bot, strength in self.bots if strength]


def stream_replies(
    base: BaseModel,
    requests: Sequence[ChatRequest],
    sampling: Sampling | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[list[str]]:
    """Snapshots of all replies, one after each token; the last one is complete.

    Raises BotError for a bot of another base model and for bots that were trained with different system
    prompts, and ChatError for a message that does not fit into the model's context; old turns that do not fit
    are left out. Generation ends when `should_stop` says so or the caller stops iterating.
    """
    sampling = sampling or Sampling()
    for bot, _ in (pair for request in requests for pair in request.bots):
        bot.check_base(base)
    prompts = [_fit(base, request, sampling.max_new_tokens) for request in requests]
    width = max(len(prompt.token_ids) for prompt in prompts)
    edits = [
        Edit(row, bot.weights, edited_tokens(bot, prompt), width - len(prompt.token_ids), strength)
        for row, (request, prompt) in enumerate(zip(requests, prompts, strict=True))
        for bot, strength in request.active
    ]
    loras = [
        together([scaled(bot.lora, strength) for bot, strength in request.active]) for request in requests
    ]
    streamer, stopped = _BatchStreamer(), Event()

    def generate() -> None:
        with _applied_lora(base, loras), applied(base, edits):
            _generate(base, prompts, sampling, streamer, lambda: stopped.is_set() or _asked(should_stop))

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="generate") as thread:
        generation = thread.submit(generate)
        generation.add_done_callback(lambda _: streamer.end())
        try:
            yield from _snapshots(base, len(requests), streamer)
        finally:
            stopped.set()
        generation.result()


def edited_tokens(bot: Bot, prompt: Rendered) -> Located:
    """The tokens of a rendered conversation that the bot edits: the same ones in every turn's prompt."""
    positions = parse_positions(bot.manifest.recipe.positions)
    turns = [locate(positions, end - start, start) for start, end in prompt.prompt_spans]
    return Located(
        tuple(token for turn in turns for token in turn.first),
        tuple(token for turn in turns for token in turn.last),
    )


def _applied_lora(base: BaseModel, loras: Sequence[LoRA]) -> AbstractContextManager[None]:
    """Few bots have one, and what puts it into a model takes long to import."""
    if not any(loras):
        return nullcontext()
    from reft_studio.lora_layers import applied_lora

    return applied_lora(base, loras)


def _fit(base: BaseModel, request: ChatRequest, max_new_tokens: int) -> Rendered:
    """Render the conversation without as many of its oldest turns as it takes to leave room for a reply."""
    system_prompt = request.system_prompt or _own_system_prompt(request)
    # A reply may be long, but not at the price of forgetting the conversation.
    room = base.context_length - min(max_new_tokens, base.context_length // 4)
    messages = list(request.messages)
    while True:
        rendered = render(base.tokenizer, messages, system_prompt)
        if len(rendered.token_ids) <= room:
            return rendered
        later = [i for i, message in enumerate(messages) if message["role"] == "user" and i > 0]
        if not later:
            raise ChatError(
                f"The message is too long for this model: it has {len(rendered.token_ids):,} tokens "
                f"(pieces of words) and there is room for {room:,}. Shorten it."
            )
        messages = messages[later[0] :]


def _own_system_prompt(request: ChatRequest) -> str | None:
    """The one that the bots were trained with, if any."""
    own = list(dict.fromkeys(filter(None, (bot.manifest.system_prompt for bot, _ in request.bots))))
    if len(own) > 1:
        raise BotError(
            "These bots were trained with different system prompts, and one conversation has only one. "
            "Choose another bot to mix in."
        )
    return own[0] if own else None


def _generate(
    base: BaseModel,
    prompts: Sequence[Rendered],
    sampling: Sampling,
    streamer: BaseStreamer,
    should_stop: Callable[[], bool],
) -> None:
    """One call of transformers' generate, padded on the left so that every reply begins in one column."""
    pad = int(base.tokenizer.pad_token_id)
    width = max(len(prompt.token_ids) for prompt in prompts)
    token_ids = torch.full((len(prompts), width), pad)
    attention_mask = torch.zeros_like(token_ids)
    for row, prompt in enumerate(prompts):
        token_ids[row, width - len(prompt.token_ids) :] = torch.tensor(prompt.token_ids)
        attention_mask[row, width - len(prompt.token_ids) :] = 1
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=min(sampling.max_new_tokens, base.context_length - width),
        pad_token_id=pad,
        eos_token_id=list(base.end_tokens),
    )
    drawing = [_Draw(sampling, len(prompts), base.device)] if sampling.temperature else []
    generate: Any = base.model.generate
    generate(
        token_ids.to(base.device),
        attention_mask=attention_mask.to(base.device),
        generation_config=config,
        streamer=streamer,
        logits_processor=LogitsProcessorList(drawing),
        stopping_criteria=StoppingCriteriaList([_StopWhen(should_stop)]),
    )


def _snapshots(base: BaseModel, rows: int, streamer: "_BatchStreamer") -> Iterator[list[str]]:
    ids: list[list[int]] = [[] for _ in range(rows)]
    open_rows = set(range(rows))
    for tokens in streamer:
        for row in sorted(open_rows):
            if tokens[row] in base.end_tokens:
                open_rows.discard(row)
            else:
                ids[row].append(tokens[row])
        yield [_decode(base, row_ids, complete=row not in open_rows) for row, row_ids in enumerate(ids)]


def _decode(base: BaseModel, ids: list[int], *, complete: bool) -> str:
    """The text of reply tokens; a character that is not there to its last byte is held back."""
    text = base.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert isinstance(text, str)
    return text.lstrip(" ") if complete else text.lstrip(" ").rstrip("\N{REPLACEMENT CHARACTER}")


def _asked(should_stop: Callable[[], bool] | None) -> bool:
    return should_stop is not None and should_stop()


class _BatchStreamer(BaseStreamer):
    """Hands each step's tokens [rows] from the generating thread to the one that iterates."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[list[int] | None] = SimpleQueue()
        self._prompt_passed = False

    def put(self, value: Tensor) -> None:
        """Called by generate: first with the prompts, then with one token per row."""
        if self._prompt_passed:
            self._queue.put(value.tolist())
        self._prompt_passed = True

    def end(self) -> None:
        """Called after the last token, and when there will be none because of an error."""
        self._queue.put(None)

    def __iter__(self) -> Iterator[list[int]]:
        while (item := self._queue.get()) is not None:
            yield item


class _StopWhen(StoppingCriteria):
    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Any:  # noqa: ARG002
        """For every row of input_ids [rows, tokens] whether it ends here; the signature is transformers'."""
        return torch.full((len(input_ids),), self._should_stop(), device=input_ids.device)


class _Draw(LogitsProcessor):
    """Leaves of each row's tokens the one that is drawn, so that it is the likeliest.

    transformers draws from one source for the whole process; here each row has its own, so that its reply
    depends on the seed alone, whatever else is drawn beside it or in other threads.
    """

    def __init__(self, sampling: Sampling, rows: int, device: torch.device) -> None:
        # transformers takes no whole numbers here.
        self._shaping: list[LogitsProcessor] = [TemperatureLogitsWarper(float(sampling.temperature))]
        if sampling.top_p < 1:
            self._shaping.append(TopPLogitsWarper(float(sampling.top_p)))
        self._sources = [torch.Generator(device).manual_seed(sampling.seed) for _ in range(rows)]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """For input_ids [rows, tokens] scores [rows, vocabulary]: 0 for what is drawn, else no chance."""
        shaped = scores
        for shape in self._shaping:
            shaped = shape(input_ids, shaped)
        chances = shaped.softmax(-1)
        rows = zip(chances, self._sources, strict=True)
        drawn = torch.stack([row.multinomial(1, generator=source) for row, source in rows])
        return torch.full_like(scores, -torch.inf).scatter(1, drawn, 0.0)
