"""Every listed architecture goes the whole way: train, save, fresh process, load, the same greedy replies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reft_studio import Recipe, compare_replies, load_base_model
from reft_studio.chat.sampling import Sampling
from reft_studio.train.loop import Training
from tests.architectures import ARCHITECTURES, tiny_model

REPOSITORY = Path(__file__).resolve().parents[1]
PROMPT = "Tell me about cats."
SHORT = Sampling(max_new_tokens=24)
REPLY_AGAIN = """
import json, sys
from pathlib import Path
import reft_studio as rs
from reft_studio.chat.sampling import Sampling
again = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    model, bot = rs.load_base_model(folder / "model", device="cpu"), rs.Bot.load(folder / "bot")
    compared = rs.compare_replies(model, bot, sys.argv[2], sampling=Sampling(max_new_tokens=24))
    again[folder.name] = [compared.base, compared.bot]
print(json.dumps(again))
"""


@pytest.fixture(scope="module")
def replies(tmp_path_factory, rows):
    """Of every architecture: what base and bot say in this process and in a fresh one."""
    folder = tmp_path_factory.mktemp("architectures")
    here = {}
    for name in ARCHITECTURES:
        tiny = tiny_model(name)
        tiny.model.save_pretrained(folder / name / "model")
        tiny.tokenizer.save_pretrained(folder / name / "model")
        model = load_base_model(folder / name / "model", device="cpu")
        training = Training(model, rows, Recipe(layers=(1,), epochs=30, learning_rate=0.1))
        assert len(list(training.events())) == 32
        training.bot().save(folder / name / "bot")
        compared = compare_replies(model, training.bot(), PROMPT, sampling=SHORT)
        here[name] = [compared.base, compared.bot]
    fresh = subprocess.run(
        [sys.executable, "-c", REPLY_AGAIN, str(folder), PROMPT],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return here, json.loads(fresh.stdout.splitlines()[-1])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_a_fresh_process_gives_the_same_greedy_replies(replies, name):
    here, fresh = replies
    assert fresh[name] == here[name]
    base, bot = here[name]
    assert bot != base
