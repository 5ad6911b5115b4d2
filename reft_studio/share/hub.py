"""The only writer to the Hugging Face Hub. Every call gets its `HfApi`, and with it whose token is used."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoUrl
from huggingface_hub import errors as hub_errors
from huggingface_hub.hf_api import ModelInfo, RepoSibling, SpaceInfo

from reft_studio.errors import ShareError
from reft_studio.share.changes import Change, File, compare
from reft_studio.share.refusals import said_plainly

RepoKind = Literal["model", "space"]
IsOurs = Callable[[set[str]], bool]
"""Whether a repository that holds files of these names is one that we wrote."""

_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)


@dataclass(frozen=True)
class Uploading:
    """One file is on its way."""

    file: str
    number: int
    """The first is 1."""
    total: int


@dataclass(frozen=True)
class Finishing:
    """All files are there; the commit that makes them count comes next."""


@dataclass(frozen=True)
class Published:
    """Everything is there."""

    repo_id: str
    url: str
    commit: str
    changes: dict[str, Change] = field(default_factory=dict)
    """What became of each file, by name."""


@dataclass(frozen=True)
class Place:
    """A repository on the Hub, there or to be made."""

    repo_id: str
    kind: RepoKind = "model"
    private: bool = True

    def url(self, api: HfApi) -> str:
        """Its address for people."""
        return f"{api.endpoint}/{'spaces/' if self.kind == 'space' else ''}{self.repo_id}"


def account(api: HfApi) -> str:
    """The name of whose token it is; raises ShareError if the Hub does not take it."""
    with said_plainly("your account"):
        return str(api.whoami(cache=True)["name"])


def publish(
    api: HfApi, place: Place, files: Mapping[str, File], message: str, is_ours: IsOurs
) -> Iterator[Uploading | Finishing | Published]:
    """Make the repository if need be and bring it to hold `files`, in one commit at the end.

    Files that are there already are not sent, so another try after an error goes on where the last one ended;
    files of an earlier version that are not in `files` are deleted. A repository is left alone that everybody
    sees where `place.private` says otherwise, or that is not empty and not `is_ours`; a private one is shown
    to everybody in the end if that is what `place` says.
    Closing the iterator before `Published` leaves the content of the repository as it was, though a new one
    stays there empty. Raises ShareError.
    """
    with said_plainly(place.repo_id):
        _check(place.repo_id)
        _make(api, place)
        found = _info(api, place)
    changes = _changes(place, found, files, is_ours)
    with said_plainly(place.repo_id):
        additions = [
            CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
            for name, content in files.items()
        ]
    for number, addition in enumerate(additions, start=1):
        yield Uploading(addition.path_in_repo, number, len(additions))
        with said_plainly(place.repo_id):
            api.preupload_lfs_files(place.repo_id, [addition], repo_type=place.kind, free_memory=False)
    yield Finishing()
    left_over = [CommitOperationDelete(name) for name, change in changes.items() if change is Change.REMOVED]
    with said_plainly(place.repo_id):
        commit = api.create_commit(
            place.repo_id,
            [*additions, *left_over],
            commit_message=message,
            repo_type=place.kind,
            # If somebody else has changed it since, the Hub says so instead of mixing both.
            parent_commit=found.sha,
        )
    if found.private and not place.private:
        set_private(api, place, is_ours)
    yield Published(place.repo_id, place.url(api), commit.oid, changes)


def would_change(
    api: HfApi, place: Place, files: Mapping[str, File], is_ours: IsOurs
) -> dict[str, Change] | None:
    """What `publish` would do to each file, by name; None where there is nothing yet. Raises ShareError."""
    with said_plainly(place.repo_id):
        _check(place.repo_id)
        try:
            found = _info(api, place)
        except hub_errors.RepositoryNotFoundError:
            return None
    return _changes(place, found, files, is_ours)


def delete(api: HfApi, place: Place, is_ours: IsOurs) -> None:
    """Take a repository off the Hub for good; one that is not there is fine. Raises ShareError."""
    with said_plainly(place.repo_id):
        try:
            found = _info(api, place)
        except hub_errors.RepositoryNotFoundError:
            return
    _check_ours(place, _siblings(found), is_ours)
    with said_plainly(place.repo_id):
        api.delete_repo(place.repo_id, repo_type=place.kind, missing_ok=True)


def set_private(api: HfApi, place: Place, is_ours: IsOurs) -> None:
    """Show a repository to everybody, or to its owner only, as `place.private` says. Raises ShareError."""
    with said_plainly(place.repo_id):
        found = _info(api, place)
    _check_ours(place, _siblings(found), is_ours)
    with said_plainly(place.repo_id):
        api.update_repo_settings(place.repo_id, private=place.private, repo_type=place.kind)


def rename(api: HfApi, place: Place, new_id: str, is_ours: IsOurs) -> None:
    """Give a repository another name; the Hub forwards the old one. Raises ShareError."""
    with said_plainly(place.repo_id):
        found = _info(api, place)
    _check_ours(place, _siblings(found), is_ours)
    with said_plainly(new_id):
        _check(new_id)
        api.move_repo(place.repo_id, new_id, repo_type=place.kind)


def _info(api: HfApi, place: Place) -> ModelInfo | SpaceInfo:
    """What the Hub knows of a repository and of the contents of its files."""
    ask = api.space_info if place.kind == "space" else api.model_info
    return ask(place.repo_id, files_metadata=True)


def _siblings(found: ModelInfo | SpaceInfo) -> list[RepoSibling]:
    return [file for file in found.siblings or [] if file.rfilename != ".gitattributes"]


def _changes(
    place: Place, found: ModelInfo | SpaceInfo, files: Mapping[str, File], is_ours: IsOurs
) -> dict[str, Change]:
    """Raises ShareError where `files` must not go."""
    there = _siblings(found)
    _check_ours(place, there, is_ours)
    if place.private and found.private is False:
        raise ShareError(
            f'"{place.repo_id}" is there already, and everybody can see it. Choose another name, or that '
            "everybody may see it, or make it private first."
        )
    return compare(there, files)


def _check_ours(place: Place, there: list[RepoSibling], is_ours: IsOurs) -> None:
    if there and not is_ours({file.rfilename for file in there}):
        raise ShareError(
            f'"{place.repo_id}" is there already and holds something else. Choose another name, so that '
            "nothing of it is lost."
        )


def _check(repo_id: str) -> None:
    if not _NAME.fullmatch(repo_id):
        raise hub_errors.HFValidationError(repo_id)


def _make(api: HfApi, place: Place) -> RepoUrl | None:
    hardware = {"space_sdk": "gradio", "space_hardware": "zero-a10g"} if place.kind == "space" else {}
    try:
        # Not exist_ok, which takes a refusal for success where the repository is there.
        return api.create_repo(place.repo_id, private=place.private, repo_type=place.kind, **hardware)  # type: ignore[arg-type]
    except hub_errors.HfHubHTTPError as error:
        if error.response is None or error.response.status_code != 409:
            raise
        return None
