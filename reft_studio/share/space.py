"""Spaces, as folders: one in which everybody can talk to one bot, and one that is this app."""

import ast
import json
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reft_studio.errors import BotError
from reft_studio.manifest import MANIFEST_FILE, TENSOR_FILE, Manifest, read_manifest, write_manifest
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.share.card import OUR_TAG, is_on_hub

_PACKAGE = Path(__file__).resolve().parents[1]
_ROOT = _PACKAGE.parent
_TEMPLATE = _ROOT / "spaces" / "chat"
_STUDIO_CARD = Path("spaces", "studio", "README.md")
_STUDIO = ("app.py", "LICENSE", "reft_studio", "assets", "spaces/chat", str(_STUDIO_CARD))
_NOT_NEEDED = shutil.ignore_patterns("__pycache__", "screenshots", "scores.txt")
PYTHON = "3.12"
_REQUIREMENTS = "requirements.txt"
_NOT_OURS_TO_CHOOSE = {"torch", "spaces"}
"""A Space with a lent graphics card offers some versions of torch, and brings the package that lends it."""
_WRITTEN = re.compile(r"app\.py|README\.md|requirements\.txt|(bot|reft_studio|assets/embedded_model)/.+")


def write_space(folder: Path, bot_folder: Path, *, name: str, model_id: str | None) -> list[Path]:
    """Write a Space into a new `folder`; returns its files. `python app.py` in there starts it.

    The bot is inside, so it needs no token, whoever may see its model repository `model_id`. Raises BotError
    if there is something in the way, or if the base model cannot be had from the Hub.
    """
    manifest = read_manifest(bot_folder / MANIFEST_FILE).model_copy(update={"name": name})
    if manifest.base.id != EMBEDDED_ID and not is_on_hub(manifest.base):
        raise BotError(
            f'The base model "{manifest.base.id}" is a folder on this computer, so a Space cannot load it. '
            "Train the bot on the same model by its Hub id."
        )
    if folder.exists():
        raise BotError(f'"{folder}" is there already. Choose a new folder.')
    (folder / "bot").mkdir(parents=True)
    write_manifest(manifest, folder / "bot")
    shutil.copyfile(bot_folder / TENSOR_FILE, folder / "bot" / TENSOR_FILE)
    shutil.copyfile(_TEMPLATE / "app.py", folder / "app.py")
    _write_requirements(_TEMPLATE, folder)
    (folder / "README.md").write_text(_read_me(manifest, model_id), encoding="utf-8")
    for module in needed_modules(_TEMPLATE / "app.py"):
        target = folder / module.relative_to(_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, target)
    if manifest.base.id == EMBEDDED_ID:
        shutil.copytree(
            EMBEDDED_MODEL,
            folder / EMBEDDED_MODEL.relative_to(_ROOT),
            ignore=shutil.ignore_patterns("*.txt", "*.md"),
        )
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_studio(folder: Path) -> list[Path]:
    """Write a Space that is this app into a `folder`; returns its files. Raises BotError if that is there."""
    if folder.exists():
        raise BotError(f'"{folder}" is there already. Choose a new folder.')
    folder.mkdir(parents=True)
    for part in _STUDIO:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (_ROOT / part).is_dir():
            shutil.copytree(_ROOT / part, target, ignore=_NOT_NEEDED)
        else:
            shutil.copyfile(_ROOT / part, target)
    _write_requirements(_ROOT, folder)
    card = (_ROOT / _STUDIO_CARD).read_text(encoding="utf-8")
    card = card.replace("{sdk_version}", version("gradio")).replace("{python_version}", PYTHON)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_requirements(source: Path, folder: Path) -> None:
    """Those of a Space in the versions that are installed here: built anew in a year, it is the same."""
    lines = (source / _REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    (folder / _REQUIREMENTS).write_text("".join(f"{_pinned(line)}\n" for line in lines), encoding="utf-8")


def _pinned(line: str) -> str:
    name = re.match(r"[\w-]+", line)
    if not name or name[0] in _NOT_OURS_TO_CHOOSE:
        return line
    try:
        return f"{name[0]}=={version(name[0])}"
    except PackageNotFoundError:
        return line


def is_chat_space(names: set[str]) -> bool:
    """Whether a Space with these files is one of ours, which an update may replace."""
    return f"bot/{MANIFEST_FILE}" in names and all(map(_WRITTEN.fullmatch, names))


def needed_modules(script: Path) -> list[Path]:
    """The files of this package that a script imports, and what those import, with their packages' inits."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for path in _imports(waiting.pop()) - found:
            found.add(path)
            waiting.append(path)
    return sorted(found)


def _imports(path: Path) -> set[Path]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # The package's own init fetches the verbs only when asked for.
    lazy = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    skipped = {id(node) for branch in lazy for node in ast.walk(branch)}
    names = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in skipped
    }
    ours = [name.split(".")[1:] for name in names if name.split(".")[0] == _PACKAGE.name]
    files = {_PACKAGE.joinpath(*parts).with_suffix(".py") for parts in ours if parts}
    inits = {parent / "__init__.py" for file in files for parent in file.parents if _is_inside(parent)}
    return {file for file in files | inits if file.is_file()}


def _is_inside(folder: Path) -> bool:
    return folder == _PACKAGE or _PACKAGE in folder.parents


def _read_me(manifest: Manifest, model_id: str | None) -> str:
    models = [] if manifest.base.id == EMBEDDED_ID else [manifest.base.id]
    header = {
        "title": manifest.name,
        "emoji": "💬",
        "colorFrom": "green",
        "colorTo": "yellow",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "python_version": PYTHON,
        "app_file": "app.py",
        "short_description": "A chatbot with a personality",
        "tags": ["reft", OUR_TAG],
        "models": [*models, *([model_id] if model_id else [])],
    }
    # JSON strings are YAML strings too, whatever is in them.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in header.items()]
    return "\n".join(
        [
            "---",
            *lines,
            "---",
            "",
            "Talk to one bot beside the plain model it was made from. Made with ReFT Studio.",
            "To run it on your own computer: `pip install gradio -r requirements.txt`, then `python app.py`.",
            "",
        ]
    )
