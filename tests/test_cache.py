"""The fast path computes what the whole forward pass through pyvene computes, on every architecture."""

import random
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM, Gemma3Config, Phi3Config

from reft_studio.base_model import BaseModel, load_base_model
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import BaseModelError
from reft_studio.intervention import build_interventions, parameters_of
from reft_studio.positions import locate, parse_positions
from reft_studio.recipe import Recipe
from reft_studio.train import cache
from reft_studio.train.cache import Rows, StoredRow
from reft_studio.train.examples import Example, build_examples
from reft_studio.train.loop import Training, choose_path
from reft_studio.train.prefix import FrozenPrefix, NotSupportedError
from reft_studio.train.reference import Reference
from tests.architectures import ARCHITECTURES, SLOW, tiny_model

STEPS = 20
RECIPES = {
    "l1 at 1": Recipe(rank=4, dropout=0, layers=(1,)),
    "f1+l1 at 0 and 2, separately": Recipe(rank=4, dropout=0, layers=(0, 2), positions="f1+l1", shared=False),
    "f2+l2 at 3": Recipe(rank=4, dropout=0, layers=(3,), positions="f2+l2"),
    "attention of 0": Recipe(rank=4, dropout=0, layers=(0,), component="attention_output"),
    "feed-forward of 2": Recipe(rank=4, dropout=0, layers=(2,), component="mlp_output"),
}


def losses_and_first_gradients(path_of, base, examples, recipe):
    """Train for some steps on changing rows; the losses, and the gradients of the first step."""
    interventions = build_interventions(recipe, base.width)
    path = path_of(base, examples, interventions)
    optimizer = torch.optim.AdamW(parameters_of(interventions), lr=5e-3, weight_decay=0)
    losses, gradients = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = path.loss([(step + k) % len(examples) for k in range(3)])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if not step:
            gradients = [p.grad.clone() for m in interventions.values() for p in m.parameters()]
    return torch.tensor(losses), gradients


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - SLOW))
def test_losses_and_gradients_are_those_of_the_reference(name, recipe, rows):
    base = tiny_model(name)
    examples = build_examples(base, rows, parse_positions(recipe.positions))
    fast, fast_gradients = losses_and_first_gradients(FrozenPrefix, base, examples, recipe)
    slow, slow_gradients = losses_and_first_gradients(Reference, base, examples, recipe)
    assert torch.allclose(fast, slow, rtol=1e-4)
    assert slow[16] < slow[0], "The same rows: the comparison says nothing if nothing is learned."
    for ours, theirs in zip(fast_gradients, slow_gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * theirs.abs().max().item())


class Operations(TorchDispatchMode):
    """Notes what is computed, on the way there and back, and how many numbers it is at most."""

    def __init__(self):
        super().__init__()
        self.names, self.largest = set(), 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.names.add(operation.overloadpacket.__name__)
        result = operation(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.largest = max(self.largest, result.numel())
        return result


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - SLOW))
def test_no_step_but_the_first_waits_for_a_number_that_a_graphics_card_has_yet_to_compute(name, rows):
    base = tiny_model(name)
    examples = build_examples(base, rows, parse_positions("l1"))
    path = FrozenPrefix(
        base, examples, build_interventions(Recipe(rank=4, dropout=0, layers=(1,)), base.width)
    )
    path.loss([0, 1, 2])
    with Operations() as computed:
        path.loss([0, 1, 2]).backward()
    assert "mm" in computed.names
    assert not computed.names & {"_local_scalar_dense", "nonzero", "equal", "is_nonzero", "_unique2"}


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_where_the_fast_path_is_not_exact_the_training_says_so(name, rows):
    base = tiny_model(name)
    started = next(Training(base, rows, Recipe.for_model(base.num_layers, base.width, epochs=1)).events())
    assert (started.slow_because is not None) is (name in SLOW)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["embedded", "Llama", "Qwen3", "SmolLM3", "Mistral", "Gemma2"])
def test_a_model_that_answers_otherwise_with_a_past_is_trained_by_the_reference(name, dtype, rows):
    base = load_base_model(device="cpu", dtype=dtype) if name == "embedded" else tiny_model(name)
    nn.Module.to(base.model, dtype)
    examples = build_examples(base, rows, parse_positions("l1"))
    interventions = build_interventions(Recipe(rank=4, dropout=0, layers=(1,)), base.width)
    path, reason = choose_path(base, examples, interventions, batch_size=len(rows))
    assert reason is None
    assert isinstance(path, FrozenPrefix)

    def forget_places(_model, arguments, options):
        places = {name: options[name] * 0 for name in options if name == "position_ids"}
        return arguments, options | places

    base.model.register_forward_pre_hook(forget_places, with_kwargs=True)
    path, reason = choose_path(base, examples, interventions, batch_size=len(rows))
    assert isinstance(path, Reference)
    assert "its last states are off" in str(reason)


def test_a_model_that_reads_long_texts_otherwise_is_found_out_whichever_batch_they_are_in():
    tokenizer = tiny_model("Llama").tokenizer
    config = Phi3Config(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, original_max_position_embeddings=64, vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        rope_parameters={
            "rope_type": "longrope", "rope_theta": 10_000.0, "original_max_position_embeddings": 64,
            "short_factor": [1.0] * 4, "long_factor": [4.0, 8.0, 16.0, 32.0],
        },
    )  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.normal_(std=0.2)
    base = BaseModel(model, tokenizer, "long", None, Path())
    short = [Demonstration("Hi", "Ho"), Demonstration("Hello", "Yes")]
    for table, is_slow in ((short, False), ([*short, Demonstration("1" * 90, "Hello")], True)):
        recipe = Recipe(rank=4, dropout=0, layers=(1,), batch_size=2, epochs=1)
        started = next(Training(base, table, recipe).events())
        assert (started.slow_because is not None) is is_slow


def test_a_row_as_long_as_the_context_is_trained_on_the_slow_path_too():
    base = tiny_model("GPT-2")
    for letters in range(1, base.context_length):
        row = Demonstration("1" * letters, "22")
        (example,) = build_examples(base, [row], parse_positions("l1"))
        if len(example) == base.context_length:
            break
    else:
        raise AssertionError("No such row was found.")
    training = Training(base, [row], Recipe(layers=(1,), epochs=1, lora_rank=2))
    list(training.events())
    assert training.step == 1


def test_the_blocks_of_a_model_that_sees_are_those_of_its_decoder():
    config = Gemma3Config(
        text_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
            "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 300,
        },
        vision_config={
            "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2,
            "image_size": 28, "patch_size": 14,
        },
        mm_tokens_per_image=4, image_token_index=5, boi_token_index=6, eoi_token_index=7,
    )  # fmt: skip
    base = BaseModel(
        AutoModelForCausalLM.from_config(config), tiny_model("Llama").tokenizer, "x", None, Path()
    )
    assert "vision" not in base.blocks_path
    base.check_blocks()


def test_rows_go_to_the_host_where_the_card_is_full_and_nowhere_where_both_are(monkeypatch):
    card = torch.device("meta")
    row = StoredRow(torch.zeros(10, 10), [], [], (1, 1))
    monkeypatch.setattr(cache, "free_memory", lambda device: 1500 if device == card else 900)
    kept = Rows(card)
    for number in range(4):
        kept.keep(number, row)
    places = {number: stored.states.device.type for number, stored in kept._rows.items()}
    assert places == {0: "meta", 1: "cpu"}
    assert kept.get(1).states.device == card
    assert kept.get(2) is None


def test_rows_that_no_memory_is_left_for_are_computed_anew(rows, monkeypatch):
    base = tiny_model("Llama")
    examples = build_examples(base, rows, parse_positions("l1"))
    recipe = Recipe(rank=4, dropout=0, layers=(1,))
    plenty, _ = losses_and_first_gradients(FrozenPrefix, base, examples, recipe)
    monkeypatch.setattr(Rows, "keep", lambda *_: None)
    none, _ = losses_and_first_gradients(FrozenPrefix, base, examples, recipe)
    assert torch.allclose(plenty, none, rtol=1e-6)


def test_memory_is_given_out_until_the_budget_is_spent(rows, monkeypatch):
    base = tiny_model("Llama")
    examples = build_examples(base, rows, parse_positions("l1"))
    path = FrozenPrefix(
        base, examples, build_interventions(Recipe(rank=4, dropout=0, layers=(1,)), base.width)
    )
    stored = path._store(examples)
    free = 2 * (stored[0].bytes + stored[1].bytes)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": free}))
    kept = Rows(base.device)
    for index, row in enumerate(stored):
        kept.keep(index, row)
    assert [kept.get(index) is not None for index in range(2)] == [True, True]
    assert sum(kept.get(index) is not None for index in range(4)) < 4


def test_a_thousand_rows_of_two_hundred_tokens_train_in_the_memory_that_is_given(monkeypatch):
    base = tiny_model("Llama")
    free = 4 * 2**20
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": free}))
    draw = random.Random(0)
    positions = locate(parse_positions("l3"), 188)
    words = range(10, base.model.config.vocab_size)
    examples = [
        Example(draw.choices(words, k=188), draw.choices(words, k=12), positions) for _ in range(1000)
    ]
    interventions = build_interventions(Recipe(rank=4, dropout=0, layers=(1,)), base.width)
    path, slow_because = choose_path(base, examples, interventions, 20)
    assert slow_because is None
    optimizer = torch.optim.AdamW(parameters_of(interventions), lr=5e-3, weight_decay=0)
    sums = []
    for _ in range(2):
        sums.append(0.0)
        for start in range(0, 1000, 20):
            optimizer.zero_grad()
            loss = path.loss(range(start, start + 20))
            loss.backward()
            optimizer.step()
            sums[-1] += loss.item()
    assert sums[1] < sums[0]
    kept = [row for index in range(1000) if (row := path._rows.get(index))]
    assert 0 < len(kept) < 1000
    assert 0.9 * free / 2 < sum(row.bytes for row in kept) <= free / 2


def test_a_step_leaves_the_base_model_as_it_was(rows):
    base = tiny_model("Qwen2")
    examples = build_examples(base, rows, parse_positions("l1"))
    interventions = build_interventions(Recipe(rank=4, dropout=0, layers=(1,)), base.width)
    for intervention in interventions.values():
        nn.init.normal_(intervention.source)
    tokens = torch.tensor([examples[0].prompt_ids])
    with torch.no_grad():
        before = base.model(tokens).logits
        FrozenPrefix(base, examples, interventions).loss([0, 1])
        assert torch.equal(base.model(tokens).logits, before)
    assert not any(module._forward_hooks or "forward" in vars(module) for module in base.model.modules())


def test_a_prompt_longer_than_the_sliding_window_is_exact(rows):
    base = tiny_model("Mistral")
    long = [Demonstration(f"{row.prompt} " * 6, row.reply) for row in rows]
    examples = build_examples(base, long, parse_positions("l1"))
    assert min(len(example.prompt_ids) for example in examples) > 4 * base.model.config.sliding_window
    recipe = Recipe(rank=4, dropout=0, layers=(1,))
    fast, _ = losses_and_first_gradients(FrozenPrefix, base, examples, recipe)
    slow, _ = losses_and_first_gradients(Reference, base, examples, recipe)
    assert torch.allclose(fast, slow, rtol=1e-4)


def test_a_model_without_a_head_is_not_supported(monkeypatch):
    base = tiny_model("Llama")
    monkeypatch.setattr(base.model, "get_output_embeddings", lambda: None)
    with pytest.raises(NotSupportedError, match="head"):
        FrozenPrefix(base, [], build_interventions(Recipe(rank=4, dropout=0, layers=(1,)), base.width))


def test_a_model_with_several_states_for_each_token_is_refused(rows):
    base = tiny_model("Gemma3n")
    with pytest.raises(BaseModelError, match="more than one state"):
        Training(base, rows, Recipe.for_model(base.num_layers, base.width))
