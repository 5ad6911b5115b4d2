"""Several projects of one person: everything on the page is of the one that is chosen, in each window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.projects import Projects
from reft_studio.store import LOCAL, Store
from reft_studio.ui.score_panel import rules_of
from reft_studio.ui.starters import starters
from tests.ui.running import open_page, open_tab, unfold, wait_until
from tests.ui.slow import Held, handlers_of, wait_until_on

pytestmark = pytest.mark.timeout(900)

SIZE = {"width": 1280, "height": 900}
READY = {"emoji": "Emoji bot", "pirate": "Pirate bot"}


@pytest.fixture
def projects(data_folder: Path) -> Projects:
    """There are two, and the pirate is open."""
    projects, drafts = Store(data_folder).projects, {each.key: each.draft() for each in starters()}
    for key in READY:
        projects.add(LOCAL, drafts[key], most=100)
    for left in projects.all(LOCAL)[len(READY) :]:
        projects.delete(LOCAL, left.id)
    return projects


@pytest.fixture
def page(projects: Projects, browser: Browser, address: str) -> Iterator[Page]:
    page = open_page(browser, address, viewport=SIZE)
    is_open(page, projects.all(LOCAL)[0].name)
    yield page
    page.close()


@pytest.fixture
def other(page: Page, address: str) -> Iterator[Page]:
    """Another window, with the emoji bot; the first one has the pirate."""
    assert page.context.browser
    other = open_page(page.context.browser, address, viewport=SIZE)
    choose(other, "Emoji bot")
    yield other
    other.close()


def id_of(projects: Projects, name: str) -> str:
    (found,) = [each.id for each in projects.all(LOCAL) if each.name == name]
    return found


def opened(projects: Projects) -> Draft:
    return projects.draft(LOCAL, projects.opened_last(LOCAL))


def table(projects: Projects, name: str) -> tuple[Demonstration, ...]:
    return projects.draft(LOCAL, id_of(projects, name)).demonstrations


def is_open(page: Page, name: str, examples: str = "10 examples") -> None:
    expect(page.locator("#project input")).to_have_value(f"{name} · {examples}")


def choose(page: Page, name: str, examples: str = "10 examples") -> None:
    """Also wait for its rows: the list says at once what was chosen."""
    current = page.locator("#current-project :is(input, textarea)")
    before = current.input_value()
    page.locator("#project input").click()
    page.get_by_role("option", name=f"{name} · {examples}").click()
    expect(current).not_to_have_value(before)
    is_open(page, name, examples)


def first_reply(page: Page) -> str:
    return page.locator('#table [data-testid="cell-0-1"]').first.inner_text().strip()


def write_first_reply(page: Page, words: str) -> None:
    cell = page.locator('#table [data-testid="cell-0-1"]').first
    while cell.get_attribute("aria-selected") != "true":
        cell.click()
    page.keyboard.type(words, delay=30)
    page.keyboard.press("Enter")


def test_everything_that_depends_on_the_rows_follows_the_chosen_project(
    page: Page, projects: Projects, browser: Browser, address: str
) -> None:
    pirate, emoji = table(projects, "Pirate bot"), table(projects, "Emoji bot")
    page.locator("#new-project").click()
    page.locator("#count").get_by_text("No examples yet").wait_for()
    is_open(page, "My bot", "no examples yet")
    beeper = projects.opened_last(LOCAL)
    expect(page.locator("#undo")).to_be_disabled()
    write_first_reply(page, "Beep")
    is_open(page, "My bot", "1 example")
    expect(page.locator("#undo")).to_be_enabled()
    expect(page.locator(".coach")).to_contain_text("Row 1")
    open_tab(page, "Train")
    expect(page.locator("#bot-name :is(input, textarea)")).to_have_value("My bot")
    page.locator("#bot-name :is(input, textarea)").fill("Beeper")
    unfold(page, "scoring")
    page.locator("#instruction textarea").fill("Beep.")
    wait_until(lambda: projects.draft(LOCAL, beeper).instruction == "Beep.")
    open_tab(page, "Examples")
    is_open(page, "Beeper", "1 example")

    choose(page, "Emoji bot")
    page.locator("#count").get_by_text("10 examples").wait_for()
    expect(page.locator("#undo")).to_be_disabled()
    assert first_reply(page) == emoji[0].reply
    open_tab(page, "Train")
    page.locator("#ready").get_by_text("10 examples").wait_for()
    expect(page.locator("#instruction textarea")).to_have_value(
        projects.draft(LOCAL, id_of(projects, "Emoji bot")).instruction
    )
    expect(page.locator("#rules")).to_contain_text("only emoji")

    again = open_page(browser, address, viewport=SIZE)
    is_open(again, "Emoji bot")
    again.close()
    assert (table(projects, "Pirate bot"), table(projects, "Emoji bot")) == (pirate, emoji)
    draft = projects.draft(LOCAL, beeper)
    assert (draft.name, draft.demonstrations[0].reply, draft.rules) == ("Beeper", "Beep", None)


def test_what_is_only_shown_is_nobodys_choice_however_late_the_server_hears_of_it(
    page: Page, projects: Projects
) -> None:
    open_tab(page, "Train")
    unfold(page, "scoring")
    page.locator("#rules .token").first.wait_for()
    late = Held(page, handlers_of(page, "rules", "change"))
    open_tab(page, "Examples")
    page.locator("#new-project").click()
    late.wait()
    page.locator("#starter-emoji").click()
    page.locator("#count").get_by_text("10 examples").wait_for()
    late.let_one_go()
    open_tab(page, "Train")
    # It is kept after what was asked before.
    page.locator("#instruction textarea").fill("Beep.")
    wait_until_on(page, lambda: opened(projects).instruction == "Beep.")
    assert rules_of(opened(projects)) == ("only emoji",)
    expect(page.locator("#rules .token")).to_have_text(["only emoji"])


def test_what_is_chosen_before_a_slow_server_has_answered_stays(page: Page, projects: Projects) -> None:
    choose(page, "Emoji bot")
    open_tab(page, "Train")
    unfold(page, "scoring")
    expect(page.locator("#rules .token")).to_have_text(["only emoji"])
    open_tab(page, "Examples")
    slow = Held(page, handlers_of(page, "train", "select"), answered=True)
    open_tab(page, "Train")
    slow.wait()
    page.locator("#rules input").fill("at most 5 words")
    page.locator("#rules input").press("Enter")
    page.locator("#instruction textarea").fill("Beep.")
    rules = ["only emoji", "at most 5 words"]
    wait_until_on(
        page, lambda: (opened(projects).instruction, *rules_of(opened(projects))) == ("Beep.", *rules)
    )
    slow.let_go()
    # What it has answered is drawn by the time at which something newer is.
    page.locator("#rules input").fill("written in Greek")
    page.locator("#rules input").press("Enter")
    rules.append("written in Greek")
    wait_until_on(page, lambda: rules_of(opened(projects)) == tuple(rules))
    expect(page.locator("#rules .token")).to_have_text(rules)
    expect(page.locator("#instruction textarea")).to_have_value("Beep.")


def test_two_windows_never_write_into_each_others_project(
    page: Page, other: Page, projects: Projects
) -> None:
    pirate, emoji = table(projects, "Pirate bot"), table(projects, "Emoji bot")
    bosun = id_of(projects, "Pirate bot")
    # The other one was opened last; the first does not care.
    write_first_reply(page, "Arr")
    changed = (Demonstration(pirate[0].prompt, "Arr"), *pirate[1:])
    wait_until(lambda: table(projects, "Pirate bot") == changed)
    other.locator("#add-row").click()
    wait_until(lambda: table(projects, "Emoji bot") == (*emoji, Demonstration("", "")))
    page.locator("#undo").click()
    wait_until(lambda: table(projects, "Pirate bot") == pirate)
    other.locator("#undo").click()
    wait_until(lambda: table(projects, "Emoji bot") == emoji)
    open_tab(page, "Train")
    page.locator("#bot-name :is(input, textarea)").fill("Bo'sun")
    wait_until(lambda: projects.draft(LOCAL, bosun).name == "Bo'sun")
    unfold(page, "scoring")
    page.locator("#instruction textarea").fill("Arr.")
    wait_until(lambda: projects.draft(LOCAL, bosun).instruction == "Arr.")
    assert table(projects, "Bo'sun") == pirate
    assert projects.draft(LOCAL, id_of(projects, "Emoji bot")).instruction != "Arr."
    # What was done in the other window is in this one's list when somebody looks.
    open_tab(other, "Examples")
    choose(other, "Bo'sun")


def test_what_is_typed_while_another_project_is_on_its_way_stays_where_it_was_typed(
    page: Page, projects: Projects
) -> None:
    pirate, emoji = table(projects, "Pirate bot"), table(projects, "Emoji bot")
    page.locator("#project input").click()
    page.get_by_role("option", name="Emoji bot").wait_for()
    page.evaluate(
        """() => {
            const send = window.fetch;
            window.fetch = async (...request) => {
                await new Promise((done) => setTimeout(done, 1500));
                return send(...request);
            };
        }"""
    )
    page.get_by_role("option", name="Emoji bot").click()
    page.locator("#add-row").click()
    pirate = (*pirate, Demonstration("", ""))
    wait_until(lambda: table(projects, "Pirate bot") == pirate)
    page.locator("#count").get_by_text("10 examples").wait_for()
    expect(page.locator('#table [data-testid="cell-0-1"]').first).to_contain_text(emoji[0].reply)
    is_open(page, "Emoji bot")
    expect(page.locator("#undo")).to_be_disabled()
    write_first_reply(page, "!")
    wait_until(lambda: table(projects, "Emoji bot") == (Demonstration(emoji[0].prompt, "!"), *emoji[1:]))
    assert table(projects, "Pirate bot") == pirate


@pytest.mark.parametrize("screen", ["wide", "narrow"])
def test_of_a_project_that_was_deleted_in_another_window_nothing_on_the_page_is_lost(
    page: Page, projects: Projects, screen: str
) -> None:
    _, *others = table(projects, "Pirate bot")
    if screen == "narrow":
        page.set_viewport_size({"width": 390, "height": 844})
    projects.delete(LOCAL, id_of(projects, "Pirate bot"))
    if screen == "narrow":
        page.locator("#form-reply textarea").fill("Avast")
    else:
        write_first_reply(page, "Avast")
    page.locator(".alert:visible").get_by_text("not there any more").wait_for()
    assert [each.name for each in projects.all(LOCAL)] == ["Emoji bot"]
    page.locator("#new-project").click()
    is_open(page, "My bot")
    kept = projects.draft(LOCAL, projects.opened_last(LOCAL)).demonstrations
    assert (kept[0].reply, list(kept[1:])) == ("Avast", others)
    expect(page.locator(".alert:visible")).to_have_count(0)


def test_a_project_is_deleted_after_a_second_click_and_the_one_before_opens(
    page: Page, projects: Projects
) -> None:
    before = projects.all(LOCAL)
    page.locator("#delete-project").click()
    page.locator("#delete-project-said").get_by_text("Pirate bot").wait_for()
    page.locator("#delete-project-keep").click()
    page.locator("#delete-project").click()
    assert projects.all(LOCAL) == before
    page.locator("#delete-project-really").click()
    page.locator("#delete-project-said").get_by_text("is deleted").wait_for()
    is_open(page, "Emoji bot")
    assert [each.name for each in projects.all(LOCAL)] == ["Emoji bot"]
    page.locator("#delete-project").click()
    page.locator("#delete-project-really").click()
    is_open(page, "My bot", "no examples yet")
    assert [projects.draft(LOCAL, each.id) for each in projects.all(LOCAL)] == [Draft()]


def test_on_a_phone_the_projects_fit_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#delete-project").click()
    page.locator("#delete-project-really").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in ("#project", "#new-project", "#delete-project-really", "#delete-project-keep"):
        box = page.locator(part).bounding_box()
        assert box, part
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, part
