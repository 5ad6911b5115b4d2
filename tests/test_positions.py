import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reft_studio.errors import RecipeError
from reft_studio.positions import Located, Positions, Tokens, locate, parse_positions

counts = st.integers(0, 12)


@pytest.mark.parametrize(
    ("text", "first", "last"), [("l1", 0, 1), ("f2", 2, 0), ("f1+l1", 1, 1), ("f3+l3", 3, 3), ("l12", 0, 12)]
)
def test_positions_are_read(text, first, last):
    assert parse_positions(text) == Positions(first, last)


@pytest.mark.parametrize(
    "text",
    ["", "l0", "f0+l1", "x1", "l", "1", "l1+f1", "f1l1", "f1+", "+l1", "l-1", " l1", "l1\n", "f1+f2", "l١"],
)
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(RecipeError) as problem:
        parse_positions(text)
    assert f'"{text}"' in str(problem.value)


def test_l1_is_the_last_prompt_token():
    assert locate(Positions(0, 1), 5) == Located((), (4,))


def test_f1_and_l1_of_five_tokens_are_the_first_and_the_last():
    assert locate(Positions(1, 1), 5) == Located((0,), (4,))


@settings(deadline=None)
@given(counts, counts, st.integers(1, 20), st.integers(0, 50))
def test_located_tokens_are_the_two_ends_of_the_prompt_once_each(first, last, length, start):
    expected = [start + index for index in range(length) if index < first or index >= length - last]
    located = locate(Positions(first, last), length, start)
    assert located.of(Tokens.ALL) == expected
    assert located.of(Tokens.FIRST) + located.of(Tokens.LAST) == expected


def test_a_token_that_is_first_and_last_counts_as_last():
    assert locate(Positions(3, 2), 4) == Located((0, 1), (2, 3))
    assert locate(Positions(1, 1), 1) == Located((), (0,))
