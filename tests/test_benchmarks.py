"""What measures a training works before anybody waits for a graphics card to try it on."""

import pytest
import torch

from benchmarks import memory, runners
from benchmarks.shapes import SHAPES, random_base, random_llama, rows_of
from benchmarks.training import COLUMNS, REPLY_TOKENS, Workload, compare, whole_training

CPU, CARD = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def tiny():
    return random_base("tiny", CPU, torch.bfloat16)


def test_all_ways_to_train_are_compared_in_half_precision(tiny):
    columns = [name for name in COLUMNS[2:] if not name.startswith(("memory", "seconds"))]
    found = dict(zip(columns, compare(Workload("tiny", prompt_tokens=40), tiny, 1), strict=True))
    assert float(found["losses apart"]) < 2e-2
    assert float(found["bound"]) > 2
    assert float(found["than pyreft"]) > 0
    assert len(found["fast: forward + backward + update"].split(" + ")) == 3


def test_a_whole_training_is_timed_twice_and_its_losses_are_the_same(tiny):
    assert whole_training(Workload("tiny", prompt_tokens=40), tiny, 2).endswith(", bit for bit the same")


def test_rows_are_as_long_as_they_were_asked_for(tiny):
    examples = Workload("tiny", prompt_tokens=40).examples(tiny)
    sizes = {(len(example.prompt_ids), len(example.reply_ids)) for example in examples}
    assert (len(examples), sizes) == (10, {(40, REPLY_TOKENS)})
    assert len(set(rows_of(100, 40, REPLY_TOKENS))) == 100


def test_a_model_of_seven_billion_parameters_is_made_in_its_precision_where_it_is_to_be():
    model = random_llama(SHAPES["7B"], torch.device("meta"), torch.bfloat16)
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(6.6e9, rel=0.01)
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.bfloat16)}


def test_on_a_graphics_card_clocks_wait_for_it_and_memory_is_what_it_gave_out(monkeypatch):
    waited, given_out = [], iter([100, 900])
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: next(given_out))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: next(given_out))
    runners.wait(CPU)
    runners.wait(CARD)
    with memory.peak_memory(CARD) as sizes:
        pass
    assert (waited, sizes) == ([CARD], [100, 900])


@pytest.mark.parametrize("rows", [10, 100])
def test_the_embedded_model_is_trained_on_as_many_rows_as_is_said(base, rows):
    assert len(Workload(None, rows).examples(base)) == rows
