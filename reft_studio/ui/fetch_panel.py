"""A bot comes from the Hub or from files, is checked like any other, and can be talked to and built on."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub import HfApi

from reft_studio.base_ref import BaseRef
from reft_studio.draft import Draft
from reft_studio.engine.interface import PyreftFolder
from reft_studio.errors import BaseModelError, StudioError
from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.recipe import Recipe
from reft_studio.share.importer import Fetched, Fetching, fetching, gather
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.base_panel import DEFAULT, base_choice, chosen_base, offer
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import IN_ORDER, connect, show
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio
from reft_studio.ui.table import added
from reft_studio.ui.verdict import sentence

_GET = Callable[[Path], Generator[Fetching | Fetched, None, None]]
"""Brings a bot's files into a new folder."""


@dataclass(frozen=True)
class _Asked:
    """What somebody was asked about last, and so wants who presses the button again."""

    source: str = ""
    """The link or the files, of which pyreft's did not say everything."""
    base: BaseRef | None = None
    """The base model that is to be loaded."""


class FetchPanel:
    """Lays the panel out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio, self._examples = studio, examples
        self._stopping: set[str] = set()
        """Owners who do not want to go on."""
        gr.HTML(f"<h3>{wording.FETCH_TITLE}</h3><p>{wording.FETCH_INTRO}</p>")
        link = gr.Textbox(
            label=wording.FETCH_LINK,
            placeholder="https://huggingface.co/…",
            max_lines=1,
            elem_id="fetch-link",
        )
        files = gr.File(label=wording.FETCH_FILES, file_count="multiple", height=130, elem_id="fetch-files")
        with gr.Column(visible=False, elem_id="pyreft") as not_said:
            base = base_choice(studio, wording.PYREFT_BASE_HELP, "pyreft-base")
            positions = gr.Dropdown(
                wording.POSITION_CHOICES,
                value=Recipe.model_fields["positions"].default,
                allow_custom_value=True,
                label=wording.PYREFT_POSITIONS,
                info=wording.PYREFT_POSITIONS_HELP,
                elem_id="pyreft-positions",
            )
        with gr.Row(elem_classes="actions"):
            get = gr.Button(wording.FETCH, elem_id="fetch")
            stop = gr.Button(wording.STOP, visible=False, elem_id="stop-fetching")
            rows = gr.Button(wording.FETCHED_ROWS, visible=False, elem_id="fetched-rows")
        banner = gr.HTML(elem_classes="banner")
        said = gr.HTML(elem_id="fetched")
        newest, asked = gr.State(None), gr.State(_Asked())
        # Of link and files, what was given last is meant.
        show(link.input, lambda _owner: None, [], [files])
        show(files.upload, lambda _owner: "", [], [link])
        connect(
            [link.submit, get.click, files.upload],
            self._fetch,
            [link, files, base, positions, asked],
            [said, stop, rows, newest, not_said, base, asked],
            banner,
            needs_token=True,
            trigger_mode="once",
            concurrency_limit=8,
        )
        connect(stop.click, self._ask_to_stop, [], [stop], banner)
        shown = [said, rows, *examples.shown]
        self.began = connect(rows.click, self._take_rows, [newest], shown, banner, **IN_ORDER)

    def _ask_to_stop(self, owner: str) -> gr.Button:
        self._stopping.add(owner)
        return gr.Button(visible=False)

    def _fetch(
        self,
        owner: str,
        token: str | None,
        link: str,
        files: Sequence[str] | None,
        base: str,
        positions: str,
        asked: "_Asked",
    ) -> Iterator[tuple[Any, ...]]:
        """The first click asks what a bot of pyreft does not say; one more, whether its model may be loaded.

        The next takes the bot in.
        """
        self._stopping.discard(owner)
        most = self._studio.settings.max_upload_bytes
        source = "\n".join(files) if files else link

        def get(folder: Path) -> Generator[Fetching | Fetched, None, None]:
            if files:
                yield gather([Path(file) for file in files], folder, most_bytes=most)
            else:
                yield from fetching(HfApi(token=token or False), link, folder, most_bytes=most)

        yield _flow(wording.PUBLISHING, busy=True)
        try:
            self._studio.rates.count(owner, Asked.TRANSFERS)
            with self._studio.scratch_folder() as scratch:
                fetched = yield from self._follow(owner, get, scratch / "bot")
                if fetched is None:
                    yield _flow(wording.STOPPED_FETCHING)
                elif fetched.from_pyreft and source != asked.source:
                    fields = gr.Column(visible=True), self._named(fetched.base_model)
                    yield *_flow(wording.FROM_PYREFT)[:-3], *fields, _Asked(source)
                else:
                    pyreft = self._told(fetched, base, positions) if fetched.from_pyreft else None
                    missing = self._studio.unloaded_base(fetched.folder, pyreft.base if pyreft else None)
                    if missing and asked != _Asked(source, missing):
                        question = f"{offer(self._studio, missing)} {wording.PRESS_AGAIN}"
                        yield *_flow(question)[:-1], _Asked(source, missing)
                    else:
                        yield from self._take_in(owner, fetched, pyreft)
        except StudioError:
            yield _flow("")
            raise

    def _follow(
        self, owner: str, get: _GET, folder: Path
    ) -> Generator[tuple[Any, ...], None, Fetched | None]:
        """Show how far it is; returns what came, or None if it was stopped."""
        shown = ""
        with closing(get(folder)) as events:
            for event in events:
                if isinstance(event, Fetched):
                    return event
                if owner in self._stopping:
                    return None
                said = wording.getting(event.file, event.number, event.total, event.share)
                if said != shown:
                    yield _flow(shown := said, busy=True)
        return None

    def _named(self, name: str | None) -> Any:
        """What the field shows of the base model that a card names, if that may be chosen."""
        try:
            base = chosen_base(self._studio, name)
        except BaseModelError:
            base = self._studio.engines.default
        return DEFAULT if base == self._studio.engines.default else base.name

    def _told(self, fetched: Fetched, base: str, positions: str) -> PyreftFolder:
        """What a bot of pyreft does not say, as the fields do."""
        return PyreftFolder(
            positions, fetched.name or wording.DEFAULT_BOT_NAME, chosen_base(self._studio, base)
        )

    def _take_in(
        self, owner: str, fetched: Fetched, pyreft: PyreftFolder | None
    ) -> Iterator[tuple[Any, ...]]:
        for event in self._studio.opening(owner, fetched.folder, pyreft, lambda: owner in self._stopping):
            if isinstance(event, SavedBot):
                yield self._taken_in(owner, event, fetched.license)
                return
            yield _flow(event, busy=True)
        yield _flow(wording.STOPPED_FETCHING)

    def _taken_in(self, owner: str, bot: SavedBot, license_: str | None) -> tuple[Any, ...]:
        rows = len(self._studio.store.trained_on(owner, bot.id))
        return (
            _about(bot, rows, license_),
            gr.Button(visible=False),
            gr.Button(visible=bool(rows)),
            bot.id,
            gr.Column(visible=False),
            gr.skip(),
            _Asked(),
        )

    def _take_rows(self, owner: str, bot_id: str | None) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, bot_id)
        rows = self._studio.store.trained_on(owner, bot.id)
        kept = added([], rows, self._studio.settings.limits)
        shown = self._examples.begin(owner, Draft(bot.name, tuple(kept), bot.probes))
        return _said(wording.ROWS_ARE_THERE), gr.Button(visible=False), *shown


def _flow(text: str, *, busy: bool = False) -> tuple[Any, ...]:
    """Values for what is said, Stop, the rows' button, the newest bot, what pyreft does not say, the base
    model among that, and what was asked."""
    said = _said(text) if text else ""
    return said, gr.Button(visible=busy), gr.Button(visible=False), None, gr.skip(), gr.skip(), gr.skip()


def _about(bot: SavedBot, rows: int, license_: str | None) -> str:
    """Where a bot comes from, and what its author says of it."""
    manifest = read_manifest(bot.folder / MANIFEST_FILE)
    base = wording.PRACTICE_MODEL if manifest.base.id == EMBEDDED_ID else manifest.base.id
    came = wording.fetched(bot.name, base, manifest.recipe.method.label, rows, license_)
    return _said(came) + (_said(wording.authors_score(sentence(manifest.score))) if manifest.score else "")


def _said(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'
