"""What the README tells people to type works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reft_studio import Bot
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


def test_every_make_target_is_one_that_there_is() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`|\s)make ([a-z-]+)\b(?=`|\s+#|\s*$)", README + guide, flags=re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "assets/embedded_model/README.md"]
)
def test_every_file_that_is_linked_is_there(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert [target for target in linked if not ((REPOSITORY / page).parent / target).exists()] == []


def test_the_architectures_of_the_table_are_those_of_the_tests() -> None:
    (fast,) = re.findall(r"^\| fast \| (.*) \|$", README, flags=re.MULTILINE)
    (slow,) = re.findall(r"^\| whole forward pass \| (.*) \|$", README, flags=re.MULTILINE)
    assert set(slow.split(", ")) == SLOW
    assert set(fast.split(", ")) == set(ARCHITECTURES) - SLOW
