"""The copy of a remote shop: what is told is read, old news changes nothing, and how old it is is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, select

from bot.delivery.signal import Signal
from bot.shop import mirror
from bot.shop.batch import put_thing
from bot.shop.bodies import CaseBody
from bot.shop.mirror import Copied, copy
from bot.shop.platform import Kind, PlatformDown, PlatformRefuses, Told
from bot.shop.platform_api import platform_routes
from bot.shop.port import CaseStatus, Freshness
from bot.shop.sql import SqlShop
from bot.shop.sync import MISSED, Sync, forget_platform
from bot.store.database import Database
from bot.store.tables import customers, products, tasks, untold
from tests.conftest import StandingClock
from tests.delivery.stand import rows
from tests.shops.small import customer, order, product, read_order, stock
from tests.shops.standin import RemoteShop, everything, older

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def remote(clock: StandingClock) -> RemoteShop:
    """A remote shop with the tee, its customer and an order."""
    shop = RemoteShop(clock)
    shop.put("tee", product())
    shop.put("mia", customer())
    shop.put("A1", order("paid"))
    return shop


@pytest.fixture
def sync(database: Database, clock: StandingClock, remote: RemoteShop) -> Sync:
    return Sync(database, clock, remote, SHANGHAI, Signal())


async def taken(database: Database, *told: Told) -> Copied:
    at = max((one.changed_at for one in told), default=datetime(2026, 11, 23, tzinfo=UTC))
    return await database.write(lambda c: copy(c, told, at))


# --- the mirror --------------------------------------------------------------------------------------------------


async def test_things_may_be_told_in_any_order_and_are_read_when_what_they_name_has_come(
    database: Database, remote: RemoteShop
) -> None:
    case = CaseBody.model_validate(
        {"order_number": "A1", "kind": "return", "status": "open", "currency": "CNY",
         "opened_at": "2026-11-22T09:00:00Z", "parts": [{"sku": "tee-S"}]}
    )  # fmt: skip
    remote.put("C1", case)
    told = everything(remote)
    for one in reversed(told):
        await taken(database, one)
    assert await rows(database, untold) == []
    found = await database.read(lambda c: read_order(c, "A1"))
    assert (found.status, found.changed_at) == ("paid", remote.things[Kind.ORDER, "A1"].changed_at)
    (back,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
    assert (back.number, back.kind) == ("C1", "return")


async def test_whatever_comes_last_the_newest_word_stands(database: Database, remote: RemoteShop) -> None:
    await taken(database, *everything(remote))
    versions = [remote.put("A1", order(status)) for status in ("packed", "shipped", "delivered")]
    for way in permutations(versions):
        await taken(database, *way)
        for one in way:
            await taken(database, one)
        assert (await database.read(lambda c: read_order(c, "A1"))).status == "delivered"


async def test_old_news_and_repeats_are_no_news(database: Database, remote: RemoteShop) -> None:
    told = everything(remote)
    assert await taken(database, *told) == Copied(news=3)
    assert await taken(database, *told) == Copied()
    assert await taken(database, *(older(one, timedelta(hours=1)) for one in told)) == Copied()


async def test_an_older_word_that_waited_does_not_undo_what_was_told_since(
    database: Database, remote: RemoteShop
) -> None:
    tee, mia, first = everything(remote)
    assert await taken(database, first) == Copied(kept=1)
    await taken(database, tee, mia, remote.put("A1", order("shipped")))
    await taken(database, older(first, timedelta(hours=1)))
    assert (await database.read(lambda c: read_order(c, "A1"))).status == "shipped"
    assert await rows(database, untold) == []


async def test_what_is_gone_there_is_out_of_sight_here(database: Database, remote: RemoteShop) -> None:
    await taken(database, *everything(remote))
    gone = [remote.put(ident, None, kind) for kind, ident in list(remote.things)]
    await taken(database, *gone)
    assert await database.read(lambda c: SqlShop(c).products()) == ()
    assert (await stock(database)) == {"tee-S": 0, "tee-M": 0, "tee-L": 0}
    assert (await database.read(lambda c: read_order(c, "A1"))).status == "cancelled"
    (person,) = await rows(database, customers)
    assert (person.name, person.phone, person.email) == ("", "", "")


async def test_what_contradicts_the_copy_is_kept_with_its_reason(database: Database, remote: RemoteShop) -> None:
    await taken(database, *everything(remote))
    assert await taken(database, remote.put("A1", order("paid", customer_id="nobody"))) == Copied(kept=1)
    (kept,) = await rows(database, untold)
    assert (kept.kind, kept.id, "nobody" in kept.why) == ("order", "A1", True)
    await taken(database, remote.put("A1", order("packed")))
    assert await rows(database, untold) == [], "a newer word settles it"


async def test_an_order_of_an_unknown_sku_is_left_to_the_staff_once_it_stays_so(
    database: Database, remote: RemoteShop, sync: Sync, clock: StandingClock
) -> None:
    await sync.look()
    remote.put("A2", order("paid", lines=[{"sku": "nowhere", "quantity": 1, "price_minor": 5000}]))
    await sync.look()
    assert await rows(database, tasks) == [], "its product may be on its way"
    for _ in range(2):
        clock.advance(timedelta(minutes=31))
        await sync.look()
    (task,) = await rows(database, tasks)
    assert "A2" in task.text and "nowhere" in task.text


# --- keeping it fresh --------------------------------------------------------------------------------------------


async def test_the_first_look_copies_everything_and_the_next_what_changed_since(
    database: Database, clock: StandingClock, remote: RemoteShop, sync: Sync
) -> None:
    assert await sync.look() == Copied(news=3)
    began_at = clock.now()
    clock.advance(timedelta(minutes=30))
    remote.put("A2", order("paid"))
    assert await sync.look() == Copied(news=1)
    assert remote.asked_since == [None, began_at - timedelta(minutes=5)]
    looked_at = clock.now()
    assert (await database.read(lambda c: SqlShop(c).freshness())) == Freshness(clock.now(), None)
    clock.advance(timedelta(minutes=30))
    await sync.look()
    assert remote.asked_since[-1] == looked_at - timedelta(minutes=5)


async def test_what_a_lost_webhook_missed_is_found_the_next_night_and_counted(
    database: Database, clock: StandingClock, remote: RemoteShop, sync: Sync
) -> None:
    await sync.look()
    lost = remote.put("A2", order("paid"))
    remote.put("cup", product(variants=[]))
    remote.things[Kind.ORDER, "A2"] = older(lost, timedelta(hours=2))  # dated before the last look: never asked for
    del remote.things[Kind.PRODUCT, "tee"]
    clock.advance(timedelta(minutes=30))
    assert await sync.look() == Copied(news=1), "only the cup"
    counted = MISSED._value.get()
    clock.at = datetime(2026, 11, 24, 2, 59, tzinfo=SHANGHAI)
    assert await sync.look() == Copied()
    clock.at = datetime(2026, 11, 24, 3, 1, tzinfo=SHANGHAI)
    assert await sync.look() == Copied(news=2)
    assert MISSED._value.get() - counted == 2
    assert (await database.read(lambda c: read_order(c, "A2"))).status == "paid"
    on_sale = {row.id: row.active for row in await rows(database, products)}
    assert on_sale == {"tee": False, "cup": True}
    clock.at = datetime(2026, 11, 24, 4, 0, tzinfo=SHANGHAI)
    assert await sync.look() == Copied()
    assert remote.asked_since[-1] is not None, "once a night"


async def test_an_order_of_an_unknown_customer_is_read_again_with_its_customer(
    database: Database, remote: RemoteShop, sync: Sync, clock: StandingClock
) -> None:
    await sync.look()
    tom = remote.put("tom", customer(name="Tom"))
    await taken(database, remote.put("A2", order("paid", customer_id="tom")))
    assert len(await rows(database, untold)) == 1
    remote.things[Kind.CUSTOMER, "tom"] = older(tom, timedelta(days=1))  # no change that would be asked for
    clock.advance(timedelta(minutes=30))
    await sync.look()
    assert (await database.read(lambda c: read_order(c, "A2"))).customer_id == "tom"


async def test_since_when_the_shop_is_down_is_known_and_forgotten_when_it_answers(
    database: Database, clock: StandingClock, remote: RemoteShop, sync: Sync
) -> None:
    await sync.look()
    told_at = clock.now()
    clock.advance(timedelta(minutes=3))
    down_since = clock.now()
    remote.down = 2
    for _ in range(2):
        with pytest.raises(PlatformDown):
            await sync.look()
        clock.advance(timedelta(minutes=3))
    assert await database.read(lambda c: SqlShop(c).freshness()) == Freshness(told_at, down_since)
    await sync.look()
    assert await database.read(lambda c: SqlShop(c).freshness()) == Freshness(clock.now(), None)


async def test_a_look_that_breaks_off_is_begun_again_from_where_the_last_whole_one_began(
    database: Database, clock: StandingClock, remote: RemoteShop, sync: Sync
) -> None:
    await sync.look()
    began_at = clock.now()
    clock.advance(timedelta(hours=1))
    remote.put("A2", order("paid"))
    remote.down = 1
    with pytest.raises(PlatformDown):
        await sync.look()
    clock.advance(timedelta(hours=1))
    assert await sync.look() == Copied(news=1)
    assert remote.asked_since[-1] == began_at - timedelta(minutes=5)


async def test_a_shop_that_refuses_the_key_is_told_to_the_staff_once(
    database: Database, remote: RemoteShop, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> None:
        raise PlatformRefuses("401: the key is wrong")

    monkeypatch.setattr(remote, "_answers", refuses)
    for _ in range(2):
        with pytest.raises(PlatformRefuses):
            await sync.look()
    assert [(row.kind, row.text) for row in await rows(database, tasks)] == [("alert", "401: the key is wrong")]


async def test_the_embedded_shop_is_always_fresh_even_after_a_platform_was_left(database: Database, sync: Sync) -> None:
    await sync.look()
    await database.write(forget_platform)
    assert await database.read(lambda c: SqlShop(c).freshness()) == Freshness()


# --- webhooks ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def http(database: Database, clock: StandingClock, remote: RemoteShop) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(platform_routes(database, clock, remote))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


async def test_a_webhook_is_copied_before_it_is_acknowledged_and_once(
    database: Database, clock: StandingClock, remote: RemoteShop, http: httpx.AsyncClient
) -> None:
    headers, body = remote.signed("d1", *everything(remote))
    answers = [await http.post("/api/shop/platform/hook", content=body, headers=headers) for _ in range(2)]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"changed": True}), (200, {"changed": False})]
    assert (await database.read(lambda c: read_order(c, "A1"))).status == "paid"
    fresh = await database.read(lambda c: SqlShop(c).freshness())
    assert fresh == Freshness(clock.now(), None)
    headers, body = remote.signed("d1", remote.put("A1", order("packed")))
    again = await http.post("/api/shop/platform/hook", content=body, headers=headers)
    assert again.json() == {"changed": False}, "this delivery was taken already"


async def test_a_webhook_with_a_wrong_signature_is_refused(
    database: Database, remote: RemoteShop, http: httpx.AsyncClient
) -> None:
    headers, body = remote.signed("d1", *everything(remote))
    answer = await http.post("/api/shop/platform/hook", content=body + b" ", headers=headers)
    assert answer.status_code == 401
    assert await database.read(lambda c: c.execute(select(products)).all()) == []
    assert (await http.post("/api/shop/platform/hook", content=body, headers=headers)).status_code == 200


async def test_a_product_that_was_missed_for_a_night_comes_back_with_the_next(
    database: Database, sync: Sync, remote: RemoteShop, clock: StandingClock
) -> None:
    await sync.look()
    missed = remote.things.pop((Kind.PRODUCT, "tee"))
    clock.advance(timedelta(days=1))
    await sync.look()
    assert await database.read(lambda c: SqlShop(c).products()) == ()
    remote.things[Kind.PRODUCT, "tee"] = missed
    clock.advance(timedelta(days=1))
    await sync.look()
    assert [one.id for one in await database.read(lambda c: SqlShop(c).products())] == ["tee"]
    assert (await stock(database))["tee-S"] == 3


async def test_a_product_that_slips_between_two_pages_is_not_hidden(
    database: Database, sync: Sync, remote: RemoteShop, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync.look()
    whole, passes = RemoteShop.changes, iter((False, True))

    async def slips(self: RemoteShop, since: datetime | None) -> AsyncIterator[list[Told]]:
        all_there = next(passes, True)
        async for page in whole(self, since):
            yield [told for told in page if all_there or told.kind is not Kind.PRODUCT]

    monkeypatch.setattr(RemoteShop, "changes", slips)
    clock.advance(timedelta(days=1))
    await sync.look()
    assert [one.id for one in await database.read(lambda c: SqlShop(c).products())] == ["tee"]


async def test_news_tries_only_what_waits_for_it(
    database: Database, remote: RemoteShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await taken(database, *everything(remote))
    waiting = [remote.put(f"Z{i}", order("paid", customer_id=f"nobody{i}")) for i in range(5)]
    await taken(database, *waiting)
    tried: list[str] = []

    def put(connection: Connection, ident: str, *rest: Any) -> None:
        tried.append(ident)
        put_thing(connection, ident, *rest)

    monkeypatch.setattr(mirror, "put_thing", put)
    await taken(database, remote.put("tee", product(active=True)))
    await taken(database, remote.put("nobody3", customer()))
    assert [one for one in tried if one.startswith("Z")] == ["Z0", "Z1", "Z2", "Z3", "Z4", "Z3"]


async def test_a_line_in_a_case_that_came_to_nothing_may_leave_its_order(
    database: Database, remote: RemoteShop
) -> None:
    lines = [{"sku": sku, "quantity": 1, "price_minor": 5000} for sku in ("tee-S", "tee-M")]
    remote.put("A1", order("delivered", total_minor=10000, lines=lines))
    case = CaseBody.model_validate(
        {"order_number": "A1", "kind": "return", "status": "open", "currency": "CNY",
         "opened_at": "2026-11-22T09:00:00Z", "parts": [{"sku": "tee-M"}]}
    )  # fmt: skip
    remote.put("C1", case)
    await taken(database, *everything(remote))
    assert await taken(database, remote.put("A1", order("delivered"))) == Copied(kept=1)
    await taken(database, remote.put("C1", case.model_copy(update={"status": CaseStatus.CANCELLED})))
    assert len((await database.read(lambda c: read_order(c, "A1"))).lines) == 1
    assert await rows(database, untold) == []
