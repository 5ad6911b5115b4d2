import copy
import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from reft_studio import load_base_model, train_bot
from reft_studio.bot import Bot
from reft_studio.chat.generate import edited_tokens
from reft_studio.demonstrations import Demonstration, Limits
from reft_studio.engine import work
from reft_studio.errors import DemonstrationsError, RecipeError, TrainingError, UnstableError
from reft_studio.intervention import build_interventions
from reft_studio.positions import parse_positions
from reft_studio.prompts import render
from reft_studio.recipe import Method, Recipe
from reft_studio.train import loop
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.train.events import Finished, Started, Step
from reft_studio.train.examples import IGNORED, build_examples, collate
from reft_studio.train.loop import Training, rate
from reft_studio.train.reference import Reference
from reft_studio.weights import parameter_count


def recipe_for(base, **changes):
    return Recipe.for_model(base.num_layers, base.width, **{"epochs": 3, "dropout": 0, **changes})


def train(base, rows, **changes):
    """The losses of a short training and its bot."""
    training = Training(base, rows, recipe_for(base, **changes))
    losses = losses_of(training)
    return losses, training.bot()


def losses_of(training):
    """The losses of all steps that are left."""
    return [event.loss for event in training.events() if isinstance(event, Step)]


def test_a_training_tells_its_start_every_step_and_its_end(base, rows):
    recipe = recipe_for(base, epochs=2, batch_size=2)
    started, *steps, finished = Training(base, rows[:3], recipe).events()
    assert started == Started(4, parameter_count(recipe, base.width), base.model.num_parameters())
    assert [type(step) for step in steps] == [Step] * 4
    assert [(step.step, step.epoch) for step in steps] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert steps[-1].seconds_left == 0
    assert finished == Finished()


def test_rows_with_shorter_prompts_than_the_positions_are_named(base, rows):
    short, long = (base.tokenizer.encode(row.prompt) for row in (Demonstration("Hi", "Yes"), rows[0]))
    between = (len(short) + len(long)) // 2
    table = [rows[0], Demonstration("", ""), Demonstration("Hi", "Yes")]
    started = next(Training(base, table, recipe_for(base, positions=f"l{between + 3}")).events())
    assert started.short_rows == ("Hi",)


def test_a_model_that_does_not_say_how_it_is_talked_to_is_named(base, rows):
    assert next(Training(base, rows, recipe_for(base)).events()).has_template
    tokenizer = copy.deepcopy(base.tokenizer)
    tokenizer.chat_template = None
    plain = replace(base, tokenizer=tokenizer)
    started = next(Training(plain, rows, recipe_for(base)).events())
    assert "hardly made for chatting" in work._remarks(started, 0)


@pytest.mark.parametrize("weight_decay", [0.1, 5])
def test_the_loss_falls_even_with_weight_decay(base, rows, weight_decay):
    losses, bot = train(base, rows, epochs=12, learning_rate=1e-2, weight_decay=weight_decay)
    assert losses[-1] < 0.8 * losses[0]
    for edit in bot.weights.values():
        assert torch.allclose(edit.R @ edit.R.T, torch.eye(len(edit.R)), atol=1e-5)


def test_with_all_of_weight_decay_nothing_is_learned(base, rows):
    _, bot = train(
        base, rows, epochs=3, learning_rate=1e-2, schedule="constant", weight_decay=100, lora_rank=2
    )
    for edit in bot.weights.values():
        assert torch.allclose(edit.W, edit.R, atol=1e-6)
        assert not edit.b.any()
    assert not any(weights.B.any() for weights in bot.lora.values())


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
    events = Training(base, rows, recipe_for(base)).events()
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
        assert example.positions.last[-1] == len(example.prompt_ids) - 1


def test_only_the_reply_and_its_end_are_learned(base, rows):
    examples = build_examples(base, rows, parse_positions("l1"))
    batch = collate(examples, base)
    for row, example in enumerate(examples):
        learned = batch.labels[row] != IGNORED
        assert batch.labels[row][learned].tolist() == example.reply_ids
        assert batch.token_ids[row][learned].tolist() == example.reply_ids
        assert learned.nonzero()[0].item() == len(example.prompt_ids)
        assert batch.attention_mask[row].sum() == len(example)


def test_rows_shorter_than_the_positions_train_like_the_reference(base, rows):
    mixed = [Demonstration("a", "b"), *rows]
    for shared in (True, False):
        recipe = recipe_for(base, positions="f9+l3", shared=shared, learning_rate=1e-2)
        training = Training(base, mixed, recipe)
        reference = Reference(base, training._examples, build_interventions(recipe, base.width))
        tokens = sum(len(example.reply_ids) for example in training._examples)
        first = losses_of(training)[0]
        assert first == pytest.approx(reference.loss(range(len(mixed))).item() / tokens, rel=1e-4)


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
    if said is None:
        assert Training(base, rows, recipe_for(base, **changes)).total_steps
    else:
        with pytest.raises(RecipeError, match=said):
            Training(base, rows, recipe_for(base, **changes))


def test_all_layers_learn_at_once_and_come_back(base, rows, tmp_path):
    losses, bot = train(base, rows, layers="all", positions="f1+l1", epochs=6)
    assert losses[-1] < losses[0]
    assert [site.layer for site in bot.weights] == list(range(base.num_layers))
    bot.save(tmp_path / "bot")
    assert Bot.load(tmp_path / "bot") == bot


def test_a_rank_above_the_models_width_is_refused(base):
    from types import SimpleNamespace

    narrow = SimpleNamespace(num_layers=base.num_layers, width=8)
    with pytest.raises(RecipeError, match="rank 9 is too high: this model allows 1 to 8"):
        loop.check_recipe(recipe_for(base, rank=9), narrow)


def test_a_bad_table_is_refused_before_the_first_step(base):
    with pytest.raises(DemonstrationsError, match="empty"):
        Training(base, [], recipe_for(base))
    with pytest.raises(DemonstrationsError, match="Row 1 has no reply"):
        Training(base, [Demonstration("hello", "")], recipe_for(base))


def test_a_row_longer_than_the_context_is_named(base, rows):
    long = Demonstration("one " * 900, "two")
    with pytest.raises(
        DemonstrationsError, match=r'The row "one one [one ]+…" is too long: .*model holds 512'
    ):
        Training(base, [rows[0], Demonstration("", ""), long], recipe_for(base))


def test_a_row_of_more_tokens_than_training_takes_here_is_named(base, rows):
    most = max(len(example) for example in Training(base, rows, recipe_for(base))._examples)
    Training(base, rows, recipe_for(base), limits=Limits(row_tokens=most))
    with pytest.raises(DemonstrationsError, match=f'The row "My dog .* training takes {most - 1} at most'):
        Training(base, rows, recipe_for(base), limits=Limits(row_tokens=most - 1))


def test_a_loss_that_is_no_number_ends_the_training_with_advice(base, rows, monkeypatch):
    monkeypatch.setattr(loop, "_backward", lambda *_, **__: torch.tensor(float("nan")))
    with pytest.raises(TrainingError, match="gives no numbers"):
        list(Training(base, rows, recipe_for(base)).events())


def test_a_gradient_that_is_no_number_costs_nothing_that_was_learned_before(base, rows, monkeypatch):
    recipe, real, steps = recipe_for(base, epochs=3), loop.Training._gradients, itertools.count(1)

    def spoilt(training, *given):
        gradients = real(training, *given)

        def compute():
            loss = gradients()
            if next(steps) == 3:
                training._trainable()[0].grad[0] = float("nan")
            return loss

        return compute

    monkeypatch.setattr(loop.Training, "_gradients", spoilt)
    with pytest.raises(UnstableError, match="lower learning rate") as told:
        train_bot(base, rows, recipe)
    monkeypatch.undo()
    wanted = Training(base, rows, recipe)
    events = wanted.events()
    for _ in itertools.takewhile(lambda _: wanted.step < 2, events):
        pass
    for name, tensor in wanted.bot().tensors().items():
        assert torch.equal(told.value.bot.tensors()[name], tensor)


def test_gradients_of_many_tokens_do_not_vanish_in_float16(rows):
    found = {}
    for dtype in (torch.float32, torch.float16):
        base = load_base_model(device="cpu", dtype=dtype)
        training = Training(base, rows, recipe_for(base, epochs=1))
        path, _ = training._choose_path()
        # As with a thousand times as many tokens: the mean is as small.
        scaled = training._trainable() if dtype is torch.float16 else []
        loss = loop._backward(path, [list(range(len(rows)))], 100_000, scaled)
        found[dtype] = (
            loss,
            torch.cat([p.grad.flatten() for p in training._trainable() if p.grad is not None]),
        )
    (loss, exact), (half_loss, half) = found.values()
    assert half_loss.item() == pytest.approx(loss.item(), rel=0.01)
    assert torch.cosine_similarity(exact, half, dim=0) > 0.999
    assert half.norm().item() == pytest.approx(exact.norm().item(), rel=0.01)


def test_a_base_model_that_overflows_is_told_from_a_rate_that_is_too_high(base, rows):
    broken = base.twin()
    broken.blocks[3].mlp.down_proj.weight = nn.Parameter(
        torch.full_like(broken.blocks[3].mlp.down_proj.weight, float("inf")), requires_grad=False
    )
    with pytest.raises(UnstableError, match=r"base model gives no numbers.*another precision"):
        list(Training(broken, rows, recipe_for(base)).events())


def test_a_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(base, rows, tmp_path):
    recipe = recipe_for(base, epochs=6, batch_size=2, learning_rate=1e-2, warmup=0.2)
    losses, whole = train(base, rows, **recipe.model_dump(exclude={"method", "layers"}))
    first = Training(base, rows, recipe)
    events = first.events()
    begun = [event.loss for event in itertools.islice(events, 6) if isinstance(event, Step)]
    first.checkpoint().save(tmp_path / "checkpoint.safetensors")
    again = Training(base, rows, recipe)
    again.resume(Checkpoint.load(tmp_path / "checkpoint.safetensors"))
    assert again.seconds == first.seconds > 0
    assert begun + losses_of(again) == losses
    assert again.seconds > first.seconds
    assert all(torch.equal(again.bot().weights[n].W, whole.weights[n].W) for n in whole.weights)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


@pytest.mark.parametrize("change", ["rows", "recipe"])
def test_a_checkpoint_of_another_training_is_refused(base, rows, change):
    checkpoint = Training(base, rows, recipe_for(base)).checkpoint()
    other = (rows[1:], recipe_for(base)) if change == "rows" else (rows, recipe_for(base, rank=2))
    with pytest.raises(TrainingError, match="have changed"):
        Training(base, *other).resume(checkpoint)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="cannot be read"):
        Checkpoint.load(path)


def test_accumulated_batches_take_the_same_step_as_one_batch(base, rows):
    whole, _ = train(base, rows, rank=4, learning_rate=1e-2)
    parts, _ = train(base, rows, rank=4, learning_rate=1e-2, batch_size=1, accumulation=4)
    assert parts == pytest.approx(whole, rel=1e-4)


def test_a_training_from_a_bot_on_its_way_is_a_bot(base, rows):
    training = Training(base, rows, recipe_for(base))
    before = training.bot()
    list(itertools.islice(training.events(), 3))
    (after,), (start,) = (bot.weights.values() for bot in (training.bot(), before))
    assert not torch.equal(after.W, start.W)


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        ({"schedule": "linear"}, [1, 0.75, 0.5, 0.25]),
        ({"schedule": "constant"}, [1, 1, 1, 1]),
        ({"schedule": "cosine"}, [1, 0.853553, 0.5, 0.146447]),
        ({"schedule": "linear", "warmup": 0.5}, [1 / 3, 2 / 3, 1, 0.5]),
    ],
)
def test_the_learning_rate_follows_its_schedule(changes, rates):
    recipe = Recipe.for_model(4, 256, **changes)
    assert [rate(recipe, step, 4) for step in range(4)] == pytest.approx(rates, rel=1e-5)


def test_gradients_are_clipped_before_every_step(base, rows, monkeypatch):
    lengths, step = [], torch.optim.AdamW.step

    def measured_step(optimizer):
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
        lengths.append(torch.cat([gradient.flatten() for gradient in gradients]).norm().item())
        step(optimizer)

    monkeypatch.setattr(torch.optim.AdamW, "step", measured_step)
    train(base, rows, epochs=2)
    train(base, rows, epochs=2, max_grad_norm=0.25)
    assert min(lengths[:2]) > 0.25
    assert lengths[2:] == pytest.approx([0.25, 0.25], rel=1e-3)


@pytest.mark.parametrize("method", Method)
def test_every_method_trains_on_the_fast_path_and_resumes_with_dropout(base, rows, method):
    recipe = recipe_for(base, epochs=4, method=method, dropout=0.2, activation="tanh", learning_rate=1e-2)
    losses = losses_of(Training(base, rows, recipe))
    first = Training(base, rows, recipe)
    begun = [event.loss for event in itertools.islice(first.events(), 3) if isinstance(event, Step)]
    again = Training(base, rows, recipe)
    again.resume(first.checkpoint())
    assert begun + losses_of(again) == losses
    assert losses[-1] < losses[0]
