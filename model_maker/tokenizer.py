"""The tokenizer: byte-level BPE in which every word of the world and every emoji is one token, and nothing is unknown.

A word has the same token wherever it stands: at the beginning or inside of a sentence, typed with a capital letter or
without. What is different goes into a mark before it, so "Dogs bark", "dogs bark" and "do dogs bark" are about one and the same
token for a network this small to learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import ascii_lowercase

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
PAD, SYSTEM, USER, ASSISTANT, END = range(len(SPECIAL))
# Keycaps, flags, and pictographs with their variation selectors and joiners: one piece each.
EMOJI = (
    r"[0-9#*]\x{FE0F}?\x{20E3}|[\x{1F1E6}-\x{1F1FF}]{2}|"
    r"[\x{1F000}-\x{1FAFF}\x{2190}-\x{2BFF}\x{3030}\x{303D}\x{3297}\x{3299}\x{203C}\x{2049}\x{2122}\x{2139}]\x{FE0F}?"
    r"(?:\x{200D}[\x{1F000}-\x{1FAFF}\x{2190}-\x{2BFF}]\x{FE0F}?)*"
)
# Marks, in characters that nobody types: the next word has a capital letter; the same, and no space before it; no space before it.
CAPITAL, CAPITAL_ATTACHED, ATTACHED = "\x01", "\x02", "\x03"
# How often a word or an emoji is repeated so that it surely becomes a token.
REPEATED = 60
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(
    texts: Iterable[str], words: Iterable[str], emoji: Iterable[str], vocabulary: int
) -> Tokenizer:
    """Train on `texts`; each of `words` and of `emoji` becomes a token of its own as far as `vocabulary` reaches."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer, tokenizer.decoder = _marking()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(EMOJI), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )

    def everything() -> Iterator[str]:
        yield from texts
        for word in words:
            yield f" {word}" * REPEATED
        for symbol in emoji:
            yield symbol * REPEATED

    tokenizer.train_from_iterator(everything(), trainer)
    return tokenizer


def _marking() -> tuple[normalizers.Normalizer, decoders.Decoder]:
    """Text to text in which words are lower case and have a space before them, and the exact way back."""
    mark = [normalizers.Replace(Regex(f"[{CAPITAL}{CAPITAL_ATTACHED}{ATTACHED}]"), "")]
    unmark: list[decoders.Decoder] = [decoders.ByteLevel()]
    for lower in ascii_lowercase:
        upper = lower.upper()
        for found, marked, text in (
            # Only before small letters: "USA" stays as it is.
            (f" {upper}(?=[a-z])", f"{CAPITAL} {lower}", f" {upper}"),
            (f"(?<![A-Za-z ]){upper}(?=[a-z])", f"{CAPITAL_ATTACHED} {lower}", upper),
            (f"^{lower}", f"{ATTACHED} {lower}", lower),
        ):
            mark.append(normalizers.Replace(Regex(found), marked))
            unmark.append(decoders.Replace(marked, text))
    # A reply that is still being written may end with a mark.
    unmark += [decoders.Replace(left, "") for left in (CAPITAL, CAPITAL_ATTACHED, ATTACHED)]
    return normalizers.Sequence(mark), decoders.Sequence(unmark)


def as_transformers(tokenizer: Tokenizer, context: int) -> PreTrainedTokenizerFast:
    """The tokenizer with its chat template, as transformers saves it."""
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=SPECIAL[PAD], eos_token=SPECIAL[END], model_max_length=context
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
