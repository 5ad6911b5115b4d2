"""The settings of a training that nobody needs for a good bot."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from reft_studio.errors import RecipeError
from reft_studio.positions import Piece, parse_positions
from reft_studio.recipe import Recipe
from reft_studio.settings import Settings
from reft_studio.ui import wording
from reft_studio.ui.events import connect
from reft_studio.ui.studio import Studio
from reft_studio.ui.table import filled

SETTINGS = ("layer", "positions", "rank", "epochs", "learning_rate", "seed")
"""What stands under Advanced, in its order there."""
PREVIEWED = 400
"""So many characters of a prompt are shown."""


def build_advanced(studio: Studio, banner: gr.HTML) -> list[Any]:
    """One field for each of SETTINGS."""
    gr.HTML(f"<p>{wording.ADVANCED_INTRO}</p>")
    default = {name: field.default for name, field in Recipe.model_fields.items()}
    with gr.Row():
        # A gr.Number turns into 0 as soon as it is seen empty.
        layer = gr.Textbox(label=wording.LAYER, info=wording.LAYER_HELP, max_lines=1, elem_id="layer")
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
    shown = gr.HTML(elem_id="pieces")

    def show_prompt(owner: str, positions: str) -> str:
        rows = filled(studio.store.draft(owner).demonstrations)
        prompt = rows[0].prompt if rows else wording.EXAMPLE_PROMPT
        with studio.engines.use(studio.engines.default) as engine:
            return _pieces(engine.preview(prompt[:PREVIEWED], positions))

    connect([look.click, positions.input], show_prompt, [positions], [shown], banner)
    with gr.Row():
        rank = gr.Number(default["rank"], label=wording.RANK, info=wording.RANK_HELP, precision=0)
        epochs = gr.Number(
            default["epochs"], label=wording.EPOCHS, info=wording.EPOCHS_HELP, precision=0, elem_id="epochs"
        )
    with gr.Row():
        rate = gr.Textbox(label=wording.LEARNING_RATE, info=wording.LEARNING_RATE_HELP, max_lines=1)
        seed = gr.Number(default["seed"], label=wording.SEED, info=wording.SEED_HELP, precision=0)
    return [layer, positions, rank, epochs, rate, seed]


def _pieces(pieces: Sequence[Piece]) -> str:
    """A prompt as the model reads it, cut into its tokens; the edited ones are marked."""
    said = "".join(
        f"<{tag}>{escape(piece.text).replace(chr(10), '↵<br>')}</{tag}>"
        for piece in pieces
        for tag in ["mark" if piece.edited else "span"]
    )
    return f'<p class="quiet">{wording.PREVIEW_HELP}</p><p class="pieces" dir="auto">{said}</p>'


def recipe_changes(settings: dict[str, Any], allowed: Settings) -> dict[str, Any]:
    """The fields that are filled in; raises RecipeError where one cannot be, whatever the base model."""
    changes = {name: value for name, value in settings.items() if value is not None and str(value).strip()}
    if "layer" in changes:
        changes["layers"] = [layer.strip() for layer in changes.pop("layer").split(",")]
    recipe = Recipe.for_model(1, 1, **changes)
    parse_positions(recipe.positions)
    check_allowed(recipe, allowed)
    return changes


def in_fields(changes: dict[str, Any]) -> list[Any]:
    """What the fields show for the settings of a training, in the order of SETTINGS."""
    shown = {name: Recipe.model_fields[name].default for name in SETTINGS if name in Recipe.model_fields}
    # Empty for what depends on the model.
    shown |= {"layer": "", "learning_rate": ""} | {n: v for n, v in changes.items() if n in SETTINGS}
    shown["layer"] = ", ".join(str(layer) for layer in changes.get("layers", []))
    return [str(shown[name]) if name == "learning_rate" else shown[name] for name in SETTINGS]


def check_allowed(recipe: Recipe, allowed: Settings) -> None:
    """Raise RecipeError for more than one may ask for here."""
    for name, most in (("epochs", allowed.max_epochs), ("rank", allowed.max_rank)):
        if getattr(recipe, name) > most:
            raise RecipeError(wording.too_much(name, most))
