"""Who holds a piece of a sale, has paid one or waits for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from bot.campaigns.claiming import LOST
from bot.campaigns.line import sale_of
from bot.store.tables import claims, identities, persons


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
