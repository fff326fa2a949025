"""Canned replies as they read in one conversation: with the customer's name, order and parcel in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.knowledge.entries import CannedReply
from bot.knowledge.fields import FIELD, REPLY_FIELDS
from bot.shop.port import Money, Order
from bot.skills import shown
from handoff.customer import Customer

_HOLE = re.compile("|".join(re.escape(f"{{{name}}}") for name in sorted(REPLY_FIELDS)))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a canned reply may name; empty where it is not known."""

    customer: str = ""
    agent: str = ""
    order: Order | None = None

    def fields(self, language: str) -> Mapping[str, str]:
        """Return the values by field, without those that are not known."""
        order, parcel = self.order, next(iter(self.order.shipments), None) if self.order else None
        values = {
            "customer.name": self.customer,
            "agent.name": self.agent,
            "order.number": order.number if order else "",
            "order.total": _amount(order.total, language) if order else "",
            "parcel.carrier": parcel.carrier if parcel else "",
            "parcel.number": parcel.tracking_number if parcel else "",
        }
        return {name: value for name, value in values.items() if value}


def facts(customer: Customer, agent_name: str, named: Iterable[str] = ()) -> Facts:
    """Return what is known in a conversation. Its order is the one spoken of, else the newest.

    Args:
        named: the numbers of orders that were spoken of, the newest first.
    """
    by_number = {order.number: order for order in customer.orders}
    spoken = next((by_number[number] for number in named if number in by_number), None)
    name = customer.person.name if customer.person else ""
    return Facts("" if name.startswith("#") else name, agent_name, spoken or next(iter(customer.orders), None))


def filled(replies: Iterable[CannedReply], known: Facts, language: str) -> tuple[CannedReply, ...]:
    """Return the replies with their fields filled, those in `language` first; what is not known stays as it is."""
    ordered = sorted(replies, key=lambda reply: (reply.language != language, reply.shortcut))
    values = {spoken: known.fields(spoken) for spoken in {reply.language for reply in ordered}}
    return tuple(
        replace(reply, text=FIELD.sub(lambda m, v=values[reply.language]: v.get(m[1], m[0]), reply.text))  # type: ignore[misc]
        for reply in ordered
    )


def hole_in(text: str) -> str:
    """Return the first field that nobody has filled, as it stands in the text; empty if there is none."""
    found = _HOLE.search(text)
    return found[0] if found else ""


def _amount(amount: Money, language: str) -> str:
    return shown.money(amount, language)
