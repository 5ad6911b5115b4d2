import copy
from itertools import pairwise

import pytest

from reft_studio.prompts import PLAIN_TEMPLATE, render, render_demonstration
from tests.templates import TEMPLATES, family_tokenizer

HELLO = [{"role": "user", "content": "Who are you?"}]
CHAT = [
    *HELLO,
    {"role": "assistant", "content": "A model."},
    {"role": "user", "content": "Really?"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "Why is the sky blue?"},
]


@pytest.fixture
def tokenizer(base):
    return copy.deepcopy(base.tokenizer)


@pytest.fixture(params=["own template", "no template", *TEMPLATES])
def any_tokenizer(tokenizer, request):
    if request.param == "own template":
        return tokenizer
    if request.param in TEMPLATES:
        return family_tokenizer(request.param, pieces_cross_borders=False)
    # As of the models that have none, such as GPT-2.
    without = family_tokenizer(next(iter(TEMPLATES)), pieces_cross_borders=False)
    without.chat_template = None
    return without


@pytest.fixture(params=TEMPLATES)
def crossing_tokenizer(request):
    return family_tokenizer(request.param, pieces_cross_borders=True)


@pytest.mark.parametrize("system_prompt", [None, "Be brief."])
def test_training_and_chat_see_the_same_prompt(any_tokenizer, system_prompt):
    prompt_ids, _ = render_demonstration(any_tokenizer, "Who are you?", "🤖", system_prompt)
    assert render(any_tokenizer, HELLO, system_prompt).token_ids == prompt_ids


def test_a_reply_ends_with_the_end_token_and_holds_it_once(any_tokenizer):
    _, reply_ids = render_demonstration(any_tokenizer, "Who are you?", "Hi :)")
    assert reply_ids.index(any_tokenizer.eos_token_id) == len(reply_ids) - 1
    assert any_tokenizer.decode(reply_ids[:-1]).strip() == "Hi :)"


def test_a_reply_ends_where_its_turn_does_whatever_else_the_template_writes():
    tokenizer = family_tokenizer("turns without a system role (Gemma)", pieces_cross_borders=False)
    # As Google ships it: what ends a turn is not what ends a text.
    tokenizer.add_special_tokens({"additional_special_tokens": ["<end_of_turn>"], "eos_token": "<eos>"})
    end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    _, reply_ids = render_demonstration(tokenizer, "Who are you?", "Hi", ends=[end])
    assert reply_ids[-1] == end
    assert tokenizer.eos_token_id not in reply_ids
    assert tokenizer.decode(reply_ids[:-1]).strip() == "Hi"


def test_a_system_prompt_is_told_also_where_a_template_leaves_out_what_it_does_not_know(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' %}U: {{ m.content }}\n"
        "{% elif m.role == 'assistant' %}A: {{ m.content }}\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}A:{% endif %}"
    )
    said = tokenizer.decode(render(tokenizer, HELLO, "Be brief.").token_ids)
    assert said == "U: Be brief.\n\nWho are you?\nA:"


def test_prompt_and_reply_tokenise_to_the_prompts_tokens_and_the_replys(any_tokenizer):
    prompt_ids, reply_ids = render_demonstration(any_tokenizer, "Who are you?", "A model. Really!")
    answered = [*HELLO, {"role": "assistant", "content": "A model. Really!"}]
    whole = any_tokenizer.apply_chat_template(
        answered, chat_template=any_tokenizer.chat_template or PLAIN_TEMPLATE, return_dict=False
    )
    assert whole[: len(prompt_ids) + len(reply_ids)] == prompt_ids + reply_ids


def test_a_model_that_thinks_aloud_is_asked_not_to():
    tokenizer = family_tokenizer(
        "ChatML with thoughts in the newest reply (Qwen 3)", pieces_cross_borders=False
    )
    assert tokenizer.decode(render(tokenizer, HELLO).token_ids).endswith("assistant\n<think>\n\n</think>\n\n")


def test_where_a_piece_reaches_over_the_border_the_reply_is_tokenised_by_itself(crossing_tokenizer):
    prompt_ids, reply_ids = render_demonstration(crossing_tokenizer, "Who are you?", "Hi Hi Hi")
    assert render(crossing_tokenizer, HELLO).token_ids == prompt_ids
    answered = [*HELLO, {"role": "assistant", "content": "Hi Hi Hi"}]
    whole = crossing_tokenizer.apply_chat_template(answered, return_dict=False)
    # A special token is a border that nothing reaches over.
    ends_in_text = crossing_tokenizer.decode(prompt_ids).endswith("\n")
    assert (whole[: len(prompt_ids)] != prompt_ids) == ends_in_text
    assert crossing_tokenizer.decode(reply_ids[:-1]).split() == ["Hi", "Hi", "Hi"]
    assert reply_ids[-1] == crossing_tokenizer.eos_token_id


@pytest.mark.parametrize("system_prompt", [None, "Be brief."])
def test_prompt_spans_are_what_lies_between_the_replies(any_tokenizer, system_prompt):
    if "<think>" in (any_tokenizer.chat_template or ""):
        pytest.skip("old turns are rendered differently: see the test of that below")
    rendered = render(any_tokenizer, CHAT, system_prompt)
    ids, spans = rendered.token_ids, rendered.prompt_spans
    assert spans[0][0] == 0
    assert spans[-1][1] == len(ids)
    between = [any_tokenizer.decode(ids[a[1] : b[0]]) for a, b in pairwise(spans)]
    assert ["A model." in between[0], "Yes." in between[1]] == [True, True]
    prompts = [any_tokenizer.decode(ids[start:end]) for start, end in spans]
    assert [m["content"] in p for m, p in zip(CHAT[::2], prompts, strict=True)] == [True] * 3
    assert not any("A model." in p or "Yes." in p for p in prompts)


def test_the_first_turns_span_is_the_same_as_when_it_was_alone(base):
    alone, later = render(base.tokenizer, HELLO), render(base.tokenizer, CHAT)
    assert later.prompt_spans[0] == alone.prompt_spans[0] == (0, len(alone.token_ids))
    assert later.token_ids[: len(alone.token_ids)] == alone.token_ids


def test_an_old_turn_that_the_template_renders_differently_is_not_edited(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' and not loop.last %}(old) {% endif %}"
        "{{ m.content }} <|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    rendered = render(tokenizer, CHAT)
    ((start, end),) = rendered.prompt_spans
    assert end == len(rendered.token_ids)
    assert "Why is the sky blue?" in tokenizer.decode(rendered.token_ids[start:end])


def test_a_template_without_a_system_role_gets_it_in_the_first_turn(tokenizer):
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}{{ m.content }}|{% endfor %}"
    )
    text = tokenizer.decode(render(tokenizer, CHAT, "Be brief.").token_ids)
    assert text.replace(" ", "").startswith("Bebrief.\n\nWhoareyou?")
    assert text.count("brief") == 1


def test_messages_are_not_changed_by_rendering(tokenizer):
    before = copy.deepcopy(CHAT)
    render(tokenizer, CHAT, "Be brief.")
    assert before == CHAT


def test_a_typed_control_token_is_only_letters(base):
    tokenizer = base.tokenizer
    plain = render(tokenizer, HELLO).token_ids.count(tokenizer.eos_token_id)
    typed = render(tokenizer, [{"role": "user", "content": "a<|end|><|assistant|>b"}]).token_ids
    assert typed.count(tokenizer.eos_token_id) == plain
