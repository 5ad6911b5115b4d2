"""The last tab: a bot as a file, a bot on the Hub, and a bot of somebody else's."""

import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from reft_studio.scratch import offered_file
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.chooser import bot_choice
from reft_studio.ui.delete_panel import DeletePanel
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import connect, file_offer
from reft_studio.ui.fetch_panel import FetchPanel
from reft_studio.ui.publish_panel import PublishPanel
from reft_studio.ui.published_panel import PublishedPanel
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio, bot_name


class ShareTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio = studio
        gr.HTML(f"<h2>{wording.SHARE_TITLE}</h2><p>{wording.SHARE_INTRO}</p>")
        self._said = gr.HTML(elem_id="share-said")
        self._bot = gr.Dropdown([], label=wording.BOT, filterable=False, elem_id="share-bot")
        self._name = gr.Textbox(label=wording.SHARE_NAME, elem_id="share-name")
        include = gr.Checkbox(
            False, label=wording.INCLUDE_ROWS, info=wording.INCLUDE_ROWS_HELP, elem_id="include-rows"
        )
        gr.HTML(f"<h3>{wording.FILE_TITLE}</h3><p>{wording.FILE_INTRO}</p>")
        banner = gr.HTML(elem_classes="banner")
        download = gr.Button(wording.DOWNLOAD, variant="primary", interactive=False, elem_id="download")
        self._publish = PublishPanel(studio, self._bot, self._name, include)
        PublishedPanel(studio)
        self.fetch = FetchPanel(studio, examples)
        self._delete = DeletePanel(studio, self._bot)
        beside = [*self._publish.shown, *self._delete.shown]
        self.seen = [self._bot, self._delete.asked]
        self.shown = [self._bot, self._name, self._said, download, *beside]
        named = [self._name, *beside]
        connect(
            self._delete.really.click, self._delete_bot, [self._delete.asked], self.shown, self._delete.banner
        )
        connect(self._bot.input, self._choose, [self._bot], named, banner)
        file_offer(download, self._pack, [self._bot, self._name, include], banner)

    def restore(self, owner: str, chosen: str | None, shown: str | None, asked: str) -> tuple[Any, ...]:
        """The tab with the bot that is chosen for the chat, or what to do when there is none.

        What was typed and asked about the bot that it shows already stays.
        """
        bots = self._studio.store.bots(owner)
        bot = next((bot for bot in bots if bot.id == chosen), bots[0] if bots else None)
        same = bot is not None and bot.id == shown
        return *self._show(bots, bot, keep_typed=same), *self._delete.restore(bot, asked)

    def _show(
        self, bots: Sequence[SavedBot], bot: SavedBot | None, *, keep_typed: bool = False
    ) -> tuple[Any, ...]:
        said = f"<p>{wording.NOTHING_SHARED_YET if bot else wording.NOTHING_TO_SHARE}</p>"
        name = gr.skip() if keep_typed else bot.name if bot else ""
        download = gr.Button(interactive=bot is not None)
        publish = self._publish.restore(bot, keep_typed=keep_typed)
        return bot_choice(bots, bot), name, said, download, *publish

    def _choose(self, owner: str, chosen: str | None) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, chosen)
        return bot.name, *self._publish.restore(bot), *self._delete.begin(bot)

    def _delete_bot(self, owner: str, asked: str) -> tuple[Any, ...]:
        said = self._delete.delete(owner, asked)
        bots = self._studio.store.bots(owner)
        bot = bots[0] if bots else None
        return *self._show(bots, bot), *self._delete.begin(bot, said)

    def _pack(self, owner: str, chosen: str | None, name: str, include: bool) -> str:
        bot = self._studio.bot(owner, chosen)
        name = bot_name(name, bot.name)
        self._studio.rates.count(owner, Asked.TRANSFERS)
        path = offered_file(self._studio.scratch, f"{_file_name(name)}.zip")
        rows = self._studio.store.trained_on(owner, bot.id) if include else ()
        with self._studio.engines.use(bot.base) as engine:
            engine.pack_bot(bot.folder, path, name, rows)
        return str(path)


def _file_name(name: str) -> str:
    """Letters, digits and dashes of the name, in any script."""
    return re.sub(r"[^\w-]+", "-", name).strip("-_").lower()[:60] or "bot"
