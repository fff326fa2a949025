"""Windows and credits: the rights to send that customers' actions opened, and how much of them is left.

The rules are the pure functions above; the functions below them read and write rows of `grants`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from bot.messages import Grant, Purpose
from bot.store.tables import grants

ON_THE_WAY = timedelta(seconds=2)
"""How long a message may take from the gate to the platform: sends are given up after five, most take a tenth."""


@dataclass(frozen=True, slots=True)
class Right:
    """A right as it stands.

    Attributes:
        needs: `window` or `credit:{name}`, see `bot.messages.Road.needs`.
        action: what opened it; the same action again takes its place.
        count: messages it allowed, None where the platform does not count.
        expires_at: None for a credit, which waits to be used.
    """

    needs: str
    action: str
    count: int | None
    used: int
    purposes: frozenset[Purpose]
    opened_at: datetime
    expires_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at

    @property
    def left(self) -> float:
        return math.inf if self.count is None else max(0, self.count - self.used)


Rights = Mapping[tuple[str, str], Right]
"""The rights of one conversation, by (needs, action)."""


def opened(rights: Rights, grant: Grant, at: datetime, already_used: int = 0) -> dict[tuple[str, str], Right]:
    """Return the rights after an action at `at`.

    An action that is reported late changes nothing: the newer one took its place already.

    Args:
        already_used: messages that left after `at`, or may just be on their way: the platform counts them in.
    """
    key = (grant.right, grant.action)
    before = rights.get(key)
    if grant.adds_up:
        left = 0 if before is None else before.left
        return {**rights, key: _right(grant, int(max(0, left + (grant.count or 0))), 0, at)}
    if before is not None and at < before.opened_at:
        return dict(rights)
    return {**rights, key: _right(grant, grant.count, already_used, at)}


def _right(grant: Grant, count: int | None, used: int, at: datetime) -> Right:
    expires_at = None if grant.window_s is None else at + timedelta(seconds=grant.window_s)
    return Right(grant.right, grant.action, count, used, grant.purposes, at, expires_at)


def left(rights: Rights, needs: str, purpose: Purpose, now: datetime) -> float:
    """Return how many messages the best open right allows: they do not add up.

    A right that ends before a message would arrive is none.
    """
    arrives = now + ON_THE_WAY
    fitting = (r.left for r in rights.values() if r.needs == needs and purpose in r.purposes and r.is_open(arrives))
    return max(fitting, default=0)


def used(rights: Rights, needs: str, by: int, now: datetime) -> dict[tuple[str, str], Right]:
    """Return the rights after `by` messages more (fewer, if negative).

    With two windows open a message counts in both: which of them WeChat counts it in is not published, and so
    neither is ever overdrawn.
    """
    return {
        key: replace(r, used=r.used + by) if r.needs == needs and r.is_open(now) else r for key, r in rights.items()
    }


# --- rows ------------------------------------------------------------------------------------------------------------
def rights_of(
    connection: Connection, conversation_ids: Iterable[str], *, locked: bool = True
) -> defaultdict[str, dict[tuple[str, str], Right]]:
    """Return the rights of each conversation, locked until the transaction ends unless they are only looked at."""
    query = select(grants).where(grants.c.conversation_id.in_(sorted(set(conversation_ids)))).order_by(grants.c.id)
    found: defaultdict[str, dict[tuple[str, str], Right]] = defaultdict(dict)
    for row in connection.execute(query.with_for_update() if locked else query):
        purposes = frozenset(Purpose(purpose) for purpose in row.purposes)
        right = Right(row.needs, row.action, row.allowed, row.used, purposes, row.opened_at, row.expires_at)
        found[row.conversation_id][row.needs, row.action] = right
    return found


def save(connection: Connection, before: Mapping[str, Rights], after: Mapping[str, Rights]) -> None:
    """Write what differs between two states of several conversations' rights."""
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for conversation_id, rights in after.items():
        old = before.get(conversation_id, {})
        for key, right in rights.items():
            if key not in old:
                new.append({"conversation_id": conversation_id, **_columns(right)})
            elif old[key] != right:
                changed.append({"of": conversation_id, "by": right.action, "to": right.needs, **_columns(right)})
    if new:
        connection.execute(grants.insert(), new)
    if changed:
        of_right = (
            grants.c.conversation_id == bindparam("of"),
            grants.c.action == bindparam("by"),
            grants.c.needs == bindparam("to"),
        )
        connection.execute(update(grants).where(*of_right), changed)


def _columns(right: Right) -> dict[str, Any]:
    return {
        "needs": right.needs,
        "action": right.action,
        "allowed": right.count,
        "used": right.used,
        "purposes": sorted(purpose.value for purpose in right.purposes),
        "opened_at": right.opened_at,
        "expires_at": right.expires_at,
    }


def close(connection: Connection, conversation_id: str, needs: str, at: datetime | None = None) -> None:
    """End the rights of one kind, those opened until `at` or all: the platform says that there are none."""
    of_kind = [grants.c.conversation_id == conversation_id, grants.c.needs == needs]
    if at is not None:
        of_kind.append(grants.c.opened_at <= at)
    connection.execute(delete(grants).where(*of_kind))


def give_back(connection: Connection, conversation_id: str, needs: str, cost: int, now: datetime) -> None:
    """Give back what a message took that certainly was not sent."""
    rights = rights_of(connection, [conversation_id])
    save(connection, rights, {conversation_id: used(rights[conversation_id], needs, -cost, now)})


def open_grants(connection: Connection, opened_now: Sequence[tuple[str, Grant, datetime, int]]) -> None:
    """Open grants for (conversation id, grant, time of the action, messages that left since)."""
    rights = rights_of(connection, (conversation_id for conversation_id, *_ in opened_now))
    after: dict[str, Rights] = {}
    for conversation_id, grant, at, already_used in opened_now:
        so_far = after.get(conversation_id, rights[conversation_id])
        after[conversation_id] = opened(so_far, grant, at, already_used)
    save(connection, rights, after)
