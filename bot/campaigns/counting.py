"""How many a campaign would write to and on which road, said before anything is sent; whom it leaves out, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select

from bot.campaigns.chats import chats_of, complaining
from bot.campaigns.segments import Segment
from bot.delivery.gate import held_out
from bot.messages import Rate
from bot.store.database import AnyRow

AT_ONCE = 500
UNASKED = ("no_chat", "no_consent", "refused_by_customer")
"""Why somebody is left out for good, unless they say something else themselves."""


@dataclass(frozen=True, slots=True)
class Count:
    """What came of counting.

    Attributes:
        people: who is meant.
        written_to: of them who would be, by channel and road, e.g. `telegram:shopbot open`, `wechat:gh window`.
        left_out: who would not be, by reason: `no_chat`, `refused_by_customer`, `no_consent`, `complaint_open`,
            `no_window`, `held_out`.
    """

    people: int
    written_to: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def recipients(self) -> int:
        return sum(self.written_to.values())

    @property
    def may_hear(self) -> int:
        """How many a campaign may write to by and by: also who has no window, or a complaint open, today."""
        return self.people - sum(self.left_out.get(why, 0) for why in UNASKED)

    def hours(self, rates: Mapping[str, Rate]) -> float:
        """Return how many hours one wave takes at the channels' rates: they send side by side."""
        at = [(many, rates.get(where.partition(" ")[0])) for where, many in self.written_to.items()]
        return max((many / rate.count * rate.per_s / 3600 for many, rate in at if rate), default=0.0)


def count(
    connection: Connection, who: Select[Any], segment: Segment, holdout_pct: int, now: datetime, notice: str = "recall"
) -> Count:
    """Count the people of a query (see `bot.campaigns.segments.members`) by what would become of a message to each.

    Quiet hours and caps are not in it: they put off.

    Args:
        notice: see `bot.campaigns.chats.chats_of`.
    """
    people = 0
    written: Counter[str] = Counter()
    out: Counter[str] = Counter()
    for some in connection.execute(who.execution_options(yield_per=AT_ONCE)).partitions():
        people += len(some)
        for where, why in _ways(connection, some, segment, holdout_pct, now, notice):
            if why:
                out[why] += 1
            else:
                written[where] += 1
    return Count(people, dict(sorted(written.items())), dict(sorted(out.items())))


def _ways(
    connection: Connection, people: Sequence[AnyRow], segment: Segment, holdout_pct: int, now: datetime, notice: str
) -> Iterator[tuple[str, str]]:
    """Yield of each person the channel and road, and why they are left out (empty: they are not)."""
    chats = chats_of(connection, [one.id for one in people], segment.channels, now, notice)
    cross = complaining(connection, [one.id for one in people])
    for one in people:
        chat = chats.get(one.id)
        if chat is None:
            yield "", "no_chat"
        elif not chat.may_hear:
            yield "", "no_consent" if chat.said is None else "refused_by_customer"
        elif one.id in cross:
            yield "", "complaint_open"
        elif not chat.road:
            yield "", "no_window"
        elif held_out(one.id, holdout_pct):
            yield "", "held_out"
        else:
            yield f"{chat.channel} {chat.road}", ""


def in_words(found: Count, rates: Mapping[str, Rate]) -> list[str]:
    """Return the count for people."""
    lines = [f"Meant:      {found.people:,} people"]
    lines += [f"Written to: {many:,} on {where}" for where, many in found.written_to.items()]
    lines += [f"Left out:   {many:,} × {why}" for why, many in found.left_out.items()]
    hours = found.hours(rates)
    took = f"{hours:.1f} h" if hours >= 1 else f"{hours * 3600:,.0f} s"
    return [*lines, f"A wave takes {took} at the rates that platforms allow."]
