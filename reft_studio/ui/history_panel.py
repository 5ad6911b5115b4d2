"""Earlier trainings of a person, side by side, and any of them taken up again."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from reft_studio.base_ref import BaseRef
from reft_studio.draft import Draft
from reft_studio.engine.interface import JobState
from reft_studio.errors import BotError
from reft_studio.job_rows import Run
from reft_studio.manifest import Suite
from reft_studio.recipe import Recipe
from reft_studio.ui import wording
from reft_studio.ui.advanced import AdvancedPanel
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import IN_ORDER, connect
from reft_studio.ui.run_comparison import Told, compared
from reft_studio.ui.studio import Studio

_SUITES = (Suite.UNSEEN, Suite.ATTACKS)


class HistoryPanel:
    """Lays the panel out and connects it."""

    def __init__(
        self, studio: Studio, examples: DemonstrationsTab, advanced: AdvancedPanel, banner: gr.HTML
    ) -> None:
        self._studio, self._examples, self._advanced = studio, examples, advanced
        with gr.Accordion(wording.HISTORY, open=False, visible=False, elem_id="history") as group:
            self._runs = gr.HTML(elem_id="runs")
            with gr.Row(elem_classes="chooser"):
                chosen = gr.Dropdown([], label=wording.RUN, filterable=False, elem_id="run")
                again = gr.Button(wording.TAKE_UP, size="sm", elem_id="take-up")
            with gr.Row(elem_classes="chooser"):
                other = gr.Dropdown([], label=wording.COMPARE_WITH, filterable=False, elem_id="other-run")
            compared = gr.HTML(elem_id="runs-compared")
        self.shown = [group, self._runs, chosen, other, compared]
        connect([chosen.input, other.input], self._compare, [chosen, other], [compared], banner)
        taken = [*examples.shown, *advanced.fields]
        self.began = connect(again.click, self._take_up, [chosen], taken, banner, **IN_ORDER)
        advanced.filled_in_by(self.began)

    def restore(self, owner: str) -> tuple[Any, ...]:
        """The panel as the store has it; the newest training is chosen."""
        runs = self._studio.store.runs(owner)
        choices = [(f"{run.number} · {run.name}", run.id) for run in runs]
        newest = runs[0].id if runs else None
        return (
            gr.Accordion(visible=bool(runs)),
            _table(runs, self._studio.engines.default),
            gr.Dropdown(choices, value=newest),
            gr.Dropdown([(wording.COMPARE_WITH_NONE, ""), *choices], value="", visible=len(runs) > 1),
            "",
        )

    def _compare(self, owner: str, chosen: str | None, other: str | None) -> str:
        """Both side by side; nothing as long as no two are chosen."""
        if not other or other == chosen:
            return ""
        return compared(self._told(owner, chosen), self._told(owner, other))

    def _told(self, owner: str, chosen: str | None) -> Told:
        run, job = self._run(owner, chosen), self._studio.store.training_of(owner, chosen or "")
        if job is None:
            raise BotError(wording.NO_SUCH_RUN)
        return Told(run, job, self._studio.store.report(owner, run.id))

    def _run(self, owner: str, chosen: str | None) -> Run:
        run = next((run for run in self._studio.store.runs(owner) if run.id == chosen), None)
        if run is None:
            raise BotError(wording.NO_SUCH_RUN)
        return run

    def _take_up(self, owner: str, chosen: str | None) -> tuple[Any, ...]:
        """Its rows and its rules as a new project, and its settings, as they were."""
        run = self._run(owner, chosen)
        draft = Draft(run.name, run.demonstrations, run.probes, run.rules, run.instruction)
        # A correction went on from a bot, in a few rounds that would not do from the start.
        settings = {} if run.is_correction else run.recipe_changes
        return *self._examples.begin(owner, draft), *self._advanced.in_fields(run.base, settings)


def _table(runs: Sequence[Run], default: BaseRef) -> str:
    heads = "".join(f'<th scope="col">{head}</th>' for head in wording.RUN_HEADS)
    rows = "".join(f"<tr>{_row(run, default)}</tr>" for run in runs)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>'


def _row(run: Run, default: BaseRef) -> str:
    counts = {count.suite: count for count in run.score.counts} if run.score else {}
    cells = [
        str(run.number),
        run.name,
        str(len(run.demonstrations)),
        wording.CORRECTION if run.is_correction else _settings(run, default),
        f"{run.last_loss:.2f}" if run.state is JobState.DONE else wording.RUN_STATES[run.state],
        *(wording.right_of(counts[s].bot, counts[s].of) if s in counts else "–" for s in _SUITES),
    ]
    return "".join(f'<td dir="auto">{escape(cell)}</td>' for cell in cells)


def _settings(run: Run, default: BaseRef) -> str:
    """What is not as it would have been by itself."""
    changes, base = run.recipe_changes, run.base
    said = [] if base.name == default.name else [wording.on_model(base.id)]
    said += [str(base.quantization)] if base.quantization not in (None, default.quantization) else []
    said += [
        f"{words} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, words in wording.SETTING_NAMES.items()
        if name in changes and (value := changes[name]) != Recipe.model_fields[name].default
    ]
    return ", ".join(said) or wording.AS_RECOMMENDED
