"""Signing in by OpenID Connect, as the Hub offers it to Spaces. No pytest here."""

import base64
import time
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey

CLIENT_ID, CLIENT_SECRET = "id", "secret"
_SIGNED_WITH = "HS256"


class SignIn:
    """Signs in, without asking anybody, who comes as the account of one token."""

    def __init__(self, url: str, token: str, account: str) -> None:
        self.url = url
        self._token, self._account = token, account
        self._key = OctKey.generate_key(256, {"kid": "one"})
        self._asked: dict[str, dict[str, str]] = {}

    def configuration(self) -> dict[str, Any]:
        """Where everything is."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/oauth/authorize",
            "token_endpoint": f"{self.url}/oauth/token",
            "jwks_uri": f"{self.url}/oauth/jwks",
            "id_token_signing_alg_values_supported": [_SIGNED_WITH],
        }

    def keys(self) -> dict[str, Any]:
        """What a Space checks with who somebody is said to be."""
        return {"keys": [self._key.as_dict()]}

    def authorize(self, path: str) -> str:
        """The address of a Space to go back to, with a code that is good once."""
        asked = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
        assert asked["client_id"] == CLIENT_ID and asked["response_type"] == "code"
        self._asked[code := token_hex()] = asked
        return f"{asked['redirect_uri']}&{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, authorization: str | None, body: bytes) -> dict[str, Any]:
        """Whom a code was for, and a token that may do in their name what they were asked."""
        told = {name: value for name, (value,) in parse_qs(body.decode()).items()}
        client = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        assert authorization == f"Basic {client}"
        asked = self._asked.pop(told["code"])
        assert told["redirect_uri"] == asked["redirect_uri"]
        until = int(time.time()) + 3600
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": int(time.time()), "exp": until, "sub": "5f0"}
        claims |= {"nonce": asked["nonce"], "name": self._account, "preferred_username": self._account}
        claims |= {"profile": f"https://huggingface.co/{self._account}", "picture": ""}
        header = {"alg": _SIGNED_WITH, "kid": "one"}
        return {
            "access_token": self._token,
            "token_type": "bearer",
            "expires_in": 3600,
            "scope": asked["scope"],
            "id_token": jwt.encode(header, claims, self._key),
        }
