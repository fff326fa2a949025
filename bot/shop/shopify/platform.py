"""A Shopify shop behind the bot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.shop.commands import Command
from bot.shop.guard import read_or_skip
from bot.shop.http import TIMEOUT_S, Sleep
from bot.shop.platform import Answer, Kind, PlatformRefuses, Told
from bot.shop.shopify import hooks, reading
from bot.shop.shopify.cases import told_cases
from bot.shop.shopify.client import Client, Monotonic
from bot.shop.shopify.documents import CUSTOMERS, ORDERS, PRODUCTS, SHOP, VARIANTS, Ask, Document
from bot.shop.shopify.doing import CAN, Doing
from bot.shop.shopify.orders import find_order, whole
from bot.shop.wire import Json, member, text

OVERLAP = timedelta(minutes=1)
"""Read again each time: what was changed shows in the search a little later."""
LONGEST_LIST = 20_000
"""A list is paged through up to 25,000 things (shopify.dev, API limits, pagination); then a new one is begun."""


class Shopify:
    """`bot.shop.platform.Platform` over the Admin GraphQL API.

    Args:
        shop: `my-shop.myshopify.com`; webhooks of another one are refused.
        base: root of the API, without a slash at the end.
        client_id: of the app; may be empty where `token` is given.
        secret: the app's client secret; it signs the webhooks.
        token: access token that does not expire; empty: one is got for `client_id` and `secret`.
        currency: what the shop sells in, ISO 4217.
        sleep: waits that many seconds for points, or between tries.
        monotonic: seconds of a clock that only goes forward.
    """

    name = "shopify"
    can = CAN

    def __init__(
        self,
        shop: str,
        base: str,
        client_id: str,
        secret: str,
        token: str,
        currency: str,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
        sleep: Sleep = asyncio.sleep,
        monotonic: Monotonic = time.monotonic,
        longest_list: int = LONGEST_LIST,
    ) -> None:
        self._shop, self._secret, self._currency = shop, secret, currency
        self._client = Client(base, client_id, secret, token, timeout_s, sleep, monotonic)
        self._clock = clock
        self._doing = Doing(self._client, clock, sleep)
        self._longest_list = longest_list

    async def close(self) -> None:
        """Release the connections."""
        await self._client.close()

    async def changes(self, since: datetime | None) -> AsyncIterator[Sequence[Told]]:
        """Yield what was changed at `since` or later: products, customers, orders with their cases.

        Raises:
            PlatformDown, PlatformRefuses: as the port says.
        """
        await self._check_currency()
        async for rows in self._list(PRODUCTS, "products", since, ""):
            complete = [await self._with_all_variants(row) for row in rows]
            yield read_or_skip(reading.told_product, complete, self._currency)
        async for rows in self._list(CUSTOMERS, "customers", since, ""):
            yield read_or_skip(reading.told_account, rows)
        async for rows in self._list(ORDERS, "orders", since, "status:any"):
            yield _orders([await whole(self._client, row) for row in rows])

    async def order(self, number: str) -> Sequence[Told]:
        """Read one order as it is now, its customer in front.

        Raises:
            PlatformDown, PlatformRefuses: as the port says.
        """
        found = await find_order(self._client, number)
        return _orders([found]) if found is not None else ()

    def hook(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Sequence[Told]]:
        """Check a webhook; return its delivery id and what it tells.

        Returns and the trail of parcels are not in it: `changes` reads them, and what it read wins over the webhook.

        Raises:
            BadCallback: the signature is wrong, or it is another shop's.
        """
        delivery, topic, thing = hooks.opened(headers, body, self._secret, self._shop)
        resource, _, event = topic.partition("/")
        if topic in hooks.CUSTOMER_GONE:
            now = self._clock.now()
            return delivery, [Told(Kind.CUSTOMER, ident, None, now) for ident in hooks.gone_customers(thing)]
        if event == "delete" or "id" not in thing:
            return delivery, ()  # it holds an id only; the nightly reading misses what is gone
        if resource == "orders" and "line_items" in thing:
            return delivery, _told(hooks.order_shape, _order, thing)
        if resource == "products" and "variants" in thing:
            return delivery, _told(hooks.product_shape, reading.told_product, thing, self._currency)
        if resource == "customers" and "updated_at" in thing:
            return delivery, _told(hooks.customer_shape, reading.told_account, thing)
        return delivery, ()

    async def do(self, command: Command, key: str) -> Answer:
        """Carry out a command. The same `key` again finds what was done.

        Raises:
            PlatformDown, PlatformRefuses: as the port says.
        """
        return await self._doing.do(command, key)

    async def _check_currency(self) -> None:
        code = text(member(await self._client.ask(Ask(SHOP, {})), "shop").get("currencyCode"), 3)
        if code != self._currency:
            raise PlatformRefuses(f"Shopify sells in {code or '?'}. Set `currency` in [shop] of shop.toml to it")

    async def _list(
        self, document: Document, name: str, since: datetime | None, filters: str
    ) -> AsyncIterator[Sequence[Json]]:
        """Yield pages, the longest unchanged first: what is changed meanwhile moves to the end and is met again."""
        begin = f"{since - OVERLAP:%Y-%m-%dT%H:%M:%SZ}" if since else ""
        cursor: Any = None
        count, last = 0, ""
        while True:
            query = " ".join(part for part in (filters, f"updated_at:>='{begin}'" if begin else "") if part)
            data = await self._client.ask(Ask(document, {"after": cursor, "query": query or None}))
            rows, page = reading.nodes(data, name), member(member(data, name), "pageInfo")
            if rows:
                yield rows
                count, last = count + len(rows), text(rows[-1].get("updatedAt"))
            if not page.get("hasNextPage"):
                return
            cursor = page.get("endCursor")
            if count >= self._longest_list and last > begin:  # begun anew from the last one's time
                begin, cursor, count = last, None, 0

    async def _with_all_variants(self, product: Json) -> Json:
        variants = reading.nodes(product, "variants")
        page = member(member(product, "variants"), "pageInfo")
        while page.get("hasNextPage"):
            asked = Ask(VARIANTS, {"id": product.get("id"), "after": page.get("endCursor")})
            more = member(await self._client.ask(asked), "product")
            variants += reading.nodes(more, "variants")
            page = member(member(more, "variants"), "pageInfo")
        return {**product, "variants": {"nodes": variants}}


def _order(order: Json) -> list[Told]:
    """Tell an order with its customer and deleted products in front and its cases behind."""
    told, customer = reading.told_order(order), reading.told_customer(order)
    if told is None or customer is None:
        return []
    return [customer, *reading.told_gone(order), told, *told_cases(order)]


def _orders(rows: Iterable[Json]) -> list[Told]:
    return read_or_skip(_order, rows)


def _told(shape: Any, read: Any, thing: Json, *args: Any) -> list[Told]:
    """Tell what a webhook holds; one that cannot be read is logged and left to `changes`."""

    def told(row: Json) -> Any:
        return read(shape(row), *args)

    return read_or_skip(told, [thing])
