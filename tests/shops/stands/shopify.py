"""A Shopify shop: its owner changes it there, and the bot hears of it over the documented wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.shop.bodies import CustomerBody, OrderBody, OrderLineBody, ProductBody, ShipmentBody
from bot.shop.commands import Command, Outcome
from bot.shop.shopify.platform import Shopify
from bot.store.database import Database
from tests.conftest import StandingClock
from tests.shops.stand import minute_later
from tests.shops.stands.wired import Behind, written
from tests.shops.twins.serving import serving
from tests.shops.twins.shopify import SECRET, SHOP, TOKEN, ShopifyTwin, Ticker
from tests.shops.twins.shopify_world import Row, bag, gid

EVENTS = {"picked_up": "CARRIER_PICKED_UP", "in_transit": "IN_TRANSIT"}
ISO = "%Y-%m-%dT%H:%M:%SZ"


class ShopifyStand:
    """Implements `tests.shops.stand.ShopStand`."""

    can: frozenset[type[Command]] = Shopify.can
    says = frozenset({"discount", "country", "parcels"})
    is_remote = True

    def __init__(self, database: Database, clock: StandingClock, twin: ShopifyTwin, ticker: Ticker, base: str) -> None:
        self.database, self.clock = database, clock
        self._twin, self._ticker, self._base = twin, ticker, base
        self._rows: dict[str, Row] = {}
        self._behind = self._in(twin.world.currency)

    def _in(self, currency: str) -> Behind:
        platform = Shopify(
            SHOP, self._base, "", SECRET, TOKEN, currency, self.clock, sleep=self._ticker.sleep, monotonic=self._ticker
        )
        return Behind(self.database, self.clock, platform, self._twin.faults, "x-shopify-event-id")

    async def close(self) -> None:
        await self._behind.close()

    def called(self, ident: str) -> str:
        return str(self._rows[ident]["legacyResourceId"])

    async def puts_product(self, ident: str, body: ProductBody) -> None:
        minute_later(self.clock)
        world, currency = self._twin.world, body.variants[0].currency
        if currency != world.currency:  # a shop has one, and the bot is set to it
            world.currency = currency
            await self._behind.close()
            self._behind = self._in(currency)
        row = self._rows[ident] = self._rows.get(ident) or world.add_product([])
        fresh = world.add_product([variant.sku for variant in body.variants])
        del world.products[fresh["id"]]
        for variant, one in zip(body.variants, fresh["variants"], strict=True):
            options = [{"name": "Color", "value": variant.colour.en}, {"name": "Size", "value": variant.size}]
            price = written(variant.price_minor, currency)
            one |= {"price": price, "inventoryQuantity": variant.stock, "selectedOptions": options, "product": row}
        status = "ACTIVE" if body.active else "DRAFT"
        world.touch(row, title=body.name.en, productType=body.category, status=status, variants=fresh["variants"])
        await self._behind.is_told(self._twin.hook("products/update", row))

    async def puts_customer(self, ident: str, body: CustomerBody) -> None:
        minute_later(self.clock)
        row = self._rows[ident] = self._rows.get(ident) or self._twin.world.add_customer()
        phone = {"phoneNumber": body.phone}
        self._twin.world.touch(row, firstName=body.name, lastName="", defaultPhoneNumber=phone)
        await self._behind.is_told(self._twin.hook("customers/update", row))

    async def puts_order(self, number: str, body: OrderBody) -> None:
        minute_later(self.clock)
        world, currency = self._twin.world, body.currency
        order_id, paid_at = world.new_id(), body.paid_at
        total = bag(written(body.total_minor, currency), currency)
        sale = {"id": gid("OrderTransaction", world.new_id()), "kind": "SALE", "status": "SUCCESS", "gateway": "visa",
                "parentTransaction": None, "amountSet": total}  # fmt: skip
        address = {"firstName": "", "lastName": "Mia", "company": None, "address1": body.address, "address2": "",
                   "city": "Berlin", "province": None, "provinceCode": None, "zip": "10115",
                   "countryCodeV2": body.country or "DE", "phone": None}  # fmt: skip
        row: Row = {"id": gid("Order", order_id), "legacyResourceId": str(order_id), "name": f"#{number}", "phone": None,
               "createdAt": body.created_at.strftime(ISO), "updatedAt": world.stamp(),
               "processedAt": (paid_at or body.created_at).strftime(ISO), "cancelledAt": None,
               "displayFinancialStatus": "PAID" if paid_at else "PENDING", "displayFulfillmentStatus": "UNFULFILLED",
               "customer": self._rows[body.customer_id], "shippingAddress": address, "totalPriceSet": total,
               "totalShippingPriceSet": bag(written(body.shipping_minor or 0, currency), currency),
               "totalDiscountsSet": bag(written(body.discount_minor or 0, currency), currency),
               "lineItems": [self._line(line, currency) for line in body.lines], "fulfillments": [], "returns": [],
               "refunds": [], "transactions": [sale] if paid_at else []}  # fmt: skip
        world.orders[row["id"]] = row
        self._rows[number] = row
        await self._behind.is_told(self._twin.hook("orders/create", row))

    def _line(self, line: OrderLineBody, currency: str) -> Row:
        world = self._twin.world
        variant = next(v for p in world.products.values() for v in p["variants"] if v["sku"] == line.sku)
        whole = line.price_minor * line.quantity
        paid = whole if line.paid_minor is None else line.paid_minor
        return {"id": gid("LineItem", world.new_id()), "title": "tee", "variantTitle": None, "sku": line.sku,
                "quantity": line.quantity, "variant": variant,
                "originalUnitPriceSet": bag(written(line.price_minor, currency), currency),
                "discountedTotalSet": bag(written(paid, currency), currency)}  # fmt: skip

    async def moves_order(self, number: str, status: str, parcel: ShipmentBody | None = None) -> None:
        minute_later(self.clock)
        row, world = self._rows[number], self._twin.world
        if status == "paid":
            world.touch(row, displayFinancialStatus="PAID", processedAt=world.stamp())
        if status == "cancelled":
            world.touch(row, cancelledAt=world.stamp())
        if status == "shipped":
            sent = world.ship(row, parcel.tracking_number if parcel else "")
            sent["trackingInfo"][0]["company"] = parcel.carrier if parcel else None
            for event in parcel.events if parcel else ():
                sent["events"].append({"status": EVENTS[event.status], "happenedAt": event.at.strftime(ISO),
                                       "city": event.place.en, "country": "DE"})  # fmt: skip
        if status == "delivered":
            for sent in row["fulfillments"]:
                sent["deliveredAt"] = world.stamp()
            world.touch(row)
        await self._behind.is_told(self._twin.hook("orders/updated", row))

    async def deletes_customer(self, ident: str) -> None:
        """Delete whoever `ident` is, while the shop goes on telling their orders with all that stands in them."""
        minute_later(self.clock)
        for order in self._twin.world.orders.values():
            self._twin.world.touch(order, customer=None)
        row = self._twin.world.customers.pop(self._rows[ident]["id"])
        await self._behind.is_told(self._twin.hook("customers/redact", row))

    async def sets_stock(self, sku: str, pieces: int) -> None:
        minute_later(self.clock)
        for product in self._twin.world.products.values():
            for variant in product["variants"]:
                if variant["sku"] == sku:
                    variant["inventoryQuantity"] = pieces
                    self._twin.world.touch(product)
                    await self._behind.is_told(self._twin.hook("products/update", product))

    async def tells_again(self) -> None:
        await self._behind.is_told_again()

    async def status_there(self, number: str) -> tuple[str, str]:
        row = self._rows[number]
        if row["cancelledAt"]:
            status = "cancelled"
        elif row["fulfillments"]:
            status = "delivered" if all(one["deliveredAt"] for one in row["fulfillments"]) else "shipped"
        else:
            status = "paid" if row["displayFinancialStatus"] == "PAID" else "unpaid"
        return status, ", ".join(str(value) for value in row["shippingAddress"].values() if value)

    async def does(self, command: Command) -> Outcome:
        return await self._behind.does(command)

    def loses_its_words(self, lost: bool) -> None:
        self._behind.lost = lost

    async def is_compared(self) -> int:
        return await self._behind.is_compared()

    def goes_down(self, times: int) -> None:
        self._behind.goes_down(times)


@asynccontextmanager
async def shopify(database: Database, clock: StandingClock) -> AsyncIterator[ShopifyStand]:
    ticker = Ticker()
    twin = ShopifyTwin(clock, ticker)
    twin.world.currency = "CNY"
    async with serving(twin.app) as base:
        stand = ShopifyStand(database, clock, twin, ticker, base)
        try:
            yield stand
        finally:
            await stand.close()
