"""The search for the best place comes to what single trainings come to, and does nothing twice."""

import itertools
import math

import pytest
import torch

from reft_studio.chat import score as scoring
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.chat.score import count_right, search_questions
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import DemonstrationsError, RecipeError
from reft_studio.manifest import Suite
from reft_studio.recipe import Recipe, default_layer
from reft_studio.rules import meets, read_rules
from reft_studio.train import loop, passes
from reft_studio.train.events import Step
from reft_studio.train.loop import Training
from reft_studio.train.passes import Passes
from reft_studio.train.places import DEPTHS, Grid, Measure, Place, PlaceMap, Tried
from reft_studio.train.search import ByLoss, Search, held_out_loss, leave_out
from tests.architectures import tiny_model

GRID = Grid((0, 1, 3), ("l1", "f1+l2"), (2, 4), usual=Place(1, "l1", 4))
EPOCHS = {"epochs": 6}


class ByRank:
    """Finds a higher layer better, then a higher rank; keeps what it was asked."""

    measure = Measure.RIGHT

    def __init__(self) -> None:
        self.asked = []

    def size(self, thoroughly):
        return 20 if thoroughly else 10

    def judge(self, bots, thoroughly):
        recipes = [bot.manifest.recipe for bot in bots]
        self.asked += [(Place(r.layers[0], r.positions, r.rank), thoroughly) for r in recipes]
        return [r.layers[0] + r.rank / 10 for r in recipes]


def search(base, rows, judge=None, grid=GRID, known=(), **changes):
    return Search(base, Passes(base, rows), judge or ByRank(), grid, EPOCHS | changes, known)


def alone(base, rows, place, steps=None, **changes):
    """A training of one place by itself, stopped after some steps."""
    where = {"layers": (place.layer,), "positions": place.positions, "rank": place.rank}
    recipe = Recipe.for_model(base.num_layers, base.width, **(EPOCHS | changes | where))
    training = Training(base, rows, recipe)
    for event in training.events():
        if isinstance(event, Step) and event.step == steps:
            break
    return training


@pytest.mark.parametrize("batch_size", [10, 3])
def test_the_bot_of_a_place_is_that_of_a_training_alone(base, rows, batch_size):
    searching = search(base, rows, batch_size=batch_size)
    *_, last = searching.events()
    for tried in last.map.finished:
        mine = searching.training(tried.place)
        single = alone(base, rows, tried.place, batch_size=batch_size)
        assert mine.losses == single.losses
        assert mine.bot().manifest.recipe == single.bot().manifest.recipe
        for name, tensor in single.bot().tensors().items():
            assert torch.equal(mine.bot().tensors()[name], tensor)
    stopped = next(tried for tried in last.map.tried if tried not in last.map.finished)
    assert stopped.loss == alone(base, rows, stopped.place, stopped.steps, batch_size=batch_size).losses[-1]


@pytest.mark.parametrize("name", ["GPT-2", "Gemma3", "Bloom"])
def test_it_is_so_on_other_architectures_too(name, rows):
    base = tiny_model(name)
    vars(base)["_digest"] = 64 * "0"
    grid = Grid((0, 2), ("l1", "f1+l1"), (2,), usual=Place(0, "l1", 2))
    searching = search(base, rows, grid=grid)
    *_, last = searching.events()
    for tried in last.map.finished:
        single = alone(base, rows, tried.place)
        assert searching.training(tried.place).losses == single.losses


def test_all_are_tried_for_a_while_and_only_the_better_third_and_the_usual_place_to_the_end(base, rows):
    judge = ByRank()
    *_, last = search(base, rows, judge).events()
    places = GRID.places()
    assert [place for place, thoroughly in judge.asked if not thoroughly] == places
    to_the_end = [place for place, thoroughly in judge.asked if thoroughly]
    assert set(to_the_end) == {Place(1, "l1", 4), *(p for p in places if p.layer == 3)}
    assert {tried.place for tried in last.map.finished} == set(to_the_end)
    assert {tried.steps for tried in last.map.tried} == {2, 6}
    assert {tried.of for tried in last.map.tried} == {10, 20}
    assert last.map.finished[0].place == Place(3, "l1", 4)
    assert last.map.equally_good(last.map.finished[0]) == [last.map.at(Place(3, "f1+l2", 4))]
    assert (last.done, last.of, last.seconds_left) == (12 + 5, 12 + 5, 0)


def test_its_progress_never_goes_back_and_tells_how_long_it_will_take(base, rows):
    events = list(search(base, rows).events())
    done = [event.done for event in events]
    assert done == sorted(done)
    assert all(event.done <= event.of <= 17 for event in events)
    assert events[0].seconds_left is None
    assert all(event.seconds_left > 0 for event in events[:-1] if event.done)
    # One event after each step of each training, and after each verdict on some of them.
    assert len(events) > 12 * 2 + 5 * 4


def test_a_plain_forward_pass_over_the_rows_is_made_once(base, rows, monkeypatch):
    counted = []
    for name in ("whole_rows", "plain_states"):
        made = getattr(passes, name)

        def count(*arguments, name=name, made=made):
            counted.append(name)
            return made(*arguments)

        monkeypatch.setattr(passes, name, count)
    list(search(base, rows).events())
    assert sorted(counted) == ["plain_states", "whole_rows"]


def test_an_interrupted_search_goes_on_with_what_it_knows_and_comes_to_the_same(base, rows):
    whole = list(search(base, rows).events())
    half = next(event.map.tried for event in whole if len(event.map.tried) >= 8)
    nearly = next(event.map.tried for event in whole if event.map.finished)
    for known in (half, nearly):
        judge = ByRank()
        *_, last = search(base, rows, judge, known=known).events()
        assert set(last.map.tried) == set(whole[-1].map.tried)
        done = {(tried.place, tried.steps == 6) for tried in known}
        assert done.isdisjoint(judge.asked)


def test_a_judge_that_was_told_to_stop_says_nothing_that_counts(base, rows):
    judge = ByRank()
    answers = iter([[1.0] * 4, []])
    judge.judge = lambda *_: next(answers)
    *_, last = search(base, rows, judge).events()
    assert len(last.map.tried) == 4


def test_a_place_whose_loss_is_lost_does_not_end_the_search(base, rows, monkeypatch):
    take = loop.Training._take_step

    def lose(training, path, batches):
        if training.recipe.layers == (3,):
            monkeypatch.setattr(loop, "_backward", lambda *_: torch.tensor(math.nan))
        try:
            return take(training, path, batches)
        finally:
            monkeypatch.setattr(loop, "_backward", real)

    real = loop._backward
    monkeypatch.setattr(loop.Training, "_take_step", lose)
    *_, last = search(base, rows).events()
    lost = [tried for tried in last.map.tried if not tried.of]
    assert {tried.place.layer for tried in lost} == {3}
    assert len(lost) == 4
    assert {tried.place.layer for tried in last.map.finished} == {1}


def test_what_no_recipe_can_have_is_refused_at_once(base, rows):
    with pytest.raises(RecipeError, match="epochs"):
        search(base, rows, epochs=0)


def test_without_rules_the_loss_on_rows_that_were_left_out_decides(base):
    table = [Demonstration(f"What is {number} plus 1?", "🧮" * (number + 1)) for number in range(8)]
    learned, left_out = leave_out(table)
    assert sorted(map(table.index, left_out)) == [3, 7]
    assert learned == [row for row in table if row not in left_out]
    judge = ByLoss(base, Passes(base, left_out))
    grid = Grid((1, 5), ("l1",), (2,), usual=Place(1, "l1", 2))
    *_, last = search(base, learned, judge, grid, epochs=9, learning_rate=0.02).events()
    assert last.map.measure is Measure.LOSS
    by_place = {tried.place.layer: tried.value for tried in last.map.tried}
    assert last.map.finished[0].value == min(t.value for t in last.map.finished)
    # A bot that has learned what emoji are for is less surprised by more of them.
    assert by_place[1] < held_out_loss(base, alone(base, learned, grid.usual, 1).bot(), judge._left_out)
    with pytest.raises(DemonstrationsError, match="8 rows at least"):
        leave_out(table[:7])


def test_a_held_out_loss_is_what_a_training_on_those_rows_would_begin_with(base, bot):
    recipe = bot.manifest.recipe
    other = [Demonstration("I like tea.", "🍵😊"), Demonstration("Where is Rome?", "🇮🇹")]
    going_on = Training(base, other, recipe, start_from=bot)
    first = next(event for event in going_on.events() if isinstance(event, Step))
    assert held_out_loss(base, bot, Passes(base, other)) == pytest.approx(first.loss, rel=1e-5)


def test_a_held_out_loss_goes_through_a_lora_too(base, rows):
    recipe = Recipe.for_model(base.num_layers, base.width, epochs=2, dropout=0, lora_rank=2)
    training = Training(base, rows, recipe)
    list(training.events())
    going_on = Training(base, rows[:2], recipe, start_from=training.bot())
    first = next(event for event in going_on.events() if isinstance(event, Step))
    assert held_out_loss(base, training.bot(), Passes(base, rows[:2])) == pytest.approx(first.loss, rel=1e-4)


@pytest.mark.parametrize("num_layers", [1, 2, 6, 8, 16, 30, 32, 80])
def test_the_grid_suits_the_model_and_has_the_usual_place(num_layers):
    grid = Grid.for_model(num_layers, 64)
    assert grid.layers[0] == 0
    assert max(grid.layers) < num_layers
    assert len(grid.layers) == min(num_layers, DEPTHS)
    assert grid.usual in grid.places()
    default = Recipe.for_model(num_layers, 64)
    assert grid.usual == Place(default_layer(num_layers), default.positions, default.rank)
    assert max(Grid.for_model(num_layers, 3).ranks) == 3


def test_of_equally_good_places_the_usual_one_is_taken_then_the_one_with_fewest_numbers():
    def found(*places):
        tried = tuple(Tried(place, 6, 1.0, 5, 10) for place in places)
        return [t.place for t in PlaceMap(GRID, Measure.RIGHT, 6, tried).finished]

    assert found(Place(3, "l1", 4), Place(0, "l1", 2), GRID.usual)[0] == GRID.usual
    assert found(Place(3, "l1", 4), Place(0, "l1", 2))[0] == Place(0, "l1", 2)


def test_replies_are_counted_as_a_chat_gives_them(base, bot, untrained, monkeypatch):
    monkeypatch.setattr(scoring, "ROWS", 3)
    rules, prompts = read_rules(["only emoji"]), search_questions()[:4]

    def right(one):
        asked = [ChatRequest([{"role": "user", "content": prompt}], one) for prompt in prompts]
        replies = final_replies(base, asked, Sampling(max_new_tokens=64))
        return sum(meets(rules, reply) for reply in replies)

    counted = count_right(base, [bot, untrained], prompts, rules)
    assert counted == [right(bot), right(untrained)]
    assert counted[0] > counted[1]


def test_what_a_search_asks_is_asked_in_no_score_and_stands_in_no_starter():
    from reft_studio.ui.starters import starters

    scored = {text for suite in Suite for prompts in scoring._questions()[suite] for text in prompts}
    shown = {row.prompt for one in starters() for row in one.draft().demonstrations}
    probes = {probe for one in starters() for probe in one.draft().probes}
    mine = search_questions()
    assert len(mine) == len({text.casefold() for text in mine}) == 48
    assert {text.casefold() for text in mine}.isdisjoint(
        text.casefold() for text in itertools.chain(scored, shown, probes)
    )
