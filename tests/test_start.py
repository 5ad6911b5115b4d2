"""Where a training starts."""

import pytest
import torch

from reft_studio.errors import TrainingError
from reft_studio.intervention import build_interventions
from reft_studio.positions import parse_positions
from reft_studio.recipe import Method, Recipe
from reft_studio.train.examples import build_examples
from reft_studio.train.loop import Training
from reft_studio.train.prefix import FrozenPrefix
from reft_studio.train.reference import Reference
from reft_studio.train.start import align

WIDTH = 16


class Pull:
    """A loss that falls along one direction per demonstration, more steeply for some."""

    def __init__(self, interventions, directions):
        self._interventions, self._directions = interventions, directions

    def loss(self, chosen):
        states = torch.ones(len(chosen), WIDTH)
        return sum(
            (edit(states) * self._directions[list(chosen)]).sum() for edit in self._interventions.values()
        )


def interventions(**changes):
    return build_interventions(Recipe(**{"layers": (0,), "rank": 2, **changes}), WIDTH)


def spanned(R, direction):
    """The share of a direction's length that R sees."""
    return ((R @ direction).norm() / direction.norm()).item()


@pytest.mark.parametrize("method", Method)
def test_R_sees_the_directions_in_which_the_loss_falls_fastest(method):
    edits = interventions(method=method)
    directions = torch.zeros(3, WIDTH)
    directions[0, 3], directions[1, 7], directions[2, 11] = 5, 0.1, -4
    align(edits, Pull(edits, directions), [[0, 1], [2]])
    (R,) = (edit.weights().R for edit in edits.values())
    assert torch.allclose(R @ R.T, torch.eye(2), atol=1e-5)
    assert spanned(R, directions[0]) == spanned(R, directions[2]) == pytest.approx(1, abs=1e-5)
    assert spanned(R, directions[1]) == pytest.approx(0, abs=1e-5)


def test_with_fewer_directions_than_rank_the_rest_of_R_is_the_seeds():
    one, other = (interventions(seed=seed, rank=4) for seed in (1, 2))
    direction = torch.nn.functional.one_hot(torch.tensor([5]), WIDTH).float()
    for edits in (one, other):
        align(edits, Pull(edits, direction), [[0]])
    first, second = (next(iter(edits.values())).weights().R for edits in (one, other))
    assert spanned(first, direction[0]) == spanned(second, direction[0]) == pytest.approx(1, abs=1e-5)
    assert not torch.allclose(first.T @ first, second.T @ second, atol=1e-2)


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_a_gradient_that_says_nothing_leaves_R_as_it_was(slope):
    edits = interventions()
    (edit,) = edits.values()
    before = edit.weights().R.detach().clone()
    align(edits, Pull(edits, torch.full((1, WIDTH), slope)), [[0]])
    assert torch.equal(edit.weights().R, before)


@pytest.mark.parametrize(
    "method", [Method.LOREFT, Method.NOREFT, Method.DIREFT, Method.NODIREFT, Method.LOBIREFT]
)
def test_an_aligned_edit_changes_no_state_before_the_first_step(method):
    edits = interventions(method=method)
    align(edits, Pull(edits, torch.randn(3, WIDTH, generator=torch.manual_seed(0))), [[0, 1, 2]])
    states = torch.randn(5, WIDTH)
    assert all(torch.equal(edit(states), states) for edit in edits.values())


def test_both_paths_turn_R_the_same_way(base, rows):
    seen = []
    for path in (FrozenPrefix, Reference):
        recipe = Recipe(layers=(1, 3), positions="f1+l1", shared=False, rank=2)
        edits = build_interventions(recipe, base.width)
        examples = build_examples(base, rows, parse_positions(recipe.positions))
        align(edits, path(base, examples, edits), [range(len(rows))])
        seen.append([edit.weights().R.detach() for edit in edits.values()])
    for fast, slow in zip(*seen, strict=True):
        assert torch.allclose(fast.T @ fast, slow.T @ slow, atol=1e-3)


def test_as_many_demonstrations_as_rank_make_the_seed_irrelevant(base, rows):
    losses = []
    for seed in (1, 2):
        training = Training(base, rows, Recipe(layers=(1,), rank=len(rows), dropout=0, epochs=2, seed=seed))
        list(training.events())
        losses.append(training.losses)
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("method", Method)
def test_a_training_that_goes_on_from_a_bot_begins_with_exactly_what_that_learned(base, rows, method):
    recipe = Recipe(layers=(1,), method=method, epochs=4, learning_rate=1e-2)
    first = Training(base, rows, recipe)
    for _ in first.events():
        pass
    bot = first.bot()
    again = Training(base, rows, recipe, start_from=bot)
    begun = again.bot()
    for name, tensor in bot.tensors().items():
        assert torch.allclose(begun.tensors()[name], tensor, atol=1e-6)
    for _ in again.events():
        pass
    # Its first step is where the other ended, not where that began.
    ended, began = first.losses[-1], first.losses[0]
    assert abs(again.losses[0] - ended) < abs(again.losses[0] - began)


def test_a_lora_is_taken_over_too(base, rows):
    recipe = Recipe(layers=(1,), lora_rank=2, epochs=2, learning_rate=1e-2)
    first = Training(base, rows[:2], recipe)
    for _ in first.events():
        pass
    begun = Training(base, rows[:2], recipe, start_from=first.bot()).bot()
    assert all(
        torch.allclose(begun.tensors()[name], tensor, atol=1e-6)
        for name, tensor in first.bot().tensors().items()
    )


@pytest.mark.parametrize(
    "change", [{"rank": 8}, {"layers": (2,)}, {"positions": "f1+l1"}, {"method": "direft"}]
)
def test_what_learned_in_another_form_is_not_taken_over(base, rows, bot, change):
    recipe = Recipe(**(bot.manifest.recipe.model_dump() | change))
    with pytest.raises(TrainingError, match="another form"):
        Training(base, rows, recipe, start_from=bot)
