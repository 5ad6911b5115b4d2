import shutil

import pytest
import torch
from huggingface_hub import errors as hub_errors
from transformers import BertConfig, BertModel

from reft_studio import base_model
from reft_studio.base_model import load_base_model
from reft_studio.errors import BaseModelError
from reft_studio.settings import EMBEDDED_MODEL


@pytest.fixture
def copied(tmp_path):
    """The embedded model in a folder of its own."""
    return shutil.copytree(EMBEDDED_MODEL, tmp_path / "model")


def test_the_base_model_is_frozen_in_evaluation_and_in_full_precision(base):
    assert base.id == "embedded"
    assert not base.model.training
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert base.dtype == "float32"
    assert len(base.blocks) == base.num_layers
    assert base.blocks[0](torch.zeros(1, 1, base.width), position_embeddings=_rotation(base)) is not None
    assert base.tokenizer.eos_token_id in base.end_tokens


def _rotation(base):
    return base.model.get_submodule("model.rotary_emb")(torch.zeros(1), torch.zeros(1, 1, dtype=torch.long))


def test_a_copied_folder_is_the_same_model_by_digest_but_not_by_name(base, copied):
    copy = load_base_model(copied, device="cpu")
    assert copy.digest() == base.digest()
    assert copy.template_digest == base.template_digest
    assert copy.id == "model"


def test_other_weights_have_another_digest(base, copied):
    weights = copied / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert load_base_model(copied, device="cpu").digest() != base.digest()


def test_weights_in_a_pickle_are_refused(base, copied):
    (copied / "model.safetensors").unlink()
    torch.save(base.model.state_dict(), copied / "pytorch_model.bin")
    with pytest.raises(BaseModelError, match="safetensors"):
        load_base_model(copied)


def test_a_model_that_brings_its_own_code_is_refused(copied, tmp_path):
    (copied / "config.json").write_text('{"model_type": "mine", "auto_map": {"AutoConfig": "mine.C"}}')
    (copied / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(BaseModelError, match="Choose another one"):
        load_base_model(copied)
    assert not (tmp_path / "ran").exists()


def test_a_model_that_does_not_write_text_is_refused(tmp_path):
    BertModel(
        BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    ).save_pretrained(tmp_path)
    with pytest.raises(BaseModelError, match=r"BertModel.*does not write text"):
        load_base_model(tmp_path)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(BaseModelError, match=r"holds no model.*config\.json"):
        load_base_model(tmp_path)


@pytest.mark.parametrize("name", ["./gone", "/no/such/folder", "~/no-such-folder"])
def test_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(BaseModelError, match="There is no folder"):
        load_base_model(name)


def test_without_a_network_the_advice_is_to_look_at_it():
    with pytest.raises(BaseModelError, match=r"someone/model.*cannot be reached.*network"):
        load_base_model("someone/model")


def test_a_name_that_cannot_be_one_is_refused():
    with pytest.raises(BaseModelError, match="owner/model"):
        load_base_model("a/b/c d")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (hub_errors.RepositoryNotFoundError, "does not exist on the Hub"),
        (hub_errors.GatedRepoError, "log in"),
        (hub_errors.RevisionNotFoundError, 'no revision "v9"'),
        (hub_errors.EntryNotFoundError, "no config.json"),
        (hub_errors.HfHubHTTPError, "Try again"),
    ],
)
def test_every_answer_of_the_hub_has_its_own_advice(monkeypatch, error, said):
    def answer(*_, **__):
        problem = error.__new__(error)
        Exception.__init__(problem, "status 500")
        raise problem

    monkeypatch.setattr(base_model, "hf_hub_download", answer)
    with pytest.raises(BaseModelError, match=said):
        load_base_model("someone/model", revision="v9")
