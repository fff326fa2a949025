"""A WooCommerce shop: its owner changes it there, and the bot hears of it over the documented wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal

from bot.shop.bodies import CustomerBody, OrderBody, OrderLineBody, ProductBody, ShipmentBody
from bot.shop.commands import Command, Outcome
from bot.shop.woocommerce.platform import WooCommerce
from bot.store.database import Database
from tests.conftest import StandingClock
from tests.shops.stand import minute_later
from tests.shops.stands.wired import Behind, no_wait, status_of, written
from tests.shops.twins.serving import serving
from tests.shops.twins.woocommerce import HOOK_SECRET, KEY, SECRET, WooTwin
from tests.shops.twins.woocommerce_world import Row, gmt

STATUSES = {
    "pending": "unpaid",
    "processing": "paid",
    "completed": "shipped",
    "delivered": "delivered",
    "cancelled": "cancelled",
}


class WooStand:
    """Implements `tests.shops.stand.ShopStand`."""

    can: frozenset[type[Command]] = WooCommerce.can
    says = frozenset({"discount", "country"})
    is_remote = True

    def __init__(self, database: Database, clock: StandingClock, twin: WooTwin, base: str) -> None:
        self.database, self.clock = database, clock
        self._twin, self._base = twin, base
        self._rows: dict[str, Row] = {}
        self._behind = self._in(twin.world.currency)

    def _in(self, currency: str) -> Behind:
        platform = WooCommerce(self._base, KEY, SECRET, HOOK_SECRET, currency, self.clock, sleep=no_wait)
        return Behind(self.database, self.clock, platform, self._twin.faults, "x-wc-webhook-delivery-id")

    async def close(self) -> None:
        await self._behind.close()

    def called(self, ident: str) -> str:
        return str(self._rows[ident]["id"])

    async def puts_product(self, ident: str, body: ProductBody) -> None:
        minute_later(self.clock)
        world, currency = self._twin.world, body.variants[0].currency
        if currency != world.currency:  # a shop has one, and the bot is set to it
            world.currency = currency
            await self._behind.close()
            self._behind = self._in(currency)
        row = self._rows[ident] = self._rows.get(ident) or world.add_product()
        categories = [{"id": 1, "name": body.category, "slug": body.category}]
        status = "publish" if body.active else "draft"
        world.touch(row, name=body.name.en, categories=categories, status=status, variations=[])
        world.variations[row["id"]] = {}
        for variant in body.variants:
            look = [{"name": "Color", "option": variant.colour.en}, {"name": "Size", "option": variant.size}]
            price = written(variant.price_minor, currency)
            world.add_variation(row, sku=variant.sku, price=price, stock_quantity=variant.stock, attributes=look)
        await self._behind.is_told(self._twin.hook("product.updated", row))

    async def puts_customer(self, ident: str, body: CustomerBody) -> None:
        minute_later(self.clock)
        row = self._rows[ident] = self._rows.get(ident) or self._twin.world.add_customer()
        self._twin.world.touch(row, first_name=body.name, last_name="", billing={"phone": body.phone})
        await self._behind.is_told(self._twin.hook("customer.updated", row))

    async def puts_order(self, number: str, body: OrderBody) -> None:
        minute_later(self.clock)
        world = self._twin.world
        row = world.add_order([])
        address = {
            **row["shipping"],
            "address_1": body.address,
            "country": body.country or "DE",
            "city": "",
            "state": "",
        }
        world.touch(
            row,
            number=number,
            status=status_of(STATUSES, body.status.value),
            currency=body.currency,
            customer_id=self._rows[body.customer_id]["id"],
            line_items=[self._line(line, body.currency) for line in body.lines],
            total=written(body.total_minor, body.currency),
            shipping_total=written(body.shipping_minor or 0, body.currency),
            discount_total=written(body.discount_minor or 0, body.currency),
            shipping=address,
            date_created_gmt=gmt(body.created_at),
            date_paid_gmt=gmt(body.paid_at),
        )
        self._rows[number] = row
        await self._behind.is_told(self._twin.hook("order.created", row))

    def _line(self, line: OrderLineBody, currency: str) -> Row:
        world = self._twin.world
        product_id, variation = next(
            (product_id, one)
            for product_id, kept in world.variations.items()
            for one in kept.values()
            if one["sku"] == line.sku
        )
        whole = line.price_minor * line.quantity
        paid = whole if line.paid_minor is None else line.paid_minor
        unit = str(Decimal(written(paid, currency)) / line.quantity)
        return {"id": world.new_id(), "name": "tee", "sku": line.sku, "quantity": line.quantity,
                "product_id": product_id, "variation_id": variation["id"], "subtotal": written(whole, currency),
                "subtotal_tax": "0", "total": written(paid, currency), "total_tax": "0", "price": unit}  # fmt: skip

    async def moves_order(self, number: str, status: str, parcel: ShipmentBody | None = None) -> None:
        at: datetime = minute_later(self.clock)
        row, world = self._rows[number], self._twin.world
        if status == "paid":
            row["date_paid_gmt"] = gmt(at)
        if status == "shipped":
            row["date_completed_gmt"] = gmt(at)
        if parcel is not None:
            tracking = [{"tracking_provider": parcel.carrier, "tracking_number": parcel.tracking_number}]
            row["meta_data"].append({"id": 1, "key": "_wc_shipment_tracking_items", "value": tracking})
        world.touch(row, status=status_of(STATUSES, status))
        await self._behind.is_told(self._twin.hook("order.updated", row))

    async def deletes_customer(self, ident: str) -> None:
        """Delete whoever `ident` is; their orders are guests' orders then, with all that stands in them."""
        minute_later(self.clock)
        for order in self._twin.world.orders.values():
            self._twin.world.touch(order, customer_id=0)
        row = self._twin.world.customers.pop(self._rows[ident]["id"])
        await self._behind.is_told(self._twin.hook("customer.deleted", {"id": row["id"]}))

    async def sets_stock(self, sku: str, pieces: int) -> None:
        minute_later(self.clock)
        world = self._twin.world
        for product_id, kept in world.variations.items():
            for one in kept.values():
                if one["sku"] == sku:
                    world.touch(one, stock_quantity=pieces)
                    product = world.touch(world.products[product_id])
                    await self._behind.is_told(self._twin.hook("product.updated", product))

    async def tells_again(self) -> None:
        await self._behind.is_told_again()

    async def status_there(self, number: str) -> tuple[str, str]:
        row = self._rows[number]
        return STATUSES[row["status"]], ", ".join(str(value) for value in row["shipping"].values() if value)

    async def does(self, command: Command) -> Outcome:
        return await self._behind.does(command)

    def loses_its_words(self, lost: bool) -> None:
        self._behind.lost = lost

    async def is_compared(self) -> int:
        return await self._behind.is_compared()

    def goes_down(self, times: int) -> None:
        self._behind.goes_down(times)


@asynccontextmanager
async def woo(database: Database, clock: StandingClock) -> AsyncIterator[WooStand]:
    twin = WooTwin(clock, "CNY")
    async with serving(twin.app) as base:
        stand = WooStand(database, clock, twin, base)
        try:
            yield stand
        finally:
            await stand.close()
