"""Which bot."""

from collections.abc import Sequence

import gradio as gr

from reft_studio.store import SavedBot


def bot_choice(bots: Sequence[SavedBot], chosen: SavedBot | None) -> gr.Dropdown:
    """A dropdown of all bots."""
    return gr.Dropdown(bot_choices(bots), value=chosen.id if chosen else None)


def bot_choices(bots: Sequence[SavedBot]) -> list[tuple[str, str]]:
    """Names and ids, with a number behind a name that was there before."""
    choices = []
    for index, bot in enumerate(bots):
        older = sum(other.name == bot.name for other in bots[index + 1 :])
        choices.append((f"{bot.name} ({older + 1})" if older else bot.name, bot.id))
    return choices
