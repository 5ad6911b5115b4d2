"""Bots that would do harm, by every way in: refused with a sentence, and without a trace."""

import ast
import json
import pickle
import re
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from reft_studio.engine.inline import InlineEngine
from reft_studio.engine.interface import PyreftFolder
from reft_studio.errors import BotError, StudioError
from reft_studio.pyreft_folder import write_pyreft
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.share.hub import Place, publish
from reft_studio.share.importer import fetch, gather
from tests.hub import local_hub

TENSORS = "intervention.safetensors"
MOST = 5_000_000


class Payload:
    """A pickle that leaves a file behind when it is read."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def manifest(change):
    def spoil(folder, _):
        path = folder / "bot.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        path.write_text(json.dumps(content), encoding="utf-8")

    return spoil


def tensors(change):
    def spoil(folder, _):
        content = load_file(folder / TENSORS)
        change(content)
        save_file(content, folder / TENSORS)

    return spoil


def file(name, content):
    return lambda folder, marker: (folder / name).write_bytes(
        content(marker) if callable(content) else content
    )


def header(claim):
    text = json.dumps(claim).encode()
    return len(text).to_bytes(8, "little") + text


NAME = "layers.1.block_output.b"
CODE = "__import__('pathlib').Path('marker').touch()"
SPOILED = {
    "a pickle for tensors": file(TENSORS, lambda marker: pickle.dumps(Payload(marker))),
    "a pickle of torch for tensors": lambda folder, marker: torch.save(Payload(marker), folder / TENSORS),
    "a pickle for the manifest": file("bot.json", lambda marker: pickle.dumps(Payload(marker))),
    "a method that is a path to import": manifest(lambda m: m["recipe"].update(method="os.system")),
    "a method that is code": manifest(lambda m: m["recipe"].update(method=CODE)),
    "a component that is a path to import": manifest(lambda m: m["recipe"].update(component="os.path")),
    "a LoRA on a path upwards": manifest(lambda m: m.update(lora={"../../x": [1, 1]})),
    "a layer beyond all": manifest(lambda m: m["recipe"].update(layers=[10**9])),
    "a million layers": manifest(lambda m: m["recipe"].update(layers=list(range(10**5)))),
    "a width beyond all": manifest(
        lambda m: (m["base"].update(width=10**12), m["recipe"].update(rank=10**12))
    ),
    "the largest width that may be": manifest(
        lambda m: (m["base"].update(width=65_536), m["recipe"].update(rank=65_536))
    ),
    "a tensor of another shape": tensors(lambda t: t.update({NAME: torch.zeros(1, 4)})),
    "a tensor that claims ten gigabytes": file(
        TENSORS, header({NAME: {"dtype": "F32", "shape": [2_500_000_000], "data_offsets": [0, 10**10]}})
    ),
    "a header that claims ten gigabytes": file(TENSORS, (10**10).to_bytes(8, "little") + b"{}"),
    "not a number": tensors(lambda t: t[NAME].fill_(torch.nan)),
    "infinity": tensors(lambda t: t[NAME].fill_(-torch.inf)),
    "an unknown key": manifest(lambda m: m.update(surprise=1)),
    "an unknown key deep inside": manifest(lambda m: m["probes"][0].update(run="rm")),
    "half a million brackets": file("bot.json", b"[" * 500_000),
    "another base model": manifest(lambda m: m["base"].update(digest="0" * 64)),
    "another chat template": manifest(lambda m: m["base"].update(template_digest="0" * 64)),
    "rows that are none": file("demonstrations.jsonl", b'{"prompt": 1}\n'),
    "more rows than the app takes": file("demonstrations.jsonl", b" " * (MOST + 1)),
    "a card of ten megabytes": file("README.md", b" " * 10_000_000),
}


def by_files(folder, scratch, _):
    return gather(sorted(folder.iterdir()), scratch / "in", most_bytes=MOST).folder


def by_zip(folder, scratch, _):
    with zipfile.ZipFile(scratch / "bot.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return gather([scratch / "bot.zip"], scratch / "in", most_bytes=MOST).folder


def by_link(folder, scratch, hub):
    hub.repositories.clear()
    files = {path.name: path for path in folder.iterdir()}
    list(publish(hub.api(), Place("ann/bot"), files, "Put", lambda _: True))
    return fetch(hub.api(), "ann/bot", scratch / "in", most_bytes=MOST).folder


WAYS = {"as files": by_files, "as a zip": by_zip, "by a link": by_link}


@pytest.fixture(scope="module")
def engine():
    with closing(InlineEngine(str(EMBEDDED_MODEL), on_update=lambda _: None)) as engine:
        yield engine


@pytest.fixture(scope="module")
def hub():
    with local_hub() as hub:
        yield hub


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """So that what would be left behind by a relative path is seen, too."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def folder(bot, rows, tmp_path):
    bot.save(tmp_path / "theirs", rows)
    return tmp_path / "theirs"


@pytest.fixture
def take_in(engine, hub, tmp_path):
    """Takes a bot in as the page does."""
    (tmp_path / "scratch").mkdir()

    def take_in(get, folder, pyreft=None):
        return engine.open_bot(get(folder, tmp_path / "scratch", hub), tmp_path / "ours", pyreft)

    return take_in


def refused(take_in, get, folder, pyreft=None):
    """Nothing may come of taking it in. Returns what is said."""
    tmp_path = folder.parent
    with pytest.raises(StudioError) as caught:
        take_in(get, folder, pyreft)
    assert not (tmp_path / "ours").exists()
    assert not (tmp_path / "marker").exists()
    assert list((tmp_path / "here").iterdir()) == []
    assert {path.name for path in (tmp_path / "scratch").iterdir()} <= {"in", "bot.zip"}
    assert not (tmp_path / "in").exists()
    said = str(caught.value)
    assert "went wrong on our side" not in said
    return said


@pytest.mark.parametrize("way", WAYS)
def test_a_bot_that_nobody_has_spoiled_is_taken_in(take_in, way, folder, tmp_path):
    take_in(WAYS[way], folder)
    assert (tmp_path / "ours" / "bot.json").exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_bot_is_refused(take_in, way, spoiled, folder, tmp_path):
    SPOILED[spoiled](folder, tmp_path / "marker")
    assert refused(take_in, WAYS[way], folder)


@pytest.mark.parametrize("name", ["bot.json", TENSORS, "demonstrations.jsonl", "README.md"])
def test_a_link_in_a_folder_is_not_followed(take_in, name, folder, tmp_path):
    secret = tmp_path / "secret"
    if (folder / name).exists():
        (folder / name).rename(secret)
    secret.touch()
    (folder / name).symlink_to(secret)
    assert "is a link" in refused(take_in, lambda folder, *_: folder, folder)


def packed(name, content, **changes):
    """A way in by a zip with one more member, of which something else is stated than what is in it."""

    def get(folder, scratch, _):
        path = scratch / "bot.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in folder.iterdir():
                if file.name != name:
                    archive.write(file, file.name)
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = changes.get("attributes", 0)
            archive.writestr(info, content)
            info.file_size = changes.get("claims", info.file_size)
        return gather([path], scratch / "in", most_bytes=MOST).folder

    return get


@pytest.mark.parametrize(
    "get",
    [
        packed("../in.txt", b"x"),
        packed("../../marker", b"x"),
        packed("/tmp/marker", b"x"),
        packed("..\\marker", b"x"),
        packed("bot.json/../../marker", b"x"),
        packed("theirs/bot.json", b"x"),
        packed("run.py", CODE.encode()),
        packed("README.md", b"/etc/passwd", attributes=0o120777 << 16),
        packed("README.md", b"0" * 100_000_000),
        packed(TENSORS, b"0" * 100_000_000),
        packed("README.md", b"0", claims=10 * 2**30),
    ],
    ids=["slip", "deeper slip", "absolute", "backslash", "slip from a file", "folder", "script", "link",
         "bomb", "bomb for tensors", "ten gigabytes"],
)  # fmt: skip
def test_a_zip_that_would_do_harm_is_refused(take_in, get, folder, tmp_path):
    assert refused(take_in, get, folder)
    assert sum(path.stat().st_size for path in (tmp_path / "scratch" / "in").iterdir()) <= MOST + 1_000_000


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/me/bot",
        "http://127.0.0.1/me/bot",
        "file:///etc/passwd",
        "me/../../bot",
        "../..",
        "me/bot@../../../../whoami-v2",
        "https://huggingface.co@evil.example/me/bot",
        "me/bot?x=1",
        "/etc/passwd",
    ],
)
def test_a_link_to_somewhere_else_is_no_link_to_a_bot(hub, link, tmp_path):
    before = len(hub.requests)
    with pytest.raises(StudioError):
        fetch(hub.api(), link, tmp_path / "in")
    assert [asked for asked in hub.requests[before:] if not asked.startswith("GET /api/models/me/bot/")] == []
    assert not (tmp_path / "in").exists()


def config(**changes):
    def spoil(folder, _):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


def edit(change):
    def spoil(folder, marker):
        (path,) = folder.glob("intkey_*.bin")
        content = torch.load(path, weights_only=True)
        torch.save(change(content, marker), path)

    return spoil


PYREFT_SPOILED = {
    "a pickle with a payload": edit(lambda t, marker: t | {"weight": Payload(marker)}),
    "a bare pickle": lambda folder, marker: next(folder.glob("intkey_*.bin")).write_bytes(
        pickle.dumps(Payload(marker))
    ),
    "a class to import": config(intervention_types=["<class 'os.system'>"]),
    "a module to import": config(intervention_types=[f"<class '{CODE}'>"]),
    "a key upwards": config(sorted_keys=["../../secret"]),
    "a component that is code": config(representations=[[1, CODE, "pos", 1, 4]]),
    "a layer beyond all": config(representations=[[10**9, "block_output", "pos", 1, 4]]),
    "an absurd shape": edit(lambda t, _: t | {"bias": torch.zeros(1).expand(10**10)}),
    "another width": edit(lambda t, _: {name: tensor[:3, :3] if tensor.dim() == 2 else tensor[:3]
                                        for name, tensor in t.items()}),
    "not a number": edit(lambda t, _: t | {"bias": t["bias"] * torch.nan}),
    "an unknown tensor": edit(lambda t, _: t | {"surprise": t["bias"]}),
    "half a million brackets": file("config.json", b"[" * 500_000),
}  # fmt: skip


@pytest.mark.parametrize("way", ["as files", "by a link"])
@pytest.mark.parametrize("spoiled", PYREFT_SPOILED)
def test_a_spoiled_bot_of_pyreft_is_refused(take_in, way, spoiled, bot, tmp_path):
    write_pyreft(bot, tmp_path / "theirs")
    PYREFT_SPOILED[spoiled](tmp_path / "theirs", tmp_path / "marker")
    assert refused(take_in, WAYS[way], tmp_path / "theirs", PyreftFolder("l1", "Theirs"))


def test_positions_that_are_none_are_refused(take_in, bot, tmp_path):
    write_pyreft(bot, tmp_path / "theirs")
    said = refused(take_in, WAYS["as files"], tmp_path / "theirs", PyreftFolder("x; rm", "Theirs"))
    assert "x; rm" in said


def test_the_files_of_pyreft_keep_the_names_that_a_browser_would_not_send(bot, tmp_path):
    write_pyreft(bot, tmp_path / "theirs")
    for path in (tmp_path / "theirs").iterdir():
        path.rename(path.with_name(path.name.replace("#", "")))
    fetched = gather(sorted((tmp_path / "theirs").iterdir()), tmp_path / "in")
    assert fetched.from_pyreft
    assert [path.name for path in fetched.folder.glob("*#0.bin")]


ROOT = Path(__file__).resolve().parents[1]
OURS = [ROOT / "app.py", *(ROOT / "reft_studio").rglob("*.py"), *(ROOT / "spaces").rglob("*.py")]
RUNS_WHAT_IT_READS = {"eval", "exec", "compile", "__import__", "system", "popen"}
UNPICKLERS = {"pickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_of_ours_runs_what_it_reads(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                assert not {name.name.split(".")[0] for name in names} & UNPICKLERS
            case ast.ImportFrom(module, names) if module in UNPICKLERS:
                assert {name.name for name in names} == {"UnpicklingError"}
            case ast.Call(ast.Name(name)):
                assert name not in RUNS_WHAT_IT_READS
            case ast.Call(ast.Attribute(ast.Name("torch"), "load"), _, keywords):
                assert {word.arg: ast.unparse(word.value) for word in keywords}["weights_only"] == "True"
            case ast.Call(ast.Attribute(ast.Name("os"), name)):
                assert name not in RUNS_WHAT_IT_READS
    said = path.read_text(encoding="utf-8")
    assert said.count("trust_remote_code") == len(re.findall(r'trust_remote_code(=|": )False', said))


def test_what_is_neither_is_named_so(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BotError, match=r"it has no bot\.json"):
        gather([tmp_path / "thesis.tex"], tmp_path / "in")
