import pytest
import torch

from reft_studio.bot import Bot
from reft_studio.chat.generate import edited_tokens
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import DemonstrationsError, RecipeError, TrainingError
from reft_studio.positions import parse_positions
from reft_studio.prompts import render
from reft_studio.recipe import Recipe
from reft_studio.train import loop
from reft_studio.train.events import Finished, Started, Step
from reft_studio.train.examples import IGNORED, Example, build_examples, collate
from reft_studio.train.loop import training_events


def recipe_for(base, **changes):
    return Recipe.for_depth(base.num_layers, **{"epochs": 3, **changes})


def train(base, rows, **changes):
    """The losses of a short training and its bot."""
    *steps, finished = list(training_events(base, rows, recipe_for(base, **changes)))[1:]
    return [step.loss for step in steps], finished.bot


def test_a_training_tells_its_start_every_step_and_its_end(base, rows):
    started, *steps, finished = training_events(base, rows[:3], recipe_for(base, epochs=2, batch_size=2))
    assert started == Started(4)
    assert [type(step) for step in steps] == [Step] * 4
    assert [(step.step, step.epoch) for step in steps] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert steps[-1].seconds_left == 0
    assert isinstance(finished, Finished)
    assert isinstance(finished.bot, Bot)


def test_the_loss_falls_even_with_weight_decay(base, rows):
    losses, bot = train(base, rows, epochs=12, learning_rate=1e-2, weight_decay=0.1)
    assert losses[-1] < 0.8 * losses[0]
    for edit in bot.weights.values():
        assert torch.allclose(edit.R @ edit.R.T, torch.eye(len(edit.R)), atol=1e-5)


def test_the_same_seed_gives_the_same_losses_and_bot_and_another_one_does_not(base, rows):
    (first, bot), (second, again), (other, _) = (train(base, rows[:2], seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other
    assert all(torch.equal(bot.weights[layer].W, again.weights[layer].W) for layer in bot.weights)


def test_training_leaves_the_base_model_as_it_was(base, rows):
    tokens = torch.tensor([[7, 20, 30]])
    weights = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    with torch.no_grad():
        before = base.model(tokens).logits
        train(base, rows[:1], epochs=2)
        after = base.model(tokens).logits
    assert torch.equal(before, after)
    assert list(weights) == list(base.model.state_dict())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in base.model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert not any(module._forward_hooks for module in base.model.modules())


def test_a_training_that_nobody_goes_on_with_leaves_nothing_behind(base, rows):
    events = training_events(base, rows, recipe_for(base))
    assert [type(next(events)) for _ in range(2)] == [Started, Step]
    events.close()
    assert not any(module._forward_hooks for module in base.model.modules())


@pytest.mark.parametrize("positions", ["l1", "f1+l1", "f3+l3"])
@pytest.mark.parametrize("system_prompt", [None, "Be brief."])
def test_training_and_chat_edit_the_same_tokens(base, bot, rows, positions, system_prompt):
    recipe = bot.manifest.recipe.model_copy(update={"positions": positions})
    placed = Bot(bot.manifest.model_copy(update={"recipe": recipe}), bot.weights)
    for row, example in zip(
        rows, build_examples(base, rows, parse_positions(positions), system_prompt), strict=True
    ):
        rendered = render(base.tokenizer, [{"role": "user", "content": row.prompt}], system_prompt)
        assert example.prompt_ids == rendered.token_ids
        assert example.positions == edited_tokens(placed, rendered)
        assert example.positions[-1] == len(example.prompt_ids) - 1


def test_only_the_reply_and_its_end_are_learned(base, rows):
    examples = build_examples(base, rows, parse_positions("l1"))
    batch = collate(examples, base)
    for row, example in enumerate(examples):
        learned = batch.labels[row] != IGNORED
        assert batch.labels[row][learned].tolist() == example.reply_ids
        assert batch.token_ids[row][learned].tolist() == example.reply_ids
        assert learned.nonzero()[0].item() == len(example.prompt_ids)
        assert batch.attention_mask[row].sum() == len(example)


def test_a_short_row_edits_padding_that_nothing_reads(base):
    batch = collate([Example([5, 6, 7, 8], [9], [0, 3]), Example([5], [9], [0])], base)
    (long, short), mask = batch.positions, batch.attention_mask
    assert long == [0, 3]
    assert short[0] == 0
    assert mask[1, short[1]] == 0
    assert mask[0].tolist() == [1, 1, 1, 1, 1, 0]


def test_one_row_trains(base, rows):
    losses, _ = train(base, rows[:1], learning_rate=1e-2)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layers": (999,)}, "no layer 999: this model has layers 0 to"),
        ({"positions": "x1"}, '"x1"'),
        ({"rank": 256}, None),
    ],
)
def test_a_recipe_is_held_against_the_base_model(base, rows, changes, said):
    events = training_events(base, rows, recipe_for(base, **changes))
    if said is None:
        assert isinstance(next(events), Started)
    else:
        with pytest.raises(RecipeError, match=said):
            next(events)


def test_a_rank_above_the_models_width_is_refused(base):
    from types import SimpleNamespace

    narrow = SimpleNamespace(num_layers=base.num_layers, width=8)
    with pytest.raises(RecipeError, match="rank 9 is too high: this model allows 1 to 8"):
        loop.check_recipe(recipe_for(base, rank=9), narrow)


def test_a_bad_table_is_refused_before_the_first_step(base):
    with pytest.raises(DemonstrationsError, match="empty"):
        next(training_events(base, [], recipe_for(base)))
    with pytest.raises(DemonstrationsError, match="Row 1 has no reply"):
        next(training_events(base, [Demonstration("hello", "")], recipe_for(base)))


def test_a_row_longer_than_the_context_is_named(base, rows):
    long = Demonstration("one " * 900, "two")
    with pytest.raises(DemonstrationsError, match="Row 3 is too long for this model"):
        next(training_events(base, [rows[0], Demonstration("", ""), long], recipe_for(base)))


def test_a_loss_that_is_no_number_ends_the_training_with_advice(base, rows, monkeypatch):
    monkeypatch.setattr(loop, "_backward", lambda *_, **__: float("nan"))
    with pytest.raises(TrainingError, match="lower learning rate"):
        list(training_events(base, rows, recipe_for(base)))
