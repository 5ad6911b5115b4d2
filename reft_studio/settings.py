"""Settings of one installation, read once: `REFT_STUDIO_PORT=8000 app.py`, or `app.py --port 8000`."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reft_studio.demonstrations import Limits
from reft_studio.quantization import Quantization

EMBEDDED_MODEL = Path(__file__).resolve().parents[1] / "assets" / "embedded_model"
"""The small chat model that comes with the repository."""


TIGHTER: dict[str, Any] = {
    "allowed_base_models": (),
    "max_rows": 200,
    "max_cell_characters": 2000,
    "max_row_tokens": 1024,
    "max_projects": 20,
    "max_epochs": 300,
    "max_rank": 32,
    "max_training_seconds": 600,
    "max_score_seconds": 60,
    "max_waiting_trainings": 32,
    "max_upload_bytes": 5_000_000,
    "max_person_bytes": 100_000_000,
    "max_messages_per_hour": 300,
    "max_trainings_per_hour": 30,
    "max_transfers_per_hour": 60,
    "max_uploads_per_hour": 120,
}
"""Where strangers share one app."""


_TRUE = ("1", "t", "true")


def has_sign_in() -> bool:
    """Whether people sign in to the Hub on the page itself, as on a Space that was set up for it."""
    return "SPACE_ID" in os.environ and "OAUTH_CLIENT_ID" in os.environ


class Settings(BaseSettings):
    """Where data lives, which base model is loaded, and how much anyone may ask for: all limits are here."""

    model_config = SettingsConfigDict(
        env_prefix="REFT_STUDIO_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        use_attribute_docstrings=True,
    )

    data_folder: Path = Field(default_factory=lambda: user_data_path("reft-studio"))
    base_model: str = str(EMBEDDED_MODEL)
    """A folder or a Hub id."""
    quantization: Quantization | None = None
    """Load it with fewer bits a weight: int8 or nf4."""
    allowed_base_models: Annotated[tuple[str, ...] | None, NoDecode] = None
    """Hub ids that may be chosen beside `base_model`, with commas between them; None for any, and folders."""
    engine: Literal["process", "ray"] = "process"
    """Where trainings and chats are computed: in a process on this machine, or on those of a Ray cluster."""
    ray_address: str = "auto"
    """Of the cluster: host:port, or auto for the one that this machine is part of."""
    ray_cpus: float = Field(default=1, gt=0)
    """So many processors of a machine each training gets there."""
    ray_gpus: float = Field(default=0, ge=0)
    """So many graphics cards."""
    shared: bool = Field(default_factory=lambda: "SPACE_ID" in os.environ)
    """Several people use one app: each sees only their own, and the limits are those of TIGHTER."""
    lent_card: bool = Field(default_factory=lambda: os.environ.get("SPACES_ZERO_GPU", "").lower() in _TRUE)
    """On a Space where a graphics card is lent for one call at a time (ZeroGPU)."""
    max_rows: int = Field(default=1000, ge=1)
    max_cell_characters: int = Field(default=4000, ge=1)
    max_row_tokens: int = Field(default=8192, ge=1)
    max_projects: int = Field(default=500, ge=1)
    """Of one person."""
    max_epochs: int = Field(default=10_000, ge=1)
    max_rank: int = Field(default=256, ge=1)
    max_training_seconds: float = Field(default=24 * 3600, gt=0)
    """A training that takes longer ends there and keeps what it has learned."""
    max_score_seconds: float = Field(default=180, gt=0)
    """Scoring a bot ends there, with what was asked until then."""
    max_waiting_trainings: int = Field(default=100, ge=1)
    max_upload_bytes: int = Field(default=20_000_000, ge=1)
    max_person_bytes: int = Field(default=50_000_000_000, ge=1)
    """What one person's bots, trainings and conversations may take of the disk."""
    max_messages_per_hour: int | None = Field(default=None, ge=1)
    """Of one person; None for as many as they like. The next three likewise."""
    max_trainings_per_hour: int | None = Field(default=None, ge=1)
    max_transfers_per_hour: int | None = Field(default=None, ge=1)
    """Bots opened, downloaded, fetched, previewed and published."""
    max_uploads_per_hour: int | None = Field(default=None, ge=1)
    """Requests with files."""
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)

    @property
    def limits(self) -> Limits:
        """How much of a table training accepts."""
        return Limits(self.max_rows, self.max_cell_characters, self.max_row_tokens)

    @field_validator("allowed_base_models", mode="before")
    @classmethod
    def _split(cls, names: Any) -> Any:
        return tuple(filter(None, map(str.strip, names.split(",")))) if isinstance(names, str) else names

    @model_validator(mode="after")
    def _tighten(self) -> Self:
        if self.shared:
            for name, value in TIGHTER.items():
                if name not in self.model_fields_set:
                    object.__setattr__(self, name, value)
        return self
