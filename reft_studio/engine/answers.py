"""What an engine says to a question, with a base model that nobody else has a hold of meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot, unpacked
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.preview import preview
from reft_studio.chat.untouched import look_whether_untouched
from reft_studio.engine.interface import Conversation, OpenedBot, PyreftFolder
from reft_studio.engine.messages import (
    Chat,
    LookWhetherUntouched,
    OpenBot,
    PackBot,
    Preview,
    Question,
    Value,
    Weigh,
)
from reft_studio.manifest import DEMONSTRATIONS_FILE
from reft_studio.pyreft_folder import read_pyreft
from reft_studio.table_files import read_demonstrations
from reft_studio.weighing import weigh


def answer(base: BaseModel, question: Question, should_stop: Callable[[], bool]) -> Iterator[Value]:
    """What there is to say to a question, bit by bit; raises StudioError."""
    match question:
        case Chat(conversations, sampling):
            requests = [_request(conversation) for conversation in conversations]
            yield from map(tuple, stream_replies(base, requests, sampling, should_stop))
        case LookWhetherUntouched(folder):
            yield look_whether_untouched(base, Bot.load(folder))
        case Preview(prompt, positions):
            yield preview(base, prompt, positions)
        case Weigh(other):
            yield weigh(other)
        case PackBot(folder, zip_path, name, demonstrations):
            bot = Bot.load(folder)
            named = replace(bot, manifest=bot.manifest.model_copy(update={"name": name}))
            named.save_zip(zip_path, demonstrations or None)
        case OpenBot(path, folder, PyreftFolder(positions, name)):
            read_pyreft(path, base, positions=positions, name=name).save(folder)
            yield OpenedBot(name, ())
        case OpenBot(path, folder):
            with nullcontext(path) if path.is_dir() else unpacked(path) as source:
                yield _open_bot(base, source, folder)


def _open_bot(base: BaseModel, source: Path, folder: Path) -> OpenedBot:
    """Check a bot, also against the base model, and save it with its rows if it has any."""
    bot = Bot.load(source)
    bot.check_base(base)
    rows_file = source / DEMONSTRATIONS_FILE
    bot.save(folder, read_demonstrations(rows_file) if rows_file.is_file() else None)
    manifest = bot.manifest
    instruction = manifest.score.instruction if manifest.score else ""
    return OpenedBot(manifest.name, tuple(probe.prompt for probe in manifest.probes), instruction)


def _request(conversation: Conversation) -> ChatRequest:
    return ChatRequest(
        conversation.messages,
        Bot.load(conversation.bot_folder) if conversation.bot_folder else None,
        conversation.system_prompt or None,
        conversation.strength,
        [(Bot.load(folder), strength) for folder, strength in conversation.beside],
    )
