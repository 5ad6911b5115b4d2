"""The cookie of somebody who has signed in, as Gradio's sign-in has Starlette write it. No pytest here."""

import hashlib
import json
import time
from base64 import b64encode
from typing import Any

from itsdangerous import TimestampSigner


def secret_of_gradio(client_secret: str) -> str:
    """What Gradio signs sessions with where the Hub gave a Space this secret."""
    return hashlib.sha256(f"{client_secret}-v4".encode()).hexdigest()


def signed_in(secret: str, sub: str = "5f0", token: str = "hf_ann", **changes: Any) -> str:
    """The value of the cookie named "session"."""
    profile = "https://huggingface.co/ann"
    user = {"sub": sub, "name": "Ann", "preferred_username": "ann", "profile": profile, "picture": ""}
    login = {
        "access_token": token,
        "scope": "openid",
        "expires_at": int(time.time()) + 3600,
        "userinfo": user,
    }
    session = json.dumps({"oauth_info": login | changes})
    return TimestampSigner(secret).sign(b64encode(session.encode())).decode()
