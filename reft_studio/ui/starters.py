"""Ready-made tables to start from, as `assets/starters/starters.json` lists them."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from reft_studio.draft import Draft
from reft_studio.table_files import read_demonstrations
from reft_studio.ui import wording

STARTERS_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "starters"


@dataclass(frozen=True)
class StarterScore:
    """How many everyday messages that are in no row its bot, on the embedded model, answers by its rules."""

    right: int
    of: int


@dataclass(frozen=True)
class Starter:
    """One card on the page."""

    key: str
    title: str
    sentence: str
    file: str = ""
    """Rows, beside starters.json; none for an empty table."""
    probes: tuple[str, ...] = ()
    """Unseen prompts to try the bot with."""
    rules: tuple[str, ...] | None = None
    """By which its replies are scored."""
    instruction: str = ""
    """What one would tell the plain model to get the same without training."""
    score: StarterScore | None = None
    """As measured; the README's table has it too."""

    @property
    def picture(self) -> Path:
        """For its card."""
        return STARTERS_FOLDER / f"{self.key}.svg"

    def draft(self) -> Draft:
        """The table this starter begins with."""
        rows = tuple(read_demonstrations(STARTERS_FOLDER / self.file)) if self.file else ()
        name = self.title if self.file else wording.DEFAULT_BOT_NAME
        return Draft(name, rows, self.probes, self.rules, self.instruction)


def starters() -> list[Starter]:
    """All of them, the blank one last."""
    listed = TypeAdapter(list[Starter]).validate_json((STARTERS_FOLDER / "starters.json").read_bytes())
    return [*listed, Starter("blank", wording.BLANK_TITLE, wording.BLANK_SENTENCE)]
