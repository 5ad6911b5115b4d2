"""What people write to be answered, or to have followed: taken as it is, or sent back with a sentence."""

from reft_studio.demonstrations import is_broken
from reft_studio.errors import ChatError, RuleError
from reft_studio.settings import Settings
from reft_studio.ui import wording


def checked_message(message: str, settings: Settings) -> str:
    """The message; raises ChatError for one that nobody can answer, or may send here."""
    limit = settings.max_cell_characters
    if not message.strip():
        raise ChatError(wording.EMPTY_MESSAGE)
    if is_broken(message):
        raise ChatError(wording.BROKEN_CHARACTER)
    if len(message) > limit:
        raise ChatError(wording.message_too_long(len(message), limit))
    return message


def checked_instruction(instruction: str, settings: Settings) -> str:
    """What the plain model is told, without white space around it; raises RuleError if it is too long."""
    limit = settings.max_cell_characters
    if len(instruction) > limit:
        raise RuleError(wording.instruction_too_long(len(instruction), limit))
    if is_broken(instruction):
        raise RuleError(wording.BROKEN_INSTRUCTION)
    return instruction.strip()
