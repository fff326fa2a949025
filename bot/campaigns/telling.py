"""Tells people what became of their claims: a piece is theirs now, the hold ran out, the payment came, or came late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.campaigns.line import OVER
from bot.delivery.outbox import Draft, put_all
from bot.knowledge.entries import version_of
from bot.messages import Purpose, Source
from bot.shop.port import Money
from bot.shop.todo import leave
from bot.skills import shown
from bot.skills.turn import Say
from bot.store.database import AnyRow
from bot.store.tables import claims, conversations, identities, persons, products, sales, variants
from bot.voice import Listener, Voice

STATUS = {
    "offered": "held",
    "released": "released",
    "over_limit": "released",
    "not_served": "released",
    "paid": "paid",
    "late": "late",
}
"""The status in which a claim must still be when it is told."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Handles the timer `bot.campaigns.line.TELL`: writes to each in the private chat in which they were seen last."""

    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        what = payload["what"]
        rows = connection.execute(_claims(payload["claims"], STATUS[what])).all()
        chats = chats_of(connection, [row.person_id for row in rows])
        put_all(connection, self._drafts(what, rows, chats, now), now)
        if what == "offered":
            _leave_unheard(connection, [row for row in rows if row.person_id not in chats], now)

    def _drafts(
        self, what: str, rows: Sequence[AnyRow], chats: Mapping[str, AnyRow], now: datetime
    ) -> Iterator[tuple[Draft, str]]:
        for row in rows:
            chat = chats.get(row.person_id)
            if chat is not None and (what != "offered" or row.expires_at > now):
                yield self._draft(what, row, chat, now), chat.channel

    def _draft(self, what: str, row: AnyRow, chat: AnyRow, now: datetime) -> Draft:
        language = chat.language or self.default_language
        fields = {
            "sale.product": row.name_zh if language.startswith("zh") else row.name_en,
            "sale.price": shown.money(Money(row.price_minor, row.currency), language),
            "sale.limit": str(row.limit_each),
            "claim.minutes": str(minutes_left(row.expires_at, now)),
            "claim.link": link_of(row.pay_url, row.id),
        }
        source = Source(f"sale:{row.sale_id}", version_of(fields["sale.product"], fields["sale.price"]))
        phrase = "released_over" if what == "released" and row.sale_status in OVER else what
        says = [Say(f"flash.{phrase}", fields, sources=(source,))]
        if what == "offered" and row.pay_url:
            says.append(Say("sales.pay", fields))
        spoken = self.voice().speak(says, language, Listener(chat.channel.partition(":")[0]))
        return Draft(
            key=f"claim:{row.id}:{what}",
            conversation_id=chat.id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            sources=spoken.sources,
            guard={"claim": row.id, "status": STATUS[what]},
            not_after=row.expires_at if what == "offered" else None,
        )


def _leave_unheard(connection: Connection, rows: Sequence[AnyRow], now: datetime) -> None:
    """Leave one task a sale if it is the turn of people whom nobody can tell so."""
    for sale_id in sorted({row.sale_id for row in rows}):
        text = (
            f"In the line of sale {sale_id} it is the turn of people who have no chat of their own with the bot, so "
            "that nobody tells them, and the time they have to pay runs. Tell the group to write to the bot first."
        )
        leave(connection, f"unheard:{sale_id}", "no_chat", None, text, now)


def minutes_left(until: datetime | None, now: datetime) -> int:
    """Return the whole minutes until a hold runs out: never more than there are, but not "0" while it runs."""
    return max(1, int((until - now).total_seconds() // 60)) if until else 0


def link_of(pay_url: str, claim_id: str) -> str:
    """Return where a claim is paid; `{claim}` in the shop's address stands for its id."""
    return pay_url.replace("{claim}", claim_id)


def _claims(ids: Sequence[str], status: str) -> Any:
    of_sale = [sales.c[name] for name in ("price_minor", "currency", "pay_url", "limit_each")]
    return (
        select(claims, *of_sale, sales.c.status.label("sale_status"), products.c.name_zh, products.c.name_en)
        .join(sales, claims.c.sale_id == sales.c.id)
        .join(variants, sales.c.sku == variants.c.sku)
        .join(products, variants.c.product_id == products.c.id)
        .where(claims.c.id.in_(ids), claims.c.status == status)
        .order_by(claims.c.id)
    )


def chats_of(connection: Connection, people: Sequence[str]) -> dict[str, AnyRow]:
    """Return by person the private chat in which they were seen last."""
    query = (
        select(
            conversations.c.id,
            conversations.c.channel,
            conversations.c.updated_at,
            identities.c.person_id,
            persons.c.language,
        )
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(identities.c.person_id.in_(people), conversations.c.unreachable.is_(False))
        .order_by(conversations.c.updated_at, conversations.c.id)
    )
    return {row.person_id: row for row in connection.execute(query)}
