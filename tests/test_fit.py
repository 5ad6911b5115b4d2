import math
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


def test_the_limit_of_a_container_counts_where_there_is_one(tmp_path, monkeypatch):
    assert fit.left_in_container(tmp_path) == math.inf
    first = {
        "memory.limit_in_bytes": "8000",
        "memory.usage_in_bytes": "9000",
        "memory.stat": "total_inactive_file 3000",
    }
    (tmp_path / "memory").mkdir()
    for name, text in first.items():
        (tmp_path / "memory" / name).write_text(text)
    assert fit.left_in_container(tmp_path) == 2000
    second = {"memory.max": "16000", "memory.current": "9000", "memory.stat": "anon 1\ninactive_file 2000"}
    for name, text in second.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fit, "_CONTROL_GROUP", tmp_path)
    assert fit.free_memory(CPU) == 9000
    # Its way to say that there is none.
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory" / "memory.stat").unlink()
    assert fit.left_in_container(tmp_path) == math.inf


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
