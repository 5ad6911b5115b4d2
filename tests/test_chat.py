from dataclasses import replace

import pytest
import torch

from reft_studio.chat.compare import Comparison, compare_replies, final_replies
from reft_studio.chat.generate import ChatRequest, edited_tokens, stream_replies
from reft_studio.chat.preview import preview
from reft_studio.chat.sampling import Sampling
from reft_studio.chat.untouched import look_whether_untouched
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import BotError, ChatError, RecipeError
from reft_studio.positions import Tokens, parse_positions
from reft_studio.prompts import render
from reft_studio.score import Untouched
from reft_studio.train.examples import build_examples

PROMPT = "Tell me about penguins."
SHORT = Sampling(max_new_tokens=24)


def asked(prompt, bot=None):
    return ChatRequest([{"role": "user", "content": prompt}], bot)


def hooks(base):
    return [hook for module in base.model.modules() for hook in module._forward_hooks.values()]


@pytest.mark.parametrize("prompt", ["", " \n", "Hi \ud83d"])
def test_what_nobody_can_answer_is_refused(base, bot, prompt):
    with pytest.raises(ChatError, match="empty or has a broken character"):
        compare_replies(base, bot, prompt)


def test_the_base_pane_is_the_untouched_model(base, bot):
    ids = render(base.tokenizer, [{"role": "user", "content": PROMPT}]).token_ids
    with torch.no_grad():
        for _ in range(24):
            likeliest = int(base.model(torch.tensor([ids])).logits[0, -1].argmax())
            if likeliest in base.end_tokens:
                break
            ids.append(likeliest)
    prompt_length = len(render(base.tokenizer, [{"role": "user", "content": PROMPT}]).token_ids)
    expected = base.tokenizer.decode(ids[prompt_length:], skip_special_tokens=True).strip()
    assert compare_replies(base, bot, PROMPT, sampling=SHORT).base.strip() == expected


def test_beside_a_bot_the_base_pane_is_the_untouched_model_in_its_place_bit_for_bit(base, bot):
    def first_rows(beside):
        """The logits of the base pane in every forward pass of an answer, with another pane beside it."""
        seen = []
        hook = base.model.register_forward_hook(lambda _m, _a, output: seen.append(output.logits[0].clone()))
        try:
            final_replies(base, [asked(PROMPT), asked(PROMPT, beside)], SHORT)
        finally:
            hook.remove()
        return seen

    beside_a_bot, beside_itself = first_rows(bot), first_rows(None)
    assert len(beside_itself) > 5
    for ours, untouched in zip(beside_a_bot, beside_itself, strict=False):
        assert torch.equal(ours, untouched)


def test_a_trained_bot_replies_differently_and_an_untrained_one_does_not(base, bot, untrained):
    trained = compare_replies(base, bot, PROMPT, sampling=SHORT)
    assert trained.bot != trained.base
    fresh = compare_replies(base, untrained, PROMPT, sampling=SHORT)
    assert fresh.bot == fresh.base == trained.base


def test_without_strength_a_bot_is_the_base_bit_for_bit_and_with_its_own_it_is_as_trained(base, bot):
    def said(strength):
        return final_replies(base, [replace(asked(PROMPT, bot), strength=strength)], SHORT)[0]

    compared = compare_replies(base, bot, PROMPT, sampling=SHORT)
    assert said(0) == compared.base
    assert said(1) == compared.bot
    # A change of nothing is no change, also where it is computed beside others.
    together = [replace(asked(PROMPT, bot), strength=strength) for strength in (0, 1)]
    assert final_replies(base, together, SHORT) == [compared.base, compared.bot]


def test_bots_answer_as_one_with_the_strength_of_each(base, bot):
    def said(strength, *beside):
        request = replace(asked(PROMPT, bot), strength=strength, beside=beside)
        return final_replies(base, [request, asked(PROMPT)], SHORT)[0]

    alone = compare_replies(base, bot, PROMPT, sampling=SHORT)
    assert alone.bot != alone.base
    assert said(1, (bot, 0)) == said(0, (bot, 1)) == said(0.5, (bot, 0.5)) == alone.bot
    assert said(1, (bot, -1)) == said(0, (bot, 0)) == alone.base


def test_bots_that_do_not_belong_together_are_not_mixed(base, bot):
    strange = replace(
        bot, manifest=bot.manifest.model_copy(update={"base": with_another_digest(bot.manifest.base)})
    )
    with pytest.raises(BotError, match="another version of the base model"):
        final_replies(base, [replace(asked(PROMPT, bot), beside=[(strange, 0.5)])], SHORT)
    brief, rude = (
        replace(bot, manifest=bot.manifest.model_copy(update={"system_prompt": told}))
        for told in ("Be brief.", "Be rude.")
    )
    with pytest.raises(BotError, match="different system prompts"):
        final_replies(base, [replace(asked(PROMPT, brief), beside=[(rude, 0.5)])], SHORT)
    assert final_replies(base, [replace(asked(PROMPT, bot), beside=[(brief, 0.5), (brief, 0)])], SHORT)


def with_another_digest(record):
    return record.model_copy(update={"digest": "0" * 64})


def test_a_greedy_reply_does_not_depend_on_the_rest_of_the_batch(base, bot):
    requests = [asked(PROMPT, bot), asked("Why is the sky blue, and what is it that makes it red?"), asked("Hi", bot)]  # fmt: skip  # noqa: E501
    alone = [final_replies(base, [request], SHORT)[0] for request in requests]
    assert final_replies(base, requests, SHORT) == alone


def test_snapshots_only_grow_and_never_hold_half_a_character(base, bot):
    snapshots = list(stream_replies(base, [asked(PROMPT, bot), asked(PROMPT)], SHORT))
    assert len(snapshots) > 2
    for before, after in zip(snapshots, snapshots[1:], strict=False):  # noqa: RUF007
        assert all(new.startswith(old) for old, new in zip(before, after, strict=True))
    assert not any("\N{REPLACEMENT CHARACTER}" in reply for snapshot in snapshots for reply in snapshot)
    compared = compare_replies(base, bot, PROMPT, sampling=SHORT)
    assert snapshots[-1] == [compared.bot, compared.base]


def test_generation_ends_when_asked_to(base):
    calls = []
    snapshots = list(
        stream_replies(base, [asked(PROMPT)], SHORT, lambda: bool(calls.append(1)) or len(calls) > 1)
    )
    assert len(snapshots) == 2  # fmt: skip


def test_a_reader_who_leaves_ends_the_generation_and_its_hooks(base, bot):
    before = hooks(base)
    stream = stream_replies(base, [asked(PROMPT, bot)], Sampling(max_new_tokens=100))
    next(stream)
    stream.close()
    assert hooks(base) == before


def test_a_reply_is_no_longer_than_asked_for(base):
    snapshots = list(stream_replies(base, [asked("Tell me a story.")], Sampling(max_new_tokens=3)))
    assert len(snapshots) <= 3


def test_sampled_replies_depend_on_the_seed_alone(base):
    def draw(seed):
        hot = Sampling(temperature=5, max_new_tokens=24, seed=seed)
        return final_replies(base, [asked("Tell me a story.")], hot)

    state = torch.random.get_rng_state()
    assert draw(1) == draw(1)
    assert len({draw(seed)[0] for seed in (1, 2, 3)}) > 1
    assert torch.equal(state, torch.random.get_rng_state())


def test_every_turns_prompt_is_edited_at_its_last_token(base, bot):
    chat = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": PROMPT},
    ]
    rendered = render(base.tokenizer, chat)
    first = len(render(base.tokenizer, chat[:1]).token_ids)
    assert edited_tokens(bot, rendered).last == (first - 1, len(rendered.token_ids) - 1)
    assert compare_replies(base, bot, chat, sampling=SHORT).prompt == PROMPT


def test_a_bots_own_system_prompt_is_used_unless_another_is_given(base, untrained):
    system = "Answer like a pirate."
    own = replace(untrained, manifest=untrained.manifest.model_copy(update={"system_prompt": system}))
    messages = [{"role": "user", "content": PROMPT}]
    bots, given = final_replies(
        base, [ChatRequest(messages, own), ChatRequest(messages, None, system)], SHORT
    )
    assert bots == given


def test_old_turns_that_do_not_fit_are_left_out(base):
    old = [{"role": "user", "content": "dog " * 300}, {"role": "assistant", "content": "cat " * 200}]
    new = [{"role": "user", "content": PROMPT}]
    long, short = (final_replies(base, [ChatRequest(chat)], SHORT) for chat in (old * 4 + new, new))
    assert long == short


def test_a_message_longer_than_the_context_is_refused_with_advice(base):
    with pytest.raises(ChatError, match=r"too long for this model.*Shorten it"):
        final_replies(base, [asked("dog " * 2000)])


def test_a_comparison_prints_both_replies_side_by_side():
    lines = str(Comparison("Hello?", "plain words " * 6, "🙂")).splitlines()
    assert lines[0] == "Hello?"
    assert lines[2].split() == ["BASE", "MODEL", "BOT"]
    assert lines[3].startswith("plain words")
    assert lines[3].endswith("🙂")
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("positions", ["l1", "f1", "f2+l1", "f3+l3", "f99"])
def test_what_is_shown_as_edited_is_what_training_edits(base, positions):
    (example,) = build_examples(base, [Demonstration(PROMPT, "🐧")], parse_positions(positions))
    pieces = preview(base, PROMPT, positions)
    assert "".join(piece.text for piece in pieces) == base.tokenizer.decode(example.prompt_ids)
    edited, end = example.positions.of(Tokens.ALL), len(example.prompt_ids)
    assert pieces[0].edited == (0 in edited)
    assert pieces[-1].edited == (end - 1 in edited)
    assert all(piece.edited for piece in pieces) == (len(edited) == end)
    assert sum(piece.edited for piece in pieces) <= len(edited)


@pytest.mark.parametrize("prompt", ["👩🏽‍🚀 👨‍👩‍👧‍👦", "שלום! مرحبا", "two\nlines", "<b>&amp;"])
def test_no_piece_of_a_shown_prompt_is_half_a_character(base, prompt):
    pieces = preview(base, prompt, "l1")
    assert prompt in "".join(piece.text for piece in pieces)
    assert not any("\ufffd" in piece.text for piece in pieces)
    assert pieces[-1].edited


def test_positions_that_cannot_be_read_are_not_shown(base):
    with pytest.raises(RecipeError, match="cannot be read"):
        preview(base, PROMPT, "everywhere")


def test_a_base_model_that_nobody_changed_is_found_untouched_beside_a_bot(base, bot):
    found = look_whether_untouched(base, bot)
    assert found == Untouched(base.model.num_parameters(), (), True)


def test_a_changed_weight_is_found_and_named(base, bot):
    weight = base.blocks[2].mlp.up_proj.weight
    before = float(weight[3, 4])
    try:
        weight.data[3, 4] += 1
        found = look_whether_untouched(base, bot)
    finally:
        weight.data[3, 4] = before
    assert found.changed == ("model.layers.2.mlp.up_proj.weight",)
    assert look_whether_untouched(base, bot).changed == ()


def test_a_base_model_that_replies_otherwise_beside_a_bot_is_found_out(base, bot, monkeypatch):
    monkeypatch.setattr("reft_studio.chat.untouched.final_replies", lambda *_: ["Something else.", ""])
    assert not look_whether_untouched(base, bot).same_reply
