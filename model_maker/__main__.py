"""`python -m model_maker make`: the whole way from the world to the model folder; `score` measures it."""

from __future__ import annotations

import argparse
import os
import random
from dataclasses import asdict
from pathlib import Path

import torch
from tokenizers import Tokenizer

from model_maker.corpus import Corpus
from model_maker.demos import make_demos
from model_maker.network import Shape, export
from model_maker.pretrain import Pretraining, Round, Schedule
from model_maker.tokenizer import as_transformers, train_tokenizer
from model_maker.world import World, read_world
from reft_studio.device import default_device

# Those of the model in the repository.
ROUNDS = [Round(9000, 5000)]
TOKENS_A_BATCH = 49152
ASSET = Path(__file__).parents[1] / "assets" / "embedded_model"


def make(arguments: argparse.Namespace) -> None:
    """Train (or go on training) and write the model folder."""
    torch.set_num_threads(arguments.threads)
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    world = read_world()
    corpus = Corpus(world)
    tokenizer_file, checkpoint = work / "tokenizer.json", work / "checkpoint.pt"
    if not tokenizer_file.exists():
        texts = corpus.texts(random.Random(arguments.seed), arguments.tokenizer_texts)
        words, symbols = sorted(world.words()), sorted(world.symbols())
        train_tokenizer(texts, words, symbols, arguments.vocabulary).save(str(tokenizer_file))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    shape = Shape(
        tokenizer.get_vocab_size(),
        width=arguments.width,
        blocks=arguments.blocks,
        hidden=arguments.width * 5 // 2,
    )
    schedule = Schedule(tuple(arguments.rounds), tokens_a_batch=arguments.tokens_a_batch, seed=arguments.seed)
    run = Pretraining(shape, schedule, arguments.compile, arguments.device, arguments.workers)
    if checkpoint.exists():
        run.resume(checkpoint)
    wrapped = as_transformers(tokenizer, shape.context)
    for progress in run.run(corpus, tokenizer):
        print(
            f"step {progress.step} loss {progress.loss:.4f} tokens {progress.tokens / 1e6:.2f}M "
            f"{progress.tokens / progress.seconds:.0f} tokens/s {progress.seconds / 60:.1f} min",
            flush=True,
        )
        if progress.step % 250 == 0:
            run.save(checkpoint)
            export(run.network, wrapped, work / "latest")
    run.save(checkpoint)
    export(run.network, wrapped, arguments.out)
    write_card(run, world, arguments)


def write_card(run: Pretraining, world: World, arguments: argparse.Namespace) -> None:
    """Say beside the model what it is and how it was made."""
    text = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    figures = {
        "parameters": sum(p.numel() for p in run.network.parameters()) / 1e6,
        "tokens": run.tokens / 1e6,
        "minutes": run.seconds / 60,
        "hardware": hardware(arguments),
        "steps": run.step,
        "rounds": ", then ".join(
            f"to step {part.end:,} with the last {part.decay:,} falling" for part in arguments.rounds
        ),
        "seed": arguments.seed,
        "tokens_a_batch": arguments.tokens_a_batch,
        "topics": len(world.topics),
        "exchanges": len(world.exchanges),
    }
    card = text.format(**figures, **asdict(run.network.shape))
    (arguments.out / "README.md").write_text(card, encoding="utf-8")


def hardware(arguments: argparse.Namespace) -> str:
    """What the model was made on."""
    if arguments.device.type == "cuda":
        return f"one {torch.cuda.get_device_name(arguments.device)}, with {arguments.workers} processes that wrote texts"
    return f"{arguments.threads} processor cores"


def score(arguments: argparse.Namespace) -> None:
    """Measure a model folder and print the table; with --record beside the model too."""
    from model_maker.score import measure
    from reft_studio import load_base_model

    show = print if arguments.samples else lambda _: None
    scores = []
    for result in measure(load_base_model(arguments.model), arguments.part, show):
        print(result, flush=True)
        scores.append(result)
    if arguments.record:
        (arguments.model / "scores.txt").write_text(
            "".join(f"{result}\n" for result in scores), encoding="utf-8"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m model_maker", description=__doc__)
    commands = parser.add_subparsers(required=True)
    maker = commands.add_parser(
        "make", help="world -> tokenizer -> training -> model folder; goes on from WORK/checkpoint.pt"
    )
    maker.add_argument("--out", type=Path, default=ASSET)
    maker.add_argument("--work", type=Path, default=Path("model_build"))
    maker.add_argument("--rounds", type=Round.parse, nargs="+", default=ROUNDS, metavar="END:DECAY")
    maker.add_argument("--seed", type=int, default=1)
    maker.add_argument("--vocabulary", type=int, default=12800)
    maker.add_argument("--tokenizer-texts", type=int, default=12000)
    maker.add_argument("--width", type=int, default=256)
    maker.add_argument("--blocks", type=int, default=6)
    maker.add_argument("--device", type=torch.device, default=default_device(), help="such as cuda")
    maker.add_argument("--tokens-a-batch", type=int, default=TOKENS_A_BATCH)
    maker.add_argument(
        "--workers",
        type=int,
        default=max(0, (os.cpu_count() or 0) - 2),
        help="processes that write texts meanwhile",
    )
    maker.add_argument("--threads", type=int, default=2)
    maker.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    maker.set_defaults(run=make)
    scorer = commands.add_parser("score", help="measure the model on prompts it has never seen")
    scorer.add_argument("--model", type=Path, default=ASSET)
    scorer.add_argument("--part", choices=("test", "dev"), default="test")
    scorer.add_argument("--samples", action="store_true", help="show some replies")
    scorer.add_argument("--record", action="store_true", help="also write MODEL/scores.txt")
    scorer.set_defaults(run=score)
    demos = commands.add_parser("demos", help="train the bots in spaces/ on the model in the repository")
    demos.set_defaults(run=lambda _: make_demos())
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
