"""How handlers are connected, and the one place where errors turn into sentences on the page.

Every handler is told first who asks.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from html import escape
from types import TracebackType
from typing import Any

import gradio as gr
from gradio.events import Dependency

from reft_studio.errors import StudioError
from reft_studio.ui import wording
from reft_studio.ui.owners import owner_of, token_of

log = logging.getLogger(__name__)

_TYPED = ("input", "change")

IN_ORDER: dict[str, Any] = {"concurrency_id": "draft", "concurrency_limit": 1}
"""Options for what changes or needs the rows: it takes effect in the order in which it was asked for."""

UNSEEN: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
"""Options of every handler: not part of an API, and nothing on the page tells that it works.

By an empty list, too: else the page would note with every word of an answer, for each part that a handler has
ever changed, that there is nothing to tell, which would be most of what it does.
"""


# Gradio has drawn what came by then, but the browser has perhaps not yet laid it out.
_REVEAL = """id => {
    const show = times => {
        const part = document.getElementById(id);
        if (part?.offsetParent) {
            part.scrollIntoView({block: "center"});
            part.querySelector("textarea, input")?.focus({preventScroll: true});
        } else if (times) setTimeout(show, 100, times - 1);
    };
    setTimeout(show, 100, 50);
}"""


class _OurMistakes:
    """Says what a `StudioError` says. Anything else goes to the log, and a plain sentence is said instead."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StudioError):
            raise gr.Error(escape(str(error)), title="", print_exception=False) from error
        if isinstance(error, Exception) and not isinstance(error, gr.Error):
            log.error("A handler of the page crashed", exc_info=error)
            raise gr.Error(wording.OUR_MISTAKE, print_exception=False) from error


def show(
    triggers: Any | Sequence[Any],
    act: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    **options: Any,
) -> Any:
    """Show what `act` returns or yields on any of the triggers; it cannot fail through a person's doing."""
    return _on(triggers, _told(act), inputs, outputs, **options)


def follow(
    event: Any, act: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any], **options: Any
) -> Any:
    """The same after the handler of an event is done."""
    options = {**UNSEEN, **options}
    return event.then(_told(act), [*inputs], [*outputs], **options)


def after(event: Any, seconds: float) -> Any:
    """The event of so much later than the handler of an event is done."""
    wait = f"() => new Promise(done => setTimeout(done, {seconds * 1000:.0f}))"
    return event.then(None, js=wait, api_visibility="private")


def reveal(event: Any, elem_id: str) -> None:
    """Bring a part of the page into sight after the handler of an event is done, to be written in at once."""
    event.then(None, js=f"() => ({_REVEAL})('{elem_id}')", api_visibility="private")


def _told(act: Callable[..., Any]) -> Callable[..., Any]:
    def run(request: gr.Request, *values: Any) -> Any:
        with _OurMistakes():
            return act(owner_of(request), *values)

    def stream(request: gr.Request, *values: Any) -> Iterator[Any]:
        with _OurMistakes():
            yield from act(owner_of(request), *values)

    return stream if inspect.isgeneratorfunction(act) else run


def connect(
    triggers: Any | Sequence[Any],
    act: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    banner: gr.HTML,
    *,
    needs_token: bool = False,
    **options: Any,
) -> Any:
    """Run `act` on any of the triggers, or after the handler of one event is done.

    It returns or yields one value, or a tuple with one per output.

    A StudioError leaves the outputs as they are and puts its message in `banner`, until the next success.
    With `needs_token`, `act` is told second which Hub token the sender of the request has, or None.
    """

    def asker(request: gr.Request, login: gr.OAuthToken | None) -> tuple[str | None, ...]:
        owner = owner_of(request)
        return (owner, token_of(request, login)) if needs_token else (owner,)

    def succeed(result: Any) -> list[Any]:
        values = result if isinstance(result, tuple) else (result,)
        return [*values[: len(outputs)], ""]

    def fail(error: StudioError) -> list[Any]:
        gr.Warning(escape(str(error)), title="")
        return [*[gr.skip()] * len(outputs), alert(str(error))]

    def run(request: gr.Request, login: gr.OAuthToken | None, *values: Any) -> list[Any]:
        with _OurMistakes():
            try:
                return succeed(act(*asker(request, login), *values))
            except StudioError as error:
                return fail(error)

    def stream(request: gr.Request, login: gr.OAuthToken | None, *values: Any) -> Iterator[list[Any]]:
        with _OurMistakes():
            try:
                yield from map(succeed, act(*asker(request, login), *values))
            except StudioError as error:
                yield fail(error)

    handler = stream if inspect.isgeneratorfunction(act) else run
    return _on(triggers, handler, inputs, [*outputs, banner], **options)


def _on(triggers: Any, handler: Any, inputs: Sequence[Any], outputs: Sequence[Any], **options: Any) -> Any:
    if isinstance(triggers, Dependency):
        return triggers.then(handler, [*inputs], [*outputs], **{**UNSEEN, **options})
    triggers = triggers if isinstance(triggers, Sequence) else [triggers]
    if all(getattr(trigger, "event_name", "") in _TYPED for trigger in triggers):
        # Of what is typed while the last is being kept, the newest counts; by default it would be lost.
        options = {"trigger_mode": "always_last", **options}
    options = {**UNSEEN, **options}
    return gr.on(triggers, handler, inputs=[*inputs], outputs=[*outputs], **options)


def alert(message: str) -> str:
    """A message that stays on the page, read out by screen readers."""
    return f'<div class="alert" role="alert">{escape(message)}</div>'


def file_offer(button: gr.Button, make: Callable[..., str], inputs: Sequence[Any], banner: gr.HTML) -> None:
    """Let `button` make a file and hand it to the browser in one click."""
    elem_id = f"file-of-{button.elem_id}"
    carrier = gr.DownloadButton(visible="hidden", elem_id=elem_id)
    connect(button.click, make, inputs, [carrier], banner, show_progress="minimal", show_progress_on=button)
    # A new path each time, so this follows every success and no failure.
    carrier.change(None, js=f"() => document.querySelector('#{elem_id}').click()", api_visibility="private")
