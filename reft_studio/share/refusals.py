"""What the Hub and the network can throw, in words for people, with the next step."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from httpx2 import HTTPError, StreamError
from huggingface_hub import errors as hub_errors

from reft_studio.errors import ShareError
from reft_studio.settings import has_sign_in

log = logging.getLogger(__name__)

SIGN_IN = 'Sign in on this computer with "hf auth login" in a terminal, then try again.'
_NOTHING_LOST = "Nothing is lost: what is already there is not sent again."
_NOT_REACHED = f"The Hub cannot be reached. Check the network connection, then try again. {_NOTHING_LOST}"
NOT_SENT = f"A file could not be sent or fetched. Try again in a few minutes. {_NOTHING_LOST}"
_REFUSED = re.compile(r"HTTP status client error \((\d{3}) ")
_SIGN_IN_AGAIN = (
    "Sign out and in again on this page; where the Hub asks what this app may do, let it make and change "
    "repositories, and tick the organisation if the bot is to go to one."
)
_ON_A_PAGE_WITH_SIGN_IN = {
    401: f"The Hub does not accept your sign-in any more. {_SIGN_IN_AGAIN}",
    403: f"Your sign-in does not allow this, or the name is not one of yours. {_SIGN_IN_AGAIN}",
}
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
        text = _advice(404)
    except hub_errors.LocalTokenNotFoundError:
        text = _advice(401) if has_sign_in() else SIGN_IN
    except hub_errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        text = _advice(status) or f"The Hub has a problem (it says {status}). Try again in a few minutes."
    except (
        hub_errors.OfflineModeIsEnabled,
        hub_errors.LocalEntryNotFoundError,
        HTTPError,
        StreamError,
        ConnectionError,
        TimeoutError,
    ) as error:
        # What carries large files says a refusal only in the text of its error.
        refused = _REFUSED.search(str(error))
        text = _advice(int(refused[1]) if refused else 0) or _NOT_REACHED
    except RuntimeError as error:
        # What the client makes of a large file that the Hub's storage does not take. Its text may quote
        # addresses that are as good as a key.
        log.warning("A file did not go up to %s: %s", what, type(error.__cause__ or error).__name__)
        text = NOT_SENT
    except OSError as error:
        text = f"A file could not be read or written here ({error.strerror or type(error).__name__})."
        if type(error).__module__ == "hf_xet":
            # Its errors are those of files and permissions, though it means the Hub's.
            text = _advice(401) if isinstance(error, PermissionError) else NOT_SENT
    raise ShareError(f"{what}: {text}")


def _advice(status: int) -> str:
    """What to do about an answer of the Hub, where people are; "" if that is not known."""
    here = _ON_A_PAGE_WITH_SIGN_IN if has_sign_in() else {}
    return here.get(status) or _ADVICE.get(status, "")
