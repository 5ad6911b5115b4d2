"""The settings of a training that nobody needs for a good bot."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from reft_studio.base_ref import BaseRef
from reft_studio.errors import RecipeError
from reft_studio.positions import Piece, parse_positions
from reft_studio.recipe import Method, Recipe
from reft_studio.recipe_code import as_command, as_python
from reft_studio.settings import Settings
from reft_studio.ui import wording
from reft_studio.ui.base_panel import DEFAULT, BasePanel
from reft_studio.ui.depth_panel import DepthPanel
from reft_studio.ui.events import connect, follow, show
from reft_studio.ui.studio import Studio, name_of
from reft_studio.ui.table import filled

SETTINGS = (
    *("base", "quantization", "method", "layer", "positions"),
    *("rank", "lora_rank", "epochs", "learning_rate", "seed"),
)
"""What stands under Advanced, in its order there."""
_LAYER_DIGITS = 3
_KEPT = (*SETTINGS, "stop_early")
"""What is remembered of it."""
PREVIEWED = 400
"""So many characters of a prompt are shown."""
_OF_THE_BASE = ("base", "quantization")
_MOST_KEPT = 500
"""So many characters of a field are remembered; longer ones are no name of anything."""


class AdvancedPanel:
    """Lays the fields out and connects them; `fields` has one for each of SETTINGS.

    `project` has the id of the one that is to be trained.
    """

    def __init__(self, studio: Studio, project: gr.Textbox) -> None:
        self._studio, self._project = studio, project
        banner = gr.HTML(elem_classes="banner", render=False)
        gr.HTML(f"<p>{wording.ADVANCED_INTRO}</p>")
        self.base = BasePanel(studio)
        default = {name: field.default for name, field in Recipe.model_fields.items()}
        method = gr.Dropdown(
            [(wording.METHODS[method], method.value) for method in Method],
            value=default["method"].value,
            label=wording.METHOD,
            info=wording.METHOD_HELP,
            elem_id="method",
        )
        self._depth = DepthPanel(self.base, banner)
        positions = gr.Dropdown(
            wording.POSITION_CHOICES,
            value=default["positions"],
            allow_custom_value=True,
            label=wording.POSITIONS,
            info=wording.POSITIONS_HELP,
            elem_id="positions",
        )
        with gr.Row(elem_classes="actions"):
            look = gr.Button(wording.PREVIEW_PROMPT, size="sm", elem_id="preview-prompt")
        self.preview = gr.HTML(elem_id="pieces")
        """Of a row of the project."""
        self.fields = [*self.base.fields, method, self._depth.layer, positions, *_numbers(default)]
        self.stop_early = gr.Checkbox(
            True, label=wording.STOP_EARLY, info=wording.STOP_EARLY_HELP, elem_id="stop-early"
        )
        self._kept = [*self.fields, self.stop_early]
        banner.render()  # type: ignore[no-untyped-call]
        asked = [project, *self.base.fields, positions]
        connect([look.click, positions.input], self._show_prompt, asked, [self.preview], banner)
        reset = self._build_actions(banner)
        self.filled_in_by(connect(reset.click, _recommended, [], self._kept, banner))
        # Its own: what is kept by itself clears no other message.
        unkept = gr.HTML(elem_classes="banner")
        connect([field.input for field in self._kept], self._keep, self._kept, [], unkept)
        follow(self._depth.moved, self._keep, self._kept, [])

    def filled_in_by(self, event: Any) -> None:
        """To be called for every event whose handler fills fields in: what follows from that and is kept."""
        self._depth.follow(event)
        follow(event, self._keep, self._kept, [])

    def restored_on(self, load: Any, group: gr.Accordion) -> None:
        """Fill in what was chosen before when a page is loaded; `group` is open if there is any."""
        self._depth.follow(show(load, self._restore, [], [group, *self._kept]))

    def _keep(self, owner: str, *values: Any) -> None:
        """Remember what is not as recommended."""
        chosen = zip(_KEPT, values, _recommended(owner), strict=True)
        kept = {name: _as_kept(value) for name, value, usual in chosen if value != usual}
        self._studio.store.save_settings(owner, kept)

    def _restore(self, owner: str) -> tuple[Any, ...]:
        kept = self._studio.store.settings(owner)
        if kept.get("base") and not self.base.may_be(kept["base"], kept.get("quantization")):
            # Offered then, and not any more.
            kept = {name: value for name, value in kept.items() if name not in _OF_THE_BASE}
        # The rest stays as it is: somebody may be quicker than this and have typed already.
        opened = gr.Accordion(open=True) if kept else gr.skip()
        return opened, *(kept.get(name, gr.skip()) for name in _KEPT)

    def _build_actions(self, banner: gr.HTML) -> gr.Button:
        with gr.Row(elem_classes="actions"):
            reset = gr.Button(wording.RESET, size="sm", elem_id="reset-settings")
            copy = gr.Button(wording.AS_CODE, size="sm", elem_id="as-code")
        with gr.Column(visible=False, elem_id="recipe-code") as codes:
            gr.HTML(f'<p class="quiet">{wording.AS_CODE_HELP}</p>')
            # Not gr.Code: in its colours and by keyboard alone it cannot be read by everybody.
            python, command = (
                gr.Textbox(
                    label=label,
                    interactive=False,
                    lines=lines,
                    buttons=["copy"],
                    elem_classes="code",
                    elem_id=elem_id,
                )
                for label, lines, elem_id in (
                    (wording.AS_PYTHON, 5, "python"),
                    (wording.AS_COMMAND, 2, "command"),
                )
            )
        connect(copy.click, self._as_code, [self._project, *self.fields], [codes, python, command], banner)
        return reset

    def chosen_base(self, settings: dict[str, Any]) -> BaseRef:
        """The model among the values of the fields; raises BaseModelError for one that may not be chosen."""
        return self.base.base(settings["base"], settings["quantization"])

    def in_fields(self, base: BaseRef, changes: dict[str, Any]) -> list[Any]:
        """What the fields show for an earlier training."""
        return in_fields(self.base.in_fields(base) | changes)

    def _show_prompt(self, owner: str, project: str, name: str, quantization: str, positions: str) -> str:
        base = self.base.base(name, quantization)
        if base not in self._studio.engines.bases:
            return f'<p class="quiet">{wording.PREVIEW_LATER}</p>'
        rows = filled(self._studio.store.projects.draft(owner, project).demonstrations)
        prompt = rows[0].prompt if rows else wording.EXAMPLE_PROMPT
        with self._studio.engines.use(base) as engine:
            return _pieces(engine.preview(prompt[:PREVIEWED], positions))

    def _as_code(self, owner: str, project: str, *settings: Any) -> tuple[Any, ...]:
        values = dict(zip(SETTINGS, settings, strict=True))
        base, changes = self.chosen_base(values), recipe_changes(values, self._studio.settings)
        name = name_of(self._studio.store.projects.draft(owner, project))
        if base == self._studio.engines.default and self._studio.settings.shared:
            # Where a folder of this server lies helps nobody.
            base = BaseRef(base.id, base.quantization)
        return gr.Column(visible=True), as_python(base, changes, name), as_command(base, changes, name)


def _recommended(_owner: str) -> tuple[Any, ...]:
    return *in_fields({}), True


def _as_kept(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)[:_MOST_KEPT]


def _numbers(default: dict[str, Any]) -> list[Any]:
    """Fields for rank, LoRA rank, epochs, learning rate and seed."""
    with gr.Row():
        rank = gr.Number(default["rank"], label=wording.RANK, info=wording.RANK_HELP, precision=0)
        lora_rank = gr.Number(
            default["lora_rank"],
            label=wording.LORA_RANK,
            info=wording.LORA_RANK_HELP,
            precision=0,
            elem_id="lora-rank",
        )
    with gr.Row():
        epochs = gr.Number(
            default["epochs"], label=wording.EPOCHS, info=wording.EPOCHS_HELP, precision=0, elem_id="epochs"
        )
        rate = gr.Textbox(
            label=wording.LEARNING_RATE,
            info=wording.LEARNING_RATE_HELP,
            max_lines=1,
            elem_id="learning-rate",
        )
        seed = gr.Number(
            default["seed"], label=wording.SEED, info=wording.SEED_HELP, precision=0, elem_id="seed"
        )
    return [rank, lora_rank, epochs, rate, seed]


def _pieces(pieces: Sequence[Piece]) -> str:
    """A prompt as the model reads it, cut into its tokens; the edited ones are marked."""
    said = "".join(
        f"<{tag}>{escape(piece.text).replace(chr(10), '↵<br>')}</{tag}>"
        for piece in pieces
        for tag in ["mark" if piece.edited else "span"]
    )
    return f'<p class="quiet">{wording.PREVIEW_HELP}</p><p class="pieces" dir="auto">{said}</p>'


def recipe_changes(settings: dict[str, Any], allowed: Settings) -> dict[str, Any]:
    """The fields of a recipe that are filled in; raises RecipeError where one fits no base model."""
    changes = {
        name: value
        for name, value in settings.items()
        if name not in _OF_THE_BASE and value is not None and str(value).strip()
    }
    if "layer" in changes:
        changes["layers"] = [_layer(written.strip()) for written in str(changes.pop("layer")).split(",")]
    recipe = Recipe.for_model(1, 1, **changes)
    parse_positions(recipe.positions)
    check_allowed(recipe, allowed)
    return changes


def _layer(written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) <= _LAYER_DIGITS):
        raise RecipeError(wording.not_a_layer(written))
    return int(written)


def in_fields(settings: dict[str, Any]) -> list[Any]:
    """What the fields show for the settings of a training, in the order of SETTINGS."""
    shown = {name: Recipe.model_fields[name].default for name in SETTINGS if name in Recipe.model_fields}
    # Empty for what depends on the model.
    shown |= dict.fromkeys(_OF_THE_BASE, DEFAULT) | {"layer": "", "learning_rate": ""}
    shown |= {name: value for name, value in settings.items() if name in SETTINGS}
    shown["layer"] = ", ".join(str(layer) for layer in settings.get("layers", []))
    shown["method"] = Method(shown["method"]).value
    return [str(shown[name]) if name == "learning_rate" else shown[name] for name in SETTINGS]


def check_allowed(recipe: Recipe, allowed: Settings) -> None:
    """Raise RecipeError for more than one may ask for here."""
    limits = (("epochs", allowed.max_epochs), ("rank", allowed.max_rank), ("lora_rank", allowed.max_rank))
    for name, most in limits:
        if getattr(recipe, name) > most:
            raise RecipeError(wording.too_much(name.replace("_", " "), most))
