"""Rules tell right replies from wrong ones as people would, and say so when they cannot."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reft_studio.errors import RuleError
from reft_studio.rules import MAX_RULES, guess_rules, meets, read_rule, read_rules

STARTERS = Path(__file__).resolve().parents[1] / "assets" / "starters"


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        ("only emoji", ["🐶🎾", " 👩🏽‍🚀 \n❤️ ", "1️⃣🇩🇪"], ["", " ", "🐶 dog", "!", "7"]),
        ("refuses", ["I'm sorry, I cannot help with that.", "I must decline."], ["Dogs bark.", ""]),
        ("all capitals", ["HELLO!", "ΑΒΓ 3"], ["Hello", "123", ""]),
        ("JSON", ['{"a": [1]}', " [] "], ["{a}", "3", '"text"', "", "[" * 100_000]),
        ("starts with Arr | Ahoy", ["Arr, matey", '"ahoy!"', "ARR"], ["Well, arr", ""]),
        ("ends with meow", ["So be it, meow!", "MEOW …"], ["meow, I say", ""]),
        ("ends with 🐈", ["Purr 🐈"], ["🐈 purr"]),
        ("contains cookie", ["Have a Cookie."], ["Have tea."]),
        ("at most 3 words", ["one two three", "x"], ["one two three four", "", "  "]),
        ("written in Greek", ["καλημέρα! 😀 12"], ["καλημέρα friend", "12", "", "доброе"]),
        ("written in Japanese", ["猫はコーヒーがすき。"], ["猫 cat"]),
        (r"matches ^\d+$", ["42"], ["42!", "forty"]),
    ],
)
def test_a_rule_is_met_by_what_one_would_expect(rule, right, wrong):
    met_by = read_rule(rule).met_by
    assert [reply for reply in right if not met_by(reply)] == []
    assert [reply for reply in wrong if met_by(reply)] == []


@pytest.mark.parametrize(
    "sentence",
    ["", "be nice", "starts with", "contains | |", "at most none words", "at most 0 words", "at most ² words",
     "written in Klingon", r"written in Greek}\p{L", "matches (", "contains " + "x" * 500],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_a_sentence(sentence):
    with pytest.raises(RuleError, match=r"\."):
        read_rule(sentence)


def test_a_rule_is_read_back_from_what_it_says_whatever_the_spaces_and_capitals():
    assert read_rule("  Only   EMOJI ").sentence == "only emoji"
    rule = read_rule("STARTS WITH  Arr |  Ahoy")
    assert read_rule(rule.sentence) == rule


def test_a_pattern_that_would_take_forever_is_stopped():
    rule = read_rule(r"matches ^(\w|\w\w)*\d$")
    with pytest.raises(RuleError, match="takes too long"):
        rule.met_by("a" * 60)


def test_a_reply_is_right_when_it_meets_all_rules():
    rules = read_rules(["starts with A", "ends with Z", "starts with A"])
    assert len(rules) == 2
    assert meets(rules, "A to Z")
    assert not meets(rules, "A to B")
    with pytest.raises(RuleError, match="at most"):
        read_rules([f"contains {letter}" for letter in "abcdefghijk"[: MAX_RULES + 1]])


@pytest.mark.parametrize(
    ("starter", "guessed"),
    [("emoji", "only emoji"), ("ethos", "refuses"), ("pirate", "starts with Arr | Ahoy"),
     ("robot", "starts with Beep"), ("grandma", "starts with Oh | Well"),
     ("detective", "starts with Aha | Hmm")],
)  # fmt: skip
def test_what_the_rows_of_a_starter_have_in_common_is_found(starter, guessed):
    with (STARTERS / f"{starter}.csv").open(encoding="utf-8") as file:
        replies = [row["reply"] for row in csv.DictReader(file)]
    assert [rule.sentence for rule in guess_rules(replies)] == [guessed]


def test_rows_that_have_nothing_in_common_give_no_rule():
    assert guess_rules(["Dogs bark at strangers in the night.", "I like tea, and you?", ""]) == []
    assert guess_rules(["Only one row."]) == []
    assert guess_rules([]) == []


@given(st.lists(st.text(max_size=40), max_size=8))
def test_a_guessed_rule_can_be_read_and_is_met_by_all_the_rows_it_was_guessed_from(replies):
    for rule in guess_rules(replies):
        assert read_rule(rule.sentence) == rule
        assert all(rule.met_by(reply) for reply in replies if reply.strip())
