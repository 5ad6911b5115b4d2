import subprocess
import sys

import pytest
import torch

from reft_studio import fit
from reft_studio.fit import Shape, estimate_fit
from reft_studio.model_choices import MODEL_CHOICES
from reft_studio.settings import EMBEDDED_MODEL

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_estimate_covers_what_a_training_takes_without_being_far_off(dtype):
    command = [sys.executable, "-m", "benchmarks.memory", "--one", "small", dtype]
    output = subprocess.run(
        command, capture_output=True, check=True, encoding="utf-8", cwd=EMBEDDED_MODEL.parents[1]
    ).stdout
    _, estimated, measured = map(int, output.split()[-3:])
    assert measured <= estimated <= 2 * measured


def test_a_model_of_a_billion_parameters_fits_into_a_laptop_with_ten_gigabytes_free(monkeypatch):
    monkeypatch.setattr(fit, "free_memory", lambda _: 10_000_000_000)
    llama = next(choice for choice in MODEL_CHOICES if choice.id == "meta-llama/Llama-3.2-1B-Instruct")
    assert llama.fit(CPU, torch.float32)
    assert not estimate_fit(2 * llama.parameters, llama.shape, CPU, torch.float32)


@pytest.mark.parametrize("choice", MODEL_CHOICES, ids=lambda choice: choice.id)
def test_the_figures_of_every_model_to_choose_agree_with_each_other(choice):
    shape = choice.shape
    embedding = shape.vocabulary * shape.width
    # What is missing are norms and biases; some have a head of their own beside the embedding.
    sizes = (shape.block_weights + embedding, shape.block_weights + 2 * embedding)
    assert min(abs(choice.parameters / size - 1) for size in sizes) < 2e-3


def test_a_shape_is_read_from_a_config_that_says_little():
    config = type(
        "Config", (), {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "vocab_size": 9}
    )
    assert Shape.of(config) == Shape(
        layers=2, width=8, inner=32, heads=2, key_heads=2, head_width=4, vocabulary=9
    )
