"""Reads JSON as the platforms do: a text that is not Unicode is no text."""

from __future__ import annotations

import json
from typing import Any


def read(body: bytes) -> Any:
    """Return what `body` holds.

    Raises:
        ValueError: it is no JSON, or it has half a character in it (a lone surrogate), which no platform delivers.
    """
    value = json.loads(body)
    json.dumps(value, ensure_ascii=False).encode()
    return value
