"""The bots in `spaces/emoji` and `spaces/ethos`: trained from their starters on the embedded model."""

import json
from pathlib import Path

from reft_studio.base_model import load_base_model
from reft_studio.chat.probes import record_probes
from reft_studio.table_files import read_demonstrations
from reft_studio.train.loop import Training
from reft_studio.verbs import score_bot

ROOT = Path(__file__).resolve().parents[1]
STARTERS = ROOT / "assets" / "starters"
DEMOS = ("emoji", "ethos")
PROBES = 4


def make_demos(folder: Path = ROOT / "spaces") -> None:
    """Train each with the default recipe, and save it with unseen prompts as its self-test and its score."""
    base = load_base_model()
    listed = json.loads((STARTERS / "starters.json").read_text(encoding="utf-8"))
    for starter in listed:
        if starter["key"] not in DEMOS:
            continue
        rows = read_demonstrations(STARTERS / starter["file"])
        training = Training(base, rows)
        for _ in training.events():
            pass
        bot = record_probes(base, training.bot(starter["title"]), starter["probes"][:PROBES])
        bot = score_bot(base, bot, starter["rules"], starter["instruction"], demonstrations=rows)
        bot.save(folder / starter["key"])
