"""A bot is heard as it was on its way, another moment is kept, a training ended early: by a few clicks."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from reft_studio import Bot, compare_replies
from reft_studio.base_model import BaseModel
from reft_studio.moments import best
from reft_studio.store import LOCAL, Store
from tests.ui.running import (
    MILLISECONDS,
    open_page,
    open_tab,
    say,
    set_epochs,
    skip_score,
    table_is_there,
    unfold,
    with_emoji_bot,
)

pytestmark = pytest.mark.timeout(900)
QUESTION = "Where do sheep live?"


@pytest.fixture(scope="module")
def score_seconds() -> str:
    """Enough for a score to be skipped."""
    return "300"


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """With an emoji bot that is not being scored any more."""
    page = with_emoji_bot(browser, address)
    skip_score(page)
    yield page
    page.close()


def move(page: Page, slider: str, key: str) -> None:
    page.locator(f"#{slider} input[type=range]").focus()
    page.keyboard.press(key)


def top(page: Page, part: str) -> float:
    """How far down the page a part of it begins."""
    found = page.evaluate(f"document.getElementById('{part}').getBoundingClientRect().top + scrollY")
    return float(found)


def test_the_best_moment_is_kept_and_shown(page: Page, data_folder: Path) -> None:
    job = Store(data_folder).latest_job(LOCAL)
    assert job
    kept = best(job.moments)
    assert job.kept == kept.epoch
    said = page.locator("#moment-said")
    expect(said).to_contain_text(f"After {kept.epoch} of 80 rounds")
    expect(said).to_contain_text(f"{kept.right} of 12 messages it had never seen were answered right.")
    expect(said).to_contain_text("This is your bot.")
    expect(page.locator("#moment-heard")).to_contain_text(kept.samples[0].bot)
    expect(page.locator("#keep-moment")).to_be_disabled()
    expect(page.locator("#moment-bars li")).to_have_count(len(job.moments))


def test_one_question_is_answered_by_the_bot_of_every_moment(
    page: Page, data_folder: Path, base: BaseModel
) -> None:
    store = Store(data_folder)
    job = store.latest_job(LOCAL)
    assert job
    folders = store.moment_folders(LOCAL, job.job_id)
    page.locator("#ask-moments textarea").fill(QUESTION)
    page.locator("#ask-moments textarea").press("Enter")
    asked = page.locator("#moment-heard .asked")
    asked.get_by_text(QUESTION).wait_for()
    for key, moment in (("Home", job.moments[0]), ("End", job.moments[-1])):
        move(page, "moment", key)
        expect(page.locator("#moment-said")).to_contain_text(f"After {moment.epoch} of 80 rounds")
        reply = compare_replies(base, Bot.load(folders[moment.epoch]), QUESTION).bot
        expect(asked.locator("dd p")).to_have_text(reply, timeout=MILLISECONDS)


def test_the_bot_of_any_moment_can_be_talked_to_and_it_is_said_which_one_it_was(
    page: Page, data_folder: Path
) -> None:
    open_tab(page, "Chat")
    unfold(page, "answering")
    page.locator("#chat-moments .moment").wait_for()
    say(page, QUESTION)
    expect(page.locator(".turn .how")).to_have_count(0)
    move(page, "chat-moment", "Home")
    expect(page.locator("#chat-moment-said")).to_contain_text("After 5 of 80 rounds")
    # As with the strength, the last message is asked again when the slider is let go.
    said = say(page, "What is the sea?")
    expect(page.locator(".turn").last.locator(".how")).to_have_text("after 5 of 80 rounds")
    turn = Store(data_folder).conversations.turns(LOCAL, Store(data_folder).bots(LOCAL)[0].id)[-1]
    assert turn.how == "after 5 of 80 rounds"
    # So early it may have said nothing, and the page says that it has not.
    assert said == turn.bot or (not turn.bot and said.startswith("It said nothing"))


def test_another_moment_is_kept_and_then_is_the_bot(page: Page, data_folder: Path) -> None:
    store = Store(data_folder)
    open_tab(page, "Chat")
    unfold(page, "answering")
    move(page, "chat-moment", "Home")
    expect(page.locator("#chat-moment-said")).to_contain_text("After 5 of 80 rounds")
    page.locator("#keep-chat-moment").click()
    expect(page.locator("#chat-moment-said")).to_contain_text("This is your bot.")
    (bot,) = store.bots(LOCAL)
    kept = Bot.load(bot.folder)
    assert kept.manifest.stopped_after == 5
    assert kept.manifest.probes
    open_tab(page, "Train")
    expect(page.locator("#moment-said")).to_contain_text("This is your bot.")
    # Its score was that of another bot; it is given its own, but not here.
    page.locator("#progress .progress.scoring").wait_for()
    skip_score(page)
    assert len(store.runs(LOCAL)) == 1


def test_a_score_that_was_skipped_can_be_had_after_all(page: Page, data_folder: Path) -> None:
    open_tab(page, "Train")
    expect(page.locator("#verdict").get_by_text("This bot has no score yet.")).to_be_visible()
    page.locator("#score-now").click()
    page.locator("#verdict .score").wait_for()
    expect(page.locator("#score-now")).to_be_hidden()
    (bot,) = Store(data_folder).bots(LOCAL)
    manifest = Bot.load(bot.folder).manifest
    assert manifest.score and manifest.stopped_after == 5


def test_a_training_is_ended_early_and_keeps_what_it_has_learned(page: Page, data_folder: Path) -> None:
    open_tab(page, "Train")
    set_epochs(page, 10_000)
    place = top(page, "progress")
    page.locator("#train").click()
    page.locator("#finish").click()
    page.locator("#progress .progress:is(.scoring, .done)").wait_for()
    # The buttons come and go beside each other: nothing below them moves.
    assert top(page, "progress") == place
    expect(page.locator("#progress")).to_contain_text("You ended this training after")
    expect(page.locator("#finish")).to_be_hidden()
    skip_score(page)
    newest = Store(data_folder).bots(LOCAL)[0]
    # Without loading the page anew.
    page.locator("#history button").first.click()
    expect(page.locator("#runs tbody tr")).to_have_count(2)
    stopped = Bot.load(newest.folder).manifest.stopped_after
    assert stopped
    assert stopped < 10_000
    page.locator("#talk").click()
    assert say(page, QUESTION)


def test_a_long_training_stops_by_itself_when_it_gets_no_better(page: Page, data_folder: Path) -> None:
    open_tab(page, "Train")
    set_epochs(page, 1_000)
    page.locator("#stop-early input").set_checked(True)
    page.locator("#train").click()
    expect(page.locator("#progress")).to_contain_text("It stopped by itself after", timeout=MILLISECONDS)
    skip_score(page)
    job = Store(data_folder).latest_job(LOCAL)
    assert job
    assert job.step < 1_000
    assert job.kept == best(job.moments).epoch


def test_two_trainings_stand_side_by_side_with_what_differs(page: Page, data_folder: Path) -> None:
    page.reload(wait_until="domcontentloaded")
    table_is_there(page)
    open_tab(page, "Train")
    page.locator("#history button").first.click()
    page.locator("#other-run input").click()
    page.get_by_role("option", name="1 · Emoji bot").click()
    compared = page.locator("#runs-compared")
    compared.locator("table").wait_for()
    rounds = compared.get_by_role("row", name=re.compile("^Rounds"))
    assert rounds.locator("mark").all_inner_texts() == ["1000", "80"]
    newest, *_, first = Store(data_folder).runs(LOCAL)
    assert [run.recipe_changes["epochs"] for run in (newest, first)] == [1000, 80]
    expect(compared.get_by_role("row", name="Rank").locator("mark")).to_have_count(0)
    expect(compared.locator(".samples dt").first).to_be_visible()
    found = Axe().run(page, context="#runs-compared").response["violations"]
    assert [(wrong["id"], wrong["nodes"][0]["html"]) for wrong in found] == []


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_the_moments_fit_on_a_phone(browser: Browser, address: str, colors: str) -> None:
    phone = open_page(browser, address, viewport={"width": 390, "height": 844}, color_scheme=colors)
    for tab, panel in (("Train", "#moments"), ("Chat", "#chat-moments")):
        open_tab(phone, tab)
        if tab == "Chat":
            unfold(phone, "answering")
        phone.locator(f"{panel} .moment").wait_for()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.close()
