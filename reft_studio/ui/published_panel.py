"""What a person has published: shown to others or not, under another name, or taken off the Hub."""

from dataclasses import dataclass, replace
from enum import StrEnum
from html import escape
from typing import Any

import gradio as gr
from huggingface_hub import HfApi

from reft_studio.errors import ShareError
from reft_studio.share.hub import Place, delete, rename, set_private
from reft_studio.share.published import IS_OURS, Listing, list_published
from reft_studio.ui import wording
from reft_studio.ui.addresses import link_to, repo_id_of
from reft_studio.ui.events import connect
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio


class Act(StrEnum):
    RENAME = "rename"
    SHOW_OR_HIDE = "show"
    DELETE = "delete"


@dataclass(frozen=True)
class Pending:
    """What waits for a yes, and whose wish it is."""

    owner: str
    act: Act
    place: Place
    """As it is now."""
    new_id: str = ""


class PublishedPanel:
    """Lays the panel out and connects it. Nothing is done before it was asked whether it is meant."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        gr.HTML(f"<h3>{wording.PUBLISHED_TITLE}</h3><p>{wording.PUBLISHED_INTRO}</p>")
        with gr.Row(elem_classes="actions"):
            look = gr.Button(wording.LOOK_WHAT_IS_PUBLISHED, elem_id="look-published")
        with gr.Column(visible=False, elem_id="published") as group:
            chosen = gr.Dropdown([], label=wording.PUBLISHED, filterable=False, elem_id="published-choice")
            link = gr.HTML(elem_id="published-link")
            name = gr.Textbox(
                label=wording.NEW_NAME, info=wording.ADDRESS_HELP, max_lines=1, elem_id="published-name"
            )
            with gr.Row(elem_classes="actions"):
                buttons = {
                    Act.RENAME: gr.Button(wording.RENAME, elem_id="published-rename"),
                    Act.SHOW_OR_HIDE: gr.Button(wording.SHOW_TO_ALL, elem_id="published-show"),
                    Act.DELETE: gr.Button(wording.TAKE_OFF, variant="stop", elem_id="published-delete"),
                }
        with gr.Column(visible=False, elem_id="published-sure") as sure:
            question = gr.HTML(elem_id="published-question")
            with gr.Row(elem_classes="actions"):
                yes = gr.Button(wording.YES, variant="stop", elem_id="published-yes")
                no = gr.Button(wording.NEVER_MIND, elem_id="published-no")
        banner = gr.HTML(elem_classes="banner")
        said = gr.HTML(elem_id="published-said")
        pending = gr.State(None)
        of_one = [link, name, buttons[Act.SHOW_OR_HIDE]]
        shown = [group, chosen, *of_one, sure, said]
        online: dict[str, Any] = {"needs_token": True, "trigger_mode": "once", "concurrency_limit": 8}
        connect(look.click, self._look, [], shown, banner, **online)
        connect(chosen.input, self._choose, [chosen], [*of_one, sure], banner, **online)
        for act, button in buttons.items():
            connect(
                button.click,
                lambda *asked, act=act: self._ask(act, *asked),
                [chosen, name],
                [pending, sure, question, said],
                banner,
                **online,
            )
        connect(yes.click, self._do, [pending], [pending, *shown], banner, **online)
        connect(no.click, lambda _owner: (None, gr.Column(visible=False)), [], [pending, sure], banner)

    def _api(self, owner: str, token: str | None) -> HfApi:
        if token is None:
            raise ShareError(wording.SIGN_IN_TO_SEE)
        self._studio.rates.count(owner, Asked.TRANSFERS)
        return HfApi(token=token)

    def _look(self, owner: str, token: str | None) -> tuple[Any, ...]:
        api = self._api(owner, token)
        return _show(api, list_published(api), "")

    def _choose(self, owner: str, token: str | None, chosen: str) -> tuple[Any, ...]:
        api = self._api(owner, token)
        return *_one(api, _find(list_published(api), chosen)), gr.Column(visible=False)

    def _ask(
        self, act: Act, owner: str, token: str | None, chosen: str | None, typed: str
    ) -> tuple[Any, ...]:
        """Say what would happen, and wait for a yes."""
        listing = list_published(self._api(owner, token))
        place = _find(listing, chosen)
        new_id = repo_id_of(listing.account, typed) if act is Act.RENAME else ""
        if new_id == place.repo_id:
            raise ShareError(wording.SAME_NAME)
        question = _question(act, place, new_id)
        pending = Pending(owner, act, place, new_id)
        return pending, gr.Column(visible=True), f'<p role="status">{escape(question)}</p>', ""

    def _do(self, owner: str, token: str | None, pending: Pending | None) -> tuple[Any, ...]:
        if pending is None or pending.owner != owner:
            raise ShareError(wording.NOTHING_TO_CONFIRM)
        api, place, is_ours = self._api(owner, token), pending.place, IS_OURS[pending.place.kind]
        now: Place | None
        match pending.act:
            case Act.RENAME:
                rename(api, place, pending.new_id, is_ours)
                now, text = replace(place, repo_id=pending.new_id), wording.RENAMED
            case Act.SHOW_OR_HIDE:
                now = replace(place, private=not place.private)
                set_private(api, now, is_ours)
                text = wording.HIDDEN if now.private else wording.SHOWN
            case Act.DELETE:
                delete(api, place, is_ours)
                now, text = None, wording.TAKEN_OFF.format(name=place.repo_id)
        # The Hub's list may be a little behind.
        listing = list_published(api).without(place)
        return None, *_show(api, listing.with_one(now) if now else listing, text, now)


def _show(api: HfApi, listing: Listing, text: str, now: Place | None = None) -> tuple[Any, ...]:
    """Values for the group, the choice, the chosen one, the question and what is said."""
    first = listing.places[0] if listing.places else None
    choices = [(_label(place), _key(place)) for place in listing.places]
    said = text or ("" if first else wording.NOTHING_PUBLISHED)
    link = f" {link_to(now.url(api))}" if now else ""
    return (
        gr.Column(visible=first is not None),
        gr.Dropdown(choices, value=_key(first) if first else None),
        *(_one(api, first) if first else [gr.skip()] * 3),
        gr.Column(visible=False),
        f'<p class="published" role="status">{escape(said)}{link}</p>' if said else "",
    )


def _one(api: HfApi, place: Place) -> tuple[Any, ...]:
    """Values for the link, the name's box, and the button that shows it or hides it."""
    button = gr.Button(wording.SHOW_TO_ALL if place.private else wording.HIDE_AGAIN)
    return f'<p class="published">{link_to(place.url(api))}</p>', place.repo_id.partition("/")[2], button


def _question(act: Act, place: Place, new_id: str) -> str:
    match act:
        case Act.RENAME:
            return wording.SURE_RENAME.format(old=place.repo_id, new=new_id)
        case Act.DELETE:
            return wording.SURE_DELETE.format(name=place.repo_id)
        case Act.SHOW_OR_HIDE if place.private:
            return wording.SURE_SHOW.format(name=place.repo_id)
        case Act.SHOW_OR_HIDE:
            return wording.SURE_HIDE.format(name=place.repo_id)


def _find(listing: Listing, chosen: str | None) -> Place:
    found = [place for place in listing.places if _key(place) == chosen]
    if not found:
        raise ShareError(wording.NOT_PUBLISHED)
    return found[0]


def _key(place: Place) -> str:
    return f"{place.kind}:{place.repo_id}"


def _label(place: Place) -> str:
    kind = wording.A_BOT if place.kind == "model" else wording.A_CHAT_PAGE
    return f"{place.repo_id} · {kind} · {wording.ONLY_ME if place.private else wording.EVERYBODY}"
