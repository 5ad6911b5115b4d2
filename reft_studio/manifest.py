"""What bot.json holds: where a bot comes from and how to use it. No torch here: the page reads it too."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel as Schema
from pydantic import ConfigDict, Field, ValidationError, model_validator

from reft_studio.base_ref import BaseRef
from reft_studio.errors import BotError, RecipeError
from reft_studio.folders import write_through
from reft_studio.positions import parse_positions
from reft_studio.quantization import Quantization
from reft_studio.recipe import Recipe

if TYPE_CHECKING:
    from reft_studio.base_model import BaseModel


MANIFEST_FILE = "bot.json"
TENSOR_FILE = "intervention.safetensors"
DEMONSTRATIONS_FILE = "demonstrations.jsonl"
CARD_FILE = "README.md"
TENSOR_BYTES = 512_000_000
BOT_FILES = {
    MANIFEST_FILE: 1_000_000,
    TENSOR_FILE: TENSOR_BYTES,
    DEMONSTRATIONS_FILE: 32_000_000,
    CARD_FILE: 1_000_000,
}
"""All that a bot may consist of, with the most bytes that each may have."""


class _Record(Schema):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseRecord(_Record):
    """Which base model a bot was made for."""

    id: str = Field(max_length=200)
    revision: str | None = Field(max_length=200)
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 over the weight files."""
    template_digest: str = Field(pattern="^[0-9a-f]{64}$")
    dtype: str = Field(max_length=20)
    """Precision of the base model in training."""
    quantization: Quantization | None = None
    num_layers: int = Field(ge=1, le=1000)
    width: int = Field(ge=1, le=65_536)

    @classmethod
    def of(cls, base: BaseModel) -> Self:
        """The record of a loaded model."""
        return cls(
            id=base.id,
            revision=base.revision,
            digest=base.digest(),
            template_digest=base.template_digest,
            dtype=base.dtype,
            quantization=base.quantization,
            num_layers=base.num_layers,
            width=base.width,
        )


def base_of(record: BaseRecord, known: Sequence[BaseRef]) -> BaseRef:
    """The base model that a bot was made for: one of those that are known here, or else as the bot has it.

    A bot does not know where a folder was, so without one of that name here it is called as the bot calls it.
    One from the Hub is pinned to the bot's revision, unless its newest one is here: whether that has the same
    weights is found out when the bot is opened.
    """
    pinned = BaseRef(f"{record.id}@{record.revision}" if record.revision else record.id, record.quantization)
    same = [base for base in known if base.id == record.id and base.revision in (None, record.revision)]
    exact = [base for base in same if base.quantization == record.quantization]
    return next((base for base in exact if base == pinned), next(iter([*exact, *same]), pinned))


ProbeText = Annotated[str, Field(max_length=100_000)]


class Probe(_Record):
    """A prompt with the bot's greedy reply: a loaded bot that replies differently is not the same bot."""

    prompt: ProbeText
    reply: ProbeText
    base: ProbeText | None = None
    """What the plain base model says to it, to show the difference."""


class Suite(StrEnum):
    """What a bot is asked when it is scored: questions that are in none of its demonstrations."""

    UNSEEN = "unseen"
    """Everyday questions."""
    ATTACKS = "attacks"
    """Messages that try to talk it out of its role."""
    LONG = "long"
    """Requests for a long reply."""
    SECOND = "second"
    """The second message of a conversation."""


class Count(_Record):
    """How many replies of one suite met the rules, of the base model and of the bot."""

    suite: Suite
    of: int = Field(ge=1, le=100_000)
    base: int = Field(ge=0)
    instructed: int | None = Field(default=None, ge=0)
    """Of the base model with the score's system prompt; None where there is none."""
    bot: int = Field(ge=0)

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if max(self.base, self.instructed or 0, self.bot) > self.of:
            raise ValueError("more replies met the rules than there were")
        return self


RuleSentence = Annotated[str, Field(min_length=1, max_length=300)]


class Score(_Record):
    """What came of asking."""

    rules: tuple[RuleSentence, ...] = Field(min_length=1, max_length=20)
    """A reply counts if it meets all of them (`rules.read_rule`)."""
    instruction: str = Field(default="", max_length=10_000)
    """The system prompt that the base model was given to compare; "" for none."""
    counts: tuple[Count, ...] = Field(min_length=1, max_length=len(Suite))

    @model_validator(mode="after")
    def _check_suites(self) -> Self:
        if len({count.suite for count in self.counts}) < len(self.counts):
            raise ValueError("a suite is counted twice")
        return self

    def __str__(self) -> str:
        """A table that fits into a terminal."""
        rows = [
            (c.suite, c.of, c.base, "-" if c.instructed is None else c.instructed, c.bot) for c in self.counts
        ]
        heading = f"{'':<10} {'asked':>6} {'base':>6} {'told':>6} {'bot':>6}"
        lines = (f"{s:<10} {of:>6} {base:>6} {told:>6} {bot:>6}" for s, of, base, told, bot in rows)
        return "\n".join([" and ".join(self.rules), heading, *lines])


LinearName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,200}$")]
LinearSize = tuple[Annotated[int, Field(ge=1, le=1_000_000)], Annotated[int, Field(ge=1, le=1_000_000)]]


class Manifest(_Record):
    """What bot.json holds."""

    schema_version: Literal[2] = 2
    name: str = Field(min_length=1, max_length=100)
    created: str = Field(max_length=40, pattern=r"^[0-9T:.+Z-]*$")
    """ISO 8601, UTC."""
    base: BaseRecord
    recipe: Recipe
    stopped_after: int | None = Field(default=None, ge=1)
    """The epoch after which it was taken out of its training, if that was not the last one."""
    lora: dict[LinearName, LinearSize] = Field(default_factory=dict, max_length=10_000)
    """Inputs and outputs of the linear layers that have a LoRA, by their names inside the model."""
    system_prompt: str | None = None
    probes: tuple[Probe, ...] = Field(default=(), max_length=100)
    score: Score | None = None
    libraries: dict[str, str]
    """Versions that the bot was trained with."""

    @model_validator(mode="before")
    @classmethod
    def _bring_up_to_date(cls, data: Any) -> Any:
        """Version 1 had no score, only a field for some that nothing was ever written into."""
        if isinstance(data, dict) and data.get("schema_version") == 1 and not data.get("scores"):
            return {key: value for key, value in data.items() if key != "scores"} | {"schema_version": 2}
        return data

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        parse_positions(self.recipe.positions)
        if max(self.recipe.layers) >= self.base.num_layers:
            raise ValueError(
                f"layer {max(self.recipe.layers)} is not in a model of {self.base.num_layers} blocks"
            )
        if self.recipe.rank > self.base.width:
            raise ValueError("the rank is larger than the model is wide")
        if bool(self.lora) != bool(self.recipe.lora_rank):
            raise ValueError("there is a LoRA without a rank, or a rank without a LoRA")
        return self


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Put the manifest of the bot in a folder in place of an earlier one, whole or not at all."""
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / MANIFEST_FILE
        fresh.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_through(fresh)
        fresh.replace(folder / MANIFEST_FILE)


def read_manifest(path: Path) -> Manifest:
    """What a bot.json says; raises BotError if it is none of ours."""
    if not path.is_file():
        raise not_a_bot(f"there is no {MANIFEST_FILE} in it")
    with path.open("rb") as file:
        return _parsed(file.read(BOT_FILES[MANIFEST_FILE] + 1))


def look_inside(path: Path) -> Manifest:
    """The manifest of a bot's folder or zip, none of whose other files is looked at; raises BotError."""
    if path.is_dir():
        return read_manifest(path / MANIFEST_FILE)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(MANIFEST_FILE) as file:
            # The size that a zip states may be a lie: what counts is what comes out.
            content = file.read(BOT_FILES[MANIFEST_FILE] + 1)
    except KeyError:
        raise not_a_bot(f"there is no {MANIFEST_FILE} in it") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise not_a_bot(f"the zip cannot be read ({error})") from error
    return _parsed(content)


def _parsed(content: bytes) -> Manifest:
    if len(content) > BOT_FILES[MANIFEST_FILE]:
        raise not_a_bot(f"{MANIFEST_FILE} is far too large")
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if problem["loc"] == ("schema_version",):
            raise BotError(
                "This bot was saved by a newer version of ReFT Studio. Update, then try again."
            ) from None
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise not_a_bot(f"in {MANIFEST_FILE}, {place}: {problem['msg']}") from None
    except RecipeError as error:
        raise not_a_bot(f"its recipe is not valid ({error})") from None


def not_a_bot(reason: str) -> BotError:
    """The error for a folder or file that is something else, or damaged."""
    return BotError(
        f"This is not a bot of ReFT Studio: {reason}. Choose one that was saved or downloaded here."
    )
