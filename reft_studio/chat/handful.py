"""A few messages that nobody trained on, to compare how a bot was at one time and at another."""

from functools import cache

from reft_studio.chat.score import QUESTIONS, unseen

HANDFUL = QUESTIONS.with_name("handful.txt")


def handful(known: list[str]) -> list[str]:
    """Everyday ones and attempts to talk the bot out of its role, without those that are `known`.

    They are others than those of the score: a bot that was chosen by its answers to these would not be asked
    fairly by the same ones again.
    """
    return unseen(_messages(), known)


@cache
def _messages() -> list[str]:
    lines = HANDFUL.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
