"""Whom the rounds of a recall set a wave for: where a road is open, once, and again only where nothing went out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.campaigns import recall
from bot.campaigns.counting import count
from bot.campaigns.cycle import Cycle, cycle_of
from bot.campaigns.plans import CampaignBody, plan_of
from bot.campaigns.recall import meant
from bot.campaigns.running import steps
from bot.delivery.ledger import open_grants
from bot.messages import Grant, Limits, Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import outbox
from tests.campaigns.people import TELEGRAM, WECHAT, customer, goods, order, person
from tests.campaigns.test_recall import DAY, HOUR, PLAN, Later, begin, book, later, on_sqlite, shop, timer
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, rows

__all__ = ["later", "shop", "timer"]


@on_sqlite
async def test_somebody_is_written_to_where_a_road_is_open_wherever_they_were_seen_last(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    def seen_on_wechat(connection: Connection) -> None:
        person(connection, "p-2", customer="lin", channel=WECHAT, created_at=clock.now() + HOUR)

    await shop.write(seen_on_wechat)
    plan = plan_of(CampaignBody.model_validate(PLAN), "CNY")
    found = await shop.read(lambda c: count(c, meant(c, plan, clock.now()), plan.segment, 0, clock.now()))
    assert found.written_to == {f"{TELEGRAM} open": 1}
    await begin(shop, clock)
    assert len(await later.moment()) == 1


@on_sqlite
async def test_who_cannot_be_reached_is_not_planned_until_a_window_is_open(
    database: Database, clock: StandingClock, later: Later
) -> None:
    """Regression: everybody without a window was planned and dropped anew, every day."""
    later.platform = Platform(WECHAT, limits=Limits(counts_windows=True))

    def fill(connection: Connection) -> None:
        goods(connection)
        customer(connection, "lin")
        person(connection, "p-lin", customer="lin", channel=WECHAT)
        order(connection, "lin", 40)

    await database.write(fill)
    await begin(database, clock)
    assert await later(3 * DAY) == []
    assert await rows(database, outbox) == []

    writes = Grant(5, 172_800)
    await database.write(lambda c: open_grants(c, [("talk-p-lin", writes, clock.now(), 0)]))
    await later(DAY)
    assert [row[1] for row in await book(database)] == [1]


@on_sqlite
async def test_a_first_wave_that_the_platform_refused_is_tried_a_week_later_and_no_coupon_comes_before_it(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    later.platform.receipts = [Receipt(SendStatus.REFUSED, reason="refused")]
    await begin(shop, clock)
    await later.moment()
    assert await book(shop) == [("p-lin", 1, "failed", "refused")]
    assert await later(7 * DAY - HOUR) == []
    (first,) = await later(2 * HOUR)
    assert "BACK20" not in first
    (second,) = await later(3 * DAY)
    assert "BACK20" in second


@on_sqlite
async def test_the_cycle_is_worked_out_once_for_all_pages_of_a_round(
    shop: Database, clock: StandingClock, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def counted(connection: Connection, products: Any, now: datetime) -> Cycle:
        asked.append(now)
        return cycle_of(connection, products, now)

    def three_more(connection: Connection) -> None:
        for name in ("a", "b", "c"):
            customer(connection, name)
            person(connection, f"p-{name}", customer=name)
            order(connection, name, 40)

    monkeypatch.setattr(recall, "cycle_of", counted)
    monkeypatch.setattr(recall, "AT_ONCE", 2)
    await shop.write(three_more)
    await begin(shop, clock, cycle=True)
    assert len(await later.moment()) == 4
    assert await shop.read(lambda c: steps(c, "recall:recall-30")) == {"wave 1 sent": 4}
    assert len(asked) == 1
    await later(DAY)
    assert len(asked) == 2, "each round has its own"
