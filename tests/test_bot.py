import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from reft_studio import bot as bot_module
from reft_studio.bot import Bot
from reft_studio.chat.compare import compare_replies
from reft_studio.chat.probes import failed_probes
from reft_studio.errors import BotError
from reft_studio.table_files import read_demonstrations

ROOT = Path(__file__).resolve().parents[1]
FILES = ["bot.json", "intervention.safetensors"]


@pytest.fixture
def saved(bot, tmp_path):
    bot.save(tmp_path / "bot")
    return tmp_path / "bot"


def change_manifest(folder, change):
    path = folder / "bot.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def change_tensors(folder, change):
    tensors = load_file(folder / "intervention.safetensors")
    change(tensors)
    save_file(tensors, folder / "intervention.safetensors")


def test_a_saved_bot_is_loaded_bit_for_bit(bot, saved):
    loaded = Bot.load(saved)
    assert loaded == bot
    for edit in loaded.weights.values():
        assert torch.allclose(edit.R @ edit.R.T, torch.eye(len(edit.R)), atol=1e-5)


def test_a_bot_differs_from_one_with_other_weights_or_another_name(bot, untrained):
    assert bot != untrained
    assert bot != replace(bot, manifest=bot.manifest.model_copy(update={"name": "Other"}))


def test_a_zipped_bot_is_loaded_bit_for_bit(bot, tmp_path):
    bot.save_zip(tmp_path / "bot.zip")
    assert Bot.load_zip(tmp_path / "bot.zip") == bot
    assert [path.name for path in tmp_path.iterdir()] == ["bot.zip"]


def test_a_fresh_process_gives_the_same_greedy_reply(base, bot, saved):
    program = (
        "import sys, reft_studio as rs;"
        "base, bot = rs.load_base_model(device='cpu'), rs.Bot.load(sys.argv[1]);"
        "c = rs.compare_replies(base, bot, sys.argv[2]); print(ascii((c.base, c.bot)))"
    )
    prompt = "Tell me about penguins."
    command = [sys.executable, "-c", program, str(saved), prompt]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    here = compare_replies(base, bot, prompt)
    assert done.stdout.strip() == ascii((here.base, here.bot))


def test_the_self_test_passes_and_notices_another_bot(base, bot, untrained):
    assert len(bot.manifest.probes) == 3
    assert failed_probes(base, bot) == []
    assert failed_probes(base, untrained)


def test_demonstrations_are_saved_only_if_asked_for(bot, saved, rows, tmp_path):
    assert sorted(path.name for path in saved.iterdir()) == FILES
    bot.save(tmp_path / "open", rows)
    assert read_demonstrations(tmp_path / "open" / "demonstrations.jsonl") == rows
    assert Bot.load(tmp_path / "open") == bot


def test_saving_replaces_an_earlier_bot_whole(bot, rows, tmp_path):
    bot.save(tmp_path / "bot", rows)
    bot.save(tmp_path / "bot")
    assert sorted(path.name for path in (tmp_path / "bot").iterdir()) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["bot"]


def test_a_save_that_fails_leaves_the_earlier_bot(bot, saved, untrained, monkeypatch):
    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(bot_module, "save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        untrained.save(saved)
    assert Bot.load(saved) == bot
    assert [path.name for path in saved.parent.iterdir()] == ["bot"]


def test_a_replacement_that_fails_puts_the_earlier_bot_back(bot, saved, untrained, monkeypatch):
    rename = Path.rename

    def fail_for_the_new_one(path, target):
        if path.name == "new":
            raise OSError("disk gone")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises(OSError, match="disk gone"):
        untrained.save(saved)
    assert Bot.load(saved) == bot


def test_saving_over_something_else_is_refused(bot, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BotError, match="not a bot"):
        bot.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"digest": "0" * 64, "id": "me/model"}, r'has other weights. Load "me/model"'),
        ({"digest": "0" * 64}, r'another version of the base model "embedded".*train the bot again'),
        ({"template_digest": "0" * 64}, "chat template"),
    ],
)
def test_a_bot_for_another_base_model_is_refused(base, bot, changes, said):
    record = bot.manifest.base.model_copy(update=changes)
    stranger = replace(bot, manifest=bot.manifest.model_copy(update={"base": record}))
    bot.check_base(base)
    with pytest.raises(BotError, match=said):
        stranger.check_base(base)
    with pytest.raises(BotError, match=said):
        compare_replies(base, stranger, "hello")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m.update(schema_version=3), "newer version"),
        (lambda m: m.pop("recipe"), "recipe"),
        (lambda m: m["recipe"].update(method="os.system"), "recipe"),
        (lambda m: m["recipe"].update(positions="x"), "recipe"),
        (lambda m: m["recipe"].update(layers=[999]), "layer 999"),
        (lambda m: m["recipe"].update(rank=8), "do not fit"),
        (lambda m: m["base"].update(digest="short"), "digest"),
    ],
)
def test_a_damaged_manifest_is_refused_by_field(saved, change, said):
    change_manifest(saved, change)
    with pytest.raises(BotError, match=said):
        Bot.load(saved)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["layers.1.block_output.b"].fill_(float("nan")), "not finite"),
        (lambda t: t.pop("layers.1.block_output.b"), "do not fit"),
        (lambda t: t.update(extra=torch.zeros(1)), "do not fit"),
        (lambda t: t.update({"layers.1.block_output.b": torch.zeros(5)}), "do not fit"),
        (lambda t: t.update({"layers.1.block_output.b": torch.zeros(4, dtype=torch.int32)}), "do not fit"),
        (lambda t: t.update(extra=torch.zeros(500_000)), "larger than its recipe allows"),
    ],
)
def test_tensors_that_do_not_fit_the_manifest_are_refused(saved, change, said):
    change_tensors(saved, change)
    with pytest.raises(BotError, match=said):
        Bot.load(saved)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [None, b"", b"\x80\x04not json", b"\xff" * 100])
def test_a_missing_or_broken_file_is_refused(saved, name, content):
    (saved / name).unlink()
    if content is not None:
        (saved / name).write_bytes(content)
    with pytest.raises(BotError, match=name):
        Bot.load(saved)


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("../escaped.txt", b"x", "escaped"),
        ("/tmp/escaped.txt", b"x", "escaped"),
        ("evil.pkl", b"x", r"evil\.pkl"),
        (link("README.md"), b"/etc/passwd", "link"),
        ("README.md", b"0" * 2_000_000, "far too large"),
    ],
    ids=["path upwards", "absolute path", "unknown file", "link", "bomb"],
)
def test_a_zip_with_anything_else_in_it_is_refused(bot, tmp_path, name, content, said):
    path = tmp_path / "inner" / "bot.zip"
    path.parent.mkdir()
    bot.save_zip(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    with pytest.raises(BotError, match=said):
        Bot.load_zip(path)
    assert [found.name for found in tmp_path.rglob("*")] == ["inner", "bot.zip"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 50])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "bot.zip").write_bytes(content)
    with pytest.raises(BotError, match="not a bot of ReFT Studio"):
        Bot.load_zip(tmp_path / "bot.zip")


def test_an_empty_zip_and_a_missing_one_are_told_apart(tmp_path):
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    with pytest.raises(BotError, match=r"no bot\.json"):
        Bot.load_zip(tmp_path / "empty.zip")
    with pytest.raises(BotError, match=r"no file .*gone\.zip"):
        Bot.load_zip(tmp_path / "gone.zip")
