"""Tells customers of their parcels unasked: sent, out for delivery, delivered, stuck; once each, until they refuse.

Whatever changes an order's parcels sets the timer `parcel_news` of the order in its own transaction. The timer looks at
how things stand then, and sets itself for the moment at which the next parcel would count as stuck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from bot.delivery.outbox import Draft, put
from bot.delivery.timers import set_timer
from bot.messages import ChatKind, Notice, Purpose
from bot.shop.port import Order, OrderStatus, Shipment, Shop
from bot.shop.todo import leave
from bot.skills import shown
from bot.skills.parcels import MOVING, TASK, standing, task_of
from bot.skills.turn import Say
from bot.store.database import AnyRow
from bot.store.tables import conversations, identities, persons, proofs
from bot.voice import Listener, Voice

PARCEL_NEWS = "parcel_news"
"""Kind of the timer."""
FRESH = timedelta(hours=24)
"""What happened longer ago is no news: a shop that is connected has many old parcels."""
_NEWS = {
    "picked_up": "shipped",
    "in_transit": "shipped",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
    "stuck": "stuck",
}


def look_at(connection: Connection, order_number: str, at: datetime) -> None:
    """Have the parcels of an order looked at, at `at`."""
    set_timer(connection, f"{PARCEL_NEWS}:{order_number}", PARCEL_NEWS, {"order_number": order_number}, at)


@dataclass(frozen=True, slots=True)
class ParcelNews:
    """Handles the timer `parcel_news`.

    Attributes:
        stuck_after: a parcel of which nothing was heard for so long is stuck.
        told: whether customers are told anything; the staff get their tasks either way.
    """

    shop_of: Callable[[Connection], Shop]
    voice: Callable[[], Voice]
    default_language: str
    stuck_after: timedelta
    told: bool = True

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        order = self.shop_of(connection).order(payload["order_number"])
        if order is None or order.status is OrderStatus.CANCELLED:
            return
        chat = _newest_chat(connection, order)
        for parcel in order.shipments:
            self._tell(connection, order, parcel, chat, now)
        if order.status is OrderStatus.SHIPPED and (at := self._next_look(order, now)) is not None:
            look_at(connection, order.number, at)

    def _tell(self, connection: Connection, order: Order, parcel: Shipment, chat: AnyRow | None, now: datetime) -> None:
        if not parcel.events:
            return
        last = parcel.events[-1]
        stands = standing(parcel, now, self.stuck_after)
        happened = last.at + self.stuck_after if stands == "stuck" else last.at
        news = _NEWS.get(stands, "")
        if now - happened > FRESH or not news:
            return
        if news == "stuck":
            task = task_of(order, parcel, news)
            leave(connection, f"{TASK}:{task.key}", TASK, chat.id if chat else None, task.text, now)
        if chat is not None and self.told:
            put(connection, self._draft(order, parcel, news, chat), now)

    def _draft(self, order: Order, parcel: Shipment, news: str, chat: AnyRow) -> Draft:
        language = chat.language or self.default_language
        fields = {
            "order.number": order.number,
            "parcel.carrier": parcel.carrier,
            "parcel.number": parcel.tracking_number,
        }
        say = Say(f"orders.news_{news}", fields, sources=(shown.order_source(order),))
        spoken = self.voice().speak([say], language, Listener(chat.channel.partition(":")[0]))
        return Draft(
            key=f"{PARCEL_NEWS}:{order.number}:{parcel.tracking_number}:{news}",
            conversation_id=chat.id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            sources=spoken.sources,
            guard={
                "parcel": parcel.tracking_number,
                "order": order.number,
                "news": news,
                "person": chat.person_id,
                "as_of": parcel.events[-1].at.isoformat(),
            },
            notice=Notice(news, {"order": order.number, "carrier": parcel.carrier, "parcel": parcel.tracking_number}),
        )

    def _next_look(self, order: Order, now: datetime) -> datetime | None:
        """Return when the next of the parcels will be stuck, unless something is heard of it."""
        lasts = [parcel.events[-1] for parcel in order.shipments if parcel.events]
        moments = [last.at + self.stuck_after for last in lasts if last.status in MOVING]
        return min((at for at in moments if at > now), default=None)


def _newest_chat(connection: Connection, order: Order) -> AnyRow | None:
    """Return the private chat in which the order's customer was seen last: linked to them, or one that proved it."""
    proven = select(proofs.c.identity_id).where(proofs.c.order_number == order.number)
    theirs = or_(persons.c.customer_id == order.customer_id, identities.c.id.in_(proven))
    found: AnyRow | None = connection.execute(
        select(conversations.c.id, conversations.c.channel, persons.c.language, persons.c.id.label("person_id"))
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(theirs, conversations.c.unreachable.is_(False), conversations.c.chat_kind == ChatKind.PRIVATE.value)
        .order_by(conversations.c.updated_at.desc(), conversations.c.id)
        .limit(1)
    ).one_or_none()
    return found
