"""Two trainings side by side: what went in, what came of it, and what their bots say to the same prompts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from reft_studio.engine.interface import JobUpdate
from reft_studio.job_rows import Run
from reft_studio.manifest import Suite
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.score import Report, Side
from reft_studio.ui import wording

PROMPTS = 6
"""Answers to so many of them are shown, those first that are not the same."""


@dataclass(frozen=True)
class Told:
    """All that is known of a training."""

    run: Run
    job: JobUpdate
    report: Report | None


def compared(one: Told, other: Told) -> str:
    """Both as HTML; what differs is marked."""
    names = [f"{told.run.number} · {told.run.name}" for told in (one, other)]
    heads = "".join(f'<th scope="col" dir="auto">{escape(name)}</th>' for name in names)
    rows = "".join(_row(label, *values) for label, *values in _facts(one, other))
    table = f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide runs-compared" tabindex="0">{table}</div>{_answers(one, other, names)}'


def _facts(one: Told, other: Told) -> Iterator[tuple[str, str, str]]:
    """What went in and what came out, each with a label."""
    rows = [set(told.run.demonstrations) for told in (one, other)]
    counts = [wording.rows_of(len(mine), len(mine - theirs)) for mine, theirs in (rows, rows[::-1])]
    yield wording.RUN_HEADS[2], counts[0], counts[1]
    yield wording.BASE_MODEL, _base(one.run), _base(other.run)
    for setting, label in wording.SETTING_NAMES.items():
        yield label, _setting(one.run, setting), _setting(other.run, setting)
    yield wording.SCORED_BY, ", ".join(one.run.rules), ", ".join(other.run.rules)
    yield wording.KEPT_MOMENT, _kept(one.job), _kept(other.job)
    for suite in Suite:
        yield wording.SUITES[suite], _right(one.run, suite), _right(other.run, suite)


def _row(label: str, one: str, other: str) -> str:
    label = escape(label[:1].upper() + label[1:])
    if one == other:
        cells = "".join(f'<td dir="auto">{escape(value or "–")}</td>' for value in (one, other))
    else:
        cells = "".join(f'<td dir="auto"><mark>{escape(value or "–")}</mark></td>' for value in (one, other))
        label += f'<span class="sr">, {wording.DIFFERS}</span>'
    return f'<tr><th scope="row">{label}</th>{cells}</tr>'


def _base(run: Run) -> str:
    name = wording.PRACTICE_MODEL if run.base.name == EMBEDDED_ID else run.base.id
    return f"{name}, {run.base.quantization}" if run.base.quantization else name


def _setting(run: Run, setting: str) -> str:
    value = run.recipe_changes.get(setting)
    if value is None:
        return wording.AS_RECOMMENDED
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _kept(job: JobUpdate) -> str:
    kept = [moment for moment in job.moments if moment.epoch == job.kept]
    return wording.after_rounds(kept[0].epoch, kept[0].of) if kept else ""


def _right(run: Run, suite: Suite) -> str:
    counts = [count for count in run.score.counts if count.suite is suite] if run.score else []
    return wording.right_of(counts[0].bot, counts[0].of) if counts else ""


def _answers(one: Told, other: Told, names: Sequence[str]) -> str:
    """What both bots said to prompts that neither has learned."""
    said, told = _said(one), _said(other)
    both = sorted(
        (prompt for prompt in said if prompt in told), key=lambda prompt: said[prompt] == told[prompt]
    )
    if not both:
        return f'<p class="quiet">{wording.NO_ANSWERS_TO_COMPARE}</p>'
    answers = "".join(
        f'<dt dir="auto">{escape(prompt)}</dt>'
        f"{_answer(names[0], said[prompt])}{_answer(names[1], told[prompt])}"
        for prompt in both[:PROMPTS]
    )
    return f'<section class="samples"><h3>{wording.SAME_PROMPTS}</h3><dl>{answers}</dl></section>'


def _answer(name: str, reply: str) -> str:
    return f'<dd><span dir="auto">{escape(name)}</span><p dir="auto">{escape(reply)}</p></dd>'


def _said(told: Told) -> dict[str, str]:
    """The bot's replies to single messages, by these: what it was asked on its way and for its score."""
    said = {sample.prompt: sample.bot for sample in told.job.samples}
    scored = told.report.asked if told.report else ()
    return said | {
        asked.prompts[0]: asked.replies[Side.BOT].text for asked in scored if asked.suite is Suite.UNSEEN
    }
