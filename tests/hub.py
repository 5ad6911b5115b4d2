"""A Hugging Face Hub on this computer, which the real client accepts: repositories, commits, large files.

It keeps what it was asked, with headers and bodies, and fails where a test tells it to.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from huggingface_hub import HfApi

from tests.openid import SignIn
from tests.xet import file_hash, stored

LARGE = (".safetensors", ".bin")
_PIECE = 500
"""So many bytes of a file are sent at a time, where that is to be slow."""


@dataclass
class Repository:
    """All commits; the last one is what there is."""

    private: bool
    created_with: dict[str, Any]
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[sha] = files
        return sha

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[self.head]


@dataclass
class Hub:
    """The state behind the server. `tokens` maps each to its account and whether it may write."""

    url: str
    sign_in: SignIn
    tokens: dict[str, tuple[str, bool]] = field(
        default_factory=lambda: {"hf_ann": ("ann", True), "hf_look": ("ann", False)}
    )
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    large_files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Method and path of each."""
    refuse: dict[str, int] = field(default_factory=dict)
    """Regular expressions on "METHOD path", with the status that such requests get."""
    xet: Path | None = None
    """Where large files go in chunks, as on the real Hub; else they come in one piece. See `tests.xet`."""
    before: Callable[[str], None] = lambda _: None
    """Called with each "METHOD path"; may stand in the way."""
    within: Callable[[str], None] | None = None
    """Called likewise between two pieces of a file that is fetched; without it, that is one piece."""

    def api(self, token: str | None = "hf_ann") -> HfApi:
        """The real client, pointed here."""
        return HfApi(endpoint=self.url, token=token if token else False)

    def files(self, repo_id: str, kind: str = "model") -> dict[str, bytes]:
        """What somebody would find there."""
        return self.repositories[kind, repo_id].files


@contextmanager
def local_hub() -> Iterator[Hub]:
    """A Hub that is there as long as the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    hub = Hub(url, SignIn(url, "hf_ann", "ann"))
    server.RequestHandlerClass = type("Handler", (_Handler,), {"state": hub})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _sibling(name: str, data: bytes, with_contents: bool) -> dict[str, Any]:
    if not with_contents:
        return {"rfilename": name}
    lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return {"rfilename": name, "size": len(data), "blobId": _oid(data)} | (
        {"lfs": lfs} if name.endswith(LARGE) else {}
    )


def _tags(files: dict[str, bytes]) -> list[str]:
    head = re.match(rb"---\n(.*?\n)---\n", files.get("README.md", b""), re.DOTALL)
    return (yaml.safe_load(head[1]) if head else {}).get("tags", [])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Hub

    def log_message(self, *_: Any) -> None: ...

    def _handle(self) -> None:
        body = self._body()
        asked = f"{self.command} {unquote(urlsplit(self.path).path)}"
        self.state.requests.append(asked)
        self.state.before(asked)
        try:
            for pattern, status in self.state.refuse.items():
                if re.search(pattern, asked):
                    raise _Refused(status, "Refused by the test")
            for pattern, route in _ROUTES:
                if matched := re.fullmatch(pattern, asked):
                    route(self, body, **matched.groupdict())
                    return
            raise _Refused(404, f"no such route: {asked}")
        except _Refused as refused:
            headers = {"X-Error-Message": str(refused)} | (
                {"X-Error-Code": refused.code} if refused.code else {}
            )
            self._send(refused.status, json.dumps({"error": str(refused)}).encode(), headers)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _handle

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._write(body)

    def _write(self, body: bytes) -> None:
        within = self.state.within if "/resolve/" in self.path else None
        with suppress(ConnectionError):
            while within and len(body) > _PIECE:
                self.wfile.write(body[:_PIECE])
                body = body[_PIECE:]
                within(f"{self.command} {self.path}")
            self.wfile.write(body)

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode())

    # Who asks, and for what

    def _account(self, *, writing: bool = False) -> str:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        name, may_write = self.state.tokens.get(token, ("", False))
        if not name:
            raise _Refused(401, "Invalid credentials in Authorization header")
        if writing and not may_write:
            raise _Refused(403, "You must use a write token")
        return name

    def _repository(self, kind: str, repo_id: str, *, writing: bool = False) -> Repository:
        found = self.state.repositories.get((kind.rstrip("s") or "model", repo_id))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        name = self.state.tokens.get(token, ("", False))[0]
        if found is None or (found.private and name != repo_id.split("/")[0]):
            raise _Refused(404 if name else 401, "Repository not found", "RepoNotFound")
        if writing and self._account(writing=True) != repo_id.split("/")[0]:
            raise _Refused(403, "Forbidden")
        return found

    def _at(self, repository: Repository, revision: str) -> dict[str, bytes]:
        if revision in ("main", "HEAD"):
            return repository.files
        if revision not in repository.commits:
            raise _Refused(404, "Invalid rev id", "RevisionNotFound")
        return repository.commits[revision]

    # Routes

    def openid(self, _: bytes) -> None:
        self._json(self.state.sign_in.configuration())

    def openid_keys(self, _: bytes) -> None:
        self._json(self.state.sign_in.keys())

    def authorize(self, _: bytes) -> None:
        self._send(302, headers={"Location": self.state.sign_in.authorize(self.path)})

    def oauth_token(self, body: bytes) -> None:
        self._json(self.state.sign_in.token(self.headers.get("Authorization"), body))

    def whoami(self, _: bytes) -> None:
        name = self._account()
        self._json({"type": "user", "id": "1", "name": name, "fullname": name, "orgs": [], "auth": {}})

    def validate_yaml(self, _: bytes) -> None:
        self._json({"errors": [], "warnings": []})

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        name = self._account(writing=True)
        owner, kind = asked.get("organization") or name, asked.get("type") or "model"
        if owner != name:
            raise _Refused(403, "You don't have the rights to create a repository under this namespace")
        repo_id = f"{owner}/{asked['name']}"
        if (kind, repo_id) in self.state.repositories:
            raise _Refused(409, "You already created this repo")
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        repository = self.state.repositories[kind, repo_id] = Repository(private, asked)
        repository.commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        self._json({"url": f"{self.state.url}/{repo_id}", "name": repo_id, "id": repo_id})

    def delete(self, body: bytes) -> None:
        asked = json.loads(body)
        name = self._account(writing=True)
        key = (asked.get("type") or "model", f"{asked.get('organization') or name}/{asked['name']}")
        if self.state.repositories.pop(key, None) is None:
            raise _Refused(404, "Repository not found", "RepoNotFound")
        self._json({})

    def move(self, body: bytes) -> None:
        asked = json.loads(body)
        kind = asked.get("type") or "model"
        self._repository(kind, asked["fromRepo"], writing=True)
        self.state.repositories[kind, asked["toRepo"]] = self.state.repositories.pop(
            (kind, asked["fromRepo"])
        )
        self._json({})

    def settings(self, body: bytes, kind: str, repo_id: str) -> None:
        asked = json.loads(body)
        repository = self._repository(kind, repo_id, writing=True)
        repository.private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self._json({})

    def info(self, _: bytes, kind: str, repo_id: str, revision: str | None = None) -> None:
        repository = self._repository(kind, repo_id)
        files = self._at(repository, revision or "main")
        sha = repository.head if revision in (None, "main") else revision
        self._json(
            {"_id": "0" * 24, "id": repo_id, "modelId": repo_id, "author": repo_id.split("/")[0], "sha": sha,
             "private": repository.private, "gated": False, "disabled": False, "tags": [],
             "downloads": 0, "likes": 0,
             "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
             "siblings": [_sibling(name, files[name], "blobs" in self.path) for name in sorted(files)]}
        )  # fmt: skip

    def listed(self, _: bytes, kind: str) -> None:
        """What the asker may see of an account, with a tag."""
        asked = parse_qs(urlsplit(self.path).query)
        name = self.state.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "), ("",))[0]
        (author,), (tag,) = asked["author"], asked["filter"]
        found = [
            (repo_id, repository)
            for (one, repo_id), repository in self.state.repositories.items()
            if one == kind.rstrip("s")
            and repo_id.startswith(f"{author}/")
            and not (repository.private and name != author)
            and tag in _tags(repository.files)
        ]
        self._json(
            [
                {"_id": "0" * 24, "id": repo_id, "modelId": repo_id, "private": repository.private,
                 "siblings": [{"rfilename": file} for file in sorted(repository.files)]}
                for repo_id, repository in found
            ]
        )  # fmt: skip

    def preupload(self, body: bytes, kind: str, repo_id: str) -> None:
        files = self._repository(kind, repo_id, writing=True).files

        def plan(asked: dict[str, Any]) -> dict[str, Any]:
            name, large = asked["path"], asked["path"].endswith(LARGE) or asked["size"] > 10_000_000
            there = files.get(name)
            oid = there and (hashlib.sha256(there).hexdigest() if large else _oid(there))
            return {
                "path": name,
                "uploadMode": "lfs" if large else "regular",
                "shouldIgnore": False,
                "oid": oid,
            }

        self._json({"files": [plan(asked) for asked in json.loads(body)["files"]]})

    def lfs_batch(self, body: bytes, kind: str | None, repo_id: str) -> None:
        self._repository(kind or "model", repo_id, writing=True)

        def action(asked: dict[str, Any]) -> dict[str, Any]:
            if asked["oid"] in self.state.large_files:
                return asked
            return asked | {
                "actions": {"upload": {"href": f"{self.state.url}/put/{asked['oid']}", "header": {}}}
            }

        self._json({"transfer": "basic", "objects": [action(asked) for asked in json.loads(body)["objects"]]})

    def xet_token(self, _: bytes, kind: str, repo_id: str, what: str) -> None:
        assert self.state.xet, "nobody said that there is a storage for chunks"
        self._repository(kind, repo_id, writing=what == "write")
        access, until, address = "xet-key", 4_000_000_000, f"local://{self.state.xet}"
        headers = {
            "X-Xet-Access-Token": access,
            "X-Xet-Token-Expiration": str(until),
            "X-Xet-Cas-Url": address,
        }
        body = {"accessToken": access, "exp": until, "casUrl": address}
        self._send(200, json.dumps(body).encode(), headers)

    def put(self, body: bytes, oid: str) -> None:
        assert hashlib.sha256(body).hexdigest() == oid
        self.state.large_files[oid] = body
        self._send(200)

    def commit(self, body: bytes, kind: str, repo_id: str) -> None:
        repository = self._repository(kind, repo_id, writing=True)
        head, *operations = [json.loads(line) for line in body.splitlines() if line.strip()]
        if head["value"].get("parentCommit", repository.head) != repository.head:
            raise _Refused(412, "A commit has happened since")
        files = dict(repository.files)
        for operation in operations:
            value = operation["value"]
            match operation["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if self.state.xet and value["oid"] not in self.state.large_files:
                        self.state.large_files[value["oid"]] = stored(self.state.xet, value["oid"])
                    files[value["path"]] = self.state.large_files[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        sha = repository.commit(files)
        self._json(
            {"success": True, "commitOid": sha, "commitUrl": f"{self.state.url}/{repo_id}/commit/{sha}"}
        )

    def paths_info(self, body: bytes, kind: str, repo_id: str, revision: str) -> None:
        files = self._at(self._repository(kind, repo_id), revision)
        form = self.headers.get("Content-Type", "").startswith("application/json")
        wanted = json.loads(body)["paths"] if form else parse_qs(body.decode())["paths"]
        self._json(
            [
                {"type": "file", "oid": _oid(data), "size": len(data), "path": name}
                for name, data in files.items()
                if name in wanted
            ]
        )

    def resolve(self, _: bytes, kind: str | None, repo_id: str, revision: str, name: str) -> None:
        repository = self._repository(kind or "model", repo_id)
        files = self._at(repository, revision)
        sha = repository.head if revision == "main" else revision
        if name not in files:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        data = files[name]
        large = name.endswith(LARGE)
        etag = hashlib.sha256(data).hexdigest() if large else _oid(data)
        headers = {"X-Repo-Commit": sha, "ETag": f'"{etag}"', "Content-Length": str(len(data))}
        if large and self.state.xet:
            route = f"{self.state.url}/api/{kind or 'model'}s/{repo_id}/xet-read-token/{sha}"
            headers |= {"X-Xet-Hash": file_hash(self.state.xet, etag), "X-Xet-Refresh-Route": route}
        self._send(200, data, headers | {"Content-Type": "application/octet-stream"})


_REPO = r"/api/(?P<kind>models|spaces)/(?P<repo_id>[^/]+/[^/]+)"
_FILES = r"/(?:(?P<kind>spaces)/)?(?P<repo_id>[^/]+/[^/]+)"
_ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"GET /\.well-known/openid-configuration", _Handler.openid),
    (r"GET /oauth/jwks", _Handler.openid_keys),
    (r"GET /oauth/authorize", _Handler.authorize),
    (r"POST /oauth/token", _Handler.oauth_token),
    (r"GET /api/whoami-v2", _Handler.whoami),
    (r"POST /api/validate-yaml", _Handler.validate_yaml),
    (r"POST /api/repos/create", _Handler.create),
    (r"DELETE /api/repos/delete", _Handler.delete),
    (r"POST /api/repos/move", _Handler.move),
    (rf"PUT {_REPO}/settings", _Handler.settings),
    (rf"POST {_REPO}/preupload/main", _Handler.preupload),
    (rf"POST {_REPO}/commit/main", _Handler.commit),
    (rf"POST {_REPO}/paths-info/(?P<revision>[^/]+)", _Handler.paths_info),
    (r"GET /api/(?P<kind>models|spaces)", _Handler.listed),
    (rf"GET {_REPO}", _Handler.info),
    (rf"GET {_REPO}/revision/(?P<revision>[^/]+)", _Handler.info),
    (rf"POST {_FILES}\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (rf"GET {_REPO}/xet-(?P<what>read|write)-token/[^/]+", _Handler.xet_token),
    (r"PUT /put/(?P<oid>[0-9a-f]{64})", _Handler.put),
    (rf"(?:GET|HEAD) {_FILES}/resolve/(?P<revision>[^/]+)/(?P<name>.+)", _Handler.resolve),
]
