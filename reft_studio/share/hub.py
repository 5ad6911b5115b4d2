"""The only writer to the Hugging Face Hub. Every call gets its `HfApi`, and with it whose token is used."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from httpx2 import HTTPError, StreamError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoUrl
from huggingface_hub import errors as hub_errors

from reft_studio.errors import ShareError

log = logging.getLogger(__name__)

RepoKind = Literal["model", "space"]
File = Path | bytes
"""What to upload: a file on this computer, or its content."""

SIGN_IN = 'Sign in on this computer with "hf auth login" in a terminal, then try again.'
_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_NOTHING_LOST = "Nothing is lost: what is already there is not sent again."


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


@dataclass(frozen=True)
class Place:
    """A repository on the Hub, there or to be made."""

    repo_id: str
    kind: RepoKind = "model"
    private: bool = True


def account(api: HfApi) -> str:
    """The name of whose token it is; raises ShareError if the Hub does not take it."""
    with said_plainly("your account"):
        return str(api.whoami(cache=True)["name"])


def publish(
    api: HfApi,
    place: Place,
    files: Mapping[str, File],
    message: str,
    is_ours: Callable[[set[str]], bool],
) -> Iterator[Uploading | Finishing | Published]:
    """Make the repository if need be and bring it to hold `files`, in one commit at the end.

    Files that are there already are not sent, so another try after an error goes on where the last one ended;
    files of an earlier version that are not in `files` are deleted. A repository is left alone that everybody
    sees where `place.private` says otherwise, or that is not empty and not `is_ours` by the names of its
    files; a private one is shown to everybody in the end if that is what `place` says.
    Closing the iterator before `Published` leaves the content of the repository as it was, though a new one
    stays there empty. Raises ShareError.
    """
    with said_plainly(place.repo_id):
        _check(place.repo_id)
        _make(api, place)
        found = (api.space_info if place.kind == "space" else api.model_info)(place.repo_id)
        there = {file.rfilename for file in found.siblings or []} - {".gitattributes"}
    if there and not is_ours(there):
        raise ShareError(
            f'"{place.repo_id}" is there already and holds something else. Choose another name, so that '
            "nothing of it is overwritten."
        )
    if place.private and found.private is False:
        raise ShareError(
            f'"{place.repo_id}" is there already, and everybody can see it. Choose another name, or that '
            "everybody may see it, or make it private in its settings on the Hub first."
        )
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
    left_over = [CommitOperationDelete(name) for name in sorted(there - set(files))]
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
        set_private(api, place)
    yield Published(place.repo_id, _address(api, place), commit.oid)


def delete(api: HfApi, place: Place) -> None:
    """Take a repository off the Hub for good; one that is not there is fine. Raises ShareError."""
    with said_plainly(place.repo_id):
        api.delete_repo(place.repo_id, repo_type=place.kind, missing_ok=True)


def set_private(api: HfApi, place: Place) -> None:
    """Show a repository to everybody, or to its owner only, as `place.private` says. Raises ShareError."""
    with said_plainly(place.repo_id):
        api.update_repo_settings(place.repo_id, private=place.private, repo_type=place.kind)


def rename(api: HfApi, place: Place, new_id: str) -> None:
    """Give a repository another name; the Hub forwards the old one. Raises ShareError."""
    with said_plainly(new_id):
        _check(new_id)
        api.move_repo(place.repo_id, new_id, repo_type=place.kind)


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


def _address(api: HfApi, place: Place) -> str:
    return f"{api.endpoint}/{'spaces/' if place.kind == 'space' else ''}{place.repo_id}"


_ADVICE = {
    400: "The Hub did not understand what was sent. Update ReFT Studio, then try again.",
    401: f"The Hub does not accept your sign-in; the token may have been revoked. {SIGN_IN}",
    402: (
        "The Hub asks for a paid plan for this, or your free space there is used up. Your account's billing "
        "page tells which; what was published before stays."
    ),
    403: (
        "Your sign-in may read but not write there. Make a token with write permission at "
        "https://huggingface.co/settings/tokens, and use your own name or an organisation of yours before "
        'the "/".'
    ),
    404: (
        "There is nothing by this name on the Hub, or it is not shown to you. Check the spelling and "
        "whether you are signed in with the right account."
    ),
    409: "The name is taken, or something else is being changed there right now. Try again in a minute.",
    412: "Somebody changed it on the Hub in this very moment. Look at it there, then publish again.",
    413: "A file is larger than the Hub takes from this account.",
    429: f"The Hub gets too many requests from you at the moment. Wait some minutes. {_NOTHING_LOST}",
}


@contextmanager
def said_plainly(what: str) -> Iterator[None]:
    """Turns what the Hub and the network can throw into a ShareError that names `what` and the next step.

    The originals are not chained: their texts quote requests.
    """
    try:
        yield
        return
    except hub_errors.HFValidationError:
        text = (
            'This is not a name that the Hub takes. Use your account, "/" and letters, digits, ".", "-" '
            'or "_", such as "me/emoji-bot".'
        )
    except hub_errors.GatedRepoError:
        text = "It is only given to people who were granted access. Ask for it on its page there."
    except hub_errors.RepositoryNotFoundError:
        # Whoever is not signed in gets 401 for what is not there, too.
        text = _ADVICE[404]
    except hub_errors.LocalTokenNotFoundError:
        text = SIGN_IN
    except hub_errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        text = _ADVICE.get(status, f"The Hub has a problem (it says {status}). Try again in a few minutes.")
    except (
        hub_errors.OfflineModeIsEnabled,
        hub_errors.LocalEntryNotFoundError,
        HTTPError,
        StreamError,
        ConnectionError,
        TimeoutError,
    ):
        text = f"The Hub cannot be reached. Check the network connection, then try again. {_NOTHING_LOST}"
    except RuntimeError as error:
        # What the client makes of a large file that the Hub's storage does not take. Its text may quote
        # addresses that are as good as a key.
        log.warning("A file did not go up to %s: %s", what, type(error.__cause__ or error).__name__)
        text = f"A file could not be sent. Try again in a few minutes. {_NOTHING_LOST}"
    except OSError as error:
        text = f"A file could not be read or written here ({error.strerror or type(error).__name__})."
    raise ShareError(f"{what}: {text}")
