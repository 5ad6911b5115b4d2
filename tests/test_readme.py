"""What the README tells people to type works as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from typer.testing import CliRunner

from reft_studio import Bot
from reft_studio.__main__ import app
from tests.architectures import ARCHITECTURES, SLOW

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_five_lines_train_a_bot_and_save_it(tmp_path: Path) -> None:
    (tmp_path / "assets").symlink_to(REPOSITORY / "assets")
    (script,) = blocks("python")
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    assert "BASE MODEL" in ran.stdout
    assert "Plan a family road trip" in ran.stdout
    assert Bot.load(tmp_path / "my-bot").manifest.recipe.positions == "l1"


def test_the_repository_is_a_space_with_the_same_header_as_the_studios_template() -> None:
    template = (REPOSITORY / "spaces/studio/README.md").read_text(encoding="utf-8")
    own, other = (yaml.safe_load(text.split("---\n")[1]) for text in (README, template))
    versions = {"sdk_version", "python_version"}
    assert {key: own[key] for key in own.keys() - versions} == {k: other[k] for k in other.keys() - versions}
    assert (REPOSITORY / own["app_file"]).is_file()
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (gradio,) = [Requirement(line) for line in lines if line.startswith("gradio>")]
    assert own["sdk_version"] in gradio.specifier


def test_every_make_target_is_one_that_there_is() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`|\s)make ([a-z-]+)\b(?=`|\s+#|\s*$)", README + guide, flags=re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "assets/embedded_model/README.md"]
)
def test_every_file_that_is_linked_is_there(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert [target for target in linked if not ((REPOSITORY / page).parent / target).exists()] == []


def test_every_file_that_security_rests_on_is_there() -> None:
    named = re.findall(
        r"`((?:tests|reft_studio)/[^`]+)`", (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    )
    assert len(named) > 10
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []


def test_the_lines_for_the_terminal_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for those that need an account on the Hub."""
    (tmp_path / "assets").symlink_to(REPOSITORY / "assets")
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("bash") for line in block.splitlines() if " -m reft_studio " in line]
    offline = [line for line in lines if not re.search(r"reft_studio (publish|fetch)", line)]
    assert len(offline) == 5
    for line in offline:
        _, arguments = line.split(" -m reft_studio ")
        done = CliRunner().invoke(app, shlex.split(arguments, comments=True))
        assert done.exit_code == 0, done.output
    assert (tmp_path / "space" / "app.py").is_file()


def test_the_architectures_of_the_table_are_those_of_the_tests() -> None:
    (fast,) = re.findall(r"^\| fast \| (.*) \|$", README, flags=re.MULTILINE)
    (slow,) = re.findall(r"^\| whole forward pass \| (.*) \|$", README, flags=re.MULTILINE)
    assert set(slow.split(", ")) == SLOW
    assert set(fast.split(", ")) == set(ARCHITECTURES) - SLOW
