"""The one line from the first click to somebody else's computer."""

import json
import subprocess
import sys
from pathlib import Path

import emoji
import pytest
from playwright.sync_api import Page

from reft_studio.store import Store
from tests.drafts import draft_of
from tests.ui.running import REPOSITORY, choose_starter, open_tab, say, train, wait_until

ASK = """
import json, sys
import reft_studio as rs
bot = rs.Bot.load_zip(sys.argv[1])
comparison = rs.compare_replies(rs.load_base_model(), bot, sys.argv[2])
print(json.dumps([bot.manifest.name, comparison.base, comparison.bot]))
"""


@pytest.mark.timeout(1500)
def test_a_bot_made_on_the_page_answers_the_same_in_a_fresh_process(
    page: Page, data_folder: Path, tmp_path: Path
) -> None:
    choose_starter(page, "emoji")
    _edit_first_prompt(page, "Hello, who are you?")
    store = Store(data_folder)
    wait_until(lambda: draft_of(store).demonstrations[0].prompt == "Hello, who are you?")

    page.locator("#to-training").click()
    train(page)
    page.locator("#talk").click()
    reply = say(page, "Tell me about cats.")
    plain = page.locator(".side.base .reply").text_content()

    open_tab(page, "Share")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "emoji-bot.zip"
    zip_path = tmp_path / "emoji-bot.zip"
    download.value.save_as(zip_path)

    fresh = subprocess.run(
        [sys.executable, "-c", ASK, str(zip_path), "Tell me about cats."],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert json.loads(fresh.stdout) == ["Emoji bot", plain, reply]
    assert emoji.purely_emoji(reply)
    assert not emoji.purely_emoji(str(plain))


def _edit_first_prompt(page: Page, text: str) -> None:
    cell = page.locator('[data-testid="cell-0-0"]').first
    cell.dblclick()
    cell.locator("textarea, input").first.wait_for()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Enter")
