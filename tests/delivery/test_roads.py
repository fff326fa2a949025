"""Roads: the first whose right is there; where none is, another channel of the person, then a named human."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.clock import IdMaker
from bot.delivery.receipts import apply_reports
from bot.messages import (
    WINDOW,
    Event,
    Grant,
    Limits,
    Outbound,
    Purpose,
    Receipt,
    Report,
    Road,
    SendStatus,
)
from bot.store.database import Database
from bot.store.tables import agents, carts, channel_facts, conversations, customers, grants, identities, outbox, tasks
from tests.conftest import StandingClock
from tests.delivery.stand import (
    Platform,
    a_sender,
    arrive,
    conversation_of,
    rows,
    said,
    said_in_group,
    send_all,
    states,
    write_out,
)

TWO = Grant(2, 48 * 3600)
CREDIT = Grant(1, None, "subscribed", right="credit:shipped", adds_up=True)
PASSIVE, BY_WINDOW, BY_TEMPLATE = Road("passive"), Road("window", needs=WINDOW), Road("template")
BY_CREDIT = Road("subscription", needs="credit:shipped")
SERVICE, HUMAN = Purpose.SERVICE, Purpose.HUMAN
TELEGRAM = "telegram:bot"


@dataclass
class Crossroads(Platform):
    """A platform of which the test says which roads are there; a road that it does not allow goes away."""

    ways: Sequence[Road] = (BY_WINDOW,)

    def roads(self, message: Outbound) -> Sequence[Road]:
        return self.ways

    async def send(self, message: Outbound) -> Receipt:
        receipt = await super().send(message)
        if receipt.status is SendStatus.NOT_ALLOWED:
            self.ways = [road for road in self.ways if road.name != message.road]
        return receipt

    @property
    def went(self) -> list[tuple[str, str]]:
        return [(message.text, message.road) for message in self.asked]


def crossroads(*ways: Road, **more: Any) -> Crossroads:
    return Crossroads(limits=Limits(counts_windows=True), ways=ways, **more)


async def went(
    database: Database, clock: StandingClock, platform: Crossroads, *texts: str, **more: Any
) -> list[tuple[str, str]]:
    """Send texts one by one. Return each with its road."""
    sender = a_sender(database, clock, platform)
    for text in texts:
        await write_out(database, clock, text, **more)
        await send_all(sender)
    return platform.went


async def test_the_answer_to_a_callback_takes_nothing_off_the_window(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, grants=(TWO,)))

    assert await went(database, clock, crossroads(PASSIVE, BY_WINDOW), "a", "b") == [("a", "passive"), ("b", "passive")]

    assert [row.used for row in await rows(database, grants)] == [0]
    assert [(row.road, row.cost, row.reason) for row in await rows(database, outbox)] == [("passive", 0, "passive")] * 2


async def test_a_message_goes_by_window_then_credit_then_template_then_a_human_has_to_do_it(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = crossroads(BY_WINDOW, BY_CREDIT)
    await arrive(database, clock, new_id, said(1, grants=(TWO, CREDIT)))

    assert await went(database, clock, platform, "1", "2", "3", purpose=SERVICE) == [
        ("1", "window"),
        ("2", "subscription"),
    ]
    platform.ways = (BY_WINDOW, BY_CREDIT, BY_TEMPLATE)
    assert (await went(database, clock, platform, "4", purpose=SERVICE))[2:] == [("4", "template")]
    assert (await went(database, clock, platform, "5", purpose=HUMAN))[3:] == [("5", "window")]

    assert await states(database) == {
        "1": ("sent", "window, 1 left"),
        "2": ("sent", "subscription, 0 left"),
        "3": ("task", "no_window"),
        "4": ("sent", "template"),
        "5": ("sent", "window, 0 left"),
    }


async def test_what_no_road_can_carry_is_a_task(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, said(1, grants=(TWO,)))
    assert await went(database, clock, crossroads(), "a") == []
    assert await states(database) == {"a": ("task", "no_road")}


async def test_credits_add_up_and_wait_until_they_are_used(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    agreed = [said(n, "", event=Event.SUBSCRIBED, grants=(CREDIT,)) for n in (1, 2)]
    await arrive(database, clock, new_id, *agreed)
    clock.advance(timedelta(days=200))
    platform = crossroads(BY_CREDIT)

    assert len(await went(database, clock, platform, "a", "b", "c", purpose=SERVICE)) == 2


async def test_a_credit_for_one_notice_carries_no_other(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, grants=(CREDIT,)))
    assert await went(database, clock, crossroads(Road("subscription", needs="credit:cart")), "a") == []


# --- what the platform says ------------------------------------------------------------------------------------------
async def test_a_road_that_the_account_may_not_use_is_left_for_the_next_and_costs_nothing(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = crossroads(BY_WINDOW, BY_TEMPLATE, receipts=[Receipt(SendStatus.NOT_ALLOWED, reason="48001")])
    await arrive(database, clock, new_id, said(1, grants=(TWO,)))

    assert await went(database, clock, platform, "a") == [("a", "window"), ("a", "template")]

    assert await states(database) == {"a": ("sent", "template")}
    assert [row.used for row in await rows(database, grants)] == [0]


async def test_a_window_that_the_platform_calls_closed_is_left_for_the_next_road(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = crossroads(BY_WINDOW, BY_TEMPLATE, receipts=[Receipt(SendStatus.WINDOW_CLOSED, reason="45047")])
    await arrive(database, clock, new_id, said(1, grants=(TWO, CREDIT)))

    assert await went(database, clock, platform, "a", "b") == [("a", "window"), ("a", "template"), ("b", "template")]

    assert [row.needs for row in await rows(database, grants)] == ["credit:shipped"]


@pytest.mark.parametrize(
    "receipt",
    [Receipt(SendStatus.NOT_ALLOWED, reason="no"), Receipt(SendStatus.MOVED, moved_to="u1", reason="no")],
    ids=["not allowed", "moved"],
)
async def test_a_platform_that_says_the_same_for_ever_is_given_up(
    database: Database, clock: StandingClock, new_id: IdMaker, receipt: Receipt
) -> None:
    platform = Platform(receipts=[receipt] * 1000)
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")

    await send_all(a_sender(database, clock, platform))

    assert await states(database) == {"a": ("failed", "no")}
    assert len(platform.asked) <= 5
    assert len(await rows(database, tasks)) == 1


GROUP = ("g1", TELEGRAM)
SUPERGROUP = ("-100", TELEGRAM)


async def test_a_message_follows_a_group_that_moved(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    platform = Platform(channel=TELEGRAM, receipts=[Receipt(SendStatus.MOVED, moved_to="-100")])
    await arrive(database, clock, new_id, said_in_group(1, "li"))
    for key in ("a", "b"):
        await write_out(database, clock, key, *GROUP[:1], channel=TELEGRAM)

    await send_all(a_sender(database, clock, platform))

    assert [(message.text, message.chat.id) for message in platform.asked] == [
        ("a", "g1"),
        ("a", "-100"),
        ("b", "-100"),
    ]
    assert [row.chat for row in await rows(database, conversations)] == ["-100"]


async def test_what_waits_follows_a_group_that_moved_though_somebody_has_spoken_there_already(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(channel=TELEGRAM, receipts=[Receipt(SendStatus.MOVED, moved_to="-100")])
    await arrive(database, clock, new_id, said_in_group(1, "li"), said_in_group(2, "li", group="-100"))
    for key in ("a", "b"):
        await write_out(database, clock, key, "g1", channel=TELEGRAM)

    await send_all(a_sender(database, clock, platform))

    assert [(message.text, message.chat.id) for message in platform.asked] == [
        ("a", "g1"),
        ("a", "-100"),
        ("b", "-100"),
    ]
    new = await conversation_of(database, *SUPERGROUP)
    assert {row.conversation_id for row in await rows(database, outbox)} == {new.id}


@pytest.mark.parametrize("spoken_there", [False, True])
async def test_a_group_that_tells_of_its_move_goes_on_under_its_new_name(
    database: Database, clock: StandingClock, new_id: IdMaker, spoken_there: bool
) -> None:
    await arrive(database, clock, new_id, said_in_group(1, "li"))
    await write_out(database, clock, "a", "g1", channel=TELEGRAM)
    if spoken_there:
        await arrive(database, clock, new_id, said_in_group(2, "li", group="-100"))
    moved = said_in_group(3, "li", "", event=Event.MOVED, payload="-100")
    await arrive(database, clock, new_id, moved, said_in_group(4, "li", group="-100"))
    platform = Platform(channel=TELEGRAM)

    await send_all(a_sender(database, clock, platform))

    assert [(message.text, message.chat.id) for message in platform.asked] == [("a", "-100")]
    new = await conversation_of(database, *SUPERGROUP)
    assert new.last_seq == 3


# --- what a person of the staff confirms -----------------------------------------------------------------------------
BY_STAFF = Receipt(SendStatus.CONFIRMING, platform_id="m1")


async def confirming(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, said(1))
    await went(database, clock, Crossroads(ways=[Road("task")], receipts=[BY_STAFF]), "a")
    assert await states(database) == {"a": ("confirming", "task")}


async def report(database: Database, clock: StandingClock, status: SendStatus, **more: Any) -> None:
    told = Report(**{"channel": "web:shop", "platform_id": "m1", "status": status, **more})
    await database.write(lambda c: apply_reports(c, [told], clock.now()))


async def test_what_a_colleague_confirmed_is_sent_from_then_on(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await confirming(database, clock, new_id)
    clock.advance(timedelta(hours=1))
    await report(database, clock, SendStatus.SENT)

    (row,) = await rows(database, outbox)
    assert (row.status, row.sent_at, row.shown) == ("sent", clock.now(), (await conversation_of(database)).shown)
    await report(database, clock, SendStatus.SENT)
    assert (await conversation_of(database)).shown == 2, "told twice, shown once"


async def test_what_a_colleague_refused_becomes_a_task(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await confirming(database, clock, new_id)
    await report(database, clock, SendStatus.REFUSED, reason="over the quota")

    assert await states(database) == {"a": ("failed", "over the quota")}
    assert [task.key for task in await rows(database, tasks)] == ["outbox:a"]


async def test_a_report_that_is_quicker_than_the_receipt_is_not_lost(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    await report(database, clock, SendStatus.REFUSED, reason="wecom fail_type 4")
    await went(database, clock, Crossroads(ways=[Road("task")], receipts=[BY_STAFF]), "a")

    assert await states(database) == {"a": ("failed", "wecom fail_type 4")}
    assert await rows(database, channel_facts) == []


async def test_a_report_without_an_id_is_about_no_message_that_has_none(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    await went(database, clock, Crossroads(ways=[Road("task")], receipts=[Receipt(SendStatus.SENT)]), "a")
    await report(database, clock, SendStatus.REFUSED, platform_id="")
    assert (await states(database))["a"][0] == "sent"


@pytest.mark.parametrize("other", [{"platform_id": "m2"}, {"channel": "wecom:a"}], ids=["message", "channel"])
async def test_a_report_about_another_message_changes_nothing(
    database: Database, clock: StandingClock, new_id: IdMaker, other: dict[str, str]
) -> None:
    await confirming(database, clock, new_id)
    await report(database, clock, SendStatus.REFUSED, **other)
    assert await states(database) == {"a": ("confirming", "task")}


# --- elsewhere -------------------------------------------------------------------------------------------------------
async def same_person(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    """A customer who writes on the web and on Telegram."""
    await arrive(database, clock, new_id, said(1), said(1, channel=TELEGRAM))
    (person_id, *_) = [row.person_id for row in await rows(database, identities)]
    await database.write(lambda c: c.execute(identities.update().values(person_id=person_id)))


@pytest.mark.parametrize(
    ("purpose", "arrives"),
    [(SERVICE, True), (Purpose.TRANSACTIONAL, True), (Purpose.REPLY, False), (HUMAN, False)],
)
async def test_where_no_road_is_open_news_go_to_another_channel_of_the_person(
    database: Database, clock: StandingClock, new_id: IdMaker, purpose: Purpose, arrives: bool
) -> None:
    await same_person(database, clock, new_id)
    await write_out(database, clock, "a", purpose=purpose)
    telegram = Platform(channel=TELEGRAM)

    await send_all(a_sender(database, clock, crossroads(BY_WINDOW), elsewhere=frozenset({TELEGRAM})))
    await send_all(a_sender(database, clock, telegram))

    assert telegram.texts == (["a"] if arrives else [])
    assert (await states(database))["a"] == (("moved", f"no_window → {TELEGRAM}") if arrives else ("task", "no_window"))
    assert len(await rows(database, tasks)) == (not arrives)


async def test_marketing_that_goes_elsewhere_is_asked_for_consent_there(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await same_person(database, clock, new_id)
    cart = {"cart_open": "c1", "as_of": await open_cart(database, clock)}
    await write_out(database, clock, "a", purpose=Purpose.MARKETING, guard=cart)
    here = Crossroads(limits=Limits(counts_windows=True, own_page=True))
    telegram = Platform(channel=TELEGRAM)

    await send_all(a_sender(database, clock, here, elsewhere=frozenset({TELEGRAM})))
    await send_all(a_sender(database, clock, telegram))

    assert telegram.asked == []
    assert await states(database) == {
        "a": ("moved", f"no_window → {TELEGRAM}"),
        f"a@{TELEGRAM}": ("dropped", "no_consent"),
    }


async def open_cart(database: Database, clock: StandingClock) -> str:
    """Make an open cart and return when it changed last, as a guard says it."""

    def make(connection: Connection) -> None:
        connection.execute(customers.insert().values(id="k1", name="林", created_at=clock.now()))
        connection.execute(carts.insert().values(id="c1", customer_id="k1", status="open", updated_at=clock.now()))

    await database.write(make)
    return clock.now().isoformat()


async def test_a_campaign_to_many_without_a_road_calls_for_nobody(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await same_person(database, clock, new_id)
    await write_out(database, clock, "a", purpose=Purpose.MARKETING)
    here = Crossroads(limits=Limits(counts_windows=True, own_page=True))

    await send_all(a_sender(database, clock, here, elsewhere=frozenset({TELEGRAM})))

    assert await states(database) == {"a": ("dropped", "no_window")}
    assert await rows(database, tasks) == []


@pytest.mark.parametrize("why", ["no_window", "unreachable"])
async def test_how_it_was_is_not_asked_where_no_road_is_open_and_nobody_gets_a_task_for_it(
    database: Database, clock: StandingClock, new_id: IdMaker, why: str
) -> None:
    left = [said(2, "", event=Event.LEFT)] if why == "unreachable" else []
    await arrive(database, clock, new_id, said(1), *left)
    await write_out(database, clock, "a", purpose=SERVICE, guard={"csat": 0})

    await send_all(a_sender(database, clock, crossroads(BY_WINDOW)))

    assert await states(database) == {"a": ("dropped", why)}
    assert await rows(database, tasks) == []


@pytest.mark.parametrize("reason", ["nobody else", "left there too", "not an open channel"])
async def test_where_the_person_is_nowhere_else_a_named_human_gets_a_task(
    database: Database, clock: StandingClock, new_id: IdMaker, reason: str
) -> None:
    await same_person(database, clock, new_id) if reason != "nobody else" else await arrive(
        database, clock, new_id, said(1), said(1, chat="somebody", channel=TELEGRAM)
    )
    if reason == "left there too":
        await arrive(database, clock, new_id, said(2, "", channel=TELEGRAM, event=Event.LEFT))
    people = [("li", "agent"), ("wang", "admin"), ("zhao", "lead")]
    staff = [{"id": key, "login": key, "name": key, "role": role, "created_at": clock.now()} for key, role in people]
    await database.write(lambda c: c.execute(agents.insert(), staff))
    await write_out(database, clock, "a", purpose=SERVICE)
    open_channels = frozenset() if reason == "not an open channel" else frozenset({TELEGRAM})

    await send_all(a_sender(database, clock, crossroads(BY_WINDOW), elsewhere=open_channels))

    (task,) = await rows(database, tasks)
    assert (task.kind, task.text, task.agent_id) == ("no_window", "a", "zhao")
