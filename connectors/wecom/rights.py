"""What WeCom allows on a day; each day's rules are read once."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from connectors.rights import Rights, rights_on


@lru_cache(maxsize=8)
def rights_of(file: Path, day: date) -> Rights:
    """Return the rules of `file` that hold on `day`."""
    return rights_on(day, file)
