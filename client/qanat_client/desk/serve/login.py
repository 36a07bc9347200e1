"""Who may ask: a link that is good once, and the session that it is exchanged for.

Keeps digests alone, in memory; a session ends with the program. Whoever was let in can have the
program prove that it is still the same: when it ends another may take its port.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from qanat_client.desk.serve.refusals import Forbidden, NotLoggedIn

__all__ = ["NOTICED_TRIES", "Login"]

TOKEN_BYTES: Final = 32

NOTICED_TRIES: Final = 20
"""So many wrong links are told to the person. They keep nobody out: none can be guessed, and any
page or user of this machine could else lock the desk."""

MAX_SESSIONS: Final = 64
"""More windows than anybody has; the oldest session ends for a new one."""

_SCHEME: Final = "Bearer "


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Login:
    """`offer` is told each token that is good once, to be shown to the person."""

    def __init__(self, offer: Callable[[str], None]) -> None:
        self._offer = offer
        self._wanted = b""
        self._used: dict[bytes, None] = {}
        self._sessions: dict[bytes, None] = {}
        self.proof_key = secrets.token_urlsafe(TOKEN_BYTES)
        """Told to those who were let in, and sent by them to nobody."""
        self.wrong_tries = 0
        """How many links were tried that are none of this program's."""

    def renew(self) -> None:
        """Offer a token; the one before is good no more."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._wanted = _digest(token)
        self._offer(token)

    def enter(self, token: str) -> str:
        """A session for a token, and another token is offered. Raises Forbidden."""
        given = _digest(token)
        if given in self._used:
            raise Forbidden(
                "this link was used already: the terminal in which `qanat-desk serve` runs shows"
                " another"
            )
        if given != self._wanted:
            self.wrong_tries += 1
            raise Forbidden(
                "this link is none of this program's: open the one that its terminal shows"
            )
        self._used[given] = None
        session = secrets.token_urlsafe(TOKEN_BYTES)
        self._sessions[_digest(session)] = None
        while len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self.renew()
        return session

    def prove(self, nonce: bytes) -> bytes:
        """What no other program can answer to a window's 32 bytes."""
        return hmac.digest(self.proof_key.encode(), nonce, "sha256")

    def check(self, authorization: str | None) -> None:
        """Raise NotLoggedIn where this header of a request names no session."""
        if authorization is None or not authorization.startswith(_SCHEME):
            raise NotLoggedIn("open the link that the terminal with `qanat-desk serve` shows")
        if _digest(authorization.removeprefix(_SCHEME)) not in self._sessions:
            raise NotLoggedIn(
                "this window's session is over: open the link that the terminal with"
                " `qanat-desk serve` shows"
            )
