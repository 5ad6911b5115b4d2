"""How well a bot does, as bars and as a sentence."""

from reft_studio.manifest import Count, Score, Suite
from reft_studio.score import Side, interval
from reft_studio.ui import wording


def verdict(score: Score) -> str:
    """The panel below a finished training, as HTML."""
    suites = "".join(_suite(count) for count in score.counts)
    sure = "".join(f"<li>{_sure(count)}</li>" for count in score.counts)
    return (
        f'<section class="score"><h3>{wording.SCORE_TITLE}</h3><div class="suites">{suites}</div>'
        f"<details><summary>{wording.HOW_SURE}</summary><p>{wording.HOW_SURE_HELP}</p><ul>{sure}</ul></details>"
        "</section>"
    )


def sentence(score: Score) -> str:
    """The score in words, and no more than the numbers say."""
    rules = " and ".join(map(_in_words, score.rules))
    said = [wording.COUNTED[count.suite].format(right=count.bot, of=count.of) for count in score.counts]
    return f"{rules[:1].upper()}{rules[1:]}: {' '.join(said)}"


def _in_words(rule: str) -> str:
    # In a pattern it means something else.
    return rule if rule.startswith("matches ") else " or ".join(map(str.strip, rule.split("|")))


def _suite(count: Count) -> str:
    bars = "".join(
        f'<dt>{wording.SIDES[side]}</dt><dd class="{side}"><span class="share">'
        f'<span style="width:{100 * right / count.of:.1f}%"></span></span>'
        f"<span>{wording.right_of(right, count.of)}</span></dd>"
        for side, right in _sides(count).items()
    )
    return f"<figure><figcaption>{wording.SUITES[count.suite]}</figcaption><dl>{bars}</dl></figure>"


def _sides(count: Count) -> dict[Side, int]:
    sides = {Side.BASE: count.base, Side.INSTRUCTED: count.instructed, Side.BOT: count.bot}
    return {side: right for side, right in sides.items() if right is not None}


def _sure(count: Count) -> str:
    low, high = interval(count.bot, count.of)
    return wording.between(wording.SUITES[Suite(count.suite)], 100 * low, 100 * high)
