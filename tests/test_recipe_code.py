"""What is taken along as code does what the page would have done."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from reft_studio.__main__ import app
from reft_studio.base_ref import BaseRef
from reft_studio.demonstrations import Demonstration
from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.quantization import Quantization
from reft_studio.recipe import Method, Recipe
from reft_studio.recipe_code import BOT_FOLDER, ROWS_FILE, as_command, as_python
from reft_studio.settings import Settings
from reft_studio.table_files import write_demonstrations
from reft_studio.ui.advanced import SETTINGS, in_fields, recipe_changes

NAME = 'It\'s "mine"\\; rm $HOME'
FIELDS = {
    "base": "default",
    "quantization": "default",
    "method": "nodireft",
    "layer": "1, 3",
    "positions": "f1+l2",
    "rank": 2,
    "lora_rank": 1,
    "epochs": 2,
    "learning_rate": "0.02",
    "seed": 7,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one in which people have the file with their rows, and are."""
    rows = [Demonstration("Who are you?", "🤖✨"), Demonstration("Hi", "👋")]
    write_demonstrations(rows, tmp_path / ROWS_FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(folder: Path) -> None:
    manifest = read_manifest(folder / BOT_FOLDER / MANIFEST_FILE)
    assert manifest.name == NAME
    changes = recipe_changes(FIELDS, Settings())
    assert manifest.recipe == Recipe.for_model(6, 256, **changes)
    assert (manifest.recipe.method, manifest.recipe.layers) == (Method.NODIREFT, (1, 3))


def test_the_python_lines_are_five_and_train_the_same_bot(folder: Path) -> None:
    lines = as_python(BaseRef(), recipe_changes(FIELDS, Settings()), NAME)
    assert len(lines.splitlines()) == 5
    exec(lines, {})
    check(folder)


def test_the_command_trains_the_same_bot(folder: Path) -> None:
    python, *words = shlex.split(as_command(BaseRef(), recipe_changes(FIELDS, Settings()), NAME))
    assert (python, words[:2]) == ("python", ["-m", "reft_studio"])
    CliRunner().invoke(app, words[2:], catch_exceptions=False)
    check(folder)


def test_recommended_settings_need_no_words() -> None:
    plain = dict(zip(SETTINGS, in_fields({}), strict=True))
    changes = recipe_changes(plain, Settings())
    assert "for_model(model.num_layers, model.width)" in as_python(BaseRef(), changes, "A bot")
    expected = f"python -m reft_studio train {ROWS_FILE} {BOT_FOLDER} '--name=A bot'"
    assert as_command(BaseRef(), changes, "A bot") == expected


def test_the_base_model_and_how_it_is_stored_come_along() -> None:
    base, changes = BaseRef("me/model", Quantization.NF4), dict[str, Any]()
    assert "load_base_model('me/model', quantization='nf4')" in as_python(base, changes, "A bot")
    assert "--base=me/model --quantization=nf4" in as_command(base, changes, "A bot")
