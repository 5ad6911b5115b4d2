"""Names of bots as the Hub takes them, and links to what is there."""

import re
from html import escape

from reft_studio.errors import ShareError
from reft_studio.ui import wording


def hub_name(name: str, bot_id: str | None) -> str:
    """A bot's name as the Hub takes names: Latin letters, digits and dashes.

    One that nobody has named, or in another script, gets a name of its own, so that it replaces no other.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    return slug if slug and name != wording.DEFAULT_BOT_NAME else f"my-bot-{(bot_id or '')[:6]}"


def repo_id_of(account: str, typed: str) -> str:
    """What somebody typed, under an account; raises ShareError if the Hub takes no such name."""
    name = typed.strip()
    if not re.fullmatch(r"[\w.-]{1,96}", name, re.ASCII):
        raise ShareError(wording.BAD_ADDRESS)
    return f"{account}/{name}"


def link_to(url: str) -> str:
    """A link that opens beside the app."""
    url = escape(url, quote=True)
    return f'<a href="{url}" target="_blank" rel="noopener">{url}</a>'
