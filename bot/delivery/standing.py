"""What counts of a person where marketing is about to be sent to them, over all their chats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, exists, func, or_, select

from bot.delivery.complaints import KIND as COMPLAINT
from bot.delivery.zones import zones_of
from bot.messages import Purpose
from bot.store.database import AnyRow
from bot.store.tables import (
    consents,
    conversations,
    customers,
    identities,
    orders,
    outbox,
    persons,
    platform_state,
    tasks,
)

FOLLOW_UPS = frozenset({"cart_open", "order_unpaid", "asleep", "greeting"})
"""Conditions of messages to one person about what they left open, that they stay away, or on a day of theirs; see
`bot.delivery.facts.guard_holds`."""
COUNTED_FOR = timedelta(days=7)
"""The longest span of a cap."""
STALE_AFTER = timedelta(hours=1)
"""How long the shop's system may have told nothing before nobody knows what was paid."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the gate's facts of the same names are made of, see `bot.delivery.gate.Facts`."""

    consent: bool | None = None
    touched_at: Sequence[datetime] = ()
    human_elsewhere: bool = False
    complaint_open: bool = False
    zones: Sequence[ZoneInfo] = ()
    follow_up: bool = False
    oldest_id: str = ""
    stale: bool = False


NOBODY = Standing()
"""Of what is no marketing, or goes to a group."""


def standing_of(connection: Connection, row: AnyRow, now: datetime) -> Standing:
    """Return what counts of the person to whom `row` (of the outbox, as `bot.delivery.due` reads it) would go.

    The person stays locked until the transaction ends, so that two channels sending at once count each other.
    """
    people = locked(connection, row.person_id)
    ids = [one.id for one in people]
    said = connection.execute(_SAID, {"people": ids, "at": row.channel, "here": row.conversation_id}).one()
    sent = connection.execute(_TOUCHED, {"people": ids, "since": now - COUNTED_FOR})
    follow_up = not FOLLOW_UPS.isdisjoint(row.guard or ())
    return Standing(
        consent=said.consent,
        touched_at=[now if one.status == "sending" else one.at for one in sent],
        human_elsewhere=said.human,
        complaint_open=said.complaint,
        zones=lives_in(connection, next((one.customer_id for one in people if one.customer_id), None)),
        follow_up=follow_up,
        oldest_id=oldest(people),
        stale=follow_up and is_stale(connection, now),
    )


def locked(connection: Connection, person_id: str) -> Sequence[AnyRow]:
    """Return the rows of everybody who is this person, locked in the order of their ids.

    Two persons whom the shop knows as the same customer are one: each of them has shown it.
    """
    return connection.execute(_SAME, {"person": person_id}).all()


def oldest(people: Sequence[AnyRow]) -> str:
    """Return the id that was there first: what is drawn by it stays when people turn out to be the same."""
    return str(min(people, key=lambda one: (one.created_at, one.id)).id)


def consent(connection: Connection, person_id: str, channel: str) -> bool | None:
    """Return the newest answer that counts for this channel, None if the person was never asked."""
    return connection.execute(newest_answer(persons.c.id, channel, everybody()), {"person": person_id}).scalar()


def everybody() -> Select[str]:
    """Return the query for the ids of everybody who is the person bound as `person`."""
    return select(persons.c.id).where(_IS_SAME)


def talks_of_person() -> Select[str]:
    """Return the query for the conversations of everybody who is the person bound as `person`."""
    return (
        select(conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .where(identities.c.person_id.in_(everybody()))
    )


def newest_answer(person_id: ColumnElement[str], channel: str | BindParameter[str], ids: Any = None) -> Select[bool]:
    """Return the query for what was last answered about marketing: on this channel, or for every channel.

    Args:
        ids: of everybody who is the person; None asks for `person_id`, a column of the query around it.
    """
    who = consents.c.person_id == person_id if ids is None else consents.c.person_id.in_(ids)
    return (
        select(consents.c.granted)
        .where(who, consents.c.purpose == Purpose.MARKETING.value, consents.c.channel.in_((channel, "*")))
        .order_by(consents.c.at.desc(), consents.c.id.desc())
        .limit(1)
    )


def is_stale(connection: Connection, now: datetime) -> bool:
    """Return whether the shop's system, where it is a remote one, does not tell what happens."""
    state = connection.execute(select(platform_state.c.told_at, platform_state.c.down_since)).first()
    if state is None:
        return False
    return state.down_since is not None or (state.told_at is not None and now - state.told_at > STALE_AFTER)


def lives_in(connection: Connection, customer_id: str | None) -> Sequence[ZoneInfo]:
    """Return every time zone in which a customer may live; empty where nothing is known."""
    if customer_id is None:
        return ()
    row = connection.execute(_LIVES, {"customer": customer_id}).one_or_none()
    return zones_of(row.country or "", row.phone) if row else ()


# Statements are made once: making one takes longer than running it.
_PEOPLE: BindParameter[Any] = bindparam("people", expanding=True)
_OTHER = persons.alias("other")
_THEIRS = select(_OTHER.c.customer_id).where(_OTHER.c.id == bindparam("person")).scalar_subquery()
_IS_SAME = or_(persons.c.id == bindparam("person"), persons.c.customer_id == _THEIRS)
_SAME = (
    select(persons.c.id, persons.c.customer_id, persons.c.created_at)
    .where(_IS_SAME)
    .order_by(persons.c.id)
    .with_for_update(key_share=True)
)
_TALKS = (
    select(conversations.c.id)
    .join(identities, conversations.c.identity_id == identities.c.id)
    .where(identities.c.person_id.in_(_PEOPLE))
)
_SAID = select(
    newest_answer(persons.c.id, bindparam("at"), _PEOPLE).scalar_subquery().label("consent"),
    exists(_TALKS.where(conversations.c.id != bindparam("here"), conversations.c.owner.in_(("queue", "agent")))).label(
        "human"
    ),
    exists(
        select(tasks.c.id).where(
            tasks.c.conversation_id.in_(_TALKS), tasks.c.kind == COMPLAINT, tasks.c.done.is_(False)
        )
    ).label("complaint"),
)
_WENT_OUT_AT = func.coalesce(outbox.c.sent_at, outbox.c.not_before)
"""An unsure message has the time at which it was given up."""
_TOUCHED = select(outbox.c.status, _WENT_OUT_AT.label("at")).where(
    outbox.c.conversation_id.in_(_TALKS),
    outbox.c.purpose == Purpose.MARKETING.value,
    or_(
        outbox.c.status == "sending",
        outbox.c.status.in_(("sent", "unsure", "confirming")) & (bindparam("since") < _WENT_OUT_AT),
    ),
)
_LIVES = select(
    customers.c.phone,
    select(orders.c.country)
    .where(orders.c.customer_id == customers.c.id, orders.c.country != "")
    .order_by(orders.c.created_at.desc())
    .limit(1)
    .scalar_subquery()
    .label("country"),
).where(customers.c.id == bindparam("customer"))
