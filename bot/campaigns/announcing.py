"""Puts the announcements of a sale into the outbox: each moment once in each chat, in the language spoken there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal_column, select

from bot.campaigns import line
from bot.campaigns.broadcast import Broadcast, expand
from bot.campaigns.moments import CARD, HALF, PHRASES, SOLD_OUT, START, Moment, hears
from bot.campaigns.plans import segment_in
from bot.campaigns.stopped import is_stopped
from bot.delivery.timers import set_timer
from bot.errors import NotFound
from bot.messages import ChatKind
from bot.store.database import AnyRow
from bot.store.tables import conversations, products, variants
from bot.voice import Spoken

Announce = Callable[[str, Mapping[str, Any]], Spoken]
"""Words an announcement: a language (`zh`, `en`) and the facts of the sale in; text, button and sources out."""
LANGUAGES = ("zh", "en")
SEEN_LATELY = timedelta(days=1)
"""An audience without a chat is everyone seen on the channel in this time."""
OF_CAMPAIGNS: ColumnElement[bool] = literal_column("outbox.author >= 'campaign:'")
"""Stands beside every condition on authors of the outbox: their index holds only these, and databases look for its very
words."""
MORE = "sale_announce"
"""Kind of the timer that announces to the next of many people."""
PAUSED_FOR = timedelta(seconds=30)
"""How long it waits where the sale is paused, before it looks again."""


def campaign_of(sale_id: str, moment: Moment = START) -> str:
    """Return by what the announcements of a moment are known."""
    return f"sale:{sale_id}" if moment == START else f"sale:{sale_id}:{moment}"


def author_of(sale_id: str) -> str:
    """Return how the authors of all of a sale's announcements begin."""
    return f"campaign:{campaign_of(sale_id)}"


def authors_of(sale_id: str) -> list[str]:
    """Return the authors of everything that is announced of a sale."""
    return [f"campaign:{campaign_of(sale_id, moment)}" for moment in PHRASES]


def announce(connection: Connection, sale_id: str, moment: Moment, say: Announce, now: datetime) -> int:
    """Announce a moment of a sale to all of its audiences that hear of it; return how many rows were stored.

    An audience is `{"channel", "chat", "language", "segment"}`; without a chat it is everyone on the channel who is in
    the segment, without a segment everyone seen there in the last day; without a language the person's own is taken,
    else Chinese.

    Raises:
        NotFound: an audience is one chat, and the bot has never met it.
    """
    sale = line.sale_of(connection, sale_id)
    places = range(len(sale.audiences))
    return sum(announce_on(connection, sale_id, place, "", say, now, moment) for place in places)


def announce_on(
    connection: Connection,
    sale_id: str,
    place: int,
    after: str,
    say: Announce,
    now: datetime,
    moment: Moment = START,
) -> int:
    """Announce a moment in the next chats of the sale's audience number `place`; a timer does those behind them.

    While the sale is paused a timer waits with it. That all is sold is not announced where pieces came back.

    Args:
        after: see `bot.campaigns.broadcast.expand`.
    """
    sale = line.sale_of(connection, sale_id)  # not locked: a chunk takes long, and people claim meanwhile
    audience = sale.audiences[place]
    chat, channel, segment = audience.get("chat", ""), audience["channel"], segment_in(audience, sale.currency)
    kind = chat_kind(connection, channel, chat) if chat else None
    if sale.status not in ("planned", "running", "paused") or not hears(moment, channel, kind, sale.was_planned):
        return 0
    if sale.status == "paused":
        _go_on(connection, sale_id, place, after, moment, now + PAUSED_FOR)
        return 0
    if kind in (None, ChatKind.PRIVATE) and is_stopped(connection, "sale", sale_id):
        return 0  # also a chunk whose timer was set while it was stopped
    if moment == SOLD_OUT and sale.available:
        return 0
    languages = [audience["language"]] if audience.get("language") else LANGUAGES
    facts = {"moment": moment, "channel_kind": channel.partition(":")[0]}
    broadcast = Broadcast(
        id=campaign_of(sale_id, moment),
        channel=channel,
        words={language: say(language, {**facts_of(connection, sale, language), **facts}) for language in languages},
        chat=chat,
        seen_since=None if chat or segment else sale.starts_at - SEEN_LATELY,
        segment=segment,
        not_after=sale.starts_at if sale.starts_at > now else sale.ends_at,
        guards={language: guard_of(sale, moment, language) for language in languages},
        pins=moment == START and kind is ChatKind.GROUP,
    )
    chunk = expand(connection, broadcast, after, now)
    if chunk.after is not None:
        _go_on(connection, sale_id, place, chunk.after, moment, now)
    return chunk.stored


def _go_on(connection: Connection, sale_id: str, place: int, after: str, moment: Moment, at: datetime) -> None:
    payload = {"sale_id": sale_id, "place": place, "after": after, "moment": moment}
    set_timer(connection, f"sale:{sale_id}:announce:{place}:{moment}", MORE, payload, at)


def guard_of(sale: AnyRow, moment: Moment, language: str) -> dict[str, Any]:
    """Return the condition of an announcement: what it says of the pieces must be true when it is sent."""
    at_least = sale.available if moment in (HALF, CARD) else 0
    at_most = {"at_most": 0} if moment == SOLD_OUT else {}
    said = {"left": sale.available, "language": language}
    return {"sale_left": sale.id, "at_least": at_least, **at_most, **said}


def chat_kind(connection: Connection, channel: str, chat: str) -> ChatKind:
    """Return what kind of chat this is.

    Raises:
        NotFound: the bot has never met it.
    """
    here = conversations.c.channel == channel, conversations.c.chat == chat
    kind = connection.execute(select(conversations.c.chat_kind).where(*here)).scalar()
    if kind is None:
        raise NotFound(f"The bot has never met chat {chat} of {channel}. Write to it there once, or take it out.")
    return ChatKind(kind)


def facts_of(connection: Connection, sale: Any, language: str) -> dict[str, Any]:
    """Return what can be said of a sale in a language.

    Args:
        sale: a row of `sales`, or what has its columns.
    """
    goods = connection.execute(
        select(variants, products.c.name_zh, products.c.name_en)
        .join(products, variants.c.product_id == products.c.id)
        .where(variants.c.sku == sale.sku)
    ).one()
    chinese = language.startswith("zh")
    return {
        "sale_id": sale.id,
        "product_id": goods.product_id,
        "sku": sale.sku,
        "product": goods.name_zh if chinese else goods.name_en,
        "colour": goods.colour_zh if chinese else goods.colour_en,
        "size": goods.size,
        "price_minor": sale.price_minor,
        "usual_price_minor": goods.price_minor,
        "currency": sale.currency,
        "total": sale.total,
        "left": sale.available,
        "limit_each": sale.limit_each,
        "starts_at": sale.starts_at,
        "ends_at": sale.ends_at,
        "texts": sale.texts,
    }
