"""The self-test of a bot: prompts with its greedy replies, recorded once and asked again after loading."""

from collections.abc import Sequence
from dataclasses import replace

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.manifest import Probe


def record_probes(base: BaseModel, bot: Bot, prompts: Sequence[str]) -> Bot:
    """The same bot with its greedy replies to `prompts` in the manifest."""
    probes = tuple(
        Probe(prompt=p, reply=r) for p, r in zip(prompts, _replies(base, bot, prompts), strict=True)
    )
    return replace(bot, manifest=bot.manifest.model_copy(update={"probes": probes}))


def failed_probes(base: BaseModel, bot: Bot) -> list[Probe]:
    """The probes to which the bot now replies differently; on the same device and dtype there are none."""
    probes = bot.manifest.probes
    replies = _replies(base, bot, [probe.prompt for probe in probes])
    return [probe for probe, reply in zip(probes, replies, strict=True) if reply != probe.reply]


def _replies(base: BaseModel, bot: Bot, prompts: Sequence[str]) -> list[str]:
    if not prompts:
        return []
    return final_replies(base, [ChatRequest([{"role": "user", "content": p}], bot) for p in prompts])
