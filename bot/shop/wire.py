"""Reads what a shop's system sent: JSON of which nothing is promised. What is missing reads as empty."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.errors import BadCallback
from bot.shop.bodies import Bilingual

Json = Mapping[str, Any]


def text(value: object, limit: int = 200) -> str:
    """Return `value` as one storable line of at most `limit` characters; empty for what is no text or number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    plain = str(value).encode("utf-8", "ignore").decode().replace("\0", "")  # half characters cannot be stored
    return " ".join(plain.split())[:limit].rstrip()


def both(value: object, limit: int = 200) -> Bilingual:
    """Return a name that the shop has in one language for both."""
    return Bilingual(zh=text(value, limit), en=text(value, limit))


def member(value: object, name: str) -> Json:
    """Return the object under `name`, or an empty one."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def members(value: object, name: str) -> Sequence[Json]:
    """Return the objects of the list under `name`."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def moment(value: object) -> datetime | None:
    """Return an ISO 8601 time in UTC; one without a zone is GMT. None for what is no time."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def signed_json(body: bytes, signature: str, secret: str, platform: str) -> Json:
    """Return the object in `body` after checking its base64 HMAC-SHA256, in constant time.

    Raises:
        BadCallback: the signature is wrong, or it is no JSON object.
    """
    right = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(right, signature.encode("ascii", "replace")):
        raise BadCallback(f"A webhook of {platform} has a wrong signature. Compare its secret with shop.toml's.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadCallback(f"A webhook of {platform} is signed but holds no JSON object. Set its format to JSON.")
    return found
