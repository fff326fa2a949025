"""Claiming a piece of a sale, or a place in its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, bindparam, exists, func, select, update

from bot.campaigns.buyers import Buyer, buyer_of
from bot.campaigns.line import is_open, locked_sale, release, sale_of
from bot.campaigns.moments import HALF, MOMENT, SOLD_OUT, Moment
from bot.clock import IdMaker
from bot.delivery.timers import set_timer
from bot.store.database import AnyRow
from bot.store.tables import claims, identities, persons, sales

Outcome = Literal["held", "again", "waiting", "late", "too_early", "too_new", "not_running"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of a claim.

    Attributes:
        outcome: `held`: a piece is kept for them now; `again`: they have all they may have, held or paid; `waiting`:
            none is free, and they stand in line; `late`: they paid too late, and people look into it; `too_early`: the
            sale has not begun for them; `too_new`: their account is too young for it.
        left: pieces that others can still claim.
        expires_at: until when a piece is held for them, None where none is.
        claim_id: what `pay` takes, empty where they have none.
        place: while they wait, how many are served until they are, at most.
        starts_at: when the sale begins for them, if that is not yet.
    """

    outcome: Outcome
    left: int
    expires_at: datetime | None = None
    claim_id: str = ""
    place: int = 0
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A place in a sale: `waiting` at `place` of the line, `held` until `expires_at`, `paid`, or paid too `late`."""

    id: str
    channel: str
    user: str
    customer_id: str | None
    status: str
    piece: int
    place: int
    expires_at: datetime | None


LOST = ("released", "refunded")
"""The statuses of claims that keep no piece and no place."""
_WRITE = claims.insert()
_MINE = (
    select(claims)
    .where(claims.c.sale_id == bindparam("sale"), claims.c.buyer == bindparam("buyer"))
    .order_by(claims.c.piece)
)
_FIRST_WAITING = (
    select(func.min(claims.c.place))
    .where(claims.c.sale_id == bindparam("sale"), claims.c.status == "waiting")
    .scalar_subquery()
)
_PLACE = select(claims.c.place - _FIRST_WAITING + 1).where(
    claims.c.id == bindparam("claim"), claims.c.status == "waiting"
)
_OPEN = (
    sales.c.id == bindparam("sale"),
    sales.c.status == "running",
    sales.c.starts_at <= bindparam("opened_by"),
    sales.c.ends_at > bindparam("now"),
)
_TAKE = (  # the one statement that cannot take what is not there
    update(sales)
    .where(*_OPEN, sales.c.available > 0)
    .values(available=sales.c.available - 1)
    .returning(sales.c.available)
)
_STAND_IN_LINE = (
    update(sales)
    .where(*_OPEN, sales.c.available == 0)
    .values(last_place=sales.c.last_place + 1)
    .returning(sales.c.last_place)
)


def claim(connection: Connection, sale_id: str, person_id: str, now: datetime, new_id: IdMaker) -> Claimed:
    """Hold a piece for a person until it is paid or the hold runs out; where none is free, put them in line.

    Raises:
        NotFound: there is no such sale or person.
    """
    buyer = buyer_of(connection, person_id)
    mine = claims_of_buyer(connection, sale_id, buyer.key)
    if any(row.status == "held" and row.expires_at <= now for row in mine):  # its timer is late
        release(connection, locked_sale(connection, sale_id), now)
        mine = claims_of_buyer(connection, sale_id, buyer.key)
    sale = sale_of(connection, sale_id)
    if known := _known(connection, sale, mine):
        return known
    if refused := _refused(sale, buyer, now):
        return refused
    return _take(connection, sale, buyer, now, new_id())


def claims_of_buyer(connection: Connection, sale_id: str, key: str) -> Sequence[AnyRow]:
    """Return the rows of a buyer in a sale, by piece."""
    return connection.execute(_MINE, {"sale": sale_id, "buyer": key}).all()


def _known(connection: Connection, sale: AnyRow, mine: Sequence[AnyRow]) -> Claimed | None:
    """Return what the buyer has already, None if they may claim a piece (more)."""
    for row in mine:
        if row.status == "late":
            return Claimed("late", sale.available, claim_id=row.id)
        if row.status == "waiting":
            return _in_line(connection, sale, row)
    having = [row for row in mine if row.status in ("held", "paid")]
    if len(having) < sale.limit_each:
        return None
    last = max(having, key=lambda row: (row.status == "held", row.held_at, row.piece))
    held_until = last.expires_at if last.status == "held" else None
    return Claimed("again", sale.available, held_until, last.id)


def _in_line(connection: Connection, sale: AnyRow, row: AnyRow) -> Claimed | None:
    """Return as the how-manieth who waits they are served at the latest: counting who is ahead would take too long."""
    place = _place(connection, sale.id, row.id)
    if place is None:  # they were served, or the sale ended, since the row was read
        sale = locked_sale(connection, sale.id)
        return _known(connection, sale, claims_of_buyer(connection, sale.id, row.buyer))
    return Claimed("waiting", sale.available, claim_id=row.id, place=place)


def _place(connection: Connection, sale_id: str, claim_id: str) -> int | None:
    place: int | None = connection.execute(_PLACE, {"sale": sale_id, "claim": claim_id}).scalar()
    return place


def _refused(sale: AnyRow, buyer: Buyer, now: datetime) -> Claimed | None:
    if not is_open(sale, now):
        return Claimed("not_running", sale.available)
    opens_at = sale.starts_at - _early(sale, buyer)
    if now < opens_at:
        return Claimed("too_early", sale.available, starts_at=opens_at)
    if sale.min_age_s and sale.starts_at - buyer.since < timedelta(seconds=sale.min_age_s):
        return Claimed("too_new", sale.available)
    return None


def _early(sale: AnyRow, buyer: Buyer) -> timedelta:
    return timedelta(seconds=sale.early.get(buyer.tier, 0))


def _take(connection: Connection, sale: AnyRow, buyer: Buyer, now: datetime, claim_id: str) -> Claimed:
    when = {"sale": sale.id, "now": now, "opened_by": now + _early(sale, buyer)}
    left = connection.execute(_TAKE, when).scalar()
    place = connection.execute(_STAND_IN_LINE, when).scalar() if left is None else 0
    if place is None:  # it ended, or a piece came back, between two statements
        sale = locked_sale(connection, sale.id)
        return _refused(sale, buyer, now) or _take(connection, sale, buyer, now, claim_id)
    mine = claims_of_buyer(connection, sale.id, buyer.key)  # from here on the sale's row is locked
    if known := _known(connection, sale, mine):
        return _give_way(connection, sale.id, known, left)
    row: dict[str, object] = {"id": claim_id, "sale_id": sale.id, "person_id": buyer.person_id, "buyer": buyer.key}
    row |= {"piece": _number(connection, mine), "place": place, "claimed_at": now, "extended": False}
    if left is None:
        connection.execute(_WRITE, {**row, "status": "waiting", "held_at": None, "expires_at": None})
        return Claimed("waiting", 0, claim_id=claim_id, place=_place(connection, sale.id, claim_id) or 0)
    expires_at = now + timedelta(seconds=sale.hold_s)
    connection.execute(_WRITE, {**row, "status": "held", "held_at": now, "expires_at": expires_at})
    if sale.audiences and left in (0, sale.total // 2):
        _so_far(connection, sale.id, SOLD_OUT if left == 0 else HALF, claim_id, now)
    return Claimed("held", left, expires_at, claim_id)


def _so_far(connection: Connection, sale_id: str, moment: Moment, claim_id: str, now: datetime) -> None:
    """Have it announced that half, or all, is sold; by a timer of its own, as nobody may wait for one here."""
    set_timer(connection, f"sale:{sale_id}:{moment}:{claim_id}", MOMENT, {"sale_id": sale_id, "moment": moment}, now)


def _give_way(connection: Connection, sale_id: str, known: Claimed, left: int | None) -> Claimed:
    """Take nothing, as another account of the same buyer was quicker by a moment, and return what that one got."""
    if left is not None:
        connection.execute(update(sales).where(sales.c.id == sale_id).values(available=sales.c.available + 1))
    return replace(known, left=sale_of(connection, sale_id).available)


def _number(connection: Connection, mine: Sequence[AnyRow]) -> int:
    """Return the number of the next piece.

    One that they lost gives its number up but keeps its row, as its payment may still be on its way.
    """
    behind = max((row.piece for row in mine), default=0) + 1
    lost = next((row for row in mine if row.status in LOST), None)
    if lost is None:
        return behind
    connection.execute(update(claims).where(claims.c.id == lost.id).values(piece=behind))
    return int(lost.piece)


def claims_of(connection: Connection, sale_id: str) -> tuple[Claim, ...]:
    """Return who holds a piece of a sale, has paid one or waits for one, the earliest first.

    Raises:
        NotFound: there is no such sale.
    """
    sale_of(connection, sale_id)
    account = (
        select(identities.c.channel, identities.c.user, identities.c.person_id, identities.c.id)
        .where(~exists().where(_OTHER.c.person_id == identities.c.person_id, _OTHER.c.id < identities.c.id))
        .subquery()
    )
    query = (
        select(
            claims.c.id,
            account.c.channel,
            account.c.user,
            persons.c.customer_id,
            claims.c.status,
            claims.c.piece,
            claims.c.place,
            claims.c.expires_at,
        )
        .join(persons, claims.c.person_id == persons.c.id)
        .join(account, account.c.person_id == persons.c.id)
        .where(claims.c.sale_id == sale_id, claims.c.status.not_in(LOST))
        .order_by(claims.c.claimed_at, claims.c.id)
    )
    return tuple(Claim(*row) for row in connection.execute(query))


_OTHER = identities.alias()
"""One row a claim, however many accounts the person has."""
