"""Reads what the gate needs to know about rows of the outbox, in the transaction that sends them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.delivery import ledger
from bot.delivery.gate import Facts
from bot.delivery.group_budget import campaign_of, heard_by_group
from bot.delivery.parcel_guard import news_holds
from bot.delivery.sleep import is_greeted, sleeps
from bot.delivery.sleep import is_paused as campaign_is_paused
from bot.delivery.standing import NOBODY, standing_of
from bot.messages import ChatKind, Limits, Purpose, Road
from bot.shop.price_watch import still_costs
from bot.store.database import AnyRow
from bot.store.tables import cart_lines, carts, claims, conversations, orders, proof_codes, sales, variants, votes

DISPENSABLE = frozenset({"parcel", "csat", "place", "claim", "asleep", "greeting"})
"""The guards of messages that nobody has to hear by another way."""
OF_MANY = frozenset({"sale_left", "at_least", "at_most", "left", "language", "vote_open"})
"""What the guards of messages of a campaign to many people are made of."""


def gather(
    connection: Connection,
    row: AnyRow,
    roads: Sequence[Road],
    rights: ledger.Rights,
    limits: Limits,
    now: datetime,
) -> Facts:
    """Return the facts about `row` (of the outbox, with its conversation as `bot.delivery.due` reads it)."""
    purpose = Purpose(row.purpose)
    is_marketing = purpose is Purpose.MARKETING and row.person_id is not None
    budgeted = purpose is Purpose.MARKETING and row.chat_kind == ChatKind.GROUP and not row.edits
    standing = standing_of(connection, row, now) if is_marketing else NOBODY
    holds = guard_holds(connection, row.guard)
    return Facts(
        purpose=purpose,
        chat_kind=ChatKind(row.chat_kind),
        owner=row.owner,
        epoch=row.epoch,
        current_epoch=row.current_epoch,
        unreachable=row.unreachable,
        consent=standing.consent,
        own_page=limits.own_page,
        roads=[(road, ledger.left(rights, road.needs, purpose, now) if road.needs else math.inf) for road in roads],
        guard_holds=holds,
        paused=not holds and _is_paused(connection, row.guard),
        touched_at=standing.touched_at,
        not_after=row.not_after,
        awaited=row.owner == "agent" and row.place_at is not None and row.place_at <= row.assigned_at,
        dispensable=purpose is Purpose.STAFF
        or (is_marketing if OF_MANY.issuperset(row.guard or ()) else not DISPENSABLE.isdisjoint(row.guard)),
        human_elsewhere=standing.human_elsewhere,
        complaint_open=standing.complaint_open,
        zones=standing.zones,
        follow_up=standing.follow_up,
        drawn_by=standing.oldest_id,
        stale=standing.stale,
        campaign=campaign_of(row.author),
        group_heard=heard_by_group(connection, row, now) if budgeted else (),
    )


def guard_holds(connection: Connection, guard: Mapping[str, Any] | None) -> bool:
    """Return whether the message's own condition still holds.

    `{"cart_open": id, "as_of": time, "gone": skus}`: the cart is open and has not changed since the message, and of
    what lies in it just these skus cannot be bought.
    `{"order_unpaid": number}`: the order waits for its payment.
    `{"in_stock": sku}`: the variant can be bought.
    `{"priced": sku, …}`: see `bot.shop.price_watch.still_costs`.
    `{"parcel": number, …}`: see `bot.delivery.parcel_guard`.
    `{"code": id}`: the one-time code is still wanted: its order was not proven meanwhile.
    `{"sale_left": id, "at_least": number, "at_most": number}`: the sale is on, and so many of its pieces are left.
    Beside that stands what the text says is `left`, and in which `language` it says so.
    `{"vote_open": id}`: the vote takes votes.
    `{"claim": id, "status": status}`: the claim of a piece of a sale still stands so.
    `{"asleep": customer, …}`, `{"greeting": customer, …}`: see `bot.delivery.sleep`.
    `{"csat": epoch}`: holds; the message's own epoch ends it.
    `{"place": number, "conversation": id}`: that is still what the customer should hear of their place in the queue.
    """
    if guard is None or "csat" in guard:
        return True
    if "place" in guard:
        of_talk = select(conversations.c.told_place).where(conversations.c.id == guard["conversation"])
        return bool(connection.execute(of_talk).scalar() == guard["place"])
    if "sale_left" in guard:
        on = sales.c.id == guard["sale_left"], sales.c.status.in_(("planned", "running"))
        left = connection.execute(select(sales.c.available).where(*on)).scalar()
        return left is not None and bool(guard["at_least"] <= left <= guard.get("at_most", left))
    if "vote_open" in guard:
        of_vote = select(votes.c.status).where(votes.c.id == guard["vote_open"])
        return bool(connection.execute(of_vote).scalar() == "open")
    if "asleep" in guard:
        return sleeps(connection, guard)
    if "greeting" in guard:
        return is_greeted(connection, guard)
    if "claim" in guard:
        of_claim = select(claims.c.status).where(claims.c.id == guard["claim"])
        return bool(connection.execute(of_claim).scalar() == guard["status"])
    if "code" in guard:
        of_code = select(proof_codes.c.status).where(proof_codes.c.id == guard["code"])
        return bool(connection.execute(of_code).scalar() == "asked")
    if "parcel" in guard:
        return news_holds(connection, guard)
    if "priced" in guard:
        return still_costs(connection, guard)
    if "in_stock" in guard:
        stock = connection.execute(select(variants.c.stock).where(variants.c.sku == guard["in_stock"])).scalar()
        return bool(stock)
    if "order_unpaid" in guard:
        status = select(orders.c.status).where(orders.c.number == guard["order_unpaid"])
        return bool(connection.execute(status).scalar() == "unpaid")
    of_cart = select(carts.c.status, carts.c.updated_at).where(carts.c.id == guard["cart_open"])
    cart = connection.execute(of_cart).one_or_none()
    if cart is None or cart.status != "open" or cart.updated_at.isoformat() != guard["as_of"]:
        return False
    return bool(gone_of(connection, guard["cart_open"]) == guard.get("gone", []))


def _is_paused(connection: Connection, guard: Mapping[str, Any]) -> bool:
    """Return whether a message is about a sale or of a campaign that is paused: it may go on."""
    if "asleep" in guard or "greeting" in guard:
        return campaign_is_paused(connection, guard)
    of_sale = select(sales.c.status).where(sales.c.id == guard.get("sale_left", ""))
    return bool(connection.execute(of_sale).scalar() == "paused")


def gone_of(connection: Connection, cart_id: str) -> list[str]:
    """Return which skus that lie in a cart cannot be bought any more."""
    gone = (
        select(cart_lines.c.sku)
        .join(variants, cart_lines.c.sku == variants.c.sku)
        .where(cart_lines.c.cart_id == cart_id, variants.c.stock <= 0)
    )
    return list(connection.execute(gone.order_by(cart_lines.c.sku)).scalars())
