"""A bot from a file. One that needs a chat model which is not loaded is opened when its person wants that."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from reft_studio.errors import BotError, StudioError
from reft_studio.share.importer import gather
from reft_studio.ui import wording
from reft_studio.ui.base_panel import offer
from reft_studio.ui.events import connect
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio


@dataclass(frozen=True)
class Waiting:
    """A file that its owner is asked about."""

    owner: str = ""
    path: str = ""


class OpenPanel:
    """Lays the question out; `connect` says what comes of it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._waiting = gr.State(Waiting())
        self._stopping: set[str] = set()
        """Owners who do not want to go on."""
        with gr.Column(visible=False, elem_id="open-offer") as self._group:
            self._said = gr.HTML()
            with gr.Row(elem_classes="actions") as self._buttons:
                self._load = gr.Button(wording.LOAD_AND_OPEN, variant="primary", elem_id="load-and-open")
                self._leave = gr.Button(wording.NEVER_MIND, elem_id="leave-it")
            with gr.Row(elem_classes="actions"):
                self._stop = gr.Button(wording.STOP, visible=False, elem_id="stop-opening")

    def connect(
        self,
        opener: gr.UploadButton,
        restore: Callable[..., Any],
        seen: Sequence[Any],
        shown: Sequence[Any],
        banner: gr.HTML,
    ) -> None:
        """Open what is uploaded; then show what `restore` returns for `seen`, in `shown`."""
        asked = [self._waiting, self._group, self._said, self._buttons, self._stop]
        same = (gr.skip(),) * len(shown)

        def upload(owner: str, path: str, *seen: Any) -> tuple[Any, ...]:
            self._studio.rates.count(owner, Asked.TRANSFERS)
            with self._unpacked(path) as folder:
                if base := self._studio.unloaded_base(folder):
                    return *_asking(Waiting(owner, path), offer(self._studio, base)), *same
                self._studio.open_bot(owner, folder)
            return *_closed(), *restore(owner, *seen)

        def load(owner: str, waiting: Waiting, *seen: Any) -> Iterator[tuple[Any, ...]]:
            if waiting.owner != owner:
                raise BotError(wording.NO_SUCH_BOT)
            self._stopping.discard(owner)
            try:
                with self._unpacked(waiting.path) as folder:
                    for event in self._studio.opening(owner, folder, None, lambda: owner in self._stopping):
                        if isinstance(event, str):
                            yield *_loading(event), *same
            except StudioError:
                yield *_closed(), *same
                raise
            yield *_closed(), *restore(owner, *seen)

        outputs = [*asked, *shown]
        connect(opener.upload, upload, [opener, *seen], outputs, banner)
        connect(self._load.click, load, [self._waiting, *seen], outputs, banner, concurrency_limit=4)
        connect(self._stop.click, self._ask_to_stop, [], [self._stop], banner)
        connect(self._leave.click, lambda _owner: _closed(), [], asked, banner)

    def _ask_to_stop(self, owner: str) -> gr.Button:
        self._stopping.add(owner)
        return gr.Button(visible=False)

    @contextmanager
    def _unpacked(self, path: str) -> Iterator[Path]:
        """A folder with the bot's files, as long as the block; raises BotError."""
        most = self._studio.settings.max_upload_bytes
        with self._studio.scratch_folder() as scratch:
            yield gather([Path(path)], scratch / "bot", most_bytes=most).folder


def _asking(waiting: Waiting, question: str) -> tuple[Any, ...]:
    return waiting, gr.Column(visible=True), _said(question), gr.Row(visible=True), gr.Button(visible=False)


def _loading(how_far: str) -> tuple[Any, ...]:
    return gr.skip(), gr.skip(), _said(how_far), gr.Row(visible=False), gr.Button(visible=True)


def _closed() -> tuple[Any, ...]:
    return Waiting(), gr.Column(visible=False), "", gr.skip(), gr.skip()


def _said(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'
