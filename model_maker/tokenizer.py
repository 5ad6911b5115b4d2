"""The tokenizer: byte-level BPE in which every emoji stays whole, digits stand alone, and nothing is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
PAD, SYSTEM, USER, ASSISTANT, END = range(len(SPECIAL))
# Keycaps, flags, and pictographs with their variation selectors and joiners: one piece each.
EMOJI = (
    r"[0-9#*]\x{FE0F}?\x{20E3}|[\x{1F1E6}-\x{1F1FF}]{2}|"
    r"[\x{1F000}-\x{1FAFF}\x{2190}-\x{2BFF}\x{3030}\x{303D}\x{3297}\x{3299}\x{203C}\x{2049}\x{2122}\x{2139}]\x{FE0F}?"
    r"(?:\x{200D}[\x{1F000}-\x{1FAFF}\x{2190}-\x{2BFF}]\x{FE0F}?)*"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], emoji: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train on `texts`; every one of `emoji` is repeated until it becomes a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(EMOJI), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )

    def everything() -> Iterator[str]:
        yield from texts
        for symbol in emoji:
            yield symbol * 60

    tokenizer.train_from_iterator(everything(), trainer)
    return tokenizer


def as_transformers(tokenizer: Tokenizer, context: int) -> PreTrainedTokenizerFast:
    """The tokenizer with its chat template, as transformers saves it."""
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=SPECIAL[PAD], eos_token=SPECIAL[END], model_max_length=context
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
