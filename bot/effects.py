"""Does what a turn wants done, inside the turn's own transaction, and returns what is then to be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select, update

from bot import csat
from bot.campaigns import claiming, leaving
from bot.campaigns.asking import vote_of_message
from bot.campaigns.ballots import Voter, ballots_of, cast, is_open, vote_of
from bot.campaigns.telling import link_of, minutes_left
from bot.clock import IdMaker
from bot.delivery.complaints import Clocks, complain
from bot.delivery.touches import withdraw_marketing
from bot.messages import Purpose
from bot.shop import codes, price_watch
from bot.shop.embedded import Asked, Carry, carry_out
from bot.shop.promises import promise
from bot.shop.todo import leave
from bot.skills.turn import (
    Claim,
    Complain,
    Do,
    Effect,
    FailProof,
    KeepMeasures,
    LookAgain,
    Note,
    PersonView,
    Prove,
    Rate,
    Say,
    SendCode,
    SetConsent,
)
from bot.skills.vote_effects import CastVote, PollVote, SeeVote
from bot.store.insert import insert_once
from bot.store.tables import consents, conversations, person_measures, proof_failures, proofs
from bot.voice import Speak

REACH_EVERYWHERE = "*"


def apply(
    connection: Connection,
    effects: Sequence[Effect],
    person: PersonView,
    channel: str,
    now: datetime,
    new_id: IdMaker,
    speak: Speak,
    carry: Carry = carry_out,
) -> list[Say]:
    """Apply `effects` in order. Return what came of them, in words.

    Args:
        speak: puts into words what leaves by another road than the answer.
        carry: has the shop do something; the embedded shop unless another one is given.
    """
    says: list[Say] = []
    for effect in effects:
        match effect:
            case Prove(order_number):
                row = {"identity_id": person.identity_id, "order_number": order_number, "proven_at": now}
                insert_once(connection, proofs, row)
                codes.use_up(connection, person.identity_id, order_number)
            case FailProof(order_number):
                failure = {"identity_id": person.identity_id, "order_number": order_number, "at": now}
                connection.execute(proof_failures.insert().values(failure))
            case SendCode(order_number, subject, text):
                mail = speak([subject]), speak([text])
                codes.ask(connection, person.identity_id, order_number, mail, now, new_id)
            case Do():
                asked = Asked(_talk(connection, person, channel), now, new_id, effect.said)
                carried = carry(connection, effect.command, asked)
                said = effect.said[carried.outcome]
                says.append(replace(said, fields={**said.fields, **carried.fields}))
            case LookAgain(order_number):
                if (talk_id := _talk(connection, person, channel)) is not None:
                    promise(connection, talk_id, order_number, now)
            case Claim():
                says += _claim(connection, effect, person, now, new_id)
            case CastVote():
                says += _cast(connection, effect, person, now)
            case SeeVote():
                says += _see(connection, effect, person, now)
            case PollVote():
                _take_poll(connection, effect, person)
            case SetConsent():
                set_consent(connection, person.person_id, channel, effect, now)
            case KeepMeasures() if person.person_id:
                keep_measures(connection, person.person_id, effect, now)
            case Complain(text, answer_h, solve_h):
                talk_id = _talk(connection, person, channel)
                complain(connection, f"complaint:{new_id()}", talk_id, text, Clocks(answer_h, solve_h), now)
            case Rate():
                _rate(connection, effect, person, channel, now)
            case Note():
                _leave(connection, effect, person, channel, now, new_id)
    return says


def _talk(connection: Connection, person: PersonView, channel: str) -> str | None:
    """Return the conversation in which this person speaks."""
    said_in = conversations.c.identity_id == person.identity_id, conversations.c.channel == channel
    return connection.execute(select(conversations.c.id).where(*said_in).limit(1)).scalar()


def _leave(
    connection: Connection, note: Note, person: PersonView, channel: str, now: datetime, new_id: IdMaker
) -> None:
    """Make a task of what the customer said, with the conversation beside it."""
    talk_id = _talk(connection, person, channel)
    leave(connection, f"{note.kind}:{note.key or new_id()}", note.kind, talk_id, note.text, now)


def _rate(connection: Connection, rate: Rate, person: PersonView, channel: str, now: datetime) -> None:
    """Keep a score; a low one is a task, to which the words that follow are added."""
    talk_id = _talk(connection, person, channel)
    if talk_id is not None and csat.keep(connection, talk_id, rate, now) and rate.low:
        csat.look_into(connection, talk_id, rate, now)


def _claim(connection: Connection, effect: Claim, person: PersonView, now: datetime, new_id: IdMaker) -> list[Say]:
    claimed = claiming.claim(connection, effect.sale_id, person.person_id, now, new_id)
    found = {
        "sale.left": str(claimed.left),
        "claim.minutes": str(minutes_left(claimed.expires_at, now)),
        "claim.place": str(claimed.place),
        "claim.link": link_of(effect.pay_url, claimed.claim_id),
    }
    said = effect.said[claimed.outcome]
    says = [replace(said, fields={**said.fields, **found})]
    if effect.pay_url and claimed.expires_at is not None:
        says.append(Say("sales.pay", found))
    return says


def _cast(connection: Connection, effect: CastVote, person: PersonView, now: datetime) -> list[Say]:
    vote = vote_of(connection, effect.vote_id)
    came = cast(connection, effect.vote_id, effect.option, Voter(person.person_id, person.identity_id), effect.at)
    if came.outcome == "superseded":
        return _see(connection, effect.stands, person, now)
    return [effect.said[came.outcome], *_number(vote.winners, came.entry)]


def _number(winners: int, entry: int) -> list[Say]:
    return [Say("votes.number", {"vote.entry": str(entry)})] if winners and entry else []


def _see(connection: Connection, effect: SeeVote, person: PersonView, now: datetime) -> list[Say]:
    vote = vote_of(connection, effect.vote_id)
    theirs = [row for row in ballots_of(connection, vote.id, person.person_id) if row.option]
    mine = next((row for row in theirs if row.place), theirs[0] if theirs else None)
    if mine is None:
        return [effect.said["ask" if is_open(vote, now) else "over"]]
    won = bool(mine.place)
    said = effect.said["won" if won else "yours"]
    found = {"vote.option": effect.labels.get(mine.option, ""), "vote.entry": str(mine.entry)}
    return [replace(said, fields={**said.fields, **found}), *([] if won else _number(vote.winners, mine.entry))]


def _take_poll(connection: Connection, effect: PollVote, person: PersonView) -> None:
    """Take what somebody chose in a poll. It takes one option; nobody is answered: the poll itself shows the vote."""
    vote_id = vote_of_message(effect.message_id)
    if not vote_id:
        return  # a poll of something else
    options = vote_of(connection, vote_id).options
    first = effect.options.partition(",")[0]
    chosen = options[int(first)]["id"] if first and int(first) < len(options) else ""
    cast(connection, vote_id, chosen, Voter(person.person_id, person.identity_id), effect.at)


def keep_measures(connection: Connection, person_id: str, wish: KeepMeasures, now: datetime) -> None:
    """Put what is remembered of a person's measures in the place of what was."""
    row = {"wanted": wish.wanted, "measures": dict(wish.measures) if wish.wanted else {}, "at": now}
    if not insert_once(connection, person_measures, {"person_id": person_id, **row}):
        connection.execute(update(person_measures).where(person_measures.c.person_id == person_id).values(row))


def set_consent(connection: Connection, person_id: str, channel: str, wish: SetConsent, now: datetime) -> None:
    """Store a yes to marketing for the channel it was said on; a no, and what is said of parcels, counts on all.

    A no to marketing withdraws what waits to be sent, on every channel of the person, in this transaction.
    """
    here = wish.granted and wish.purpose == "marketing"
    connection.execute(
        consents.insert().values(
            person_id=person_id,
            channel=channel if here else REACH_EVERYWHERE,
            purpose=wish.purpose,
            granted=wish.granted,
            proof=wish.proof,
            text_version=wish.version,
            at=now,
        )
    )
    if wish.purpose == Purpose.MARKETING and not wish.granted:
        withdraw_marketing(connection, person_id, "refused_by_customer", now)
        leaving.said_no(connection, person_id, now)
        price_watch.unwatch_all_of(connection, person_id)
