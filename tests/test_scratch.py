"""What a process needs while it runs is gone in the end, also when it is killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reft_studio.scratch import SECONDS_OFFERED, Scratch, offered_file
from reft_studio.settings import EMBEDDED_MODEL

HOLD = """
import sys
from pathlib import Path
from reft_studio.scratch import SECONDS_OFFERED, Scratch, offered_file
scratch = Scratch(Path(sys.argv[1]))
(scratch.folder / "what it needs").write_bytes(b"1")
print(scratch.folder, flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(parent: Path) -> Iterator[tuple[Path, "subprocess.Popen[str]"]]:
    """Another process with a folder in here, and that folder."""
    command = [sys.executable, "-c", HOLD, str(parent)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=EMBEDDED_MODEL.parents[1]
    ) as process:
        assert process.stdout
        try:
            yield Path(process.stdout.readline().strip()), process
        finally:
            process.kill()


def test_what_a_killed_process_left_is_gone_when_the_next_begins_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "reft-studio-of-another-kind").mkdir()
    (tmp_path / "somebody-elses").mkdir()
    with holder(tmp_path) as (alive, _), holder(tmp_path) as (left, killed):
        killed.kill()
        killed.wait()
        assert (left / "what it needs").exists()
        ours = Scratch(tmp_path)
        assert not left.exists()
        assert (alive / "what it needs").read_bytes() == b"1"
        assert {path.name for path in tmp_path.iterdir()} == {
            "reft-studio-of-another-kind",
            "somebody-elses",
            alive.name,
            ours.folder.name,
        }
        ours.close()
        assert not ours.folder.exists()


def test_a_folder_that_is_swept_away_before_it_is_held_is_there_all_the_same_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reft_studio.scratch.mkdtemp", lambda **_: str(tmp_path / "reft-studio-swept"))
    scratch = Scratch(tmp_path)
    assert scratch.folder.stat().st_mode & 0o777 == 0o700
    # It is held: the next one leaves it alone.
    monkeypatch.undo()
    Scratch(tmp_path).close()
    assert scratch.folder.exists()


def test_where_nothing_can_be_written_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Scratch(tmp_path / "nowhere")


def test_files_that_were_offered_some_time_ago_are_gone_and_those_of_now_are_there(tmp_path: Path) -> None:
    (tmp_path / "something else").mkdir()
    old, fresh = (offered_file(tmp_path, "bot.zip") for _ in range(2))
    for file in (old, fresh):
        file.write_bytes(b"1")
    long_ago = old.parent.stat().st_mtime - 2 * SECONDS_OFFERED
    for folder in (old.parent, tmp_path / "something else"):
        os.utime(folder, (long_ago, long_ago))
    another = offered_file(tmp_path, "bot.zip")
    assert [file.parent.exists() for file in (old, fresh, another)] == [False, True, True]
    assert (tmp_path / "something else").exists()
