"""The shop over HTTP, for the shop's own servers: what there is, and what happens that the bot acts on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, Field

from bot.campaigns.claimants import Claim, claims_of
from bot.clock import Clock, IdMaker, new_id
from bot.errors import Conflict, NotFound
from bot.shop.bodies import Body, CustomerBody, Key, OrderBody, PayUrl, ProductBody, SaleBody
from bot.shop.changes import put_cart
from bot.shop.door import FAULTS, PlainFaults, Recorded, only_with
from bot.shop.event_bodies import ShopEvent
from bot.shop.events import answered
from bot.shop.load import put_customer, put_order, put_product, put_sale
from bot.shop.port import Cart, Product
from bot.shop.sql import SqlShop
from bot.store.database import Database

PathId = Annotated[str, Path(max_length=60, pattern=r"^[^\x00]*$")]
"""Some room is left in the column: ids of parcels begin with their order's number."""


class CartLine(Body):
    """Pieces of one variant."""

    sku: Key
    quantity: Annotated[int, Field(ge=1, le=999)]


class CartContent(Body):
    """All that lies in the cart now; an empty list empties it. `pay_url` is where the customer can pay it.

    `changed_at` is when the customer changed it, where that is not now: a cart that is told of a day late is not
    followed up.
    """

    lines: Annotated[list[CartLine], Field(max_length=200)]
    pay_url: PayUrl = ""
    changed_at: AwareDatetime | None = None


def shop_routes(database: Database, clock: Clock, api_key: str, make_id: IdMaker = new_id) -> APIRouter:
    """Return the routes under `/api/shop`. The catalogue is public; all else needs the key as bearer token."""
    router = APIRouter(prefix="/api/shop", tags=["shop"], route_class=PlainFaults)
    keyed = [Depends(only_with(api_key))]

    @router.get("/products")
    async def list_products() -> list[Product]:
        """Every product on sale, with its variants, prices in minor units and stock."""
        return list(await database.read(lambda connection: SqlShop(connection).products()))

    @router.put("/products/{product_id}", dependencies=keyed, responses=FAULTS, status_code=204)
    async def write_product(product_id: PathId, body: ProductBody) -> None:
        """Put a product with its variants. One that is left out has no stock any more."""
        await database.write(lambda connection: put_product(connection, product_id, body, clock.now()))

    @router.put("/customers/{customer_id}", dependencies=keyed, responses=FAULTS, status_code=204)
    async def write_customer(customer_id: PathId, body: CustomerBody) -> None:
        """Put a customer."""
        await database.write(lambda connection: put_customer(connection, customer_id, body, clock.now()))

    @router.put("/orders/{number}", dependencies=keyed, responses=FAULTS, status_code=204)
    async def write_order(number: PathId, body: OrderBody) -> None:
        """Put an order with its lines, parcels and their trail."""
        await database.write(lambda connection: put_order(connection, number, body, clock.now()))

    @router.put("/sales/{sale_id}", dependencies=keyed, responses=FAULTS, status_code=204)
    async def write_sale(sale_id: PathId, body: SaleBody) -> None:
        """Put the draft of a flash sale. One that was started stays as it is."""
        await database.write(lambda connection: put_sale(connection, sale_id, body))

    @router.get("/sales/{sale_id}/claims", dependencies=keyed, responses=FAULTS)
    async def read_claims(sale_id: PathId) -> list[Claim]:
        """Who holds or has paid a piece of a flash sale."""
        return list(await database.read(lambda connection: claims_of(connection, sale_id)))

    @router.get("/customers/{customer_id}/cart", dependencies=keyed, responses=FAULTS)
    async def read_cart(customer_id: PathId) -> Cart:
        """The customer's open cart."""
        cart = await database.read(lambda connection: SqlShop(connection).open_cart(customer_id))
        if cart is None:
            raise NotFound(f"Customer {customer_id} has no open cart. Open one with PUT.")
        return cart

    @router.put("/customers/{customer_id}/cart", dependencies=keyed, responses=FAULTS)
    async def write_cart(customer_id: PathId, content: CartContent) -> Recorded:
        """Replace what lies in the customer's cart, and start its follow-up anew."""
        lines: dict[str, int] = {}
        for line in content.lines:
            lines[line.sku] = lines.get(line.sku, 0) + line.quantity
        told = content.pay_url, content.changed_at
        await database.write(lambda c: put_cart(c, customer_id, lines, clock.now(), make_id, *told))
        return Recorded(changed=True)

    @router.post("/events", dependencies=keyed, responses=FAULTS)
    async def post_event(event: ShopEvent) -> Recorded:
        """Tell the bot what happened in the shop. Repeating an event is harmless."""
        changed, refused = await database.write(lambda c: answered(c, event, clock.now(), make_id))
        if refused:  # only now: what people have to do about it is written down
            raise Conflict(refused)
        return Recorded(changed=changed)

    return router
