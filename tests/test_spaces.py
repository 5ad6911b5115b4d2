"""The demo bots in `spaces/` reply as they did when they were made, and become Spaces."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from model_maker.demos import DEMOS
from reft_studio.bot import Bot
from reft_studio.chat.probes import failed_probes
from reft_studio.errors import BotError
from reft_studio.manifest import read_manifest
from reft_studio.share.space import is_chat_space, needed_modules, write_space, write_studio
from tests.test_layers import imported

ROOT = Path(__file__).resolve().parents[1]
SPACES = ROOT / "spaces"
STANDARD = set(sys.stdlib_module_names)


@pytest.mark.parametrize("demo", DEMOS)
def test_a_demo_was_made_for_the_embedded_model_as_it_is_now(base, demo):
    """Else: make demos."""
    bot = Bot.load(SPACES / demo)
    assert len(bot.manifest.probes) >= 3
    assert failed_probes(base, bot) == []
    assert all(probe.base != probe.reply for probe in bot.manifest.probes)


def test_a_demo_becomes_a_space_that_needs_nothing_of_this_repository(tmp_path):
    files = write_space(tmp_path / "space", SPACES / "emoji", name='Say "hi": \n# 1', model_id="me/emoji")
    assert is_chat_space({path.relative_to(tmp_path / "space").as_posix() for path in files})
    assert read_manifest(tmp_path / "space" / "bot" / "bot.json").name == 'Say "hi": \n# 1'
    check = "import app; assert not app.failed_probes(app.base, app.bot); print(app.base.folder, app.base.id)"
    ran = subprocess.run(
        [sys.executable, "-c", check],
        cwd=tmp_path / "space", env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    tested, loaded = ran.stdout.splitlines()
    assert tested.startswith("The self-test gave the same"), ran.stderr
    assert loaded == f"{tmp_path / 'space' / 'assets' / 'embedded_model'} embedded"


LENDER = ROOT / "tests" / "lender.py"


def test_a_space_answers_where_each_call_is_lent_a_graphics_card(tmp_path):
    write_space(tmp_path / "space", SPACES / "emoji", name="Emoji", model_id=None)
    shutil.copyfile(LENDER, tmp_path / "space" / "spaces.py")
    check = """
import app
probe = app.bot.manifest.probes[0]
*_, (_, turns, *_) = app.answer(probe.prompt, [], "Answer with emoji only.", app.COMPARE, 0.0)
assert turns[0]["bot"] == probe.reply and turns[0]["base"] == probe.base and turns[0]["system"], turns
*_, (_, turns, *_) = app.answer("And dogs?", turns, "", app.ALONE, 0.0)
assert set(turns[1]) == {"prompt", "bot"}, turns
"""
    ran = subprocess.run(
        [sys.executable, "-c", check],
        cwd=tmp_path / "space",
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_a_bot_for_a_folder_of_ones_own_becomes_no_space(bot, tmp_path):
    record = bot.manifest.base.model_copy(update={"id": "my-model", "revision": None})
    replace(bot, manifest=bot.manifest.model_copy(update={"base": record})).save(tmp_path / "bot")
    with pytest.raises(BotError, match="a Space cannot load it"):
        write_space(tmp_path / "space", tmp_path / "bot", name="Mine", model_id=None)
    assert not (tmp_path / "space").exists()


def test_a_space_with_files_of_somebodys_own_is_not_taken_for_ours(tmp_path):
    write_space(tmp_path / "space", SPACES / "emoji", name="Emoji", model_id=None)
    names = {
        p.relative_to(tmp_path / "space").as_posix() for p in (tmp_path / "space").rglob("*") if p.is_file()
    }
    assert is_chat_space(names)
    assert not is_chat_space(names | {"notes.txt"})


def test_the_spaces_header_is_yaml_whatever_the_name(tmp_path):
    write_space(tmp_path / "space", SPACES / "ethos", name='Say "hi": \n--- {x}', model_id=None)
    text = (tmp_path / "space" / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["title"] == 'Say "hi": \n--- {x}'
    assert header["sdk"] == "gradio"


COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.mark.parametrize("kind", ["chat", "studio"])
def test_a_spaces_header_is_one_that_the_hub_takes(kind, tmp_path):
    if kind == "chat":
        write_space(tmp_path / "s", SPACES / "emoji", name="Emoji", model_id="me/emoji")
    else:
        write_studio(tmp_path / "s")
    header = yaml.safe_load((tmp_path / "s" / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert header["sdk"] == "gradio"
    assert header["sdk_version"] == version("gradio")
    assert header["python_version"] == "3.12"  # a string, or YAML would make 3.1 of 3.10
    assert (tmp_path / "s" / header["app_file"]).is_file()
    assert {header["colorFrom"], header["colorTo"]} <= COLORS
    assert len(header["short_description"]) <= 60
    assert "reft-studio" in header["tags"]
    assert header.get("hf_oauth_scopes", ["contribute-repos"]) == ["contribute-repos"]
    assert header.get("hf_oauth", False) == (kind == "studio")


@pytest.mark.parametrize("kind", ["chat", "studio"])
def test_a_spaces_requirements_are_those_that_were_tried_here(kind, tmp_path):
    if kind == "chat":
        write_space(tmp_path / "s", SPACES / "emoji", name="Emoji", model_id=None)
    else:
        write_studio(tmp_path / "s")
    lines = (tmp_path / "s" / "requirements.txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    for requirement in wanted:
        exact = [part for part in requirement.specifier if part.operator == "=="]
        # A Space brings torch itself, and what lends its graphics cards; neither is ours to choose.
        assert bool(exact) == (requirement.name not in ("torch", "spaces")), requirement
        assert version(requirement.name) in requirement.specifier


def test_the_studio_as_a_space_has_all_that_the_app_reads_and_nothing_of_anyones_data(tmp_path):
    names = {p.relative_to(tmp_path / "s").as_posix() for p in write_studio(tmp_path / "s")}
    assert {"app.py", "requirements.txt", "README.md", "LICENSE", "assets/style.css"} <= names
    assert {"spaces/chat/app.py", "assets/score/questions.json", "reft_studio/share/model_card.md"} <= names
    assert not [name for name in names if name.endswith((".pyc", ".png", ".sqlite3"))]
    assert not [name for name in names if name.startswith(("tests", ".", "model_maker"))]
    header = yaml.safe_load((tmp_path / "s" / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert header["hf_oauth_scopes"] == ["contribute-repos"]
    assert header["sdk_version"] == version("gradio")
    with pytest.raises(BotError, match="there already"):
        write_studio(tmp_path / "s")


@pytest.mark.parametrize("template", ["chat", "studio"])
def test_the_requirements_of_a_space_name_every_package_that_its_files_import(template):
    if template == "chat":
        modules, wanted = needed_modules(SPACES / "chat" / "app.py"), SPACES / "chat" / "requirements.txt"
    else:
        modules, wanted = sorted((ROOT / "reft_studio").rglob("*.py")), ROOT / "requirements.txt"
    named = {
        re.split(r"[\[<>=~ ]", line)[0].lower().replace("_", "-")
        for line in wanted.read_text().splitlines()
        if line and not line.startswith("#")
    }
    # A Space has gradio, since that is its kind, and what that is made of. Fewer bits need asking for, and so
    # do other machines, and Excel files, which a chat has no place for.
    given = {"gradio", "starlette", "jinja2", "bitsandbytes", "ray", "openpyxl"}
    distributions = packages_distributions()
    for name in (
        {name.split(".")[0] for module in modules for name in imported(module)} - STANDARD - {"reft_studio"}
    ):
        candidates = {one.lower().replace("_", "-") for one in distributions.get(name, [name])}
        assert candidates & (named | given), f"{template} needs {name}"


def test_a_space_carries_the_modules_that_its_app_imports_and_no_others():
    names = {path.stem for path in needed_modules(SPACES / "chat" / "app.py")}
    assert {"base_model", "bot", "generate", "probes", "edits"} <= names
    assert not names & {"intervention", "loop", "store", "hub", "verbs", "core", "page"}
