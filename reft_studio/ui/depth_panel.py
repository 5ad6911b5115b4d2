"""Where in the model it is steered: a slider over its depth, the same as a layer, and in words."""

import re
from html import escape
from typing import Any

import gradio as gr

from reft_studio.errors import BaseModelError, RecipeError
from reft_studio.recipe import default_layer
from reft_studio.ui import wording
from reft_studio.ui.base_panel import BasePanel
from reft_studio.ui.events import connect, follow

_USUAL = 25
"""Percent of the way up: where the recommended layer is."""
_MOST_SAID = 4
"""Of so many layers it is said in words where they are."""


class DepthPanel:
    """Lays the panel out and connects it. The field `layer` counts; the slider fills it in."""

    def __init__(self, base: BasePanel, banner: gr.HTML) -> None:
        self._base = base
        with gr.Row():
            self._slider = gr.Slider(
                *(0, 100, _USUAL),
                step=1,
                label=wording.DEPTH,
                info=wording.DEPTH_HELP,
                min_width=280,
                elem_id="depth",
            )
            # A gr.Number turns into 0 as soon as it is seen empty.
            self.layer = gr.Textbox(
                label=wording.LAYER, info=wording.LAYER_HELP, max_lines=1, elem_id="layer"
            )
        self._said = gr.HTML(elem_id="depth-said")
        self._inputs = [self._slider, self.layer, *base.fields]
        self._shown = [self._slider, self._said]
        at = [self._slider, *base.fields]
        self.moved = connect(self._slider.input, self._at, at, [self.layer, self._said], banner)
        # Not `change`: while the slider is moved, nothing moves it but the person.
        connect(self.layer.input, self._show, self._inputs, self._shown, banner)
        self.follow(base.chosen)

    def follow(self, event: Any) -> None:
        """Show where the layer is once the handler of an event has filled in the layer or the model."""
        follow(event, self._show, self._inputs, self._shown)

    def _at(self, _owner: str, percent: float, name: str, quantization: str) -> tuple[str, str]:
        """The layer at this depth; none where it is the recommended one anyway."""
        layers = self._base.num_layers(self._base.base(name, quantization))
        if layers is None:
            raise RecipeError(wording.DEPTH_NOT_KNOWN)
        layer, usual = layer_at(percent, layers), default_layer(layers)
        return "" if layer == usual else str(layer), _words([layer], layers)

    def _show(
        self, _owner: str, percent: float, typed: str | None, name: str, quantization: str
    ) -> tuple[Any, str]:
        try:
            layers = self._base.num_layers(self._base.base(name, quantization))
        except BaseModelError:
            layers = None
        if layers is None:
            return gr.skip(), ""
        numbers = layers_in(typed)
        chosen = numbers or [default_layer(layers)]
        # Where the slider means this layer already, it stays; a layer that nobody has chosen is where it was.
        moved = None if numbers and layer_at(percent, layers) == chosen[0] else depth_of(chosen[0], layers)
        return gr.skip() if moved is None else moved, _words(chosen[:_MOST_SAID], layers)


def layers_in(typed: str | None) -> list[int]:
    """The layers in the field, without what is none; a field that nothing was ever in has no text."""
    # What has more digits is no layer, and Python reads no number of thousands of them.
    return [int(part) for part in (typed or "").split(",") if re.fullmatch(r"\s*[0-9]{1,3}\s*", part)]


def layer_at(percent: float, layers: int) -> int:
    """The layer that is nearest to so much of the way up."""
    return round(percent / 100 * (layers - 1))


def depth_of(layer: int, layers: int) -> int:
    """How far up a layer is, in percent; the usual depth where that means this layer, too."""
    if layer_at(_USUAL, layers) == layer:
        return _USUAL
    return min(100, round(100 * layer / max(1, layers - 1)))


def _words(chosen: list[int], layers: int) -> str:
    said = (wording.depth(layer, layers, default_layer(layers)) for layer in chosen)
    return "".join(f'<p class="quiet">{escape(text)}</p>' for text in said)
