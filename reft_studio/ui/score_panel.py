"""How a bot will be scored: what makes a reply right, and what the plain model is told to compare."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from reft_studio.draft import Draft
from reft_studio.errors import RuleError
from reft_studio.rules import guess_rules, read_rules
from reft_studio.ui import wording
from reft_studio.ui.events import IN_ORDER, alert, connect, show
from reft_studio.ui.studio import Studio
from reft_studio.ui.typed import checked_instruction


class ScorePanel:
    """Lays the panel out and connects it; `project` has the id of the one that it shows."""

    def __init__(self, studio: Studio, project: gr.Textbox) -> None:
        self._studio = studio
        with gr.Accordion(wording.SCORING_TITLE, open=False, elem_id="scoring"):
            gr.HTML(f"<p>{wording.SCORING_INTRO}</p>")
            rules = gr.Dropdown(
                wording.RULE_CHOICES,
                value=[],
                multiselect=True,
                allow_custom_value=True,
                label=wording.RULES,
                info=wording.RULES_HELP,
                elem_id="rules",
            )
            instruction = gr.Textbox(
                "",
                label=wording.INSTRUCTION,
                info=wording.INSTRUCTION_HELP,
                max_lines=6,
                elem_id="instruction",
            )
            # Its own: that what is only shown here changes clears no message elsewhere.
            banner = gr.HTML(elem_classes="banner")
        self.filled = gr.JSON([], visible=False)
        """What the rules were filled with. It is on the page like them, so the two belong together."""
        # Before them, since a page draws one after the other, and they are heard to change as soon as drawn.
        self.shown = [self.filled, rules, instruction]
        # Not `input`: that is silent when a rule of one's own is typed.
        chosen, kept = [project, rules, self.filled], [self.filled, rules, banner]
        show(rules.change, self._keep_rules, chosen, kept, **IN_ORDER)
        typed = [project, instruction]
        connect(instruction.input, self._keep_instruction, typed, [], banner, **IN_ORDER)

    def restore(self, draft: Draft) -> tuple[Any, ...]:
        """What the panel shows of a draft."""
        rules = list(rules_of(draft))
        return rules, rules, draft.instruction

    def look_again(self, draft: Draft, filled: Sequence[str]) -> tuple[Any, ...]:
        """The same where the page shows it already: somebody may be choosing and typing there by now."""
        rules = list(rules_of(draft))
        return *((gr.skip(), gr.skip()) if rules == list(filled) else (rules, rules)), gr.skip()

    def _keep_rules(
        self, owner: str, project: str, sentences: Sequence[str], filled: Sequence[str]
    ) -> tuple[Any, ...]:
        """Values for what the rules are filled with, themselves and the banner.

        What is refused does not stay there as if it counted. What is only shown is nobody's choice: it may
        have been guessed, and is guessed again from other rows; and by now the project may have begun anew.
        """
        kept = rules_of(self._studio.store.projects.draft(owner, project))
        if list(sentences) == list(filled):
            return (gr.skip(),) * 3
        try:
            rules = tuple(rule.sentence for rule in read_rules(sentences))
        except RuleError as error:
            return list(kept), list(kept), alert(str(error))
        if rules != kept:
            self._change(owner, project, rules=rules)
        return list(sentences), gr.skip(), ""

    def _keep_instruction(self, owner: str, project: str, instruction: str) -> None:
        self._change(owner, project, instruction=checked_instruction(instruction, self._studio.settings))

    def _change(self, owner: str, project: str, **changes: Any) -> None:
        projects = self._studio.store.projects
        projects.save(owner, project, replace(projects.draft(owner, project), **changes))


def rules_of(draft: Draft) -> tuple[str, ...]:
    """What its author chose, or what the rows have in common."""
    if draft.rules is not None:
        return draft.rules
    return tuple(rule.sentence for rule in guess_rules([row.reply for row in draft.demonstrations]))
