"""Reads fields of JSON that anybody may have written: what is missing or of another kind is simply not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.storable import storable


def an_object(body: object, name: str) -> Mapping[str, Any]:
    """Return the object under `name`, or an empty one."""
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, dict) else {}


def a_list(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list under `name`, or an empty one."""
    value = body.get(name)
    return value if isinstance(value, list) else []


def a_number(body: object, name: str) -> int | None:
    """Return the whole number of at most 64 bits under `name`."""
    value = body.get(name) if isinstance(body, dict) else None
    fits = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return value if fits else None


def a_text(body: Mapping[str, Any], name: str) -> str:
    """Return a text that every database takes: no lone surrogates, no NUL. Empty if there is none."""
    value = body.get(name)
    return storable(value) if isinstance(value, str) else ""


def a_time(body: Mapping[str, Any], name: str) -> datetime | None:
    """Return the moment that `name` gives in seconds since 1970, aware UTC; 0 marks an inaccessible message."""
    seconds = a_number(body, name)
    if not seconds or seconds < 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
