"""Whether the plain model is really as it came: looked up on a click, and shown as a badge."""

from html import escape

import gradio as gr

from reft_studio.ui import wording
from reft_studio.ui.events import connect
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio


class UntouchedBadge:
    """Lays it out; `connect` says of which bot."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Row(elem_classes="tools"):
            self._look = gr.Button(wording.LOOK_WHETHER_UNTOUCHED, size="sm", elem_id="look-untouched")
        self._found = gr.HTML(elem_id="untouched")

    def connect(self, bot: gr.Dropdown, banner: gr.HTML) -> None:
        """Look it up beside the chosen bot; a badge says nothing of another one."""
        connect(self._look.click, self._look_up, [bot], [self._found], banner)
        connect(bot.change, lambda _owner: "", [], [self._found], banner)

    def _look_up(self, owner: str, chosen: str | None) -> str:
        bot = self._studio.bot(owner, chosen)
        self._studio.rates.count(owner, Asked.MESSAGES)
        with self._studio.engines.use(bot.base) as engine:
            found = engine.look_whether_untouched(bot.folder)
        fine = not found.changed and found.same_reply
        said = escape(wording.untouched(found.numbers, found.changed, found.same_reply))
        mark = f"<strong>{wording.UNTOUCHED}</strong> " if fine else ""
        return f'<p role="status" class="badge {"fine" if fine else "wrong"}">{mark}{said}</p>'
