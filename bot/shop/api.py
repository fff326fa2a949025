"""The shop over HTTP, for the shop's own servers: what there is, and what happens that the bot acts on."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from bot.campaigns.flash import Claim, claims_of
from bot.clock import Clock, IdMaker, new_id
from bot.errors import NotAllowed, NotFound, ZhangguiError
from bot.shop.bodies import Body, CustomerBody, Key, OrderBody, ProductBody, SaleBody
from bot.shop.changes import put_cart
from bot.shop.events import ShopEvent, record
from bot.shop.load import put_customer, put_order, put_product, put_sale
from bot.shop.port import Cart, Product
from bot.shop.sql import SqlShop
from bot.store.database import Database

_HTTP_STATUS = {"rights": 401, "missing": 404, "conflict": 409}
_bearer = HTTPBearer(auto_error=False, description="The API key of the shop.")
_Id = Annotated[str, Path(max_length=60, pattern=r"^[^\x00]*$")]
"""Some room is left in the column: ids of parcels begin with their order's number."""


class CartLine(Body):
    """Pieces of one variant."""

    sku: Key
    quantity: Annotated[int, Field(ge=1, le=999)]


class CartContent(Body):
    """All that lies in the cart now; an empty list empties it."""

    lines: Annotated[list[CartLine], Field(max_length=200)]


class Recorded(BaseModel):
    """`changed` is False for an event that was recorded before, or that asks for nothing."""

    changed: bool


class Fault(BaseModel):
    """Why a request was refused, and what to do, in one line."""

    error: str
    message: str


class _PlainFaults(APIRoute):
    """Answers every refusal as one `Fault`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                return _fault(422, "request", f"{where}: {first['msg']}. Correct it and send the request again.")
            except ZhangguiError as error:
                return _fault(_HTTP_STATUS.get(error.code, 500), error.code, str(error))

        return guarded


def _fault(status: int, code: str, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": code, "message": message}, status, headers)


def _only_with(api_key: str) -> Callable[..., None]:
    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        # An empty key opens nothing: a shop that has set none takes no events.
        if given is None or not api_key or not hmac.compare_digest(given.credentials.encode(), api_key.encode()):
            raise NotAllowed("The API key is missing or wrong. Send it as the header 'Authorization: Bearer KEY'.")

    return check


def shop_routes(database: Database, clock: Clock, api_key: str, make_id: IdMaker = new_id) -> APIRouter:
    """Return the routes under `/api/shop`. The catalogue is public; all else needs the key as bearer token."""
    router = APIRouter(prefix="/api/shop", tags=["shop"], route_class=_PlainFaults)
    keyed = [Depends(_only_with(api_key))]
    faults: dict[int | str, dict[str, Any]] = {code: {"model": Fault} for code in (401, 404, 409, 422)}

    @router.get("/products")
    async def list_products() -> list[Product]:
        """Every product on sale, with its variants, prices in minor units and stock."""
        return list(await database.read(lambda connection: SqlShop(connection).products()))

    @router.put("/products/{product_id}", dependencies=keyed, responses=faults, status_code=204)
    async def write_product(product_id: _Id, body: ProductBody) -> None:
        """Put a product with its variants. One that is left out has no stock any more."""
        await database.write(lambda connection: put_product(connection, product_id, body))

    @router.put("/customers/{customer_id}", dependencies=keyed, responses=faults, status_code=204)
    async def write_customer(customer_id: _Id, body: CustomerBody) -> None:
        """Put a customer."""
        await database.write(lambda connection: put_customer(connection, customer_id, body, clock.now()))

    @router.put("/orders/{number}", dependencies=keyed, responses=faults, status_code=204)
    async def write_order(number: _Id, body: OrderBody) -> None:
        """Put an order with its lines, parcels and their trail."""
        await database.write(lambda connection: put_order(connection, number, body, clock.now()))

    @router.put("/sales/{sale_id}", dependencies=keyed, responses=faults, status_code=204)
    async def write_sale(sale_id: _Id, body: SaleBody) -> None:
        """Put the draft of a flash sale. One that was started stays as it is."""
        await database.write(lambda connection: put_sale(connection, sale_id, body))

    @router.get("/sales/{sale_id}/claims", dependencies=keyed, responses=faults)
    async def read_claims(sale_id: _Id) -> list[Claim]:
        """Who holds or has paid a piece of a flash sale."""
        return list(await database.read(lambda connection: claims_of(connection, sale_id)))

    @router.get("/customers/{customer_id}/cart", dependencies=keyed, responses=faults)
    async def read_cart(customer_id: _Id) -> Cart:
        """The customer's open cart."""
        cart = await database.read(lambda connection: SqlShop(connection).open_cart(customer_id))
        if cart is None:
            raise NotFound(f"Customer {customer_id} has no open cart. Open one with PUT.")
        return cart

    @router.put("/customers/{customer_id}/cart", dependencies=keyed, responses=faults)
    async def write_cart(customer_id: _Id, content: CartContent) -> Recorded:
        """Replace what lies in the customer's cart, and start its follow-up anew."""
        lines: dict[str, int] = {}
        for line in content.lines:
            lines[line.sku] = lines.get(line.sku, 0) + line.quantity
        await database.write(lambda connection: put_cart(connection, customer_id, lines, clock.now(), make_id))
        return Recorded(changed=True)

    @router.post("/events", dependencies=keyed, responses=faults)
    async def post_event(event: ShopEvent) -> Recorded:
        """Tell the bot what happened in the shop. Repeating an event is harmless."""
        return Recorded(
            changed=await database.write(lambda connection: record(connection, event, clock.now(), make_id))
        )

    return router
