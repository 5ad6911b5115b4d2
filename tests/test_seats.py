"""Several people chat with one copy of the weights: each gets what they get alone, and nobody waits long."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from threading import Barrier, Event, Thread

import pytest
import torch

from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.sampling import Sampling
from reft_studio.engine import seats
from reft_studio.engine.seats import Passes, Seats, how_many
from reft_studio.errors import ChatError
from reft_studio.lora import LoRAWeights, linear_sizes
from reft_studio.prompts import render
from reft_studio.recipe import Recipe
from reft_studio.train.loop import Training
from tests.architectures import tiny_model

PROMPT = "Tell me about penguins."
SHORT = Sampling(max_new_tokens=16)
DRAWN = Sampling(temperature=2.5, max_new_tokens=16)
SECONDS = 60


def asked(prompt, bot=None, **fields):
    return ChatRequest([{"role": "user", "content": prompt}], bot, **fields)


def said_at_once(model, chats):
    """Of every (requests, sampling) its last snapshot, all of them begun at the same moment."""
    seats, begun = Seats(model), Barrier(len(chats))

    def one(chat):
        with seats.taken() as seat:
            begun.wait(SECONDS)
            return final_replies(seat, *chat)

    with ThreadPoolExecutor(len(chats)) as people:
        return list(people.map(one, chats))


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def with_lora(base, bot):
    """The bot with a random LoRA of rank 2 on every linear layer."""
    noise = torch.Generator().manual_seed(1)
    lora = {
        name: LoRAWeights(
            torch.randn(2, inputs, generator=noise) / inputs, torch.randn(outputs, 2, generator=noise) / 2
        )
        for name, (inputs, outputs) in linear_sizes(base).items()
    }
    return replace(bot, lora=lora)


def test_everyone_gets_what_they_get_alone_greedily_or_drawn(base, bot, with_lora):
    chats = [
        ([asked(PROMPT)], SHORT),
        ([asked(PROMPT), asked(PROMPT, bot), asked(PROMPT, system_prompt="Answer like a pirate.")], DRAWN),
        ([asked("Tell me about tea.", with_lora, strength=0.5), asked("Who are you?", bot)], SHORT),
        ([asked("Hi", bot, strength=-1.5)], replace(DRAWN, seed=7)),
        ([asked("Hi", bot, beside=[(with_lora, 0.3)]), asked("Hi")], replace(DRAWN, seed=7, top_p=0.9)),
    ]
    alone = [final_replies(base, *chat) for chat in chats]
    assert len({reply for replies in alone for reply in replies}) == 9
    assert said_at_once(base, chats) == alone


def test_beside_a_bots_chat_the_base_model_computes_what_it_does_untouched_bit_for_bit(base, bot, with_lora):
    ids = torch.tensor([render(base.tokenizer, [{"role": "user", "content": PROMPT}]).token_ids])
    untouched = base.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=SHORT.max_new_tokens,
        output_logits=True, return_dict_in_generate=True,
    ).logits  # fmt: skip
    seats, found = Seats(base), []
    with ExitStack() as stack:
        mine, *others = (stack.enter_context(seats.taken()) for _ in range(3))
        mine.model.register_forward_hook(lambda *call: found.append(call[-1].logits[:, -1].clone()))
        # Nonsense, which does not end soon.
        long = Sampling(temperature=5, max_new_tokens=200)
        for seat, other in zip(others, (bot, with_lora), strict=True):
            talk = stack.enter_context(closing(stream_replies(seat, [asked("Hi", other)], long)))
            next(talk)
        (reply,) = final_replies(mine, [asked(PROMPT)], SHORT)
        # In the midst of which the bots' edits were in place.
        assert all(seat.blocks[1]._forward_hooks for seat in others)
    assert reply == final_replies(base, [asked(PROMPT)], SHORT)[0]
    assert len(found) == len(untouched) > 5
    assert all(map(torch.equal, found, untouched))


def test_a_training_goes_as_it_goes_alone_whatever_bots_are_talked_to_meanwhile(base, rows, bot, with_lora):
    recipe = Recipe.for_model(base.num_layers, base.width, epochs=15, dropout=0.3, lora_rank=2)

    def losses():
        training = Training(base.twin(), rows, recipe)
        for _ in training.events():
            pass
        return training.losses

    alone, seats, done = losses(), Seats(base), Event()

    def talk(other):
        times = 0
        with seats.taken() as seat:
            while not done.is_set():
                final_replies(seat, [asked("Hi", other), asked("Hi")], replace(DRAWN, max_new_tokens=4))
                times += 1
        return times

    with ThreadPoolExecutor(2) as people:
        talks = [people.submit(talk, other) for other in (bot, with_lora)]
        beside = losses()
        done.set()
        assert all(talking.result(SECONDS) > 1 for talking in talks)
    assert beside == alone


@pytest.mark.parametrize("name", ["Mistral", "Gemma3", "GPT-OSS", "GPT-2", "LFM2", "Falcon-H1", "Mamba"])
def test_it_holds_for_models_whose_past_is_more_than_keys_and_values(name):
    model = tiny_model(name)
    chats = [
        ([asked(PROMPT)], SHORT),
        ([asked("Hi"), asked("Who are you, and where do you come from?")], DRAWN),
        ([asked("Tell me a story.")], replace(DRAWN, seed=7)),
    ]
    alone = [final_replies(model, *chat) for chat in chats]
    assert said_at_once(model, chats) == alone


def test_a_reply_that_is_drawn_depends_on_no_other_in_the_batch_nor_on_what_others_draw(base):
    alone = [final_replies(base, [asked(prompt)], DRAWN)[0] for prompt in ("Hi", PROMPT)]
    assert final_replies(base, [asked("Hi"), asked(PROMPT)], DRAWN) == alone
    state = torch.random.get_rng_state()
    snapshots = []
    for snapshot in stream_replies(base, [asked("Hi")], DRAWN):
        torch.rand(3)
        snapshots.append(snapshot)
    assert snapshots[-1] == alone[:1]
    torch.random.set_rng_state(state)


def test_passes_go_round_in_the_order_in_which_they_were_asked_for():
    passes, order, begun = Passes(), [], Barrier(3)

    def work(name):
        begun.wait(SECONDS)
        for _ in range(20):
            passes.begin()
            order.append(name)
            time.sleep(0.002)
            passes.end()

    people = [Thread(target=work, args=(name,)) for name in "abc"]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert len(order) == 60
    # Once all are there; a lock would let one of them go on and on.
    middle = order[6:-6]
    assert all(len({*middle[at : at + 3]}) == 3 for at in range(len(middle) - 2))


def test_a_chat_that_fails_leaves_the_others_and_its_seat_is_as_good_as_new(base, bot):
    seats = Seats(base)
    with seats.taken() as broken:
        pass
    # The one that was free is given out first.
    hook = broken.blocks[0].register_forward_hook(lambda *_: 1 / 0)
    with seats.taken() as first, seats.taken() as second:
        assert first is broken
        going_on = stream_replies(second, [asked(PROMPT, bot)], SHORT)
        next(going_on)
        with pytest.raises(ZeroDivisionError):
            final_replies(first, [asked(PROMPT)], SHORT)
        with pytest.raises(ChatError):
            final_replies(first, [asked("dog " * 2000)], SHORT)
        *_, last = going_on
        assert last == final_replies(base, [asked(PROMPT, bot)], SHORT)
    hook.remove()
    with seats.taken() as again:
        assert again is broken
        assert final_replies(again, [asked(PROMPT)], SHORT) == final_replies(base, [asked(PROMPT)], SHORT)


def test_so_many_chat_at_once_as_there_is_memory_for(base, monkeypatch):
    one = 3 * base.context_length * base.num_layers * 2 * base.width * 4
    for free, expected in ((0, 1), (2 * one, 1), (8.5 * one, 4), (1e15, seats.MOST_AT_ONCE)):
        monkeypatch.setattr(seats, "free_memory", lambda _, free=free: free)
        assert how_many(base) == expected


@pytest.fixture
def only(base, monkeypatch):
    """Seats of which there is one."""
    monkeypatch.setattr(seats, "free_memory", lambda _: 0)
    return Seats(base)


def test_who_waits_for_a_seat_gets_it_in_the_order_of_coming(only):
    got, came = [], []

    def wait(name):
        came.append(name)
        with only.taken() as seat:
            got.append((name, seat))

    people = [Thread(target=wait, args=(name,)) for name in "abcd"]
    with only.taken() as first:
        for count, person in enumerate(people, 1):
            person.start()
            wait_until(lambda count=count: len(only._waiting) == count)
        assert got == []
    for person in people:
        person.join(SECONDS)
    assert got == [(name, first) for name in came]


def test_a_chat_waits_as_long_as_memory_is_short_and_begins_when_there_is_enough(base, monkeypatch):
    free, seats_, got = [1e15], Seats(base), []
    monkeypatch.setattr(seats, "free_memory", lambda _: free[-1])

    def wait():
        with seats_.taken() as seat:
            got.append(seat)

    with seats_.taken() as first:
        free.append(0)
        person = Thread(target=wait)
        person.start()
        wait_until(lambda: seats_._waiting)
        assert got == []
        free.append(1e15)
        person.join(SECONDS)
        assert got and got[0] is not first


def test_who_gives_up_waiting_gets_none_and_is_in_nobodys_way(only):
    enough, left, got = Event(), [], []

    def wait(should_stop, seats_had):
        with only.taken(should_stop) as seat:
            seats_had.append(seat)

    with only.taken() as first:
        impatient = Thread(target=wait, args=(enough.is_set, left))
        impatient.start()
        wait_until(lambda: only._waiting)
        patient = Thread(target=wait, args=(lambda: False, got))
        patient.start()
        enough.set()
        impatient.join(SECONDS)
        assert (left, got) == ([None], [])
    patient.join(SECONDS)
    assert got == [first]


def test_a_twin_has_the_same_tensors_and_remembers_no_digest_of_its_own(base, monkeypatch):
    twin = base.twin()
    own, others = (dict(model.model.named_parameters()) for model in (base, twin))
    assert own.keys() == others.keys()
    assert all(own[name] is others[name] for name in own)
    assert not {*base.model.modules()} & {*twin.model.modules()}
    digest = base.digest()
    monkeypatch.setattr("reft_studio.base_model.weight_files", lambda _: 1 / 0)
    assert twin.twin().digest() == digest
