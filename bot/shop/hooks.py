"""Signed webhooks, as the Standard Webhooks specification has them (standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.errors import BadCallback
from bot.store.insert import insert_once
from bot.store.tables import deliveries

TOLERANCE = timedelta(minutes=5)
LARGEST_BYTES = 1_000_000
_PREFIX = "whsec_"


def delivery_of(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """Return the id of a delivery whose signature and age are right.

    Args:
        headers: names in lower case.
        secret: what signs; in Base64 where it begins with `whsec_`.

    Raises:
        BadCallback: something is missing, wrong or too old.
    """
    ident, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not 0 < len(ident) <= 150 or not stamp.isdecimal() or len(stamp) > 12:
        raise BadCallback("webhook-id or webhook-timestamp is missing or wrong. Send both, the time in Unix seconds.")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise BadCallback("webhook-timestamp is more than 5 minutes off. Set the clock, and sign each try anew.")
    signed = b".".join((ident.encode(), stamp.encode(), body))
    expected = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(b"v1," + expected, one.encode()) for one in given):
        raise BadCallback("webhook-signature is wrong. Sign 'id.timestamp.body' with the secret of shop.toml.")
    return ident


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise BadCallback("the secret of shop.toml begins with whsec_ but is no Base64. Copy it again.") from None


def is_new(connection: Connection, sender: str, ident: str, now: datetime) -> bool:
    """Remember a delivery in the caller's transaction; return False if it was taken before."""
    return insert_once(connection, deliveries, {"id": f"{sender}:{ident}", "at": now})
