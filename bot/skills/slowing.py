"""What strangers do to an order is slowed when it becomes too much, and never stopped: its owner may be among them."""

from __future__ import annotations

from datetime import datetime, timedelta

REST = timedelta(hours=1)
"""How long it takes, once it became too much, until one more of the same is heard."""


def is_slow(times: int, last: datetime | None, most: int, now: datetime) -> bool:
    """Return whether something that was done `times` in the last day, and at `last`, has to wait now."""
    return times >= most and last is not None and now - last < REST
