"""Reads what the gate needs to know about rows of the outbox, in the transaction that sends them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from bot.delivery import ledger
from bot.delivery.gate import Facts
from bot.messages import ChatKind, Limits, Purpose, Road
from bot.store.database import AnyRow
from bot.store.tables import carts, consents, conversations, identities, outbox, persons

TOUCH_WINDOW = timedelta(days=1)


def gather(
    connection: Connection,
    row: AnyRow,
    roads: Sequence[Road],
    rights: ledger.Rights,
    limits: Limits,
    now: datetime,
) -> Facts:
    """Return the facts about `row` (of the outbox, with its conversation as `bot.delivery.due` reads it)."""
    purpose = Purpose(row.purpose)
    is_marketing = purpose is Purpose.MARKETING and row.person_id is not None
    return Facts(
        purpose=purpose,
        chat_kind=ChatKind(row.chat_kind),
        owner=row.owner,
        epoch=row.epoch,
        current_epoch=row.current_epoch,
        unreachable=row.unreachable,
        consent=consent(connection, row.person_id, row.channel) if is_marketing else None,
        own_page=limits.own_page,
        roads=[(road, ledger.left(rights, road.needs, purpose, now) if road.needs else math.inf) for road in roads],
        guard_holds=guard_holds(connection, row.guard),
        touches_today=touches(connection, row.person_id, now) if is_marketing else 0,
        not_after=row.not_after,
        to_many=is_marketing and row.guard is None,
    )


def consent(connection: Connection, person_id: str, channel: str) -> bool | None:
    """Return the newest answer that counts for this channel, None if the person was never asked."""
    return connection.execute(newest_answer(person_id, channel)).scalar()


def newest_answer(person_id: str | ColumnElement[str], channel: str) -> Select[bool]:
    """Return the query for what a person last answered about marketing: on this channel, or for every channel."""
    return (
        select(consents.c.granted)
        .where(
            consents.c.person_id == person_id,
            consents.c.purpose == Purpose.MARKETING.value,
            consents.c.channel.in_((channel, "*")),
        )
        .order_by(consents.c.at.desc(), consents.c.id.desc())
        .limit(1)
    )


def touches(connection: Connection, person_id: str, now: datetime) -> int:
    """Return how many marketing messages the person got in the last day, over all channels.

    The person stays locked until the transaction ends, so that two channels sending at once count each other.
    """
    connection.execute(select(persons.c.id).where(persons.c.id == person_id).with_for_update(key_share=True))
    went_out_at = func.coalesce(outbox.c.sent_at, outbox.c.not_before)  # an unsure one has the time it was given up
    return connection.execute(
        select(func.count())
        .select_from(identities)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .join(outbox, outbox.c.conversation_id == conversations.c.id)
        .where(
            identities.c.person_id == person_id,
            outbox.c.purpose == Purpose.MARKETING.value,
            or_(
                outbox.c.status == "sending",
                outbox.c.status.in_(("sent", "unsure", "confirming")) & (went_out_at > now - TOUCH_WINDOW),
            ),
        )
    ).scalar_one()


def guard_holds(connection: Connection, guard: Mapping[str, Any] | None) -> bool:
    """Return whether the message's own condition still holds.

    There is only one: `{"cart_open": id, "as_of": time}`, the cart is open and has not changed since the message.
    """
    if guard is None:
        return True
    of_cart = select(carts.c.status, carts.c.updated_at).where(carts.c.id == guard["cart_open"])
    cart = connection.execute(of_cart).one_or_none()
    return cart is not None and cart.status == "open" and cart.updated_at.isoformat() == guard["as_of"]
