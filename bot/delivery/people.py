"""What skills may know of the people of a batch of turns, read with a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from bot.shop.port import Customer, Shop
from bot.skills.codes import MINUTES
from bot.skills.proof import MOST_WRONG
from bot.skills.slowing import is_slow
from bot.skills.turn import FailProof, PersonView, Prove, Step
from bot.store.database import AnyRow
from bot.store.tables import identities, orders, person_measures, persons, proof_codes, proof_failures, proofs

FAILURES_COUNT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """The people of a batch, by identity."""

    rows: Mapping[str, AnyRow]
    customers: Mapping[str, Customer | None]
    proven: Mapping[str, frozenset[str]]
    trusted: Mapping[str, frozenset[str]]
    failures: Mapping[str, int]
    slowed: frozenset[str]
    codes: Mapping[str, Mapping[str, str]]
    codes_asked: Mapping[str, int]

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
            trusted=self.trusted.get(identity_id, frozenset()),
            failed_proofs=self.failures.get(identity_id, 0),
            slowed=self.slowed,
            codes=self.codes.get(identity_id, {}),
            codes_asked=self.codes_asked.get(identity_id, 0),
            measures=row.measures or {},
            keeps_measures=row.keeps_measures,
        )


# Statements are made once: making one takes longer than running it.
_WANTED: BindParameter[str] = bindparam("people", expanding=True)
_RECENT = proof_failures.c.at > bindparam("since")
_PEOPLE = (
    select(
        identities.c.id,
        identities.c.name,
        persons.c.id.label("person_id"),
        persons.c.customer_id,
        persons.c.language,
        person_measures.c.measures,
        person_measures.c.wanted.label("keeps_measures"),
    )
    .join(persons, identities.c.person_id == persons.c.id)
    .outerjoin(person_measures, person_measures.c.person_id == persons.c.id)
    .where(identities.c.id.in_(_WANTED))
)
_OF_PERSON = identities.alias("of_person")
_PROOFS = (  # those of all accounts of the same person
    select(identities.c.id, proofs.c.identity_id.label("by"), proofs.c.order_number)
    .join(_OF_PERSON, _OF_PERSON.c.person_id == identities.c.person_id)
    .join(proofs, proofs.c.identity_id == _OF_PERSON.c.id)
    .where(identities.c.id.in_(_WANTED))
)
_FAILURES = (
    select(proof_failures.c.identity_id, func.count())
    .where(proof_failures.c.identity_id.in_(_WANTED), _RECENT)
    .group_by(proof_failures.c.identity_id)
)
_GUESSED_AT = (
    select(proof_failures.c.order_number, func.count(), func.max(proof_failures.c.at))
    .where(_RECENT)
    .group_by(proof_failures.c.order_number)
    .having(func.count() >= MOST_WRONG)
)
_GUESSES = select(func.count(), func.max(proof_failures.c.at)).where(
    proof_failures.c.order_number == bindparam("number"), _RECENT
)
_CODES = (
    select(proof_codes.c.identity_id, proof_codes.c.order_number, proof_codes.c.hash, proof_codes.c.made_at)
    .where(proof_codes.c.identity_id.in_(_WANTED), proof_codes.c.asked_at > bindparam("since"))
    .order_by(proof_codes.c.id)
)


def is_outguessed(connection: Connection, step: Step, person: PersonView, now: datetime) -> bool:
    """Return whether the last wrong answers about an order came while this turn was thought: it is thought anew.

    The order stays locked until the transaction ends, so that of answers given at once no more are heard than of
    answers given one after the other.
    """
    for effect in step.effects:
        if not isinstance(effect, Prove | FailProof):
            continue
        number = effect.order_number
        if number in person.slowed:  # this turn knew: it was no guess
            continue
        connection.execute(select(orders.c.number).where(orders.c.number == number).with_for_update())
        times, last = connection.execute(_GUESSES, {"number": number, "since": now - FAILURES_COUNT_FOR}).one()
        if is_slow(times, last, MOST_WRONG, now):
            return True
    return False


def known_people(connection: Connection, identity_ids: Sequence[str], shop: Shop, now: datetime) -> Known:
    """Return what skills may know of the people behind `identity_ids`."""
    wanted = sorted(set(identity_ids))
    people = {"people": wanted}
    since = {"since": now - FAILURES_COUNT_FOR}
    rows = connection.execute(_PEOPLE, people).all()
    proven: defaultdict[str, set[str]] = defaultdict(set)
    trusted: defaultdict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_PROOFS, people):
        trusted[row.id].add(row.order_number)
        if row.by == row.id:
            proven[row.id].add(row.order_number)
    codes: defaultdict[str, dict[str, str]] = defaultdict(dict)
    asked: Counter[str] = Counter()
    for code in connection.execute(_CODES, people | since):
        asked[code.identity_id] += 1
        if code.hash and code.made_at is not None and now - code.made_at < timedelta(minutes=MINUTES):
            codes[code.identity_id][code.order_number] = code.hash
    return Known(
        rows={str(row.id): row for row in rows},
        customers={row.customer_id: shop.customer(row.customer_id) for row in rows if row.customer_id},
        proven={identity_id: frozenset(numbers) for identity_id, numbers in proven.items()},
        trusted={identity_id: frozenset(numbers) for identity_id, numbers in trusted.items()},
        failures=dict(connection.execute(_FAILURES, people | since).all()),
        codes=codes,
        codes_asked=asked,
        slowed=frozenset(
            number
            for number, times, last in connection.execute(_GUESSED_AT, since)
            if is_slow(times, last, MOST_WRONG, now)
        ),
    )
