"""The same from a terminal: `python -m reft_studio train rows.csv my-bot`, `chat`, `publish` and so on."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from huggingface_hub import HfApi

import reft_studio as rs
from reft_studio.errors import BotError, StudioError, UnstableError
from reft_studio.model_source import EMBEDDED_ID
from reft_studio.quantization import Quantization
from reft_studio.recipe import Method, Recipe

if TYPE_CHECKING:
    from reft_studio.base_model import BaseModel

app = typer.Typer(
    help="Teach a chat model a personality with a few examples.", no_args_is_help=True, add_completion=False
)

BotFolder = Annotated[Path, typer.Argument(help="A folder or zip with a bot.")]
Base = Annotated[str, typer.Option(help="The base model: embedded, a Hub id, or a folder.")]


def command(act: Callable[..., None]) -> Callable[..., None]:
    """Register a command that says a StudioError in one sentence and ends with 1."""

    @wraps(act)
    def run(*args: Any, **options: Any) -> None:
        try:
            act(*args, **options)
        except StudioError as error:
            typer.echo(str(error), err=True)
            sys.exit(1)
        except OSError as error:
            typer.echo(f"{error.filename or 'A file'}: {error.strerror or error}.", err=True)
            sys.exit(1)

    app.command()(run)
    return run


@command
def train(
    rows: Annotated[Path, typer.Argument(help="A CSV, TSV or JSONL file with prompts and replies.")],
    out: Annotated[Path, typer.Argument(help="The new bot's folder.")],
    base: Base = EMBEDDED_ID,
    name: str = "My bot",
    epochs: int | None = None,
    layer: Annotated[list[int] | None, typer.Option(help="More than once for several.")] = None,
    positions: str | None = None,
    rank: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    method: Annotated[Method | None, typer.Option(help="A member of the ReFT family.")] = None,
    lora_rank: Annotated[int | None, typer.Option(help="A LoRA beside the edits.")] = None,
    quantization: Annotated[Quantization | None, typer.Option(help="Fewer bits a weight.")] = None,
) -> None:
    """Train a bot, by all its epochs. (The page asks it things on its way and keeps its best moment.)"""
    from reft_studio.bot import check_target
    from reft_studio.train.events import Event, Started, Step

    def tell(event: Event) -> None:
        if isinstance(event, Started):
            share = f"{event.learned / event.parameters:.2%}"
            typer.echo(f"{event.learned:,} numbers learn, {share} of the base model's.", err=True)
            if not event.has_template:
                typer.echo("The base model has no chat template: it is asked in a plain form.", err=True)
            if event.slow_because:
                typer.echo(f"Every step takes the whole model: {event.slow_because}.", err=True)
        if isinstance(event, Step):
            line = f"\rEpoch {event.epoch}, loss {event.loss:.4f}, {event.seconds_left:.0f} s left "
            typer.echo(line, nl=False, err=True)

    # Before the work, not after it.
    check_target(out)
    demonstrations = rs.read_demonstrations(rows)
    model = rs.load_base_model(base, quantization=quantization)
    given = {"epochs": epochs, "layers": layer or None, "positions": positions, "rank": rank,
             "learning_rate": learning_rate, "seed": seed, "method": method,
             "lora_rank": lora_rank}  # fmt: skip
    changes = {key: value for key, value in given.items() if value is not None}
    recipe = Recipe.for_model(model.num_layers, model.width, **changes)
    try:
        bot = rs.train_bot(model, demonstrations, recipe, name=name, on_event=tell)
    except UnstableError as error:
        if error.bot:
            error.bot.save(out)
            typer.echo(f"\nThe bot as it was before is in {out}.", err=True)
        raise
    bot.save(out)
    typer.echo(f"\nThe bot is in {out}.", err=True)


@command
def chat(bot: BotFolder, prompt: str, base: Base = "") -> None:
    """Ask the plain model and the bot the same thing."""
    loaded = _load(bot)
    typer.echo(str(rs.compare_replies(_base_of(loaded, base), loaded, prompt)))


@command
def score(
    bot: Annotated[Path, typer.Argument(help="A folder with a bot; the score is written into it.")],
    rule: Annotated[
        list[str] | None,
        typer.Option(help='What makes a reply right, such as "only emoji"; more than once for several.'),
    ] = None,
    instruction: Annotated[
        str, typer.Option(help="A system prompt for the plain model, to compare with.")
    ] = "",
    rows: Annotated[
        Path | None,
        typer.Option(
            help="The examples, if they are not in the bot's folder: they are not asked, and rules are "
            "guessed from them if none is given."
        ),
    ] = None,
    base: Base = "",
) -> None:
    """Ask a bot some ninety things it has never seen, and count the right replies."""
    from reft_studio.chat.score import Progress
    from reft_studio.manifest import DEMONSTRATIONS_FILE, write_manifest
    from reft_studio.rules import guess_rules

    def tell(progress: Progress) -> None:
        done = f"{len(progress.report.asked)} of {progress.of}"
        typer.echo(f"\rAsked {done}, {progress.seconds_left:.0f} s left ", nl=False, err=True)

    loaded, beside = rs.Bot.load(bot), bot / DEMONSTRATIONS_FILE
    rows = rows or (beside if beside.is_file() else None)
    demonstrations = rs.read_demonstrations(rows) if rows else []
    rules = rule or [guess.sentence for guess in guess_rules([row.reply for row in demonstrations])]
    scored = rs.score_bot(
        _base_of(loaded, base), loaded, rules, instruction, demonstrations=demonstrations, on_progress=tell
    )
    write_manifest(scored.manifest, bot)
    assert scored.manifest.score
    typer.echo(f"\n{scored.manifest.score}")


@command
def publish(
    bot: BotFolder,
    repo_id: Annotated[str, typer.Argument(help="Such as me/emoji-bot.")],
    rows: Annotated[Path | None, typer.Option(help="Examples to publish with it.")] = None,
    public: Annotated[bool, typer.Option(help="Everybody may see it.")] = False,
) -> None:
    """Publish a bot to the Hugging Face Hub, as whom "hf auth login" has signed in."""
    demonstrations = rs.read_demonstrations(rows) if rows else []
    typer.echo(rs.share_bot(_load(bot), repo_id, demonstrations=demonstrations, private=not public))


@command
def rename(repo_id: str, new_id: str) -> None:
    """Give a published bot another name; the Hub forwards the old one."""
    from reft_studio.share import hub
    from reft_studio.share.bundle import is_bot

    hub.rename(HfApi(), hub.Place(repo_id), new_id, is_bot)


@command
def unpublish(
    repo_id: str, yes: Annotated[bool, typer.Option(help="Do not ask whether this is meant.")] = False
) -> None:
    """Take a published bot off the Hub, for good."""
    from reft_studio.share import hub
    from reft_studio.share.bundle import is_bot

    if not yes:
        typer.confirm(f"Delete {repo_id} on the Hub with all its history?", abort=True)
    hub.delete(HfApi(), hub.Place(repo_id), is_bot)


@command
def fetch(
    link: str,
    out: Path,
    positions: Annotated[
        str, typer.Option(help="Of a bot that pyreft saved: which prompt tokens it edits, such as l1.")
    ] = "",
    base: Base = "",
) -> None:
    """Get a bot from the Hub, by its address or as owner/name, with its rows if they are there."""
    from tempfile import TemporaryDirectory

    from reft_studio.bot import check_target
    from reft_studio.manifest import DEMONSTRATIONS_FILE
    from reft_studio.pyreft_folder import read_pyreft
    from reft_studio.share import importer

    check_target(out)
    with TemporaryDirectory() as scratch:
        fetched = importer.fetch(HfApi(), link, Path(scratch) / "bot")
        if fetched.from_pyreft:
            if not positions:
                raise BotError(
                    "pyreft saved this bot: it says neither which prompt tokens it edits nor its base model. "
                    "Say both with --positions, such as l1, and --base."
                )
            model = rs.load_base_model(base or EMBEDDED_ID)
            loaded = read_pyreft(fetched.folder, model, positions=positions, name=fetched.name)
        else:
            loaded = rs.Bot.load(fetched.folder)
        file = fetched.folder / DEMONSTRATIONS_FILE
        rows = rs.read_demonstrations(file) if file.is_file() else []
        loaded.save(out, rows or None)
    manifest = loaded.manifest
    typer.echo(f'"{manifest.name}" is in {out}. Base model: {manifest.base.id}; rows: {len(rows)}; '
               f"licence: {fetched.license or 'none named'}.")  # fmt: skip
    if manifest.score:
        typer.echo(f"Its author's score:\n{manifest.score}")


@command
def export(
    bot: BotFolder,
    out: Annotated[Path, typer.Argument(help="A new file or folder.")],
    form: Annotated[str, typer.Option("--as", help="zip, pyreft or space.")] = "zip",
) -> None:
    """Write a bot as one file, as a folder that pyreft reads, or as a chat Space."""
    from tempfile import TemporaryDirectory

    from reft_studio.pyreft_folder import write_pyreft
    from reft_studio.share.space import write_space

    loaded = _load(bot)
    if form == "zip":
        loaded.save_zip(out)
    elif form == "pyreft":
        write_pyreft(loaded, out)
    elif form == "space":
        with TemporaryDirectory() as scratch:
            loaded.save(Path(scratch) / "bot")
            write_space(out, Path(scratch) / "bot", name=loaded.manifest.name, model_id=None)
    else:
        raise typer.BadParameter("It is zip, pyreft or space.", param_hint="--as")


@command
def studio_space(out: Annotated[Path, typer.Argument(help="A new folder.")]) -> None:
    """Write a Space that is this app, to upload to the Hub or to start with `python app.py`."""
    from reft_studio.share.space import write_studio

    write_studio(out)
    typer.echo(f"The Space is in {out}.", err=True)


@command
def import_pyreft(
    folder: Path,
    out: Path,
    positions: Annotated[str, typer.Option(help="Which prompt tokens it edits; the folder does not say.")],
    base: Base = EMBEDDED_ID,
    name: str = "My bot",
) -> None:
    """Take in a bot that pyreft has saved."""
    from reft_studio.pyreft_folder import read_pyreft

    read_pyreft(folder, rs.load_base_model(base), positions=positions, name=name).save(out)
    typer.echo(f"The bot is in {out}.", err=True)


def _base_of(bot: rs.Bot, base: str) -> "BaseModel":
    from reft_studio.share.card import is_on_hub

    record = bot.manifest.base
    if base:
        return rs.load_base_model(base)
    # The name of a folder says nothing about where it is; of a stranger's bot it could be any.
    if record.id != EMBEDDED_ID and not is_on_hub(record):
        raise BotError(f'The base model of this bot is a folder "{record.id}". Say where it is with --base.')
    return rs.load_base_model(record.id, revision=record.revision)


def _load(path: Path) -> rs.Bot:
    return rs.Bot.load_zip(path) if path.is_file() else rs.Bot.load(path)


if __name__ == "__main__":
    app()
