"""Settings of one installation, read once from the environment (`REFT_STUDIO_PORT=8000` and so on)."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from reft_studio.quantization import Quantization

EMBEDDED_MODEL = Path(__file__).resolve().parents[1] / "assets" / "embedded_model"
"""The small chat model that comes with the repository."""


class Settings(BaseSettings):
    """Where data lives, which base model is loaded, and what a visitor may send."""

    model_config = SettingsConfigDict(env_prefix="REFT_STUDIO_", frozen=True, extra="forbid")

    data_folder: Path = Field(default_factory=lambda: user_data_path("reft-studio"))
    base_model: str = str(EMBEDDED_MODEL)
    """A folder or a Hub id."""
    quantization: Quantization | None = None
    """Load it with fewer bits a weight: int8 or nf4."""
    max_rows: int = Field(default=1000, ge=1)
    max_cell_characters: int = Field(default=4000, ge=1)
    max_upload_bytes: int = Field(default=20_000_000, ge=1)
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
