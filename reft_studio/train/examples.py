"""Demonstrations as tensors: token ids, labels, and the token indices that are edited."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reft_studio.base_model import BaseModel
from reft_studio.demonstrations import Demonstration, Limits, beginning_of, check_demonstrations
from reft_studio.errors import DemonstrationsError
from reft_studio.positions import Located, Positions, locate
from reft_studio.prompts import render_demonstration

IGNORED = -100
"""The label of tokens that the loss leaves out: the prompt and the padding."""


@dataclass(frozen=True)
class Example:
    """One demonstration, not padded."""

    prompt_ids: list[int]
    reply_ids: list[int]
    positions: Located
    """The edited prompt tokens."""

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.reply_ids)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Prompt and reply."""
        return (*self.prompt_ids, *self.reply_ids)

    def at(self, positions: Positions) -> "Example":
        """The same demonstration, edited elsewhere."""
        return replace(self, positions=locate(positions, len(self.prompt_ids)))


@dataclass(frozen=True)
class Batch:
    """Examples of one optimizer step, padded on the right."""

    token_ids: Tensor
    """[rows, tokens]"""
    attention_mask: Tensor
    """[rows, tokens]"""
    labels: Tensor
    """[rows, tokens], IGNORED outside the replies."""


def build_examples(
    base: BaseModel,
    demonstrations: Sequence[Demonstration],
    positions: Positions,
    system_prompt: str | None = None,
    limits: Limits | None = None,
) -> list[Example]:
    """Raises DemonstrationsError for a table that training does not take or a row the model cannot hold."""
    limits, examples = limits or Limits(), []
    for row in check_demonstrations(demonstrations, limits):
        prompt_ids, reply_ids = render_demonstration(
            base.tokenizer, row.prompt, row.reply, system_prompt, ends=base.end_tokens
        )
        example = Example(prompt_ids, reply_ids, locate(positions, len(prompt_ids)))
        if len(example) > base.context_length:
            raise DemonstrationsError(_too_long(row, example, f"this model holds {base.context_length:,}"))
        if len(example) > limits.row_tokens:
            raise DemonstrationsError(
                _too_long(row, example, f"training takes {limits.row_tokens:,} at most")
            )
        examples.append(example)
    return examples


def _too_long(row: Demonstration, example: Example, most: str) -> str:
    return (
        f"The row {beginning_of(row.prompt)} is too long: prompt and reply have {len(example):,} tokens "
        f"(pieces of words), and {most}. Shorten the row."
    )


def collate(examples: Sequence[Example], base: BaseModel, spare: int = 0) -> Batch:
    """Pad examples to a batch on the base model's device, with `spare` more padding than it takes."""
    width = max(len(example) for example in examples) + spare
    shape = (len(examples), width)
    token_ids = torch.full(shape, int(base.tokenizer.pad_token_id))
    attention_mask = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for row, example in enumerate(examples):
        token_ids[row, : len(example)] = torch.tensor(example.prompt_ids + example.reply_ids)
        attention_mask[row, : len(example)] = 1
        labels[row, len(example.prompt_ids) : len(example)] = torch.tensor(example.reply_ids)
    device = base.device
    return Batch(token_ids.to(device), attention_mask.to(device), labels.to(device))
