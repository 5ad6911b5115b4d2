"""A bot's folder as it goes up: under its public name, with a card, and with its rows only if wanted."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi

from reft_studio.demonstrations import Demonstration
from reft_studio.errors import ShareError
from reft_studio.manifest import (
    BOT_FILES,
    CARD_FILE,
    DEMONSTRATIONS_FILE,
    MANIFEST_FILE,
    TENSOR_FILE,
    Manifest,
    read_manifest,
    write_manifest,
)
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.share.card import EMBEDDED_LICENSE, License, is_on_hub, write_card
from reft_studio.share.refusals import said_plainly
from reft_studio.table_files import write_demonstrations


def write_bundle(
    folder: Path,
    bot_folder: Path,
    *,
    name: str,
    repo_id: str,
    rows: Sequence[Demonstration],
    include_rows: bool,
    base_license: License | None,
) -> list[Path]:
    """Write into a new `folder` what is published of the bot in `bot_folder`; returns its files.

    `rows` are those it was trained on as far as they are known: the card counts them. Raises BotError if
    there is no bot.
    """
    manifest = read_manifest(bot_folder / MANIFEST_FILE).model_copy(update={"name": name})
    folder.mkdir(parents=True)
    write_manifest(manifest, folder)
    shutil.copyfile(bot_folder / TENSOR_FILE, folder / TENSOR_FILE)
    if include_rows and rows:
        write_demonstrations(rows, folder / DEMONSTRATIONS_FILE)
    card = write_card(manifest, repo_id, len(rows) or None, base_license)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    return sorted(folder.iterdir())


def is_bot(names: set[str]) -> bool:
    """Whether a repository with these files is a bot, which an update may replace."""
    return MANIFEST_FILE in names and names <= set(BOT_FILES)


def find_license(api: HfApi, manifest: Manifest) -> License | None:
    """The base model's licence by its card on the Hub; None if that says nothing or cannot be had now."""
    if manifest.base.id == EMBEDDED_ID:
        return EMBEDDED_LICENSE
    if not is_on_hub(manifest.base):
        return None
    try:
        with said_plainly(manifest.base.id):
            data = api.model_info(manifest.base.id, revision=manifest.base.revision).card_data
    except ShareError:
        return None
    if data is None or not isinstance(data.license, str):
        return None
    return License(data.license, data.license_name, data.license_link)
