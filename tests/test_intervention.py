from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reft_studio.edits import Edit, applied
from reft_studio.intervention import (
    build_interventions,
    learned,
    parameters_of,
    reference_model,
)
from reft_studio.positions import Located, Positions, locate
from reft_studio.recipe import Activation, Component, Method, Recipe
from reft_studio.weights import (
    FORMS,
    ReFTWeights,
    Site,
    from_tensors,
    parameter_count,
    sites_of,
    tensor_shapes,
    to_tensors,
)

TOKENS = torch.tensor([[7, 20, 30, 40, 50, 60], [8, 21, 31, 41, 51, 61]])


def at(*tokens):
    """These tokens, all of them counted as last ones."""
    return Located((), tokens)


def logits(base, edits):
    with applied(base, edits), torch.no_grad():
        return base.model(TOKENS).logits


def block_outputs(base, edits, run):
    """What block 1 hands on, edits included, in every forward pass of `run`."""
    seen = []
    with applied(base, edits), torch.no_grad():
        spy = base.blocks[1].register_forward_hook(lambda _module, _arguments, output: seen.append(output))
        run()
        spy.remove()
    return [output[0] if isinstance(output, tuple) else output for output in seen]


def orthonormal(R):
    return torch.allclose(R @ R.T, torch.eye(len(R)), atol=1e-5)


@pytest.fixture
def random_weights(base):
    """An edit that changes much, in layers 1 and 2."""
    torch.manual_seed(0)
    recipe = Recipe.for_model(base.num_layers, base.width, layers=(1, 2), rank=4, dropout=0)
    modules = build_interventions(recipe, base.width)
    for module in modules.values():
        nn.init.normal_(module.source)
    return modules, learned(modules)


def test_an_edit_is_equation_2_of_the_paper():
    R, W = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    edited = ReFTWeights(R, W, torch.tensor([10.0])).edit(torch.tensor([[3.0, 5.0]]))
    assert edited.tolist() == [[15.0, 5.0]]  # the first coordinate becomes W h + b, the second stays


H, R, W, B = (torch.tensor(rows) for rows in ([[3.0, 5.0]], [[1.0, 0.0]], [[0.0, 2.0]], [10.0]))


@pytest.mark.parametrize(
    ("method", "edited"),
    [
        ("loreft", [10 + 10, 5]),
        ("noreft", [10 + 10, 5]),
        ("direft", [3 + 10 + 10, 5]),
        ("nodireft", [3 + 10 + 10, 5]),
        ("consreft", [10, 5]),
        ("lobireft", [3 + 10, 5]),
    ],
)
def test_every_method_is_its_equation(method, edited):
    reads = method not in ("consreft", "lobireft")
    weights = ReFTWeights(R, W if reads else None, B, Method(method))
    assert weights.edit(H).tolist() == [edited]


def test_an_activation_bends_what_is_written_and_not_what_is_taken_away():
    weights = ReFTWeights(R, -W, torch.tensor([4.0]), activation=Activation.RELU)
    assert weights.edit(H).tolist() == [[0, 5]]


@pytest.mark.parametrize("method", Method)
def test_every_method_learns_and_keeps_what_makes_it(method):
    recipe = Recipe(layers=(1,), method=method, rank=2, dropout=0)
    modules = build_interventions(recipe, 16)
    optimizer = torch.optim.AdamW(parameters_of(modules), lr=0.05, weight_decay=0)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (modules[Site(1)](torch.ones(2, 16)) - 2).pow(2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    (edit,) = learned(modules).values()
    assert losses[-1] < 0.9 * losses[0]
    assert orthonormal(edit.R) is FORMS[method].orthonormal
    assert sum(p.numel() for p in to_tensors({Site(1): edit}).values()) == parameter_count(recipe, 16)


def test_rank_4_on_one_layer_4096_wide_learns_32_772_numbers():
    assert parameter_count(Recipe(layers=(15,), rank=4), 4096) == 32_772


def test_dropout_leaves_dimensions_of_the_change_out_in_training_only():
    modules = build_interventions(Recipe(layers=(0,), rank=16, dropout=0.5), 64)
    nn.init.normal_(modules[Site(0)].source)
    (edit,) = learned(modules).values()
    hidden = torch.randn(1, 64)
    change = (modules[Site(0)](hidden) - hidden) @ edit.R.T
    left_out = (change.abs() < 1e-5).sum().item()
    assert 0 < left_out < 16
    assert ((edit.edit(hidden) - hidden) @ edit.R.T).abs().min() > 1e-5


@pytest.mark.parametrize("method", ["loreft", "noreft", "direft", "nodireft", "lobireft"])
def test_an_untrained_intervention_changes_nothing_bit_for_bit(base, method):
    untrained = learned(
        build_interventions(Recipe.for_model(base.num_layers, base.width, method=method), base.width)
    )
    edits = [Edit(row, untrained, at(0, 5)) for row in (0, 1)]
    assert torch.equal(logits(base, edits), logits(base, []))


def test_a_row_without_a_bot_stays_bit_for_bit_as_it_is(base, random_weights):
    plain, edited = logits(base, []), logits(base, [Edit(1, random_weights[1], at(5))])
    assert torch.equal(edited[0], plain[0])
    assert not torch.equal(edited[1], plain[1])


@pytest.mark.parametrize("strength", [-1.0, 0.5, 2.0])
def test_the_change_is_as_many_times_as_large_as_the_strength_says(base, random_weights, strength):
    def output(*edits):
        (states,) = block_outputs(base, edits, lambda: base.model(TOKENS))
        return states

    layer_1 = {Site(1): random_weights[1][Site(1)]}
    plain, once = output(), output(Edit(0, layer_1, at(2)))
    more = output(Edit(0, layer_1, at(2), strength=strength))
    assert torch.allclose(more - plain, strength * (once - plain), atol=1e-4)
    assert not torch.allclose(more, once, atol=1e-4)


def test_edits_that_meet_at_a_token_add_up_whichever_comes_first(base, random_weights):
    def output(*edits):
        (states,) = block_outputs(base, edits, lambda: base.model(TOKENS))
        return states

    one = {Site(1): random_weights[1][Site(1)]}
    other = {Site(1): replace(one[Site(1)], b=torch.full((4,), 3.0))}
    first, second = Edit(0, one, at(2, 4)), Edit(0, other, at(4, 5), strength=-0.5)
    plain, both = output(), output(first, second)
    changes = (output(first) - plain) + (output(second) - plain)
    assert torch.allclose(both - plain, changes, atol=1e-4)
    assert torch.allclose(output(second, first), both, atol=1e-4)
    assert (both != plain).any(-1).nonzero().tolist() == [[0, 2], [0, 4], [0, 5]]


def test_exactly_the_named_tokens_are_edited_counted_after_the_padding(base, random_weights):
    edit = Edit(0, {Site(1): random_weights[1][Site(1)]}, at(1, 3), padding=2)
    (plain,), (edited,) = (block_outputs(base, edits, lambda: base.model(TOKENS)) for edits in ([], [edit]))
    assert (plain != edited).any(-1).nonzero().tolist() == [[0, 3], [0, 5]]


def test_tokens_after_the_prompt_are_not_edited_in_generation(base, random_weights):
    weights = ReFTWeights(random_weights[1][Site(1)].R, torch.zeros(4, base.width), torch.full((4,), 100.0))

    def run():
        base.model.generate(TOKENS[:1], max_new_tokens=3, min_new_tokens=3, do_sample=False)

    passes = block_outputs(base, [Edit(0, {Site(1): weights}, at(0, 5))], run)
    assert [hidden.shape[1] for hidden in passes] == [6, 1, 1]
    marks = [(hidden[0] @ weights.R.T > 50).all(-1).nonzero().flatten().tolist() for hidden in passes]
    assert marks == [[0, 5], [], []]


def test_training_through_pyvene_and_chat_through_hooks_compute_the_same(base, random_weights):
    modules, weights = random_weights
    positions = [[0, 5], [2, 4]]
    model = reference_model(base, modules)
    with torch.no_grad():
        _, trained = model({"input_ids": TOKENS}, unit_locations={"base": [positions] * 2}, use_cache=False)
    chatted = logits(base, [Edit(row, weights, at(*places)) for row, places in enumerate(positions)])
    assert torch.allclose(trained.logits, chatted, atol=1e-4)
    assert not torch.allclose(chatted, logits(base, []), atol=1e-2)


def test_hooks_are_gone_afterwards_even_after_an_error(base, random_weights):
    with pytest.raises(ZeroDivisionError), applied(base, [Edit(0, random_weights[1], at(0))]):
        assert base.blocks[1]._forward_hooks
        _ = 1 / 0
    assert not any(block._forward_hooks for block in base.blocks)


@pytest.mark.parametrize("in_a_tuple", [True, False])
def test_blocks_may_return_hidden_states_alone_or_in_a_tuple(in_a_tuple):
    class Block(nn.Module):
        def forward(self, hidden):
            return (hidden, "cache") if in_a_tuple else hidden

    blocks = nn.Sequential(Block())
    base = SimpleNamespace(
        model=blocks, device=torch.device("cpu"), component_path=lambda layer, _component: str(layer)
    )
    moved = ReFTWeights(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2), torch.tensor([9.0]))
    hidden = torch.zeros(1, 3, 2)
    with applied(base, [Edit(0, {Site(0): moved}, at(2))]):
        output = blocks[0](hidden)
    if in_a_tuple:
        assert output[1:] == ("cache",)
        output = output[0]
    assert output[0, :, 0].tolist() == [0, 0, 9]
    assert hidden.sum() == 0


def test_the_same_seed_builds_the_same_and_leaves_the_callers_generator_alone():
    state = torch.random.get_rng_state()
    first, second, other = (
        to_tensors(learned(build_interventions(Recipe.for_model(6, 16, seed=seed), 16))) for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["layers.1.block_output.R"], other["layers.1.block_output.R"])
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("method", Method)
def test_an_edit_fades_to_one_that_changes_nothing_and_its_rotation_stays(method):
    """Where there is one: ConsReFT sets what R sees to a constant, whatever that is."""
    recipe = Recipe(layers=(1,), method=method, rank=2, dropout=0)
    (module,) = build_interventions(recipe, 16).values()
    states = torch.randn(3, 16)
    with torch.no_grad():
        module.bias.normal_()
        if module.source is not None:
            module.source.normal_()
    before = learned({Site(1): module})[Site(1)].R
    changed = (module(states) - states).norm()
    for _ in range(200):
        module.fade(0.1)
    assert torch.equal(learned({Site(1): module})[Site(1)].R, before)
    assert changed > 0.1
    if method is not Method.CONSREFT:
        assert torch.allclose(module(states), states, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"shared": False, "positions": "f1+l1", "component": "mlp_output"}])
@pytest.mark.parametrize("method", Method)
def test_tensors_have_the_announced_names_and_shapes_and_come_back(method, changes):
    recipe = Recipe.for_model(6, 256, layers=(1, 4), rank=3, method=method, **changes)
    weights = learned(build_interventions(recipe, 16))
    tensors = to_tensors(weights)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == tensor_shapes(recipe, 16)
    back = to_tensors(from_tensors(recipe, tensors))
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)


def test_learned_rotations_are_orthonormal(bot):
    assert all(orthonormal(edit.R) for edit in bot.weights.values())


def test_first_and_last_tokens_have_edits_of_their_own_where_both_are_edited_and_that_is_asked_for():
    def count(**changes):
        return len(sites_of(Recipe(layers=(1, 2), **changes)))

    assert (
        count(positions="f1+l1")
        == count(positions="l1", shared=False)
        == count(positions="f2", shared=False)
        == 2
    )
    assert count(positions="f1+l1", shared=False) == 4


@pytest.mark.parametrize("component", Component)
def test_separate_edits_of_any_component_reach_their_own_tokens(base, component):
    recipe = Recipe(layers=(1,), positions="f2+l1", rank=4, shared=False, component=component)
    path = base.component_path(1, component)
    outputs = []
    weights = learned(build_interventions(recipe, base.width))
    marked = {
        site: ReFTWeights(edit.R, torch.zeros_like(edit.W), torch.full((4,), mark))
        for (site, edit), mark in zip(weights.items(), (100.0, 200.0), strict=True)
    }
    with applied(base, [Edit(0, marked, locate(Positions(2, 1), 6))]), torch.no_grad():
        module = base.model.get_submodule(path)
        spy = module.register_forward_hook(lambda _module, _arguments, output: outputs.append(output))
        base.model(TOKENS)
        spy.remove()
    hidden = outputs[0][0] if isinstance(outputs[0], tuple) else outputs[0]
    first, last = (edit.R for edit in marked.values())
    assert ((hidden[0] @ first.T - 100).abs() < 1e-2).all(-1).nonzero().flatten().tolist() == [0, 1]
    assert ((hidden[0] @ last.T - 200).abs() < 1e-2).all(-1).nonzero().flatten().tolist() == [5]
