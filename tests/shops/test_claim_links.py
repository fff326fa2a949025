"""Links that claim a piece: for one person, signed, good once, by POST only, and not too often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, select

from bot.campaigns import flash
from bot.campaigns.links import GOOD_FOR, Links
from bot.clock import IdMaker
from bot.shop.claim_api import A_PERSON, AN_ADDRESS, claim_routes
from bot.store.database import Database
from bot.store.tables import claims, sales
from tests.conftest import StandingClock
from tests.delivery.stand import arrive, mute, said
from tests.delivery.test_sales import draft

KEY = "k-tests-only"


class Page:
    """The shop's own pages: they get links with the key, and their visitors' browsers use them."""

    def __init__(self, http: httpx.AsyncClient, database: Database) -> None:
        self.http, self.database = http, database

    async def link(self, user: str, sale_id: str = "sale", key: str = KEY) -> httpx.Response:
        whose = {"channel": "web:shop", "user": user}
        header = {"Authorization": f"Bearer {key}"}
        return await self.http.post(f"/api/shop/sales/{sale_id}/links", json=whose, headers=header)

    async def token(self, user: str) -> str:
        return str((await self.link(user)).json()["token"])

    async def use(self, token: str) -> httpx.Response:
        return await self.http.post("/api/shop/claims", json={"token": token})


@pytest.fixture
async def page(database: Database, clock: StandingClock, new_id: IdMaker) -> AsyncIterator[Page]:
    """A running sale of three pieces, and two people whom the bot has met."""
    await arrive(database, clock, new_id, said(1, chat="u1"), said(1, chat="u2"))

    def begin(connection: Connection) -> None:
        draft(connection)
        connection.execute(sales.update().values(audiences=[], pay_url="https://shop.test/pay/{claim}"))
        flash.start(connection, "sale", lambda _language, _facts: mute(()), clock.now())

    await database.write(begin)
    app = FastAPI()
    app.include_router(claim_routes(database, clock, KEY, Links("s" * 32), new_id))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        yield Page(http, database)


async def claims_made(page: Page) -> int:
    return len(await page.database.read(lambda c: c.execute(select(claims.c.id)).all()))


async def test_a_link_claims_a_piece_for_its_person_once(page: Page, clock: StandingClock) -> None:
    token = await page.token("u1")
    got = (await page.use(token)).json()
    assert (got["outcome"], got["left"]) == ("held", 2)
    assert got["pay_url"] == f"https://shop.test/pay/{got['claim_id']}"
    again = await page.use(token)
    assert (again.status_code, "used before" in again.json()["message"]) == (409, True)
    assert (await page.use(await page.token("u1"))).json()["outcome"] == "again"
    assert await claims_made(page) == 1


async def test_a_button_on_a_page_of_another_site_may_send_it_and_read_every_answer(page: Page) -> None:
    elsewhere = {"Origin": "https://shop.test"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = await page.http.options("/api/shop/claims", headers={**elsewhere, **asks})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "*")
    assert allowed.headers["access-control-allow-methods"] == "POST"
    assert allowed.headers["access-control-allow-headers"].lower() == "content-type"
    token = await page.token("u1")
    answers = [await page.use(token), await page.use(token), await page.use("wrong")]
    answers.append(await page.http.post("/api/shop/claims", json={}))
    assert [answer.status_code for answer in answers] == [200, 409, 401, 422]
    assert {answer.headers.get("access-control-allow-origin") for answer in answers} == {"*"}
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in (await page.link("u1")).headers


async def test_only_the_shop_makes_links_and_only_for_people_and_sales_there_are(page: Page) -> None:
    assert (await page.link("u1", key="wrong")).status_code == 401
    assert (await page.link("nobody")).status_code == 404
    assert (await page.link("u1", sale_id="none")).status_code == 404


@pytest.mark.parametrize("change", ["person", "signature", "nonsense", "other secret"])
async def test_a_link_that_was_not_made_here_claims_nothing(page: Page, change: str, clock: StandingClock) -> None:
    token = await page.token("u1")
    said_, _, signature = token.partition(".")
    other = (await page.token("u2")).partition(".")[0]
    foreign = Links("t" * 32).sign(Links("s" * 32).read(token, clock.now()))
    wrong = {
        "person": f"{other}.{signature}",
        "signature": f"{said_}.{'A' * len(signature)}",
        "nonsense": "抢.é",
        "other secret": foreign,
    }[change]
    assert (await page.use(wrong)).status_code == 401
    assert await claims_made(page) == 0


async def test_an_old_link_claims_nothing(page: Page, clock: StandingClock) -> None:
    token = await page.token("u1")
    clock.advance(GOOD_FOR)
    assert (await page.use(token)).status_code == 401


async def test_who_only_looks_at_a_link_claims_nothing(page: Page) -> None:
    token = await page.token("u1")
    looked: Any = await page.http.get("/api/shop/claims", params={"token": token})
    assert looked.status_code == 405
    assert await claims_made(page) == 0


async def test_a_person_and_an_address_are_slowed_down(page: Page, clock: StandingClock) -> None:
    tokens = [await page.token("u1") for _ in range(A_PERSON + 1)]
    codes = [(await page.use(token)).status_code for token in tokens]
    assert codes == [200] * A_PERSON + [429]
    assert (await page.use(await page.token("u2"))).status_code == 200
    for _ in range(AN_ADDRESS):
        await page.use("wrong")
    assert (await page.use(await page.token("u2"))).status_code == 429
    clock.advance(timedelta(minutes=2))
    assert (await page.use(tokens[-1])).status_code == 200
