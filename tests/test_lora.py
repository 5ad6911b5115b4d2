"""A LoRA beside the edits: trained, saved, applied row by row, and gone from the base model afterwards."""

import itertools
import subprocess
import sys

import pytest
import torch

from reft_studio.bot import Bot
from reft_studio.chat.compare import compare_replies, final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.errors import BotError
from reft_studio.lora import LoRAWeights, linear_sizes, scaled, together
from reft_studio.lora_layers import TrainableLoRA, applied_lora
from reft_studio.recipe import Recipe
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.train.events import Step
from reft_studio.train.loop import Training

TOKENS = torch.tensor([[7, 20, 30, 41]])
SHORT = Sampling(max_new_tokens=16)


def training_of(base, rows, **changes):
    settings = {"lora_rank": 2, "epochs": 12, "learning_rate": 1e-2, **changes}
    return Training(base, rows, Recipe.for_model(base.num_layers, base.width, **settings))


def losses_of(training):
    return [event.loss for event in training.events() if isinstance(event, Step)]


@pytest.fixture(scope="module")
def bot(base, rows):
    training = training_of(base, rows)
    losses_of(training)
    return training.bot()


def test_an_untrained_lora_changes_nothing(base):
    with torch.no_grad():
        before = base.model(TOKENS).logits
        with TrainableLoRA(base, rank=4, seed=1).in_place():
            assert torch.equal(base.model(TOKENS).logits, before)


def test_it_learns_and_the_base_model_gets_its_own_modules_back(base, rows):
    modules = dict(base.model.named_modules())
    alone, together = (losses_of(training_of(base, rows, lora_rank=rank)) for rank in (0, 8))
    assert together[0] == pytest.approx(alone[0], rel=1e-4)
    assert together[-1] < alone[-1]
    assert dict(base.model.named_modules()) == modules
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert not hasattr(base.model, "peft_config")


def test_a_saved_bot_replies_the_same_in_a_fresh_process(base, bot, tmp_path):
    bot.save(tmp_path / "bot")
    here = compare_replies(base, bot, "Who are you?", sampling=SHORT).bot
    program = (
        "import sys, reft_studio as rs\n"
        "from reft_studio.chat.sampling import Sampling\n"
        "model, bot = rs.load_base_model(device='cpu'), rs.Bot.load(sys.argv[1])\n"
        "short = Sampling(max_new_tokens=16)\n"
        "print(ascii(rs.compare_replies(model, bot, 'Who are you?', sampling=short).bot))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "bot")]
    fresh = subprocess.run(
        command, capture_output=True, check=True, encoding="utf-8", cwd=EMBEDDED_MODEL.parents[1]
    )
    assert fresh.stdout.splitlines()[-1] == ascii(here)
    assert Bot.load(tmp_path / "bot") == bot


def test_bots_with_and_without_it_and_the_base_share_a_batch_and_reply_as_when_alone(base, rows, bot):
    other, plain = training_of(base, rows[:2], lora_rank=4, seed=3), training_of(base, rows[2:], lora_rank=0)
    losses_of(other)
    losses_of(plain)
    messages = [{"role": "user", "content": "Tell me about cats."}]
    requests = [ChatRequest(messages, one) for one in (None, bot, other.bot(), plain.bot())]
    alone = [final_replies(base, [request], SHORT)[0] for request in requests]
    assert final_replies(base, requests, SHORT) == alone
    assert alone[0] not in alone[1:]


def test_a_reply_draws_none_of_the_numbers_that_a_training_at_the_same_time_would_draw(bot, base):
    state = torch.random.get_rng_state()
    request = ChatRequest([{"role": "user", "content": "Hi"}], bot)
    final_replies(base, [request], Sampling(temperature=1, max_new_tokens=4))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_lora_has_the_strength_of_its_bot(base, bot):
    messages = [{"role": "user", "content": "Tell me about cats."}]

    def said(bot, strength=1.0):
        return final_replies(base, [ChatRequest(messages, bot, strength=strength)], SHORT)[0]

    assert said(bot, 0) == said(None) != said(bot)
    assert torch.equal(scaled(bot.lora, 2)[next(iter(bot.lora))].B, 2 * next(iter(bot.lora.values())).B)


def test_two_loras_in_one_row_add_what_each_adds_also_where_only_one_has_a_layer(base, bot):
    first, *_ = names = list(bot.lora)
    few = {name: LoRAWeights(weights.A[:1] + 1, weights.B[:, :1]) for name, weights in bot.lora.items()}
    few.pop(first)
    mixed = together([bot.lora, few, {}])

    def added(lora, name):
        return lora[name].B @ lora[name].A if name in lora else 0

    for name in names:
        assert torch.allclose(added(mixed, name), added(bot.lora, name) + added(few, name), atol=1e-6)
    with torch.no_grad(), applied_lora(base, [mixed]):
        assert base.model(TOKENS).logits.isfinite().all()
    assert together([bot.lora]) is bot.lora
    assert together([]) == {}


def test_half_of_a_bot_and_its_other_half_are_the_bot(base, bot):
    messages = [{"role": "user", "content": "Tell me about cats."}]
    halves = ChatRequest(messages, bot, strength=0.5, beside=[(bot, 0.5)])
    assert final_replies(base, [halves], SHORT) == final_replies(base, [ChatRequest(messages, bot)], SHORT)


def test_a_paused_training_goes_on_with_the_same_losses(base, rows, tmp_path):
    whole = losses_of(training_of(base, rows))
    paused = training_of(base, rows)
    begun = [event for event in itertools.islice(paused.events(), 6) if isinstance(event, Step)]
    paused.checkpoint().save(tmp_path / "half")
    resumed = training_of(base, rows)
    resumed.resume(Checkpoint.load(tmp_path / "half"))
    assert [step.loss for step in begun] + losses_of(resumed) == whole


def test_the_training_says_that_every_step_takes_the_whole_forward_pass(base, rows):
    assert "LoRA" in next(training_of(base, rows).events()).slow_because


def test_a_bot_with_other_layers_than_the_base_is_refused(base, bot):
    name = next(iter(bot.manifest.lora))
    sizes = {**bot.manifest.lora, name: (1, 1)}
    assert linear_sizes(base)[name] != (1, 1)
    changed = Bot(bot.manifest.model_copy(update={"lora": sizes}), bot.weights, bot.lora)
    with pytest.raises(BotError, match="parts that the base model"):
        changed.check_base(base)
