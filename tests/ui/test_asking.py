"""Whom a page shows and who answers there are the same, however the two cross. The engine is played."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import pytest

from reft_studio.settings import Settings
from reft_studio.ui.asking import Asking, Chat
from reft_studio.ui.studio import Studio


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(Studio(Settings(), Mock(), Mock(), Mock(), Mock(), tmp_path))


def test_a_page_turns_to_another_bot_when_no_answer_is_being_written(asking: Asking) -> None:
    chat = Chat()
    assert asking.turn_to(chat, "pirate")
    with asking.answering("ann", chat) as shown:
        assert shown == "pirate"
    assert asking.turn_to(chat, "emoji")
    assert chat.bot_id == "emoji"


def test_a_page_stays_with_the_bot_that_answers_until_the_answer_is_written(asking: Asking) -> None:
    chat = Chat(bot_id="pirate")
    with asking.answering("ann", chat):
        assert not asking.turn_to(chat, "emoji")
    assert chat.bot_id == "pirate"


def test_an_answer_that_cannot_be_given_keeps_no_page_from_turning(asking: Asking) -> None:
    chat = Chat()
    with pytest.raises(OSError, match="lost"), asking.answering("ann", chat):
        raise OSError("lost")
    assert asking.turn_to(chat, "emoji")


def test_who_chooses_another_bot_sees_it_at_once_and_the_answer_ends(tmp_path: Path) -> None:
    engines, chat = Mock(), Chat(bot_id="pirate")
    asking = Asking(Studio(Settings(), Mock(), engines, Mock(), Mock(), tmp_path))
    with asking.answering("ann", chat):
        asking.turn_at_once("ann", chat, "emoji")
    assert chat.bot_id == "emoji"
    engines.stop_chat.assert_called_once_with(f"ann/{chat.id}")


def test_an_answer_begins_when_the_one_before_has_ended(tmp_path: Path) -> None:
    engines, chat = Mock(), Chat()
    asking = Asking(Studio(Settings(), Mock(), engines, Mock(), Mock(), tmp_path))
    begun, stopped, kept = Event(), Event(), list[str]()

    def answer(name: str) -> None:
        with asking.answering("ann", chat):
            begun.set()
            if name == "first":
                stopped.wait()
            kept.append(name)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(answer, "first")
        begun.wait()
        engines.stop_chat.side_effect = lambda name: stopped.set() if name == f"ann/{chat.id}" else None
        second = pool.submit(answer, "second")
        for each in (first, second):
            each.result(timeout=4)
    assert kept == ["first", "second"]


def test_no_two_pages_that_ask_have_the_same_name(asking: Asking) -> None:
    chats = [Chat(), Chat()]
    for chat in chats:
        with asking.answering("ann", chat):
            pass
    assert len({chat.id for chat in chats}) == 2
