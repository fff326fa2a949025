"""How many would hear of a sale, on which road, and how long that takes: said before, not discovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, literal, select

from bot.campaigns.announcing import SEEN_LATELY
from bot.campaigns.moments import BY_HAND
from bot.campaigns.plans import segment_in
from bot.campaigns.segments import Segment, passes
from bot.delivery.standing import newest_answer
from bot.messages import Rate
from bot.store.tables import conversations, customers, identities, persons


@dataclass(frozen=True, slots=True)
class Reach:
    """Who hears of a sale by one of its audiences, if it began now.

    Attributes:
        recipients: chats that are written to.
        agreed: of them, who said yes to it; only these get it, but for groups and the shop's own page.
        refused: who is not written to, as they said no.
        narrowed: whether it is a segment of the people there.
    """

    channel: str
    chat: str
    recipients: int
    agreed: int
    refused: int
    narrowed: bool = False

    @property
    def by_hand(self) -> bool:
        """Whether people of the staff have to confirm it."""
        return self.channel.partition(":")[0] in BY_HAND

    def hours(self, rate: Rate | None) -> float:
        """Return how many hours the sending takes at a rate; 0 where the platform sets none."""
        return self.recipients / rate.count * rate.per_s / 3600 if rate else 0.0


def reach(
    connection: Connection, audiences: Sequence[Mapping[str, Any]], now: datetime, currency: str = ""
) -> list[Reach]:
    """Return who hears of each audience.

    Args:
        currency: of the amounts in their segments.
    """
    return [
        _reach(connection, one["channel"], one.get("chat", ""), segment_in(one, currency), now) for one in audiences
    ]


def _reach(connection: Connection, channel: str, chat: str, segment: Segment | None, now: datetime) -> Reach:
    answer = newest_answer(identities.c.person_id, channel).correlate(identities).scalar_subquery()
    who = [conversations.c.channel == channel, conversations.c.unreachable.is_(False)]
    if segment is not None:
        who += [persons.c.id.is_not(None), *passes(segment, now)]
    else:
        who.append(conversations.c.chat == chat if chat else conversations.c.updated_at > now - SEEN_LATELY)
    asked = (
        select(func.coalesce(case((answer, "yes"), (~answer, "no")), literal("")).label("said"))
        .select_from(conversations)
        .outerjoin(identities, conversations.c.identity_id == identities.c.id)
        .outerjoin(persons, identities.c.person_id == persons.c.id)
        .outerjoin(customers, persons.c.customer_id == customers.c.id)
        .where(*who)
        .subquery()
    )
    counted = {
        row.said: row.many
        for row in connection.execute(select(asked.c.said, func.count().label("many")).group_by(asked.c.said))
    }
    refused = counted.get("no", 0)
    recipients = sum(counted.values()) - refused
    return Reach(channel, chat, recipients, counted.get("yes", 0), refused, segment is not None)


def in_words(found: Reach, rate: Rate | None) -> str:
    """Return a line for people, e.g. `1,000,000 on telegram:bot at 30/s: 9.3 h`."""
    of = f" (chat {found.chat})" if found.chat else " (its segment)" if found.narrowed else ""
    where = f"{found.recipients:,} on {found.channel}{of}"
    if found.by_hand:
        return f"{where}: a task for the staff, who send it by hand; they get it two hours ahead"
    hours = found.hours(rate)
    long = f"{hours:.1f} h" if hours >= 1 else f"{hours * 3600:,.0f} s"
    pace = f" at {rate.count / rate.per_s:g}/s: {long}" if rate else ""
    no = f"; {found.refused:,} said no and are left out" if found.refused else ""
    yes = "" if found.chat else f"; {found.agreed:,} have said yes to it"
    return f"{where}{pace}{yes}{no}"
