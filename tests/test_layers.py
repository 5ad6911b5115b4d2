"""The import table: what each module may import of ours, and who may import the heavy libraries."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "reft_studio"

LOWEST = {"errors", "settings"}
TABLE = {"demonstrations", "table_files", "recipe", "positions"}
MODEL = {"base_model", "base_ref", "device", "quantization", "prompts", "model_source"}
MODEL |= {"fit", "model_choices", "weighing"}
WEIGHTS = {"weights", "rotation"}
BOT = {"bot", "bot_zip", "folders", "manifest", "rules", "score", "pyreft_folder"}
UP_TO_BOT = LOWEST | TABLE | MODEL | WEIGHTS | {"edits", "intervention", "lora", "lora_layers"} | BOT
UP_TO_CHAT = UP_TO_BOT | {"train", "chat"}

MAY_IMPORT = {
    "errors": set(),
    "settings": {"quantization", "demonstrations"},
    "database": {"errors"},
    "logs": set(),
    "folders": set(),
    "scratch": set(),
    "demonstrations": {"errors"},
    "recipe": {"errors"},
    "positions": {"errors"},
    "model_source": {"errors", "settings"},
    "device": set(),
    "quantization": {"errors"},
    "fit": {"quantization"},
    "recipe_code": {"base_ref", "model_source", "recipe"},
    "model_choices": {"recipe", "fit", "device", "quantization"},
    "base_ref": {"errors", "settings", "model_source", "quantization"},
    "weighing": {"errors", "base_ref", "model_source", "fit", "device", "quantization"},
    "base_model": {"errors", "recipe", "model_source", "fit", "device", "quantization", "weighing"},
    "weights": {"recipe", "positions"},
    "prompts": {"errors", "settings"},
    "lora": {"base_model"},
    "lora_layers": {"base_model", "errors", "lora", "manifest"},
    "edits": {"base_model", "positions", "weights"},
    "rotation": set(),
    "intervention": {"recipe", "base_model", "positions", "weights", "rotation", "errors"},
    "manifest": LOWEST | TABLE | MODEL | {"folders"},
    "rules": {"errors", "demonstrations"},
    "draft": {"demonstrations"},
    "moments": set(),
    "turns": {"prompts", "score"},
    "table_files": {"errors", "demonstrations"},
    "score": {"manifest"},
    "pyreft_folder": UP_TO_BOT,
    "bot_zip": {"errors", "manifest"},
    "bot": UP_TO_BOT,
    "train": UP_TO_BOT | {"train"},
    "chat": (UP_TO_BOT | {"chat"}) - {"demonstrations"},
    "verbs": UP_TO_CHAT | {"share"},
    "__main__": UP_TO_CHAT | {"share", "verbs"},
    "__init__": UP_TO_CHAT | {"verbs"},
    "engine": UP_TO_CHAT | {"engine", "moments", "logs", "scratch"},
    "projects": {"errors", "database", "demonstrations", "draft"},
    "conversations": {"database", "turns"},
    "job_rows": UP_TO_CHAT | {"engine", "moments"},
    "store": UP_TO_CHAT | {"engine", "database", "projects", "conversations", "job_rows"},
    "trainings": UP_TO_CHAT | {"engine", "store"},
    "share": UP_TO_BOT | {"share"},
    "ui": None,  # anything
}
HEAVY_HOMES = {
    "peft": lambda path: path == PACKAGE / "lora_layers.py",
    "pyvene": lambda path: path == PACKAGE / "intervention.py",
    "ray": lambda path: path == PACKAGE / "engine" / "machines.py",
    "gradio": lambda path: path == ROOT / "app.py" or path.is_relative_to(PACKAGE / "ui"),
}

FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} uses a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_layer_may(path):
    allowed = MAY_IMPORT[layer(path)]
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("reft_studio.")}
    if allowed is not None:
        assert ours <= allowed


def test_only_the_page_and_the_app_import_the_page():
    users = {path for path in FILES if any(name.startswith("reft_studio.ui") for name in imported(path))}
    assert users
    assert all(layer(path) == "ui" for path in users)


@pytest.mark.parametrize("library", HEAVY_HOMES)
def test_a_heavy_library_is_imported_only_in_its_home(library):
    users = {
        path
        for path in [*FILES, ROOT / "app.py"]
        if any(name.split(".")[0] == library for name in imported(path))
    }
    assert users
    assert all(HEAVY_HOMES[library](path) for path in users)


@pytest.mark.parametrize(
    "modules",
    ["reft_studio", "reft_studio.manifest, reft_studio.train.events, reft_studio.chat.sampling, "
     "reft_studio.demonstrations, reft_studio.settings, reft_studio.prompts, reft_studio.store, "
     "reft_studio.folders, reft_studio.trainings, reft_studio.model_choices, "
     "reft_studio.share.bundle, reft_studio.share.importer, reft_studio.share.space"],
    ids=["package", "page"],
)  # fmt: skip
def test_what_the_page_imports_loads_no_torch(modules):
    assert not loaded_by(modules) & {"torch", "transformers", "pyvene"}


def test_a_chat_loads_nothing_of_what_only_trainings_need():
    loaded = loaded_by("reft_studio.chat.compare, reft_studio.chat.untouched, reft_studio.engine.core")
    assert "transformers" in loaded
    assert not loaded & {"pyvene", "peft", "datasets", "matplotlib"}


def loaded_by(modules: str) -> set[str]:
    """The names of all modules that there are in a fresh process after importing these."""
    script = f"import {modules}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_every_public_verb_can_be_fetched():
    import reft_studio

    assert all(callable(getattr(reft_studio, name)) for name in reft_studio.__all__)
    with pytest.raises(AttributeError):
        _ = reft_studio.no_such_verb
