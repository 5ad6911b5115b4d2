"""The public verbs that span several parts; the others live with what they act on."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import HfApi

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.probes import record_probes
from reft_studio.chat.score import Progress, ask_everything, with_score
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import RuleError, UnstableError
from reft_studio.recipe import Recipe
from reft_studio.rules import read_rules
from reft_studio.score import Report
from reft_studio.share.bundle import find_license, is_bot, write_bundle
from reft_studio.share.hub import Place, Published, publish
from reft_studio.share.importer import fetch
from reft_studio.train.events import Event
from reft_studio.train.loop import Training

_PROBES = 3


def train_bot(
    base: BaseModel,
    demonstrations: Sequence[Demonstration],
    recipe: Recipe | None = None,
    *,
    name: str = "My bot",
    system_prompt: str | None = None,
    start_from: Bot | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Bot:
    """Train a bot to the end and record its self-test; without a recipe, with the model's default one.

    It is as it was after the last epoch: a recipe and a seed make the bot, and nothing is asked of it on its
    way. The app does ask, and keeps the best of its moments (`moments.best`), which may be an earlier one.
    With `start_from` it goes on from what that bot has learned, by the same form of recipe. Raises
    DemonstrationsError, RecipeError, BotError or TrainingError; an UnstableError has what was learned before.
    """
    training = Training(base, demonstrations, recipe, system_prompt=system_prompt, start_from=start_from)
    try:
        for event in training.events():
            if on_event:
                on_event(event)
    except UnstableError as error:
        error.bot = training.bot(name) if training.step else None
        raise
    prompts = [row.prompt for row in demonstrations if row.prompt.strip()][:_PROBES]
    return record_probes(base, training.bot(name), prompts)


def score_bot(
    base: BaseModel,
    bot: Bot,
    rules: Sequence[str],
    instruction: str = "",
    *,
    demonstrations: Sequence[Demonstration] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> Bot:
    """The same bot with its score: how many replies to unseen prompts meet the rules (`rules.read_rule`).

    The base model is asked the same, also with `instruction` as its system prompt if there is one. Prompts of
    the `demonstrations` are not asked. Raises RuleError or BotError.
    """
    if not rules:
        raise RuleError('Say what makes a reply right, such as "only emoji" or "starts with Arr".')
    report: Report | None = None
    known = [row.prompt for row in demonstrations]
    for progress in ask_everything(base, bot, read_rules(rules), instruction, known=known):
        report = progress.report
        if on_progress:
            on_progress(progress)
    assert report
    return with_score(bot, report)


def share_bot(
    bot: Bot,
    repo_id: str,
    *,
    demonstrations: Sequence[Demonstration] = (),
    private: bool = True,
    api: HfApi | None = None,
) -> str:
    """Publish a bot to the Hugging Face Hub and return its address there; an earlier version is updated.

    `demonstrations` go up too, for everybody to read who may see the bot. Raises ShareError.
    """
    api = api or HfApi()
    with tempfile.TemporaryDirectory() as scratch:
        bot.save(Path(scratch) / "bot")
        files = write_bundle(
            Path(scratch) / "bundle",
            Path(scratch) / "bot",
            name=bot.manifest.name,
            repo_id=repo_id,
            rows=demonstrations,
            include_rows=True,
            base_license=find_license(api, bot.manifest),
        )
        *_, published = publish(
            api,
            Place(repo_id, private=private),
            {file.name: file for file in files},
            "Publish the bot",
            is_bot,
        )
    assert isinstance(published, Published)
    return published.url


def fetch_bot(link: str, *, api: HfApi | None = None) -> Bot:
    """A bot from the Hub, by its address or as "owner/name"; raises ShareError or BotError."""
    with tempfile.TemporaryDirectory() as scratch:
        return Bot.load(fetch(api or HfApi(), link, Path(scratch)).folder)
