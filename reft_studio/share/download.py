"""One file from the Hub, piece by piece: who does not want it any more can stop in the middle of it.

The client's own download waits for ten megabytes before it says anything, which most bots do not even have.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # it loads them late
    build_hf_headers,
    hf_raise_for_status,
    http_stream_backoff,
)

from reft_studio.errors import ShareError
from reft_studio.share.refusals import NOT_SENT, said_plainly


def download(
    api: HfApi, repo_id: str, name: str, commit: str, path: Path, size: int
) -> Generator[int, None, None]:
    """Fetch a file of `size` bytes, telling after each piece how many there are.

    Whether it is closed or fails, no half of a file stays. Raises ShareError, also if it has another size.
    """
    done = 0
    try:
        with said_plainly(repo_id), path.open("wb") as file:
            for piece in _pieces(api, hf_hub_url(repo_id, name, revision=commit, endpoint=api.endpoint)):
                file.write(piece)
                done += len(piece)
                if done > size:
                    break
                yield done
        if done != size:
            raise ShareError(f"{repo_id}: {NOT_SENT}")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _pieces(api: HfApi, url: str) -> Iterator[bytes]:
    """As they come over the network."""
    headers = build_hf_headers(token=api.token)
    asked = http_stream_backoff(
        "GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, max_retries=2
    )
    with asked as response:
        hf_raise_for_status(response)
        yield from response.iter_bytes()
