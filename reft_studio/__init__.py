"""ReFT Studio: teach a chat model with a few demonstrations.

    import reft_studio as rs
    model = rs.load_base_model()
    bot = rs.train_bot(model, rs.read_demonstrations("assets/starters/emoji.csv"))
    print(rs.compare_replies(model, bot, "Plan a family road trip"))
    bot.save("my-bot")
    rs.share_bot(bot, "me/emoji-bot")

Names are fetched when first used, so that `import reft_studio` alone imports no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reft_studio.base_model import load_base_model
    from reft_studio.bot import Bot
    from reft_studio.chat.compare import compare_replies
    from reft_studio.demonstrations import Demonstration
    from reft_studio.errors import StudioError
    from reft_studio.recipe import Recipe
    from reft_studio.table_files import read_demonstrations
    from reft_studio.verbs import fetch_bot, score_bot, share_bot, train_bot

__all__ = [
    "Bot",
    "Demonstration",
    "Recipe",
    "StudioError",
    "compare_replies",
    "fetch_bot",
    "load_base_model",
    "read_demonstrations",
    "score_bot",
    "share_bot",
    "train_bot",
]

_HOMES = {
    "Bot": "reft_studio.bot",
    "Demonstration": "reft_studio.demonstrations",
    "Recipe": "reft_studio.recipe",
    "StudioError": "reft_studio.errors",
    "compare_replies": "reft_studio.chat.compare",
    "fetch_bot": "reft_studio.verbs",
    "load_base_model": "reft_studio.base_model",
    "read_demonstrations": "reft_studio.table_files",
    "score_bot": "reft_studio.verbs",
    "share_bot": "reft_studio.verbs",
    "train_bot": "reft_studio.verbs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
