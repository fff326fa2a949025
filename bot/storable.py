"""Texts that every database takes, whatever a platform or a stranger sends."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return `text` without NUL (PostgreSQL refuses it) and without lone surrogates (which are not UTF-8)."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
