"""The moments at which a sale is announced, and who hears of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from bot.messages import ChatKind

Moment = Literal["day_before", "ahead", "soon", "start", "half", "sold_out", "card", "closed"]
MOMENT = "sale_moment"
"""Kind of the timer that announces one."""
DAY_BEFORE: Moment = "day_before"
AHEAD: Moment = "ahead"
"""For groups in which members of the staff have to send it by hand: so long ahead that all of them can."""
SOON: Moment = "soon"
START: Moment = "start"
HALF: Moment = "half"
SOLD_OUT: Moment = "sold_out"
CARD: Moment = "card"
"""Takes the place of the first announcement while the sale runs, and `closed` when it is over."""
CLOSED: Moment = "closed"
AT: dict[Moment, timedelta] = {
    DAY_BEFORE: timedelta(hours=24),
    AHEAD: timedelta(hours=2),
    SOON: timedelta(minutes=10),
    START: timedelta(0),
}
"""How long before the start; `half` and `sold_out` come when it is so far."""
PHRASES: dict[Moment, str] = {
    DAY_BEFORE: "flash.day_before",
    AHEAD: "flash.ahead",
    SOON: "flash.soon",
    START: "flash.announce",
    HALF: "flash.half",
    SOLD_OUT: "flash.sold_out",
    CARD: "flash.card",
    CLOSED: "flash.closed",
}
BY_HAND = frozenset({"wecom"})
"""Kinds of channels on which people have to confirm what is said in groups."""


def moments_before(starts_at: datetime, now: datetime) -> Iterator[tuple[Moment, datetime]]:
    """Yield the moments of a planned sale that are still to come, with their times.

    What has to be sent by hand is never left out: if it is late, then it is late.
    """
    for moment, ahead in AT.items():
        if starts_at - ahead > now or moment == AHEAD:
            yield moment, max(now, starts_at - ahead)


def hears(moment: Moment, channel: str, chat_kind: ChatKind | None, planned: bool) -> bool:
    """Return whether an audience hears of a moment.

    Groups hear of all. A person hears only that it begins: their one message of the day is best spent on that. Where
    it is sent by hand, there is one message, early enough; of a sale that is started at once, at once.

    Args:
        chat_kind: of the one chat; None for all people of a channel.
        planned: whether the sale was planned ahead.
    """
    if channel.partition(":")[0] in BY_HAND:
        return moment == (AHEAD if planned else START)
    if chat_kind is ChatKind.GROUP:
        return moment != AHEAD
    return moment == START
