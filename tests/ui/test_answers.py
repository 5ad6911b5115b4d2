"""A page never waits for an answer that it has been given: assets/answers.js, with a server that we play."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.ui.running import REPOSITORY

SERVER = r"""() => {
    const address = "http://server/queue/";
    const said = (text) => new TextEncoder().encode(`data: ${text}\n\n`);
    window.fetch = (request) => new Promise((done) => {
        if (request.url.endsWith("join")) {
            window.arrive = (question) => done(Response.json({ event_id: question }));
        } else {
            done(new Response(new ReadableStream({ start: (stream) => { window.stream = stream; } })));
        }
    });
    window.speakOf = (question) => stream.enqueue(said(`{"msg": "estimation", "event_id": "${question}"}`));
    window.asked = false;
    window.put = () => { fetch(new Request(`${address}join`)).then(() => { window.asked = true; }); };
    // As Gradio's client does on a busy computer: an answer to what it knows of is taken up a little later,
    // one that was kept until its question was known is taken up at once.
    window.told = [];
    const known = new Set(), kept = new Map(), take = (question) => window.told.push(question);
    window.ask = async () => {
        const { event_id } = await (await fetch(new Request(`${address}join`))).json();
        (kept.get(event_id) ?? []).forEach(take);
        known.add(event_id);
    };
    window.answer = (part) => [...part.matchAll(/"event_id": "(\w+)"/g)].forEach(([, question]) => {
        if (known.has(question)) setTimeout(take, 4, question);
        else kept.set(question, [...(kept.get(question) ?? []), question]);
    });
    window.heard = "";
    window.listen = async () => {
        const page = new AbortController();
        window.hangUp = () => page.abort();
        const { body } = await fetch(new Request(`${address}data`, { signal: page.signal }));
        const reader = body.pipeThrough(new TextDecoderStream()).getReader();
        for (let part; !(part = await reader.read()).done; ) {
            window.heard += part.value;
            answer(part.value);
            if (part.value.includes('"two"')) window.whenRead?.();
        }
    };
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.evaluate(SERVER)
    page.add_script_tag(path=REPOSITORY / "assets" / "answers.js")
    yield page
    page.close()


def do(page: Page, script: str) -> None:
    page.evaluate(f"() => {{ {script}; }}")


def is_asked(page: Page) -> bool:
    """Whether the page may wait for the answer by now."""
    page.wait_for_timeout(100)
    asked: bool = page.evaluate("window.asked")
    return asked


def test_a_question_is_asked_as_soon_as_it_has_arrived_where_no_stream_is_open(page: Page) -> None:
    do(page, "put()")
    assert not is_asked(page)
    do(page, "arrive('one')")
    assert is_asked(page)


def test_a_question_is_asked_when_the_open_stream_speaks_of_it(page: Page) -> None:
    do(page, "listen()")
    do(page, "put()")
    do(page, "arrive('one')")
    do(page, "speakOf('another')")
    assert not is_asked(page)
    do(page, "speakOf('one')")
    assert is_asked(page)


def test_a_question_is_asked_when_the_stream_that_was_open_is_closed(page: Page) -> None:
    do(page, "listen()")
    do(page, "put()")
    do(page, "arrive('one')")
    assert not is_asked(page)
    do(page, "hangUp()")
    assert is_asked(page)


def test_a_question_whose_stream_is_lost_is_asked_after_a_while(page: Page) -> None:
    do(page, "listen()")
    do(page, "put()")
    do(page, "arrive('one')")
    do(page, "stream.error(new TypeError('network error'))")
    page.wait_for_function("window.asked", timeout=10_000)


def test_a_question_that_an_earlier_stream_spoke_of_before_it_was_known_to_have_arrived_is_asked(
    page: Page,
) -> None:
    do(page, "put()")
    do(page, "listen()")
    do(page, "speakOf('one')")
    do(page, "hangUp()")
    do(page, "listen()")
    do(page, "arrive('one')")
    assert is_asked(page)


@pytest.mark.parametrize("first", ["the word that the second question has arrived", "both answers"])
def test_answers_are_taken_up_in_their_order_also_where_the_second_question_was_just_asked(
    page: Page, first: str
) -> None:
    arrive, speak = "arrive('two')", "speakOf('one'); speakOf('two')"
    do(page, "listen()")
    do(page, "ask()")
    do(page, "arrive('one')")
    do(page, "speakOf('one')")
    page.wait_for_function("told.length === 1")
    do(page, "ask()")
    if first == "both answers":
        # It arrives as soon as the page has read them, and has put the first one off a little.
        do(page, f"window.whenRead = () => {arrive}")
        do(page, speak)
    else:
        do(page, arrive)
        page.wait_for_timeout(50)
        do(page, speak)
    page.wait_for_function("told.length === 3")
    assert page.evaluate("told") == ["one", "one", "two"]


def test_what_a_stream_says_comes_through_as_it_was_said(page: Page) -> None:
    do(page, "listen()")
    whole = 'data: {"event_id": "one", "said": "👩🏽‍🚀"}\n\n'
    halves = whole.encode()[:40], whole.encode()[40:]
    do(page, "put()")
    do(page, "arrive('one')")
    for half in halves:
        page.evaluate("bytes => stream.enqueue(new Uint8Array(bytes))", [*half])
    assert is_asked(page)
    assert page.evaluate("window.heard") == whole
