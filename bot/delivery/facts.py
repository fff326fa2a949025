"""Reads what the gate needs to know about one row of the outbox, in the transaction that sends it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from bot.delivery.gate import Facts
from bot.delivery.ledger import best_right
from bot.messages import ChatKind, Limits, Purpose
from bot.store.tables import carts, consents, conversations, identities, outbox, persons

TOUCH_WINDOW = timedelta(days=1)


def gather(connection: Connection, row: Row[Any], cost: int, limits: Limits, now: datetime) -> Facts:
    """Return the facts about `row` (a row of the outbox joined with its conversation's chat)."""
    conversation = connection.execute(
        select(conversations.c.owner, conversations.c.epoch, conversations.c.unreachable, identities.c.person_id)
        .outerjoin(identities, conversations.c.identity_id == identities.c.id)
        .where(conversations.c.id == row.conversation_id)
    ).one()
    purpose = Purpose(row.purpose)
    right = best_right(connection, row.conversation_id, purpose, now)
    is_marketing = purpose is Purpose.MARKETING and conversation.person_id is not None
    return Facts(
        purpose=purpose,
        chat_kind=ChatKind(row.chat_kind),
        owner=conversation.owner,
        epoch=row.epoch,
        current_epoch=conversation.epoch,
        unreachable=conversation.unreachable,
        consent=consent(connection, conversation.person_id, row.channel) if is_marketing else None,
        own_page=limits.own_page,
        counts_windows=limits.counts_windows,
        cost=cost,
        window_left=0 if right is None else math.inf if right.left is None else right.left,
        guard_holds=guard_holds(connection, row.guard),
        touches_today=touches(connection, conversation.person_id, now) if is_marketing else 0,
        not_after=row.not_after,
    )


def consent(connection: Connection, person_id: str, channel: str) -> bool | None:
    """Return the newest answer that counts for this channel: given there, or for every channel."""
    return connection.execute(
        select(consents.c.granted)
        .where(
            consents.c.person_id == person_id,
            consents.c.purpose == Purpose.MARKETING.value,
            consents.c.channel.in_((channel, "*")),
        )
        .order_by(consents.c.at.desc(), consents.c.id.desc())
        .limit(1)
    ).scalar()


def touches(connection: Connection, person_id: str, now: datetime) -> int:
    """Return how many marketing messages the person got in the last day, over all channels.

    The person stays locked until the transaction ends, so that two channels sending at once count each other.
    """
    connection.execute(select(persons.c.id).where(persons.c.id == person_id).with_for_update(key_share=True))
    went_out_at = func.coalesce(outbox.c.sent_at, outbox.c.not_before)  # an unsure one has the time it was given up
    return connection.execute(
        select(func.count())
        .select_from(outbox)
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .where(
            identities.c.person_id == person_id,
            outbox.c.purpose == Purpose.MARKETING.value,
            or_(
                outbox.c.status == "sending",
                outbox.c.status.in_(("sent", "unsure")) & (went_out_at > now - TOUCH_WINDOW),
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
