"""Bots go to pyreft and come from it; folders that would do harm are refused and do none."""

import json
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reft_studio.bot import Bot
from reft_studio.chat.compare import compare_replies
from reft_studio.errors import BotError
from reft_studio.positions import Tokens
from reft_studio.pyreft_folder import CONFIG_FILE, read_pyreft, write_pyreft
from reft_studio.recipe import Method, Recipe
from reft_studio.verbs import train_bot

ROOT = Path(__file__).resolve().parents[1]
W, b, R = torch.zeros(4, 256), torch.zeros(4), torch.eye(256, 4)


@pytest.fixture
def folder(bot, tmp_path):
    write_pyreft(bot, tmp_path / "theirs")
    return tmp_path / "theirs"


@pytest.fixture
def edit_file(folder):
    (file,) = folder.glob("intkey_*.bin")
    return file


def change_config(folder, **changes):
    config = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps(config | changes))


def test_what_is_written_for_pyreft_is_read_back_as_the_same_edits(base, bot, folder):
    back = read_pyreft(folder, base, positions=bot.manifest.recipe.positions)
    assert all(torch.equal(tensor, bot.tensors()[name]) for name, tensor in back.tensors().items())
    prompt = "Tell me about the sea."
    assert compare_replies(base, back, prompt) == compare_replies(base, bot, prompt)


def test_edits_of_several_layers_and_of_first_and_last_tokens_stay_where_they_are(base, rows, tmp_path):
    recipe = Recipe(layers=(0, 2), positions="f1+l1", shared=False, rank=2, epochs=2)
    bot = train_bot(base, rows, recipe)
    write_pyreft(bot, tmp_path / "theirs")
    back = read_pyreft(tmp_path / "theirs", base, positions="f1+l1")
    assert {site.tokens for site in back.weights} == {Tokens.FIRST, Tokens.LAST}
    assert all(torch.equal(tensor, bot.tensors()[name]) for name, tensor in back.tensors().items())
    with pytest.raises(BotError, match="first and last tokens apart"):
        read_pyreft(tmp_path / "theirs", base, positions="l1")


def test_pyreft_itself_reads_the_folder_and_computes_the_same(bot, folder, tmp_path):
    """In a process of its own, since importing pyreft changes the libraries it uses."""
    bot.save(tmp_path / "ours")
    script = f"""
import pyreft, torch
import reft_studio as rs
from reft_studio.edits import Edit, applied
from reft_studio.chat.generate import edited_tokens
from reft_studio.prompts import render
base, bot = rs.load_base_model(device="cpu"), rs.Bot.load({str(tmp_path / "ours")!r})
prompt = render(base.tokenizer, [{{"role": "user", "content": "Tell me about the sea."}}])
ids = torch.tensor([prompt.token_ids])
with torch.no_grad():
    plain = base.model(ids).logits
    with applied(base, [Edit(0, bot.weights, edited_tokens(bot, prompt), 0)]):
        ours = base.model(ids).logits
    theirs = pyreft.ReftModel.load({str(folder)!r}, base.model)
    # pyreft loads into bfloat16 whatever was saved; in the base model's precision it computes the same.
    for key, edit in theirs.interventions.items():
        edit.learned_source.float()
        edit.load_state_dict(torch.load({str(folder)!r} + f"/intkey_{{key}}.bin"))
    last = [[[ids.shape[1] - 1]]]
    _, out = theirs({{"input_ids": ids}}, unit_locations={{"sources->base": (None, last)}}, use_cache=False)
assert (ours - plain).abs().max() > 0.1
torch.testing.assert_close(out.logits, ours, rtol=1e-4, atol=1e-4)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=250
    )
    assert ran.returncode == 0, ran.stderr


def test_a_file_in_half_precision_becomes_orthonormal_again(base, edit_file, folder):
    tensors = torch.load(edit_file, weights_only=True)
    torch.save({name: tensor.bfloat16() for name, tensor in tensors.items()}, edit_file)
    (edit,) = read_pyreft(folder, base, positions="l1").weights.values()
    assert torch.allclose(edit.R @ edit.R.T, torch.eye(4), atol=1e-5)


def test_an_edit_without_a_rotation_is_read_too(base, edit_file, folder):
    tensors = torch.load(edit_file, weights_only=True)
    names = {
        "rotate_layer": "proj_layer.weight",
        "weight": "learned_source.weight",
        "bias": "learned_source.bias",
    }
    torch.save(
        {names[n]: t.T.contiguous() if n == "rotate_layer" else t for n, t in tensors.items()}, edit_file
    )
    change_config(folder, intervention_types=["<class 'pyreft.interventions.NoreftIntervention'>"])
    assert read_pyreft(folder, base, positions="l1").manifest.recipe.method is Method.NOREFT


def test_what_pyreft_has_no_form_for_is_not_written(bot, tmp_path):
    recipe = bot.manifest.recipe.model_copy(update={"method": Method.LOBIREFT})
    other = replace(bot, manifest=bot.manifest.model_copy(update={"recipe": recipe}))
    with pytest.raises(BotError, match="Only plain LoReFT"):
        write_pyreft(other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"intervention_types": ["<class 'os.system'>"]}, "not known here"),
        (
            {"intervention_types": ["<class 'pyreft.interventions.LoreftIntervention'>"] * 2},
            "different lengths",
        ),
        ({"representations": [[1, "attention_output", "pos", 1, 4]]}, "something else than the output"),
        ({"representations": [[10**6, "block_output", "pos", 1, 4]]}, "something else than the output"),
        ({"representations": [[99, "block_output", "pos", 1, 4]]}, "not made for a model with 6 blocks"),
        ({"sorted_keys": ["../../secret"]}, "sorted_keys"),
        ({"sorted_keys": ["layer_9"]}, "there is no intkey_layer_9.bin"),
        ({"representations": 7}, "representations"),
    ],
)
def test_a_config_that_is_not_pyrefts_is_refused(base, folder, changes, says):
    change_config(folder, **changes)
    with pytest.raises(BotError, match=says):
        read_pyreft(folder, base, positions="l1")


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_a_pickle_that_would_run_code_does_not_run(base, edit_file, folder, tmp_path):
    marker = tmp_path / "marker"
    torch.save({"weight": Payload(marker)}, edit_file)
    with pytest.raises(BotError, match="would run code"):
        read_pyreft(folder, base, positions="l1")
    edit_file.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(BotError, match="not written by torch"):
        read_pyreft(folder, base, positions="l1")
    assert not marker.exists()


def test_a_compressed_file_that_would_fill_the_memory_is_refused(base, edit_file, folder):
    with zipfile.ZipFile(edit_file) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(edit_file, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, content in members.items():
            bomb.writestr(name, content)
    with pytest.raises(BotError, match="not written by torch"):
        read_pyreft(folder, base, positions="l1")


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"weight": W}, "instead of"),
        ({"weight": W[:, :9], "bias": b, "rotate_layer": R[:9]}, "do not fit"),
        ({"weight": W, "bias": b, "rotate_layer": 0 * R}, "not orthonormal"),
        ({"weight": W + torch.nan, "bias": b, "rotate_layer": R}, "not finite"),
        ({"weight": W, "bias": b[:1].expand(10**9), "rotate_layer": R}, "do not fit"),
        ([1, 2], "something else than tensors"),
        ({"weight": W, "bias": b, "rotate_layer": R.to("meta")}, "strange kind"),
        ({"weight": W.to_sparse(), "bias": b, "rotate_layer": R}, "strange kind"),
        ({"weight": W.long(), "bias": b, "rotate_layer": R}, "strange kind"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_are_refused(base, edit_file, folder, tensors, says):
    torch.save(tensors, edit_file)
    with pytest.raises(BotError, match=says):
        read_pyreft(folder, base, positions="l1")


def test_an_old_file_that_looks_like_an_archive_from_behind_is_refused(base, edit_file, folder):
    whole = edit_file.read_bytes()
    torch.save({"weight": W, "bias": b, "rotate_layer": R}, edit_file, _use_new_zipfile_serialization=False)
    edit_file.write_bytes(edit_file.read_bytes() + whole)
    with pytest.raises(BotError, match="not written by torch"):
        read_pyreft(folder, base, positions="l1")


@pytest.mark.parametrize("pickled", [b"\x80\x02.", b"\x80\x02}.", b"", b"\x80\x02N."])
def test_a_malformed_pickle_in_an_archive_is_refused(base, edit_file, folder, pickled):
    with zipfile.ZipFile(edit_file) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(edit_file, "w") as broken:
        for name, content in members.items():
            broken.writestr(name, pickled if name.endswith("data.pkl") else content)
    with pytest.raises(BotError):
        read_pyreft(folder, base, positions="l1")


def test_what_is_there_is_not_written_over(bot, tmp_path):
    (tmp_path / "config.json").write_text("a model's")
    with pytest.raises(BotError, match="is there already"):
        write_pyreft(bot, tmp_path)
    assert (tmp_path / "config.json").read_text() == "a model's"


def test_a_link_to_another_file_is_not_followed(base, edit_file, folder, tmp_path):
    edit_file.rename(tmp_path / "elsewhere.bin")
    edit_file.symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(BotError, match="of a usable size"):
        read_pyreft(folder, base, positions="l1")


def test_a_bot_from_pyreft_is_saved_and_loaded_like_any_other(base, folder, tmp_path):
    back = read_pyreft(folder, base, positions="l1", name="Theirs")
    back.save(tmp_path / "ours")
    assert Bot.load(tmp_path / "ours") == back
