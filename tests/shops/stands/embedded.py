"""The embedded shop: its owner's servers put things over HTTP and tell of changes by signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
from fastapi import FastAPI

from bot.shop.api import shop_routes
from bot.shop.bodies import CustomerBody, OrderBody, ProductBody, ShipmentBody
from bot.shop.commands import (
    AskInvoice,
    CancelCase,
    CancelOrder,
    ChangeAddress,
    Command,
    OpenCase,
    Outcome,
    RefundDifference,
)
from bot.shop.embedded import Asked, carry_out
from bot.shop.hook_api import hook_routes
from bot.store.database import Database
from tests.conftest import StandingClock
from tests.shops.small import counted, read_order
from tests.shops.stand import minute_later

KEY, SECRET = "k-tests-only", "not a real secret"


class EmbeddedStand:
    """Implements `tests.shops.stand.ShopStand`."""

    can: frozenset[type[Command]] = frozenset(
        {CancelOrder, ChangeAddress, OpenCase, CancelCase, AskInvoice, RefundDifference}
    )
    says = frozenset({"discount", "tier_prices", "country", "parcels"})
    is_remote = False

    def __init__(self, database: Database, clock: StandingClock) -> None:
        self.database, self.clock = database, clock
        self._new_id = counted("stand")
        self._ids: Iterator[int] = count(1)
        self._told: list[tuple[str, dict[str, Any]]] = []
        app = FastAPI()
        app.include_router(shop_routes(database, clock, KEY, self._new_id))
        app.include_router(hook_routes(database, clock, SECRET, self._new_id))
        bearer = {"Authorization": f"Bearer {KEY}"}
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop", headers=bearer)

    def called(self, ident: str) -> str:
        return ident

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _put(self, path: str, body: ProductBody | CustomerBody | OrderBody) -> None:
        answer = await self._http.put(f"/api/shop/{path}", json=body.model_dump(mode="json"))
        assert answer.status_code == 204, answer.text

    async def puts_product(self, ident: str, body: ProductBody) -> None:
        await self._put(f"products/{ident}", body)

    async def puts_customer(self, ident: str, body: CustomerBody) -> None:
        await self._put(f"customers/{ident}", body)

    async def puts_order(self, number: str, body: OrderBody) -> None:
        order = body.model_dump(mode="json")
        await self._tell({"type": "order.created", "order_number": number, "order": order})

    async def moves_order(self, number: str, status: str, parcel: ShipmentBody | None = None) -> None:
        event: dict[str, Any] = {"type": f"order.{status}", "order_number": number}
        if status == "paid":
            event["cart_id"] = None
        if parcel is not None:
            event["shipment"] = parcel.model_dump(mode="json")
        await self._tell(event)

    async def sets_stock(self, sku: str, pieces: int) -> None:
        await self._tell({"type": "stock.changed", "sku": sku, "stock": pieces})

    async def _tell(self, event: dict[str, Any]) -> None:
        event["changed_at"] = minute_later(self.clock).isoformat()
        self._told.append((f"msg_{next(self._ids)}", event))
        await self._send(*self._told[-1])

    async def _send(self, ident: str, event: dict[str, Any]) -> None:
        content, stamp = json.dumps(event).encode(), str(int(self.clock.now().timestamp()))
        signed = b".".join((ident.encode(), stamp.encode(), content))
        mac = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": ident, "webhook-timestamp": stamp, "webhook-signature": f"v1,{mac}"}
        answer = await self._http.post("/api/shop/hooks", content=content, headers=headers)
        assert answer.status_code == 200, answer.text

    async def tells_again(self) -> None:
        for ident, event in reversed(self._told):
            await self._send(ident, event)
            await self._send(f"{ident}-again", event)  # even if the delivery has another name

    async def status_there(self, number: str) -> tuple[str, str]:
        order = await self.database.read(lambda c: read_order(c, number))
        return order.status.value, order.address

    async def does(self, command: Command) -> Outcome:
        asked = Asked(None, self.clock.now(), self._new_id)
        return (await self.database.write(lambda c: carry_out(c, command, asked))).outcome

    def loses_its_words(self, lost: bool) -> None:
        raise NotImplementedError  # it is the shop itself

    async def is_compared(self) -> int:
        raise NotImplementedError

    def goes_down(self, times: int) -> None:
        raise NotImplementedError
