"""Stops a campaign by itself that drives people away: they say no twice as often after it as after the shop's others.

A minute after somebody has said no, each campaign that wrote to them in the day before is looked at. It is stopped if
of those whom it wrote to so many said no within a day that it is twice the shop's own share, and no chance. It is
stopped once: who lets it go on has decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal_column, select, update

from bot import audit
from bot.campaigns import announcing, asking, running
from bot.campaigns.announcing import OF_CAMPAIGNS
from bot.campaigns.effect import Group, wilson
from bot.campaigns.moments import PHRASES
from bot.campaigns.plans import BIRTHDAY, FESTIVAL, RECALL
from bot.delivery.standing import everybody
from bot.delivery.timers import cancel, set_timer_once
from bot.messages import ChatKind, Purpose
from bot.shop.todo import leave
from bot.store.tables import campaigns, consents, conversations, identities, outbox, tasks

TIMER = "leaving"
WITHIN, LOOKS_AFTER = timedelta(days=1), timedelta(minutes=1)
ENOUGH = 100
"""So many have to be written to before anything is said of a campaign."""
AT_ONCE = 500
"""A statement takes only so many values."""
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
    talks = (
        select(conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .where(identities.c.person_id.in_(everybody()))
    )
    query = (
        select(outbox.c.author)
        .distinct()
        .where(outbox.c.conversation_id.in_(talks), outbox.c.author.startswith("campaign:"))
        .where(outbox.c.status == "sent", outbox.c.sent_at > now - WITHIN)
    )
    authors = connection.execute(query, {"person": person_id}).scalars()
    for kind, ident in sorted({_campaign_of(author) for author in authors}):
        if kind in _AUTHORS:
            payload = {"kind": kind, "id": ident}
            set_timer_once(connection, f"{TIMER}:{kind}:{ident}", TIMER, payload, now + LOOKS_AFTER)


def look(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the timer: count, and stop the campaign if it has to be."""
    kind, ident = payload["kind"], payload["id"]
    key, authors = f"{TIMER}:{kind}:{ident}", _AUTHORS[kind](ident)
    mine = counted(connection, outbox.c.author.in_(authors))
    if not mine.doubles(LEAST_SHARE):
        return
    own = max(LEAST_SHARE, counted(connection, outbox.c.author.not_in(authors)).share)
    if not mine.doubles(own) or connection.execute(select(tasks.c.id).where(tasks.c.key == key)).first() is not None:
        return
    _stop(connection, kind, ident, now)
    found = {"sent": mine.sent, "left": mine.left, "own_share": round(own, 4)}
    audit.record(connection, audit.SYSTEM, audit.What.CAMPAIGN_STOP, f"{kind}:{ident}", now, after=found)
    text = (
        f"The {kind} {ident} was stopped: {mine.left:,} of {mine.sent:,} said no within a day of it "
        f"({mine.share:.1%}), and after the shop's other campaigns {own:.1%} do. Nobody else hears of it. "
        "Look at whom it is for and what it says."
    )
    leave(connection, key, TIMER, None, text, now)


def counted(connection: Connection, theirs: ColumnElement[bool]) -> Left:
    """Return how many were written to by the campaigns whose authors are `theirs`, and how many said no upon it.

    A million may have been written to, and few say no: it begins with these.
    """
    sent = select(func.count()).where(OF_CAMPAIGNS, theirs, outbox.c.status == "sent").select_from(outbox)
    marketing = consents.c.purpose == Purpose.MARKETING.value
    nos = connection.execute(select(consents.c.person_id, consents.c.at).where(_NO, marketing)).all()
    left: set[str] = set()
    for begin in range(0, len(nos), AT_ONCE):
        said_at = nos[begin : begin + AT_ONCE]
        heard = (
            select(identities.c.person_id, outbox.c.sent_at)
            .join(conversations, conversations.c.identity_id == identities.c.id)
            .join(outbox, outbox.c.conversation_id == conversations.c.id)
            .where(identities.c.person_id.in_({row.person_id for row in said_at}))
            .where(theirs, outbox.c.author.startswith("campaign:"), outbox.c.status == "sent")
        )
        told = defaultdict[str, list[datetime]](list)
        for row in connection.execute(heard):
            told[row.person_id].append(row.sent_at)
        left |= {row.person_id for row in said_at for at in told[row.person_id] if at <= row.at < at + WITHIN}
    return Left(connection.execute(sent).scalar_one(), len(left))


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


def _stop(connection: Connection, kind: str, ident: str, now: datetime) -> None:
    """Have nobody else hear of a campaign in a private chat. A sale, and a vote, goes on for who knows of it."""
    if kind in _TO_SEGMENTS:
        status = select(campaigns.c.status).where(campaigns.c.id == ident)
        if connection.execute(status).scalar() == "running":
            running.move(connection, ident, "paused", audit.SYSTEM, now)
        return
    cancel(connection, f"{kind}:{ident}:{'announce' if kind == 'sale' else 'more'}:")
    private = select(conversations.c.id).where(conversations.c.chat_kind == ChatKind.PRIVATE.value)
    waiting = (
        OF_CAMPAIGNS,
        outbox.c.author.in_(_AUTHORS[kind](ident)),
        outbox.c.purpose == Purpose.MARKETING.value,
        outbox.c.status == "waiting",
        outbox.c.conversation_id.in_(private),
    )
    connection.execute(update(outbox).where(*waiting).values(status="dropped", reason="too many leave"))
