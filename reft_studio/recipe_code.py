"""A recipe to take along: the same training as five lines of Python, or as a command."""

import shlex
from typing import Any

from reft_studio.base_ref import BaseRef
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.recipe import Recipe

ROWS_FILE = "examples.csv"
BOT_FOLDER = "my-bot"
_DEFAULTS = {name: field.default for name, field in Recipe.model_fields.items()}


def as_python(base: BaseRef, changes: dict[str, Any], name: str) -> str:
    """Five lines that train the bot from a file with its rows."""
    loaded = [repr(base.name)] if base.name != EMBEDDED_ID else []
    loaded += [f"quantization={str(base.quantization)!r}"] if base.quantization else []
    settings = [f"{field}={value!r}" for field, value in _typed(changes).items()]
    made = ", ".join(["model.num_layers", "model.width", *settings])
    return "\n".join(
        [
            "import reft_studio as rs",
            f"model = rs.load_base_model({', '.join(loaded)})",
            f"recipe = rs.Recipe.for_model({made})",
            f"bot = rs.train_bot(model, rs.read_demonstrations({ROWS_FILE!r}), recipe, name={name!r})",
            f"bot.save({BOT_FOLDER!r})",
        ]
    )


def as_command(base: BaseRef, changes: dict[str, Any], name: str) -> str:
    """The same for a terminal."""
    words = ["python", "-m", "reft_studio", "train", ROWS_FILE, BOT_FOLDER, f"--name={name}"]
    words += [f"--base={base.name}"] if base.name != EMBEDDED_ID else []
    words += [f"--quantization={base.quantization}"] if base.quantization else []
    for field, value in _typed(changes).items():
        if field == "layers":
            words += [f"--layer={layer}" for layer in value]
        else:
            words.append(f"--{field.replace('_', '-')}={value}")
    return shlex.join(words)


def _typed(changes: dict[str, Any]) -> dict[str, Any]:
    """The settings that are not as they would be by themselves, as numbers and words."""
    recipe = Recipe.for_model(1, 1, **changes)
    values = recipe.model_dump(mode="json", include=set(changes))
    return {name: value for name, value in values.items() if value != _DEFAULTS[name]}
