"""What each side of a conversation hears, and how a conversation is written down."""

import json

from reft_studio.score import Side
from reft_studio.turns import Turn, messages, to_jsonl, to_markdown

NAMES = {Side.BASE: "Plain model", Side.INSTRUCTED: "Instructed", Side.BOT: "# My\nbot"}
HOSTILE = "# a heading\n<img src=x>\n- **bold**"


def test_each_side_hears_only_its_own_replies():
    turns = [Turn("One?", base="plain", bot="🎉", finished=True), Turn("Two?")]
    assert [message["content"] for message in messages(turns, Side.BASE)] == ["One?", "plain", "Two?"]
    assert [message["content"] for message in messages(turns, Side.BOT)] == ["One?", "🎉", "Two?"]
    # Who was not there has heard nothing.
    assert [message["content"] for message in messages(turns, Side.INSTRUCTED)] == ["Two?"]


def test_a_saved_conversation_has_every_word_of_everybody():
    turns = [Turn("One?", "plain", None, "🎉", True), Turn(HOSTILE, HOSTILE, HOSTILE, HOSTILE, True)]
    assert [json.loads(line) for line in to_jsonl(turns).splitlines()] == [
        {"prompt": "One?", "base": "plain", "bot": "🎉"},
        {"prompt": HOSTILE, "base": HOSTILE, "instructed": HOSTILE, "bot": HOSTILE},
    ]
    text = to_markdown(turns, NAMES)
    assert text.count("    # a heading\n    <img src=x>\n    - **bold**\n") == 4
    assert "\n#" not in text


def test_a_saved_conversation_says_how_a_bot_was_mixed():
    turns = [
        Turn("One?", "plain", None, "🎉", True, "× 0.5 + Pirate × 0.5"),
        Turn("Two?", "a", None, "b", True),
    ]
    first, second = (json.loads(line) for line in to_jsonl(turns).splitlines())
    assert (first["how"], "how" in second) == ("× 0.5 + Pirate × 0.5", False)
    assert to_markdown(turns, NAMES).count("Pirate") == 1


def test_what_people_and_models_wrote_is_never_markdown():
    for line in to_markdown([Turn(HOSTILE, HOSTILE, None, HOSTILE, True)], NAMES).splitlines():
        assert not line or line.startswith("    ") or line in ("You:", "Plain model:", "\\# My bot:")
