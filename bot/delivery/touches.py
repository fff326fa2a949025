"""The book of follow-ups and recalls: planned once per step, settled in the transaction that decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from bot.delivery.gate import HELD_OUT
from bot.delivery.gifts import give
from bot.delivery.outbox import Draft, put
from bot.delivery.sleep import called_back
from bot.delivery.standing import locked, talks_of_person
from bot.messages import Purpose
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import outbox, persons, touches

EPISODE_LASTS = timedelta(hours=24)
"""A person who leaves something again within a day of the last touch is in the same episode."""
COUNTED_FOR = timedelta(days=7)
"""How long after a first touch a payment counts as after it."""
LEFT = ("cart", "order")
"""Campaigns about what a person left open: they share episodes, and a payment counts once for both."""
NOTHING: Mapping[str, int] = {}
RECALL_COUNTED_FOR = timedelta(days=14)
"""The same for all other campaigns, whose steps take a week."""
NOT_OUT = ("dropped", "failed")
"""What becomes of a touch that nobody saw; a campaign that cares may plan it again."""
_PREFIX = "touch:"


@dataclass(frozen=True, slots=True)
class Episode:
    """One person and what they left, through all the steps.

    Attributes:
        rows: of the touches so far, the newest step last.
    """

    id: str
    person_id: str
    rows: Sequence[AnyRow] = ()

    def has(self, step: int) -> bool:
        """Return whether a step was taken; one that was stopped before it went out can be taken again."""
        return any(row.step == step and row.status != "dropped" for row in self.rows)

    def reached(self, step: int) -> bool:
        """Return whether a step was taken, and the platform did not refuse it."""
        return any(row.step == step and row.status not in NOT_OUT for row in self.rows)

    @property
    def taken(self) -> int:
        return sum(row.status != "dropped" for row in self.rows)

    @property
    def paid(self) -> bool:
        return any(row.paid_at is not None for row in self.rows)


@dataclass(frozen=True, slots=True)
class Touch:
    """A step of an episode; `subject` is the cart's id or the order's number, the value what was left there.

    Attributes:
        gift: a coupon that the person has as soon as it is sent, see `bot.delivery.gifts`.
    """

    campaign: str
    step: int
    subject: str
    band: str
    value_minor: int
    currency: str
    gift: Mapping[str, Any] | None = None


def episode_of(connection: Connection, person_id: str, now: datetime) -> Episode:
    """Return the episode that goes on for a person, whoever else they turned out to be, or a new one.

    The person stays locked until the transaction ends: two campaigns do not begin two episodes.
    """
    ids = [one.id for one in locked(connection, person_id)]
    mine = touches.c.person_id.in_(ids), touches.c.planned_at > now - EPISODE_LASTS, touches.c.campaign.in_(LEFT)
    newest = connection.execute(
        select(touches.c.episode).where(*mine).order_by(touches.c.planned_at.desc(), touches.c.id.desc()).limit(1)
    ).scalar()
    if newest is None:
        return Episode(f"{person_id}:{now:%Y%m%dT%H%M%S}", person_id)
    return episode(connection, newest, person_id)


def episode(connection: Connection, episode_id: str, person_id: str) -> Episode:
    """Return an episode with what was planned in it so far."""
    rows = connection.execute(select(touches).where(touches.c.episode == episode_id).order_by(touches.c.step)).all()
    return Episode(episode_id, person_id, rows)


def key_of(episode: Episode, step: int, now: datetime) -> str:
    """Return the key under which a step goes into the outbox."""
    return f"{_PREFIX}{episode.id}:{step}:{now:%Y%m%dT%H%M%S}"


def plan(connection: Connection, episode: Episode, touch: Touch, draft: Draft, now: datetime) -> bool:
    """Write a step into the book and the outbox. Return False if it was taken already."""
    row = {
        "key": draft.key,
        "campaign": touch.campaign,
        "person_id": episode.person_id,
        "subject": touch.subject,
        "band": touch.band,
        "value_minor": touch.value_minor,
        "currency": touch.currency,
        "status": "planned",
        "reason": "",
        "gift": touch.gift,
        "planned_at": now,
        "decided_at": None,
    }
    here = touches.c.episode == episode.id, touches.c.step == touch.step
    if not insert_once(connection, touches, {**row, "episode": episode.id, "step": touch.step}):
        again = update(touches).where(*here, touches.c.status.in_(NOT_OUT)).values(row)
        if not connection.execute(again).rowcount:
            return False
    return put(connection, draft, now)


_SETTLE = (
    update(touches)
    # Spelled out: no list of values may stand in a statement that runs for many rows at once.
    .where(touches.c.key == bindparam("of"), or_(touches.c.status == "planned", touches.c.status == "unsure"))
    .values(status=bindparam("became"), reason=bindparam("why"), decided_at=bindparam("at"))
)


def settle(connection: Connection, keys: Iterable[str], status: str, reason: str, now: datetime) -> None:
    """Record what became of rows of the outbox, by their keys; those that are no touches are passed over."""
    became = "withheld" if reason == HELD_OUT else status
    # A touch that went to another channel of the person has that channel behind its key.
    rows: list[dict[str, Any]] = [
        {"of": key.partition("@")[0], "became": became, "why": reason[:200], "at": now}
        for key in keys
        if key.startswith(_PREFIX)
    ]
    if rows:
        connection.execute(_SETTLE, rows)
    if rows and status in ("sent", "unsure"):
        give(connection, [row["of"] for row in rows])


def withdraw_marketing(connection: Connection, person_id: str, reason: str, now: datetime) -> None:
    """Stop every marketing message to a person that waits, on all their channels."""
    # Nobody is locked: who sends has locked the rows first, and the person then.
    waiting = outbox.c.status == "waiting", outbox.c.purpose == Purpose.MARKETING.value
    stopped = connection.execute(
        update(outbox)
        .where(*waiting, outbox.c.conversation_id.in_(talks_of_person()))
        .values(status="dropped", reason=reason)
        .returning(outbox.c.key),
        {"person": person_id},
    ).scalars()
    settle(connection, stopped.all(), "dropped", reason, now)


def withdraw(connection: Connection, what: str, subject: str, reason: str, now: datetime) -> None:
    """Stop the follow-ups that wait about one thing.

    Args:
        what: the condition of the messages, `cart_open` or `order_unpaid`.
        subject: the cart's id, or the order's number.
    """
    stopped = connection.execute(
        update(outbox)
        .where(outbox.c.status == "waiting", outbox.c.guard[what].as_string() == subject)
        .values(status="dropped", reason=reason)
        .returning(outbox.c.key)
    ).scalars()
    settle(connection, stopped.all(), "dropped", reason, now)


def count_payment(
    connection: Connection,
    customer_id: str,
    amount_minor: int | None,
    paid_at: datetime,
    worth: Mapping[str, int] = NOTHING,
) -> None:
    """Count a payment for the newest episode of a customer in each campaign, once, and end what calls them back.

    Args:
        amount_minor: None where only the cart is known: then what it was worth when it was left counts.
        worth: what lies in that cart, by currency: for campaigns that are about nothing left.
    """
    people = select(persons.c.id).where(persons.c.customer_id == customer_id)
    began = touches.c.planned_at > paid_at - RECALL_COUNTED_FOR, touches.c.planned_at <= paid_at
    rows = connection.execute(
        select(touches)
        .where(touches.c.person_id.in_(people), touches.c.step == 1, *began)
        .where(touches.c.status.in_(("sent", "withheld", "task", "unsure")))
        .order_by(touches.c.planned_at.desc(), touches.c.id.desc())
    ).all()
    newest: dict[str, AnyRow] = {}
    for row in rows:
        is_left = row.campaign in LEFT
        if not is_left or row.planned_at > paid_at - COUNTED_FOR:
            newest.setdefault("left" if is_left else row.campaign, row)
    for row in newest.values():
        of_cart = row.value_minor if row.campaign in LEFT else worth.get(row.currency, 0)
        amount = of_cart if amount_minor is None else amount_minor
        once = touches.c.id == row.id, touches.c.paid_at.is_(None)
        connection.execute(update(touches).where(*once).values(paid_at=paid_at, paid_minor=amount))
    _end_recalls(connection, customer_id, paid_at)


def _end_recalls(connection: Connection, customer_id: str, paid_at: datetime) -> None:
    keys = called_back(connection, customer_id, paid_at)
    stopped = connection.execute(
        update(outbox)
        .where(outbox.c.key.in_(keys), outbox.c.status == "waiting")
        .values(status="dropped", reason="paid")
        .returning(outbox.c.key)
    ).scalars()
    settle(connection, stopped.all(), "dropped", "paid", paid_at)
