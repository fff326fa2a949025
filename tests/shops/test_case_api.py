"""Cases, invoices and coupons over HTTP, and many things at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from bot.shop.case_api import MOST_AT_ONCE, case_routes
from bot.shop.commands import AskInvoice, CaseLine, OpenCase
from bot.shop.embedded import Asked, carry_out
from bot.shop.port import CaseKind, Money
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import customers, orders, products
from tests.conftest import StandingClock
from tests.shops.small import NOW, counted, customer, fill, order, product, read_order, stock

KEY = "k-tests-only"
CASE = {
    "order_number": "A1", "kind": "return", "status": "open", "currency": "CNY", "opened_at": "2026-11-22T09:00:00Z",
    "parts": [{"sku": "tee-S"}], "reason": "small", "refund_minor": 5000,
}  # fmt: skip


@pytest.fixture
async def http(database: Database, clock: StandingClock) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(case_routes(database, clock, KEY))
    bearer = {"Authorization": f"Bearer {KEY}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/shop", headers=bearer) as client:
        yield client


@pytest.fixture
async def shop(database: Database) -> Database:
    await database.write(lambda c: fill(c, A1=order("delivered"), A2=order("paid")))
    return database


async def test_a_case_is_put_read_and_listed_by_status(http: httpx.AsyncClient, shop: Database) -> None:
    for number, status in (("C1", "open"), ("C2", "cancelled")):
        for _ in range(2):
            assert (await http.put(f"/cases/{number}", json={**CASE, "status": status})).status_code == 204
    found = (await http.get("/cases/C1")).json()
    assert (found["order_number"], found["kind"], found["refund"]["amount_minor"]) == ("A1", "return", 5000)
    assert [one["number"] for one in (await http.get("/cases", params={"status": "open"})).json()] == ["C1"]
    assert [one["number"] for one in (await http.get("/cases")).json()] == ["C1", "C2"]
    assert (await http.get("/orders/A1")).json()["lines"][0]["returned"] == 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"order_number": "A9"}, 404, "A9"),
        ({"order_number": "A2"}, 409, "A1"),
        ({"parts": [{"sku": "tee-L"}]}, 404, "tee-L"),
        ({"parts": [{"sku": "tee-S", "wanted_sku": "cup"}]}, 404, "cup"),
        ({"parts": []}, 422, "parts"),
        ({"status": "lost"}, 422, "status"),
        ({"opened_at": "2026-11-22T09:00:00"}, 422, "opened_at"),
    ],
)
async def test_a_case_that_fits_nothing_is_one_line_that_names_the_field(
    http: httpx.AsyncClient, shop: Database, body: dict[str, Any], status: int, says: str
) -> None:
    await http.put("/cases/C1", json=CASE)
    answer = await http.put("/cases/C1", json={**CASE, **body})
    assert (answer.status_code, says in answer.json()["message"]) == (status, True)
    assert "\n" not in answer.text
    assert (await http.get("/cases/C1")).json()["status"] == "open"


async def test_a_case_that_the_bot_opened_is_seen_and_decided_by_the_shops_servers(
    http: httpx.AsyncClient, shop: Database
) -> None:
    line = (await shop.read(lambda c: read_order(c, "A1"))).lines[0].id
    wish = OpenCase(CaseKind.EXCHANGE, "A1", (CaseLine(line, 1, "tee-M"),), "small", "", Money(0, "CNY"))
    await shop.write(lambda c: carry_out(c, wish, Asked(None, NOW, counted())))
    (case,) = (await http.get("/cases", params={"status": "open"})).json()
    assert case["parts"] == [{"line_id": line, "quantity": 1, "wanted_sku": "tee-M"}]
    decided = {**CASE, "kind": "exchange", "status": "rejected", "parts": [{"sku": "tee-S", "wanted_sku": "tee-M"}]}
    assert (await http.put(f"/cases/{case['number']}", json=decided)).status_code == 204
    assert (await stock(shop))["tee-M"] == 1


async def test_an_invoice_that_was_asked_for_is_issued_with_its_address(
    http: httpx.AsyncClient, shop: Database
) -> None:
    assert (await http.get("/orders/A2/invoice")).status_code == 404
    await shop.write(lambda c: carry_out(c, AskInvoice("A2", "青禾", "9131", "a@b.c"), Asked(None, NOW, counted())))
    assert (await http.get("/orders/A2/invoice")).json()["status"] == "wanted"
    issued = {"title": "青禾", "tax_id": "9131", "status": "issued", "url": "https://fp.example.test/1"}
    assert (await http.put("/orders/A2/invoice", json=issued)).status_code == 204
    found = (await http.get("/orders/A2/invoice")).json()
    assert (found["status"], found["url"]) == ("issued", "https://fp.example.test/1")
    assert (await http.put("/orders/A9/invoice", json=issued)).status_code == 404


async def test_coupons_are_read_with_the_one_that_ends_first_in_front(http: httpx.AsyncClient, shop: Database) -> None:
    for code, ends in (("EVER", None), ("LATE", "2026-12-24T00:00:00Z"), ("SOON", "2026-11-24T00:00:00Z")):
        coupon = {"amount_minor": 1000, "least_minor": 9900, "currency": "CNY", "ends_at": ends}
        assert (await http.put(f"/customers/mia/coupons/{code}", json=coupon)).status_code == 204
    used = {"amount_minor": 1000, "currency": "CNY", "used": True}
    assert (await http.put("/customers/mia/coupons/EVER", json=used)).status_code == 204
    found = (await http.get("/customers/mia/coupons")).json()
    assert [(one["code"], one["used"]) for one in found] == [("SOON", False), ("LATE", False), ("EVER", True)]
    assert found[0]["least"] == {"amount_minor": 9900, "currency": "CNY"}
    assert (await http.put("/customers/tom/coupons/X", json=used)).status_code == 404


# --- many at once ------------------------------------------------------------------------------------------------


def bulk(**changes: Any) -> dict[str, Any]:
    whole = {
        "cases": {"C1": CASE},
        "orders": {"A1": order("delivered").model_dump(mode="json")},
        "customers": {"mia": customer().model_dump(mode="json")},
        "products": {"tee": product().model_dump(mode="json")},
    }
    return {**whole, **changes}


async def test_many_things_are_put_whatever_names_what(http: httpx.AsyncClient, database: Database) -> None:
    for _ in range(2):
        answer = await http.post("/bulk", json=bulk())
        assert (answer.status_code, answer.json()) == (200, {"put": 4})
    (case,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
    assert case.number == "C1"


async def counts(database: Database) -> list[int]:
    return [
        await database.read(lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar_one())  # type: ignore[misc]
        for table in (products, customers, orders)
    ]


async def test_nothing_is_put_if_one_thing_cannot_be_and_all_faults_are_told(
    http: httpx.AsyncClient, database: Database
) -> None:
    bad = {
        "A2": order("paid", customer_id="tom").model_dump(mode="json"),
        "A3": order("paid", sku="cup").model_dump(mode="json"),
    }
    answer = await http.post("/bulk", json=bulk(orders={**bulk()["orders"], **bad}))
    said = answer.json()["message"]
    assert (answer.status_code, "orders.A2" in said, "tom" in said, "orders.A3" in said, "cup" in said) == (
        422, True, True, True, True,
    )  # fmt: skip
    assert await counts(database) == [0, 0, 0]
    wrong = {ident: {"name": "Mia", "fone": "1"} for ident in ("m1", "m2")}
    said = (await http.post("/bulk", json=bulk(customers=wrong))).json()["message"]
    assert "m1" in said and "m2" in said
    many = {f"c{n}": customer().model_dump(mode="json") for n in range(MOST_AT_ONCE + 1)}
    assert (await http.post("/bulk", json={"customers": many})).status_code == 422
    assert await counts(database) == [0, 0, 0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/A1"), ("GET", "/cases"), ("GET", "/cases/C1"), ("PUT", "/cases/C1"),
        ("GET", "/orders/A1/invoice"), ("PUT", "/orders/A1/invoice"), ("GET", "/customers/mia/coupons"),
        ("PUT", "/customers/mia/coupons/X"), ("POST", "/bulk"),
    ],
)  # fmt: skip
async def test_all_of_it_needs_the_key(http: httpx.AsyncClient, shop: Database, method: str, path: str) -> None:
    answer = await http.request(method, path, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
