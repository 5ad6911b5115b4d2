"""Where there is no browser the tests say what to do; they are not skipped."""

import os
import subprocess
import sys
from pathlib import Path

from tests.ui.running import NO_BROWSER, REPOSITORY

LAUNCH = """
from playwright.sync_api import sync_playwright
from tests.ui.running import launch_chromium
with sync_playwright() as playwright:
    launch_chromium(playwright)
"""


def test_where_there_is_no_browser_the_tests_fail_with_how_to_get_one(tmp_path: Path) -> None:
    nowhere = os.environ | {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    command = [sys.executable, "-c", LAUNCH]
    done = subprocess.run(command, cwd=REPOSITORY, env=nowhere, capture_output=True, encoding="utf-8")
    assert done.returncode
    assert done.stderr.strip().endswith(NO_BROWSER)
