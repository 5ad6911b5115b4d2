"""Which chat model is trained, and whether it fits before anything is downloaded."""

import json
from collections.abc import Collection, Iterator
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr

from reft_studio.base_ref import BaseRef, choose_base
from reft_studio.engine.interface import Readiness
from reft_studio.errors import BaseModelError, StudioError
from reft_studio.fit import Weight, gigabytes
from reft_studio.model_choices import MODEL_CHOICES
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.quantization import Quantization
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.ui import wording
from reft_studio.ui.events import connect
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio

DEFAULT = "default"
"""Stands for the base model that the app starts with, and for how it is stored in memory."""


class BasePanel:
    """Lays the panel out and connects it; `fields` are the model and how it is stored."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._weights: dict[BaseRef, Weight] = {}
        free = _is_free(studio)
        self._base = base_choice(
            studio, wording.BASE_MODEL_HELP if free else wording.BASE_MODEL_HERE, "base-model"
        )
        self._quantization = gr.Dropdown(
            wording.QUANTIZATIONS,
            value=DEFAULT,
            visible=free and _can_quantize(),
            label=wording.QUANTIZATION,
            info=wording.QUANTIZATION_HELP,
            elem_id="quantization",
        )
        self.fields = [self._base, self._quantization]
        self._banner = gr.HTML(elem_classes="banner")
        self._badge = gr.HTML(elem_id="base-fit")
        # Not `input`: of one choice that tells several times. So this also follows what fills the fields in.
        self.chosen = connect(
            [self._base.change, self._quantization.change],
            self._look_up,
            self.fields,
            [self._badge],
            self._banner,
            concurrency_limit=4,
        )

    @property
    def listed(self) -> gr.Dropdown:
        """What `list_again` is for."""
        return self._base

    def list_again(self, _owner: str) -> Any:
        """The list with what cannot fit marked in it; the same where that is not known, or all may fit."""
        room = self._room()
        too_big = {c.id for c in MODEL_CHOICES if room is not None and c.parameters * _least_bytes() > room}
        return gr.Dropdown(_choices(self._studio, too_big)) if too_big else gr.skip()

    def _room(self) -> int | None:
        """How much memory there would be in place of all models; asked of the model that is there."""
        engines = self._studio.engines
        status = engines.status(engines.default)
        if status is None or status.readiness is not Readiness.READY:
            return None
        try:
            _, room = engines.weigh(engines.default)
        except StudioError:
            return None
        return room + status.held if engines.share_a_machine else room

    def may_be(self, name: str | None, quantization: str | None) -> bool:
        """Whether the model may be chosen here."""
        try:
            self.base(name, quantization)
        except BaseModelError:
            return False
        return True

    def base(self, name: str | None, quantization: str | None) -> BaseRef:
        """The model that is chosen; raises BaseModelError for one that may not be, also past the page."""
        return chosen_base(self._studio, name, quantization)

    def in_fields(self, base: BaseRef) -> dict[str, str]:
        """What the fields show for a model."""
        default = self._studio.engines.default
        return {
            "base": DEFAULT if base.name == default.name else base.name,
            "quantization": DEFAULT
            if base.quantization in (None, default.quantization)
            else str(base.quantization),
        }

    def num_layers(self, base: BaseRef) -> int | None:
        """How many blocks a model has, as far as that is known without asking anybody."""
        status = self._studio.engines.status(base)
        if status and status.num_layers:
            return status.num_layers
        for choice in MODEL_CHOICES:
            if choice.id == base.id:
                return choice.shape.layers
        if weight := self._weights.get(base):
            return weight.num_layers
        return _layers_in(EMBEDDED_MODEL if base.name == EMBEDDED_ID else Path(base.name))

    def _look_up(self, owner: str, name: str | None, quantization: str | None) -> Iterator[str]:
        base = self.base(name, quantization)
        if base in self._studio.engines.bases:
            yield _badge(wording.BASE_IS_LOADED, _described(base), fine=True)
            return
        self._studio.rates.count(owner, Asked.TRANSFERS)
        yield f'<p role="status">{wording.LOOKING_UP}</p>'
        try:
            weight, room = self._studio.engines.weigh(base)
        except StudioError:
            yield ""
            raise
        self._weights[base] = weight
        verdict, fine = fit_verdict(weight, room)
        yield _badge(verdict, _described(base) if fine else wording.IF_TOO_BIG, fine=fine)


def base_choice(studio: Studio, info: str, elem_id: str) -> gr.Dropdown:
    """The base models that may be chosen here; hidden where that is one."""
    choices, free = _choices(studio), _is_free(studio)
    return gr.Dropdown(
        choices,
        value=DEFAULT,
        allow_custom_value=free,
        visible=free or len(choices) > 1,
        label=wording.BASE_MODEL,
        info=info,
        elem_id=elem_id,
    )


def chosen_base(studio: Studio, name: str | None, quantization: str | None = None) -> BaseRef:
    """What these fields say; raises BaseModelError for a model that may not be chosen, also past the page."""
    default = studio.engines.default
    stored = default.quantization
    if quantization not in (None, "", DEFAULT):
        if quantization not in list(Quantization):
            raise BaseModelError(wording.NO_SUCH_QUANTIZATION)
        stored = Quantization(quantization)
    named = default.name if name in (None, "", DEFAULT) else str(name)
    return choose_base(named, stored, studio.settings)


def offer(studio: Studio, base: BaseRef) -> str:
    """Whether a model could be loaded that a bot is made for; raises BaseModelError if it cannot."""
    try:
        weight, room = studio.engines.weigh(base)
    except StudioError as error:
        raise BaseModelError(wording.base_not_there(_called(base), str(error))) from error
    verdict, fine = fit_verdict(weight, room)
    if not fine:
        raise BaseModelError(wording.base_not_there(_called(base), verdict))
    return wording.base_to_load(_called(base), verdict)


def _called(base: BaseRef) -> str:
    return wording.PRACTICE_MODEL if base.name == EMBEDDED_ID else wording.chat_model_called(base.id)


def fit_verdict(weight: Weight, room: int) -> tuple[str, bool]:
    """Whether a model fits, in words and in short; `room` is what is free without the other models."""
    fetched = wording.to_fetch(gigabytes(weight.to_fetch)) if weight.to_fetch else ""
    if not weight.fits:
        return wording.SIZE_NOT_KNOWN, True
    for number, fit in enumerate(weight.fits):
        if fit.needed <= room:
            words = wording.FITS_IN_HALF if number else wording.FITS if fit else wording.FITS_INSTEAD
            said = words.format(needed=gigabytes(fit.needed), free=gigabytes(fit.free))
            return f"{said}{fetched}", True
    least = weight.fits[-1].needed
    return wording.TOO_BIG.format(needed=gigabytes(least), free=gigabytes(room)), False


def _badge(verdict: str, described: str, *, fine: bool) -> str:
    kind = "fine" if fine else "wrong"
    return (
        f'<p role="status" class="badge {kind}">{escape(verdict)}</p><p class="quiet">{escape(described)}</p>'
    )


def _described(base: BaseRef) -> str:
    for choice in MODEL_CHOICES:
        if choice.id == base.id:
            return wording.described(choice.when, choice.licence, choice.gated)
    return wording.PRACTICE_MODEL_WHEN if base.name == EMBEDDED_ID else ""


def _is_free(studio: Studio) -> bool:
    """Whether any model may be chosen."""
    return studio.settings.allowed_base_models is None and not studio.settings.lent_card


def _least_bytes() -> float:
    """Of one weight, in the fewest bits that a model can be loaded in here."""
    return Quantization.NF4.bytes_a_weight if _can_quantize() else 2


def _can_quantize() -> bool:
    return find_spec("bitsandbytes") is not None


def _choices(studio: Studio, too_big: Collection[str] = ()) -> list[tuple[str, str]]:
    """Labels and values, the app's own model first."""
    default, offered = studio.engines.default, studio.settings.allowed_base_models
    own = wording.PRACTICE_MODEL_CHOICE if default.name == EMBEDDED_ID else default.id
    choices = [(own, DEFAULT)]
    if _is_free(studio):
        if default.name != EMBEDDED_ID:
            choices.append((wording.PRACTICE_MODEL_CHOICE, EMBEDDED_ID))
        listed = [(_label(choice.id, choice.parameters, too_big), choice.id) for choice in MODEL_CHOICES]
    elif studio.settings.lent_card:
        listed = []
    else:
        sizes = {choice.id: choice.parameters for choice in MODEL_CHOICES}
        listed = [(_label(name, sizes.get(name), too_big), name) for name in offered or ()]
    return choices + [choice for choice in listed if choice[1] != default.name]


def _label(name: str, parameters: int | None, too_big: Collection[str]) -> str:
    return wording.model_choice(name, parameters, too_big=name in too_big)


def _layers_in(folder: Path) -> int | None:
    """What a config on this computer says."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    layers = config.get("num_hidden_layers", config.get("n_layer"))
    return layers if isinstance(layers, int) else None
