"""Base models with fewer bits a weight."""

import pytest
import torch
from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

from reft_studio import quantization
from reft_studio.base_model import load_base_model
from reft_studio.bot import Bot
from reft_studio.chat.compare import compare_replies
from reft_studio.chat.probes import failed_probes, record_probes
from reft_studio.errors import BaseModelError
from reft_studio.fit import Shape, estimate_fit
from reft_studio.intervention import build_interventions
from reft_studio.positions import parse_positions
from reft_studio.quantization import Quantization
from reft_studio.recipe import Recipe
from reft_studio.train.events import Started
from reft_studio.train.examples import build_examples
from reft_studio.train.loop import Training
from reft_studio.train.prefix import FrozenPrefix

LAYERS = {Quantization.INT8: Linear8bitLt, Quantization.NF4: Linear4bit}
RECIPE = Recipe(layers=(1,), epochs=15, learning_rate=1e-2)


@pytest.fixture(scope="module", params=Quantization)
def quantized(request):
    return load_base_model(device="cpu", quantization=request.param)


def weights_in_memory(base):
    return sum(p.numel() * p.element_size() for p in base.blocks.parameters())


def test_the_linear_layers_of_the_blocks_take_fewer_bits_and_say_nearly_the_same(base, quantized):
    kind = LAYERS[quantized.quantization]
    assert isinstance(quantized.blocks[0].mlp.up_proj, kind)
    linear_weights = Shape.of(base.model.config).block_weights
    assert weights_in_memory(quantized) < 0.3 * 4 * linear_weights
    tokens = torch.tensor([base.tokenizer.encode("Tell me about cats.")])
    with torch.no_grad():
        ours, theirs = (model.model(tokens).logits for model in (quantized, base))
    assert torch.cosine_similarity(ours, theirs, dim=-1).min() > 0.95


def test_a_quantized_model_trains_by_the_fast_path_in_float32(quantized, rows):
    training = Training(quantized, rows, RECIPE)
    started = next(event for event in training.events() if isinstance(event, Started))
    assert started.slow_because is None
    list(training.events())
    assert training.losses[-1] < 0.6 * training.losses[0]
    assert all(edit.R.dtype == torch.float32 for edit in training.bot().weights.values())


def test_a_bot_of_a_quantized_model_says_so_and_comes_back_with_the_same_replies(quantized, rows, tmp_path):
    training = Training(quantized, rows, RECIPE)
    list(training.events())
    prompts = [row.prompt for row in rows[:2]]
    record_probes(quantized, training.bot(), prompts).save(tmp_path / "bot")
    loaded = Bot.load(tmp_path / "bot")
    assert loaded.manifest.base.quantization is quantized.quantization
    assert failed_probes(quantized, loaded) == []
    sides = compare_replies(quantized, loaded, prompts[0])
    assert sides.bot != sides.base


def test_the_engines_second_set_of_modules_has_the_same_weights_and_says_the_same(quantized):
    twin = quantized.twin()
    tokens = torch.tensor([quantized.tokenizer.encode("Tell me about cats.")])
    with torch.no_grad():
        ours, theirs = (model.model(tokens).logits for model in (twin, quantized))
    assert torch.equal(ours, theirs)
    for one, other in zip(twin.blocks.parameters(), quantized.blocks.parameters(), strict=True):
        assert one.data_ptr() == other.data_ptr()


def test_a_lora_is_trained_on_a_quantized_model(quantized, rows):
    training = Training(quantized, rows[:2], Recipe(layers=(1,), epochs=3, lora_rank=2, learning_rate=1e-2))
    list(training.events())
    assert training.losses[-1] < training.losses[0]


def gradients(base, rows):
    """Of an edit that was not trained, by a way that needs derivatives of all blocks above."""
    interventions = build_interventions(Recipe(layers=(1,), rank=16, dropout=0), base.width)
    FrozenPrefix(base, build_examples(base, rows, parse_positions("l1")), interventions).loss(
        [0, 1]
    ).backward()
    (intervention,) = interventions.values()
    return intervention.source.grad.flatten()


def test_nothing_that_is_done_with_a_quantized_model_spoils_its_gradients(base, quantized, rows, tmp_path):
    exact, first = gradients(base, rows[:2]), gradients(quantized, rows[:2])
    assert torch.cosine_similarity(exact, first, dim=0) > 0.9
    # pyvene puts it into evaluation mode, and a chat asks for no derivatives.
    list(Training(quantized, rows[:2], Recipe(layers=(1,), epochs=1, lora_rank=2)).events())
    with torch.no_grad():
        quantized.model.eval()(torch.tensor([[5, 6, 7]]))
    assert torch.equal(gradients(quantized, rows[:2]), first)

    quantized.model.save_pretrained(tmp_path)
    quantized.tokenizer.save_pretrained(tmp_path)
    saved = load_base_model(tmp_path, device="cpu")
    assert saved.quantization is quantized.quantization
    with torch.no_grad():
        saved.twin().model(torch.tensor([[5, 6, 7]]))
    assert torch.cosine_similarity(gradients(saved, rows[:2]), first, dim=0) > 0.99


def test_it_is_refused_with_a_sentence_where_it_cannot_work(monkeypatch):
    with pytest.raises(BaseModelError, match='not on "meta"'):
        load_base_model(device="meta", quantization=Quantization.INT8)
    monkeypatch.setattr(quantization, "find_spec", lambda _: None)
    with pytest.raises(BaseModelError, match="pip install bitsandbytes"):
        load_base_model(device="cpu", quantization=Quantization.NF4)


def test_a_model_that_only_fits_with_fewer_bits_is_found_to_fit(monkeypatch):
    from reft_studio import fit

    monkeypatch.setattr(fit, "free_memory", lambda _: 15_000_000_000)
    llama = Shape(
        layers=32, width=4096, inner=14_336, heads=32, key_heads=8, head_width=128, vocabulary=128_256
    )
    sizes = {
        kind: estimate_fit(8_030_261_248, llama, torch.device("cpu"), torch.bfloat16, kind)
        for kind in (None, Quantization.INT8, Quantization.NF4)
    }
    assert [bool(fit) for fit in sizes.values()] == [False, False, True]
    assert sizes[Quantization.NF4].weights == pytest.approx(6e9, rel=0.05)
