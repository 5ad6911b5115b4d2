"""A bot comes from the Hub, is checked like any other, and can be talked to and built on."""

import shutil
from collections.abc import Iterator
from html import escape
from typing import Any
from uuid import uuid4

import gradio as gr
from huggingface_hub import HfApi

from reft_studio.draft import Draft
from reft_studio.engine.interface import PyreftFolder
from reft_studio.errors import StudioError
from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.recipe import Recipe
from reft_studio.share.importer import fetch
from reft_studio.ui import wording
from reft_studio.ui.base_panel import offer
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import IN_ORDER, connect
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio
from reft_studio.ui.table import added
from reft_studio.ui.verdict import sentence


class FetchPanel:
    """Lays the panel out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio, self._examples = studio, examples
        gr.HTML(f"<h3>{wording.FETCH_TITLE}</h3><p>{wording.FETCH_INTRO}</p>")
        link = gr.Textbox(
            label=wording.FETCH_LINK,
            placeholder="https://huggingface.co/…",
            max_lines=1,
            elem_id="fetch-link",
        )
        positions = gr.Dropdown(
            wording.POSITION_CHOICES,
            value=Recipe.model_fields["positions"].default,
            allow_custom_value=True,
            visible=False,
            label=wording.PYREFT_POSITIONS,
            info=wording.PYREFT_POSITIONS_HELP,
            elem_id="pyreft-positions",
        )
        with gr.Row(elem_classes="actions"):
            get = gr.Button(wording.FETCH, elem_id="fetch")
            rows = gr.Button(wording.FETCHED_ROWS, visible=False, elem_id="fetched-rows")
        banner = gr.HTML(elem_classes="banner")
        said = gr.HTML(elem_id="fetched")
        newest, asked_for = gr.State(None), gr.State("")
        asked = [link.submit, get.click]
        connect(
            asked,
            self._fetch,
            [link, positions, asked_for],
            [said, rows, newest, positions, asked_for],
            banner,
            needs_token=True,
            trigger_mode="once",
            concurrency_limit=8,
        )
        shown = [said, rows, *examples.shown]
        self.began = connect(rows.click, self._take_rows, [newest], shown, banner, **IN_ORDER)

    def _fetch(
        self, owner: str, token: str | None, link: str, positions: str, asked_for: str
    ) -> Iterator[tuple[Any, ...]]:
        """Of a bot that pyreft saved, the first click asks what it edits, and the second takes it in.

        Likewise of a bot whose base model would have to be loaded.
        """
        keep = (gr.skip(), gr.skip())
        yield _said(wording.PUBLISHING), gr.Button(visible=False), None, *keep
        try:
            yield self._fetched(owner, token, link, positions, again=link == asked_for)
        except StudioError:
            yield "", gr.Button(visible=False), None, *keep
            raise

    def _fetched(
        self, owner: str, token: str | None, link: str, positions: str, *, again: bool
    ) -> tuple[Any, ...]:
        self._studio.rates.count(owner, Asked.TRANSFERS)
        scratch = self._studio.scratch / uuid4().hex
        try:
            most = self._studio.settings.max_upload_bytes
            fetched = fetch(HfApi(token=token or False), link, scratch, most_bytes=most)
            if fetched.from_pyreft and not again:
                ask = gr.Dropdown(visible=True)
                return _said(wording.FROM_PYREFT), gr.Button(visible=False), None, ask, link
            base = None if fetched.from_pyreft else self._studio.unloaded_base(fetched.folder)
            if base and not again:
                said = f"{offer(self._studio, base)} {wording.PRESS_AGAIN}"
                return _said(said), gr.Button(visible=False), None, gr.Dropdown(visible=False), link
            name = fetched.repo_id.partition("/")[2]
            pyreft = PyreftFolder(positions, name) if fetched.from_pyreft else None
            bot = self._studio.open_bot(owner, fetched.folder, pyreft)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        manifest = read_manifest(bot.folder / MANIFEST_FILE)
        rows = len(self._studio.store.trained_on(owner, bot.id))
        said = wording.fetched(
            bot.name,
            wording.PRACTICE_MODEL if manifest.base.id == EMBEDDED_ID else manifest.base.id,
            manifest.recipe.method.label,
            rows,
            fetched.license,
        )
        scored = _said(wording.authors_score(sentence(manifest.score))) if manifest.score else ""
        return _said(said) + scored, gr.Button(visible=bool(rows)), bot.id, gr.Dropdown(visible=False), ""

    def _take_rows(self, owner: str, bot_id: str | None) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, bot_id)
        rows = self._studio.store.trained_on(owner, bot.id)
        kept = added([], rows, self._studio.settings.limits)
        shown = self._examples.show_instead(owner, Draft(bot.name, tuple(kept), bot.probes))
        return _said(wording.ROWS_ARE_THERE), gr.Button(visible=False), *shown


def _said(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'
