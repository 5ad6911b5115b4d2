"""How the page is served: with what in front of it, and which names it answers to."""

import os
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Scope

from reft_studio.engine.interface import Readiness
from reft_studio.ui.gate import Gate, SecurityHeaders
from reft_studio.ui.owners import Visitors, visitor_of
from reft_studio.ui.rates import Asked
from reft_studio.ui.scripts import Scripts
from reft_studio.ui.studio import Studio
from reft_studio.ui.theme import SCRIPTS, STYLE, theme

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_WAITING = 64
SECONDS_TO_CLOSE = 1


def serve(page: gr.Blocks, studio: Studio) -> None:
    """Show the page to browsers until the app is stopped."""
    settings = studio.settings
    page.queue(max_size=MAX_WAITING, api_open=False).launch(
        # Spaces say where to listen in a variable that Gradio reads when it is given nothing.
        server_name=None if "GRADIO_SERVER_NAME" in os.environ else settings.host,
        # A port that somebody asked for must be free; otherwise the next free one will do.
        server_port=settings.port if "port" in settings.model_fields_set else None,
        theme=theme(),
        css_paths=STYLE,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        share=False,
        # Or a computer that is too busy to answer Gradio's own request within three seconds has no app.
        _frontend=False,
        allowed_paths=[],
        blocked_paths=[str(settings.data_folder)],
        max_file_size=settings.max_upload_bytes,
        app_kwargs=_app_kwargs(studio),
        prevent_thread_lock=True,
    )
    # Every open page holds a connection that does not end by itself.
    page.server.config.timeout_graceful_shutdown = SECONDS_TO_CLOSE
    page.block_thread()


def _app_kwargs(studio: Studio) -> dict[str, Any]:
    def count_upload(scope: Scope) -> None:
        studio.rates.count(visitor_of(scope), Asked.UPLOADS)

    settings = studio.settings
    middleware = [
        Middleware(SecurityHeaders),
        Middleware(Scripts, scripts=[script.read_text(encoding="utf-8") for script in SCRIPTS]),
        Middleware(Visitors, shared=settings.shared, move=studio.store.move_all),
        Middleware(Gate, most_bytes=settings.max_upload_bytes, count_upload=count_upload),
    ]
    if settings.host in LOOPBACK and "GRADIO_SERVER_NAME" not in os.environ:
        # Or a site could point its own name at this computer and read the page.
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"]))
    return {"middleware": middleware, "routes": [health(studio)]}


def health(studio: Studio) -> Route:
    """Says how the app is: well if its store can be read and its base model is there or on its way."""

    def tell(_: Request) -> JSONResponse:
        # The base model of the settings gives way to others where memory is short.
        status = studio.engines.status(studio.engines.default)
        readiness = status.readiness if status else Readiness.STOPPED
        told = {
            "engine": readiness,
            "running": studio.trainings.running,
            "waiting": len(studio.store.waiting()),
        }
        return JSONResponse(told, 503 if readiness is Readiness.FAILED else 200)

    return Route("/healthz", tell)
