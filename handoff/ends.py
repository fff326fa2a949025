"""By when something has to happen to a conversation in human hands: every page names the same ends.

Two things end. The customer's clock tells how long they have waited for the shop, whoever answers; when it runs out,
the answer counts as late. The agent's duty is to answer what they were given; when that time is over, the customer
goes back to the queue and the clock runs on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from bot.delivery.clocks import Kind, Targets
from bot.hours import Hours
from bot.settings import Settings
from bot.store.database import AnyRow
from bot.store.tables import clocks, conversations
from handoff.owner import Owner

DUTY = "duty"
"""The kind of the end at which the customer goes back to the queue; the others are those of clocks."""

# Made once: the console asks both after every message.
_OWING = select(*(conversations.c[name] for name in ("id", "owner", "answer_by", "place_at", "assigned_at"))).where(
    conversations.c.id.in_(bindparam("ids", expanding=True))
)
_RUNNING = (
    select(*(clocks.c[name] for name in ("conversation_id", "kind", "started_at", "due_at")))
    .where(clocks.c.conversation_id.in_(bindparam("ids", expanding=True)), clocks.c.ended_at.is_(None))
    .order_by(clocks.c.id)
)


@dataclass(frozen=True, slots=True)
class End:
    """One end. `kind`: `duty`, or of a clock `first`, `next` or `resolution`; `late`: it has passed already."""

    kind: str
    at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What a shop gives its agents: `targets` of the clocks, and `first_s` seconds for the first answer."""

    targets: Targets
    first_s: int


def terms_of(settings: Settings) -> Terms:
    """Return what a shop's settings give."""
    wanted = settings.clocks
    hours = Hours(settings.shop.zone, wanted.runs_from, wanted.runs_until)
    targets = Targets(timedelta(seconds=wanted.response_s), timedelta(hours=wanted.resolution_h), hours)
    return Terms(targets, settings.queue.answer_s)


def ends(answer_by: datetime | None, running: Iterable[tuple[Kind, datetime]], now: datetime) -> tuple[End, ...]:
    """Return the ends of one conversation: what is to come, the nearest first, then what has passed.

    Args:
        answer_by: until when its agent owes an answer, None if nothing is owed.
        running: kind and end of each clock that runs.
    """
    duty = [] if answer_by is None else [End(DUTY, answer_by, late=answer_by <= now)]
    found = [*duty, *(End(kind.value, due_at, late=due_at <= now) for kind, due_at in running)]
    return tuple(sorted(found, key=lambda end: (end.late, end.at)))


def ends_of(
    connection: Connection, conversation_ids: Collection[str], terms: Terms, now: datetime
) -> Mapping[str, tuple[End, ...]]:
    """Return the ends of each conversation that has some."""
    ids = sorted(conversation_ids)
    owing = connection.execute(_OWING, {"ids": ids})
    duties = {row.id: _answer_by(row, terms) for row in owing if row.owner == Owner.AGENT.value}
    running: dict[str, list[tuple[Kind, datetime]]] = {}
    for row in connection.execute(_RUNNING, {"ids": ids}):
        due_at = row.due_at or terms.targets.due(Kind(row.kind), row.started_at)  # a timer writes it down in a moment
        running.setdefault(row.conversation_id, []).append((Kind(row.kind), due_at))
    found = {id_: ends(duties.get(id_), running.get(id_, ()), now) for id_ in ids}
    return {id_: some for id_, some in found.items() if some}


def _answer_by(row: AnyRow, terms: Terms) -> datetime | None:
    answer_by: datetime | None = row.answer_by
    if answer_by is None and row.place_at is not None:  # taken by hand: a timer writes it down in a moment
        assigned_at: datetime = row.assigned_at
        return assigned_at + timedelta(seconds=terms.first_s)
    return answer_by
