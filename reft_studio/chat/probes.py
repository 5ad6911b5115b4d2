"""The self-test of a bot: prompts with its greedy replies, recorded once and asked again after loading."""

from collections.abc import Sequence
from dataclasses import replace

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.manifest import Probe


def record_probes(base: BaseModel, bot: Bot, prompts: Sequence[str]) -> Bot:
    """The same bot with its greedy replies to `prompts`, and the base model's, in the manifest."""
    # The bot's in a batch of their own, as the self-test asks for them.
    sides = zip(prompts, _replies(base, bot, prompts), _replies(base, None, prompts), strict=True)
    probes = tuple(Probe(prompt=prompt, reply=reply, base=plain) for prompt, reply, plain in sides)
    return replace(bot, manifest=bot.manifest.model_copy(update={"probes": probes}))


def failed_probes(base: BaseModel, bot: Bot) -> list[Probe]:
    """The probes to which the bot now replies differently; on the same device and dtype there are none."""
    probes = bot.manifest.probes
    replies = _replies(base, bot, [probe.prompt for probe in probes])
    return [probe for probe, reply in zip(probes, replies, strict=True) if reply != probe.reply]


def _replies(base: BaseModel, bot: Bot | None, prompts: Sequence[str]) -> list[str]:
    if not prompts:
        return []
    return final_replies(base, [ChatRequest([{"role": "user", "content": p}], bot) for p in prompts])
