"""Who asks: on a shared server who is signed in to the Hub, where the page has a sign-in, else a browser.

Every browser has a random key in a cookie, and only its hash is kept. The key reaches no script, no page and
no log. A Gradio session says nothing about who somebody is: its name is chosen by the browser.
"""

import hashlib
import logging
import math
import os
import re
import secrets
import time
from collections.abc import Callable

import gradio as gr
from huggingface_hub import get_token
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reft_studio.errors import StorageError
from reft_studio.store import LOCAL

log = logging.getLogger(__name__)

COOKIE = "reft_studio_visitor"
SECONDS_KEPT = 365 * 24 * 3600
_VISITOR = "reft_studio.visitor"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 random bits as `secrets.token_urlsafe` writes them."""


class Visitors:
    """Writes into every request whose it is; on a shared server, gives a key to a browser that has none.

    `move` is called with the owners that a browser and its user are as soon as somebody has signed in, before
    anything is answered: so nobody finds an account without what they had a moment ago.
    """

    def __init__(self, app: ASGIApp, shared: bool, move: Callable[[str, str], None]) -> None:
        self._app, self._shared, self._move = app, shared, move
        self._moved: dict[str, str] = {}
        """Of each browser in which somebody is signed in, who."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._shared:
            await self._app({**scope, _VISITOR: LOCAL}, receive, send)
            return
        known = _key_in(Headers(scope=scope).get("cookie", ""))
        key = known or secrets.token_urlsafe(32)

        async def send_with_key(message: Message) -> None:
            # With the page alone: other answers may be kept by caches between here and the browser.
            if message["type"] == "http.response.start" and known is None and scope["path"] == "/":
                MutableHeaders(scope=message).append("Set-Cookie", _cookie(key))
            await send(message)

        visitor = f"visitor:{hashlib.sha256(key.encode()).hexdigest()}"
        user = _signed_in(scope)
        self._follow(visitor, user)
        await self._app({**scope, _VISITOR: user or visitor}, receive, send_with_key)

    def _follow(self, visitor: str, user: str | None) -> None:
        if user is None:
            self._moved.pop(visitor, None)
        elif self._moved.get(visitor) != user:
            try:
                self._move(visitor, user)
            except StorageError:
                # On a full disk everything is where it was; it is tried again with the next request.
                log.warning("What somebody had before they signed in could not be moved yet")
            else:
                self._moved[visitor] = user


def owner_of(request: gr.Request) -> str:
    """Under which name the store keeps what the sender of a request has; KeyError if that cannot be told.

    Always the same where there is one person.
    """
    return visitor_of(request.request.scope if request.request else {})


def visitor_of(scope: Scope) -> str:
    """The same of a request that is on its way to Gradio."""
    return str(scope[_VISITOR])


def token_of(request: gr.Request, login: gr.OAuthToken | None) -> str | None:
    """The Hub token of the sender of a request: of who is logged in, or this computer's for one person.

    On a shared server it is never that of whoever runs it. It is passed on and kept nowhere.
    """
    if login is not None:
        return login.token
    scope = request.request.scope if request.request else {}
    return get_token() if scope[_VISITOR] == LOCAL else None


def _signed_in(scope: Scope) -> str | None:
    """Who has signed in with Gradio's button, by the number that the Hub gives an account for good.

    It is in a cookie which Starlette has already checked to be one of ours: another is as if there were none.
    """
    login = scope.get("session", {}).get("oauth_info")
    if login is None or (login.get("expires_at") or math.inf) < time.time():
        return None
    return f"user:{login['userinfo']['sub']}"


def _key_in(cookies: str) -> str | None:
    # Not http.cookies: it reads nothing behind a cookie that it does not like, whoever set that.
    key = cookie_parser(cookies).get(COOKIE, "")
    return key if _KEY.fullmatch(key) else None


def _cookie(key: str) -> str:
    # A Space is shown in a frame of another site; there the cookie is kept for that pair of sites alone.
    framed = "SameSite=None; Secure; Partitioned" if "SPACE_ID" in os.environ else "SameSite=Lax"
    return f"{COOKIE}={key}; Path=/; Max-Age={SECONDS_KEPT}; HttpOnly; {framed}"
