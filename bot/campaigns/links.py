"""Signed links that claim a piece for one person, once: for buttons on the shop's own pages."""

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
_WRONG = "This link is not good any more. Open the page of the sale again."


@dataclass(frozen=True, slots=True)
class Link:
    """Who may claim in which sale; `nonce` makes it good once."""

    sale_id: str
    person_id: str
    nonce: str
    expires_at: datetime


class Links:
    """Signs and reads the tokens of a shop."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"links that claim a piece of a sale", "sha256")

    def sign(self, link: Link) -> str:
        said = orjson.dumps([link.sale_id, link.person_id, link.nonce, int(link.expires_at.timestamp())])
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
        sale_id, person_id, nonce, expires = orjson.loads(raw)
        link = Link(sale_id, person_id, nonce, datetime.fromtimestamp(expires, UTC))
        if now >= link.expires_at:
            raise NotAllowed(_WRONG)
        return link

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
