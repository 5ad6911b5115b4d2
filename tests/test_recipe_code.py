"""What is taken along as code does what the page would have done."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reft_studio.base_ref import BaseRef
from reft_studio.demonstrations import Demonstration
from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.quantization import Quantization
from reft_studio.recipe import Method, Recipe
from reft_studio.settings import Settings
from reft_studio.table_files import write_demonstrations
from reft_studio.ui.advanced import SETTINGS, in_fields, recipe_changes
from reft_studio.ui.recipe_code import BOT_FOLDER, ROWS_FILE, as_command, as_python

ROOT = Path(__file__).resolve().parents[1]
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
def folder(tmp_path: Path) -> Path:
    write_demonstrations(
        [Demonstration("Who are you?", "🤖✨"), Demonstration("Hi", "👋")], tmp_path / ROWS_FILE
    )
    return tmp_path


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


def check(folder: Path) -> None:
    manifest = read_manifest(folder / BOT_FOLDER / MANIFEST_FILE)
    assert manifest.name == NAME
    assert manifest.recipe == Recipe.for_model(
        6, 256, method=Method.NODIREFT, layers=(1, 3), positions="f1+l2", rank=2, lora_rank=1, epochs=2,
        learning_rate=0.02, seed=7,
    )  # fmt: skip


def test_the_python_lines_are_five_and_train_the_same_bot(folder: Path) -> None:
    lines = as_python(BaseRef(), recipe_changes(FIELDS, Settings()), NAME)
    assert len(lines.splitlines()) == 5
    run([sys.executable, "-c", lines], folder)
    check(folder)


def test_the_command_trains_the_same_bot(folder: Path) -> None:
    program, *words = shlex.split(as_command(BaseRef(), recipe_changes(FIELDS, Settings()), NAME))
    assert program == "python"
    run([sys.executable, *words], folder)
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
