"""Commands take their files along to where there are none, and what is written there comes back."""

from pathlib import Path

import pytest

from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import Conversation, TrainingJob
from reft_studio.engine.messages import Ask, Chat, PackBot, Submit
from reft_studio.engine.parcels import Unpacked, pack, write


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "bot"
    folder.mkdir(parents=True)
    (folder / "bot.json").write_bytes(b"{}")
    (folder / "numbers").write_bytes(b"12")
    return folder


def test_a_training_has_its_files_elsewhere_and_brings_back_only_what_is_new(
    tmp_path: Path, bot: Path
) -> None:
    here = tmp_path / "here"
    job = TrainingJob(
        "job",
        "A bot",
        (Demonstration("Hi", "Ho"),),
        here / "new",
        start_from=bot,
        moments_folder=here / "moments",
        checkpoint_file=here / "checkpoint",
    )
    (here / "checkpoint").write_bytes(b"step 1")
    (here / "moments" / "5").mkdir(parents=True)
    (here / "moments" / "5" / "bot.json").write_bytes(b"5")
    parcel = pack(Submit(job))
    there = Unpacked(parcel, tmp_path / "there")
    assert isinstance(there.command, Submit)
    its = there.command.job
    assert isinstance(its, TrainingJob)
    assert (its.id, its.demonstrations) == (job.id, job.demonstrations)
    assert its.start_from and its.checkpoint_file and its.moments_folder
    assert all(path.is_relative_to(tmp_path / "there") for path in (its.bot_folder, its.start_from))
    assert {file.name: file.read_bytes() for file in its.start_from.iterdir()} == {
        "bot.json": b"{}",
        "numbers": b"12",
    }
    assert (its.moments_folder / "5" / "bot.json").read_bytes() == b"5"
    assert its.checkpoint_file.read_bytes() == b"step 1"
    assert not its.bot_folder.exists()
    assert there.changed() == {}

    write({its.checkpoint_file: b"step 2", its.moments_folder / "10": {"bot.json": b"10"}})
    (its.moments_folder / "moments.json").write_bytes(b"[5, 10]")
    changed = there.changed()
    assert changed == {
        here / "checkpoint": b"step 2",
        here / "moments" / "10": {"bot.json": b"10"},
        here / "moments" / "moments.json": b"[5, 10]",
    }
    assert there.changed() == {}
    write({its.bot_folder: {"bot.json": b"new"}})
    changed |= there.changed()

    write(changed)
    assert (here / "checkpoint").read_bytes() == b"step 2"
    assert (here / "new" / "bot.json").read_bytes() == b"new"
    assert sorted(path.name for path in (here / "moments").iterdir()) == ["10", "5", "moments.json"]
    there.remove()
    assert not (tmp_path / "there").exists()


def test_every_bot_of_a_question_comes_along_and_those_of_others_do_not(tmp_path: Path, bot: Path) -> None:
    other = bot.with_name("other")
    write({other: {"bot.json": b"other"}, bot.with_name("nobody's"): {"bot.json": b"?"}})
    said = ({"role": "user", "content": "Hi"},)
    both = Conversation(said, bot, beside=((other, 0.5),))
    parcel = pack(Ask("1", Chat((both, Conversation(said)), Sampling())))
    assert set(parcel.files) == {bot, other}
    there = Unpacked(parcel, tmp_path / "there")
    assert isinstance(there.command, Ask) and isinstance(there.command.question, Chat)
    mixed, plain = there.command.question.conversations
    ((place, strength),) = mixed.beside
    assert ((place / "bot.json").read_bytes(), strength) == (b"other", 0.5)
    assert mixed.bot_folder and (mixed.bot_folder / "numbers").read_bytes() == b"12"
    assert plain == Conversation(said)


def test_a_file_that_is_asked_for_comes_back_under_its_name(tmp_path: Path, bot: Path) -> None:
    zipped = tmp_path / "here" / "My bot.zip"
    there = Unpacked(pack(Ask("1", PackBot(bot, zipped, "My bot", ()))), tmp_path / "there")
    assert isinstance(there.command, Ask) and isinstance(there.command.question, PackBot)
    place = there.command.question.zip_path
    assert place.name == zipped.name
    place.write_bytes(b"zip")
    assert there.changed() == {zipped: b"zip"}


def test_a_bot_is_replaced_as_a_whole(bot: Path) -> None:
    write({bot: {"bot.json": b"new"}})
    assert [file.name for file in bot.iterdir()] == ["bot.json"]
    assert [file.name for file in bot.parent.iterdir()] == ["bot"]
