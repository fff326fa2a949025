"""Votes of people: one each over all their accounts, the newest counts, until the vote is closed.

A ballot is kept for each person. People who turn out to be the same customer are counted together by what they chose
last, so that a merge needs no change here, and neither does one that is undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from bot.errors import NotFound
from bot.store.database import AnyRow
from bot.store.tables import ballots, identities, person_tags, persons, votes

Outcome = Literal["voted", "changed", "same", "taken_back", "superseded", "not_open"]


@dataclass(frozen=True, slots=True)
class Voter:
    """Who votes, and by which account."""

    person_id: str
    identity_id: str


@dataclass(frozen=True, slots=True)
class Cast:
    """What came of a vote; `entry` is its number in the draw, 0 where there is none.

    `superseded`: the same customer has voted later already, and that stands.
    """

    outcome: Outcome
    entry: int = 0


_VOTE = select(votes).where(votes.c.id == bindparam("vote"))
_OPEN = select(votes.c.id).where(votes.c.status == "open").order_by(votes.c.id).with_for_update()
_OTHER = persons.alias("other")
_CUSTOMER = select(_OTHER.c.customer_id).where(_OTHER.c.id == bindparam("person")).scalar_subquery()
_SAME = select(persons.c.id).where(or_(persons.c.id == bindparam("person"), persons.c.customer_id == _CUSTOMER))
_THEIRS = (
    select(ballots)
    .where(ballots.c.vote_id == bindparam("vote"), ballots.c.person_id.in_(_SAME))
    .order_by(ballots.c.voted_at.desc(), ballots.c.entry.desc())
)


def vote_of(connection: Connection, vote_id: str) -> AnyRow:
    """Return a vote's row.

    Raises:
        NotFound: there is no such vote.
    """
    return _found(connection.execute(_VOTE, {"vote": vote_id}).one_or_none(), vote_id)


def locked_vote(connection: Connection, vote_id: str) -> AnyRow:
    """Return a vote's row, locked until the transaction ends.

    Raises:
        NotFound: there is no such vote.
    """
    return _found(connection.execute(_VOTE.with_for_update(), {"vote": vote_id}).one_or_none(), vote_id)


def _found(row: AnyRow | None, vote_id: str) -> AnyRow:
    if row is None:
        raise NotFound(f"There is no vote {vote_id}. Look at `zhanggui votes list` for the ones there are.")
    return row


def is_open(vote: AnyRow, at: datetime) -> bool:
    """Return whether votes are taken that were given `at` this time."""
    return bool(vote.status == "open" and at < vote.ends_at)


def cast(connection: Connection, vote_id: str, option: str, voter: Voter, at: datetime) -> Cast:
    """Take a vote, change one, or take one back with an empty `option`: only by the account by which it was made.

    Args:
        at: when it was given: what was given in time counts however late it is handled, until the vote is closed.

    Raises:
        NotFound: there is no such vote.
    """
    vote = locked_vote(connection, vote_id)
    if not is_open(vote, at) or (option and option not in {one["id"] for one in vote.options}):
        return Cast("not_open")
    theirs = ballots_of(connection, vote_id, voter.person_id)
    mine = next((row for row in theirs if row.person_id == voter.person_id), None)
    newest = next((row for row in theirs if row.option), None)
    if any(at < row.voted_at for row in (mine, newest) if row is not None):
        return Cast("superseded")
    if not option:
        others = next((row for row in theirs if row.option and row.person_id != voter.person_id), None)
        return _take_back(connection, vote, mine, voter, others, at)
    if newest is not None and newest is mine and mine.option == option:
        return Cast("same", mine.entry)
    entry = mine.entry if mine is not None else vote.last_entry + 1
    row = {"identity_id": voter.identity_id, "option": option, "voted_at": at}
    if mine is None:
        connection.execute(update(votes).where(votes.c.id == vote_id).values(last_entry=entry))
        whose = {"vote_id": vote_id, "person_id": voter.person_id, "entry": entry}
        connection.execute(ballots.insert().values(**whose, **row))
    else:
        connection.execute(update(ballots).where(*_is(mine)).values(row))
    _tag(connection, vote, option, voter.person_id, at)
    return Cast("changed" if newest is not None else "voted", entry)


def ballots_of(connection: Connection, vote_id: str, person_id: str) -> Sequence[AnyRow]:
    """Return the ballots of everybody who is this person, the newest in front."""
    return connection.execute(_THEIRS, {"vote": vote_id, "person": person_id}).all()


def same_customers(connection: Connection, people: Sequence[str]) -> dict[str, list[str]]:
    """Return by person everybody who is the same customer, the person included."""
    same = or_(_OTHER.c.id == persons.c.id, _OTHER.c.customer_id == persons.c.customer_id)
    query = select(persons.c.id, _OTHER.c.id.label("other")).join(_OTHER, same).where(persons.c.id.in_(people))
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(persons.c.id, _OTHER.c.id)):
        found.setdefault(row.id, []).append(row.other)
    return found


def _take_back(
    connection: Connection, vote: AnyRow, mine: AnyRow | None, voter: Voter, others: AnyRow | None, at: datetime
) -> Cast:
    """Take `mine` back; what the same customer has chosen as somebody else, `others`, counts again."""
    if mine is None or not mine.option or mine.identity_id != voter.identity_id:
        return Cast("same")  # what was voted elsewhere since then stands
    connection.execute(update(ballots).where(*_is(mine)).values(option="", voted_at=at))
    if others is not None:
        _tag(connection, vote, others.option, others.person_id, others.voted_at)
    else:
        _untag(connection, vote.id, [voter.person_id])
    return Cast("taken_back", mine.entry)


def _is(row: AnyRow) -> tuple[Any, Any]:
    return ballots.c.vote_id == row.vote_id, ballots.c.person_id == row.person_id


def source_of(vote_id: str) -> str:
    """Return from where a tag is that a vote gave."""
    return f"vote:{vote_id}"


def _tag(connection: Connection, vote: AnyRow, option: str, person_id: str, now: datetime) -> None:
    """Give the person the tag of what they chose, in the place of what they or another account chose before."""
    same = list(connection.execute(_SAME, {"person": person_id}).scalars())
    _untag(connection, vote.id, same)
    tag = next(one["tag"] for one in vote.options if one["id"] == option)
    row = {"person_id": person_id, "tag": tag, "source": source_of(vote.id), "at": now}
    connection.execute(person_tags.insert().values(row))


def _untag(connection: Connection, vote_id: str, people: Sequence[str]) -> None:
    of_vote = person_tags.c.person_id.in_(people), person_tags.c.source == source_of(vote_id)
    connection.execute(delete(person_tags).where(*of_vote))


def counting(connection: Connection, vote: AnyRow) -> Sequence[AnyRow]:
    """Return the ballots that count (entry, option, person_id, channel, whose), by number: as of now, or of the close.

    `whose` is the customer, or the person who is none; null where they were erased.
    """
    who = func.coalesce("customer:" + persons.c.customer_id, "person:" + persons.c.id)
    newest = (ballots.c.voted_at.desc(), ballots.c.entry.desc())
    ranked = (
        select(
            ballots.c.entry,
            ballots.c.option,
            ballots.c.person_id,
            ballots.c.counted,
            ballots.c.place,
            identities.c.channel,
            who.label("whose"),
            func.row_number().over(partition_by=who, order_by=newest).label("nth"),
        )
        .outerjoin(persons, ballots.c.person_id == persons.c.id)
        .outerjoin(identities, ballots.c.identity_id == identities.c.id)
        .where(ballots.c.vote_id == vote.id, ballots.c.option != "")
        .subquery()
    )
    counts = ranked.c.counted if vote.status in ("closed", "drawn") else ranked.c.nth == 1
    return connection.execute(select(ranked).where(counts).order_by(ranked.c.entry)).all()


def forget(connection: Connection, people: Sequence[str]) -> None:
    """Forget what people have chosen: of a vote that is open it is taken out, else it stays as a number of nobody.

    The votes that are open stay locked: what was voted at the same moment is seen, and nothing comes after it.
    """
    connection.execute(_OPEN)
    query = select(ballots.c.vote_id).where(ballots.c.person_id.in_(people)).distinct()
    for vote_id in sorted(connection.execute(query).scalars()):
        theirs = ballots.c.vote_id == vote_id, ballots.c.person_id.in_(people)
        if locked_vote(connection, vote_id).status == "open":
            connection.execute(delete(ballots).where(*theirs))
        else:
            connection.execute(update(ballots).where(*theirs).values(person_id=None, identity_id=None))
