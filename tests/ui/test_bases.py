"""The base model is chosen on the page; each bot answers with its own; what cannot be loaded says why."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from transformers import BertConfig, BertModel

from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.store import LOCAL, Store
from tests.architectures import tiny_model
from tests.ui.running import (
    MILLISECONDS,
    REPOSITORY,
    advanced_box,
    choose_starter,
    open_page,
    open_tab,
    running_app,
    say,
    set_epochs,
    table_is_there,
    train,
    wait_until,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of random weights."""
    folder, model = tmp_path_factory.mktemp("models") / "tiny", tiny_model("Llama")
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def address(data_folder: Path, tiny: Path) -> Iterator[str]:
    """An app that starts with that model, so the embedded one is the other one here. Scores are cut short."""
    with running_app(data_folder, base_model=str(tiny), max_score_seconds="0.1") as address:
        yield address


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = open_page(browser, address, viewport={"width": 1280, "height": 900})
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    set_epochs(page, 1)
    yield page
    page.close()


def choose(page: Page, name: str) -> None:
    """Type a model's name, as people do who know one."""
    box = advanced_box(page, "base-model")
    box.fill(name)
    box.press("Enter")
    box.press("Tab")


def open_file(page: Page, path: str) -> None:
    """By the button, since a file that is chosen once more without it is no news to the page."""
    with page.expect_file_chooser() as chooser:
        page.locator("#open-bot").click()
    chooser.value.set_files(path)


def test_a_bot_of_another_base_model_is_opened_with_it_when_that_is_wanted(
    page: Page, data_folder: Path, tmp_path: Path
) -> None:
    """Before the tests that load that model."""
    packed = shutil.make_archive(str(tmp_path / "theirs"), "zip", REPOSITORY / "spaces" / "emoji")
    open_tab(page, "Share")
    page.locator("#fetch-files input").set_input_files(packed)
    asked = "built on the practice model, which is not loaded. It fits"
    page.locator("#fetched").get_by_text(asked).get_by_text("press the button again").wait_for()
    open_tab(page, "Chat")
    offer = page.locator("#open-offer")
    open_file(page, packed)
    offer.get_by_text("It fits").wait_for()
    page.locator("#leave-it").click()
    expect(offer).to_be_hidden()
    assert Store(data_folder).bots(LOCAL) == []
    open_file(page, packed)
    page.locator("#load-and-open").click()
    expect(page.locator("#bot input")).to_have_value("Emoji bot", timeout=MILLISECONDS)
    expect(offer).to_be_hidden()
    assert say(page, "Who are you?")


def test_each_bot_is_trained_and_answers_on_its_own_base_model(page: Page, data_folder: Path) -> None:
    open_tab(page, "Train")
    train(page)
    page.locator("#progress .progress.done").wait_for()
    advanced_box(page, "base-model").click()
    page.get_by_role("option", name="practice model").click()
    page.locator("#base-fit").get_by_text("loaded and ready").wait_for()
    page.locator("#depth-said").get_by_text("Layer 1 of 0 to 5").wait_for()
    train(page)
    on_embedded, on_tiny, _ = (
        (bot.base.id, read_manifest(bot.folder / MANIFEST_FILE).base.num_layers)
        for bot in Store(data_folder).bots(LOCAL)
    )
    assert (on_embedded, on_tiny) == (("embedded", 6), ("tiny", 4))
    open_tab(page, "Chat")
    assert say(page, "How are you?")
    # The plain model beside it is the one that knows words.
    plain = page.locator(".turn").last.locator(".side.base .reply").text_content() or ""
    assert plain.isascii()
    assert len(plain.split()) > 1
    page.locator("#bot input").click()
    page.get_by_role("option").nth(1).click()
    page.locator(".talk.empty").wait_for()
    assert say(page, "Hello there")
    open_tab(page, "Train")
    page.locator("#history button").first.click()
    page.locator("#runs").get_by_text("on embedded").first.wait_for()


def test_the_depth_is_a_slider_with_words_and_sets_the_layer(page: Page) -> None:
    choose(page, "default")
    page.locator("#depth-said").get_by_text("Layer 1 of 0 to 3").wait_for()
    layer, slider = advanced_box(page, "layer"), page.locator("#depth input[type=range]")
    slider.focus()
    slider.press("End")
    expect(layer).to_have_value("3")
    page.locator("#depth-said").get_by_text("at the end").wait_for()
    slider.press("Home")
    expect(layer).to_have_value("0")
    layer.fill("1, 9")
    page.locator("#depth-said").get_by_text("There is no layer 9").wait_for()
    page.locator("#reset-settings").focus()
    page.keyboard.press("Enter")
    expect(layer).to_have_value("")
    expect(slider).to_have_value("25")
    set_epochs(page, 1)


def test_what_was_chosen_is_there_again_when_the_page_is(page: Page, data_folder: Path) -> None:
    choose(page, "embedded")
    page.locator("#base-fit").get_by_text("loaded and ready").wait_for()
    page.locator("#method input").click()
    page.get_by_role("option", name="NoDiReFT").click()
    layer, slider = advanced_box(page, "layer"), page.locator("#depth input[type=range]")
    slider.focus()
    slider.press("End")
    expect(layer).to_have_value("5")
    store = Store(data_folder)
    chosen = {"base": "embedded", "method": "nodireft", "layer": "5", "epochs": 1, "stop_early": False}
    wait_until(lambda: store.settings(LOCAL) == chosen)
    come_back(page)
    # Advanced is open, since not all is as usual.
    page.locator("#base-fit").get_by_text("loaded and ready").wait_for()
    expect(layer).to_have_value("5")
    expect(slider).to_have_value("100")
    expect(advanced_box(page, "epochs")).to_have_value("1")
    expect(page.locator("#method input")).to_have_value(re.compile("NoDiReFT"))
    expect(page.locator("#base-model input")).to_have_value(re.compile("practice model"))
    expect(page.locator("#stop-early input")).not_to_be_checked()
    page.locator("#reset-settings").click()
    expect(layer).to_have_value("")
    wait_until(lambda: store.settings(LOCAL) == {})
    come_back(page)
    page.locator("#advanced").wait_for()
    expect(layer).to_be_hidden()
    expect(advanced_box(page, "epochs")).to_have_value("80")
    set_epochs(page, 1)


def come_back(page: Page) -> None:
    page.reload()
    table_is_there(page)
    open_tab(page, "Train")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("someone/model", "cannot be reached"),
        ("<img src=x onerror=alert(1)>", "owner/model"),
    ],
)
def test_a_model_that_is_not_there_says_why_and_nothing_has_changed(page: Page, name: str, said: str) -> None:
    choose(page, name)
    page.locator("#advanced").get_by_role("alert").get_by_text(said).wait_for()
    assert page.locator("#advanced img").count() == 0
    choose(page, "default")
    page.locator("#base-fit").get_by_text("loaded and ready").wait_for()
    assert page.locator("#advanced").get_by_role("alert").count() == 0


def test_a_folder_that_writes_no_text_is_refused_when_it_is_trained_too(page: Page, tmp_path: Path) -> None:
    small = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertModel(small).save_pretrained(tmp_path / "bert")
    choose(page, str(tmp_path / "bert"))
    page.locator("#advanced").get_by_role("alert").get_by_text("does not write text").wait_for()
    page.locator("#train").click()
    page.locator("#progress").get_by_role("alert").get_by_text("does not write text").wait_for()
    choose(page, "default")
    page.locator("#base-fit").get_by_text("loaded and ready").wait_for()
    train(page)


def test_settings_are_taken_along_as_code_that_everybody_can_read(page: Page, tiny: Path) -> None:
    page.locator("#as-code").click()
    expect(page.locator("#python textarea")).to_have_value(
        re.compile(re.escape(f"load_base_model({str(tiny)!r})"))
    )
    expect(page.locator("#command textarea")).to_have_value(re.compile("--epochs=1"))
    page.wait_for_timeout(500)
    found = Axe().run(page, context="#advanced", options={"runOnly": ["wcag2a", "wcag2aa"]}).response
    assert [(wrong["id"], wrong["nodes"][0]["html"]) for wrong in found["violations"]] == []
