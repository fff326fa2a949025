"""What subscribers are told of: each event is written in the transaction in which it happens, or it did not happen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from bot.messages import EventName
from bot.store.insert import insert_new, insert_once
from bot.store.tables import conversations, outgoing, subscribers, tasks


@dataclass(frozen=True, slots=True)
class Happened:
    """One event.

    Attributes:
        ref: unique for ever among the events of this name.
        data: what the subscriber reads, ready for JSON.
    """

    name: EventName
    ref: str
    data: Mapping[str, Any]


_WANTED = select(subscribers.c.name, subscribers.c.events)
_CHANNELS = select(conversations.c.id, conversations.c.channel).where(
    conversations.c.id.in_(bindparam("talks", expanding=True))
)


def wanted(connection: Connection) -> dict[str, frozenset[str]]:
    """Return which events each subscriber wants; in a shop without subscribers that is all that events cost."""
    return {row.name: frozenset(row.events) for row in connection.execute(_WANTED)}


def tell(connection: Connection, events: Iterable[Happened], now: datetime) -> None:
    """Write events for all who want them. Events in conversations say in which channel."""
    if not (who := wanted(connection)):
        return
    happened = [event for event in events if any(event.name in names for names in who.values())]
    talks = {str(event.data["conversation_id"]) for event in happened if event.data.get("conversation_id")}
    channels = _channels(connection, talks) if talks else {}
    rows = [_row(event, name, channels, now) for event in happened for name in sorted(who) if event.name in who[name]]
    insert_new(connection, outgoing, rows)


def _channels(connection: Connection, talks: set[str]) -> dict[str, str]:
    return {row.id: row.channel for row in connection.execute(_CHANNELS, {"talks": sorted(talks)})}


def _row(event: Happened, subscriber: str, channels: Mapping[str, str], now: datetime) -> dict[str, Any]:
    channel = channels.get(str(event.data.get("conversation_id")))
    data = {**event.data, **({"channel": channel} if channel else {})}
    return {
        "key": "evt_" + hashlib.sha256(f"{event.name}:{event.ref}".encode()).hexdigest()[:32],
        "subscriber": subscriber,
        "event": event.name,
        "body": {"type": event.name, "timestamp": now.isoformat().replace("+00:00", "Z"), "data": data},
        "not_before": now,
        "created_at": now,
    }


def subscribe(connection: Connection, wants: Mapping[str, Sequence[str]]) -> None:
    """Keep who wants which events from now on; what waits for one who is gone will not be sent.

    Args:
        wants: events by the subscriber's name, all there are.
    """
    for name in sorted(wants):
        events = list(wants[name])
        if not insert_once(connection, subscribers, {"name": name, "events": events}):
            connection.execute(update(subscribers).where(subscribers.c.name == name).values(events=events))
    connection.execute(delete(subscribers).where(subscribers.c.name.not_in(sorted(wants))))
    gone = outgoing.c.status == "waiting", outgoing.c.subscriber.not_in(sorted(wants))
    connection.execute(update(outgoing).where(*gone).values(status="dead", reason="not in shop.toml any more"))


def add_task(connection: Connection, row: Mapping[str, Any], now: datetime) -> bool:
    """Store a task and tell of it; return False, changing nothing, if its key is there already."""
    if not insert_once(connection, tasks, row):
        return False
    data = {name: row.get(name) for name in ("key", "kind", "text", "agent_id", "conversation_id")}
    tell(connection, [Happened("task.created", row["key"], data)], now)
    return True
