"""The adapter against a platform of a few lines, over real HTTP on the loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.clock import SystemClock
from bot.errors import BadCallback
from bot.shop.commands import CancelOrder, Outcome
from bot.shop.platform import Kind, PlatformDown, PlatformRefuses

from .platform import ExampleShop

CAPTURED: dict[str, Any] = json.loads(Path(__file__).with_name("order.json").read_text(encoding="utf-8"))
TOKEN, SECRET = "test-token", "test-secret"


class Stage:
    """A platform with many orders, and the adapter. `busy` answers that many requests with 503."""

    def __init__(self, base: str) -> None:
        self.orders = {f"E-{number}": {**CAPTURED, "number": f"E-{number}"} for number in range(1001, 1251)}
        self.cancelled: dict[str, str] = {}
        self.busy = 0
        self.platform = ExampleShop(clock=SystemClock(), currency="CNY", api_base=base, token=TOKEN, secret=SECRET)

    def refused(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return PlainTextResponse("no", 401)
        if self.busy:
            self.busy -= 1
            return PlainTextResponse("busy", 503, {"Retry-After": "0.01"})
        return None

    async def changes(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        start, limit = int(request.query_params["cursor"] or 0), int(request.query_params["limit"])
        things = list(self.orders.values())[start : start + limit]
        following = str(start + limit) if start + limit < len(self.orders) else None
        return JSONResponse({"things": things, "next": following})

    async def order(self, request: Request) -> Response:
        found = self.orders.get(request.path_params["number"])
        return self.refused(request) or (JSONResponse(found) if found else PlainTextResponse("none", 404))

    async def cancel(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        order = self.orders[request.path_params["number"]]
        key = request.headers["idempotency-key"]
        if key not in self.cancelled and order["state"] != "paid":
            return JSONResponse({"message": "it has left"}, 409)
        order["state"] = "cancelled"
        return JSONResponse({"id": self.cancelled.setdefault(key, f"c-{len(self.cancelled)}")})


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    listener = socket.create_server(("127.0.0.1", 0))
    stage = Stage(f"http://127.0.0.1:{listener.getsockname()[1]}")
    routes = [
        Route("/changes", stage.changes),
        Route("/orders/{number}", stage.order),
        Route("/orders/{number}/cancel", stage.cancel, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield stage
    await stage.platform.close()
    server.should_exit = True
    await serving


async def test_a_captured_order_is_read_exactly(stage: Stage) -> None:
    customer, order = await stage.platform.order("E-1001")
    assert (customer.kind, customer.id, order.kind, order.id) == (Kind.CUSTOMER, "u-7", Kind.ORDER, "E-1001")
    body: Any = order.body
    assert (body.total_minor, body.currency, body.status) == (39800, "CNY", "paid")
    assert (body.lines[0].sku, body.lines[0].price_minor) == ("shirt-M", 19900)
    assert body.shipments[0].tracking_number == "SF1001"
    assert await stage.platform.order("E-9") == ()


async def test_all_pages_are_read_also_when_the_platform_is_busy_for_a_moment(stage: Stage) -> None:
    stage.busy = 2
    told = [one async for page in stage.platform.changes(None) for one in page]
    assert {one.id for one in told if one.kind is Kind.ORDER} == set(stage.orders)


async def test_a_platform_that_stays_busy_is_down(stage: Stage) -> None:
    stage.busy = 10
    with pytest.raises(PlatformDown):
        await stage.platform.order("E-1001")


async def test_one_order_that_makes_no_sense_stops_no_other(stage: Stage) -> None:
    stage.orders["E-1001"]["state"] = "confused"
    told = [one async for page in stage.platform.changes(None) for one in page]
    assert len({one.id for one in told if one.kind is Kind.ORDER}) == len(stage.orders) - 1


async def test_cancelling_again_with_the_same_key_finds_what_was_done(stage: Stage) -> None:
    first = await stage.platform.do(CancelOrder("E-1001", "bought twice"), "key-1")
    assert first.outcome is Outcome.DONE
    assert await stage.platform.do(CancelOrder("E-1001", "bought twice"), "key-1") == first
    assert (await stage.platform.do(CancelOrder("E-1001", ""), "key-2")).outcome is Outcome.REFUSED


async def test_a_webhook_is_read_if_its_signature_is_right(stage: Stage) -> None:
    body = json.dumps(CAPTURED).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    delivery, told = stage.platform.hook({"x-signature": signature, "x-delivery": "d-1"}, body)
    assert (delivery, [one.kind for one in told]) == ("d-1", [Kind.CUSTOMER, Kind.ORDER])
    for headers in ({"x-signature": "0" * 64, "x-delivery": "d-1"}, {"x-delivery": "d-1"}, {"x-signature": signature}):
        with pytest.raises(BadCallback):
            stage.platform.hook(headers, body)


async def test_a_wrong_token_is_told(stage: Stage) -> None:
    stage.platform._headers["Authorization"] = "Bearer wrong"  # noqa: SLF001
    with pytest.raises(PlatformRefuses):
        await stage.platform.order("E-1001")
