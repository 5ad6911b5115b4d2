"""On a shared server nobody sees or touches what is another's, through the page or past it."""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from reft_studio.draft import Draft
from reft_studio.errors import StorageError
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.store import Store
from reft_studio.ui.owners import COOKIE, Visitors, visitor_of
from tests.drafts import draft_of
from tests.signed_in import signed_in
from tests.ui.running import (
    REPOSITORY,
    choose_starter,
    open_page,
    open_tab,
    say,
    set_epochs,
    started_app,
    train,
    wait_until,
)
from tests.ui.slow import Held, handlers_of

SECRET = "Where did I leave the blue teapot?"
SECRET_OF_SPACE = "only the Space knows it"
TRUSTING = (
    sys.executable,
    "-c",
    "import warnings, gradio as gr; warnings.simplefilter('ignore'); "
    "gr.Dropdown.preprocess = gr.Radio.preprocess = lambda _, value: value; import app; app.main()",
)
"""The app where Gradio does not look whether a page offers what is sent, so that only we can turn it away."""


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "data"


@pytest.fixture(scope="module")
def address(data_folder: Path) -> Iterator[str]:
    limits = {"max_epochs": "50", "max_score_seconds": "2", "max_messages_per_hour": "10000"}
    with started_app(data_folder, TRUSTING, shared="1", **limits) as (address, _):
        yield address


@pytest.fixture(scope="module")
def ann(browser: Browser, address: str) -> Iterator[Page]:
    """She has a table, a bot and a conversation."""
    context = browser.new_context()
    page = open_page(context, address)
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    set_epochs(page, 3)
    train(page)
    open_tab(page, "Chat")
    assert say(page, SECRET)
    yield page
    context.close()


@pytest.fixture
def bob(browser: Browser, address: str) -> Iterator[Page]:
    """He has just come."""
    context = browser.new_context()
    yield open_page(context, address)
    context.close()


@pytest.fixture
def stranger(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """Somebody who has seen the page once, and asks past it."""
    context = browser.new_context()
    assert context.request.get(address).ok
    yield context
    context.close()


def key(context: BrowserContext) -> dict[str, Any]:
    (cookie,) = [dict(cookie) for cookie in context.cookies() if cookie["name"] == COOKIE]
    return cookie


def owner(person: Page | BrowserContext) -> str:
    context = person.context if isinstance(person, Page) else person
    return "visitor:" + hashlib.sha256(key(context)["value"].encode()).hexdigest()


def call(person: BrowserContext, address: str, name: str, event: str, data: list[Any], session: str) -> str:
    """What the server answers to an event of a component or a tab that the page did not send.

    Where several handlers hear the same event, it is the one that takes so many values.
    """
    config = person.request.get(f"{address}/config").json()
    (component,) = [
        part["id"]
        for part in config["components"]
        if part["props"].get("elem_id") == name
        or (part["type"] == "tabitem" and part["props"].get("id") == name)
    ]
    (dependency,) = [
        heard["id"]
        for heard in config["dependencies"]
        if [component, event] in heard["targets"] and len(heard["inputs"]) == len(data)
    ]
    return send(person, address, dependency, data, session)


def send(person: BrowserContext, address: str, dependency: int, data: list[Any], session: str) -> str:
    """What the server answers if a handler is asked past the page."""
    sent = {"data": data, "fn_index": dependency, "session_hash": session, "event_data": None}
    joined = person.request.post(f"{address}/gradio_api/queue/join", data=sent)
    assert joined.ok, joined.text()
    answer = person.request.get(
        f"{address}/gradio_api/queue/data?session_hash={session}", timeout=60_000
    ).text()
    assert "process_completed" in answer
    return answer


def session_left_by(context: BrowserContext, address: str) -> str:
    """The name of the Gradio session of a page with a talk, and a bot and a project about to be deleted.

    Nobody looks at it now.
    """
    page = open_page(context, address)
    choose_starter(page, "emoji")
    open_tab(page, "Chat")
    # Her earlier words are found again.
    page.locator(".turn").get_by_text(SECRET).wait_for()
    with page.expect_request(lambda request: "queue/join" in request.url) as sent:
        assert say(page, "And now?")
    open_tab(page, "Share")
    page.locator("#delete").click()
    page.locator("#delete-really").wait_for()
    open_tab(page, "Examples")
    page.locator("#delete-project").click()
    page.locator("#delete-project-really").wait_for()
    page.close()
    return str(json.loads(sent.value.post_data or "")["session_hash"])


def test_everyone_begins_with_an_empty_table_and_no_bots(ann: Page, bob: Page) -> None:
    assert bob.locator("#count").inner_text().startswith("No examples")
    open_tab(bob, "Share")
    bob.locator("#share-said").get_by_text("There is no bot yet").wait_for()
    open_tab(bob, "Chat")
    assert SECRET not in bob.content()
    open_tab(bob, "Train")
    bob.locator(".progress.empty").wait_for()
    assert "10 examples" in ann.locator("#count").inner_text()


def test_what_one_types_reaches_only_the_own_table(ann: Page, bob: Page, data_folder: Path) -> None:
    choose_starter(bob, "pirate")
    store = Store(data_folder)
    wait_until(lambda: draft_of(store, owner(bob)).name == "Pirate bot")
    assert draft_of(store, owner(ann)).name == "Emoji bot"


def test_what_was_asked_and_typed_stays_when_its_tab_is_opened(ann: Page, address: str) -> None:
    page = open_page(ann.context, address)
    page.evaluate(
        """async () => {
            const found = () => document.querySelector("#delete:enabled");
            document.querySelector("#share-tab-button").click();
            while (!found()?.offsetParent) await new Promise(requestAnimationFrame);
            found().click();
        }"""
    )
    page.locator("#delete-really").wait_for()
    # What the opening of the tab asked for has come by then.
    page.wait_for_timeout(1_500)
    assert page.locator("#delete-really").is_visible()
    assert not page.locator("#delete").is_visible()
    page.locator("#share-name textarea").fill("Ann's own")
    open_tab(page, "Chat")
    open_tab(page, "Share")
    page.wait_for_timeout(1_500)
    assert page.locator("#share-name textarea").input_value() == "Ann's own"
    assert page.locator("#delete-really").is_visible()
    page.close()


def test_the_key_is_out_of_reach_of_scripts_and_only_its_hash_is_kept(ann: Page, data_folder: Path) -> None:
    cookie = key(ann.context)
    assert cookie["httpOnly"]
    assert ann.evaluate("document.cookie").find(COOKIE) == -1
    assert cookie["value"] not in ann.evaluate("JSON.stringify(localStorage)") + ann.content()
    for path in [data_folder.with_suffix(".log"), *data_folder.rglob("*")]:
        assert path.is_dir() or cookie["value"].encode() not in path.read_bytes()
    with closing(sqlite3.connect(data_folder / "studio.sqlite3")) as database:
        owners = {name for (name,) in database.execute("SELECT owner FROM jobs")}
    assert owner(ann) in owners


def test_a_bot_of_someone_elses_is_not_handed_out_past_the_page(
    ann: Page, stranger: BrowserContext, address: str, data_folder: Path
) -> None:
    (bot,) = Store(data_folder).bots(owner(ann))
    for number, (elem_id, data) in enumerate(
        [
            ("download", [bot.id, "Mine", True]),
            ("send", ["Hello", None, bot.id, None, "", 1, "", 0.5, 0.0, 16, 0, 1, None]),
            ("share-bot", [bot.id]),
            ("delete", [bot.id]),
        ]
    ):
        event = "input" if elem_id == "share-bot" else "click"
        answer = call(stranger, address, elem_id, event, data, f"bobs{number}")
        assert "not there any more" in answer
        assert bot.name not in answer
        assert ".zip" not in answer
        assert 'class=\\"side bot' not in answer


@pytest.mark.parametrize(
    ("elem_id", "event", "data"),
    [
        ("project", "input", []),
        ("undo", "click", [None]),
        ("starter-pirate", "click", [None]),
        ("table", "input", [None, {"headers": ["", ""], "data": [["Mine", "now"]], "metadata": None}, 0]),
        ("form-prompt", "input", [None, 0, "Mine", "now", None]),
        ("delete-project", "click", []),
        ("bot-name", "input", ["Mine now"]),
        ("instruction", "input", ["Be mine."]),
        ("rules", "change", [["only emoji"], []]),
    ],
)
def test_a_project_of_someone_elses_is_as_if_it_did_not_exist_past_the_page(
    ann: Page,
    stranger: BrowserContext,
    address: str,
    data_folder: Path,
    elem_id: str,
    event: str,
    data: list[Any],
) -> None:
    projects, her = Store(data_folder).projects, owner(ann)
    project = projects.opened_last(her)
    before = projects.draft(her, project)
    answer = call(stranger, address, elem_id, event, [project, *data], f"bobs-{elem_id}")
    assert "not there any more" in answer
    assert before.name not in answer
    assert projects.draft(her, project) == before
    assert [each.id for each in projects.all(her)] == [project]


def test_another_persons_session_name_opens_nothing(
    ann: Page, stranger: BrowserContext, address: str, data_folder: Path
) -> None:
    session, store = session_left_by(ann.context, address), Store(data_folder)
    (bot,) = store.bots(owner(ann))
    # One that he may talk to, so that nothing but the conversation and the table before can be refused.
    store.add_bot(owner(stranger), replace(bot, id="bobs", name="Bobby"))
    answers = [
        call(
            stranger,
            address,
            "send",
            "click",
            ["Hi", None, None, None, "", 1, "", 0.5, 0.0, 16, 0, 1, None],
            session,
        ),
        call(
            stranger,
            address,
            "send",
            "click",
            ["Hi", None, None, None, "", 0, bot.id, 1, 0.0, 16, 0, 1, None],
            session,
        ),
        call(stranger, address, "chat", "select", [None, "bobs", "", None], session),
        call(stranger, address, "delete-project-really", "click", [None], session),
        call(stranger, address, "delete-really", "click", [None], session),
    ]
    assert "Bobby" in answers[0]
    assert all("not there any more" in answers[number] for number in (1, -2, -1))
    assert draft_of(store, owner(ann)).demonstrations
    assert store.bot(owner(ann), bot.id) == bot
    assert bot.folder.is_dir()
    assert not any(SECRET in answer or bot.name in answer for answer in answers)
    assert draft_of(store, owner(stranger)) == Draft()


def test_no_handler_whatever_is_sent_to_it_gives_or_changes_what_is_anothers(
    ann: Page, stranger: BrowserContext, address: str, data_folder: Path
) -> None:
    store, her = Store(data_folder), owner(ann)
    wait_until(lambda: all(run.state.ended for run in store.runs(her)))
    (bot, *_), before, project = store.bots(her), _all_of(store, her), store.projects.opened_last(her)
    config = stranger.request.get(f"{address}/config").json()
    handlers = [dependency for dependency in config["dependencies"] if dependency["backend_fn"]]
    parts = {part["id"]: part for part in config["components"]}
    assert len(handlers) > 50
    log = data_folder.with_suffix(".log")
    read = log.stat().st_size
    for number, handler in enumerate(handlers):
        session = f"anyone{number}"
        values = [_value_for(parts[part], bot.id, project) for part in handler["inputs"]]
        sent = {"data": values, "fn_index": handler["id"], "session_hash": session}
        sent["event_data"] = {"index": [0, 0], "value": "Mine", "selected": True}
        assert stranger.request.post(f"{address}/gradio_api/queue/join", data=sent).ok
        events = f"{address}/gradio_api/queue/data?session_hash={session}"
        answer = stranger.request.get(events, timeout=60_000).text()
        assert "process_completed" in answer
        assert SECRET not in answer
        assert str(bot.folder) not in answer
    assert _all_of(store, her) == before
    # Each was turned away or answered by what it does, and not before.
    assert "is not taken" not in log.read_bytes()[read:].decode()


def _value_for(part: dict[str, Any], bot: str, project: str) -> Any:
    """What an open page could send of a part; where something of a person is chosen, what is another's."""
    if "project" in str(_name(part)):
        return project
    match part["type"]:
        case "dropdown" | "textbox":
            return bot
        case "dataframe":
            return {"headers": ["", ""], "data": [["Mine", "now"]], "metadata": None}
        case "radio":
            return next((value for _, value in part["props"]["choices"]), bot)
        case "slider":
            return part["props"]["minimum"]
        case "file" | "uploadbutton" | "state":
            return None
        case _:
            return part["props"].get("value")


def _name(part: dict[str, Any]) -> str | None:
    name: str | None = part["props"].get("elem_id")
    return name


def _all_of(store: Store, name: str) -> tuple[Any, ...]:
    bots = store.bots(name)
    runs = [(run.id, run.state, run.name) for run in store.runs(name)]
    return (
        [store.projects.draft(name, project.id) for project in store.projects.all(name)],
        store.settings(name),
        bots,
        runs,
        [store.conversations.turns(name, bot.id) for bot in bots],
    )


def test_a_running_training_is_stopped_by_nobody_else(
    ann: Page, stranger: BrowserContext, address: str, data_folder: Path
) -> None:
    store = Store(data_folder)
    open_tab(ann, "Train")
    set_epochs(ann, 50)
    ann.locator("#train").click()
    ann.locator("#progress .progress.running").wait_for()
    call(stranger, address, "cancel", "click", [], "bobs-cancel")
    latest = store.latest_job(owner(ann))
    assert latest
    assert latest.state not in ("cancelling", "cancelled")
    ann.locator("#progress .progress.done").wait_for()


def test_a_base_model_that_is_not_offered_is_used_for_nobody(
    bob: Page, address: str, data_folder: Path, tmp_path: Path
) -> None:
    """Neither by what the page would never send, nor by the file of a bot."""
    choose_starter(bob, "emoji")
    project = Store(data_folder).projects.opened_last(owner(bob))
    config = bob.request.get(f"{address}/config").json()
    parts = {part["id"]: part for part in config["components"]}
    button = next(i for i, part in parts.items() if (part["type"], _name(part)) == ("button", "train"))
    (handler,) = [heard for heard in config["dependencies"] if [button, "click"] in heard["targets"]]
    inputs = [parts[part] for part in handler["inputs"]]
    for number, base in enumerate(("HuggingFaceTB/SmolLM2-135M-Instruct", str(EMBEDDED_MODEL.parent), "..")):
        chosen = {"base-model": base, "project-to-train": project, "bot-name": "Mine"}
        sent = [chosen.get(str(_name(part)), part["props"].get("value")) for part in inputs]
        answer = send(bob.context, address, handler["id"], sent, f"bobs-base{number}")
        assert "offers certain base models only" in answer
    packed, ours = tmp_path / "theirs.zip", REPOSITORY / "spaces" / "emoji"
    manifest = json.loads((ours / "bot.json").read_text())
    manifest["base"]["id"] = "HuggingFaceTB/SmolLM2-135M-Instruct"
    with ZipFile(packed, "w") as archive:
        archive.writestr("bot.json", json.dumps(manifest))
        archive.write(ours / "intervention.safetensors", "intervention.safetensors")
    open_tab(bob, "Chat")
    with bob.expect_file_chooser() as chooser:
        bob.locator("#open-bot").click()
    chooser.value.set_files(packed)
    bob.get_by_role("alert").get_by_text("offers certain base models only").first.wait_for()
    store = Store(data_folder)
    assert (store.runs(owner(bob)), store.bots(owner(bob))) == ([], [])


def test_no_one_gets_more_than_the_server_allows(bob: Page) -> None:
    choose_starter(bob, "emoji")
    open_tab(bob, "Train")
    # What is chosen is remembered by itself, on a slow server after the next thing is asked.
    kept = Held(bob, handlers_of(bob, "stop-early", "input"))
    set_epochs(bob, 51)
    bob.locator("#train").click()
    said = bob.locator(".alert:visible").get_by_text("can be 50 at most here")
    said.wait_for()
    kept.let_go()
    bob.wait_for_timeout(1_000)
    expect(said).to_be_visible()


def test_in_a_space_the_cookie_is_for_this_frame_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "me/studio")
    page = Starlette(routes=[Route("/", lambda _: PlainTextResponse("ok"))])
    client = TestClient(Visitors(page, shared=True, move=_nothing_to_move))
    given = client.get("/").headers["set-cookie"]
    assert all(word in given for word in ("HttpOnly", "SameSite=None", "Secure", "Partitioned"))
    behind = f'other={{"a":1}}; path=/x; bad; {given.split(";")[0]}'
    assert "set-cookie" not in client.get("/", headers={"cookie": behind}).headers
    assert "set-cookie" not in client.get("/assets/font").headers
    nonsense = client.get("/", headers={"cookie": f"{COOKIE}=../../etc; {COOKIE}"}).headers["set-cookie"]
    assert nonsense.split(";")[0] != given.split(";")[0]
    alone = TestClient(Visitors(page, shared=False, move=_nothing_to_move))
    assert "set-cookie" not in alone.get("/").headers


def _nothing_to_move(visitor: str, user: str) -> None:
    pytest.fail(f"Nobody has signed in, and yet {visitor} is {user}.")


class Space:
    """What a Space knows of who asks, with a browser that keeps its cookies."""

    def __init__(self) -> None:
        self.moved: list[tuple[str, str]] = []
        self.full_disk = False
        routes = [Route("/", lambda request: PlainTextResponse(visitor_of(request.scope)))]
        visitors = Visitors(Starlette(routes=routes), shared=True, move=self._move)
        self.browser = TestClient(SessionMiddleware(visitors, SECRET_OF_SPACE))

    def _move(self, visitor: str, user: str) -> None:
        if self.full_disk:
            raise StorageError("The disk is full.")
        self.moved.append((visitor, user))

    def asked_by(self, session: str = "") -> str:
        self.browser.cookies.pop("session", None)
        if session:
            self.browser.cookies["session"] = session
        return self.browser.get("/").text


def test_who_is_signed_in_is_the_owner_and_what_the_browser_had_before_is_moved_at_that_moment() -> None:
    space = Space()
    visitor = space.asked_by()
    assert visitor.startswith("visitor:")
    for _ in range(2):
        assert space.asked_by(signed_in(SECRET_OF_SPACE)) == "user:5f0"
    assert space.moved == [(visitor, "user:5f0")]
    # Somebody else on the same computer; and what is done signed out comes along the next time.
    assert space.asked_by(signed_in(SECRET_OF_SPACE, sub="77a")) == "user:77a"
    assert space.asked_by() == visitor
    assert space.asked_by(signed_in(SECRET_OF_SPACE, sub="77a")) == "user:77a"
    assert space.moved[1:] == [(visitor, "user:77a")] * 2


def test_a_full_disk_moves_nothing_and_it_is_tried_again() -> None:
    space = Space()
    space.full_disk = True
    assert space.asked_by(signed_in(SECRET_OF_SPACE)) == "user:5f0"
    space.full_disk = False
    space.asked_by(signed_in(SECRET_OF_SPACE))
    assert [user for _, user in space.moved] == ["user:5f0"]


@pytest.mark.parametrize(
    "session",
    [
        signed_in("somebody else's secret"),
        signed_in(SECRET_OF_SPACE, expires_at=1),
        signed_in(SECRET_OF_SPACE)[:-1],
        signed_in(SECRET_OF_SPACE, sub="admin").rpartition(".")[0],
        "nonsense",
    ],
    ids=["forged", "expired", "damaged", "without its signature", "nonsense"],
)
def test_a_session_that_does_not_hold_is_that_of_a_visitor(session: str) -> None:
    space = Space()
    assert space.asked_by(session) == space.asked_by()
    assert space.moved == []


def test_the_log_is_of_events_and_quotes_nothing_that_was_sent(
    stranger: BrowserContext, address: str, data_folder: Path
) -> None:
    sent = "something that is nobody else's business"
    call(stranger, address, "table", "input", [None, None, sent, 0], "quoted")
    log = data_folder.with_suffix(".log").read_text(encoding="utf-8")
    assert "is not taken" in log
    assert sent not in log
    others = [line for line in log.splitlines() if line and not line.startswith(("{", "* "))]
    assert "\n".join(others) == ""
