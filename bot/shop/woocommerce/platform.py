"""A WooCommerce shop behind the bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.shop.commands import Command
from bot.shop.guard import read_or_skip
from bot.shop.http import TIMEOUT_S, Sleep
from bot.shop.platform import Answer, Kind, PlatformRefuses, Told
from bot.shop.wire import Json, members, text
from bot.shop.woocommerce import reading
from bot.shop.woocommerce.cases import kept_cases, refunds_of, told_cases
from bot.shop.woocommerce.client import PER_PAGE, Client
from bot.shop.woocommerce.doing import CAN, Doing, find_order
from bot.shop.woocommerce.hooks import opened

_SECOND = timedelta(seconds=1)


class WooCommerce:
    """`bot.shop.platform.Platform` over the REST API v3.

    Args:
        base: address of the shop, without a slash at the end.
        webhook_secret: what its webhooks are signed with.
        currency: what it sells in, ISO 4217; products do not say it.
        completed: what the shop means by its status "completed".
        sleep: waits that many seconds between tries.
    """

    name = "woocommerce"
    can = CAN

    def __init__(
        self,
        base: str,
        key: str,
        secret: str,
        webhook_secret: str,
        currency: str,
        clock: Clock,
        completed: reading.Completed = "shipped",
        timeout_s: float = TIMEOUT_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = Client(base, key, secret, timeout_s, sleep)
        self._clock = clock
        self._doing = Doing(self._client, clock)
        self._webhook_secret = webhook_secret
        self._currency = currency
        self._completed: reading.Completed = completed

    async def close(self) -> None:
        """Release the connections."""
        await self._client.close()

    async def changes(self, since: datetime | None) -> AsyncIterator[Sequence[Told]]:
        """Yield what was changed at `since` or later: products, customers, orders with their cases.

        WooCommerce dates no sale of a piece, so products of changed orders are told again. Customers have no filter by
        date: those of changed orders are told, all of them if `since` is None.

        Raises:
            PlatformDown, PlatformRefuses: as the port says.
        """
        await self._check_currency()
        # "After" leaves out the second itself, which may have seen another change.
        when = {"modified_after": f"{since - _SECOND:%Y-%m-%dT%H:%M:%S}", "dates_are_gmt": "true"} if since else {}
        seen: set[str] = set()
        async for rows in self._client.pages("products", {"status": "any", **when}):
            told = await self._products(rows)
            seen |= {one.id for one in told}
            yield told
        if since is None:
            async for rows in self._client.pages("customers", {"role": "all"}):
                yield read_or_skip(reading.told_account, rows)
        async for rows in self._client.pages("orders", {"status": "any", **when}):
            yield await self._named_products(rows, seen) + await self._orders(rows)

    async def order(self, number: str) -> Sequence[Told]:
        """Read one order as it is now; its products and its customer in front.

        Raises:
            PlatformDown, PlatformRefuses: as the port says.
        """
        found = await find_order(self._client, number)
        if found is None:
            return ()
        return await self._named_products([found], set()) + await self._orders([found])

    def hook(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Sequence[Told]]:
        """Check a webhook; return its delivery id and what it tells.

        One about a product with variations tells nothing, as it names only their ids: `changes` reads them.

        Raises:
            BadCallback: the signature is wrong, or it is not understood.
        """
        delivery, topic, thing = opened(headers, body, self._webhook_secret)
        resource, _, event = topic.partition(".")
        if resource == "order" and event != "deleted":
            customer = read_or_skip(reading.told_customer, [thing], None)
            order = self._read_orders([thing])
            return delivery, (*(customer if order and order[0].body else ()), *order)
        if resource == "product" and event != "deleted" and not thing.get("variations"):
            return delivery, read_or_skip(reading.told_product, [thing], (), self._currency)
        if topic == "customer.deleted" and thing.get("id"):
            return delivery, [Told(Kind.CUSTOMER, str(thing["id"]), None, self._clock.now())]
        if resource == "customer" and event != "deleted":
            return delivery, read_or_skip(reading.told_account, [thing])
        return delivery, ()

    async def do(self, command: Command, key: str) -> Answer:
        """Carry out a command. The same `key` again finds what was done.

        Raises:
            PlatformDown, PlatformRefuses: as the port says.
        """
        return await self._doing.do(command, key)

    async def _check_currency(self) -> None:
        found = await self._client.find("data/currencies/current")
        code = text((found or {}).get("code"), 3)
        if code != self._currency:
            raise PlatformRefuses(f"WooCommerce sells in {code or '?'}. Set `currency` in [shop] of shop.toml to it")

    async def _products(self, rows: Sequence[Json]) -> list[Told]:
        told: list[Told] = []
        for row in rows:
            path = f"products/{row.get('id')}/variations"
            variations = await self._client.all(path, {"status": "any"}) if row.get("variations") else []
            told += read_or_skip(reading.told_product, [row], variations, self._currency)
        return told

    async def _named_products(self, orders: Sequence[Json], seen: set[str]) -> list[Told]:
        """Tell the products that these orders name and that were not told yet; deleted ones off sale."""
        named = {
            str(line.get("product_id") or reading.sku_of(line)): (line, order)
            for order in orders
            for line in members(order, "line_items")
        }
        missing = sorted(set(named) - seen)
        told: list[Told] = []
        for start in range(0, len(missing), PER_PAGE):
            ids = ",".join(one for one in missing[start : start + PER_PAGE] if one.isdecimal())
            if ids:
                told += await self._products(await self._client.all("products", {"include": ids, "status": "any"}))
        for product_id in sorted(set(missing) - {one.id for one in told}):
            line, order = named[product_id]
            told += read_or_skip(reading.told_gone, [line], order, self._currency)
        seen |= set(missing)
        return told

    async def _orders(self, rows: Sequence[Json]) -> list[Told]:
        """Tell orders, their customers in front, their cases behind."""
        accounts = await self._accounts(rows)
        customers: dict[str, Told] = {}
        for row in rows:
            account = accounts.get(reading.customer_id_of(row))
            customers |= {one.id: one for one in read_or_skip(reading.told_customer, [row], account)}
        orders = self._read_orders(rows)
        cases: list[Told] = []
        for row in rows:
            if row.get("refunds") or any(kept_cases(row)):
                refunds = await self._client.all(f"orders/{row.get('id')}/refunds") if row.get("refunds") else []
                cases += read_or_skip(_cases_of, [row], refunds)
        return [*customers.values(), *orders, *cases]

    async def _accounts(self, orders: Sequence[Json]) -> dict[str, Json]:
        ids = sorted({str(order["customer_id"]) for order in orders if order.get("customer_id")})
        if not ids:
            return {}
        fields = {"include": ",".join(ids), "role": "all"}
        return {str(row.get("id")): row for row in await self._client.all("customers", fields)}

    def _read_orders(self, rows: Iterable[Json]) -> list[Told]:
        return read_or_skip(reading.told_order, rows, self._completed)


def _cases_of(order: Json, refunds: Sequence[Json]) -> list[Told]:
    return told_cases(order, refunds_of(refunds, reading.currency_of(order)))
