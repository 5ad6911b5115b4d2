"""What a page is told of a stream, by a page that draws nothing until the stream has ended."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from reft_studio.ui.blocks import Blocks

STREAM: list[list[Any]] = [
    ["", gr.Button(interactive=False), gr.skip()],
    ["Half", gr.Button(interactive=True), gr.Button(visible=True)],
    ["Half of it", gr.skip(), gr.skip()],
    ["All", gr.skip(), ["replace", [], "is a value, too"]],
]


def test_what_one_message_of_a_stream_says_is_not_taken_back_by_a_later_one() -> None:
    drawn = _by_a_slow_page(list(_told(STREAM)))
    assert [text for text, _, _ in drawn] == ["", "Half", "Half of it", "All"]
    assert [button.get("interactive") for _, button, _ in drawn] == [False, True, None, None]
    assert drawn[1][2]["visible"] is True
    assert drawn[-1][2] == ["replace", [], "is a value, too"]


def test_of_text_that_grows_only_the_rest_is_sent() -> None:
    assert list(_told(STREAM))[2][0] == [["append", [], " of it"]]


def test_who_is_asked_nothing_looks_a_hundred_times_a_second_and_not_a_thousand() -> None:
    ours, gradios = Blocks().queue()._queue.sleep_when_free, gr.Blocks().queue()._queue.sleep_when_free
    assert gradios <= ours
    assert 0.01 <= ours <= 0.05


def test_nothing_is_summed_up_after_each_request() -> None:
    queue = Blocks().queue()._queue
    for number in range(3):
        event = f"{number}"
        queue.event_analytics[event] = {"function": "say", "status": "success", "process_time": 1.0}
        queue.events_recorded += 1
        assert not queue.compute_analytics_summary(list(queue.event_analytics.values()))["functions"]


def _told(stream: list[list[Any]]) -> Iterator[list[Any]]:
    with Blocks() as page:
        parts = [gr.HTML(), gr.Button(), gr.HTML()]
        gr.on([page.load], lambda: None, [], parts)
    (handler,) = page.fns.values()
    for values in stream:
        data = [value if isinstance(value, str | list) else {**_update(value)} for value in values]
        yield page.handle_streaming_diffs(handler, data, "a session", "a run", final=False)


def _update(value: Any) -> dict[str, Any]:
    """As it goes to a page."""
    chosen = value if isinstance(value, dict) else value.constructor_args
    return {"__type__": "update", **chosen}


def _by_a_slow_page(told: list[list[Any]]) -> list[list[Any]]:
    """Its values, message by message, once it has read all: changes in place change earlier ones, too."""
    first, *later = told
    messages = [[*first]]
    for differences in later:
        messages.append([_changed(old, new) for old, new in zip(messages[-1], differences, strict=True)])
    return messages


def _changed(value: Any, differences: list[tuple[str, list[str], Any]]) -> Any:
    """What Gradio's client does."""
    for action, path, new in differences:
        if not path:
            value = value + new if action == "append" else new
            continue
        inside = value
        for step in path[:-1]:
            inside = inside[step]
        if action == "delete":
            del inside[path[-1]]
        else:
            inside[path[-1]] = inside[path[-1]] + new if action == "append" else new
    return value
