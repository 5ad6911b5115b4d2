"""Delete a bot, after a second click."""

from typing import Any

import gradio as gr

from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.second_click import SecondClick, nothing_asked, still_asked
from reft_studio.ui.studio import Studio


class DeletePanel:
    """Lays the panel out; the tab around it connects `really`, since the tab changes with it."""

    def __init__(self, studio: Studio, bot: gr.Dropdown) -> None:
        self._studio = studio
        gr.HTML(f"<h3>{wording.DELETE_TITLE}</h3><p>{wording.DELETE_INTRO}</p>")
        self.banner = gr.HTML(elem_classes="banner")
        with gr.Row(elem_classes="actions"):
            ask = gr.Button(wording.DELETE, interactive=False, elem_id="delete")
        click = SecondClick(ask, wording.DELETE_REALLY, wording.KEEP)
        click.connect(self._question, [bot], self.banner)
        self.asked, self.really, self.shown = click.asked, click.really, click.shown

    def restore(self, bot: SavedBot | None, asked: str) -> tuple[Any, ...]:
        """What was asked about this bot stays asked; there is a button if there is a bot."""
        return still_asked(asked, bot.id if bot else "", can_ask=bot is not None)

    def begin(self, bot: SavedBot | None, said: str = "") -> tuple[Any, ...]:
        """Nothing is asked any more; perhaps what was done is said."""
        return nothing_asked(said, can_ask=bot is not None)

    def delete(self, owner: str, asked: str) -> str:
        """Delete the bot that the question was about; returns what is said then. Raises BotError."""
        bot = self._studio.bot(owner, asked)
        self._studio.store.delete_bot(owner, bot.id)
        return wording.deleted(bot.name)

    def _question(self, owner: str, chosen: str | None) -> tuple[str, str]:
        bot = self._studio.bot(owner, chosen)
        return bot.id, wording.really_delete(bot.name)
