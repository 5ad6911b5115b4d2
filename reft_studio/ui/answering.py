"""How the chat is answered: what the plain model is told to compare, and how replies are drawn."""

from typing import Any

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import is_broken
from reft_studio.errors import RuleError
from reft_studio.settings import Settings
from reft_studio.ui import wording

LEAST_STRENGTH, MOST_STRENGTH = -1, 2


def build_answering() -> tuple[gr.Textbox, list[Any]]:
    """The instruction; strength, temperature, longest reply and seed."""
    default = Sampling()
    instruction = gr.Textbox(
        "",
        label=wording.INSTRUCTION,
        info=wording.INSTRUCTION_IN_CHAT,
        max_lines=6,
        elem_id="chat-instruction",
    )
    strength = gr.Slider(
        LEAST_STRENGTH,
        MOST_STRENGTH,
        1,
        step=0.1,
        label=wording.STRENGTH,
        info=wording.STRENGTH_HELP,
        elem_id="strength",
    )
    with gr.Row():
        temperature = gr.Slider(
            0, 1.5, default.temperature, step=0.1, label=wording.TEMPERATURE, info=wording.TEMPERATURE_HELP
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
    return instruction, [strength, temperature, longest, seed]


def checked_instruction(instruction: str, settings: Settings) -> str:
    """What the plain model is told, without white space around it; raises RuleError if it is too long."""
    limit = settings.max_cell_characters
    if len(instruction) > limit:
        raise RuleError(wording.instruction_too_long(len(instruction), limit))
    if is_broken(instruction):
        raise RuleError(wording.BROKEN_INSTRUCTION)
    return instruction.strip()
