"""While a base model comes from the Hub, it is told how far it has got."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event as Flag

import pytest

from reft_studio.base_ref import BaseRef
from reft_studio.engine import fetching
from reft_studio.engine.fetching import telling_how_far
from reft_studio.engine.interface import Readiness
from reft_studio.engine.process import ProcessEngine
from reft_studio.errors import BaseModelError
from reft_studio.fit import Weight
from reft_studio.model_source import ModelSource
from tests.architectures import tiny_model
from tests.hub import Repository, local_hub
from tests.updates import SECONDS

MODEL = BaseRef("me/model")
MEGABYTE = 1_000_000


@pytest.fixture
def blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the Hub's cache puts the files of a model of 400 MB."""
    snapshot, blobs = tmp_path / "snapshots" / "abc", tmp_path / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    monkeypatch.setattr(fetching, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(fetching, "find_model", lambda *_: ModelSource("me/model", snapshot, "abc"))
    monkeypatch.setattr(fetching, "weigh", lambda _: Weight(2, 8, (), to_fetch=400 * MEGABYTE))
    return blobs


class Said:
    """What is told; `until` waits for words."""

    def __init__(self) -> None:
        self._wanted, self._heard = "", Flag()

    def __call__(self, text: str) -> None:
        if self._wanted and self._wanted in text:
            self._heard.set()

    def until(self, wanted: str) -> None:
        self._wanted = wanted
        assert self._heard.wait(10)
        self._heard.clear()


def grow(blobs: Path, size: int) -> None:
    with (blobs / "weights.incomplete").open("wb") as file:
        file.truncate(size)


def test_how_much_of_a_model_is_there_is_told_while_it_grows(blobs: Path) -> None:
    said = Said()
    with telling_how_far(MODEL, said):
        said.until("downloaded, which happens once: 0.0 GB of about 0.4 GB")
        grow(blobs, 100 * MEGABYTE)
        said.until("0.1 GB of about 0.4 GB")
        # The size was reckoned from the number of parameters: there is never more than all of it.
        grow(blobs, 900 * MEGABYTE)
        said.until("0.4 GB of about 0.4 GB")


@pytest.mark.usefixtures("blobs")
def test_when_it_is_loaded_nothing_more_is_told() -> None:
    told: list[str] = []
    with telling_how_far(MODEL, told.append):
        pass
    before = len(told)
    time.sleep(5 * fetching.SECONDS_BETWEEN_LOOKS)
    assert len(told) == before


def test_an_engine_that_ends_in_the_middle_of_a_file_leaves_no_half_of_it_and_the_next_one_loads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_hub() as hub:
        online = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        for name, value in {**online, "HF_HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        repository = hub.repositories["model", "me/model"] = Repository(private=False, created_with={})
        model = tiny_model("Llama")
        for part in (model.model, model.tokenizer):
            part.save_pretrained(tmp_path / "model")
        repository.commit({path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()})
        go_on = Flag()
        hub.within = lambda asked: ".safetensors" not in asked or go_on.wait(SECONDS)
        with closing(ProcessEngine("me/model", on_update=lambda _: None)) as engine:
            engine.start()
            wait_for(lambda: files(tmp_path, "*.incomplete"))
        assert files(tmp_path, "*.incomplete") == []
        assert files(tmp_path, "model.safetensors") == []
        go_on.set()
        with closing(ProcessEngine("me/model", on_update=lambda _: None)) as engine:
            engine.start()
            wait_for(lambda: engine.status().readiness is Readiness.READY)


def files(folder: Path, pattern: str) -> list[Path]:
    return list((folder / "hub").rglob(pattern))


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "This did not happen in time."
        time.sleep(0.05)


def _fail(_base: BaseRef) -> Weight:
    raise BaseModelError("It is not there.")


@pytest.mark.parametrize(
    "weigh", [_fail, lambda _: Weight(2, 8, (), to_fetch=0)], ids=["not there", "here already"]
)
@pytest.mark.usefixtures("blobs")
def test_of_what_is_not_fetched_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, weigh: Callable[[BaseRef], Weight]
) -> None:
    monkeypatch.setattr(fetching, "weigh", weigh)
    told: list[str] = []
    with telling_how_far(MODEL, told.append):
        # It has looked before it can be left.
        pass
    assert told == []


def test_a_folder_is_not_looked_up_on_the_hub(blobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "weigh", None)
    for base in (BaseRef(), BaseRef.of(str(blobs))):
        with telling_how_far(base, lambda _: pytest.fail("It is here.")):
            pass
