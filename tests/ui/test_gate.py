"""What the page never asks for is not answered, and nothing is fetched for anybody."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from reft_studio.errors import RateError
from reft_studio.ui.gate import Gate

MOST = 1000
FILE = {"path": "/tmp/gradio/1/rows.csv", "meta": {"_type": "gradio.FileData"}}


async def _echo(request: Request) -> JSONResponse:
    """All that came through."""
    return JSONResponse({"path": request.url.path, "bytes": len(await request.body())})


def behind_the_gate(uploads: int = 2) -> TestClient:
    """A client of an app that lets so many uploads through."""
    left = [uploads]

    def count(_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RateError("That is too many.")

    routes = [Route("/{path:path}", _echo, methods=["GET", "POST"])]
    return TestClient(Gate(Starlette(routes=routes), MOST, count))


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=https://elsewhere.example/page.svg",
        "/gradio_api/file=HTTP://elsewhere.example/",
        "/gradio_api/file=%20https://elsewhere.example/",
        "/gradio_api/file=%68ttps:/elsewhere.example/",
        "/--replicas/x/gradio_api/file=https://elsewhere.example/",
        "/gradio_api/proxy=https://elsewhere.example/",
        "/gradio_api/deep_link",
        "/gradio_api/process_recording",
        "/gradio_api/component_server",
        "/gradio_api/vibe-edit/",
        "/gradio_api/run/predict",
        "/gradio_api/call/predict",
        "/gradio_api/openapi.json",
        "/gradio_api/dev/reload",
        "/gradio_api/stream/1/2/3/playlist.m3u8",
    ],
)
def test_what_the_page_does_not_use_is_not_there(path: str) -> None:
    client = behind_the_gate()
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/config", "/gradio_api/queue/data", "/gradio_api/file=/tmp/gradio/x.zip"]
)
def test_what_it_uses_is(path: str) -> None:
    assert behind_the_gate().get(path).json()["path"] == path


@pytest.mark.parametrize(
    "sent",
    [
        {"data": [FILE | {"path": "https://elsewhere.example/10GB"}]},
        {"data": ["Hi", {"rows": [[{"deep": FILE | {"path": " HTTP://elsewhere.example"}}]]}]},
    ],
)
def test_a_file_that_would_have_to_be_fetched_is_refused(sent: dict[str, Any]) -> None:
    answer = behind_the_gate().post("/gradio_api/queue/join", json=sent)
    assert (answer.status_code, "from your computer" in answer.text) == (400, True)


@pytest.mark.parametrize("content", [b"{", b"[" * 900])
def test_what_cannot_be_read_goes_no_further(content: bytes) -> None:
    assert behind_the_gate().post("/gradio_api/queue/join", content=content).status_code in (200, 400)
    deep = TestClient(Gate(Starlette(), 1_000_000, lambda _: None))
    assert deep.post("/gradio_api/queue/join", content=b"[" * 500_000).status_code == 400


def test_what_people_write_comes_through_whole_whatever_addresses_are_in_it() -> None:
    sent = json.dumps({"data": ["Look at https://elsewhere.example", FILE]}).encode()
    answer = behind_the_gate().post("/gradio_api/queue/join", content=sent)
    assert answer.json() == {"path": "/gradio_api/queue/join", "bytes": len(sent)}


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/upload"])
def test_more_than_the_app_takes_is_refused(path: str) -> None:
    answer = behind_the_gate().post(path, content=b"0" * 200_000)
    assert (answer.status_code, "more than the app takes" in answer.text) == (413, True)


def test_an_upload_that_does_not_say_how_long_it_is_is_cut_off() -> None:
    pieces = (b"0" * 1000 for _ in range(200))
    with pytest.raises(Exception, match=r"(?i)disconnect|^$"):
        behind_the_gate().post("/gradio_api/upload", content=pieces)


def test_so_many_uploads_and_no_more() -> None:
    client = behind_the_gate(uploads=1)
    assert client.post("/gradio_api/upload", content=b"1").status_code == 200
    answer = client.post("/gradio_api/upload", content=b"1")
    assert (answer.status_code, answer.text) == (429, "That is too many.")


def test_where_no_files_are_wanted_none_is_taken() -> None:
    client = TestClient(Gate(Starlette(routes=[Route("/{path:path}", _echo, methods=["POST"])]), MOST, None))
    assert client.post("/gradio_api/upload", content=b"1").status_code == 404
    assert client.post("/gradio_api/queue/join", content=b"{}").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_makes_a_browser_do_nothing_here(site: str) -> None:
    client, headers = behind_the_gate(), {"Sec-Fetch-Site": site}
    for path in ("/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/reset"):
        assert client.post(path, content=b"{}", headers=headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_its_own_page_does(site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert behind_the_gate().post("/gradio_api/queue/join", content=b"{}", headers=headers).status_code == 200


def test_the_app_stands_behind_it(page: Page, address: str) -> None:
    for path in ("file=https://huggingface.co/robots.txt", "deep_link?session_hash=x", "openapi.json"):
        assert page.request.get(f"{address}/gradio_api/{path}").status == 404
    sent = {
        "data": [FILE | {"path": "https://huggingface.co/robots.txt"}],
        "fn_index": 0,
        "session_hash": "x",
    }
    assert page.request.post(f"{address}/gradio_api/queue/join", data=sent).status == 400
    for path in ("/etc/passwd", "../app.py", "app.py"):
        assert page.request.get(f"{address}/gradio_api/file={path}").status == 403


def test_nothing_is_watched_or_kept_in_the_browser(page: Page, address: str) -> None:
    config = page.request.get(f"{address}/config").json()
    assert config["analytics_enabled"] is False
    assert page.request.get(f"{address}/monitoring/summary").status == 403
    assert page.request.get(f"{address}/gradio_api/runs").status == 404
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "history" not in kept


def test_a_person_is_told_what_bots_are_not_for(page: Page) -> None:
    page.locator("#notice").get_by_text("make none to deceive or to hurt people").wait_for()
