"""Who buys in a sale: all accounts of one customer are one buyer, with one limit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from bot.campaigns.line import give_back, locked_sale, tell
from bot.errors import NotFound
from bot.store.database import AnyRow
from bot.store.tables import claims, customers, persons


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who claims.

    Attributes:
        key: `customer:ID`, or `person:ID` of who is not known.
        tier: the customer's; `regular` of who is not known.
        since: when the first that is known of them was written down.
    """

    key: str
    person_id: str
    tier: str
    since: datetime


def key_of(person_id: str, customer_id: str | None) -> str:
    return f"person:{person_id}" if customer_id is None else f"customer:{customer_id}"


# Statements are made once: making one takes longer than running it. The people stay as they are until the claim is
# committed, or who is linked to a customer at this moment would claim under the old key and the new. They are locked in
# one order, so that two who lock several never wait in a circle.
_BUYERS = (
    select(
        persons.c.id,
        persons.c.customer_id,
        persons.c.created_at,
        customers.c.tier,
        customers.c.created_at.label("customer_since"),
    )
    .outerjoin(customers, persons.c.customer_id == customers.c.id)
    .where(persons.c.id.in_(bindparam("people", expanding=True)))
    .order_by(persons.c.id)
    .with_for_update(read=True, of=persons)
)


def buyer_of(connection: Connection, person_id: str) -> Buyer:
    """Return who a person buys as, and keep it so until the transaction ends.

    Raises:
        NotFound: there is no such person.
    """
    return buyers_of(connection, [person_id])[person_id]


def buyers_of(connection: Connection, person_ids: Collection[str]) -> dict[str, Buyer]:
    """Do the same for several people; the result is by person.

    Raises:
        NotFound: one of them is not there.
    """
    rows = connection.execute(_BUYERS, {"people": sorted(set(person_ids))}).all()
    if missing := sorted(set(person_ids) - {row.id for row in rows}):
        raise NotFound(f"There is no person {missing[0]}. Claims are made by people who have written to the bot.")
    return {row.id: _buyer(row) for row in rows}


def _buyer(row: AnyRow) -> Buyer:
    since = min(row.created_at, row.customer_since or row.created_at)
    return Buyer(key_of(row.id, row.customer_id), row.id, row.tier or "regular", since)


def become(connection: Connection, person_id: str, customer_id: str | None, now: datetime) -> None:
    """Put what a person has claimed under the customer they have turned out to be, or, with None, are no more.

    Of what both together have above the limit goes back what is worth least: places in line first, then what is held,
    and nothing that is paid. The caller has the person's row locked.
    """
    new = key_of(person_id, customer_id)
    mine = select(claims.c.sale_id).where(claims.c.person_id == person_id, claims.c.buyer != new)
    for sale_id in sorted(set(connection.execute(mine).scalars())):
        sale = locked_sale(connection, sale_id)
        of_sale = claims.c.sale_id == sale_id
        moved = of_sale, claims.c.person_id == person_id, claims.c.buyer != new
        rows = connection.execute(select(claims).where(*moved).order_by(claims.c.piece)).all()
        theirs = connection.execute(select(claims).where(of_sale, claims.c.buyer == new)).all()
        first = max((row.piece for row in theirs), default=0) + 1
        for piece, row in enumerate(rows, first):
            connection.execute(update(claims).where(claims.c.id == row.id).values(buyer=new, piece=piece))
        _keep_to_limit(connection, sale, [*theirs, *rows], now)


_WORTH = {"paid": 0, "held": 1, "waiting": 2}


def _keep_to_limit(connection: Connection, sale: AnyRow, rows: Sequence[AnyRow], now: datetime) -> None:
    having = sorted(
        (row for row in rows if row.status in _WORTH),
        key=lambda row: (_WORTH[row.status], row.place if row.status == "waiting" else 0, row.claimed_at, row.id),
    )
    above = [row for row in having[sale.limit_each :] if row.status != "paid"]
    connection.execute(update(claims).where(claims.c.id.in_([row.id for row in above])).values(status="released"))
    if held := [row.id for row in above if row.status == "held"]:
        tell(connection, "over_limit", held, now)
        give_back(connection, sale, len(held), now)
