"""The life of a trial vote: planned, opened, closed, drawn. What people choose: `bot.campaigns.ballots`.

draft → planned → open → closed → drawn, or cancelled before it is closed.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, select, update

from bot import audit
from bot.campaigns import asking
from bot.campaigns.announcing import OF_CAMPAIGNS
from bot.campaigns.ballots import counting, locked_vote
from bot.campaigns.draw import drawn
from bot.campaigns.planning import approver, digest
from bot.campaigns.reach import reach
from bot.campaigns.vote_words import VoteWords
from bot.delivery.timers import cancel, set_timer
from bot.errors import Conflict, NotAllowed
from bot.messages import ChatKind
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import ballots, conversations, inbox, outbox, votes

OPEN, CLOSE = "vote_open", "vote_close"
"""Kinds of timers."""
BEFORE = ("draft", "planned")
WAITS_FOR, LOOKS_AGAIN = timedelta(minutes=10), timedelta(seconds=5)
"""How long a vote stays open behind its end for what came in time and is not handled yet, and how often it looks."""


def put_plan(
    connection: Connection, vote_id: str, values: dict[str, Any], seed: str, made_by: str, now: datetime
) -> None:
    """Put a draft, in the place of one of the same id that nobody approved or started.

    Args:
        values: columns of `votes`.
        seed: of the draw; nobody may know it before it is over.

    Raises:
        Conflict: that vote is planned already, or has begun.
    """
    audit.record(connection, made_by, audit.What.CAMPAIGN_PLAN, f"vote:{vote_id}", now)
    row = {**values, "seed": seed, "made_by": made_by, "approved_by": ""}
    if insert_once(connection, votes, {"id": vote_id, **row, "status": "draft"}):
        return
    draft = votes.c.id == vote_id, votes.c.status == "draft"
    if not connection.execute(update(votes).where(*draft).values(row)).rowcount:
        raise Conflict(f"Vote {vote_id} was approved or started. Plan it under another id.")


def approve(connection: Connection, vote_id: str, login: str, seen: str, now: datetime) -> None:
    """Approve a vote that somebody else has planned, and have it open at its time.

    Args:
        seen: the `digest` of what they looked at.

    Raises:
        NotAllowed: the agent is no lead or administrator, or has planned it.
        Conflict: it is no draft with a time to come, or not as they have seen it.
    """
    who = approver(connection, login)
    vote = locked_vote(connection, vote_id)
    if vote.made_by == who:
        raise NotAllowed(f"{login} has planned vote {vote_id}. Somebody else has to approve it.")
    if seen != digest(vote):
        raise Conflict(f"Vote {vote_id} was changed meanwhile. Look at it again.")
    connection.execute(update(votes).where(votes.c.id == vote_id).values(approved_by=who))
    schedule(connection, locked_vote(connection, vote_id), who, now)


def check_approved(connection: Connection, vote: AnyRow, most_alone: int, now: datetime) -> None:
    """Refuse what many would hear and nobody else has looked at.

    Args:
        most_alone: so many may hear of a vote that only one person has planned.

    Raises:
        NotAllowed: it has to be approved first.
    """
    heard_by = sum(one.recipients for one in reach(connection, vote.audiences, now))
    if not vote.approved_by and heard_by > most_alone:
        raise NotAllowed(
            f"{heard_by:,} would hear of vote {vote.id}, more than {most_alone:,}. "
            f"Somebody else has to look at it: zhanggui votes approve {vote.id} --by LOGIN"
        )


def schedule(connection: Connection, vote: AnyRow, who: str, now: datetime) -> None:
    """Have a locked draft open by itself at its time.

    Raises:
        Conflict: it is no draft with a time to come.
    """
    if vote.status != "draft" or vote.starts_at <= now:
        raise Conflict(f"Vote {vote.id} is no draft with a time to come. Plan it anew with another id or time.")
    _set(connection, vote.id, status="planned")
    audit.record(connection, who, audit.What.CAMPAIGN_START, f"vote:{vote.id}", now, after={"at": str(vote.starts_at)})
    set_timer(connection, f"vote:{vote.id}:open", OPEN, {"vote_id": vote.id}, vote.starts_at)


def open_planned(connection: Connection, vote_id: str, words: VoteWords, now: datetime) -> None:
    """Open a vote whose time has come."""
    vote = locked_vote(connection, vote_id)
    if vote.status == "planned":
        _open(connection, vote, words, audit.SYSTEM, now)


def start(connection: Connection, vote_id: str, words: VoteWords, now: datetime, who: str) -> int:
    """Open a vote now, whenever it was planned to begin. Return how many announcements were stored.

    Raises:
        NotFound: there is no such vote, or the bot has never met one of the chats.
        Conflict: it is open or over, or its end is past.
    """
    cancel(connection, f"vote:{vote_id}:")  # timers first: who fires one has its row and wants the vote's
    vote = locked_vote(connection, vote_id)
    if vote.status not in BEFORE or vote.ends_at <= now:
        raise Conflict(f"Vote {vote_id} was started before, or its end is past. Plan it anew under another id.")
    return _open(connection, vote, words, who, now)


def _open(connection: Connection, vote: AnyRow, words: VoteWords, who: str, now: datetime) -> int:
    _set(connection, vote.id, status="open", starts_at=now)
    audit.record(connection, who, audit.What.CAMPAIGN_START, f"vote:{vote.id}", now)
    set_timer(connection, f"vote:{vote.id}:close", CLOSE, {"vote_id": vote.id}, vote.ends_at)
    vote = locked_vote(connection, vote.id)
    return sum(asking.ask_on(connection, vote, place, "", words, now) for place in range(len(vote.audiences)))


def end(connection: Connection, vote_id: str, words: VoteWords, now: datetime) -> None:
    """Close a vote whose end has come, as soon as everything is handled that came before it."""
    vote = locked_vote(connection, vote_id)
    if vote.status == "open" and now < vote.ends_at + WAITS_FOR and _is_behind(connection, vote.ends_at):
        set_timer(connection, f"vote:{vote_id}:close", CLOSE, {"vote_id": vote_id}, now + LOOKS_AGAIN)
    else:
        close(connection, vote_id, words, now)


def _is_behind(connection: Connection, ends_at: datetime) -> bool:
    """Return whether a message of a customer that came before `ends_at` waits for its turn."""
    waits = (
        conversations.c.last_seq > conversations.c.done_seq,
        conversations.c.chat_kind != ChatKind.STAFF.value,
        inbox.c.conversation_id == conversations.c.id,
        inbox.c.seq > conversations.c.done_seq,
        inbox.c.received_at < ends_at,
    )
    return bool(connection.execute(select(exists().where(*waits))).scalar())


def close(connection: Connection, vote_id: str, words: VoteWords, now: datetime, who: str = audit.SYSTEM) -> bool:
    """End a vote: what counts is fixed, its polls take no more votes, and the groups hear the result.

    Returns:
        False if it was not open.
    """
    vote = locked_vote(connection, vote_id)
    if vote.status != "open":
        return False
    found = counting(connection, vote)
    entries = [row.entry for row in found]
    connection.execute(update(ballots).where(ballots.c.vote_id == vote_id).values(counted=False))
    of_vote = ballots.c.vote_id == vote_id
    for begin in range(0, len(entries), 500):  # a statement takes only so many values
        some = ballots.c.entry.in_(entries[begin : begin + 500])
        connection.execute(update(ballots).where(of_vote, some).values(counted=True))
    _set(connection, vote_id, status="closed", ends_at=min(now, vote.ends_at))
    audit.record(connection, who, audit.What.CAMPAIGN_STOP, f"vote:{vote_id}", now, after={"status": "closed"})
    waiting = OF_CAMPAIGNS, outbox.c.author == asking.author_of(vote_id), outbox.c.status == "waiting"
    connection.execute(update(outbox).where(*waiting).values(status="dropped", reason="vote closed"))
    asking.end_polls(connection, vote_id, now)
    asking.tell_result(connection, vote, Counter(row.option for row in found), entries, words, now)
    return True


def draw(
    connection: Connection, vote_id: str, words: VoteWords, who: str, default_language: str, now: datetime
) -> list[int]:
    """Draw the winners of a closed vote, publish the seed, and tell the groups and the winners. Return their numbers.

    Raises:
        Conflict: it is not closed, was drawn before, or has no prize.
    """
    vote = locked_vote(connection, vote_id)
    if vote.status != "closed" or not vote.winners:
        raise Conflict(
            f"Vote {vote_id} is {vote.status} with {vote.winners} winners: only a closed one is drawn, once."
        )
    found = {row.entry: row for row in counting(connection, vote)}
    came = drawn(vote.seed, {entry: row.whose or "" for entry, row in found.items()}, vote.winners)
    for place, entry in [*enumerate(came.winners, 1), *((0, entry) for entry in came.passed_over)]:
        of_entry = ballots.c.vote_id == vote_id, ballots.c.entry == entry
        connection.execute(update(ballots).where(*of_entry).values(place=place))
    _set(connection, vote_id, status="drawn")
    audit.record(connection, who, audit.What.CAMPAIGN_STOP, f"vote:{vote_id}", now, after={"status": "drawn"})
    asking.tell_winners(connection, vote, came, list(found), words, now)
    asking.tell_each(connection, vote, [found[entry] for entry in came.winners], words, default_language, now)
    return list(came.winners)


def _set(connection: Connection, vote_id: str, **values: object) -> None:
    connection.execute(update(votes).where(votes.c.id == vote_id).values(values))


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return all votes for a list, the newest first."""
    columns = [votes.c[name] for name in ("id", "status", "last_entry", "winners", "starts_at", "ends_at")]
    query = select(*columns).order_by(votes.c.starts_at.desc(), votes.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]
