"""Which bot; names in lists."""

from collections.abc import Sequence

import gradio as gr

from reft_studio.store import SavedBot


def bot_choice(bots: Sequence[SavedBot], chosen: SavedBot | None) -> gr.Dropdown:
    """A dropdown of all bots."""
    return gr.Dropdown(bot_choices(bots), value=chosen.id if chosen else None)


def bot_choices(bots: Sequence[SavedBot]) -> list[tuple[str, str]]:
    """Names and ids."""
    return list(zip(numbered([bot.name for bot in bots]), (bot.id for bot in bots), strict=True))


def numbered(names: Sequence[str]) -> list[str]:
    """Names of what is newest first, with a number behind one that was there before."""
    older = [names[index + 1 :].count(name) for index, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, older, strict=True)]
