"""Our scripts come into the page before Gradio's own, which take hold of what the browser offers at once."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BEFORE = b"<head>"


class Scripts:
    """Writes them at the beginning of every page; Gradio would add them when it has begun to work."""

    def __init__(self, app: ASGIApp, scripts: list[str]) -> None:
        self._app = app
        self._written = _BEFORE + "".join(f"<script>{script}</script>" for script in scripts).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page: Message | None = None
        text = b""

        async def send_with_scripts(message: Message) -> None:
            nonlocal page, text
            if message["type"] == "http.response.start" and _is_page(message):
                page = message
                return
            if page is None:
                await send(message)
                return
            text += message.get("body", b"")
            if message.get("more_body", False):
                return
            text = text.replace(_BEFORE, self._written, 1)
            MutableHeaders(scope=page)["Content-Length"] = str(len(text))
            await send(page)
            await send({"type": "http.response.body", "body": text})

        asks_for_text = scope["type"] == "http" and scope["method"] == "GET"
        await self._app(scope, receive, send_with_scripts if asks_for_text else send)


def _is_page(start: Message) -> bool:
    return Headers(scope=start).get("Content-Type", "").startswith("text/html")
