"""Publishing to the Hub and taking in from it, with the real client and a Hub on this computer."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from threading import Event

import pytest
from huggingface_hub import ModelCard, constants

from reft_studio import Bot, Demonstration, compare_replies, fetch_bot, share_bot
from reft_studio.errors import BotError, ShareError
from reft_studio.manifest import Count, Probe, Score, Suite
from reft_studio.pyreft_folder import read_pyreft, write_pyreft
from reft_studio.share import importer
from reft_studio.share.bundle import find_license, is_bot, write_bundle
from reft_studio.share.card import License, as_text, write_card
from reft_studio.share.download import download
from reft_studio.share.hub import (
    Finishing,
    Place,
    Published,
    Uploading,
    account,
    delete,
    publish,
    rename,
    set_private,
    would_change,
)
from reft_studio.share.importer import fetch
from reft_studio.share.published import list_published
from reft_studio.share.space import is_chat_space, write_space
from tests.hub import local_hub

HOSTILE = (
    "</table><script>alert(1)</script> ![x](http://evil.example/x.png) [a](javascript:x)"
    " **b** `c` | # d\n---\n{{ 7*7 }}"
)


@pytest.fixture(autouse=True)
def online(monkeypatch):
    """As outside the tests: the client may ask, and it sends large files the plain way."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub():
    with local_hub() as hub:
        yield hub


def put(hub, repo_id, files):
    list(publish(hub.api(), Place(repo_id), files, "Put", lambda _: True))


def send(hub, files, repo_id="ann/thing", token="hf_ann", kind="model"):
    *_, last = publish(hub.api(token), Place(repo_id, kind), files, "Send", is_bot)
    assert isinstance(last, Published)
    return last


def test_a_published_bot_comes_back_the_same_and_replies_the_same(hub, base, bot):
    url = share_bot(bot, "ann/emoji-bot", api=hub.api())
    assert url == f"{hub.url}/ann/emoji-bot"
    fetched = fetch_bot(url.replace(hub.url, "https://huggingface.co"), api=hub.api())
    assert fetched == bot
    question = "Tell me about the sea."
    assert compare_replies(base, fetched, question) == compare_replies(base, bot, question)


ELSEWHERE = """
import json, sys
import reft_studio as rs
from reft_studio.chat.probes import failed_probes
bot, base = rs.fetch_bot(sys.argv[1]), rs.load_base_model(device="cpu")
assert not failed_probes(base, bot)
print(json.dumps([rs.compare_replies(base, bot, question).bot for question in sys.argv[2:]]))
"""


def test_in_a_fresh_process_with_nothing_of_ours_it_gives_the_same_greedy_replies(hub, base, bot, tmp_path):
    share_bot(bot, "ann/emoji-bot", api=hub.api())
    questions = ["Tell me about the sea.", "How do I make tea?", "I am tired."]
    elsewhere = os.environ | {
        "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_ann", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0",
        "HF_HOME": str(tmp_path / "home"), "REFT_STUDIO_DATA_FOLDER": str(tmp_path / "data"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, "ann/emoji-bot", *questions],
        env=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [compare_replies(base, bot, question).bot for question in questions]


def test_it_is_private_and_without_rows_unless_told_otherwise(hub, bot, rows):
    share_bot(bot, "ann/quiet", api=hub.api())
    assert hub.repositories["model", "ann/quiet"].private
    assert set(hub.files("ann/quiet")) - {".gitattributes"} == {
        "bot.json",
        "intervention.safetensors",
        "README.md",
    }
    share_bot(bot, "ann/open", private=False, demonstrations=rows, api=hub.api())
    assert not hub.repositories["model", "ann/open"].private
    assert b"penguins" in hub.files("ann/open")["demonstrations.jsonl"]


def test_what_should_be_seen_by_few_never_goes_where_everybody_sees_it(hub, bot, rows):
    share_bot(bot, "ann/open", private=False, api=hub.api())
    with pytest.raises(ShareError, match="everybody can see it"):
        share_bot(bot, "ann/open", demonstrations=rows, api=hub.api())
    assert "demonstrations.jsonl" not in hub.files("ann/open")
    share_bot(bot, "ann/quiet", api=hub.api())
    assert hub.repositories["model", "ann/quiet"].private
    share_bot(bot, "ann/quiet", private=False, api=hub.api())
    assert not hub.repositories["model", "ann/quiet"].private


def test_a_large_file_that_is_not_taken_is_said(hub, bot):
    hub.refuse = {"PUT /put/": 403}
    with pytest.raises(ShareError, match="could not be sent or fetched"):
        share_bot(bot, "ann/stuck", api=hub.api())
    hub.refuse = {}
    share_bot(bot, "ann/stuck", api=hub.api())
    assert "bot.json" in hub.files("ann/stuck")


def test_publishing_again_sends_nothing_that_is_there(hub, bot):
    share_bot(bot, "ann/again", api=hub.api())
    before, first = len(hub.requests), hub.repositories["model", "ann/again"].head
    share_bot(bot, "ann/again", api=hub.api())
    assert hub.repositories["model", "ann/again"].head == first
    assert not [asked for asked in hub.requests[before:] if asked.startswith("PUT") or "/commit/" in asked]


def test_rows_that_are_no_longer_wanted_are_taken_off(hub, bot, rows):
    share_bot(bot, "ann/rows", demonstrations=rows, api=hub.api())
    share_bot(bot, "ann/rows", api=hub.api())
    assert "demonstrations.jsonl" not in hub.files("ann/rows")


def test_what_is_not_a_bot_is_never_overwritten(hub, bot):
    put(hub, "ann/thesis", {"thesis.tex": b"years of work"})
    with pytest.raises(ShareError, match="holds something else"):
        share_bot(bot, "ann/thesis", api=hub.api())
    assert hub.files("ann/thesis")["thesis.tex"] == b"years of work"


def test_progress_names_each_file_and_ending_early_changes_nothing(hub):
    files = {"bot.json": b"{}", "intervention.safetensors": b"1234"}
    events = publish(hub.api(), Place("ann/half"), files, "Half", is_bot)
    assert [next(events) for _ in range(3)] == [
        Uploading("bot.json", 1, 2),
        Uploading("intervention.safetensors", 2, 2),
        Finishing(),
    ]
    events.close()
    assert set(hub.files("ann/half")) == {".gitattributes"}
    assert send(hub, files, "ann/half").repo_id == "ann/half"


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "does not accept your sign-in"), (402, "paid plan"), (403, "write permission"),
     (404, "nothing by this name"), (409, "name is taken"), (412, "Somebody changed it"), (413, "larger"),
     (429, "too many requests"), (418, "it says 418")],
)  # fmt: skip
def test_each_refusal_has_its_own_words_and_another_try_works(hub, status, says):
    hub.refuse = {"POST .*/commit/": status}
    with pytest.raises(ShareError, match=says) as caught:
        send(hub, {"bot.json": b"{}"})
    assert str(caught.value).startswith("ann/thing: ")
    assert caught.value.__cause__ is None
    hub.refuse = {}
    assert send(hub, {"bot.json": b"{}"}).repo_id == "ann/thing"


@pytest.mark.parametrize("status", [401, 403])
def test_on_a_space_a_refusal_speaks_of_signing_in_on_the_page_and_not_of_tokens_and_terminals(
    hub, monkeypatch, status
):
    for name in ("SPACE_ID", "OAUTH_CLIENT_ID"):
        monkeypatch.setenv(name, "here")
    hub.refuse = {"POST .*/commit/": status}
    with pytest.raises(ShareError, match="Sign out and in again on this page") as caught:
        send(hub, {"bot.json": b"{}"})
    assert not re.search("token|terminal", str(caught.value))


def test_a_change_by_somebody_else_meanwhile_is_seen(hub):
    send(hub, {"bot.json": b"{}"})

    def interfere(asked):
        if "/commit/" in asked:
            hub.before = lambda _: None
            hub.repositories["model", "ann/thing"].commit({"bot.json": b"theirs"})

    hub.before = interfere
    with pytest.raises(ShareError, match="Somebody changed it"):
        send(hub, {"bot.json": b"mine"})
    assert hub.files("ann/thing")["bot.json"] == b"theirs"


@pytest.mark.parametrize(
    ("token", "repo_id", "says"),
    [("hf_revoked", "ann/x", "does not accept"), ("hf_look", "ann/x", "write permission"),
     ("hf_ann", "bob/x", "write permission"),
     ("hf_ann", "no name at all", "not a name that the Hub takes")],
)  # fmt: skip
def test_whoever_may_not_publish_is_told_why(hub, token, repo_id, says):
    with pytest.raises(ShareError, match=says) as caught:
        send(hub, {"bot.json": b"{}"}, repo_id, token)
    assert token not in str(caught.value)
    assert not hub.repositories


def test_a_lost_connection_is_said_and_the_next_try_goes_on(hub):
    with local_hub() as gone:
        api = gone.api()
    with pytest.raises(ShareError, match="cannot be reached"):
        account(api)
    assert account(hub.api()) == "ann"


def test_a_published_bot_can_be_shown_renamed_and_deleted(hub):
    send(hub, {"bot.json": b"{}"})
    set_private(hub.api(), Place("ann/thing", private=False), is_bot)
    assert not hub.repositories["model", "ann/thing"].private
    rename(hub.api(), Place("ann/thing"), "ann/other", is_bot)
    assert set(hub.repositories) == {("model", "ann/other")}
    delete(hub.api(), Place("ann/other"), is_bot)
    delete(hub.api(), Place("ann/other"), is_bot)
    assert not hub.repositories


@pytest.mark.parametrize(
    "act",
    [
        lambda api, place: delete(api, place, is_bot),
        lambda api, place: set_private(api, replace(place, private=False), is_bot),
        lambda api, place: rename(api, place, "ann/other", is_bot),
    ],
    ids=["delete", "show", "rename"],
)
def test_what_is_not_a_bot_is_not_touched(hub, act):
    put(hub, "ann/thesis", {"thesis.tex": b"years of work"})
    with pytest.raises(ShareError, match="holds something else"):
        act(hub.api(), Place("ann/thesis"))
    assert hub.repositories["model", "ann/thesis"].private
    assert set(hub.repositories) == {("model", "ann/thesis")}


@pytest.mark.parametrize(
    ("act", "request_", "status", "says"),
    [
        (lambda api, place: rename(api, place, "ann/taken", is_bot), "POST .*/move", 409, "name is taken"),
        (lambda api, place: rename(api, place, "bob/b", is_bot), "POST .*/move", 403, "write permission"),
        (lambda api, place: set_private(api, place, is_bot), "PUT .*/settings", 402, "paid plan"),
        (lambda api, place: delete(api, place, is_bot), "DELETE ", 403, "write permission"),
        (lambda api, place: delete(api, place, is_bot), "DELETE ", 429, "too many requests"),
    ],
)
def test_a_refusal_of_those_is_said_too_and_nothing_is_changed(hub, act, request_, status, says):
    send(hub, {"bot.json": b"{}"})
    hub.refuse = {request_: status}
    with pytest.raises(ShareError, match=says):
        act(hub.api(), Place("ann/thing"))
    assert hub.repositories["model", "ann/thing"].private


def test_what_one_has_published_is_listed_and_nothing_else(hub, bot, tmp_path):
    share_bot(bot, "ann/emoji-bot", api=hub.api())
    share_bot(bot, "ann/open-bot", private=False, api=hub.api())
    put(hub, "ann/thesis", {"thesis.tex": b"years of work"})
    put(hub, "ann/other", {"README.md": b"---\ntags: [reft-studio]\n---\n", "model.bin": b"1"})
    bot.save(tmp_path / "bot")
    space = {
        path.relative_to(tmp_path / "space").as_posix(): path
        for path in write_space(tmp_path / "space", tmp_path / "bot", name="Emoji", model_id="ann/emoji-bot")
    }
    list(publish(hub.api(), Place("ann/emoji-bot-chat", "space"), space, "Put", is_chat_space))
    listing = list_published(hub.api())
    assert listing.account == "ann"
    assert set(listing.places) == {
        Place("ann/emoji-bot"),
        Place("ann/open-bot", private=False),
        Place("ann/emoji-bot-chat", "space"),
    }
    with pytest.raises(ShareError, match="does not accept"):
        list_published(hub.api("hf_revoked"))


def test_what_an_update_changes_is_known_before_and_said_after(hub, bot, rows):
    share_bot(bot, "ann/emoji-bot", demonstrations=rows, api=hub.api())
    there = hub.files("ann/emoji-bot")
    fresh = {
        "bot.json": b"{}",
        "intervention.safetensors": there["intervention.safetensors"],
        "README.md": b"#",
    }
    says = {
        "bot.json": "changed", "intervention.safetensors": "same", "README.md": "changed",
        "demonstrations.jsonl": "removed",
    }  # fmt: skip
    place = Place("ann/emoji-bot")
    assert would_change(hub.api(), place, fresh, is_bot) == says
    assert hub.files("ann/emoji-bot") == there
    assert send(hub, fresh, "ann/emoji-bot").changes == says
    assert set(would_change(hub.api(), place, fresh, is_bot).values()) == {"same"}
    assert would_change(hub.api(), Place("ann/nothing"), fresh, is_bot) is None


# The card


def test_the_card_shows_what_the_bot_does_and_how_to_load_it(bot):
    card = write_card(bot.manifest, "ann/emoji-bot", 4, License("apache-2.0"))
    metadata, text = card.split("---\n", 2)[1:]
    assert "license: apache-2.0" in metadata
    assert "- reft-studio" in metadata
    assert "base_model" not in metadata  # the embedded model is not on the Hub
    for probe in bot.manifest.probes:
        assert as_text(probe.prompt) in text
        assert as_text(probe.reply) in text
        assert probe.base
        assert as_text(probe.base) in text
    assert 'rs.fetch_bot("ann/emoji-bot")' in text
    assert "| examples | 4 |" in text


def test_the_hub_reads_in_the_card_all_that_it_needs(bot):
    counts = (
        Count(suite=Suite.UNSEEN, of=60, base=1, instructed=40, bot=57),
        Count(suite=Suite.ATTACKS, of=12, base=0, instructed=3, bot=11),
    )
    score = Score(rules=("only emoji",), instruction="Answer in emoji.", counts=counts)
    record = bot.manifest.base.model_copy(update={"id": "acme/chat-1b", "revision": "abc123"})
    probes = tuple(Probe(prompt=f"Ask {n}", reply=f"Bot {n}", base=f"Base {n}") for n in range(4))
    manifest = bot.manifest.model_copy(update={"base": record, "score": score, "probes": probes})
    card = ModelCard(write_card(manifest, "ann/b", 12, License("mit")))
    assert card.data.base_model == "acme/chat-1b"
    assert card.data.base_model_relation == "adapter"
    assert card.data.license == "mit"
    assert set(card.data.tags) >= {"reft", "loreft", "reft-studio"}
    assert card.data.pipeline_tag == "text-generation"
    assert card.data.model_name == "ann/b"
    for result, count in zip(card.data.eval_results, counts, strict=True):
        assert result.task_type == "text-generation"
        assert result.dataset_name.startswith("ReFT Studio: ")
        assert result.metric_type == "accuracy"
        assert result.metric_value == round(count.bot / count.of, 4)
    (index,) = card.data.to_dict()["model-index"]
    assert index["name"] == "ann/b"
    assert len(index["results"]) == 2
    for said in [
        *(f"<td>{who} {n}</td>" for who in ("Ask", "Base", "Bot") for n in range(3)),
        "[acme&#47;chat&#45;1b](https://huggingface.co/acme/chat-1b), revision `abc123`",
        'rs.load_base_model("acme/chat-1b", revision="abc123")',
        'rs.fetch_bot("ann/b")',
        "| examples | 12 |",
        f"| method | LoReFT, rank {manifest.recipe.rank} |",
        f"| epochs, learning rate, seed | {manifest.recipe.epochs}, {manifest.recipe.learning_rate}, ",
        "everyday messages it had never seen | 1 of 60 | 40 of 60 | 57 of 60 |",
        "attempts to talk it out of its role | 0 of 12 | 3 of 12 | 11 of 12 |",
        "The system prompt was: Answer in emoji&#46;",
        "## Limits",
        "Do not use it to deceive people",
        "The base model's (mit), which applies to whoever uses both together.",
    ]:
        assert said in card.text, said
    assert "Ask 3" not in card.text
    code = card.text.split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line]) <= 5


def test_the_card_of_a_bot_for_a_hub_model_names_it(bot):
    record = bot.manifest.base.model_copy(update={"id": "acme/chat-1b", "revision": "abc123"})
    card = write_card(
        bot.manifest.model_copy(update={"base": record}),
        "ann/b",
        None,
        License("other", "acme-1", "https://acme.example/l"),
    )
    assert "base_model: acme/chat-1b" in card
    assert "base_model_relation: adapter" in card
    assert "license_name: acme-1" in card
    assert 'rs.load_base_model("acme/chat-1b", revision="abc123")' in card


def test_a_base_model_that_names_itself_badly_is_only_text_in_the_card(hub, bot):
    update = {"id": "x/y)<img src=x>\n```\n<script>", "revision": 'a")\nimport os; os.system("id") #'}
    hostile = bot.manifest.model_copy(update={"base": bot.manifest.base.model_copy(update=update)})
    card = write_card(hostile, "ann/b", 1, None)
    assert "<img" not in card
    assert "<script" not in card
    assert "import os" not in card
    assert "base_model" not in card.split("---\n")[1]
    assert find_license(hub.api(), hostile) is None
    assert not hub.requests


def test_the_card_has_the_score_with_its_baselines_and_as_eval_results(bot):
    counts = (
        Count(suite=Suite.UNSEEN, of=60, base=1, instructed=40, bot=57),
        Count(suite=Suite.ATTACKS, of=12, base=0, instructed=3, bot=11),
    )
    score = Score(rules=("only emoji",), instruction="Use | emoji", counts=counts)
    card = write_card(bot.manifest.model_copy(update={"score": score}), "ann/b", 10, None)
    assert "only emoji" in card
    assert "Use &#124; emoji" in card
    assert "| 1 of 60 | 40 of 60 | 57 of 60 |" in card
    assert "| 0 of 12 | 3 of 12 | 11 of 12 |" in card
    results = ModelCard(card).data.eval_results
    assert [(result.dataset_type, result.metric_value) for result in results] == [
        ("reft-studio-unseen", 0.95),
        ("reft-studio-attacks", 0.9167),
    ]
    alone = tuple(count.model_copy(update={"instructed": None}) for count in counts)
    without = score.model_copy(update={"instruction": "", "counts": alone})
    card = write_card(bot.manifest.model_copy(update={"score": without}), "ann/b", 10, None)
    assert "| 1 of 60 | 57 of 60 |" in card
    assert "system prompt" not in card


def test_nothing_people_or_models_wrote_becomes_markup_in_the_card(bot):
    count = Count(suite=Suite.UNSEEN, of=1, base=0, instructed=0, bot=1)
    score = Score(rules=(f"contains {HOSTILE}"[:300],), instruction=HOSTILE, counts=(count,))
    hostile = bot.manifest.model_copy(
        update={
            "name": HOSTILE[:100],
            "probes": (Probe(prompt=HOSTILE, reply=HOSTILE, base=HOSTILE),),
            "score": score,
        }
    )
    card = write_card(hostile, "ann/b", 1, None)
    assert not re.search(r"<script|\]\(javascript|!\[x|\*\*b|49", card)
    assert card.count("</table>") == 1
    assert card.count("\n---\n") == 1


def test_the_licence_is_the_base_models_own(hub, bot):
    assert find_license(hub.api(), bot.manifest) == License("apache-2.0")
    record = bot.manifest.base.model_copy(update={"id": "acme/unknown", "revision": "abc"})
    assert find_license(hub.api(), bot.manifest.model_copy(update={"base": record})) is None


# Taking in


def test_only_a_bots_own_files_are_fetched_and_all_from_one_commit(hub, bot, rows, tmp_path):
    bot.save(tmp_path / "bot", rows)
    files = {path.name: path for path in (tmp_path / "bot").iterdir()}
    put(hub, "ann/full", {**files, "README.md": b"# hi", "setup.py": b"evil", "extra.bin": b"\x80"})
    before = len(hub.requests)
    fetched = fetch(hub.api(), "ann/full", tmp_path / "in")
    asked = [line for line in hub.requests[before:] if "/resolve/" in line]
    assert {line.rsplit("/", 1)[1] for line in asked} == {*files, "README.md"}
    assert all(f"/resolve/{fetched.commit}/" in line for line in asked)
    assert {path.name for path in (tmp_path / "in").iterdir() if path.is_file()} == {*files, "README.md"}


@pytest.mark.parametrize(
    "link",
    [
        "",
        "emoji",
        "https://evil.example/ann/full",
        "file:///etc/passwd",
        "a/b/c",
        "../../etc",
        "ann/full?x=1",
    ],
)
def test_what_is_no_link_to_a_bot_is_not_asked_for(hub, link, tmp_path):
    with pytest.raises((BotError, ShareError)):
        fetch(hub.api(), link, tmp_path)
    assert not [asked for asked in hub.requests if "resolve" in asked]


def test_of_a_pyreft_repository_only_its_own_files_are_fetched_and_it_is_named_so(hub, base, bot, tmp_path):
    write_pyreft(bot, tmp_path / "theirs")
    files = {path.name: path for path in (tmp_path / "theirs").iterdir()}
    card = b"---\nlicense: mit\nbase_model: acme/chat-1.5B\n---\n"
    put(hub, "ann/theirs", {**files, "README.md": card, "setup.py": b"evil", "deep/intkey_x.bin": b"\x80"})
    fetched = fetch(hub.api(), "ann/theirs", tmp_path / "in")
    assert fetched.from_pyreft
    assert (fetched.license, fetched.base_model) == ("mit", "acme/chat-1.5B")
    assert {path.name for path in (tmp_path / "in").iterdir() if path.is_file()} == {*files, "README.md"}
    read = read_pyreft(fetched.folder, base, positions="l1")
    assert read.weights.keys() == bot.weights.keys()


@pytest.mark.parametrize(
    "card", [b"---\nlicense: [a\n---\n", b"\xff\xfe", b"---\nlicense: '<b>'\n---\n", b"---\n- x\n---\n", b""]
)
def test_a_card_that_says_something_strange_says_no_licence(tmp_path, card):
    (tmp_path / "README.md").write_bytes(card)
    head = importer._head(tmp_path / "README.md")
    assert [importer._said(head, field) for field in ("license", "base_model")] == [None, None]


def test_a_repository_without_a_bot_is_named_so(hub, tmp_path):
    put(hub, "ann/thesis", {"thesis.tex": b"years of work"})
    with pytest.raises(BotError, match="not a bot of ReFT Studio: it has no bot"):
        fetch(hub.api(), "ann/thesis", tmp_path)
    with pytest.raises(ShareError, match="nothing by this name"):
        fetch(hub.api(), "ann/nothing", tmp_path)


def test_a_file_that_is_far_too_large_is_not_even_fetched(hub, bot, tmp_path):
    bot.save(tmp_path / "bot")
    put(hub, "ann/huge", {"bot.json": b" " * 2_000_000, "intervention.safetensors": b"x"})
    with pytest.raises(BotError, match=r"bot\.json is far too large"):
        fetch(hub.api(), "ann/huge", tmp_path / "in")
    assert not [asked for asked in hub.requests if "/resolve/" in asked]


def test_fetching_stops_in_the_middle_of_a_file_and_leaves_no_half_of_it_and_may_be_tried_again(
    hub, bot, tmp_path
):
    bot.save(tmp_path / "bot")
    put(hub, "ann/slow", {path.name: path for path in (tmp_path / "bot").iterdir()})
    go_on = Event()
    hub.within = lambda _: go_on.wait(60)
    coming = importer.fetching(hub.api(), "ann/slow", tmp_path / "in")
    assert next(coming).share == 0
    assert 0 < next(coming).share < 1
    # The Hub still holds the rest back, so nobody has waited for it.
    coming.close()
    assert list((tmp_path / "in").iterdir()) == []
    go_on.set()
    assert Bot.load(fetch(hub.api(), "ann/slow", tmp_path / "in").folder) == bot


def test_a_file_that_ends_too_soon_or_goes_on_too_long_is_not_kept(hub, bot, tmp_path):
    bot.save(tmp_path / "bot")
    put(hub, "ann/odd", {path.name: path for path in (tmp_path / "bot").iterdir()})
    head, path = hub.repositories["model", "ann/odd"].head, tmp_path / "bot.json"
    for claimed in (1, 10_000):
        with pytest.raises(ShareError, match="could not be sent or fetched"):
            list(download(hub.api(), "ann/odd", "bot.json", head, path, claimed))
        assert not path.exists()


def test_a_damaged_bot_of_somebody_elses_is_refused(hub, bot, tmp_path):
    bot.save(tmp_path / "bot")
    manifest = json.loads((tmp_path / "bot" / "bot.json").read_text())
    manifest["recipe"]["method"] = "os.system"
    put(
        hub,
        "ann/bad",
        {
            "bot.json": json.dumps(manifest).encode(),
            "intervention.safetensors": tmp_path / "bot" / "intervention.safetensors",
        },
    )
    with pytest.raises(BotError):
        fetch_bot("ann/bad", api=hub.api())


def test_the_token_is_nowhere_in_what_is_written(hub, bot, rows, tmp_path):
    share_bot(bot, "ann/emoji-bot", demonstrations=rows, api=hub.api())
    fetch(hub.api(), "ann/emoji-bot", tmp_path / "in")
    written = [
        *hub.files("ann/emoji-bot").values(),
        *(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()),
    ]
    assert not [content for content in written if b"hf_ann" in content]


def test_a_bundle_counts_rows_it_does_not_include(bot, tmp_path):
    bot.save(tmp_path / "bot")
    files = write_bundle(
        tmp_path / "out", tmp_path / "bot", name="Named", repo_id="ann/b", rows=[Demonstration("a", "b")] * 7,
        include_rows=False, base_license=None,
    )  # fmt: skip
    assert [file.name for file in files] == ["README.md", "bot.json", "intervention.safetensors"]
    assert "| examples | 7 |" in files[0].read_text(encoding="utf-8")
    assert json.loads(files[1].read_text(encoding="utf-8"))["name"] == "Named"
