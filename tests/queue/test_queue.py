"""Nobody waits beside an agent who has room, and nobody is forgotten. On both databases."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select

from bot import audit
from bot.delivery.clocks import Kind
from bot.errors import Conflict, NotFound
from bot.hours import Hours
from bot.store import tables as t
from bot.store.database import Database
from handoff import assigning, ownership, pages, people, presence, routing, staffing, talks, waits
from handoff.people import Agent
from tests.conftest import StandingClock
from tests.delivery.stand import another
from tests.queue.stand import HOURS, WINDING, Stand, a_queue


@pytest.fixture
async def stand(database: Database, clock: StandingClock) -> Stand:
    made = Stand(database, clock)
    for name in ("c1", "c2", "c3", "c4"):
        await made.customer(name)
    return made


# --- who gets whom -------------------------------------------------------------------------------------------------------
async def test_who_asks_while_an_agent_has_room_gets_that_agent_at_once(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    assert await stand.owner("c1") == "li"


async def test_a_customers_wait_has_its_end_before_any_timer_fires(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.answers("li", "c1")
    stand.clock.advance(timedelta(minutes=1))
    now = stand.clock.now()
    message = {"key": "m", "conversation_id": "c1", "seq": 9, "text": "?", "sent_at": now, "received_at": now}

    def writes(c: Connection) -> datetime | None:
        c.execute(t.inbox.insert().values(message))
        stand.queue.answering.customer_wrote(c, "c1", 9, now)
        runs = t.clocks.c.kind == "next", t.clocks.c.ended_at.is_(None)
        due_at: datetime | None = c.execute(select(t.clocks.c.due_at).where(*runs)).scalar_one()
        return due_at

    assert await stand.database.write(writes) == WINDING.targets.due(Kind.NEXT, now)


async def test_a_wait_that_was_over_before_its_message_had_its_turn_is_marked_late_once(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.answers("li", "c1")
    stand.clock.advance(timedelta(minutes=1))
    said_at = stand.clock.now()
    stand.clock.advance(timedelta(minutes=10))
    message = {"key": "m", "conversation_id": "c1", "seq": 9, "text": "?", "sent_at": said_at, "received_at": said_at}

    def writes(c: Connection) -> None:
        c.execute(t.inbox.insert().values(message))
        stand.queue.answering.customer_wrote(c, "c1", 9, stand.clock.now())

    await stand.database.write(writes)
    await stand.after(minutes=1)
    late = select(t.notes.c.at).where(t.notes.c.conversation_id == "c1", t.notes.c.kind == "clock_late")
    assert len(await stand.database.read(lambda c: c.execute(late).all())) == 1


async def test_a_slot_that_gets_free_goes_to_who_waits_longest(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    for name in ("c1", "c2", "c3"):
        await stand.asks(name)
        await stand.after(seconds=10)
    await stand.answers("li", "c1")
    assert [await stand.owner(name) for name in ("c1", "c2", "c3")] == ["li", "queue", "queue"]
    await stand.closes("li", "c1")
    assert [await stand.owner(name) for name in ("c1", "c2", "c3")] == ["closed", "li", "queue"]


@pytest.mark.parametrize("how", ["give back", "transfer", "snooze", "more room", "somebody comes", "back from lunch"])
async def test_every_way_in_which_room_is_made_is_noticed(stand: Stand, how: str) -> None:
    await stand.agent("li", capacity=1)
    await stand.agent("wang", capacity=1, status="away")
    for name in ("c1", "c2"):
        await stand.asks(name)
    await stand.answers("li", "c1")
    assert await stand.owner("c2") == "queue"
    now = stand.clock.now()
    match how:
        case "give back":
            await stand.do(lambda c: ownership.give_back(c, "c1", "li", "solved", now))
        case "transfer":
            await stand.do(lambda c: ownership.transfer(c, "c1", "li", "wang", "", now))
        case "snooze":
            await stand.snoozes("li", "c1", hours=1)
        case "more room":
            await stand.do(lambda c: presence.set_abilities(c, "li", now, capacity=2))
        case "somebody comes":
            await stand.agent("zhao", status="gone")
            await stand.beats("zhao")
        case "back from lunch":
            await stand.turns("wang", "on")
    assert await stand.owner("c2") in ("li", "wang", "zhao")


async def test_the_important_come_first_but_nobody_waits_for_ever(stand: Stand) -> None:
    await stand.database.write(lambda c: c.execute(t.conversations.update().values(channel="wechat:gh")))
    await stand.agent("li", capacity=1, status="away")
    await stand.asks("c1", priority=0)
    await stand.after(minutes=1)
    await stand.asks("c2", priority=1)
    await stand.turns("li", "on")
    assert await stand.owner("c2") == "li"
    await stand.answers("li", "c2")
    await stand.after(minutes=10)
    await stand.asks("c3", priority=1)
    await stand.closes("li", "c2")
    assert await stand.owner("c1") == "li", "eleven minutes count as one priority, and it came first"


async def test_a_customer_of_a_tier_comes_one_priority_higher(stand: Stand) -> None:
    await stand.customer("gold", tier="gold")
    await stand.asks("gold")
    assert (await stand.row("gold")).priority == 1
    await stand.asks("c1")
    assert (await stand.row("c1")).priority == 0


async def test_who_had_the_customer_last_gets_them_again_if_there_is_room(stand: Stand) -> None:
    await stand.agent("li", capacity=2)
    await stand.agent("wang", capacity=2)
    await stand.asks("c1")
    first = await stand.owner("c1")
    await stand.answers(first, "c1")
    await stand.closes(first, "c1")
    await stand.asks("c2")
    await stand.answers(await stand.owner("c2"), "c2")
    await stand.asks("c3")
    await stand.answers(await stand.owner("c3"), "c3")
    await stand.after(minutes=5)
    await stand.asks("c1")
    assert await stand.owner("c1") == first


@pytest.mark.parametrize(("hours", "same"), [(23, True), (25, False)])
async def test_who_comes_back_within_a_day_gets_the_agent_who_ended_it(stand: Stand, hours: int, same: bool) -> None:
    await stand.agent("li", capacity=2)
    await stand.asks("c1")
    await stand.answers("li", "c1")
    await stand.closes("li", "c1")
    await stand.asks("c2")
    await stand.answers("li", "c2")
    await stand.agent("ma", capacity=2)
    missed_one = t.agents.update().where(t.agents.c.id == "li").values(missed=1)
    await stand.database.write(lambda c: c.execute(missed_one))
    stand.clock.at = stand.clock.now() + timedelta(hours=hours)
    await stand.asks("c1")
    assert await stand.owner("c1") == ("li" if same else "ma")


async def test_every_list_and_every_place_has_the_order_in_which_agents_get_them(stand: Stand) -> None:
    await stand.database.write(lambda c: c.execute(t.conversations.update().values(channel="wechat:gh")))
    viewer = Agent("li", "li", "Li", "agent", see="all")
    for name, priority, wait in (("c1", 0, 9), ("c2", 1, 3), ("c3", 0, 0.0001), ("c4", 1, 8)):
        await stand.asks(name, priority=priority)
        await stand.after(minutes=wait)

    def looks(c: Connection) -> list[list[str]]:
        listed = [talk.id for talk in talks.waiting(c)]
        paged, cursor = [], "first"
        while cursor:
            page, cursor = pages.page_of_talks(c, "waiting", viewer, cursor.removeprefix("first"), 1)
            paged += [talk.id for talk in page]
        places = {name: waits.place(c, name) for name in listed}
        given = [waiter.id for waiter in routing.order(assigning.waiters(c))]
        return [listed, paged, sorted(places, key=lambda name: places[name]), given]

    assert await stand.database.read(looks) == [["c2", "c1", "c4", "c3"]] * 4


async def test_the_agent_with_the_least_to_do_comes_first(stand: Stand) -> None:
    await stand.agent("li", capacity=4)
    await stand.agent("wang", capacity=4)
    for name in ("c1", "c2", "c3", "c4"):
        await stand.asks(name)
    owners = [await stand.owner(name) for name in ("c1", "c2", "c3", "c4")]
    assert sorted(owners) == ["li", "li", "wang", "wang"]


async def test_a_language_and_a_topic_are_looked_for_and_after_a_while_anybody_is_better_than_nobody(
    stand: Stand,
) -> None:
    await stand.customer("emma", language="en")
    await stand.agent("li", languages=["zh"])
    await stand.agent("wang", topics=["complaint"])
    await stand.asks("emma", reason="exchange QH1")
    assert await stand.owner("emma") == "queue"
    await stand.asks("c1", reason="complaint")
    assert await stand.owner("c1") in ("li", "wang")
    await stand.after(minutes=2)
    assert await stand.owner("emma") == "queue"
    await stand.after(minutes=2)
    assert await stand.owner("emma") in ("li", "wang")


async def test_by_hand_nothing_is_given_out_and_places_are_told(database: Database, clock: StandingClock) -> None:
    stand = Stand(database, clock, a_queue(auto=False))
    await stand.customer("c1")
    await stand.agent("li")
    await stand.asks("c1")
    assert await stand.owner("c1") == "queue"
    assert await stand.told("c1") == ["handoff.place 1"]


# --- agents who do not answer --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("way", ["given", "taken"])
async def test_an_agent_who_does_not_answer_loses_the_customer_who_keeps_the_place(stand: Stand, way: str) -> None:
    await stand.agent("li", capacity=1, status="on" if way == "given" else "away")
    await stand.asks("c1")
    place = stand.clock.now()
    if way == "taken":
        await stand.do(lambda c: ownership.take(c, "c1", "li", stand.clock.now()))
    await stand.after(seconds=60)
    await stand.asks("c2")
    await stand.turns("li", "away")
    await stand.after(seconds=61)
    row = await stand.row("c1")
    assert (row.owner, row.queued_at) == ("queue", place)
    await stand.agent("wang", capacity=1)
    await stand.beats("wang")
    await stand.turns("wang", "on")
    assert await stand.owner("c1") == "wang"
    assert await stand.owner("c2") == "queue"


async def test_who_was_lost_by_one_agent_gets_another_who_has_room(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.agent("wang")
    await stand.after(seconds=121)
    assert await stand.owner("c1") == "wang"


async def test_an_agent_who_misses_two_in_a_row_counts_as_away(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    await stand.asks("c1")
    await stand.after(seconds=121)
    assert (await stand.status("li"), await stand.owner("c1")) == ("on", "li"), "one can happen; nobody else is there"
    await stand.after(seconds=121)
    assert (await stand.status("li"), await stand.owner("c1")) == ("away", "queue")


async def test_opening_the_page_ends_an_absence_for_not_answering_and_an_open_page_does_not(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    await stand.asks("c1")
    await stand.after(seconds=241)
    await stand.beats("li")
    assert await stand.status("li") == "away"
    await stand.do(lambda c: presence.beat(c, "li", stand.clock.now(), opens=True))
    assert await stand.status("li") == "on"
    await stand.turns("li", "away")
    await stand.do(lambda c: presence.beat(c, "li", stand.clock.now(), opens=True))
    assert await stand.status("li") == "away", "said by herself"


async def test_who_answered_in_time_keeps_the_customer(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.after(seconds=119)
    await stand.answers("li", "c1")
    await stand.after(minutes=30)
    assert await stand.owner("c1") == "li"


async def test_a_customer_who_writes_again_and_hears_nothing_goes_back_as_well(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.answers("li", "c1")
    await stand.turns("li", "away")
    await stand.after(minutes=1)
    await stand.writes("c1")
    await stand.after(seconds=599)
    assert await stand.owner("c1") == "li"
    await stand.after(seconds=1)
    assert await stand.owner("c1") == "queue"


async def test_an_agent_whose_page_is_gone_gets_nothing_and_who_waits_for_them_goes_back(stand: Stand) -> None:
    await stand.agent("li", status="gone")
    await stand.beats("li")
    assert await stand.status("li") == "on"
    await stand.asks("c1")
    await stand.asks("c2")
    await stand.answers("li", "c2")
    await stand.after(seconds=90)
    await stand.beats("li")
    await stand.answers("li", "c1")
    await stand.after(seconds=60)
    await stand.writes("c1")
    await stand.after(seconds=61)
    assert await stand.status("li") == "gone"
    assert [await stand.owner("c1"), await stand.owner("c2")] == ["queue", "li"], "who waits for nothing stays"
    await stand.writes("c2")
    assert await stand.owner("c2") == "queue"
    await stand.beats("li")
    assert [await stand.owner("c1"), await stand.owner("c2")] == ["li", "li"]


async def test_an_open_page_shortens_no_longer_presence(stand: Stand) -> None:
    await stand.agent("li")
    await stand.do(lambda c: presence.beat(c, "li", stand.clock.now(), lasts=timedelta(minutes=30)))
    await stand.after(minutes=1)
    await stand.beats("li")  # a page that is then closed
    await stand.after(minutes=28)
    assert await stand.status("li") == "on"
    await stand.after(minutes=2)
    assert await stand.status("li") == "gone"


async def test_an_agent_who_goes_off_gives_back_who_waits(stand: Stand) -> None:
    await stand.agent("li")
    await stand.agent("wang", status="away")
    await stand.asks("c1")
    await stand.turns("li", "off")
    assert await stand.owner("c1") == "queue"
    await stand.turns("wang", "on")
    assert await stand.owner("c1") == "wang"


async def test_who_may_answer_no_more_gets_nothing_and_leaves_everybody_their_place(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    await stand.asks("c1")
    asked_at = stand.clock.now()
    await stand.after(seconds=50)
    await stand.asks("c2")
    await stand.do(lambda c: staffing.change_role(c, audit.COMMAND, "li", "editor", stand.clock.now()))
    assert [await stand.owner("c1"), await stand.owner("c2")] == ["queue", "queue"]
    assert (await stand.row("c1")).queued_at == asked_at
    assert await stand.status("li") == "off"
    with pytest.raises(NotFound):
        await stand.turns("li", "on")


async def test_a_disabled_agent_costs_nobody_their_place(stand: Stand) -> None:
    await stand.agent("li", capacity=2)
    await stand.asks("c1")
    asked_at = stand.clock.now()
    await stand.asks("c2")
    await stand.answers("li", "c2")
    await stand.after(seconds=50)
    await stand.asks("c3")
    await stand.do(lambda c: people.disable_agent(c, "li", stand.clock.now()))
    rows = [await stand.row(name) for name in ("c1", "c3", "c2")]
    assert [row.queued_at - asked_at for row in rows] == [timedelta(), timedelta(seconds=50), timedelta(seconds=50)]


async def test_nobody_passes_a_conversation_to_who_does_not_answer_or_to_oneself(stand: Stand) -> None:
    await stand.agent("li")
    await stand.agent("xu")
    await stand.do(lambda c: staffing.change_role(c, audit.COMMAND, "xu", "editor", stand.clock.now()))
    await stand.asks("c1")
    owed = (await stand.row("c1")).answer_by
    with pytest.raises(NotFound):
        await stand.do(lambda c: ownership.transfer(c, "c1", "li", "xu", "", stand.clock.now()))
    await stand.after(seconds=60)
    with pytest.raises(Conflict):
        await stand.do(lambda c: ownership.transfer(c, "c1", "li", "li", "", stand.clock.now()))
    assert (await stand.row("c1")).answer_by == owed
    with pytest.raises(NotFound):
        await stand.do(lambda c: ownership.take(c, "c2", "xu", stand.clock.now()))


# --- hours and patience ----------------------------------------------------------------------------------------------
async def test_out_of_hours_the_bot_goes_on_and_at_opening_they_come_into_the_queue_in_their_order(
    stand: Stand,
) -> None:
    stand.clock.at = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    await stand.agent("li", capacity=1, status="away")
    await stand.asks("c1", reason="exchange QH1")
    await stand.after(minutes=5)
    await stand.asks("c2")
    await stand.asks("c1", reason="exchange QH1")
    assert [await stand.owner("c1"), await stand.owner("c2")] == ["bot", "bot"]
    await stand.after(hours=9, minutes=24)
    assert await stand.owner("c1") == "bot"
    await stand.after(minutes=1)
    assert [await stand.owner("c1"), await stand.owner("c2")] == ["queue", "queue"]
    assert (await stand.row("c1")).reason == "exchange QH1"
    await stand.turns("li", "on")
    assert await stand.owner("c1") == "li"


async def test_nobody_is_given_out_after_hours_and_the_first_thing_in_the_morning_is_the_queue(stand: Stand) -> None:
    stand.clock.at = datetime(2026, 11, 23, 14, 59, tzinfo=UTC)  # 22:59
    await stand.customer("lin", channel="wechat:gh_1")
    await stand.agent("li", status="off")
    await stand.asks("lin", reason="exchange QH1", priority=1)
    asked_at = stand.clock.now()
    assert await stand.owner("lin") == "queue"
    await stand.after(minutes=2)
    await stand.turns("li", "on")
    assert await stand.owner("lin") == "bot"
    assert (await stand.told("lin"))[1:] == ["handoff.closed_hours"]
    await stand.after(hours=9, minutes=59)
    row = await stand.row("lin")
    assert (row.agent_id, row.place_at, row.reason, row.priority) == ("li", asked_at, "exchange QH1", 1)


@pytest.mark.parametrize("auto", [True, False])
async def test_who_writes_at_night_to_an_agent_who_has_left_hears_when_somebody_will_be_there(
    database: Database, clock: StandingClock, auto: bool
) -> None:
    stand = Stand(database, clock, a_queue(auto=auto))
    stand.clock.at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)  # 22:00
    await stand.customer("c1")
    await stand.agent("li", status="off")
    await stand.do(lambda c: ownership.take(c, "c1", "li", clock.now()))
    await stand.answers("li", "c1")
    await stand.after(hours=4)
    await stand.writes("c1")
    wrote_at = clock.now()
    assert (await stand.owner("c1"), await stand.told("c1")) == ("bot", ["handoff.closed_hours"])
    await stand.after(hours=7)
    row = await stand.row("c1")
    assert (row.owner, row.queued_at) == ("queue", wrote_at)


async def test_in_the_night_in_which_clocks_are_changed_the_shop_opens_at_its_own_nine(
    database: Database, clock: StandingClock
) -> None:
    berlin = Hours(ZoneInfo("Europe/Berlin"), time(9), time(18))
    stand = Stand(database, clock, a_queue(berlin))
    clock.at = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # 22:00, the evening before summer time ends
    await stand.customer("c1")
    await stand.asks("c1")
    await stand.after(hours=11, minutes=59)
    assert await stand.owner("c1") == "bot"
    await stand.after(minutes=1)
    assert (await stand.owner("c1"), clock.now()) == ("queue", datetime(2026, 10, 25, 8, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("channel", "patience"), [("web:shop", timedelta(minutes=10)), ("wechat:gh", timedelta(hours=48))]
)
async def test_who_waited_too_long_gets_the_bot_back_and_the_matter_is_a_task(
    database: Database, clock: StandingClock, channel: str, patience: timedelta
) -> None:
    stand = Stand(database, clock)
    await stand.customer("c1", channel=channel)
    await stand.asks("c1", reason="invoice")
    await stand.after(seconds=patience.total_seconds() - 1)
    assert await stand.owner("c1") == "queue"
    await stand.after(seconds=1)
    assert await stand.owner("c1") == "bot"
    (task,) = await database.read(lambda c: c.execute(select(t.tasks)).all())
    assert (task.kind, task.text, task.conversation_id) == ("waited_too_long", "invoice", "c1")
    assert (await stand.told("c1"))[-1] == "handoff.nobody_came"


# --- snooze ----------------------------------------------------------------------------------------------------------
async def test_what_is_put_off_takes_no_room_and_is_back_in_time_or_when_the_customer_writes(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    for name in ("c1", "c2"):
        await stand.asks(name)
    await stand.answers("li", "c1")
    await stand.snoozes("li", "c1", hours=1)
    assert await stand.owner("c2") == "li"
    await stand.answers("li", "c2")
    await stand.writes("c1")
    assert (await stand.row("c1")).snoozed_until is None
    await stand.answers("li", "c1")
    await stand.snoozes("li", "c1", hours=1)
    await stand.after(minutes=59)
    assert (await stand.row("c1")).snoozed_until is not None
    await stand.after(minutes=1)
    assert (await stand.row("c1")).snoozed_until is None


async def test_nobody_who_waits_for_an_answer_is_put_off(stand: Stand) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    with pytest.raises(Conflict, match="Answer first"):
        await stand.snoozes("li", "c1", hours=1)
    await stand.answers("li", "c1")
    with pytest.raises(Conflict, match="still to come"):
        await stand.snoozes("li", "c1", hours=-1)


@pytest.mark.parametrize("how", ["off", "gone"])
async def test_what_was_put_off_by_who_is_not_there_any_more_goes_to_another_agent(stand: Stand, how: str) -> None:
    await stand.agent("li", status="gone")
    await stand.beats("li")
    await stand.asks("c1")
    await stand.answers("li", "c1")
    await stand.snoozes("li", "c1", hours=1)
    await stand.agent("wang")
    if how == "off":
        await stand.turns("li", "off")
    await stand.after(minutes=59)
    assert (await stand.status("li"), await stand.owner("c1")) == (how, "li")
    await stand.after(minutes=1)
    assert await stand.owner("c1") == "wang"


# --- places ----------------------------------------------------------------------------------------------------------
async def test_a_place_is_told_at_first_and_when_it_is_half_but_not_every_moment(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    await stand.asks("c4")
    await stand.answers("li", "c4")
    for name in ("c1", "c2", "c3"):
        await stand.asks(name)
    assert await stand.told("c3") == ["handoff.place 3"]
    await stand.after(minutes=2)
    await stand.closes("li", "c4")
    await stand.answers("li", "c1")
    assert await stand.told("c3") == ["handoff.place 3"]
    await stand.closes("li", "c1")
    assert await stand.told("c3") == ["handoff.place 3", "handoff.place 1"]


async def test_a_place_that_got_better_within_a_minute_is_told_when_the_minute_is_over(stand: Stand) -> None:
    await stand.agent("li", capacity=1)
    await stand.asks("c4")
    for name in ("c1", "c2"):
        await stand.asks(name)
    await stand.answers("li", "c4")
    await stand.after(seconds=20)
    await stand.closes("li", "c4")
    await stand.answers("li", "c1")
    await stand.after(seconds=39)
    assert await stand.told("c2") == ["handoff.place 2"]
    await stand.after(seconds=1)
    assert await stand.told("c2") == ["handoff.place 2", "handoff.place 1"]


async def test_who_goes_back_to_the_same_place_is_not_told_it_again(stand: Stand) -> None:
    await stand.asks("c1")
    await stand.agent("li")
    await stand.beats("li")
    await stand.turns("li", "on")
    await stand.turns("li", "off")
    assert await stand.owner("c1") == "queue"
    assert await stand.told("c1") == ["handoff.place 1"]


async def test_where_messages_count_a_place_is_told_once(database: Database, clock: StandingClock) -> None:
    stand = Stand(database, clock, a_queue(counting=frozenset({"wechat:gh"})))
    for name in ("c1", "c2"):
        await stand.customer(name, channel="wechat:gh")
    await stand.agent("li", status="away")
    for name in ("c1", "c2"):
        await stand.asks(name)
    await stand.after(minutes=5)
    await stand.do(lambda c: ownership.take(c, "c1", "li", clock.now()))
    assert await stand.told("c2") == ["handoff.place 2"]


async def test_a_wait_is_kept_with_its_place_and_its_end(stand: Stand) -> None:
    await stand.agent("li", capacity=1, status="away")
    await stand.asks("c1")
    await stand.after(seconds=75)
    await stand.turns("li", "on")
    (row,) = await stand.database.read(lambda c: c.execute(select(t.waits)).all())
    assert (row.place, row.slots, row.result) == (1, 0, "taken")
    assert (row.ended_at - row.began_at).total_seconds() == 75


# --- several processes -----------------------------------------------------------------------------------------------
async def test_processes_that_give_out_at_once_give_nobody_out_twice_and_leave_nobody(
    database: Database, clock: StandingClock
) -> None:
    async with AsyncExitStack() as opened:
        others = [await opened.enter_async_context(another(database)) for _ in range(2)]
        stands = [Stand(each, clock) for each in (database, *others)]
        names = [f"c{number}" for number in range(12)]
        for name in names:
            await stands[0].customer(name)
        for agent in ("li", "wang", "zhao"):
            await stands[0].agent(agent, capacity=4)
        asking = [stands[number % 3].asks(name) for number, name in enumerate(names)]
        await asyncio.gather(*asking)
        await asyncio.gather(*(each.settle() for each in stands))
        owners = [await stands[0].owner(name) for name in names]
    assert sorted(owners) == ["li"] * 4 + ["wang"] * 4 + ["zhao"] * 4
    given = await database.read(lambda c: c.execute(select(t.notes).where(t.notes.c.kind == "assigned")).all())
    assert len(given) == 12


def test_hours_past_midnight_are_open_on_both_sides_of_it() -> None:
    night = Hours(HOURS.zone, time(20), time(4))
    at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)  # 22:00
    assert [night.is_open(at + timedelta(hours=h)) for h in (0, 5, 6, 21, 22)] == [True, True, False, False, True]
    assert night.next_opening(at + timedelta(hours=7)) == at + timedelta(hours=22)
    assert night.next_closing(at) == at + timedelta(hours=6)
    assert night.next_closing(at + timedelta(hours=6)) == at + timedelta(hours=30)
    assert Hours(HOURS.zone, time(9), time(9)).next_closing(at) is None
