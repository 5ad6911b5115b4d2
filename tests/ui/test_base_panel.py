"""What is said of a base model and of a layer before anything is trained, without a browser."""

from contextlib import nullcontext
from pathlib import Path
from threading import Event as Flag
from typing import Any
from unittest.mock import MagicMock, Mock

import gradio as gr
import pytest

from reft_studio.base_ref import NOT_LENT, BaseRef, choose_base
from reft_studio.engine.interface import EngineStatus, JobState, JobUpdate, Readiness
from reft_studio.errors import BaseModelError, BotError
from reft_studio.fit import Fit, Weight
from reft_studio.manifest import MANIFEST_FILE, read_manifest, write_manifest
from reft_studio.model_choices import MODEL_CHOICES
from reft_studio.quantization import Quantization
from reft_studio.recipe import Method, default_layer
from reft_studio.settings import Settings
from reft_studio.store import SavedBot
from reft_studio.ui import base_panel, wording
from reft_studio.ui import studio as studio_module
from reft_studio.ui.base_panel import BasePanel, fit_verdict
from reft_studio.ui.depth_panel import depth_of, layer_at, layers_in
from reft_studio.ui.progress import progress
from reft_studio.ui.studio import Studio
from tests.ui.running import REPOSITORY

GB = 1_000_000_000


def weight(*needed: int, free: int, to_fetch: int = 0) -> Weight:
    """Of a model that needs so many bytes, in its best precision first."""
    fits = tuple(Fit(weights=bytes_, working=0, overhead=0, free=free) for bytes_ in needed)
    return Weight(30, 576, fits, to_fetch)


@pytest.mark.parametrize(
    ("weighed", "room", "said", "fine"),
    [
        (weight(2 * GB, free=3 * GB), 3 * GB, "It fits: it needs about 2.0 GB of memory, and 3.0 GB", True),
        (weight(2 * GB, free=GB), 3 * GB, "It fits in place of the model that is loaded now", True),
        (weight(4 * GB, 2 * GB, free=3 * GB), 3 * GB, "only in half precision", True),
        (weight(8 * GB, 4 * GB, free=GB), 3 * GB, "too big for this computer: it needs 4.0 GB", False),
        (weight(free=GB), 3 * GB, "cannot be learned before it is downloaded", True),
        (weight(GB, free=2 * GB, to_fetch=GB), 2 * GB, "About 1.0 GB are downloaded first, once.", True),
    ],
)
def test_whether_a_model_fits_is_said_in_words(weighed: Weight, room: int, said: str, fine: bool) -> None:
    verdict, is_fine = fit_verdict(weighed, room)
    assert said in verdict
    assert is_fine == fine


@pytest.mark.parametrize(("room", "marked"), [(GB, 8), (100 * GB, 0)])
def test_the_list_says_of_each_model_that_is_too_big_that_it_is(
    room: int, marked: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(base_panel, "_can_quantize", lambda: False)
    engines = Mock(default=BaseRef(), status=Mock(return_value=EngineStatus(Readiness.READY, held=GB)))
    engines.weigh = Mock(return_value=(weight(GB, free=room), room))
    with gr.Blocks():
        panel = BasePanel(Studio(Settings(), Mock(), engines, Mock(), Mock(), tmp_path))
    again = panel.list_again("ann")
    labels = [label for label, _ in again.choices] if marked else []
    assert len([label for label in labels if label.endswith(wording.TOO_BIG_HERE)]) == marked
    # Before any model is there nothing is known, and nobody waits for it.
    engines.status.return_value = EngineStatus(Readiness.LOADING)
    assert panel.list_again("ann") == gr.skip()


def test_what_does_not_fit_says_nothing_of_a_download() -> None:
    assert "downloaded" not in fit_verdict(weight(9 * GB, free=GB, to_fetch=GB), GB)[0]


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 6, 7, 16, 30, 36, 80])
def test_each_layer_has_a_place_on_the_slider_that_means_it(layers: int) -> None:
    assert [layer_at(depth_of(layer, layers), layers) for layer in range(layers)] == [*range(layers)]
    assert {layer_at(percent, layers) for percent in range(101)} == {*range(layers)}


@pytest.mark.parametrize("layers", sorted({choice.shape.layers for choice in MODEL_CHOICES}))
def test_the_usual_depth_is_the_recommended_layer_of_every_model_of_the_list(layers: int) -> None:
    assert depth_of(default_layer(layers), layers) == 25
    assert "about a quarter of the way up, as recommended" in wording.depth(
        default_layer(layers), layers, default_layer(layers)
    )


@pytest.mark.parametrize(
    ("typed", "layers"),
    [(None, []), ("", []), ("3", [3]), ("1, 3", [1, 3]), ("all", []), ("2, ²", [2]), ("9" * 5000, [])],
)
def test_whatever_stands_in_the_layer_field_its_layers_are_shown_and_nothing_crashes(
    typed: str | None, layers: list[int]
) -> None:
    assert layers_in(typed) == layers


def test_every_method_has_words() -> None:
    assert set(wording.METHODS) == {method.value for method in Method}


def test_in_a_shared_app_nobody_learns_which_folders_there_are(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    shared = Settings(shared=True, allowed_base_models="me/one")
    assert choose_base(" me/one ", None, shared) == BaseRef("me/one")
    refusals = set()
    for name in (str(tmp_path / "there"), str(tmp_path / "not-there"), "me/two"):
        with pytest.raises(BaseModelError) as refused:
            choose_base(name, None, shared)
        refusals.add(str(refused.value))
    assert len(refusals) == 1
    with pytest.raises(BaseModelError):
        choose_base("me/one", Quantization.NF4, shared)
    # On one's own computer any is fine.
    assert choose_base(str(tmp_path / "there"), None, Settings()).name == str(tmp_path / "there")


def test_in_a_shared_app_a_bot_brings_no_revision_of_an_offered_model(tmp_path: Path) -> None:
    """Anybody can propose one on the Hub."""
    manifest = read_manifest(REPOSITORY / "spaces" / "emoji" / MANIFEST_FILE)
    base = manifest.base.model_copy(update={"id": "me/model", "revision": "refs/pr/1"})
    folder = tmp_path / "bot"
    folder.mkdir()
    write_manifest(manifest.model_copy(update={"base": base}), folder)
    means = []
    for settings in (Settings(shared=True, allowed_base_models="me/model"), Settings()):
        engines = Mock(default=BaseRef(), bases=[])
        means.append(Studio(settings, Mock(), engines, Mock(), Mock(), tmp_path).unloaded_base(folder))
    assert means == [BaseRef("me/model"), BaseRef("me/model@refs/pr/1")]
    with pytest.raises(BaseModelError):
        choose_base("me/model@refs/pr/1", None, Settings(shared=True, allowed_base_models="me/model"))


def test_a_training_that_waits_for_its_model_shows_how_far_that_is() -> None:
    waiting = JobUpdate("one", JobState.QUEUED)
    assert "1.0 GB of about 2.0 GB" in progress(waiting, None, "Downloaded: 1.0 GB of about 2.0 GB.")
    assert wording.QUEUED in progress(waiting)
    # Whoever is not next waits for others first.
    assert wording.waiting(2) in progress(waiting, 2, "Downloaded: 1.0 GB of about 2.0 GB.")


@pytest.mark.parametrize("fails", [False, True])
def test_while_a_bot_is_opened_it_is_told_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool
) -> None:
    monkeypatch.setattr(studio_module, "SECONDS_BETWEEN_LOOKS", 0.01)
    loaded, bot = Flag(), SavedBot("one", "A bot", tmp_path)
    messages = iter(["", "Half of it is there."])

    def status(_base: BaseRef) -> EngineStatus:
        message = next(messages, None)
        if message is None:
            loaded.set()
        return EngineStatus(Readiness.LOADING, message=message or "")

    def open_bot(*_: Any) -> SavedBot:
        assert loaded.wait(10)
        if fails:
            raise BotError("It is damaged.")
        return bot

    monkeypatch.setattr(Studio, "open_bot", open_bot)
    engines = Mock(default=BaseRef(), bases=[], status=status)
    studio = Studio(Settings(), Mock(), engines, Mock(), Mock(), tmp_path)
    told: list[str | SavedBot] = []
    with pytest.raises(BotError, match="damaged") if fails else nullcontext():
        told.extend(studio.opening("ann", REPOSITORY / "spaces" / "emoji"))
    assert told[:2] == [wording.OPENING_BOT, "Half of it is there."]
    assert fails or told[-1] == bot


def test_opening_a_bot_stops_while_its_model_is_on_its_way_and_nobody_else_waits_for_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(studio_module, "SECONDS_BETWEEN_LOOKS", 0.01)
    base, given_up = BaseRef("me/big"), []
    loading = EngineStatus(Readiness.LOADING)
    engine = Mock(status=lambda: loading)
    engines = MagicMock(default=BaseRef(), bases=[base], status=lambda _: loading, give_up=given_up.append)
    engines.use.return_value.__enter__.return_value = engine
    studio = Studio(Settings(), Mock(), engines, Mock(), Mock(), tmp_path)
    monkeypatch.setattr(Studio, "_base_of", lambda *_: base)
    told: list[str | SavedBot] = []
    for event in studio.opening("ann", tmp_path, None, lambda: bool(told)):
        told.append(event)
    assert {*told} == {wording.OPENING_BOT}
    assert given_up == [base]
    engine.open_bot.assert_not_called()


def test_where_a_card_is_lent_there_is_one_model_for_everybody() -> None:
    lent = Settings(lent_card=True)
    assert choose_base(BaseRef.default(lent).name, None, lent) == BaseRef.default(lent)
    with pytest.raises(BaseModelError) as refused:
        choose_base("me/one", None, lent)
    assert str(refused.value) == NOT_LENT
