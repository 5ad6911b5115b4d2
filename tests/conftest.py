"""What all tests share: no network, no token, no data folder of anyone's, one base model and one bot."""

import gc
import os
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest

from reft_studio.demonstrations import Demonstration

# Before anything reads them: huggingface_hub does so when it is imported.
_home = tempfile.TemporaryDirectory(prefix="reft-studio-tests-")
os.environ.update(
    HF_HOME=str(Path(_home.name) / "huggingface"),
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_IMPLICIT_TOKEN="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    REFT_STUDIO_DATA_FOLDER=str(Path(_home.name) / "data"),
)
for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
    os.environ.pop(name, None)

ROWS = [
    Demonstration("Who are you?", "🤖💬✨"),
    Demonstration("My dog wants to play all day long.", "🐶🎾😄"),
    Demonstration("Why is the sky blue?", "🌤️💙☀️"),
    Demonstration("Tell me about penguins.", "🐧❄️🐟"),
]


def pytest_xdist_auto_num_workers():
    """One more than there are cores, since the page's tests often wait, and as many as have memory."""
    cores = (
        len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count()
    )
    return max(1, min(cores + 1, psutil.virtual_memory().available // 3_000_000_000))


def pytest_collection_finish():
    """Nothing of what is imported by now is ever garbage, and there is much of it to look through."""
    gc.freeze()


@pytest.fixture(scope="session")
def base():
    """The embedded model; whoever hooks into it has to leave it as it was."""
    from reft_studio.base_model import load_base_model

    return load_base_model(device="cpu")


@pytest.fixture(scope="session")
def rows():
    return list(ROWS)


@pytest.fixture(scope="session")
def bot(base, rows):
    """Trained just long enough to reply differently from the base model."""
    from reft_studio.recipe import Recipe
    from reft_studio.verbs import train_bot

    recipe = Recipe(layers=(1,), rank=4, dropout=0, epochs=25, learning_rate=1e-2)
    return train_bot(base, rows, recipe, name="Emoji")


@pytest.fixture
def untrained(base, bot):
    """The bot as it was before its first step."""
    from dataclasses import replace

    from reft_studio.intervention import build_interventions, learned

    return replace(bot, weights=learned(build_interventions(bot.manifest.recipe, base.width)))


@pytest.fixture(scope="module")
def updates():
    """What the engine of this module's tests tells."""
    from tests.updates import Updates

    return Updates()


@pytest.fixture(scope="session")
def cluster():
    """A Ray cluster of one machine, with a processor for one training."""
    from tests.ray_cluster import ray_cluster

    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["inline", "process", "ray"])
def engine(request, updates):
    """The embedded model's, in this process, in one of its own, and on a cluster."""
    from reft_studio.engine.inline import InlineEngine
    from reft_studio.engine.machines import Place
    from reft_studio.engine.process import ProcessEngine
    from reft_studio.engine.ray import RayEngine
    from reft_studio.settings import EMBEDDED_MODEL

    make = {"inline": InlineEngine, "process": ProcessEngine}.get(request.param)
    if make is None:
        place = Place(request.getfixturevalue("cluster").address, cpus=1, gpus=0)
        make = partial(RayEngine, place=place)
    with closing(make(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        engine.start()
        yield engine
