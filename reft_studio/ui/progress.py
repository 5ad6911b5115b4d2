"""How a training looks while it runs and when it has ended."""

from collections.abc import Sequence
from html import escape

from reft_studio.engine.interface import JobState, JobUpdate
from reft_studio.manifest import Score
from reft_studio.moments import Sample
from reft_studio.score import Side
from reft_studio.ui import wording
from reft_studio.ui.empty import empty
from reft_studio.ui.events import alert
from reft_studio.ui.verdict import sentence

WIDTH, HEIGHT = 600, 140
POINTS = 300
"""More would not be seen."""


def progress(
    job: JobUpdate | None, ahead: int | None = None, loading: str = "", score: Score | None = None
) -> str:
    """The panel under the Train button, as HTML.

    `ahead` is how many trainings come before one that waits, `loading` how far its base model has got,
    or what that waits for; `score` is what came of asking its bot.
    """
    if job is None:
        return empty("progress", wording.NOTHING_TRAINED)
    match job.state:
        case JobState.QUEUED:
            body = bar(0, wording.waiting(ahead) if ahead else loading or wording.QUEUED, "")
        case JobState.RUNNING:
            body = bar(_share(job), wording.RUNNING, wording.time_left(job.seconds_left))
        case JobState.FINISHING:
            body = bar(_share(job), wording.FINISHING_TRAINING, "")
        case JobState.CANCELLING:
            body = bar(_share(job), wording.CANCELLING, "")
        case JobState.SCORING:
            body = bar(1, wording.SCORING, wording.time_left(job.seconds_left))
        case JobState.DONE:
            body = bar(1, wording.DONE, "") + (_found(score) if score else "")
        case JobState.CANCELLED:
            body = f"<p>{wording.CANCELLED}</p>"
        case JobState.FAILED | JobState.INTERRUPTED:
            body = alert(job.message)
    safe = "" if job.state.ended else f'<p class="quiet">{wording.SAFE_TO_CLOSE}</p>'
    went_well = job.state in (JobState.RUNNING, JobState.SCORING, JobState.DONE)
    remarks = f'<p class="quiet">{escape(job.message)}</p>' if job.message and went_well else ""
    curve = loss_curve(job.losses, job.total_steps)
    return f'<div class="progress {job.state}" data-job="{job.job_id}">{body}{remarks}{curve}{safe}</div>'


def _found(score: Score) -> str:
    return f'<p class="verdict" role="status">{escape(sentence(score))}</p>'


def samples(said_to: Sequence[Sample]) -> str:
    """What is said to prompts that are in no row."""
    if not said_to:
        return ""
    said = "".join(
        f'<dt dir="auto">{escape(sample.prompt)}</dt>'
        + _said(Side.BASE, sample.base)
        + _said(Side.BOT, sample.bot)
        for sample in said_to
    )
    return f'<section class="samples"><h3>{wording.SAMPLES}</h3><dl>{said}</dl></section>'


def _said(side: Side, reply: str) -> str:
    name = wording.SIDES[side]
    return f'<dd class="{side}"><span>{name}</span><p dir="auto">{escape(reply)}</p></dd>'


def _share(job: JobUpdate) -> float:
    return job.step / job.total_steps if job.total_steps else 0


def bar(share: float, text: str, aside: str) -> str:
    """How much of something is done, as HTML."""
    percent = round(100 * share)
    return (
        f'<div class="bar-text" aria-live="polite"><strong>{escape(text)}</strong><span>{aside}</span></div>'
        f'<div class="bar" role="progressbar" aria-label="{escape(text)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}"><div style="width:{percent}%"></div></div>'
    )


def loss_curve(losses: Sequence[float], total_steps: int) -> str:
    """An SVG line that falls as the bot learns and reaches the right edge when it is done."""
    stride = max(1, len(losses) // POINTS)
    top = max(losses, default=1) or 1
    points = " ".join(
        f"{WIDTH * step / max(1, total_steps - 1):.1f},{4 + (HEIGHT - 8) * (1 - losses[step] / top):.1f}"
        for step in range(0, len(losses), stride)
    )
    label = f"{wording.CURVE}: {losses[0]:.2f} → {losses[-1]:.2f}" if losses else wording.CURVE
    return (
        f'<figure class="curve"><figcaption>{wording.CURVE}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<polyline points="{points}"/></svg>'
        f"<div><span>{wording.CURVE_START}</span><span>{wording.CURVE_END}</span></div></figure>"
    )
