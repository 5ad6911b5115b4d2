"""Chat templates and tokenizers in the manner of the Hub's families, reduced to what prompts depend on."""

import random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

_NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
_EACH = "{% for m in messages %}"
_THEN = "{% endfor %}{% if add_generation_prompt %}"
_FI = "{% endif %}"
_START = "<|im_start|>"

TEMPLATES = {
    "ChatML (Qwen 2.5, SmolLM2)": (
        _EACH + _START + "{{ m.role }}\n{{ m.content }}<|im_end|>\n" + _THEN + _START + "assistant\n" + _FI,
        "<|im_end|>",
    ),
    "ChatML with thoughts in the newest reply (Qwen 3)": (
        _EACH + "<|im_start|>{{ m.role }}\n"
        "{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
        "{{ m.content }}<|im_end|>\n" + _THEN + "<|im_start|>assistant\n"
        "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}" + _FI,
        "<|im_end|>",
    ),
    "headers (Llama 3)": (
        "{{ bos_token }}" + _EACH + "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
        "{{ m.content | trim }}<|eot_id|>" + _THEN
        + "<|start_header_id|>assistant<|end_header_id|>\n\n" + _FI,
        "<|eot_id|>",
    ),
    "turns without a system role (Gemma)": (
        "{{ bos_token }}" + _NO_SYSTEM + _EACH
        + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
        + "{{ m.content | trim }}<end_of_turn>\n" + _THEN + "<start_of_turn>model\n" + _FI,
        "<end_of_turn>",
    ),
    "instructions in brackets (Mistral)": (
        "{{ bos_token }}" + _NO_SYSTEM + _EACH + "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
        "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}",
        "</s>",
    ),
    "roles as tokens (Phi 3)": (
        _EACH + "<|{{ m.role }}|>\n{{ m.content }}<|end|>\n" + _THEN + "<|assistant|>\n" + _FI,
        "<|end|>",
    ),
    "roles as text (Zephyr, OLMo)": (
        _EACH + "<|{{ m.role }}|>\n{{ m.content }}{{ eos_token if m.role == 'assistant' else '' }}\n"
        + _THEN + "<|assistant|>\n" + _FI,
        "</s>",
    ),
}  # fmt: skip

_SPECIAL = (
    "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>",
    "<end_of_turn>", "[INST]", "[/INST]", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>",
)  # fmt: skip


WORDS = (
    "Why",
    "is",
    "the",
    "sky",
    "blue",
    "A",
    "model",
    "Really",
    "Yes",
    "Hi",
    "Who",
    "are",
    "user",
    "Be",
    "brief",
)


def family_tokenizer(family: str, *, pieces_cross_borders: bool) -> PreTrainedTokenizerFast:
    """A small tokenizer with a family's template.

    Either words are split first, as in GPT-2's way, or pieces may reach over any border between a template's
    text and the reply, as they do in SentencePiece's.
    """
    template, end = TEMPLATES[family]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Replace("▁", " ")])
    if not pieces_cross_borders:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁?[A-Za-z]+|."), "isolated")
    # Roles are special tokens in some families and plain text in others.
    special = [token for token in _SPECIAL if token in template and "as text" not in family]
    special += ["<s>", *([] if end in special else [end])]
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=special,
        initial_alphabet=["▁", "\n", *map(chr, range(33, 127))],
        show_progress=False,
    )
    draw = random.Random(0)
    sentences = (" ".join(draw.choices(WORDS, k=8)) + "\nHi" for _ in range(400))
    tokenizer.train_from_iterator(sentences, trainer)
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token="<s>", eos_token=end, pad_token="<s>"
    )
    wrapped.chat_template = template
    return wrapped
