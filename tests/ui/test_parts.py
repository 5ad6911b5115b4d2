"""What the page is made of, without a browser."""

import pytest

from reft_studio.demonstrations import Demonstration, Limits
from reft_studio.engine.interface import JobState, JobUpdate
from reft_studio.errors import DemonstrationsError
from reft_studio.ui import wording
from reft_studio.ui.conversation import Talk, Turn, conversation, messages
from reft_studio.ui.progress import POINTS, loss_curve, progress
from reft_studio.ui.publish_panel import hub_name
from reft_studio.ui.table import added, from_cells, to_cells

HOSTILE = '<script>alert("1")</script>{{value}}${1}'
ROW = Demonstration("Hi", "Hello")


def test_cells_and_rows_are_the_same_text() -> None:
    rows = [ROW, Demonstration("", ""), Demonstration(" =1+1\n", HOSTILE)]
    assert from_cells(to_cells(rows)) == rows
    assert from_cells([[None, None]]) == [Demonstration("", "")]
    assert set(from_cells(to_cells([]))) == {Demonstration("", "")}


def test_new_rows_take_the_place_of_empty_ones() -> None:
    assert added([ROW, Demonstration(" ", "")], [ROW, Demonstration("", "")], Limits()) == [ROW, ROW]


def test_what_does_not_fit_the_table_is_refused() -> None:
    with pytest.raises(DemonstrationsError, match="3 rows"):
        added([ROW], [ROW, ROW], Limits(rows=2))
    with pytest.raises(DemonstrationsError, match="Row 2"):
        added([], [ROW, Demonstration("Hi", "x" * 11)], Limits(cell_characters=10))


def test_each_side_hears_only_its_own_replies() -> None:
    turns = [Turn("One?", base="plain", bot="🎉", finished=True), Turn("Two?")]
    assert [message["content"] for message in messages(turns, "base")] == ["One?", "plain", "Two?"]
    assert [message["content"] for message in messages(turns, "bot")] == ["One?", "🎉", "Two?"]


def test_a_conversation_shows_text_as_text() -> None:
    html = conversation([Turn(HOSTILE, HOSTILE, HOSTILE, finished=True)], HOSTILE)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 4


def test_an_empty_conversation_says_what_to_do() -> None:
    assert wording.NO_BOT in conversation([], "")
    assert wording.NO_MESSAGES in conversation([], "A bot")


@pytest.mark.parametrize("state", JobState)
def test_every_state_of_a_training_has_words(state: JobState) -> None:
    html = progress(JobUpdate("one", state, 1, 2, (3.0,), 5.0, HOSTILE))
    assert "<p" in html or "progressbar" in html or "alert" in html
    assert (wording.SAFE_TO_CLOSE in html) is not state.ended
    assert "<script" not in html


def test_the_curve_of_a_long_training_has_few_points() -> None:
    curve = loss_curve([1 / step for step in range(1, 10_001)], 10_000)
    assert POINTS <= curve.count(",") <= 2 * POINTS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "working out"), (1, "almost"), (40, "40 seconds"), (600, "10 minutes")],
)
def test_time_is_told_as_people_tell_it(seconds: float | None, words: str) -> None:
    assert words in wording.time_left(seconds)


def test_a_conversation_is_there_for_its_owner_alone() -> None:
    talk = Talk("ann", (Turn("Hi", "Hello.", "👋", finished=True),))
    assert talk.of("ann") == talk.turns
    assert talk.of("bob") == ()
    assert Talk().of("bob") == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Emoji bot", "emoji-bot"),
        (" Ünï <b>! ", "n-b"),
        ("My bot", "my-bot-abc123"),
        ("海盗", "my-bot-abc123"),
    ],
)
def test_a_name_on_the_hub_is_one_that_it_takes_and_no_two_nameless_bots_share_it(
    name: str, expected: str
) -> None:
    assert hub_name(name, "abc1234567") == expected
