"""Follow-ups of carts and orders through all their steps: what the book of touches says of them, and what ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select

from bot.campaigns.carts import FollowUps
from bot.clock import IdMaker
from bot.delivery.gate import held_out
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.effects import set_consent
from bot.messages import Limits
from bot.shop.bodies import OrderBody, OrderLineBody
from bot.shop.changes import pay_cart, pay_order, put_cart
from bot.shop.erasing import erase
from bot.shop.event_bodies import CustomerLinked, OrderCancelled, RefundPaid, StockChanged
from bot.shop.events import record
from bot.shop.load import put_order
from bot.shop.port import OrderStatus
from bot.shop.sql import SqlShop
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import (
    agents,
    customers,
    identities,
    outbox,
    persons,
    platform_state,
    products,
    tasks,
    timers,
    touches,
    variants,
)
from tests.conftest import StandingClock
from tests.delivery.stand import MANY_TOUCHES, RULES, Platform, a_sender, arrive, conversation_of, rows, said, send_all

WEB = Limits(own_page=True)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def shop(database: Database, clock: StandingClock, new_id: IdMaker) -> Database:
    """A shop that sells shirts, and its customer Lin, who has written on the web."""
    await arrive(database, clock, new_id, said(1, name="小林", language="zh"))

    def fill(connection: Connection) -> None:
        for ident in ("lin", "guest"):
            connection.execute(customers.insert().values(id=ident, name="林", created_at=clock.now()))
        connection.execute(persons.update().values(customer_id="lin"))
        connection.execute(products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
        variant = {"product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M", "currency": "CNY"}
        for sku, price in (("s1", 9900), ("s2", 200_000)):
            connection.execute(variants.insert().values(sku=sku, price_minor=price, stock=3, **variant))

    await database.write(fill)
    return database


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    fire = FollowUps(SqlShop, lambda: thinker.brain.mind.voice, thinker.settings).fire
    return TimerRunner(database, clock, {"cart_followup": fire, "order_followup": fire}, wake=Signal(), fired=Signal())


@pytest.fixture
def platform() -> Platform:
    return Platform(limits=WEB)


class Later:
    """Lets time pass, from one moment at which something comes due to the next."""

    def __init__(self, database: Database, clock: StandingClock, timer: TimerRunner, platform: Platform) -> None:
        self.database, self.clock, self.timer, self.platform = database, clock, timer, platform
        self.rules = RULES

    async def __call__(self, span: timedelta) -> list[str]:
        """Return what was said meanwhile."""
        before = len(self.platform.texts)
        end = self.clock.now() + span
        while self.clock.now() < end:
            due = await self.database.read(next_due)
            self.clock.at = min(end, max(due or end, self.clock.now() + timedelta(seconds=1)))
            await self.moment()
        return self.platform.texts[before:]

    async def moment(self) -> None:
        while await self.timer.fire_next():
            pass
        await send_all(a_sender(self.database, self.clock, self.platform, self.rules))


@pytest.fixture
def later(database: Database, clock: StandingClock, timer: TimerRunner, platform: Platform) -> Later:
    return Later(database, clock, timer, platform)


def next_due(connection: Connection) -> datetime | None:
    waiting = select(outbox.c.not_before.label("at")).where(outbox.c.status == "waiting")
    due = waiting.union_all(select(timers.c.due_at)).subquery()
    return connection.execute(select(func.min(due.c.at))).scalar()


async def fill_cart(
    database: Database, clock: StandingClock, new_id: IdMaker, sku: str = "s1", who: str = "lin"
) -> str:
    return await database.write(lambda c: put_cart(c, who, {sku: 1}, clock.now(), new_id))


def an_order(clock: StandingClock, status: OrderStatus = OrderStatus.UNPAID) -> OrderBody:
    return OrderBody(
        customer_id="lin",
        status=status,
        total_minor=9900,
        currency="CNY",
        created_at=clock.now(),
        pay_url="https://shop.example/pay/1",
        lines=[OrderLineBody(sku="s1", quantity=1, price_minor=9900)],
    )


async def make_order(database: Database, clock: StandingClock, number: str = "QH1") -> None:
    body = an_order(clock)
    await database.write(lambda c: put_order(c, number, body, clock.now()))


async def book(database: Database) -> list[tuple[str, int, str, str]]:
    return [(row.campaign, row.step, row.status, row.reason) for row in await rows(database, touches)]


async def test_a_cart_is_followed_up_after_an_hour_and_once_more_when_a_day_has_passed_since(
    shop: Database, clock: StandingClock, new_id: IdMaker, later: Later
) -> None:
    await fill_cart(shop, clock, new_id)

    assert await later(59 * MINUTE) == []
    (first,) = await later(1 * MINUTE)
    assert "还在，慢慢考虑" in first
    assert "退订" in first, "how to stop it"
    assert "因为您的购物车里" in first, "why they got it"
    assert await later(23 * HOUR) == [], "the day's one message was the first"
    (second,) = await later(2 * HOUR)
    assert "还没有结算" in second
    assert await later(timedelta(days=6)) == []
    assert await book(shop) == [("cart", 1, "sent", ""), ("cart", 2, "sent", "")]


async def test_touches_that_go_out_together_are_all_in_the_book(
    shop: Database, clock: StandingClock, new_id: IdMaker, later: Later
) -> None:
    for user in ("guest", "u3"):
        await arrive(shop, clock, new_id, said(1, chat=user))
    nobody = persons.c.customer_id.is_(None)
    guests = [row.id for row in await rows(shop, persons, nobody)]
    link = persons.update().where(persons.c.id == guests[0]).values(customer_id="guest")
    await shop.write(lambda c: c.execute(link))
    for who in ("lin", "guest"):
        await fill_cart(shop, clock, new_id, who=who)

    assert len(await later(HOUR)) == 2
    assert await book(shop) == [("cart", 1, "sent", ""), ("cart", 1, "sent", "")]


async def test_an_order_is_followed_up_after_half_an_hour_and_an_hour_before_it_closes(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    later.rules = MANY_TOUCHES
    await make_order(shop, clock)

    assert await later(29 * MINUTE) == []
    (first,) = await later(1 * MINUTE)
    assert "QH1" in first
    assert "https://shop.example/pay/1" in first
    (last,) = await later(22 * HOUR + 30 * MINUTE)
    assert "自动关闭" in last
    assert await later(timedelta(days=3)) == []
    assert [row[:3] for row in await book(shop)] == [("order", 1, "sent"), ("order", 3, "sent")]


@pytest.mark.parametrize(("sku", "words"), [("s1", "都可以问我"), ("s2", "专属客服一对一")])
async def test_the_dearer_the_cart_the_more_help_is_offered(
    shop: Database, clock: StandingClock, new_id: IdMaker, later: Later, sku: str, words: str
) -> None:
    await fill_cart(shop, clock, new_id, sku)
    (text,) = await later(HOUR)
    assert words in text


async def test_on_wechat_an_episode_has_two_touches_at_most(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await arrive(shop, clock, new_id, said(2, channel="wechat:gh", name="小林"))
    await shop.write(lambda c: c.execute(persons.update().values(customer_id="lin")))
    (wechat,) = await rows(shop, identities, identities.c.channel == "wechat:gh")
    await shop.write(lambda c: set_consent(c, wechat.person_id, "wechat:gh", SetConsent(True, "订阅"), clock.now()))
    later = Later(shop, clock, timer, Platform(channel="wechat:gh"))
    later.rules = MANY_TOUCHES
    await fill_cart(shop, clock, new_id)
    await later(HOUR)
    await make_order(shop, clock)  # its own last call would be the third
    await later(timedelta(days=1))
    assert [row[:3] for row in await book(shop)] == [("cart", 1, "sent"), ("cart", 2, "sent")]


async def test_the_button_leads_to_the_agent_who_is_there_for_the_customer(
    shop: Database, clock: StandingClock, new_id: IdMaker, later: Later
) -> None:
    for ident, disabled in (("a1", True), ("a2", False)):
        row = {"id": ident, "login": ident, "name": f"小禾{ident}", "disabled": disabled, "created_at": clock.now()}
        await shop.write(lambda c, row=row: c.execute(agents.insert().values(row)))  # type: ignore[misc]
    await fill_cart(shop, clock, new_id)
    await later(HOUR)

    (message,) = later.platform.asked
    assert "找专属客服 小禾a2" in [choice.label for choice in message.choices]
    assert (await conversation_of(shop)).last_agent_id == "a2", "the queue gives it to whom it knows"


# --- what ends it ----------------------------------------------------------------------------------------------------
async def test_sent_after_payment(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner, later: Later
) -> None:
    cart_id = await fill_cart(shop, clock, new_id)
    await make_order(shop, clock)
    clock.advance(HOUR)
    while await timer.fire_next():  # written, and paid a millisecond before the sender looks
        pass
    clock.advance(timedelta(milliseconds=1))
    await shop.write(lambda c: (pay_order(c, "QH1", clock.now()), pay_cart(c, cart_id, clock.now())))

    assert await later(timedelta(days=3)) == []
    assert await book(shop) == [("order", 1, "dropped", "paid")]


def cancelled(connection: Connection, now: datetime) -> None:
    record(connection, OrderCancelled(type="order.cancelled", order_number="QH1", changed_at=now), now, lambda: "x")


def refunded(connection: Connection, now: datetime) -> None:
    event = RefundPaid(
        type="refund.paid", order_number="QH1", payment="p1", amount_minor=1, currency="CNY", changed_at=now
    )
    record(connection, event, now, lambda: "x")


def refused(connection: Connection, now: datetime) -> None:
    person_id = connection.execute(persons.select()).scalars().first()
    set_consent(connection, str(person_id), "web:shop", SetConsent(False, "退订"), now)


def erased(connection: Connection, now: datetime) -> None:
    erase(connection, "lin", now)


@pytest.mark.parametrize(
    ("how", "reason"),
    [(cancelled, "cancelled"), (erased, "erased"), (refunded, "refunded"), (refused, "refused_by_customer")],
)
async def test_it_stops_in_the_transaction_of_what_ends_it(
    shop: Database,
    clock: StandingClock,
    timer: TimerRunner,
    later: Later,
    how: Callable[[Connection, datetime], None],
    reason: str,
) -> None:
    await make_order(shop, clock)
    clock.advance(30 * MINUTE)
    assert await timer.fire_next()
    await shop.write(lambda c: how(c, clock.now()))

    assert (await book(shop))[0] == ("order", 1, "dropped", reason)
    assert await later(timedelta(days=3)) == []


async def test_what_has_sold_out_is_not_offered_but_told(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner, later: Later
) -> None:
    await fill_cart(shop, clock, new_id)
    clock.advance(HOUR)
    assert await timer.fire_next()
    gone = StockChanged(type="stock.changed", sku="s1", stock=0, changed_at=clock.now())
    await shop.write(lambda c: record(c, gone, clock.now(), new_id))
    (dropped,) = await rows(shop, outbox)
    assert (dropped.status, dropped.reason) == ("dropped", "sold_out")

    (text,) = await later(10 * MINUTE)
    assert "卖完了" in text
    (message,) = later.platform.asked
    assert "label:restock_notice" in [choice.token for choice in message.choices]
    assert await book(shop) == [("cart", 1, "sent", "")]


async def test_nothing_is_sent_on_what_a_silent_shop_told_before(
    shop: Database, clock: StandingClock, new_id: IdMaker, later: Later
) -> None:
    state = {"name": "woocommerce", "told_at": clock.now()}
    await shop.write(lambda c: c.execute(platform_state.insert().values(state)))
    await fill_cart(shop, clock, new_id)
    down = platform_state.update().values(down_since=clock.now())
    await shop.write(lambda c: c.execute(down))
    assert await later(3 * HOUR) == []
    up = platform_state.update().values(down_since=None, told_at=clock.now())
    await shop.write(lambda c: c.execute(up))
    assert len(await later(20 * MINUTE)) == 1


async def test_old_orders_that_are_put_in_bulk_are_not_followed_up(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    body = an_order(clock)
    clock.advance(timedelta(hours=25))
    await shop.write(lambda c: put_order(c, "QH1", body, clock.now()))
    assert await later(timedelta(days=2)) == []


# --- one episode -----------------------------------------------------------------------------------------------------
async def test_guest_registers_midway(shop: Database, clock: StandingClock, new_id: IdMaker, later: Later) -> None:
    await shop.write(lambda c: c.execute(persons.update().values(customer_id="guest")))
    await fill_cart(shop, clock, new_id, who="guest")
    assert len(await later(HOUR)) == 1
    linked = CustomerLinked(type="customer.linked", channel="web:shop", user="u1", customer_id="lin")
    await shop.write(lambda c: record(c, linked, clock.now(), new_id))
    cart_id = await fill_cart(shop, clock, new_id)

    (second,) = await later(timedelta(days=2))
    assert "还没有结算" in second, "the same episode goes on with its second step"
    assert [row.subject for row in await rows(shop, touches)][1:] == [cart_id]
    assert len({row.episode for row in await rows(shop, touches)}) == 1


async def test_same_day_re_abandon(shop: Database, clock: StandingClock, new_id: IdMaker, later: Later) -> None:
    cart_id = await fill_cart(shop, clock, new_id)
    assert len(await later(HOUR)) == 1
    await shop.write(lambda c: pay_cart(c, cart_id, clock.now()))
    await fill_cart(shop, clock, new_id, "s2")

    later.rules = MANY_TOUCHES
    assert await later(20 * HOUR) == []
    assert [row[1] for row in await book(shop)] == [1]


async def test_recovered_twice(shop: Database, clock: StandingClock, new_id: IdMaker, later: Later) -> None:
    cart_id = await fill_cart(shop, clock, new_id)
    await later(HOUR)
    await make_order(shop, clock)
    clock.advance(MINUTE)
    await shop.write(lambda c: pay_order(c, "QH1", clock.now()))
    paid_at = clock.now()
    clock.advance(MINUTE)
    await shop.write(lambda c: pay_cart(c, cart_id, clock.now()))

    (touch,) = await rows(shop, touches)
    assert (touch.paid_at, touch.paid_minor) == (paid_at, 9900)


async def test_guests_merged(shop: Database, clock: StandingClock, new_id: IdMaker, later: Later) -> None:
    """Two accounts that turn out to be one customer are one person in the middle of an episode: no step comes twice."""
    clock.advance(MINUTE)
    await arrive(shop, clock, new_id, said(1, channel="telegram:bot"))
    await fill_cart(shop, clock, new_id)
    assert len(await later(HOUR)) == 1
    linked = CustomerLinked(type="customer.linked", channel="telegram:bot", user="u1", customer_id="lin")
    await shop.write(lambda c: record(c, linked, clock.now(), new_id))
    await arrive(shop, clock, new_id, said(2, channel="telegram:bot"))  # seen last there
    await fill_cart(shop, clock, new_id, "s2")
    telegram = Later(shop, clock, later.timer, Platform(channel="telegram:bot", limits=WEB))

    assert await telegram(3 * HOUR) == []
    assert [row[1] for row in await book(shop)] == [1]


async def test_who_is_held_out_gets_nothing_and_is_in_the_book(
    shop: Database, clock: StandingClock, new_id: IdMaker, later: Later
) -> None:
    (person,) = await rows(shop, persons)
    share = next(pct for pct in range(101) if held_out(person.id, pct))
    later.rules = replace(RULES, holdout_pct=share)
    cart_id = await fill_cart(shop, clock, new_id)

    assert await later(HOUR) == []
    assert await book(shop) == [("cart", 1, "withheld", "held_out")]
    await shop.write(lambda c: pay_cart(c, cart_id, clock.now()))
    (touch,) = await rows(shop, touches)
    assert touch.paid_minor == 9900, "what they buy without it is what the others' purchases are compared with"


async def test_without_a_road_it_is_a_task_only_of_whom_who_said_yes(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    counted = Limits(counts_windows=True)
    later = Later(shop, clock, timer, Platform(limits=counted))
    await fill_cart(shop, clock, new_id)
    await later(HOUR)
    assert await rows(shop, tasks) == [], "nobody has said yes here"
    assert (await book(shop))[0][2:] == ("dropped", "no_consent")

    (person,) = await rows(shop, persons)
    await shop.write(lambda c: set_consent(c, person.id, "web:shop", SetConsent(True, "订阅"), clock.now()))
    await fill_cart(shop, clock, new_id)
    await later(HOUR)
    (task,) = await rows(shop, tasks)
    assert task.conversation_id == (await conversation_of(shop)).id
    assert (await book(shop))[0][2] == "task"
