"""How a bot is trained: every number of it, with its default and its bounds.

The defaults are pyreft's (arXiv 2404.03592, its README) where measurements on the embedded model gave no
reason to differ. They did for what keeps a training from learning the rows by heart. R starts where the loss
falls fastest (`train/start.py`). And in each step half of the subspace is left out, so that no direction can
serve one row alone; for that it is given 16 dimensions instead of 4.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from reft_studio.errors import RecipeError

LayerIndex = Annotated[int, Field(ge=0, le=999)]


class Method(StrEnum):
    """Members of the ReFT family, by what they add to a hidden state h. R's rows are orthonormal."""

    LOREFT = "loreft"
    """R^T (W h + b - R h): equation 2 of the paper. What R sees of h is replaced."""
    NOREFT = "noreft"
    """The same with an R that need not be orthonormal."""
    DIREFT = "direft"
    """R^T (W h + b): something is added, nothing taken away."""
    NODIREFT = "nodireft"
    """The same with an R that need not be orthonormal: equation 3 of the paper, which calls it DiReFT."""
    CONSREFT = "consreft"
    """R^T (b - R h): what R sees of h is set to a constant."""
    LOBIREFT = "lobireft"
    """R^T b: one constant vector is added, as in activation steering."""

    @property
    def label(self) -> str:
        """As people write it."""
        special = {Method.NODIREFT: "NoDiReFT"}
        return special.get(self, self.removesuffix("reft").capitalize() + "ReFT")


class Component(StrEnum):
    """What of a decoder block is edited."""

    BLOCK_OUTPUT = "block_output"
    """The residual stream behind it, as in the paper."""
    ATTENTION_OUTPUT = "attention_output"
    """What its attention puts out; added to the stream, in some models after a norm."""
    MLP_OUTPUT = "mlp_output"
    """The same of its feed-forward part."""


class Activation(StrEnum):
    """What W h + b goes through."""

    LINEAR = "linear"
    RELU = "relu"
    GELU = "gelu"
    SILU = "silu"
    TANH = "tanh"


class Schedule(StrEnum):
    """How the learning rate goes on after the warm-up."""

    LINEAR = "linear"
    """In a straight line to zero."""
    COSINE = "cosine"
    """In half a cosine wave to zero."""
    CONSTANT = "constant"


def default_layer(num_layers: int) -> int:
    """The layer to edit in a model of `num_layers` blocks: a quarter of the way up.

    Early enough that the blocks above can still turn the edit into words, late enough that the prompt has
    been read. In the embedded model (6 blocks) this is layer 1, the best there; of 32 blocks it is layer 8,
    the lowest of those that pyreft uses.
    """
    return num_layers // 4


def default_learning_rate(width: int) -> float:
    """For a model with states of `width` dimensions: 0.003 at 4096, higher in narrower ones.

    A step of AdamW moves every entry of W by about the learning rate, and with it W h, in relation to the
    length of h, by about the root of the width as much. So everywhere the first steps turn a state by the
    same share: 0.012 in the embedded model, 256 wide, was the best balance of those tried there.
    """
    return 3e-3 * math.sqrt(4096 / width)


class Recipe(BaseModel):
    """All settings of one training. Frozen; unknown names and values out of range raise RecipeError."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method = Method.LOREFT
    layers: tuple[LayerIndex, ...] = Field(min_length=1)
    """Indices of the decoder blocks that are edited, counted from 0."""
    component: Component = Component.BLOCK_OUTPUT
    positions: str = "l1"
    """The edited prompt tokens, in the notation of `reft_studio.positions`."""
    shared: bool = True
    """The first and the last tokens share one edit in each layer."""
    rank: int = Field(default=16, ge=1, le=256)
    """Dimensions of the subspace that is edited (r in the paper)."""
    activation: Activation = Activation.LINEAR
    """A bend in what W reads from the hidden state."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """The share of the subspace's dimensions that a training step leaves out."""
    lora_rank: int = Field(default=0, ge=0, le=256)
    """The rank of a LoRA on all linear layers of the blocks, trained together with the edits; 0 for none."""
    epochs: int = Field(default=80, ge=1, le=10_000)
    """Passes over the demonstrations."""
    learning_rate: float = Field(default=4e-3, gt=0, le=1)
    """AdamW's. `for_model` knows a better one for the width of a model."""
    schedule: Schedule = Schedule.COSINE
    warmup: float = Field(default=0.0, ge=0, le=0.5)
    """The share of all steps in which the learning rate rises to its full value."""
    batch_size: int = Field(default=10, ge=1, le=256)
    """Demonstrations in one forward pass."""
    accumulation: int = Field(default=1, ge=1, le=64)
    """Batches per optimizer step."""
    max_grad_norm: float | None = Field(default=None, gt=0)
    """Longer gradients are shortened to this length."""
    weight_decay: float = Field(default=0.0, ge=0, le=1000)
    """How strongly an edit is held back: each step brings it, by this times the learning rate, nearer to one
    that changes nothing (decoupled, as AdamW's). Around 1 in the embedded model replies keep closer to their
    prompts, but a voice that it knows already begins with its own words instead of those of the rows.
    """
    seed: int = Field(default=42, ge=0, lt=2**32)

    @classmethod
    def for_model(cls, num_layers: int, width: int, **changes: Any) -> Self:
        """The default recipe for a model of `num_layers` blocks, with `changes` to its fields.

        The layers may be "all".
        """
        layers = changes.get("layers", (default_layer(num_layers),))
        chosen = {"learning_rate": default_learning_rate(width)} | changes
        return cls(**{**chosen, "layers": tuple(range(num_layers)) if layers == "all" else layers})

    @field_validator("layers")
    @classmethod
    def _sort_layers(cls, layers: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(layers)) < len(layers):
            raise ValueError("name each layer once")
        return tuple(sorted(layers))

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, values: Any, validate: Callable[[Any], Self]) -> Self:
        try:
            return validate(values)
        except ValidationError as error:
            raise RecipeError(_in_plain_words(error)) from None


def _in_plain_words(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    field = str(problem["loc"][0]).replace("_", " ") if problem["loc"] else "recipe"
    match problem["type"]:
        case "extra_forbidden":
            known = ", ".join(name.replace("_", " ") for name in Recipe.model_fields)
            return f'A recipe has no setting "{field}". It has: {known}.'
        case "missing":
            return f'The setting "{field}" is missing. Give it a value.'
        case _:
            reason = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
            return f'The setting "{field}" cannot be {problem["input"]!r}: {reason}. Change it and try again.'
