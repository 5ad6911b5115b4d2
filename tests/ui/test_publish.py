"""A bot goes to a Hub on this computer, comes back, and its chat Space answers; the token stays unseen."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import sleep
from zipfile import ZipFile

import pytest
from huggingface_hub import constants
from playwright.sync_api import Browser, Page, expect

from reft_studio import Bot
from reft_studio.pyreft_folder import write_pyreft
from reft_studio.rules import only_emoji
from reft_studio.share.hub import File, Place, publish
from reft_studio.store import Store
from tests.hub import Hub, local_hub
from tests.openid import CLIENT_ID, CLIENT_SECRET
from tests.signed_in import secret_of_gradio, signed_in
from tests.ui.running import (
    MILLISECONDS,
    REPOSITORY,
    choose_starter,
    free_port,
    open_page,
    open_tab,
    running_app,
    say,
    set_epochs,
    train,
    wait_for_server,
)

TOKEN = "hf_ann"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with local_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def online(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somebody who is signed in to that Hub on this computer."""
    signed_in = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "HF_TOKEN": TOKEN}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in signed_in.items():
            patch.setenv(name, value)
        # All that the app writes anywhere is in here, besides its data.
        everything = tmp_path_factory.mktemp("everything")
        patch.setenv("HF_HOME", str(everything / "home"))
        patch.setenv("TMPDIR", str(everything))
        yield TOKEN


@pytest.fixture(scope="module")
def address(data_folder: Path, online: str) -> Iterator[str]:
    assert online == TOKEN
    with running_app(data_folder) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """With a bot that is ready to be shared."""
    page = open_page(browser, address)
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    set_epochs(page, 15)
    train(page)
    page.locator("#progress .progress.done").wait_for()
    open_tab(page, "Share")
    page.locator("#publish:not([disabled])").wait_for()
    yield page
    page.close()


def outcome(page: Page, text: str) -> str:
    """What the page says in the end, once it says this."""
    page.locator("#outcome").get_by_text(text).wait_for()
    expect(page.locator("#outcome [role=status]")).to_have_count(0)
    page.locator("#stop-publishing").wait_for(state="hidden")
    return page.locator("#outcome").inner_text()


def test_what_goes_up_can_be_seen_before(page: Page, hub: Hub) -> None:
    page.locator("#preview").click()
    page.locator("#outcome .card-text").get_by_text("# Emoji bot").wait_for()
    said = page.locator("#outcome").inner_text()
    assert "ann/emoji-bot" in said
    assert re.search(r"intervention\.safetensors: [\d,]+ bytes", said)
    assert "demonstrations.jsonl" not in said
    assert re.search(r"everyday messages it had never seen \| 0 of 60 \| \d+ of 60 \| \d+ of 60", said)
    page.locator("#with-space input").check()
    page.locator("#preview").click()
    page.locator("#outcome").get_by_text("ann/emoji-bot-chat").wait_for()
    page.locator("#outcome summary").get_by_text(re.compile(r"\d+ files, 16\.\d MB")).click()
    assert "reft_studio/edits.py" in page.locator("#outcome").inner_text()
    assert "is not there yet" in page.locator("#outcome").inner_text()
    page.locator("#with-space input").uncheck()
    assert not hub.repositories


def test_a_refusal_is_said_and_the_next_click_publishes(page: Page, hub: Hub) -> None:
    hub.refuse = {"POST .*/commit/": 403}
    page.locator("#publish").click()
    page.get_by_role("alert").get_by_text("write permission").first.wait_for()
    hub.refuse = {}
    page.locator("#publish").click()
    assert f"{hub.url}/ann/emoji-bot" in outcome(page, "Your bot is published")
    assert hub.repositories["model", "ann/emoji-bot"].private
    assert "bot.json" in hub.files("ann/emoji-bot")
    assert "demonstrations.jsonl" not in hub.files("ann/emoji-bot")


def test_publishing_can_be_stopped_and_begun_again(page: Page, hub: Hub) -> None:
    before = hub.repositories["model", "ann/emoji-bot"].head
    page.locator("#include-rows input").check()
    hub.before = lambda asked: sleep(1) if "/preupload/" in asked else None
    page.locator("#publish").click()
    page.locator("#outcome").get_by_text("Sending 1 of").wait_for()
    page.locator("#stop-publishing").click()
    outcome(page, "Stopped")
    assert hub.repositories["model", "ann/emoji-bot"].head == before
    hub.before = lambda _: None
    page.locator("#include-rows input").uncheck()
    page.locator("#publish").click()
    outcome(page, "Your bot is published")


def test_a_chat_page_that_cannot_be_made_takes_nothing_away(page: Page, hub: Hub) -> None:
    page.locator("#with-space input").check()
    page.locator("#include-rows input").check()
    hub.before = lambda asked: (
        hub.refuse.update({"POST /api/repos/create": 402}) if "/commit/" in asked else None
    )
    page.locator("#publish").click()
    assert "paid plan" in outcome(page, "could not be made")
    hub.before, hub.refuse = lambda _: None, {}
    assert "demonstrations.jsonl" in hub.files("ann/emoji-bot")
    assert ("space", "ann/emoji-bot-chat") not in hub.repositories


def test_the_published_chat_page_runs_and_the_bot_in_it_answers(
    page: Page, hub: Hub, browser: Browser, tmp_path: Path
) -> None:
    page.locator("#with-space input").check()
    page.locator("#publish").click()
    outcome(page, "People can talk to it here")
    created = hub.repositories["space", "ann/emoji-bot-chat"].created_with
    assert (created["sdk"], created["hardware"]) == ("gradio", "zero-a10g")
    for name, content in hub.files("ann/emoji-bot-chat", "space").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with opened_space(tmp_path, browser) as talk:
        talk.locator("#message textarea, #message input").fill("Tell me about <b>cats</b>.")
        talk.locator("#send").click()
        talk.locator("#bot .reply").wait_for()
        assert talk.locator("#base .you").inner_text() == "Tell me about <b>cats</b>."
        assert talk.locator("#base .reply").inner_text() != talk.locator("#bot .reply").inner_text()
        assert "default-src 'self'" in talk.request.get(talk.url).headers["content-security-policy"]
        elsewhere = f"{talk.url}gradio_api/file=https://huggingface.co/robots.txt"
        assert talk.request.get(elsewhere).status == 404
        assert talk.request.post(f"{talk.url}gradio_api/upload", data="x").status == 404
        from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
        answer = talk.request.post(f"{talk.url}gradio_api/queue/join", data={}, headers=from_elsewhere)
        assert answer.status == 403
    assert "The self-test gave the same" in (tmp_path / "log").read_text()

    # Where a card is lent for each call, the same folder tests itself when it is asked to.
    shutil.copyfile(REPOSITORY / "tests" / "lender.py", tmp_path / "spaces.py")
    with opened_space(tmp_path, browser, SPACES_ZERO_GPU="true") as talk:
        talk.get_by_text("More", exact=True).click()
        talk.locator("#tested").get_by_text("was not run yet").wait_for()
        talk.locator("#test").click()
        talk.locator("#tested").get_by_text("The self-test gave the same").wait_for()


@contextmanager
def opened_space(folder: Path, browser: Browser, **environment: str) -> Iterator[Page]:
    port = free_port()
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), **environment}
    with (folder / "log").open("wb") as log:
        space = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        wait_for_server(space, f"http://127.0.0.1:{port}", folder / "log")
        talk = browser.new_page()
        talk.set_default_timeout(MILLISECONDS)
        talk.goto(f"http://127.0.0.1:{port}", wait_until="domcontentloaded")
        yield talk
        talk.close()
    finally:
        space.terminate()
        space.wait()


def test_an_update_says_before_and_after_what_it_changes(page: Page, hub: Hub) -> None:
    before = hub.repositories["model", "ann/emoji-bot"].head
    page.locator("#include-rows input").uncheck()
    page.locator("#preview").click()
    page.locator("#outcome").get_by_text("ann/emoji-bot is there already").wait_for()
    said = page.locator("#outcome").inner_text()
    assert re.search(r"intervention\.safetensors: [\d,]+ bytes, as it is there", said)
    assert "demonstrations.jsonl: taken off" in said
    assert hub.repositories["model", "ann/emoji-bot"].head == before
    page.locator("#publish").click()
    said = outcome(page, "Changes: demonstrations.jsonl (taken off).")
    assert "It was the same already" in said  # the chat Space
    assert hub.repositories["model", "ann/emoji-bot"].head != before
    page.locator("#include-rows input").check()
    page.locator("#with-space input").uncheck()
    page.locator("#publish").click()
    outcome(page, "Changes: demonstrations.jsonl (new).")


def sure(page: Page, question: str) -> None:
    """What was asked for happens only after a yes."""
    page.locator("#published-question").get_by_text(question).wait_for()
    page.locator("#published-yes").click()


def test_what_is_published_can_be_shown_hidden_renamed_and_deleted(page: Page, hub: Hub) -> None:
    page.locator("#look-published").click()
    page.locator("#published-link").get_by_text(f"{hub.url}/ann/emoji-bot").wait_for()
    choice = page.locator("#published-choice input")
    expect(choice).to_have_value("ann/emoji-bot · bot · Only me")
    model = hub.repositories["model", "ann/emoji-bot"]

    page.locator("#published-show").click()
    page.locator("#published-question").get_by_text("also examples that you once included").wait_for()
    page.locator("#published-no").click()
    page.locator("#published-question").wait_for(state="hidden")
    assert model.private
    page.locator("#published-show").click()
    sure(page, "Shall everybody see ann/emoji-bot?")
    page.locator("#published-said").get_by_text("Everybody can see it now").wait_for()
    assert not model.private
    page.locator("#published-show").get_by_text("Let only me see it").wait_for()
    page.locator("#published-show").click()
    sure(page, "Shall only you see ann/emoji-bot?")
    page.locator("#published-said").get_by_text("Only you can see it now").wait_for()
    assert model.private

    page.locator("#published-name :is(input, textarea)").fill("not a name")
    page.locator("#published-rename").click()
    page.get_by_role("alert").get_by_text("The name on the Hub can have").first.wait_for()
    page.locator("#published-name :is(input, textarea)").fill("smiley-bot")
    hub.refuse = {"POST .*/move": 409}
    page.locator("#published-rename").click()
    sure(page, "Shall ann/emoji-bot be called ann/smiley-bot from now on?")
    page.get_by_role("alert").get_by_text("The name is taken").first.wait_for()
    hub.refuse = {}
    page.locator("#published-yes").click()
    page.locator("#published-said").get_by_text(f"{hub.url}/ann/smiley-bot").wait_for()
    assert hub.repositories["model", "ann/smiley-bot"] is model

    choice.click()
    page.get_by_role("option", name="ann/emoji-bot-chat · chat page · Only me").click()
    page.locator("#published-link").get_by_text(f"{hub.url}/spaces/ann/emoji-bot-chat").wait_for()
    page.locator("#published-delete").click()
    sure(page, "Shall ann/emoji-bot-chat be deleted on the Hub, for good")
    page.locator("#published-said").get_by_text("not on the Hub any more").wait_for()
    assert set(hub.repositories) == {("model", "ann/smiley-bot")}

    page.locator("#published-name :is(input, textarea)").fill("emoji-bot")
    page.locator("#published-rename").click()
    sure(page, "be called ann/emoji-bot")
    page.locator("#published-said").get_by_text("Renamed").wait_for()


def test_a_bot_from_the_hub_can_be_talked_to_and_built_on(page: Page, hub: Hub) -> None:
    page.locator("#fetch-link :is(input, textarea)").fill(f"{hub.url}/ann/emoji-bot")
    page.locator("#fetch").click()
    page.get_by_role("alert").get_by_text("not a link to a bot").first.wait_for()
    page.locator("#fetch-link :is(input, textarea)").fill("ann/emoji-bot")
    page.locator("#fetch").click()
    page.locator("#fetched").get_by_text("10 examples came along").wait_for()
    said = page.locator("#fetched").inner_text()
    assert "Its licence: apache-2.0" in said
    assert re.search(r"Its author says: Only emoji: \d+ of 60 messages it had never seen", said)
    choose_starter(page, "pirate")
    open_tab(page, "Share")
    page.locator("#fetched-rows").click()
    page.locator("#fetched").get_by_text("a new project of yours now").wait_for()
    open_tab(page, "Examples")
    expect(page.locator("#project input")).to_have_value(re.compile("Emoji.* · 10 examples"))
    page.locator("#project input").click()
    expect(page.get_by_role("option", name="Pirate bot · 10 examples")).to_be_visible()
    open_tab(page, "Chat")
    assert say(page, "Tell me about cats.")


def test_a_bot_that_pyreft_made_can_be_talked_to_once_it_is_said_what_it_steers(
    page: Page, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    write_pyreft(Bot.load(REPOSITORY / "spaces" / "emoji"), tmp_path / "theirs")
    (tmp_path / "theirs" / "README.md").write_text("---\nbase_model: acme/chat\n---\n")
    files: dict[str, File] = {path.name: path for path in (tmp_path / "theirs").iterdir()}
    for _ in publish(hub.api(), Place("ann/theirs"), files, "Put", lambda _: True):
        pass
    open_tab(page, "Share")
    page.locator("#fetch-link :is(input, textarea)").fill("ann/theirs")
    assert not page.locator("#pyreft-positions").is_visible()
    page.locator("#fetch").click()
    page.locator("#fetched").get_by_text("made with pyreft").wait_for()
    page.locator("#pyreft-positions").wait_for()
    # Its page names a base model, which this Hub does not have.
    box = page.locator("#pyreft-base input")
    expect(box).to_have_value("acme/chat")
    page.locator("#fetch").click()
    page.get_by_role("alert").get_by_text('"acme/chat", which cannot be loaded here').first.wait_for()
    box.click()
    page.get_by_role("option", name="practice model").click()
    page.locator("#fetch").click()
    page.locator("#fetched").get_by_text('"theirs" is in the Chat tab').wait_for()
    open_tab(page, "Chat")
    expect(page.locator("#bot input")).to_have_value("theirs")
    assert only_emoji(say(page, "Tell me about cats."))


def test_getting_a_bot_can_be_stopped(page: Page, hub: Hub, data_folder: Path) -> None:
    before, asked_before = {path.name for path in (data_folder / "bots").iterdir()}, len(hub.requests)
    stopped = Event()
    hub.within = lambda _: stopped.wait(0.5)
    open_tab(page, "Share")
    page.locator("#fetch-link :is(input, textarea)").fill("ann/emoji-bot")
    page.locator("#fetch").click()
    page.locator("#fetched").get_by_text(re.compile(r"Getting 1 of \d: .* \(\d+%\)")).wait_for()
    page.locator("#stop-fetching").click()
    page.locator("#fetched").get_by_text("Stopped. Nothing was taken in.").wait_for()
    page.locator("#stop-fetching").wait_for(state="hidden")
    # It has not waited for the file to end.
    assert len([asked for asked in hub.requests[asked_before:] if "/resolve/" in asked]) == 1
    hub.within = None
    stopped.set()
    assert {path.name for path in (data_folder / "bots").iterdir()} == before


def open_files(page: Page, *files: Path) -> None:
    """Choose the files of a bot."""
    page.locator("#fetch-files input[type=file]").set_input_files(files)


def test_a_bots_files_are_taken_in_as_a_zip_or_as_they_lie_in_a_folder(page: Page, tmp_path: Path) -> None:
    for name in ("bot.json", "intervention.safetensors"):
        shutil.copyfile(REPOSITORY / "spaces" / "ethos" / name, tmp_path / name)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / "demonstrations.jsonl").write_text('{"prompt": "Hi", "reply": "No."}\n')
    files = sorted(tmp_path.iterdir())
    open_files(page, *files)
    page.locator("#fetched").get_by_text("1 examples came along").wait_for()
    said = page.locator("#fetched").inner_text()
    assert "was made for the practice model with LoReFT" in said
    assert "Its licence: mit." in said
    assert "Its author says: Refuses:" in said
    packed = tmp_path / "Theirs.zip"
    with ZipFile(packed, "w") as archive:
        for file in files[1:]:
            archive.write(file, file.name)
    page.locator("#fetched-rows").click()
    page.locator("#fetched").get_by_text("a new project of yours now").wait_for()
    page.locator('#fetch-files [aria-label="Clear"]').click()
    open_files(page, packed)
    page.locator("#fetched").get_by_text("1 examples came along").wait_for()
    page.locator('#fetch-files [aria-label="Clear"]').click()
    open_files(page, tmp_path / "README.md")
    page.get_by_role("alert").get_by_text("it has no bot.json").first.wait_for()


def test_the_files_of_a_bot_that_pyreft_made_are_taken_in_too(page: Page, tmp_path: Path) -> None:
    write_pyreft(Bot.load(REPOSITORY / "spaces" / "emoji"), tmp_path / "theirs")
    page.locator('#fetch-files [aria-label="Clear"]').click()
    open_files(page, *(tmp_path / "theirs").iterdir())
    page.locator("#fetched").get_by_text("made with pyreft").wait_for()
    page.locator("#fetch").click()
    page.locator("#fetched").get_by_text('"My bot" is in the Chat tab').wait_for()
    open_tab(page, "Chat")
    assert only_emoji(say(page, "Tell me about cats."))


def test_the_token_is_in_no_file_log_page_or_argument(
    page: Page, hub: Hub, address: str, data_folder: Path
) -> None:
    """By now there were refusals, a Space was made, and bots came in."""
    assert any("POST /api/spaces/ann/emoji-bot-chat/commit/" in asked for asked in hub.requests)
    said = page.content() + page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    said += page.request.get(f"{address}/config").text()
    said += page.request.get(f"{address}/gradio_api/info").text()
    said += subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert TOKEN not in said
    written = [
        data_folder.with_suffix(".log"),
        *data_folder.rglob("*"),
        *Path(os.environ["TMPDIR"]).rglob("*"),
    ]
    assert len([path for path in written if path.is_file()]) > 10
    for path in written:
        assert path.is_dir() or not path.exists() or TOKEN.encode() not in path.read_bytes()
    for repository in hub.repositories.values():
        assert not [name for name, content in repository.files.items() if TOKEN.encode() in content]


def test_in_a_space_people_sign_in_themselves(
    online: str, hub: Hub, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.environ["HF_TOKEN"] == online
    # Without SPACE_HOST, which would make Gradio want to come back to https.
    space = {
        "SYSTEM": "spaces",
        "SPACE_ID": "me/studio",
        "OPENID_PROVIDER_URL": hub.url,
        "OAUTH_CLIENT_ID": CLIENT_ID,
        "OAUTH_CLIENT_SECRET": CLIENT_SECRET,
        "OAUTH_SCOPES": "openid profile contribute-repos",
    }
    for name, value in space.items():
        monkeypatch.setenv(name, value)
    with running_app(tmp_path / "data", max_score_seconds="2") as address:
        page = open_page(browser, address)
        choose_starter(page, "emoji")
        open_tab(page, "Train")
        set_epochs(page, 1)
        train(page)
        open_tab(page, "Share")
        page.locator("#login").get_by_text("Sign in with Hugging Face").wait_for()
        before = len(hub.requests)
        page.locator("#publish:not([disabled])").click()
        page.get_by_role("alert").get_by_text("Sign in above").first.wait_for()
        assert hub.requests[before:] == []

        # To the Hub, and back to the page: what was made before is the account's now.
        with page.expect_response(lambda response: "/login/callback" in response.url):
            page.locator("#login").click()
        assert {"GET /oauth/authorize", "POST /oauth/token", "GET /oauth/jwks"} <= {*hub.requests}
        page.locator("#count").get_by_text("10 examples").wait_for()
        open_tab(page, "Share")
        page.locator("#login").get_by_text("Sign out (ann)").wait_for()
        page.locator("#publish:not([disabled])").click()
        assert f"{hub.url}/ann/emoji-bot" in outcome(page, "Your bot is published")
        assert [bot.name for bot in Store(tmp_path / "data").bots("user:5f0")] == ["Emoji bot"]

        # Signed out, the browser has its own place, which is empty now; and so has who forges a sign-in.
        page.locator("#login").click()
        page.locator("#count").get_by_text("No examples yet").wait_for()
        forged = {"name": "session", "value": signed_in(secret_of_gradio("guessed")), "url": address}
        page.context.add_cookies([forged])
        page.reload()
        page.locator("#count").get_by_text("No examples yet").wait_for()
        page.close()


def test_on_a_shared_server_nobody_publishes_with_the_servers_own_token(
    online: str, hub: Hub, browser: Browser, tmp_path: Path
) -> None:
    assert os.environ["HF_TOKEN"] == online
    with running_app(tmp_path / "data", shared="1") as address:
        page = open_page(browser, address)
        open_tab(page, "Share")
        page.locator("#sign-in").get_by_text("nothing can be published from it").wait_for()
        assert page.locator("#publish").is_disabled()
        before = len(hub.requests)
        page.locator("#fetch-link :is(input, textarea)").fill("ann/emoji-bot")
        page.locator("#fetch").click()
        page.get_by_role("alert").get_by_text("nothing by this name").first.wait_for()
        assert hub.requests[before:]
        page.close()
