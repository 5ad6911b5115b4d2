"""A bot is scored on the page, three answer side by side, and what was wrong is corrected in a few clicks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from reft_studio import Bot, compare_replies
from reft_studio.base_model import BaseModel
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import JobState
from reft_studio.rules import only_emoji
from reft_studio.store import LOCAL, Store
from tests.drafts import draft_of
from tests.ui.running import (
    choose_starter,
    open_page,
    open_tab,
    say,
    set_epochs,
    teach,
    train,
    unfold,
    wait_until,
    with_emoji_bot,
)

pytestmark = pytest.mark.timeout(900)
QUESTION = "What is the biggest country in the world?"
RIGHT = "🇷🇺🌍👑"


@pytest.fixture(scope="module")
def score_seconds() -> str:
    """Enough for a whole score."""
    return "300"


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """With an emoji bot and its score."""
    page = with_emoji_bot(browser, address)
    page.locator("#progress .progress.done").wait_for()
    yield page
    page.close()


def test_the_score_is_said_in_a_sentence_and_shown_for_three_sides(page: Page, data_folder: Path) -> None:
    store = Store(data_folder)
    (bot,) = store.bots(LOCAL)
    report = store.report(LOCAL, bot.id)
    assert report
    unseen = [asked for asked in report.asked if asked.suite == "unseen"]
    right = sum(asked.replies["bot"].right for asked in unseen)  # type: ignore[index]  # its keys are strings
    assert right == sum(only_emoji(asked.replies["bot"].text) for asked in unseen)  # type: ignore[index]
    expect(page.locator(".verdict")).to_contain_text(f"Only emoji: {right} of 60 messages it had never seen.")
    # What its card promises, give or take what other processors round otherwise.
    card = page.locator("#starter-emoji").text_content() or ""
    promised = int(card.split(" of 60 right")[0].split()[-1])
    assert abs(right - promised) <= 3
    expect(page.locator(".suites figure")).to_have_count(4)
    assert page.locator(".suites figure").first.locator("dt").all_inner_texts() == [
        "Plain model",
        "Plain model, instructed",
        "Your bot",
    ]


def test_a_rule_that_is_none_is_refused_and_a_good_one_is_kept(page: Page, data_folder: Path) -> None:
    unfold(page, "scoring")
    box = page.locator("#rules input")
    for typed in ("be nice", "at most 5 words"):
        box.fill(typed)
        box.press("Enter")
        if typed == "be nice":
            page.get_by_role("alert").get_by_text('"be nice" is no rule').first.wait_for()
            # What is refused does not stay there as if it counted.
            expect(page.locator("#rules .token")).to_have_count(1)
    # As people do it: letter by letter, while the last is still being kept.
    page.locator("#instruction textarea").press("Control+A")
    page.locator("#instruction textarea").press_sequentially("Only emoji, please.", delay=15)
    store = Store(data_folder)
    wait_until(lambda: draft_of(store).instruction == "Only emoji, please.")
    assert draft_of(store).rules == ("only emoji", "at most 5 words")


def test_all_three_answer_and_an_answer_can_be_corrected(
    page: Page, data_folder: Path, base: BaseModel
) -> None:
    open_tab(page, "Chat")
    before = say(page, QUESTION)
    assert page.locator(".turn .side h3").all_inner_texts() == [
        "Plain model",
        "Plain model, instructed",
        "Emoji bot",
    ]
    page.locator("#fix-open").click()
    expect(page.locator("#fix-right textarea")).to_have_value(before)
    teach(page, before)
    page.get_by_role("alert").get_by_text("still the same").first.wait_for()
    page.locator("#fix-right textarea").fill(RIGHT)
    page.locator("#teach").click()
    page.locator("#fixed .sides").wait_for()
    expect(page.locator("#fix")).to_be_hidden()

    store = Store(data_folder)
    newest = store.bots(LOCAL)[0]
    # What is shown is what the new bot says, on any computer.
    now = compare_replies(base, Bot.load(newest.folder), QUESTION).bot
    assert page.locator("#fixed .reply").all_inner_texts() == [before, now]
    assert only_emoji(now)
    assert (store.trained_on(LOCAL, newest.id)[-1].prompt, len(store.bots(LOCAL))) == (QUESTION, 2)
    assert draft_of(store).demonstrations == store.trained_on(LOCAL, newest.id)
    expect(page.locator("#bot input")).to_have_value("Emoji bot (2)")
    open_tab(page, "Examples")
    page.locator("#count").get_by_text("11 examples").wait_for()


def test_a_correction_leaves_a_table_about_something_else_as_it_is(page: Page, data_folder: Path) -> None:
    store = Store(data_folder)
    choose_starter(page, "pirate")
    draft, corrected = draft_of(store), store.bots(LOCAL)[0]
    open_tab(page, "Chat")
    say(page, QUESTION)
    page.locator("#fix-open").click()
    # The bot from the last correction may still be scored; that is not waited for.
    teach(page, "🚂 🧭")
    page.locator("#fixed").get_by_text("your table is about something else").wait_for()
    assert draft_of(store) == draft
    assert store.trained_on(LOCAL, store.bots(LOCAL)[0].id) == (
        *store.trained_on(LOCAL, corrected.id)[:-1],
        Demonstration(QUESTION, "🚂 🧭"),
    )


def test_a_conversation_is_found_again_changed_asked_again_saved_and_forgotten(
    page: Page, browser: Browser, address: str, data_folder: Path, tmp_path: Path
) -> None:
    store = Store(data_folder)
    bot = store.bots(LOCAL)[0]
    open_tab(page, "Chat")
    for asked in ("Tell me about cats.", "And dogs?"):
        say(page, asked)
    said = page.locator(".turn .reply").all_inner_texts()
    page.locator("#ask-again").click()
    wait_until(lambda: page.locator(".turn .reply").all_inner_texts() == said)

    again = open_page(browser, address)
    open_tab(again, "Chat")
    expect(again.locator(".turn")).to_have_count(2)
    assert again.locator(".turn .reply").all_inner_texts() == said
    again.close()

    with page.expect_download() as download:
        page.locator("#save-talk-jsonl").click()
    download.value.save_as(tmp_path / "talk.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text("utf-8").splitlines()]
    assert [reply for line in lines for side, reply in line.items() if side != "prompt"] == said
    page.locator("#take-back").click()
    expect(page.locator("#message textarea")).to_have_value("And dogs?")
    expect(page.locator("#changing-said")).to_contain_text("You are changing your last message.")
    page.locator("#change-not").click()
    expect(page.locator("#message textarea")).to_have_value("")
    expect(page.locator("#changing")).to_be_hidden()

    page.locator(".turn").first.get_by_role("button", name="Change this message").click()
    expect(page.locator("#message textarea")).to_have_value("Tell me about cats.")
    expect(page.locator("#changing-said")).to_contain_text("the message after it is dropped")
    expect(page.locator(".turn")).to_have_count(2)
    assert len(store.conversations.turns(LOCAL, bot.id)) == 2
    page.locator("#message textarea").fill("Tell me about birds.")
    page.locator("#send").click()
    wait_until(
        lambda: [turn.prompt for turn in store.conversations.turns(LOCAL, bot.id)] == ["Tell me about birds."]
    )
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator("#changing")).to_be_hidden()
    page.locator("#clear").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#ask-again")).to_be_hidden()
    assert store.conversations.turns(LOCAL, bot.id) == ()


def test_a_conversation_that_is_cleared_in_the_middle_of_an_answer_does_not_come_back(
    page: Page, data_folder: Path
) -> None:
    store = Store(data_folder)
    open_tab(page, "Chat")
    page.locator("#message textarea").fill("Tell me a long story, please.")
    page.locator("#send").click()
    page.locator(".turn[aria-busy]").wait_for()
    page.locator("#clear").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.wait_for_timeout(2_000)
    expect(page.locator(".turn")).to_have_count(0)
    assert store.conversations.turns(LOCAL, store.bots(LOCAL)[0].id) == ()
    expect(page.locator("#send")).to_be_visible()


def test_any_answer_of_a_conversation_can_be_corrected(page: Page) -> None:
    open_tab(page, "Chat")
    first = say(page, "Tell me about cats.")
    say(page, "And dogs?")
    button = page.locator(".turn").first.get_by_role("button", name="Not good?")
    for press in (button.click, lambda: button.press("Enter")):
        press()
        expect(page.locator("#fix-said")).to_contain_text("You asked: Tell me about cats.")
        expect(page.locator("#fix-right textarea")).to_have_value(first)
        expect(page.locator("#fix-right textarea")).to_be_focused()
        page.locator("#fix-close").click()
        expect(page.locator("#fix")).to_be_hidden()
    page.locator("#clear").click()
    expect(page.locator(".turn")).to_have_count(0)


def test_two_bots_answer_as_one_and_one_can_be_turned_round(
    page: Page, data_folder: Path, base: BaseModel
) -> None:
    store = Store(data_folder)
    newest, *_, oldest = store.bots(LOCAL)
    open_tab(page, "Chat")
    unfold(page, "answering")
    # Where nothing was said, nothing is asked again.
    page.locator("#strength input[type=number]").fill("0.9")
    page.locator("#strength input[type=number]").press("Tab")
    page.wait_for_timeout(500)
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator("#talk-log")).to_contain_text("Write a message")
    page.locator("#strength input[type=number]").fill("1")
    page.locator("#strength input[type=number]").press("Tab")
    say(page, QUESTION)
    expect(page.locator(".turn .how")).to_have_count(0)
    page.locator("#mix input").click()
    page.get_by_role("option", name="Emoji bot", exact=True).click()

    def asked_again(how: str) -> str:
        wait_until(lambda: store.conversations.turns(LOCAL, newest.id)[-1].how == how)
        expect(page.locator(".turn .how")).to_have_text(how)
        return store.conversations.turns(LOCAL, newest.id)[-1].bot

    asked_again("× 1 + Emoji bot × 0.5")
    for strength, mixed in (("0", "1"), ("1", "-1")):
        for slider, value in (("strength", strength), ("mix-strength", mixed)):
            page.locator(f"#{slider} input[type=number]").fill(value)
            page.locator(f"#{slider} input[type=number]").press("Tab")
        page.locator("#ask-again").click()
        asked_again(f"× {strength} + Emoji bot × {mixed}")
    expect(page.locator("#send")).to_have_text("Send")
    page.locator("#answering button").first.click()
    # The last one again, computed without the page.
    messages = [{"role": "user", "content": QUESTION}]
    request = ChatRequest(messages, Bot.load(newest.folder), beside=[(Bot.load(oldest.folder), -1.0)])
    both = final_replies(base, [ChatRequest(messages), request], Sampling())

    def kept() -> list[str]:
        last = store.conversations.turns(LOCAL, newest.id)[-1]
        return [last.base, last.bot]

    # It was asked for in two ways at once, and the one may have ended the other.
    wait_until(lambda: kept() == both)


def test_without_instructions_two_answer(page: Page) -> None:
    open_tab(page, "Chat")
    unfold(page, "answering")
    page.locator("#chat-instruction textarea").fill("")
    say(page, "Tell me about cats.")
    assert page.locator(".turn").last.locator(".side").count() == 2


def test_earlier_trainings_stand_side_by_side_and_are_taken_up_again(page: Page, data_folder: Path) -> None:
    store = Store(data_folder)
    *later, first = store.runs(LOCAL)
    open_tab(page, "Train")
    page.locator("#history button").first.click()
    expect(page.locator("#runs tbody tr")).to_have_count(len(later) + 1)
    assert "a correction" in page.locator("#runs tbody tr").first.inner_text()
    (unseen, *_) = first.score.counts if first.score else ()
    last_row = page.locator("#runs tbody tr").last.inner_text()
    assert f"{unseen.bot} of 60" in last_row
    assert "as recommended" in last_row
    page.locator("#run input").click()
    page.get_by_role("option", name="1 · Emoji bot").click()
    project, draft = store.projects.opened_last(LOCAL), draft_of(store)
    page.locator("#take-up").click()
    wait_until(lambda: store.projects.opened_last(LOCAL) != project)
    assert draft_of(store).demonstrations == first.demonstrations
    assert store.projects.draft(LOCAL, project) == draft
    expect(page.locator("#bot-name :is(input, textarea)")).to_have_value("Emoji bot")
    expect(page.locator("#ready")).to_contain_text("10 examples are ready")


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_no_tab_puts_a_barrier_in_anyones_way(page: Page, colors: str) -> None:
    """By axe-core's rules for WCAG 2, levels A and AA."""
    page.evaluate("colors => document.body.classList.toggle('dark', colors === 'dark')", colors)
    for tab in ("Examples", "Train", "Chat", "Share"):
        open_tab(page, tab)
        # What is still fading in has too little contrast for a moment.
        for _ in range(5):
            page.wait_for_timeout(500)
            found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response
            if not found["violations"]:
                break
        assert len(found["passes"]) > 10
        assert [(tab, wrong["id"], wrong["nodes"][0]["html"]) for wrong in found["violations"]] == []


def test_a_mistake_of_the_score_is_one_click_away_from_its_correction(page: Page) -> None:
    """Of a bot that has hardly learned anything: the others make none."""
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    set_epochs(page, 1)
    train(page)
    asked = page.locator("#mistakes label").first.inner_text()
    page.locator("#mistakes label").first.click()
    page.locator("#fix").wait_for()
    expect(page.locator("#fix-said")).to_contain_text(f"You asked: {asked}")
    page.locator("#fix-close").click()
    expect(page.locator("#fix")).to_be_hidden()


def test_a_message_sent_while_the_page_turns_to_a_new_bot_is_answered_by_the_bot_it_then_shows(
    page: Page,
) -> None:
    open_tab(page, "Train")
    train(page)
    page.evaluate(
        """async () => {
            const found = selector => document.querySelector(selector);
            [...document.querySelectorAll("[role=tab]")].find(tab => /Chat/.test(tab.textContent)).click();
            while (!found("#message textarea")?.offsetParent) await new Promise(requestAnimationFrame);
            found("#message textarea").value = "Are you the new one?";
            found("#message textarea").dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise(requestAnimationFrame);
            found("#send").click();
        }"""
    )
    asked = page.locator(".turn:not([aria-busy])", has_text="Are you the new one?")
    asked.get_by_role("button", name="Not good?").click()
    expect(page.locator("#fix-said")).to_contain_text("You asked: Are you the new one?")


def test_a_bot_can_be_talked_to_while_another_one_is_being_trained(page: Page, data_folder: Path) -> None:
    """The last one here: what it trains is stopped in the middle."""
    store = Store(data_folder)
    wait_until(lambda: (job := store.latest_job(LOCAL)) is None or job.state.ended)
    open_tab(page, "Train")
    set_epochs(page, 2_000)
    page.locator("#train").click()
    page.locator("#progress .progress.running").wait_for()
    open_tab(page, "Chat")
    assert say(page, "Can you hear me in there?")
    job = store.latest_job(LOCAL)
    assert job
    assert job.state is JobState.RUNNING
    wait_until(lambda: (now := store.latest_job(LOCAL)) is not None and now.step > job.step)
    open_tab(page, "Train")
    page.locator("#cancel").click()
    page.locator("#progress .progress.cancelled").wait_for()
