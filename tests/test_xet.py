"""Large files go by Xet, as on the real Hub where hf_xet is installed, and as one piece where it is not."""

import pytest
from hf_xet import XetAuthenticationError, XetObjectNotFoundError
from huggingface_hub import constants

from reft_studio import compare_replies, fetch_bot, share_bot
from reft_studio.errors import ShareError
from reft_studio.share.refusals import said_plainly
from tests.hub import local_hub


@pytest.fixture(params=[True, False], ids=["by Xet", "in one piece"])
def by_xet(request, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not request.param)
    return request.param


@pytest.fixture
def hub(by_xet, tmp_path):
    with local_hub() as hub:
        if by_xet:
            hub.xet = tmp_path / "storage"
            hub.xet.mkdir()
        yield hub


def test_a_bot_goes_up_and_comes_back_the_same_either_way(hub, by_xet, base, bot):
    share_bot(bot, "ann/emoji-bot", api=hub.api())
    assert any("xet-write-token" in asked for asked in hub.requests) == by_xet
    assert any(asked.startswith("PUT /put/") for asked in hub.requests) != by_xet
    fetched = fetch_bot("ann/emoji-bot", api=hub.api())
    # Bots are small: they always come in one piece, which can be stopped.
    assert not any("xet-read-token" in asked for asked in hub.requests)
    assert fetched == bot
    question = "Tell me about the sea."
    assert compare_replies(base, fetched, question) == compare_replies(base, bot, question)


def test_publishing_again_changes_nothing_either_way(hub, bot):
    share_bot(bot, "ann/again", api=hub.api())
    head = hub.repositories["model", "ann/again"].head
    share_bot(bot, "ann/again", api=hub.api())
    assert hub.repositories["model", "ann/again"].head == head


@pytest.mark.parametrize(("status", "says"), [(401, "does not accept"), (403, "write permission")])
@pytest.mark.parametrize("by_xet", [True], indirect=True)
def test_a_refusal_while_a_large_file_goes_up_has_the_same_words(hub, bot, status, says):
    hub.refuse = {"xet-write-token": status}
    with pytest.raises(ShareError, match=says):
        share_bot(bot, "ann/stuck", api=hub.api())
    hub.refuse = {}
    share_bot(bot, "ann/stuck", api=hub.api())
    assert "bot.json" in hub.files("ann/stuck")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (XetAuthenticationError("expired"), "does not accept your sign-in"),
        (XetObjectNotFoundError("gone"), "could not be sent or fetched"),
        (PermissionError(13, "Permission denied"), r"read or written here \(Permission denied\)"),
    ],
)
def test_what_the_storage_throws_is_told_from_mistakes_of_this_computers_disk(error, says):
    with pytest.raises(ShareError, match=says), said_plainly("ann/thing"):
        raise error
