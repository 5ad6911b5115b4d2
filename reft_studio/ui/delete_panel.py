"""Delete a bot, after a second click."""

from html import escape
from typing import Any

import gradio as gr

from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.events import IN_ORDER, connect
from reft_studio.ui.studio import Studio


class DeletePanel:
    """Lays the panel out; the tab around it connects `really`, since the tab changes with it."""

    def __init__(self, studio: Studio, bot: gr.Dropdown) -> None:
        self._studio = studio
        gr.HTML(f"<h3>{wording.DELETE_TITLE}</h3><p>{wording.DELETE_INTRO}</p>")
        self.banner = gr.HTML(elem_classes="banner")
        self._said = gr.HTML(elem_id="delete-said")
        with gr.Row(elem_classes="actions"):
            self._ask = gr.Button(wording.DELETE, interactive=False, elem_id="delete")
        with gr.Row(visible=False, elem_classes="actions") as self._choice:
            self.really = gr.Button(wording.DELETE_REALLY, variant="stop", elem_id="delete-really")
            keep = gr.Button(wording.KEEP, elem_id="delete-keep")
        self.asked = gr.State("")
        self.shown = [self.asked, self._said, self._ask, self._choice]
        # Else the tab, still being restored, would take back what was asked since then.
        connect(self._ask.click, self._question, [bot], self.shown, self.banner, **IN_ORDER)
        connect(keep.click, lambda _owner: _shown(), [], self.shown, self.banner, **IN_ORDER)

    def restore(self, bot: SavedBot | None) -> tuple[Any, ...]:
        """Nothing is asked; there is a button if there is a bot."""
        return _shown(can_ask=bot is not None)

    def delete(self, owner: str, asked: str) -> str:
        """Delete the bot that the question was about; returns what is said then. Raises BotError."""
        bot = self._studio.bot(owner, asked)
        self._studio.store.delete_bot(owner, bot.id)
        return f'<p role="status">{escape(wording.deleted(bot.name))}</p>'

    def _question(self, owner: str, chosen: str | None) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, chosen)
        question = f'<p role="alert">{escape(wording.really_delete(bot.name))}</p>'
        return bot.id, question, gr.Button(visible=False), gr.Row(visible=True)


def _shown(*, can_ask: bool = True) -> tuple[Any, ...]:
    return "", "", gr.Button(visible=True, interactive=can_ask), gr.Row(visible=False)
