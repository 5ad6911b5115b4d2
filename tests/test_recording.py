"""Steps that a graphics card replays; those with a card need one."""

import pytest
import torch
from torch import nn

from reft_studio import Demonstration, Recipe, load_base_model
from reft_studio.train import loop
from reft_studio.train.loop import Training
from reft_studio.train.recording import Recording, record

needs_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card")
ROWS = [
    Demonstration("What is the capital of France?", "🇫🇷🗼"),
    Demonstration("I love pizza", "🍕❤️"),
    Demonstration("Who are you?", "🤖💬👤"),
]


@pytest.fixture(scope="module")
def base():
    return load_base_model(device="cuda", dtype=torch.float32)


def train(base, recipe, steps=None):
    training = Training(base, ROWS, recipe)
    for _, event in zip(range(steps or 1000), training.events(), strict=False):
        del event
    return training


@needs_a_card
@pytest.mark.parametrize("changed", [{}, {"dropout": 0.5}, {"layers": (1, 3), "positions": "f1+l1"}])
def test_recorded_steps_give_the_losses_of_steps_taken_one_by_one(base, monkeypatch, changed):
    recipe = Recipe(**({"layers": (1,), "rank": 4, "dropout": 0, "epochs": 30} | changed))
    recorded = train(base, recipe)
    assert isinstance(recorded._recorded, Recording)
    monkeypatch.setattr(loop, "record", lambda gradients, _: gradients)
    alone = train(base, recipe)
    assert recorded.losses == pytest.approx(alone.losses, rel=1e-4)
    assert recorded.losses[-1] < recorded.losses[0] / 2


@needs_a_card
def test_a_recorded_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(base):
    recipe = Recipe(layers=(1,), epochs=30, dropout=0.3)
    whole, first = train(base, recipe), train(base, recipe, steps=12)
    second = Training(base, ROWS, recipe)
    second.resume(first.checkpoint())
    list(second.events())
    assert second.losses == pytest.approx(whole.losses, rel=1e-6)


def test_what_cannot_be_recorded_is_done_anew_each_time():
    parameter = nn.Parameter(torch.ones((), device="cuda" if torch.cuda.is_available() else "cpu"))

    def gradients():
        loss = parameter * 2 * (1 if parameter.item() else 0)  # asks for a number
        loss.backward()
        return loss.detach()

    assert record(gradients, [parameter]) is gradients
    assert parameter.grad is None
