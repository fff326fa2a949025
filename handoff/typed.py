"""What humans type in the console, made fit for every database and platform."""

from __future__ import annotations

from bot.errors import Conflict
from bot.storable import storable

MOST_CHARACTERS = 4000
"""Of one message or note: what the API takes, and what every platform shows in one piece or a few."""
MOST_OF_A_REASON = 500


class TooLong(Conflict):
    """A message has at most 4,000 characters. Send it in parts."""

    code = "too_long"


def message(text: str) -> str:
    """Return a message or note as it is stored, without space around it.

    Raises:
        TooLong: it has more than `MOST_CHARACTERS`.
    """
    kept = storable(text).strip()
    if len(kept) > MOST_CHARACTERS:
        raise TooLong
    return kept


def reason(text: str) -> str:
    """Return a reason as it is stored, cut at `MOST_OF_A_REASON`."""
    return storable(text).strip()[:MOST_OF_A_REASON]
