"""The card at the head of a topic: who waits, why, what they have, and what may still be sent to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from bot.store.database import AnyRow
from bot.store.tables import agents, conversations, identities, persons
from handoff.assigning import waiters
from handoff.console.labels import Labels, label_words, reason_words
from handoff.customer import Customer, customer, shown_name
from handoff.group.staff import Group
from handoff.hiding import hidden
from handoff.owner import Owner
from handoff.rights import Rights, rights
from handoff.routing import order
from handoff.summary import summary

MOST_ORDERS = 3


def talk_of(connection: Connection, conversation_id: str) -> AnyRow:
    """Return a conversation with the name under which its customer is shown, and its agent's."""
    query = (
        select(conversations, shown_name().label("name"), agents.c.name.label("agent_name"))
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
    )
    return connection.execute(query.where(conversations.c.id == conversation_id)).one()


def topic_name(talk: AnyRow, labels: Labels) -> str:
    """Return how the topic of a conversation is called: the customer, and why they want a human."""
    return " · ".join(part for part in (hidden(talk.name), reason_words(talk.reason, labels)) if part)


def card(connection: Connection, group: Group, talk: AnyRow, now: datetime) -> str:
    """Return the card of a conversation."""
    labels = group.labels
    found = customer(connection, group.shop_of(connection), talk.id)
    wishes = [label_words(wish, labels) for wish in summary(connection, talk.id).wishes]
    left = rights(connection, talk.id, talk.channel in group.counting, now)
    lines = [
        f"{hidden(talk.name)} · {talk.channel}",
        reason_words(talk.reason, labels),
        labels["group_wishes"].format(wishes=labels["list_comma"].join(wishes)) if wishes else "",
        *_orders(found, labels),
        _rights(left, group),
        _whose(connection, talk, labels),
        labels["group_how"],
    ]
    return "\n".join(line for line in lines if line)


def _orders(found: Customer, labels: Labels) -> list[str]:
    if not found.orders:
        return [labels["group_unproven"]]
    shown = found.orders[:MOST_ORDERS]
    words = {order.number: labels.get(f"status_{order.status}", str(order.status)) for order in shown}
    return [labels["group_order"].format(number=number, status=status) for number, status in words.items()]


def _rights(left: Rights | None, group: Group) -> str:
    if left is None:
        return group.labels["group_rights_free"]
    best = max(left.windows, key=lambda window: float("inf") if window.left is None else window.left, default=None)
    if best is None or best.left == 0:
        return group.labels["group_rights_none"]
    if best.left is None:
        return group.labels["group_rights_free"]
    until = "" if best.ends_at is None else best.ends_at.astimezone(group.zone).strftime("%m-%d %H:%M")
    return group.labels["group_rights"].format(left=best.left, allowed=best.allowed, until=until)


def _whose(connection: Connection, talk: AnyRow, labels: Labels) -> str:
    if talk.owner == Owner.AGENT.value:
        return labels["group_held"].format(name=talk.agent_name)
    line = [waiter.id for waiter in order(waiters(connection))]
    if talk.id not in line:
        return ""
    return labels["group_queue"].format(place=line.index(talk.id) + 1, count=len(line))
