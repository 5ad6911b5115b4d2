"""Bots and checkpoints are whole at any moment: a process that is killed leaves the earlier one or the new.

It is killed at every single step that it takes on the disk, and in the middle of writing.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reft_studio.bot import Bot
from reft_studio.errors import BotError
from reft_studio.folders import replace_folder, settle_all
from reft_studio.train.checkpoint import Checkpoint

KILLED_ONCE = """
import os, resource, shutil, signal, sys
from pathlib import Path

class Killer:
    '''Is told of everything that Python does with files; at the last step it may take, the process ends.'''
    left, armed = -1, False

    def __call__(self, event, arguments):
        touched = [part for part in arguments if isinstance(part, (str, bytes, Path))]
        if not self.armed or event not in STEPS or not any(str(FOLDER) in str(part) for part in touched):
            return
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}
FOLDER = Path(sys.argv[1])
killer = Killer()
"""
SAVE_BOT = """
from reft_studio.bot import Bot
second, target = Bot.load(sys.argv[2]), FOLDER / "bots" / "one"
save = lambda: second.save(target)
"""
SAVE_CHECKPOINT = """
from reft_studio.train.checkpoint import Checkpoint
second, target = Checkpoint.load(Path(sys.argv[2])), FOLDER / "one.safetensors"
save = lambda: second.save(target)
"""
# The heavy imports once; then a fork for each kill. Nothing has been computed, so no thread is left behind.
EVERY_STEP = """
def die_at_step(step):
    killer.left, killer.armed = step, True

def die_at_byte(size):
    # Of any file; by default the system then kills the process, but Python has asked it not to.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

sys.addaudithook(killer)
for prepare, moments in ((die_at_byte, range(0, 10**6, 300)), (die_at_step, range(1000))):
    for moment in moments:
        child = os.fork()
        if child == 0:
            prepare(moment)
            save()
            killer.armed = False
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        print(status, flush=True)
        assert sys.stdin.readline()
print(0, flush=True)
"""


def killed_at_every_step(save: str, folder: Path, second: Path, look: Callable[[], None]) -> int:
    """Look after each kill; returns how many there were."""
    command = [sys.executable, "-c", KILLED_ONCE + save + EVERY_STEP, str(folder), str(second)]
    kills = 0
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin
        assert process.stdout
        while int(process.stdout.readline()):
            kills += 1
            look()
            process.stdin.write("again\n")
            process.stdin.flush()
    assert process.returncode == 0
    return kills


def test_a_bot_whose_saving_was_killed_is_the_earlier_one_or_the_new_one(
    bot: Bot, untrained: Bot, tmp_path: Path
) -> None:
    folder, second = tmp_path / "bots" / "one", tmp_path / "second"
    untrained.save(folder)
    bot.save(second)
    found = []

    def look() -> None:
        found.append(Bot.load(folder))
        settle_all(folder.parent, lambda _: True)
        assert [path.name for path in folder.parent.iterdir()] == ["one"]
        found[-1].save(folder)
        if found[-1] == bot:
            # Again from the beginning.
            untrained.save(folder)

    assert killed_at_every_step(SAVE_BOT, tmp_path, second, look) > 10
    assert all(one in (untrained, bot) for one in found)
    assert Bot.load(folder) == bot


def test_a_checkpoint_whose_writing_was_killed_is_the_earlier_one_or_the_new_one(tmp_path: Path) -> None:
    import torch

    path, second = tmp_path / "one.safetensors", tmp_path / "second.safetensors"
    Checkpoint("first", (3.0,), {"x": torch.zeros(1000)}).save(path)
    Checkpoint("second", (3.0, 2.0), {"x": torch.ones(1000)}).save(second)
    found = []

    def look() -> None:
        found.append(Checkpoint.load(path))

    assert killed_at_every_step(SAVE_CHECKPOINT, tmp_path, second, look) > 5
    assert {(one.fingerprint, one.step) for one in found} <= {("first", 1), ("second", 2)}
    assert Checkpoint.load(path).fingerprint == "second"


def test_a_folder_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "file").touch()
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "never written", folder)
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_where_there_was_no_bot_a_killed_saving_leaves_none_or_a_whole_one(tmp_path: Path, bot: Bot) -> None:
    second = tmp_path / "second"
    bot.save(second)
    whole = []

    def look() -> None:
        try:
            whole.append(Bot.load(tmp_path / "bots" / "one") == bot)
        except BotError as error:
            assert "there is no bot.json" in str(error)

    killed_at_every_step(SAVE_BOT, tmp_path, second, look)
    assert all(whole)
    assert Bot.load(tmp_path / "bots" / "one") == bot
