"""Talk to one bot: the plain model, the plain model with a system prompt, and the bot, side by side."""

import os
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

# Before torch, which it changes where a graphics card is lent for each call.
try:
    from spaces import GPU  # type: ignore[attr-defined]
except ImportError:

    def GPU(function: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing to lend on a computer of one's own."""
        return function


from reft_studio.base_model import load_base_model
from reft_studio.bot import Bot
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.probes import failed_probes
from reft_studio.chat.sampling import Sampling
from reft_studio.errors import StudioError
from reft_studio.ui.blocks import Blocks
from reft_studio.ui.gate import Gate, SecurityHeaders

HERE = Path(__file__).resolve().parent
MAX_CHARACTERS = 2000
COMPARE, ALONE = "Side by side", "Only the bot"

CARD_IS_LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")

bot = Bot.load(HERE / "bot")
base = load_base_model(bot.manifest.base.id, revision=bot.manifest.base.revision)
bot.check_base(base)
Turn = dict[str, str]
INSTRUCTION = bot.manifest.score.instruction if bot.manifest.score else ""
"""What its author would have told the plain model to get the same."""


@GPU  # type: ignore[untyped-decorator]
def stream(requests: list[ChatRequest], sampling: Sampling) -> Iterator[list[str]]:
    """Growing replies; on ZeroGPU a process of its own with the card runs this."""
    try:
        yield from stream_replies(base, requests, sampling)
    except StudioError as error:
        # The only kind of exception that comes out of that process as it was.
        raise gr.Error(escape(str(error)), print_exception=False) from None


@GPU  # type: ignore[untyped-decorator]
def check() -> Iterator[str]:
    """Whether the bot still says to the prompts of its self-test what it said when it was made."""
    changed, of = failed_probes(base, bot), len(bot.manifest.probes)
    if changed:
        yield f"{len(changed)} of {of} replies of the self-test are not as they were."
    else:
        yield f"The self-test gave the same {of} replies as when the bot was made."


def answer(
    message: str, turns: list[Turn], system: str, view: str, variety: float
) -> Iterator[tuple[Any, ...]]:
    """Stream all replies to one message."""
    if not message.strip():
        raise gr.Error("The message is empty. Write something first.", print_exception=False)
    if len(message) > MAX_CHARACTERS:
        raise gr.Error(f"At most {MAX_CHARACTERS:,} characters fit. Shorten it.", print_exception=False)
    if len(system) > MAX_CHARACTERS:
        raise gr.Error(
            f"The system prompt can have {MAX_CHARACTERS:,} characters at most. Shorten it.",
            print_exception=False,
        )
    sides = ["bot"] if view == ALONE else ["base", "system", "bot"] if system.strip() else ["base", "bot"]
    requests = [
        ChatRequest(
            [*past(turns, side), {"role": "user", "content": message}],
            bot if side == "bot" else None,
            system if side == "system" else None,
        )
        for side in sides
    ]
    turn = {"prompt": message}
    for replies in stream(requests, Sampling(temperature=variety)):
        turn = {"prompt": message, **dict(zip(sides, replies, strict=True))}
        yield "", [*turns, turn], *shown([*turns, turn])


def past(turns: list[Turn], side: str) -> list[Any]:
    """The conversation as one side remembers it."""
    return [
        part
        for turn in turns
        if side in turn
        for part in (
            {"role": "user", "content": turn["prompt"]},
            {"role": "assistant", "content": turn[side]},
        )
    ]


def shown(turns: list[Turn]) -> list[str]:
    """Each side's conversation. What people and models write is text, never markup."""
    return [
        "".join(
            f'<p class="you">{escape(turn["prompt"])}</p><p class="reply" dir="auto">{escape(turn[side])}</p>'
            for turn in turns
            if side in turn
        )
        for side in ("base", "system", "bot")
    ]


def panes(view: str, system: str) -> tuple[Any, ...]:
    """Which columns there are."""
    compare = view == COMPARE
    return gr.Column(visible=compare), gr.Column(visible=compare and bool(system.strip()))


# Where a card is lent, there is none before somebody asks.
TESTED = "The self-test was not run yet." if CARD_IS_LENT else next(check())
print(TESTED, flush=True)

STYLE = """
.you { opacity: .7; margin: 1em 0 .2em; white-space: pre-wrap; overflow-wrap: anywhere }
.reply { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }
"""

with Blocks(title=bot.manifest.name, analytics_enabled=False) as page:
    gr.HTML(
        f"<h1>{escape(bot.manifest.name)}</h1>"
        "<p>Made with ReFT Studio. A machine speaks here, and it may be wrong.</p>"
    )
    view = gr.Radio([COMPARE, ALONE], value=COMPARE, show_label=False, elem_id="view")
    with gr.Row():
        with gr.Column(min_width=220) as base_pane:
            gr.HTML("<h2>Plain model</h2>")
            base_log = gr.HTML(elem_id="base")
        with gr.Column(min_width=220, visible=bool(INSTRUCTION)) as system_pane:
            gr.HTML("<h2>With a system prompt</h2>")
            system_log = gr.HTML(elem_id="system")
        with gr.Column(min_width=220):
            gr.HTML(f"<h2>{escape(bot.manifest.name)}</h2>")
            bot_log = gr.HTML(elem_id="bot")
    with gr.Row():
        message = gr.Textbox(show_label=False, placeholder="Ask anything", elem_id="message", scale=4)
        send = gr.Button("Send", variant="primary", elem_id="send", min_width=90, scale=0)
        clear = gr.Button("Clear", elem_id="clear", min_width=90, scale=0)
    gr.Examples([probe.prompt for probe in bot.manifest.probes], message, label="Try")
    with gr.Accordion("More", open=False):
        system = gr.Textbox(
            INSTRUCTION,
            label="System prompt",
            info="Instructions for the plain model, to compare with.",
            elem_id="instructions",
        )
        variety = gr.Slider(0, 1.5, 0.0, step=0.1, label="Variety", info="0 always gives the same answer.")
        tested = gr.HTML(f"<p>{TESTED}</p>", elem_id="tested")
        test = gr.Button("Run the self-test", elem_id="test", size="sm")
    turns = gr.State([])
    logs = [base_log, system_log, bot_log]
    gr.on(
        [send.click, message.submit],
        answer,
        [message, turns, system, view, variety],
        [message, turns, *logs],
        api_visibility="private",
        trigger_mode="once",
    )
    test.click(check, None, tested, api_visibility="private", trigger_mode="once")
    clear.click(lambda: ([], "", "", ""), None, [turns, *logs], api_visibility="private")
    gr.on(
        [view.change, system.change],
        panes,
        [view, system],
        [base_pane, system_pane],
        api_visibility="private",
    )

if __name__ == "__main__":
    page.queue(max_size=32).launch(
        css=STYLE,
        # The computer's own letters: others would be fetched from elsewhere.
        theme=gr.themes.Base(
            primary_hue="teal", neutral_hue="stone", font=("ui-sans-serif", "system-ui", "sans-serif")
        ),
        server_name=None if "GRADIO_SERVER_NAME" in os.environ else "127.0.0.1",
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        footer_links=[],
        # Files are not for this page: none is taken, and none is fetched for anybody.
        app_kwargs={
            "middleware": [
                Middleware(SecurityHeaders),
                Middleware(Gate, most_bytes=10 * MAX_CHARACTERS, count_upload=None),
            ]
        },
    )
