"""Orders, cases, invoices and coupons over HTTP: what the bot did, and what the shop's servers decide about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy import true

from bot.clock import Clock
from bot.errors import NotFound, ZhangguiError
from bot.shop.aftersale import put_case
from bot.shop.api import PathId
from bot.shop.batch import Item, put_all
from bot.shop.bodies import Body, CaseBody, CouponBody, CustomerBody, InvoiceBody, OrderBody, ProductBody
from bot.shop.door import FAULTS, PlainFaults, only_with
from bot.shop.invoices import put_invoice
from bot.shop.load import put_coupon
from bot.shop.port import Case, CaseStatus, Coupon, Invoice, Order
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import cases

MOST_AT_ONCE = 5000
Ident = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
PathCode = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class TooMany(ZhangguiError):
    """Too much was sent at once. Send less."""

    code = "request"


class Bulk(Body):
    """Many things at once, each under its id; what others name may be among them. At most 5000 in all."""

    products: dict[Ident, ProductBody] = Field(default_factory=dict)
    customers: dict[Ident, CustomerBody] = Field(default_factory=dict)
    orders: dict[Ident, OrderBody] = Field(default_factory=dict)
    cases: dict[Ident, CaseBody] = Field(default_factory=dict)

    def items(self) -> list[Item]:
        """Return everything, with the field it stands in."""
        return [
            *(Item(ident, body, f"products.{ident}") for ident, body in self.products.items()),
            *(Item(ident, body, f"customers.{ident}") for ident, body in self.customers.items()),
            *(Item(ident, body, f"orders.{ident}") for ident, body in self.orders.items()),
            *(Item(ident, body, f"cases.{ident}") for ident, body in self.cases.items()),
        ]


class Put(Body):
    """How many things were put."""

    put: int


def case_routes(database: Database, clock: Clock, api_key: str) -> APIRouter:
    """Return the routes; all of them need the key as bearer token."""
    keyed = [Depends(only_with(api_key))]
    router = APIRouter(prefix="/api/shop", tags=["shop"], route_class=PlainFaults, dependencies=keyed, responses=FAULTS)

    @router.get("/orders/{number}")
    async def read_order(number: PathId) -> Order:
        """One order as the bot sees it."""
        order = await database.read(lambda connection: SqlShop(connection).order(number))
        if order is None:
            raise NotFound(f"There is no order {number}. Put it there first.")
        return order

    @router.get("/cases")
    async def list_cases(
        status: CaseStatus | None = None, most: Annotated[int, Query(ge=1, le=1000)] = 200
    ) -> list[Case]:
        """Returns, exchanges and refunds, the newest first."""
        which = cases.c.status == status.value if status else true()
        return list(await database.read(lambda connection: SqlShop(connection).cases(which, most)))

    @router.get("/cases/{number}")
    async def read_case(number: PathId) -> Case:
        """One return, exchange or refund."""
        found = await database.read(lambda connection: SqlShop(connection).cases(cases.c.number == number))
        if not found:
            raise NotFound(f"There is no case {number}. Take its number from GET /api/shop/cases.")
        return found[0]

    @router.put("/cases/{number}", status_code=204)
    async def write_case(number: PathId, body: CaseBody) -> None:
        """Put a return, an exchange or a refund. What the bot holds for an exchange is free when the case is over."""
        await database.write(lambda connection: put_case(connection, number, body, clock.now()))

    @router.get("/orders/{number}/invoice")
    async def read_invoice(number: PathId) -> Invoice:
        """The invoice that was asked for."""
        invoice = await database.read(lambda connection: SqlShop(connection).invoice_of(number))
        if invoice is None:
            raise NotFound(f"No invoice was asked for order {number}.")
        return invoice

    @router.put("/orders/{number}/invoice", status_code=204)
    async def write_invoice(number: PathId, body: InvoiceBody) -> None:
        """Put how far the invoice of an order is."""
        await database.write(lambda connection: put_invoice(connection, number, body, clock.now()))

    @router.get("/customers/{customer_id}/coupons")
    async def list_coupons(customer_id: PathId) -> list[Coupon]:
        """A customer's coupons, used and ended ones too."""
        return list(await database.read(lambda connection: SqlShop(connection).coupons_of(customer_id)))

    @router.put("/customers/{customer_id}/coupons/{code}", status_code=204)
    async def write_coupon(customer_id: PathId, code: PathCode, body: CouponBody) -> None:
        """Put a coupon of a customer."""
        await database.write(lambda connection: put_coupon(connection, customer_id, code, body))

    @router.post("/bulk")
    async def write_bulk(body: Bulk) -> Put:
        """Put many things: all of them, or none and every fault at once."""
        items = body.items()
        if len(items) > MOST_AT_ONCE:
            raise TooMany(f"{len(items)} things are too many at once. Send at most {MOST_AT_ONCE}.")
        await database.write(lambda connection: put_all(connection, items, clock.now()))
        return Put(put=len(items))

    return router
