"""Paying what is held in a sale, slowly, too late, and getting the money back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, update

from bot.campaigns.buyers import buyer_of
from bot.campaigns.claiming import claims_of_buyer
from bot.campaigns.line import give_back, is_open, locked_sale, tell
from bot.errors import Conflict, NotFound
from bot.shop.todo import leave
from bot.store.database import AnyRow
from bot.store.tables import claims, sales


@dataclass(frozen=True, slots=True)
class Payment:
    """What became of a payment: `paid`, too `late` to be honoured, or `refunded`.

    `changed` is False where it was told before.
    """

    status: Literal["paid", "late", "refunded"]
    changed: bool


def pay(connection: Connection, sale_id: str, person_id: str, now: datetime, claim_id: str = "") -> Payment:
    """Record that a person has paid what they hold. A late payment counts while the sale has a piece to spare.

    Args:
        claim_id: of one piece; empty for all that they hold.

    Returns:
        `late` if it came too late: the claim stays so, and a human gets a task.

    Raises:
        NotFound: they have claimed nothing, or nothing of this id.
        Conflict: it may be a payment that is known, or one of a piece that they lost: the id is needed.
    """
    buyer = buyer_of(connection, person_id)
    sale = locked_sale(connection, sale_id)
    mine = claims_of_buyer(connection, sale_id, buyer.key)
    meant = _meant(mine, person_id, claim_id)
    if not meant:
        what = f"has no claim {claim_id}" if claim_id and mine else "has claimed nothing"
        raise NotFound(f"sale_id: this person {what} in {sale_id}. Refund the payment.")
    if held := [row.id for row in meant if row.status == "held"]:
        _mark(connection, held, "paid")
        tell(connection, "paid", held, now)
        return Payment("paid", changed=True)
    known = [row for row in meant if row.status in ("paid", "late", "refunded")]
    if known and len(known) < len(meant) and sale.limit_each > 1:
        raise Conflict(f"claim_id: this person has several claims in {sale_id}. Say which of them was paid.")
    newest = max(meant, key=lambda row: (row.claimed_at, row.id))
    if newest in known:
        return Payment(newest.status, changed=False)
    return _pay_late(connection, sale, mine, newest, now)


def is_late(connection: Connection, sale_id: str, person_id: str, claim_id: str = "") -> bool:
    """Return whether a payment came too late and was not given back yet. Arguments as for `pay`."""
    mine = claims_of_buyer(connection, sale_id, buyer_of(connection, person_id).key)
    return any(row.status == "late" for row in _meant(mine, person_id, claim_id))


def _meant(mine: Sequence[AnyRow], person_id: str, claim_id: str) -> Sequence[AnyRow]:
    """Return the claims that a payment may be of: what is held, else what this account claimed, else any other."""
    if claim_id:
        return [row for row in mine if row.id == claim_id]
    held = [row for row in mine if row.status == "held"]
    return held or [row for row in mine if row.person_id == person_id] or mine


def _pay_late(connection: Connection, sale: AnyRow, mine: Sequence[AnyRow], row: AnyRow, now: datetime) -> Payment:
    having = [one for one in mine if one.status in ("held", "paid")]
    held = [one.id for one in having if one.status == "held"]
    status: Literal["paid", "late"] = "paid"
    if len(having) < sale.limit_each and is_open(sale, now) and sale.available > 0:
        connection.execute(update(sales).where(sales.c.id == sale.id).values(available=sales.c.available - 1))
    elif held:  # they claimed again meanwhile: what was paid is theirs, in the place of what was not
        _mark(connection, held[:1], "released")
    else:
        status = "late"
        text = f"{row.buyer} has paid what they do not hold in sale {sale.id}, and no piece is to spare: refund it."
        leave(connection, f"late:{row.id}", "sale_late", None, text, now)
    _mark(connection, [row.id], status)
    tell(connection, status, [row.id], now)
    return Payment(status, changed=True)


def _mark(connection: Connection, ids: Sequence[str], status: str) -> None:
    connection.execute(update(claims).where(claims.c.id.in_(ids)).values(status=status))


def extend(connection: Connection, sale_id: str, person_id: str, now: datetime, claim_id: str = "") -> bool:
    """Hold on to what a person is paying for, once, for as long again; return False if there is nothing to extend.

    Args:
        claim_id: of one piece; empty for all that they hold.
    """
    buyer = buyer_of(connection, person_id)
    sale = locked_sale(connection, sale_id)
    mine = claims.c.sale_id == sale_id, claims.c.buyer == buyer.key, claims.c.status == "held"
    fresh = claims.c.extended.is_(False), claims.c.expires_at > now
    named = (claims.c.id == claim_id,) if claim_id else ()
    extended = 0
    for which, length_s in ((claims.c.place == 0, sale.hold_s), (claims.c.place > 0, sale.offer_s)):
        longer = update(claims).where(*mine, *fresh, *named, which)
        until = now + timedelta(seconds=length_s)
        extended += connection.execute(longer.values(extended=True, expires_at=until)).rowcount
    return extended > 0


def refund(connection: Connection, sale_id: str, person_id: str, now: datetime, claim_id: str = "") -> bool:
    """Record that what a person has paid was given back to them; return False if there is nothing of that kind.

    Args:
        claim_id: of one piece; empty for what they paid too late, and where there is none of it for all they paid.
    """
    buyer = buyer_of(connection, person_id)
    sale = locked_sale(connection, sale_id)
    mine = [row for row in claims_of_buyer(connection, sale_id, buyer.key) if claim_id in ("", row.id)]
    late = [row.id for row in mine if row.status == "late"]
    paid = [] if late and not claim_id else [row.id for row in mine if row.status == "paid"]
    _mark(connection, [*late, *paid], "refunded")
    if paid:
        give_back(connection, sale, len(paid), now)
    return bool(late or paid)
