"""The follow-up of an unpaid cart: one message within the hour that offers help, never after the payment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.delivery.outbox import Draft, put
from bot.messages import Choice, Notice, Purpose, Source
from bot.shop.port import Cart, Shop
from bot.skills import shown
from bot.skills.turn import Say
from bot.store.insert import insert_once
from bot.store.tables import carts, conversations, identities, persons, tasks
from bot.voice import Voice


@dataclass(frozen=True, slots=True)
class CartFollowUp:
    """Handles the timer `cart_followup`: writes the one follow-up into the outbox, or a task where nobody can."""

    shop_of: Callable[[Connection], Shop]
    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        cart_id = payload["cart_id"]
        customer_id = connection.execute(select(carts.c.customer_id).where(carts.c.id == cart_id)).scalar()
        cart = self.shop_of(connection).open_cart(customer_id) if customer_id else None
        if cart is None or cart.id != cart_id or not cart.lines:
            return  # paid or emptied
        chat = _newest_chat(connection, cart.customer_id)
        if chat is None:
            text = f"The open cart {cart_id} has no chat the bot could write to."
            row = {"key": f"cart:{cart_id}:1", "kind": "no_chat", "text": text, "created_at": now}
            insert_once(connection, tasks, row)
            return
        put(connection, self._draft(cart, *chat), now)

    def _draft(self, cart: Cart, conversation_id: str, channel: str, language: str, name: str) -> Draft:
        language = language or self.default_language
        voice = self.voice()
        fields = {
            "cart.goods": shown.lines(cart.lines, language),
            "cart.total": shown.money(cart.total, language),
            "customer.name": name,
        }
        human = Choice("human", voice.knowledge.phrases["cart.human_button", language].text)
        say = Say("cart.followup", fields, (human,), (Source(f"cart:{cart.id}", cart.updated_at.isoformat()),))
        spoken = voice.speak([say], language, channel.partition(":")[0])
        return Draft(
            key=f"cart:{cart.id}:1:{cart.updated_at:%Y%m%d%H%M%S}",
            conversation_id=conversation_id,
            purpose=Purpose.MARKETING,
            text=spoken.text,
            author="campaign:cart",
            choices=spoken.choices,
            sources=spoken.sources,
            guard={"cart_open": cart.id, "as_of": cart.updated_at.isoformat()},
            notice=Notice("cart", {"product": fields["cart.goods"], "total": fields["cart.total"]}),
        )


def _newest_chat(connection: Connection, customer_id: str) -> tuple[str, str, str, str] | None:
    """Return (conversation, channel, language, name) of the chat in which the customer was seen last."""
    row = connection.execute(
        select(conversations.c.id, conversations.c.channel, persons.c.language, persons.c.name)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(persons.c.customer_id == customer_id, conversations.c.unreachable.is_(False))
        .order_by(conversations.c.updated_at.desc())
        .limit(1)
    ).one_or_none()
    return (row.id, row.channel, row.language, row.name) if row else None
