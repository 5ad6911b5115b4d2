"""How the chat is answered: what the plain model is told, by which bots, and how replies are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.errors import BotError
from reft_studio.manifest import MANIFEST_FILE, read_manifest
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.chooser import bot_choices
from reft_studio.ui.moment_choice import MomentChoice
from reft_studio.ui.studio import Studio

LEAST_STRENGTH, MOST_STRENGTH = -1, 2


@dataclass(frozen=True)
class Answering:
    """What is chosen, in the order of the panel's `inputs`."""

    instruction: str
    strength: float
    other: str | None
    """The id of a bot to mix in."""
    other_strength: float
    temperature: float
    max_new_tokens: int
    seed: int
    moment: int = 0
    """Which moment of its training the bot answers as, counted from 1."""
    moment_of: str = ""
    """Whose moments the page showed then: whoever is quicker than the page means the bot itself."""

    @property
    def sampling(self) -> Sampling:
        """How the tokens of a reply are drawn."""
        return Sampling(temperature=self.temperature, max_new_tokens=self.max_new_tokens, seed=self.seed)


class AnsweringPanel:
    """Lays the panel out."""

    def __init__(self, studio: Studio) -> None:
        default = Sampling()
        with gr.Accordion(wording.ANSWERING, open=False, elem_id="answering"):
            self.moment = MomentChoice(studio)
            self.instruction = gr.Textbox(
                "",
                label=wording.INSTRUCTION,
                info=wording.INSTRUCTION_IN_CHAT,
                max_lines=6,
                elem_id="chat-instruction",
            )
            strength = _strength(wording.STRENGTH, wording.STRENGTH_HELP, 1, "strength")
            with gr.Row():
                self.other = gr.Dropdown(
                    [("", "")],
                    value="",
                    label=wording.MIX,
                    info=wording.MIX_HELP,
                    filterable=False,
                    elem_id="mix",
                )
                other_strength = _strength(
                    wording.MIX_STRENGTH, wording.MIX_STRENGTH_HELP, 0.5, "mix-strength"
                )
            with gr.Row():
                temperature = gr.Slider(
                    0,
                    1.5,
                    default.temperature,
                    step=0.1,
                    label=wording.TEMPERATURE,
                    info=wording.TEMPERATURE_HELP,
                )
                longest = gr.Slider(
                    8,
                    256,
                    default.max_new_tokens,
                    step=8,
                    label=wording.MAX_NEW_TOKENS,
                    info=wording.MAX_NEW_TOKENS_HELP,
                )
                seed = gr.Number(
                    default.seed,
                    label=wording.SEED,
                    info=wording.CHAT_SEED_HELP,
                    precision=0,
                    minimum=0,
                    maximum=2**32 - 1,
                )
        self.inputs = [self.instruction, strength, self.other, other_strength, temperature, longest, seed]
        self.let_go = [strength.release, other_strength.release, self.other.input]
        """When the bot is to be heard with other strengths."""


def mix_choice(bots: Sequence[SavedBot], bot: SavedBot | None, other: str | None) -> gr.Dropdown:
    """All bots that can be mixed with one; what was chosen stays if it still can be."""
    ids = {one.id for one in bots if bot and one.id != bot.id}
    choices = [(name, bot_id) for name, bot_id in bot_choices(bots) if bot_id in ids]
    return gr.Dropdown([(wording.MIX_NOTHING, ""), *choices], value=other if other in ids else "")


def check_mix(bot: SavedBot, other: SavedBot) -> None:
    """Raises BotError for two bots that were not made for one base model."""
    bases = [read_manifest(one.folder / MANIFEST_FILE).base for one in (bot, other)]
    if len({base.digest for base in bases}) > 1:
        raise BotError(wording.other_base(other.name, bases[1].id, bot.name, bases[0].id))


def _strength(label: str, help_: str, value: float, elem_id: str) -> Any:
    return gr.Slider(LEAST_STRENGTH, MOST_STRENGTH, value, step=0.1, label=label, info=help_, elem_id=elem_id)
