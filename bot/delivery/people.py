"""What skills may know of the people of a batch of turns, read with a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from bot.shop.port import Customer, Shop
from bot.skills.turn import PersonView
from bot.store.database import AnyRow
from bot.store.tables import identities, persons, proof_failures, proofs

FAILURES_COUNT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """The people of a batch, by identity."""

    rows: Mapping[str, AnyRow]
    customers: Mapping[str, Customer | None]
    proven: Mapping[str, frozenset[str]]
    failures: Mapping[str, int]
    failures_by_order: Mapping[str, int]

    def person(self, identity_id: str) -> PersonView:
        row = self.rows[identity_id]
        customer = self.customers.get(row.customer_id)
        return PersonView(
            identity_id=identity_id,
            person_id=row.person_id,
            name=customer.name if customer else row.name,
            language=row.language,
            customer_id=row.customer_id,
            tier=customer.tier if customer else "regular",
            proven=self.proven.get(identity_id, frozenset()),
            failed_proofs=self.failures.get(identity_id, 0),
            failed_by_order=self.failures_by_order,
        )


# Statements are made once: making one takes longer than running it.
_WANTED: BindParameter[str] = bindparam("people", expanding=True)
_RECENT = proof_failures.c.at > bindparam("since")
_PEOPLE = (
    select(
        identities.c.id, identities.c.name, persons.c.id.label("person_id"), persons.c.customer_id, persons.c.language
    )
    .join(persons, identities.c.person_id == persons.c.id)
    .where(identities.c.id.in_(_WANTED))
)
_PROOFS = select(proofs.c.identity_id, proofs.c.order_number).where(proofs.c.identity_id.in_(_WANTED))
_FAILURES = (
    select(proof_failures.c.identity_id, func.count())
    .where(proof_failures.c.identity_id.in_(_WANTED), _RECENT)
    .group_by(proof_failures.c.identity_id)
)
_FAILURES_BY_ORDER = (
    select(proof_failures.c.order_number, func.count()).where(_RECENT).group_by(proof_failures.c.order_number)
)


def known_people(connection: Connection, identity_ids: Sequence[str], shop: Shop, now: datetime) -> Known:
    """Return what skills may know of the people behind `identity_ids`."""
    wanted = sorted(set(identity_ids))
    people = {"people": wanted}
    since = {"since": now - FAILURES_COUNT_FOR}
    rows = connection.execute(_PEOPLE, people).all()
    proven: defaultdict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_PROOFS, people):
        proven[row.identity_id].add(row.order_number)
    return Known(
        rows={str(row.id): row for row in rows},
        customers={row.customer_id: shop.customer(row.customer_id) for row in rows if row.customer_id},
        proven={identity_id: frozenset(numbers) for identity_id, numbers in proven.items()},
        failures=dict(connection.execute(_FAILURES, people | since).all()),
        failures_by_order=dict(connection.execute(_FAILURES_BY_ORDER, since).all()),
    )
