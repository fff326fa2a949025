"""Does what a turn wants done, inside the turn's own transaction, and returns what is then to be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bot.campaigns import flash
from bot.clock import IdMaker
from bot.shop.changes import open_return
from bot.skills.turn import Claim, Effect, FailProof, OpenReturn, PersonView, Prove, Say, SetConsent
from bot.store.insert import insert_once
from bot.store.tables import consents, proof_failures, proofs

REACH_EVERYWHERE = "*"


def apply(
    connection: Connection, effects: Sequence[Effect], person: PersonView, channel: str, now: datetime, new_id: IdMaker
) -> list[Say]:
    """Apply `effects` in order. Return what came of them, in words."""
    says: list[Say] = []
    for effect in effects:
        match effect:
            case Prove(order_number):
                row = {"identity_id": person.identity_id, "order_number": order_number, "proven_at": now}
                insert_once(connection, proofs, row)
            case FailProof(order_number):
                failure = {"identity_id": person.identity_id, "order_number": order_number, "at": now}
                connection.execute(proof_failures.insert().values(failure))
            case OpenReturn():
                number = open_return(connection, effect.order_number, effect.line_id, effect.reason, now, new_id)
                says.append(replace(effect.said, fields={**effect.said.fields, "case.number": number}))
            case Claim():
                says.append(_claim(connection, effect, person, now, new_id))
            case SetConsent():
                set_consent(connection, person.person_id, channel, effect, now)
    return says


def _claim(connection: Connection, effect: Claim, person: PersonView, now: datetime, new_id: IdMaker) -> Say:
    claimed = flash.claim(connection, effect.sale_id, person.person_id, now, new_id)
    said = effect.said[claimed.outcome]
    minutes = round((claimed.expires_at - now).total_seconds() / 60) if claimed.expires_at else 0
    return replace(said, fields={**said.fields, "sale.left": str(claimed.left), "claim.minutes": str(minutes)})


def set_consent(connection: Connection, person_id: str, channel: str, wish: SetConsent, now: datetime) -> None:
    """Store a yes for the channel it was said on; a no counts on every channel."""
    connection.execute(
        consents.insert().values(
            person_id=person_id,
            channel=channel if wish.granted else REACH_EVERYWHERE,
            purpose="marketing",
            granted=wish.granted,
            proof=wish.proof,
            at=now,
        )
    )
