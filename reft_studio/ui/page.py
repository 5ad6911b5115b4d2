"""The whole page: a heading and four tabs in the order of the work."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from reft_studio.ui import wording
from reft_studio.ui.blocks import Blocks
from reft_studio.ui.chat_tab import ChatTab
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.empty import LOGO
from reft_studio.ui.events import IN_ORDER, connect, follow, reveal, show
from reft_studio.ui.share_tab import ShareTab
from reft_studio.ui.studio import Studio
from reft_studio.ui.tour import BY_TURNS, Tour
from reft_studio.ui.train_tab import TrainTab

SECONDS_FILES_ARE_KEPT = 3600

_HEADING = f'<header class="masthead">{LOGO}<h1>{wording.TITLE}</h1><p>{wording.TAGLINE}</p></header>'


def build_ui(studio: Studio) -> gr.Blocks:
    """Every tab shows what the store has, each time it is opened."""
    kept = (SECONDS_FILES_ARE_KEPT, SECONDS_FILES_ARE_KEPT)
    with Blocks(title=wording.TITLE, analytics_enabled=False, delete_cache=kept) as page:
        with gr.Row(elem_id="top"):
            gr.HTML(_HEADING)
            tour = Tour(studio)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(wording.EXAMPLES_TAB, id="examples") as examples_tab:
                examples = DemonstrationsTab(studio)
            with gr.Tab(wording.TRAIN_TAB, id="train") as train_tab:
                train = TrainTab(studio, examples)
            with gr.Tab(wording.CHAT_TAB, id="chat") as chat_tab:
                chat = ChatTab(studio, examples)
            with gr.Tab(wording.SHARE_TAB, id="share", elem_id="share-tab") as share_tab:
                share = ShareTab(studio, examples)
        gr.HTML(_notice(studio.settings.shared))

        project = [examples.project]
        opened = show(page.load, _first(examples, tour), [], [*examples.shown, *tour.shown])
        for began in [opened, *examples.began, share.fetch.began, train.history.began]:
            follow(began, train.begin, project, train.begun, **IN_ORDER)
        for began in [*examples.began, share.fetch.began, train.history.began]:
            follow(began, tour.restore, project, tour.shown, **BY_TURNS)
        seen = [*project, *train.seen]
        train.follow(show(train_tab.select, train.restore, seen, train.shown, **IN_ORDER))
        for began in (opened, train.history.began):
            train.follow(follow(began, train.restore, seen, train.shown, **IN_ORDER))
        show([page.load, train_tab.select], train.models.list_again, [], [train.models.listed])
        train.restore_settings_on(page.load)
        looks = [train.ended.change, *(t.select for t in (examples_tab, train_tab, chat_tab, share_tab))]
        show(looks, tour.restore, project, tour.shown, **BY_TURNS)
        looked = show([page.load, chat_tab.select], chat.restore, chat.seen, chat.shown)
        chat.moment.follow(looked, chat.bot)
        show([page.load, share_tab.select], share.restore, [chat.bot, *share.seen], share.shown, **IN_ORDER)
        show(examples.to_training.click, lambda _owner: gr.Tabs(selected="train"), [], [tabs])
        wrong = train.result.mistakes
        mistake = connect(wrong.input, chat.correct_mistake, [wrong], chat.fix.shown, train.banner)
        reveal(follow(mistake, lambda _owner: gr.Tabs(selected="chat"), [], [tabs]), "fix")
        show(train.talk.click, lambda _owner: gr.Tabs(selected="chat"), [], [tabs])
        # So that the tab is complete when it is seen for the first time.
        show(train.has_bot.change, chat.restore_first, chat.seen, chat.shown)
    assert isinstance(page, gr.Blocks)
    return page


def _first(examples: DemonstrationsTab, tour: Tour) -> Callable[[str], tuple[Any, ...]]:
    """What the page is seen with: it comes together, so that nothing moves then."""

    def restore(owner: str) -> tuple[Any, ...]:
        project, *shown = examples.restore(owner)
        return project, *shown, *tour.restore(owner, project)

    return restore


def _notice(shared: bool) -> str:
    said = f"{wording.NOTICE} {wording.SHARED_NOTICE}" if shared else wording.NOTICE
    # Hidden here already, since it may be drawn before its style is there: see assets/style.css.
    return f'<p id="notice" class="quiet" role="note" style="visibility:hidden">{said}</p>'
