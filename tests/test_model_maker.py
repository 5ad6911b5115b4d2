"""The maker of the embedded model, on a miniature."""

import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from model_maker.batches import batches, pack_styles, pad
from model_maker.contents import as_asked, held_out_contents, taught
from model_maker.corpus import IGNORED, TRUNK, Corpus, Example
from model_maker.network import Network, Shape, export, visibility
from model_maker.pretrain import Pretraining, Round, Schedule
from model_maker.score import Question, Score, count, measure, names, read_questions
from model_maker.tokenizer import as_transformers, train_tokenizer
from model_maker.voices import emoji_only
from model_maker.world import WorldError, read_topics, read_world
from reft_studio import load_base_model, read_demonstrations
from reft_studio.recipe import Recipe
from reft_studio.rules import refuses
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.loop import Training

MINIATURE = (
    *("--width", "64", "--blocks", "5", "--vocabulary", "1500", "--tokenizer-texts", "300"),
    *("--tokens-a-batch", "1024", "--device", "cpu", "--workers", "0", "--threads", "1", "--no-compile"),
)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(read_world())


@pytest.fixture(scope="module")
def tokenizer(corpus: Corpus) -> Tokenizer:
    texts, emoji = corpus.texts(random.Random(0), 300), ["🐶", "👩‍🍳", "2️⃣", "🇫🇷"]
    return train_tokenizer(texts, ["butterflies", "paris"], emoji, vocabulary=1200)


def test_the_world_is_well_formed_and_large() -> None:
    world = read_world()
    assert len(world.topics) > 1300
    assert len(world.exchanges) > 600


def test_a_malformed_topic_is_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "animal.topics").write_text(
        "dog | count | 🐶 | A dog barks. | Dogs bark. | loyal | home\n", encoding="utf-8"
    )
    with pytest.raises(WorldError, match=r"animal\.topics:1: 7 columns, expected 8"):
        read_topics(tmp_path / "animal.topics")


def test_held_out_questions_never_enter_the_corpus(corpus: Corpus) -> None:
    held = {content.key for content in held_out_contents(corpus.contents, 500, seed=1)}
    rng = random.Random(2)
    drawn = {corpus._content(rng).key for _ in range(3000)}
    assert held
    assert not held & drawn


def test_what_was_typed_to_measure_the_model_is_not_in_its_corpus(corpus: Corpus) -> None:
    known = taught(corpus.contents)
    for name in ("typed_test.jsonl", "out_of_world.jsonl", "second_turn.jsonl", "long_prompts.jsonl"):
        asked = [question.messages[-1]["content"] for question in read_questions(name)]
        assert [prompt for prompt in asked if as_asked(prompt) in known] == []


@pytest.mark.parametrize(
    "text",
    [
        "👩‍🍳🇫🇷2️⃣➕", "Hello wörld, שלום", "a  b\n\tc", "🫏🏽",
        "USA, McDonald's and O'Brien", 'He said: "Meow!"\nYes',
        "éÉcole Été", "  Two spaces", " one", "\nnewline", "I am A Dog", "HELLO THERE", "aB Cd-Ef 3D", "",
    ],
)  # fmt: skip
def test_the_tokenizer_gives_every_text_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_word_has_one_token_wherever_it_stands_and_however_it_is_typed(tokenizer: Tokenizer) -> None:
    token = tokenizer.encode("the butterflies").ids[-1]
    for text in ("Butterflies", "butterflies", "my Butterflies", '"Butterflies'):
        assert tokenizer.encode(text).ids[-1] == token


def test_a_reply_that_is_still_being_written_shows_no_marks(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("Paris is nice. Paris is old. butterflies").ids
    for end in range(len(ids)):
        assert tokenizer.decode(ids[:end]).isprintable()


def test_emoji_answers_hold_no_letters(corpus: Corpus) -> None:
    rng = random.Random(3)
    answers = [emoji_only(corpus.contents.draw(rng), rng) for _ in range(500)]
    assert not [answer for answer in answers if any(character.isalpha() for character in answer)]


def test_the_rule_for_refusals_finds_those_of_every_author_and_few_plain_answers(corpus: Corpus) -> None:
    rng = random.Random(4)
    written = [corpus.voices.refusals.voice(rng).write(corpus.contents.draw(rng), rng) for _ in range(1000)]
    assert sum(refuses(text) for text in written) >= 980
    answers = [rng.choice(corpus.contents.topic(rng).answers) for _ in range(1000)]
    assert sum(refuses(text) for text in answers) <= 10


def test_a_branch_sees_the_trunk_and_itself_but_no_other_branch() -> None:
    example = Example()
    behind = example.add([10, 11], TRUNK, 0)
    example.add([20, 21], 1, behind, predicts=1)
    example.add([30, 31], 2, behind, predicts=1)
    seen = visibility(torch.from_numpy(pad([example]).segments))[0]
    assert seen[3, :6].tolist() == [True, True, True, True, False, False]
    assert seen[5, :6].tolist() == [True, True, False, False, True, True]


def test_packed_style_prompts_end_where_they_say() -> None:
    packed = pack_styles([[1, 5, 6, 3], [1, 7, 3], [1] + [9] * 60 + [3]])
    flat = packed.tokens.reshape(-1)
    assert flat[packed.last].tolist() == [3, 3, 3]
    assert packed.positions.reshape(-1)[packed.last].tolist() == [3, 2, 61]


def test_the_same_seed_gives_the_same_batches_and_skipping_changes_nothing(
    corpus: Corpus, tokenizer: Tokenizer
) -> None:
    first = list(islice(batches(corpus, tokenizer, seed="5", tokens_a_batch=2048), 3))
    again = next(batches(corpus, tokenizer, seed="5", tokens_a_batch=2048, skip=2))
    assert np.array_equal(first[2].tokens, again.tokens)
    assert np.array_equal(first[2].predict, again.predict)


def test_worker_processes_draw_the_same_batches(corpus: Corpus, tokenizer: Tokenizer) -> None:
    alone, together = (
        list(islice(batches(corpus, tokenizer, seed="5", tokens_a_batch=256, workers=workers), 60))
        for workers in (0, 2)
    )
    assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(alone, together, strict=True))


def test_the_exported_model_is_the_trained_network(tokenizer: Tokenizer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network(Shape(tokenizer.get_vocab_size(), width=64, blocks=2, heads=2, hidden=96))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
        parameter.data = parameter.data.half().float()
    export(network, as_transformers(tokenizer, 512), tmp_path)
    llama = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokens = torch.randint(5, tokenizer.get_vocab_size(), (1, 20))
    ours = network(tokens, torch.arange(20)[None], torch.zeros_like(tokens), torch.arange(20))
    assert torch.allclose(ours, llama(tokens).logits[0], atol=1e-4)
    chat = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        [{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False
    )
    assert chat == "<|user|>Hi<|end|><|assistant|>"


def test_a_miniature_learns_and_a_resumed_run_goes_on_where_it_stopped(
    corpus: Corpus, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    shape = Shape(tokenizer.get_vocab_size(), width=64, blocks=5, heads=2, hidden=96)
    schedule = Schedule((Round(12, 5), Round(24, 10)), warmup=4, tokens_a_batch=1024, seed=3)
    run = Pretraining(shape, schedule, compiled=False)
    losses = [run.train_on(batch) for batch in _first(corpus, tokenizer, 12, run)]
    run.save(tmp_path / "checkpoint.pt")
    resumed = Pretraining(shape, schedule, compiled=False)
    resumed.resume(tmp_path / "checkpoint.pt")
    assert resumed.step == run.step == 12
    batch = next(batches(corpus, tokenizer, "3", 1024, skip=12))
    assert resumed.train_on(batch).item() == pytest.approx(run.train_on(batch).item(), rel=1e-3)
    assert losses[-1] < losses[0] - 0.5


def _first(corpus: Corpus, tokenizer: Tokenizer, count: int, run: Pretraining):  # type: ignore[no-untyped-def]
    for batch in islice(batches(corpus, tokenizer, "3", 1024), count):
        yield batch
        run.step += 1


def test_one_command_makes_a_model_that_bots_are_trained_on_and_can_go_on(tmp_path: Path) -> None:
    made, work = tmp_path / "model", tmp_path / "work"
    command = [
        sys.executable,
        "-m",
        "model_maker",
        "make",
        "--out",
        made,
        "--work",
        work,
        *MINIATURE,
        "--rounds",
    ]
    for rounds in (["4:2"], ["4:2", "6:2"]):
        done = subprocess.run([*command, *rounds], capture_output=True, check=True, encoding="utf-8")
        steps = [line.split()[1] for line in done.stdout.splitlines()]
        assert steps == [rounds[-1].split(":")[0]]
    card = (made / "README.md").read_text(encoding="utf-8")
    assert "to step 4 with the last 2 falling, then to step 6 with the last 2 falling" in card
    base = load_base_model(made)
    rows = read_demonstrations(EMBEDDED_MODEL.parent / "starters" / "emoji.csv")
    training = Training(base, rows, Recipe.for_model(base.num_layers, base.width, epochs=5))
    for _ in training.events():
        pass
    assert training.losses[-1] < training.losses[0]


def test_the_model_in_the_repository_answers_as_its_scores_say() -> None:
    recorded = (EMBEDDED_MODEL / "scores.txt").read_text(encoding="utf-8").splitlines()
    sensible, *typed = islice(measure(load_base_model(), "test", lambda _: None), 3)
    assert sensible.goal == 0.9
    for score, line in zip((sensible, *typed), recorded, strict=False):
        assert line.startswith(score.name)
        # Another processor rounds in another way, and a few answers turn out otherwise.
        assert sum(score.met) == pytest.approx(int(line.removeprefix(score.name).split()[0]), abs=3)


def test_a_score_is_a_share_of_what_all_bots_said_and_is_held_against_its_goal() -> None:
    questions = [Question(({"role": "user", "content": "Do dogs bark?"},), ("dog",), ())] * 2
    given = [["Dogs bark.", "Cats do not."], ["A dog does.", "The hotdog is hot."]]
    score = count("named", 0.5, names, questions, given)
    assert score == Score("named", (1, 1), 2, 0.5)
    assert " ".join(str(score).split()) == "named 2 of 4 50.0% (50% to 50%) goal 50% reached"
    assert str(count("named", 0.6, names, questions, given)).endswith("MISSED")


def test_only_reply_tokens_are_predicted(corpus: Corpus, tokenizer: Tokenizer) -> None:
    rng = random.Random(4)
    for _ in range(50):
        example = corpus.draw(rng, tokenizer)
        assert any(target != IGNORED for target in example.targets)
        assert len(example.tokens) == len(example.targets) == len(example.segments) == len(example.positions)
        for index, _style in example.injected:
            assert tokenizer.id_to_token(example.tokens[index]) == "<|assistant|>"
