import copy
import json
import shutil
from types import SimpleNamespace

import httpx2
import pytest
import torch
from huggingface_hub import errors as hub_errors
from transformers import BertConfig, BertModel

from reft_studio import base_model, device, fit, model_source, weighing
from reft_studio.base_model import load_base_model
from reft_studio.chat.probes import failed_probes, record_probes
from reft_studio.device import default_dtypes
from reft_studio.errors import BaseModelError
from reft_studio.model_source import ModelSource
from reft_studio.recipe import Recipe
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.loop import Training
from reft_studio.weighing import loading


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


def without(folder, file, *names):
    """Leave something out of one of a model's files."""
    path = folder / file
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({name: value for name, value in said.items() if name not in names}))


def test_a_tokenizer_that_does_not_say_how_a_reply_ends_takes_the_models_word(base, copied, rows):
    without(copied, "tokenizer_config.json", "eos_token", "pad_token")
    found = load_base_model(copied, device="cpu")
    assert found.end_tokens == base.end_tokens
    assert found.tokenizer.pad_token_id is not None
    recipe = Recipe.for_model(base.num_layers, base.width, epochs=2, batch_size=3)
    trained, wanted = (Training(model, rows, recipe) for model in (found, base))
    for training in (trained, wanted):
        list(training.events())
    assert trained.losses == wanted.losses


def test_a_model_whose_replies_would_never_end_is_refused(copied):
    without(copied, "tokenizer_config.json", "eos_token", "pad_token")
    for file in ("config.json", "generation_config.json"):
        without(copied, file, "eos_token_id")
    with pytest.raises(BaseModelError, match="does not say by which token a reply ends"):
        load_base_model(copied, device="cpu")


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
        (httpx2.ProxyError, "cannot be reached"),
    ],
)
def test_every_answer_of_the_hub_has_its_own_advice(monkeypatch, error, said):
    def answer(*_, **__):
        problem = error.__new__(error)
        Exception.__init__(problem, "status 500")
        raise problem

    monkeypatch.setattr(model_source, "hf_hub_download", answer)
    with pytest.raises(BaseModelError, match=said):
        load_base_model("someone/model", revision="v9")


def test_padding_that_the_model_has_no_state_for_is_replaced(base):
    tokenizer = copy.deepcopy(base.tokenizer)
    tokenizer.add_special_tokens({"pad_token": "[PAD of a finetune]"})
    assert tokenizer.pad_token_id >= base.model.get_input_embeddings().num_embeddings
    base_model._complete(tokenizer, base.model, "a model")
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize("error", [OSError("Can't load the model"), httpx2.ReadError("gone")])
def test_a_model_whose_fetching_broke_off_is_not_taken_for_one_that_cannot_be_used(tmp_path, error):
    advice = r"could not be fetched to its end.*network.*try again"
    with pytest.raises(BaseModelError, match=advice), loading(ModelSource("me/model", tmp_path, "abc")):
        raise error
    (tmp_path / "model.safetensors").touch()
    with (
        pytest.raises(BaseModelError, match="cannot be loaded"),
        loading(ModelSource("me/model", tmp_path, "abc")),
    ):
        raise error


@pytest.mark.parametrize(
    ("name", "revision", "asked"),
    [
        ("someone/model", None, ("someone/model", None)),
        ("someone/model@v2", None, ("someone/model", "v2")),
        ("someone/model@v2", "v3", ("someone/model", "v3")),
        ("someone/model@", None, ("someone/model", None)),
    ],
)
def test_a_revision_can_be_part_of_the_name(monkeypatch, tmp_path, name, revision, asked):
    def fetched(hub_id, file, *, revision):
        assert (hub_id, revision) == asked
        return str(tmp_path / "abc" / file)

    monkeypatch.setattr(model_source, "hf_hub_download", fetched)
    source = model_source.find_model(name, revision)
    assert (source.id, source.revision, source.place) == ("someone/model", "abc", "someone/model")


def test_a_model_that_is_too_big_is_refused_before_its_weights_are_read(copied, monkeypatch):
    monkeypatch.setattr(fit, "free_memory", lambda _: 250_000_000)
    monkeypatch.setattr(base_model.AutoModelForCausalLM, "from_pretrained", None)
    with pytest.raises(BaseModelError, match=r"too big.*needs about 0\.\d GB.*0\.2 GB are free.*smaller one"):
        load_base_model(copied, device="cpu")


def test_the_parameters_of_a_model_on_the_hub_are_counted_without_fetching_it(tmp_path, monkeypatch):
    asked = []

    def headers(_api, hub_id, revision):
        asked.append((hub_id, revision))
        return SimpleNamespace(parameter_count={"BF16": 7_000_000_000, "F32": 5})

    monkeypatch.setattr(model_source.HfApi, "get_safetensors_metadata", headers)
    assert ModelSource("someone/model", tmp_path, "abc").count_parameters() == 7_000_000_005
    assert asked == [("someone/model", "abc")]


@pytest.mark.parametrize("error", ["OfflineModeIsEnabled", "NotASafetensorsRepoError"])
def test_a_hub_that_cannot_tell_the_size_is_told_from_a_model_without_safetensors(
    tmp_path, monkeypatch, error
):
    def fail(*_, **__):
        raise getattr(hub_errors, error)

    monkeypatch.setattr(model_source.HfApi, "get_safetensors_metadata", fail)
    source = ModelSource("someone/model", tmp_path, "abc")
    if error == "OfflineModeIsEnabled":
        assert source.count_parameters() is None
    else:
        with pytest.raises(BaseModelError, match="no safetensors weights"):
            source.count_parameters()


def test_the_parameters_in_a_folder_are_those_of_the_model(base, copied):
    count = sum(parameter.numel() for parameter in base.model.parameters())
    assert ModelSource("model", copied, None).count_parameters() == count


def test_a_model_on_the_disk_that_no_memory_would_hold_is_said_to_be_too_big(copied):
    parameters = 2**39
    tensor = {"dtype": "BF16", "shape": [parameters], "data_offsets": [0, 2 * parameters]}
    header = json.dumps({"weight": tensor}).encode()
    with (copied / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        # A terabyte with nothing in it takes no room.
        file.truncate(8 + len(header) + 2 * parameters)
    assert ModelSource("model", copied, None).count_parameters() == parameters
    with pytest.raises(BaseModelError, match="too big for this machine"):
        load_base_model(copied)


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_works_in_the_half_precision_that_it_has(monkeypatch, native, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: native)
    assert default_dtypes(torch.device("cuda"), torch.bfloat16) == [dtype]


@pytest.mark.parametrize(
    ("able", "saved", "dtype"),
    [
        (True, torch.bfloat16, torch.bfloat16),
        (True, torch.float16, torch.float32),
        (True, None, torch.float32),
        (False, torch.bfloat16, torch.float32),
    ],
)
def test_a_processor_works_in_bfloat16_where_it_can_and_the_model_is_of_that_kind(
    monkeypatch, able, saved, dtype
):
    monkeypatch.setattr(device, "_multiplies_bfloat16", lambda: able)
    assert default_dtypes(torch.device("cpu"), saved)[0] == dtype


def test_a_model_in_bfloat16_trains_by_the_fast_path_and_repeats_itself(base, rows, tmp_path):
    base.tokenizer.save_pretrained(tmp_path)
    load_base_model(dtype=torch.bfloat16, device="cpu").model.save_pretrained(tmp_path)
    half = load_base_model(tmp_path, device="cpu", dtype=torch.bfloat16)
    training = Training(half, rows, Recipe(layers=(1,), epochs=15, learning_rate=1e-2))
    assert next(training.events()).slow_because is None
    list(training.events())
    assert training.losses[-1] < 0.6 * training.losses[0]
    bot = record_probes(half, training.bot(), [row.prompt for row in rows])
    assert failed_probes(half, bot) == []


def test_a_model_that_fits_in_half_the_precision_alone_is_loaded_so(copied, monkeypatch):
    def estimate(_parameters, _shape, _device, dtype, _quantization):
        return dtype == torch.bfloat16

    monkeypatch.setattr(weighing, "estimate_fit", estimate)
    assert load_base_model(copied, device="cpu").dtype == "bfloat16"
