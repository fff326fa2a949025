"""Stops a campaign by itself that drives people away: they say no twice as often after it as after the shop's others.

A minute after somebody has said no, each campaign that wrote to them in the day before is looked at. It is stopped if
of those whom it wrote to so many said no within a day that it is twice the shop's own share, and no chance. It is
stopped once: who lets it go on has decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, literal_column, select, update

from bot import audit
from bot.campaigns import announcing, asking, running
from bot.campaigns.announcing import OF_CAMPAIGNS
from bot.campaigns.effect import Group, wilson
from bot.campaigns.moments import PHRASES
from bot.campaigns.plans import BIRTHDAY, FESTIVAL, RECALL
from bot.campaigns.stopped import is_stopped, key_of
from bot.delivery.gate import WELCOME
from bot.delivery.standing import talks_of_person
from bot.delivery.timers import cancel
from bot.messages import ChatKind, Purpose
from bot.shop.todo import leave
from bot.store.day_after import DayAfter
from bot.store.insert import insert_once
from bot.store.tables import campaigns, consents, conversations, identities, outbox, timers

TIMER = "leaving"
WITHIN, LOOKS_AFTER = timedelta(days=1), timedelta(minutes=1)
ENOUGH = 100
"""So many have to be written to before anything is said of a campaign."""
LEAST_SHARE = 0.005
"""The shop's own share counts as this where it is less, or not known yet: below it, a few people double it."""
_NO: ColumnElement[bool] = literal_column("NOT consents.granted")
"""As its index has it: databases look for these very words."""


@dataclass(frozen=True, slots=True)
class Left:
    """How many people were written to, and how many of them said no within a day."""

    sent: int
    left: int

    @property
    def share(self) -> float:
        return self.left / self.sent if self.sent else 0.0

    def doubles(self, share: float) -> bool:
        """Return whether this is twice a share, and more than chance."""
        low, _ = wilson(Group(self.sent, self.left))
        return self.sent >= ENOUGH and self.share >= 2 * share and low > share


def said_no(connection: Connection, person_id: str, now: datetime) -> None:
    """Have the campaigns looked at that wrote to a person in the last day, who says no now."""
    query = (
        select(outbox.c.author)
        .distinct()
        .where(outbox.c.conversation_id.in_(talks_of_person()), outbox.c.author.startswith("campaign:"))
        .where(outbox.c.status == "sent", outbox.c.sent_at > now - WITHIN)
    )
    authors = connection.execute(query, {"person": person_id}).scalars()
    for kind, ident in sorted({_campaign_of(author) for author in authors}):
        if kind in _AUTHORS:
            _set_look(connection, kind, ident, now + LOOKS_AFTER)


def _set_look(connection: Connection, kind: str, ident: str, at: datetime) -> None:
    """Set the timer, unless it is set: who counts has it locked, and wants what is withdrawn from who says no."""
    key = key_of(kind, ident)
    if connection.execute(select(timers.c.id).where(timers.c.key == key)).first() is None:
        row = {"key": key, "kind": TIMER, "payload": {"kind": kind, "id": ident}, "due_at": at}
        insert_once(connection, timers, row)


def look(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the timer: count, and stop the campaign if it has to be."""
    kind, ident = payload["kind"], payload["id"]
    authors = _AUTHORS[kind](ident)
    mine = counted(connection, outbox.c.author.in_(authors))
    if not mine.doubles(LEAST_SHARE):
        return
    own = max(LEAST_SHARE, counted(connection, outbox.c.author.not_in(authors)).share)
    if not mine.doubles(own) or is_stopped(connection, kind, ident) or not _stop(connection, kind, ident, now):
        return
    found = {"sent": mine.sent, "left": mine.left, "own_share": round(own, 4)}
    audit.record(connection, audit.SYSTEM, audit.What.CAMPAIGN_STOP, f"{kind}:{ident}", now, after=found)
    text = (
        f"The {kind} {ident} was stopped: {mine.left:,} of {mine.sent:,} said no within a day of it "
        f"({mine.share:.1%}), and after the shop's other campaigns {own:.1%} do. Nobody else hears of it. "
        "Look at whom it is for and what it says."
    )
    leave(connection, key_of(kind, ident), TIMER, None, text, now)


def counted(connection: Connection, theirs: ColumnElement[bool]) -> Left:
    """Return how many people campaigns whose authors are `theirs` wrote to in private, and how many said no upon it.

    A million may have been written to, and few say no: of the two counts the second begins with these.
    """
    private = conversations.c.chat_kind == ChatKind.PRIVATE.value
    wrote = (
        theirs,
        outbox.c.author.startswith("campaign:"),
        outbox.c.author != WELCOME,
        outbox.c.purpose == Purpose.MARKETING.value,
        outbox.c.status == "sent",
    )
    hears = outbox.c.conversation_id == conversations.c.id
    whose = conversations.c.identity_id == identities.c.id
    sent = (
        select(func.count(identities.c.person_id.distinct()), func.min(outbox.c.sent_at))
        .select_from(outbox.join(conversations, hears).join(identities, whose))
        .where(OF_CAMPAIGNS, private, *wrote)
    )
    many, first_at = connection.execute(sent).one()
    if not many:
        return Left(0, 0)
    upon = (
        exists()
        .where(identities.c.person_id == consents.c.person_id, whose, hears, private, *wrote)
        .where(outbox.c.sent_at <= consents.c.at, consents.c.at < DayAfter(outbox.c.sent_at))
    )
    no = _NO, consents.c.purpose == Purpose.MARKETING.value, consents.c.at >= first_at
    left = select(func.count(consents.c.person_id.distinct())).where(*no, upon)
    return Left(many, connection.execute(left).scalar_one())


def _campaign_of(author: str) -> tuple[str, str]:
    """Return kind and id of the campaign that an author speaks for."""
    kind, _, ident = author.removeprefix("campaign:").partition(":")
    before, _, last = ident.rpartition(":")
    return kind, before if before and (kind != "sale" or last in PHRASES) else ident


def _author_of(kind: str, ident: str) -> Sequence[str]:
    return [f"campaign:{kind}:{ident}"]


_TO_SEGMENTS = (RECALL, BIRTHDAY, FESTIVAL)
_AUTHORS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "sale": announcing.authors_of,
    "vote": asking.authors_of,
    **{kind: partial(_author_of, kind) for kind in _TO_SEGMENTS},
}


def _stop(connection: Connection, kind: str, ident: str, now: datetime) -> bool:
    """Have nobody else hear of a campaign in a private chat. A sale, and a vote, goes on for who knows of it.

    Returns:
        False if nobody would have heard of it anyway.
    """
    if kind in _TO_SEGMENTS:
        status = select(campaigns.c.status).where(campaigns.c.id == ident)
        runs = connection.execute(status).scalar() == "running"
        if runs:
            running.move(connection, ident, "paused", audit.SYSTEM, now)
        return runs
    behind = cancel(connection, f"{kind}:{ident}:{'announce' if kind == 'sale' else 'more'}:")
    private = select(conversations.c.id).where(conversations.c.chat_kind == ChatKind.PRIVATE.value)
    waiting = (
        OF_CAMPAIGNS,
        outbox.c.author.in_(_AUTHORS[kind](ident)),
        outbox.c.purpose == Purpose.MARKETING.value,
        outbox.c.status == "waiting",
        outbox.c.conversation_id.in_(private),
    )
    dropped = connection.execute(update(outbox).where(*waiting).values(status="dropped", reason="too many leave"))
    return bool(behind or dropped.rowcount)
