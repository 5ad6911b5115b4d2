"""What the page does can be done from a terminal, with the same functions."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from typer.testing import CliRunner

from reft_studio import Bot, __main__, verbs
from reft_studio.__main__ import app
from reft_studio.pyreft_folder import write_pyreft
from reft_studio.share.hub import Place, publish
from reft_studio.table_files import read_demonstrations, write_demonstrations
from tests.hub import local_hub

ROOT = Path(__file__).resolve().parents[1]
EMOJI = str(ROOT / "assets" / "starters" / "emoji.csv")


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_bot_is_trained_asked_and_exported(tmp_path):
    trained = run(
        "train", EMOJI, tmp_path / "bot", "--epochs", 5, "--layer", 1, "--layer", 2, "--name", "Smile"
    )
    assert trained.exit_code == 0, trained.output
    manifest = Bot.load(tmp_path / "bot").manifest
    assert (manifest.name, manifest.recipe.epochs, manifest.recipe.layers) == ("Smile", 5, (1, 2))
    assert "BASE MODEL" in run("chat", tmp_path / "bot", "Who are you?").stdout
    for form, made in [("zip", "bot.zip"), ("pyreft", "theirs"), ("space", "space")]:
        assert run("export", tmp_path / "bot", tmp_path / made, "--as", form).exit_code == 0
    assert Bot.load_zip(tmp_path / "bot.zip") == Bot.load(tmp_path / "bot")
    assert (tmp_path / "space" / "app.py").is_file()
    taken = run(
        "import-pyreft", tmp_path / "theirs", tmp_path / "back", "--positions", "l1", "--name", "Smile"
    )
    assert taken.exit_code == 0, taken.output
    assert Bot.load(tmp_path / "back").weights.keys() == Bot.load(tmp_path / "bot").weights.keys()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "no.csv", "bot"], "There is no file"),
        (["train", EMOJI, "bot", "--rank", "9999"], "rank"),
        (["chat", "nowhere", "Hi"], "not a bot"),
        (["fetch", "nonsense", "bot"], "not a link to a bot"),
        (["export", "nowhere", "bot", "--as", "zip"], "not a bot"),
        (["export", str(ROOT / "spaces" / "emoji"), "no/folder/bot.zip"], "No such file"),
        (["train", EMOJI, str(ROOT / "spaces")], "something that is not a bot"),
    ],
)
def test_a_mistake_is_said_in_a_sentence_and_ends_with_one(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


def test_of_a_base_model_in_a_folder_it_must_be_said_where_that_is(bot, tmp_path):
    record = bot.manifest.base.model_copy(update={"id": "model", "revision": None})
    replace(bot, manifest=bot.manifest.model_copy(update={"base": record})).save(tmp_path / "bot")
    done = run("chat", str(tmp_path / "bot"), "Hi")
    assert done.exit_code == 1
    assert 'is a folder "model". Say where it is with --base.' in done.output


def test_a_bot_is_published_and_fetched_with_the_token_of_who_is_signed_in(bot, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    bot.save(tmp_path / "bot")
    write_demonstrations(rows, tmp_path / "rows.csv")
    with local_hub() as hub:
        monkeypatch.setattr(verbs, "HfApi", hub.api)
        monkeypatch.setattr(__main__, "HfApi", hub.api)
        done = run("publish", tmp_path / "bot", "ann/smile", "--rows", tmp_path / "rows.csv", "--public")
        assert done.stdout.strip() == f"{hub.url}/ann/smile"
        assert not hub.repositories["model", "ann/smile"].private
        done = run("fetch", "ann/smile", tmp_path / "fetched")
        assert "Base model: embedded; rows: 4; licence: apache-2.0" in done.stdout
        assert run("rename", "ann/smile", "ann/grin").exit_code == 0
        assert set(hub.repositories) == {("model", "ann/grin")}
        assert run("unpublish", "ann/grin").exit_code == 1
        assert hub.repositories
        assert run("unpublish", "ann/grin", "--yes").exit_code == 0
        assert not hub.repositories
    assert Bot.load(tmp_path / "fetched") == bot
    assert read_demonstrations(tmp_path / "fetched" / "demonstrations.jsonl") == rows


def test_a_bot_of_pyreft_is_fetched_once_it_is_said_what_it_edits(bot, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    write_pyreft(bot, tmp_path / "theirs")
    with local_hub() as hub:
        monkeypatch.setattr(__main__, "HfApi", hub.api)
        files = {path.name: path for path in (tmp_path / "theirs").iterdir()}
        list(publish(hub.api(), Place("ann/theirs"), files, "Put", lambda _: True))
        done = run("fetch", "ann/theirs", tmp_path / "ours")
        assert done.exit_code == 1
        assert "Say both with --positions" in done.output
        assert run("fetch", "ann/theirs", tmp_path / "ours", "--positions", "l1").exit_code == 0
    ours = Bot.load(tmp_path / "ours")
    assert ours.manifest.name == "theirs"
    assert all(torch.equal(tensor, bot.tensors()[name]) for name, tensor in ours.tensors().items())
