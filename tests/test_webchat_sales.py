"""The cards of sales in the web chat: what an open page is told, to whom, and how the database is read for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.clock import IdMaker, SystemClock
from bot.messages import Chat
from bot.showcase import cards, hears_offers
from bot.store import tables as t
from bot.store.database import Database
from connectors.webchat.cards import Cards
from connectors.webchat.transcript import SaleCard
from tests.conftest import StandingClock
from tests.delivery.stand import arrive, said
from tests.test_webchat import Browser, a_browser, chat_of
from tests.webchat_stand import Room

STARTS = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CARD = SaleCard(
    "linen",
    {"zh": "亚麻裙", "en": "Linen"},
    {"zh": "¥199.00", "en": "¥199.00"},
    3,
    30,
    "running",
    STARTS,
    STARTS + HOUR,
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as opened:
        yield opened


async def listen(browser: Browser, token: str, count: int) -> list[dict[str, Any]]:
    """Return what the first `count` events about sales say on a stream of their own."""
    found: list[dict[str, Any]] = []
    kind = ""
    async with asyncio.timeout(10), browser.http.stream("GET", f"/events?token={token}") as answer:
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            kind = value if name == "event" else kind
            if name == "data" and kind == "sales":
                found.append(json.loads(value))
                if len(found) == count:
                    return found
    raise AssertionError("the stream ended early")


async def test_a_page_is_told_of_a_sale_when_it_opens_and_whenever_its_card_changes(browser: Browser) -> None:
    token = await browser.session()
    browser.room.sell(CARD)
    hearing = asyncio.create_task(listen(browser, token, 3))
    for left in (2, 0):
        await asyncio.sleep(1.2)
        browser.room.sell(replace(CARD, left=left))
    told = await hearing
    assert [[one["left"] for one in event["cards"]] for event in told] == [[3], [2], [0]]
    first = told[0]["cards"][0]
    assert (first["id"], first["product"]["en"], first["price"]["zh"]) == ("linen", "Linen", "¥199.00")
    assert (first["total"], first["state"]) == (30, "running")
    assert datetime.fromisoformat(first["ends_at"]) == STARTS + HOUR
    assert abs(datetime.fromisoformat(told[0]["now"]) - browser.clock.now()) < timedelta(seconds=30)


async def test_who_said_no_to_offers_sees_no_card(browser: Browser) -> None:
    refusing, hearing = await browser.session(), await browser.session()
    browser.room.refusing.add(chat_of(refusing))
    browser.room.sell(CARD)
    told = [(await listen(browser, token, 1))[0]["cards"] for token in (refusing, hearing)]
    assert [len(cards) for cards in told] == [0, 1]


async def test_a_page_that_comes_back_is_told_that_the_sale_is_gone(browser: Browser) -> None:
    token = await browser.session()
    browser.room.sell(CARD)
    assert len((await listen(browser, token, 1))[0]["cards"]) == 1
    browser.room.sell()
    assert (await listen(browser, token, 1))[0]["cards"] == []


async def test_an_open_page_asks_again_whether_its_customer_hears_offers_when_something_is_said(
    browser: Browser,
) -> None:
    token = await browser.session()
    browser.room.sell(CARD)
    hearing = asyncio.create_task(listen(browser, token, 4))
    for left in (2, 1):
        await asyncio.sleep(0.2)
        browser.room.sell(replace(CARD, left=left))
    await asyncio.sleep(0.2)
    assert browser.room.asked_who_hears == 1
    browser.room.refusing.add(chat_of(token))
    browser.room.show(chat_of(token), "STOP")
    assert [len(event["cards"]) for event in await hearing] == [1, 1, 1, 0]


async def test_who_waited_for_a_read_that_was_broken_off_reads_anew() -> None:
    clock = SystemClock()
    room, chat = Room(clock), Chat("web:shop", "u1")
    begins: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    class Slow(Room):
        async def sales(self, channel: str) -> list[SaleCard]:
            goes_on = asyncio.Event()
            found = room.on_sale
            begins.put_nowait(goes_on)
            await goes_on.wait()
            return found

    shared = Cards("web:shop", Slow(clock), clock)
    first, breaks, waits = (asyncio.create_task(shared.of(chat).now(said=False)) for _ in range(3))
    goes_on = await begins.get()
    room.sell(CARD)
    goes_on.set()
    await begins.get()
    breaks.cancel()
    async with asyncio.timeout(5):
        (await begins.get()).set()
    assert (await first, await waits) == ((), [CARD])


def put(connection: Connection, *rows: dict[str, Any]) -> None:
    connection.execute(t.products.insert().values(id="linen", name_zh="亚麻裙", name_en="Linen", category="x"))
    variant = {"sku": "m", "product_id": "linen", "colour_zh": "蓝", "colour_en": "Blue", "size": "M"}
    connection.execute(t.variants.insert().values(**variant, price_minor=1, currency="CNY", stock=1))
    common = {"sku": "m", "price_minor": 19900, "currency": "CNY", "total": 30, "available": 7}
    for row in rows:
        times = {"starts_at": STARTS, "ends_at": STARTS + 2 * HOUR, "audiences": [{"channel": "web:shop"}]}
        connection.execute(t.sales.insert().values({**common, **times, **row}))


async def test_a_sale_is_seen_a_day_ahead_while_it_runs_and_half_an_hour_after(database: Database) -> None:
    def job(connection: Connection) -> dict[str, list[str]]:
        put(
            connection,
            {"id": "draft", "status": "draft"},
            {"id": "plan", "status": "planned"},
            {"id": "later", "status": "planned", "starts_at": STARTS + 25 * HOUR, "ends_at": STARTS + 26 * HOUR},
            {"id": "run", "status": "running"},
            {"id": "stop", "status": "paused"},
            {"id": "past", "status": "ended"},
            {"id": "off", "status": "cancelled", "starts_at": STARTS + 9 * HOUR, "ends_at": STARTS + 10 * HOUR},
            {"id": "else", "status": "running", "audiences": [{"channel": "web:other"}]},
        )
        seen = {}
        for name, at in (
            ("ahead", STARTS - 24 * HOUR),
            ("within", STARTS + HOUR),
            ("just over", STARTS + 2 * HOUR + 29 * MINUTE),
            ("long over", STARTS + 2 * HOUR + 30 * MINUTE),
        ):
            seen[name] = sorted(f"{card.id} {card.state}" for card in cards(connection, "web:shop", at))
        card = next(card for card in cards(connection, "web:shop", STARTS) if card.id == "run")
        assert (card.left, card.total, card.price, card.product["zh"]) == (7, 30, CARD.price, "亚麻裙")
        return seen

    seen = await database.write(job)
    always = ["plan soon", "run running", "stop paused"]
    assert seen["ahead"] == always
    assert seen["within"] == sorted([*always, "later soon", "past over"])
    assert seen["just over"] == sorted([*always, "later soon", "past over"])
    assert seen["long over"] == sorted([*always, "later soon"])


async def test_the_newest_no_on_any_channel_hides_the_cards_and_a_later_yes_brings_them_back(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    chat = Chat("web:shop", "u1")

    async def answer(granted: bool) -> None:
        def job(connection: Connection) -> None:
            person = connection.execute(t.identities.select()).one().person_id
            row = {"person_id": person, "channel": "*", "purpose": "marketing", "granted": granted, "proof": "STOP"}
            connection.execute(t.consents.insert().values(**row, at=clock.now()))

        clock.advance(MINUTE)
        await database.write(job)

    heard = [await database.read(lambda c: hears_offers(c, chat))]
    for granted in (False, True):
        await answer(granted)
        heard.append(await database.read(lambda c: hears_offers(c, chat)))
    assert heard == [True, False, True]
    assert await database.read(lambda c: hears_offers(c, Chat("web:shop", "nobody")))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_no_that_the_same_customer_said_as_another_person_hides_the_cards(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))

    def job(connection: Connection) -> bool:
        connection.execute(t.customers.insert().values(id="c", name="Wang", created_at=clock.now()))
        connection.execute(t.persons.update().values(customer_id="c"))
        connection.execute(t.persons.insert().values(id="other", customer_id="c", created_at=clock.now()))
        row = {"person_id": "other", "channel": "*", "purpose": "marketing", "granted": False, "proof": "STOP"}
        connection.execute(t.consents.insert().values(**row, at=clock.now()))
        return hears_offers(connection, Chat("web:shop", "u1"))

    assert not await database.write(job)
