"""The pinned card of a sale in Telegram groups: its first announcement, kept up to date by changing it in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from bot.campaigns.announcing import OF_CAMPAIGNS, Announce, author_of, facts_of, guard_of
from bot.campaigns.line import OVER, locked_sale
from bot.campaigns.moments import CARD, CLOSED
from bot.delivery.outbox import Draft, put
from bot.delivery.timers import set_timer
from bot.messages import ChatKind, Purpose
from bot.store.database import AnyRow
from bot.store.tables import conversations, outbox

TIMER = "sale_card"
EVERY = timedelta(seconds=15)
"""Telegram takes about as many changes as messages in a group: 20 a minute, for everything that is said there."""
CHANGES = "telegram"
"""The kind of channel on which what was sent can be changed."""


def begin(connection: Connection, sale: AnyRow, now: datetime) -> None:
    """Keep the cards of a sale up to date from now on, if it has any."""
    if list(_places(sale.audiences)):
        _set(connection, sale.id, now)


def _set(connection: Connection, sale_id: str, now: datetime) -> None:
    set_timer(connection, f"sale:{sale_id}:card", TIMER, {"sale_id": sale_id}, now + EVERY)


def _places(audiences: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    for audience in audiences:
        if audience.get("chat") and audience["channel"].partition(":")[0] == CHANGES:
            yield audience


def refresh(connection: Connection, sale_id: str, say: Announce, now: datetime) -> None:
    """Write the number that is left now into every card that shows another; when the sale is over, that it is."""
    sale = locked_sale(connection, sale_id)
    over = sale.status in OVER
    if over or sale.status == "running":
        _forget_older(connection, sale.id)
        for audience in _places(sale.audiences):
            _change(connection, sale, audience, say, now)
    if not over:
        _set(connection, sale.id, now)


def _forget_older(connection: Connection, sale_id: str) -> None:
    older = OF_CAMPAIGNS, outbox.c.status == "waiting", outbox.c.author == f"{author_of(sale_id)}:{CARD}"
    connection.execute(update(outbox).where(*older).values(status="dropped", reason="a newer number"))


def _change(connection: Connection, sale: AnyRow, audience: Mapping[str, str], say: Announce, now: datetime) -> None:
    here = conversations.c.channel == audience["channel"], conversations.c.chat == audience["chat"]
    card = connection.execute(
        select(outbox.c.conversation_id, outbox.c.platform_id)
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .where(*here, conversations.c.chat_kind == ChatKind.GROUP.value, outbox.c.platform_id != "")
        .where(outbox.c.key == author_of(sale.id) + ":" + conversations.c.id)
    ).one_or_none()
    if card is None:
        return  # the announcement is not there yet, or was never sent
    over, language = sale.status in OVER, audience.get("language", "zh")
    if not over and _shown(connection, sale.id, card.conversation_id) == sale.available:
        return
    moment = CLOSED if over else CARD
    facts = {**facts_of(connection, sale, language), "moment": moment, "channel_kind": CHANGES, "now": now}
    spoken = say(language, facts)
    draft = Draft(
        key=f"{author_of(sale.id)}:{CARD}:{card.conversation_id}:{now:%Y%m%d%H%M%S}",
        conversation_id=card.conversation_id,
        purpose=Purpose.MARKETING,
        text=spoken.text,
        author=f"{author_of(sale.id)}:{CARD}",
        choices=spoken.choices,
        sources=spoken.sources,
        edits=card.platform_id,
        guard=None if over else guard_of(sale, CARD, language),
        not_after=None if over else now + EVERY,
    )
    put(connection, draft, now)


def _shown(connection: Connection, sale_id: str, conversation_id: str) -> int | None:
    """Return how many pieces the card says are left: what was written for it may have been dropped."""
    own = author_of(sale_id)
    query = (
        select(outbox.c.guard)
        .where(outbox.c.conversation_id == conversation_id, outbox.c.status == "sent")
        .where(or_(outbox.c.author == own, outbox.c.author == f"{own}:{CARD}"))
        .order_by(outbox.c.id.desc())
        .limit(1)
    )
    guard = connection.execute(query).scalar()
    left: int | None = guard.get("left") if guard else None
    return left
