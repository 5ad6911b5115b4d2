"""A bot goes to the Hub in one click, and with it, if wanted, a page to talk to it."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub import HfApi, get_token

from reft_studio.errors import ShareError, StudioError
from reft_studio.manifest import CARD_FILE, MANIFEST_FILE, read_manifest
from reft_studio.settings import has_sign_in
from reft_studio.share.bundle import find_license, write_bundle
from reft_studio.share.changes import Change, File, size_of
from reft_studio.share.hub import Finishing, Place, Published, Uploading, account, publish, would_change
from reft_studio.share.published import IS_OURS
from reft_studio.share.space import write_space
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.addresses import hub_name, link_to, repo_id_of
from reft_studio.ui.events import connect, show
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio, bot_name

_MOST_LINES = 8
"""Of more files there is one line, which can be opened."""


@dataclass(frozen=True)
class _Wanted:
    """What the fields say."""

    owner: str
    chosen: str | None
    name: str
    include_rows: bool
    address: str
    seen_by: str = wording.ONLY_ME
    with_space: bool = False

    def place(self, account_name: str) -> Place:
        """Where the bot goes."""
        return Place(repo_id_of(account_name, self.address), private=self.seen_by != wording.EVERYBODY)


class PublishPanel:
    """Lays the panel out and connects it. A token lives only as long as one call of a handler."""

    def __init__(self, studio: Studio, bot: gr.Dropdown, name: gr.Textbox, include: gr.Checkbox) -> None:
        self._studio = studio
        self._stopping: set[str] = set()
        """Owners who do not want to go on; seen between one file and the next."""
        gr.HTML(f"<h3>{wording.HUB_TITLE}</h3><p>{wording.HUB_INTRO}</p>")
        if has_sign_in():
            gr.LoginButton(wording.SIGN_IN, logout_value=wording.SIGN_OUT, elem_id="login")
        self._hint = gr.HTML(elem_id="sign-in")
        self._address = gr.Textbox(
            label=wording.ADDRESS, info=wording.ADDRESS_HELP, max_lines=1, elem_id="hub-name"
        )
        seen_by = gr.Radio(
            [wording.ONLY_ME, wording.EVERYBODY],
            value=wording.ONLY_ME,
            label=wording.WHO_SEES,
            info=wording.WHO_SEES_HELP,
            elem_id="who-sees",
        )
        with_space = gr.Checkbox(
            False, label=wording.WITH_SPACE, info=wording.WITH_SPACE_HELP, elem_id="with-space"
        )
        with gr.Row(elem_classes="actions"):
            self._publish = gr.Button(
                wording.PUBLISH, variant="primary", elem_id="publish", interactive=False
            )
            preview = gr.Button(wording.PREVIEW, elem_id="preview")
            self._stop = gr.Button(wording.STOP_PUBLISHING, visible=False, elem_id="stop-publishing")
        banner = gr.HTML(elem_classes="banner")
        self._outcome = gr.HTML(elem_id="outcome")
        self.shown = [self._hint, self._address, self._publish]
        told = [bot, name, include, self._address]
        parts = [self._outcome, self._publish, self._stop]
        going_up = [*told, seen_by, with_space]
        connect(preview.click, self._preview, going_up, [self._outcome], banner, needs_token=True)
        connect(
            self._publish.click,
            self._send,
            going_up,
            parts,
            banner,
            needs_token=True,
            trigger_mode="once",
            concurrency_limit=8,
        )
        connect(self._stop.click, self._ask_to_stop, [], [self._stop], banner)
        show(name.input, lambda _owner, *typed: hub_name(*typed), [name, bot], [self._address])

    def restore(self, bot: SavedBot | None, *, keep_typed: bool = False) -> tuple[Any, ...]:
        """Whether one can publish here, under which name, and the button; the name may be typed already."""
        signed_in = not self._studio.settings.shared and get_token() is not None
        possible = signed_in or has_sign_in()
        hint = "" if signed_in else f"<p>{escape(self._how_to_sign_in())}</p>"
        return (
            hint,
            gr.skip() if keep_typed else hub_name(bot.name, bot.id) if bot else "",
            gr.Button(interactive=possible and bot is not None),
        )

    def _preview(self, owner: str, token: str | None, *typed: Any) -> str:
        """Every file that would go up, what that would change there, and the page as it will be written."""
        self._studio.rates.count(owner, Asked.TRANSFERS)
        wanted, api = _Wanted(owner, *typed), HfApi(token=token or False)
        place = wanted.place(account(api) if token else wording.YOUR_ACCOUNT)
        with self._studio.scratch_folder() as scratch:
            files = self._bundle(api, wanted, place.repo_id, scratch / "bot")
            card = (scratch / "bot" / CARD_FILE).read_text(encoding="utf-8")
            shown = _listed(place, files, would_change(api, place, files, IS_OURS["model"]) if token else {})
            if wanted.with_space:
                files, place = self._space(wanted, place.repo_id, scratch / "space"), _space_of(place)
                shown += _listed(
                    place, files, would_change(api, place, files, IS_OURS["space"]) if token else {}
                )
        return f"{shown}<pre class='card-text'>{escape(card)}</pre>"

    def _send(self, owner: str, token: str | None, *typed: Any) -> Iterator[tuple[Any, ...]]:
        if token is None:
            raise ShareError(self._how_to_sign_in())
        wanted, api = _Wanted(owner, *typed), HfApi(token=token)
        self._studio.rates.count(owner, Asked.TRANSFERS)
        self._stopping.discard(owner)
        yield _running(wording.PUBLISHING)
        done = ""
        try:
            with self._studio.scratch_folder() as scratch:
                place = wanted.place(account(api))
                files = self._bundle(api, wanted, place.repo_id, scratch / "bot")
                events = publish(api, place, files, wording.PUBLISH, IS_OURS["model"])
                done = yield from self._follow(events, wanted, "")
                if wanted.with_space and owner not in self._stopping:
                    done = yield from self._send_space(api, wanted, place, scratch / "space", done)
        except Exception:
            # Also after a mistake of ours: what is published stays said, and the button works.
            yield _ended(done)
            raise
        yield _ended(done)

    def _send_space(
        self, api: HfApi, wanted: _Wanted, model: Place, folder: Path, done: str
    ) -> Generator[tuple[Any, ...], None, str]:
        """Goes on from `done` and returns what to say in the end: that the bot is up stays said."""
        try:
            files = self._space(wanted, model.repo_id, folder)
            events = publish(api, _space_of(model), files, wording.PUBLISH, IS_OURS["space"])
            return (yield from self._follow(events, wanted, done))
        except StudioError as error:
            return f"{done}<p>{escape(wording.SPACE_FAILED.format(reason=error))}</p>"

    def _follow(
        self, events: Iterator[Uploading | Finishing | Published], wanted: _Wanted, done: str
    ) -> Generator[tuple[Any, ...], None, str]:
        """Show how far it is, below what is `done`; returns what is done in the end."""
        for event in events:
            if isinstance(event, Published):
                text = wording.PUBLISHED_SPACE if done else wording.PUBLISHED_BOT
                return done + _published(text, event)
            if wanted.owner in self._stopping:
                return f"{done}<p>{wording.STOPPED_PUBLISHING}</p>"
            yield _running(
                wording.FINISHING
                if isinstance(event, Finishing)
                else wording.sending(event.file, event.number, event.total),
                done,
            )
        return done

    def _how_to_sign_in(self) -> str:
        if has_sign_in():
            return wording.SIGN_IN_HERE
        return wording.NO_SIGN_IN if self._studio.settings.shared else wording.SIGN_IN_FIRST

    def _ask_to_stop(self, owner: str) -> gr.Button:
        self._stopping.add(owner)
        return gr.Button(visible=False)

    def _bundle(self, api: HfApi, wanted: _Wanted, repo_id: str, folder: Path) -> dict[str, File]:
        bot = self._studio.bot(wanted.owner, wanted.chosen)
        paths = write_bundle(
            folder,
            bot.folder,
            name=bot_name(wanted.name, bot.name),
            repo_id=repo_id,
            rows=self._studio.store.trained_on(wanted.owner, bot.id),
            include_rows=wanted.include_rows,
            base_license=find_license(api, read_manifest(bot.folder / MANIFEST_FILE)),
        )
        return {path.name: path for path in paths}

    def _space(self, wanted: _Wanted, model_id: str, folder: Path) -> dict[str, File]:
        bot = self._studio.bot(wanted.owner, wanted.chosen)
        paths = write_space(folder, bot.folder, name=bot_name(wanted.name, bot.name), model_id=model_id)
        return {path.relative_to(folder).as_posix(): path for path in paths}


def _space_of(model: Place) -> Place:
    return Place(f"{model.repo_id}{wording.SPACE_NAME_SUFFIX}", "space", model.private)


def _listed(place: Place, files: Mapping[str, File], changes: Mapping[str, Change] | None) -> str:
    """What would go up, with what becomes of each file there, as far as that is known."""
    become = changes or {}
    sizes = {name: size_of(content) for name, content in files.items()}
    gone = [name for name, change in become.items() if change is Change.REMOVED]
    lines = [wording.file_of(name, size, become.get(name)) for name, size in sizes.items()]
    lines += [wording.file_of(name, None, Change.REMOVED) for name in gone]
    listed = f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
    if len(lines) > _MOST_LINES:
        said = wording.all_files(len(sizes), sum(sizes.values()))
        changed = f" {wording.changed(become)}." if become else ""
        listed = f"<details><summary>{escape(said + changed)}</summary>{listed}</details>"
    there = wording.WOULD_CHANGE if changes else wording.WOULD_BE_NEW if changes is None else ""
    return f"<p><strong>{escape(place.repo_id)}</strong> {there}</p>{listed}"


def _running(text: str, before: str = "") -> tuple[Any, ...]:
    return (
        f'{before}<p role="status">{escape(text)}</p>',
        gr.Button(interactive=False),
        gr.Button(visible=True),
    )


def _ended(html: str) -> tuple[Any, ...]:
    return html, gr.Button(interactive=True), gr.Button(visible=False)


def _published(text: str, event: Published) -> str:
    changed = wording.what_changed(event.changes)
    return f'<p class="published">{text} {link_to(event.url)}</p><p class="quiet">{escape(changed)}</p>'
