"""What the page never asks for is not answered, whoever asks.

Gradio brings more than is used here. In particular it would fetch any public address for anybody, to hand it
out under this app's own name or to keep it on this computer's disk. The chat Space has this too, and nothing
else of the page: so it has its own words.
"""

import json
from collections.abc import Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reft_studio.errors import RateError

TOO_LARGE = "This is more than the app takes at once. Choose a smaller file."
NO_ADDRESSES = "Files are opened from your computer only. Choose one there."

_API = "/gradio_api/"
_USED = {"queue", "upload", "upload_progress", "heartbeat", "startup-events", "cancel", "reset", "info"}
# By this a page finds an app again that was gone for a while.
_USED |= {"app_id"}
_JOIN, _UPLOAD = "queue/join", "upload"
_FILE = "file="
_ADDRESSES = ("http:", "https:")
_OVERHEAD = 100_000
"""Bytes around the content of files in one request."""
_LOOKS = {"GET", "HEAD", "OPTIONS"}
_OWN = {b"same-origin", b"none"}


# Gradio's own scripts are inline and evaluate templates. Spaces show the page in a frame of huggingface.co.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co",
    ]
)


class SecurityHeaders:
    """Tells the browser to load nothing from elsewhere, whatever a prompt, a reply or a name contains."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Gate:
    """Turns away other sites, what is not part of the page, what names addresses to fetch, what is too large.

    `count_upload` is told of the sender of every upload, and raises RateError where that is too many; without
    it there are none.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, count_upload: Callable[[Scope], None] | None) -> None:
        self._app, self._most_bytes, self._count = app, most_bytes + _OVERHEAD, count_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A Space puts something before it.
        asked = scope["path"].partition(_API)[2].strip("/")
        if _is_of_another_site(scope):
            await PlainTextResponse("Forbidden", 403)(scope, receive, send)
        elif not _is_used(asked) or (asked == _UPLOAD and self._count is None):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        elif asked == _UPLOAD and self._count:
            await self._upload(scope, receive, send, self._count)
        elif asked == _JOIN:
            await self._join(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _upload(
        self, scope: Scope, receive: Receive, send: Send, count: Callable[[Scope], None]
    ) -> None:
        try:
            count(scope)
        except RateError as error:
            await PlainTextResponse(str(error), 429)(scope, receive, send)
            return
        # What it states is believed where that is too much; whatever comes is counted all the same.
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > self._most_bytes:
            await PlainTextResponse(TOO_LARGE, 413)(scope, receive, send)
            return
        left = self._most_bytes

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            return message if left >= 0 else {"type": "http.disconnect"}

        await self._app(scope, counted, send)

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more and len(body) <= self._most_bytes:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > self._most_bytes:
            await PlainTextResponse(TOO_LARGE, 413)(scope, receive, send)
            return
        if _names_addresses(body):
            await PlainTextResponse(NO_ADDRESSES, 400)(scope, receive, send)
            return
        read = False

        async def again() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


def _is_of_another_site(scope: Scope) -> bool:
    """Whether somebody else's page makes a browser do something here; since 2023 every browser says so."""
    site = dict(scope["headers"]).get(b"sec-fetch-site", b"none")
    return scope["method"] not in _LOOKS and site not in _OWN


def _is_used(asked: str) -> bool:
    if asked.startswith(_FILE):
        return not asked.removeprefix(_FILE).strip().lower().startswith(_ADDRESSES)
    return not asked or asked.partition("/")[0] in _USED


def _names_addresses(body: bytes) -> bool:
    """Whether there is a file in it that would have to be fetched; also of what cannot be read."""
    try:
        waiting: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):
        return True
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and path.strip().lower().startswith(_ADDRESSES):
                return True
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False
