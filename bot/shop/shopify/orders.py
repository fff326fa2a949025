"""Reads orders whole: pages show a little of each, and what has more is asked for alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.shop.shopify.client import Client
from bot.shop.shopify.documents import FIND, LINES, ORDER, ORDERS, Ask
from bot.shop.shopify.reading import nodes, number_of
from bot.shop.wire import Json, member, members, text


async def find_order(client: Client, number: str) -> Json | None:
    """Return the order that customers know as `number`, whole."""
    quoted = number.replace("\\", " ").replace("'", " ")
    found = await client.ask(Ask(FIND, {"query": f"name:'{quoted}' status:any"}))
    match = next((one for one in nodes(found, "orders") if number_of(one.get("name")) == number_of(number)), None)
    return None if match is None else await read_order(client, text(match.get("id")))


async def read_order(client: Client, order_id: str) -> Json | None:
    """Return one order with all its lines; of parcels the first ten, of returns and refunds the first four."""
    found = (await client.ask(Ask(ORDER, {"id": order_id}))).get("order")
    return await _with_all_lines(client, found) if isinstance(found, Mapping) else None


async def whole(client: Client, order: Json) -> Json:
    """Return an order of a page, asked for again if the page did not show all of it."""
    if not _is_cut(order):
        return order
    return await read_order(client, text(order.get("id"))) or order


def _is_cut(order: Json) -> bool:
    parcels = members(order, "fulfillments")
    count = member(order, "fulfillmentsCount").get("count")
    connections = [member(order, "lineItems"), member(order, "returns")]
    connections += [member(parcel, "fulfillmentLineItems") for parcel in parcels]
    is_full = [len(nodes(parcel, "events")) >= ORDERS.sizes["trail"] for parcel in parcels]
    is_full += [
        len(nodes(one, name)) >= ORDERS.sizes["goods"]
        for one in nodes(order, "returns")
        for name in ("returnLineItems", "exchangeLineItems")
    ]
    has_more = any(member(one, "pageInfo").get("hasNextPage") for one in connections)
    more_refunds = len(members(order, "refunds")) >= ORDERS.sizes["refunds"]
    return has_more or any(is_full) or more_refunds or (isinstance(count, int) and count > len(parcels))


async def _with_all_lines(client: Client, order: Json) -> Json:
    lines, page = nodes(order, "lineItems"), member(member(order, "lineItems"), "pageInfo")
    while page.get("hasNextPage"):
        asked = Ask(LINES, {"id": order.get("id"), "after": page.get("endCursor")})
        more: Json = member(await client.ask(asked), "order")
        lines += nodes(more, "lineItems")
        page = member(member(more, "lineItems"), "pageInfo")
    shown: dict[str, Any] = {**order, "lineItems": {"nodes": lines}}
    return shown
