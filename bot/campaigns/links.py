"""Signed links for one person: to claim a piece, once, or to vote; for buttons on the shop's own pages."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from bot.errors import NotAllowed

GOOD_FOR = timedelta(days=7)
"""So long a token may be used; the store remembers used ones for longer."""
CLAIMS, VOTES = b"links that claim a piece of a sale", b"links that vote"
_WRONG = "This link is not good any more. Open the page again."


@dataclass(frozen=True, slots=True)
class Link:
    """Who may do something, and in what; `nonce` makes it good once.

    Attributes:
        subject: a sale, or a vote.
        bearer: the person who may claim, or the account that may vote.
    """

    subject: str
    bearer: str
    nonce: str
    expires_at: datetime


class Links:
    """Signs and reads the tokens of a shop that are for one purpose: those of another are nothing to it."""

    def __init__(self, secret: str, purpose: bytes = CLAIMS) -> None:
        self._key = hmac.digest(secret.encode(), purpose, "sha256")

    def sign(self, link: Link) -> str:
        said = orjson.dumps([link.subject, link.bearer, link.nonce, int(link.expires_at.timestamp())])
        return f"{_text(said)}.{_text(self._signature(said))}"

    def read(self, token: str, now: datetime) -> Link:
        """Return what a token says.

        Raises:
            NotAllowed: it was not signed here, or is too old.
        """
        said, _, signature = token.partition(".")
        try:
            raw, given = _bytes(said), _bytes(signature)
        except (binascii.Error, ValueError):
            raise NotAllowed(_WRONG) from None
        if not hmac.compare_digest(self._signature(raw), given):
            raise NotAllowed(_WRONG)
        subject, bearer, nonce, expires = orjson.loads(raw)
        link = Link(subject, bearer, nonce, datetime.fromtimestamp(expires, UTC))
        if now >= link.expires_at:
            raise NotAllowed(_WRONG)
        return link

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
