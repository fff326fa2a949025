"""The gate: every rule, asked of a pure function; and the facts it is given."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from bot.clock import IdMaker
from bot.delivery import standing
from bot.delivery.complaints import Clocks, complain
from bot.delivery.gate import Answer, Facts, Rules, held_out, judge, quiet_end
from bot.delivery.zones import zones_of
from bot.effects import set_consent
from bot.messages import OPEN, WINDOW, ChatKind, Limits, Purpose, Road
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import identities, outbox, persons
from handoff.ownership import to_queue
from tests.conftest import StandingClock
from tests.delivery.stand import (
    MANY_TOUCHES,
    RULES,
    Platform,
    a_sender,
    arrive,
    conversation_of,
    rows,
    said,
    send_all,
    write_out,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
NIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=SHANGHAI)
REPLY = Facts(
    purpose=Purpose.REPLY,
    chat_kind=ChatKind.PRIVATE,
    owner="bot",
    epoch=3,
    current_epoch=3,
    unreachable=False,
    consent=None,
    own_page=False,
    roads=[(OPEN, math.inf)],
    guard_holds=True,
    touched_at=(),
    not_after=None,
)
HUMAN = replace(REPLY, purpose=Purpose.HUMAN, owner="agent")
MARKETING = replace(REPLY, purpose=Purpose.MARKETING, epoch=None, consent=True)
PASSIVE, TEMPLATE, BY_WINDOW = Road("passive"), Road("template"), Road("window", needs=WINDOW)
BY_CREDIT = Road("subscription", needs="credit:shipped")
THREE_THIS_WEEK = [NOON - timedelta(days=days) for days in (2, 4, 6)]
FOLLOW_UP = replace(MARKETING, follow_up=True, drawn_by="p1", not_after=NOON + timedelta(hours=12))
HELD = next(f"p{n}" for n in range(1000) if held_out(f"p{n}", 10))
IN_GROUP = replace(MARKETING, chat_kind=ChatKind.GROUP, consent=None)


def heard(*campaigns: str, hours: int = 1) -> list[tuple[datetime, str]]:
    """Return that a group heard these campaigns so many hours ago."""
    return [(NOON - timedelta(hours=hours), campaign) for campaign in campaigns]


def with_window(given: Facts, left: float, cost: int = 1, **more: Any) -> Facts:
    """Return `given` where the only road needs a window."""
    return replace(given, roads=[(Road("window", cost, WINDOW), left)], **more)


@pytest.mark.parametrize(
    ("given", "now", "answer", "reason"),
    [
        (REPLY, NOON, Answer.SEND, "open"),
        (REPLY, NIGHT, Answer.SEND, "open"),
        (replace(REPLY, consent=False, touched_at=[NOON] * 9), NOON, Answer.SEND, "open"),
        (replace(REPLY, not_after=NOON), NOON, Answer.SEND, "open"),
        (replace(REPLY, not_after=NOON - timedelta(seconds=1)), NOON, Answer.DROP, "too_late"),
        (replace(REPLY, guard_holds=False), NOON, Answer.DROP, "no_longer_true"),
        (replace(REPLY, current_epoch=4), NOON, Answer.DROP, "owner_changed"),
        (replace(REPLY, epoch=0, current_epoch=1), NOON, Answer.DROP, "owner_changed"),
        (replace(REPLY, epoch=None, current_epoch=4), NOON, Answer.SEND, "open"),
        (replace(REPLY, current_epoch=4, owner="agent"), NOON, Answer.DROP, "owner_changed"),
        (replace(REPLY, current_epoch=4, owner="agent", awaited=True), NOON, Answer.SEND, "open"),
        (replace(REPLY, current_epoch=5, owner="agent", awaited=True), NOON, Answer.DROP, "owner_changed"),
        (replace(REPLY, current_epoch=4, owner="queue"), NOON, Answer.SEND, "open"),
        (replace(HUMAN, current_epoch=4), NOON, Answer.SEND, "open"),
        (replace(HUMAN, current_epoch=4, owner="closed"), NOON, Answer.SEND, "open"),
        (replace(REPLY, unreachable=True), NOON, Answer.TASK, "unreachable"),
        (replace(HUMAN, unreachable=True), NOON, Answer.TASK, "unreachable"),
        # windows: the last message of a counted one is kept for a human
        (with_window(REPLY, 0), NOON, Answer.TASK, "no_window"),
        (with_window(REPLY, 1), NOON, Answer.TASK, "no_window"),
        (with_window(REPLY, 2), NOON, Answer.SEND, "window, 1 left"),
        (with_window(REPLY, math.inf), NOON, Answer.SEND, "window"),
        # a long text is cut and takes several messages
        (with_window(REPLY, 3, cost=3), NOON, Answer.TASK, "no_window"),
        (with_window(REPLY, 4, cost=3), NOON, Answer.SEND, "window, 1 left"),
        (with_window(HUMAN, 2, cost=3), NOON, Answer.TASK, "no_window"),
        (with_window(HUMAN, 3, cost=3), NOON, Answer.SEND, "window, 0 left"),
        # the reply that calls a human may use the human's message; one written before the call may not
        (with_window(REPLY, 1, owner="queue"), NOON, Answer.SEND, "window, 0 left"),
        (with_window(REPLY, 0, owner="queue"), NOON, Answer.TASK, "no_window"),
        (
            with_window(REPLY, 1, owner="queue", current_epoch=4),
            NOON,
            Answer.TASK,
            "no_window",
        ),
        (
            with_window(REPLY, 1, owner="queue", purpose=Purpose.SERVICE),
            NOON,
            Answer.TASK,
            "no_window",
        ),
        (with_window(HUMAN, 1), NOON, Answer.SEND, "window, 0 left"),
        (with_window(HUMAN, 0), NOON, Answer.TASK, "no_window"),
        (with_window(MARKETING, 1), NOON, Answer.TASK, "no_window"),
        # of several roads the first with enough left; a credit and a form have no message kept for a human
        (replace(REPLY, roads=()), NOON, Answer.TASK, "no_road"),
        (replace(REPLY, roads=[(PASSIVE, math.inf), (BY_WINDOW, 5)]), NOON, Answer.SEND, "passive"),
        (replace(REPLY, roads=[(BY_WINDOW, 5), (TEMPLATE, math.inf)]), NOON, Answer.SEND, "window, 4 left"),
        (replace(REPLY, roads=[(BY_WINDOW, 1), (BY_CREDIT, 1)]), NOON, Answer.SEND, "subscription, 0 left"),
        (replace(REPLY, roads=[(BY_CREDIT, 0), (TEMPLATE, math.inf)]), NOON, Answer.SEND, "template"),
        (replace(REPLY, roads=[(BY_WINDOW, 1), (BY_CREDIT, 0)]), NOON, Answer.TASK, "no_window"),
        # what a group hears: five messages a day, three campaigns a week; moments of one sale are one campaign
        (replace(IN_GROUP, group_heard=heard("a", "a", "a", "a")), NOON, Answer.SEND, "open"),
        (
            replace(IN_GROUP, group_heard=heard("a", "a", "a", "a", "a")),
            NOON,
            Answer.DROP,
            "group_has_heard_enough_today",
        ),
        (replace(IN_GROUP, group_heard=heard(*"aaaaa", hours=24)), NOON, Answer.SEND, "open"),
        (
            replace(IN_GROUP, group_heard=heard(*"abc", hours=100)),
            NOON,
            Answer.DROP,
            "group_has_heard_enough_this_week",
        ),
        (replace(IN_GROUP, campaign="c", group_heard=heard(*"abc", hours=100)), NOON, Answer.SEND, "open"),
        (replace(IN_GROUP, group_heard=heard(*"abc", hours=168)), NOON, Answer.SEND, "open"),
        # marketing
        (MARKETING, NOON, Answer.SEND, "open"),
        (replace(MARKETING, consent=False), NOON, Answer.DROP, "refused_by_customer"),
        (replace(MARKETING, consent=None), NOON, Answer.DROP, "no_consent"),
        (replace(MARKETING, consent=None, own_page=True), NOON, Answer.SEND, "open"),
        (replace(MARKETING, consent=False, own_page=True), NOON, Answer.DROP, "refused_by_customer"),
        (replace(MARKETING, owner="agent"), NOON, Answer.DROP, "a_human_is_talking"),
        (replace(MARKETING, owner="queue"), NOON, Answer.DROP, "a_human_is_talking"),
        (replace(MARKETING, owner="closed"), NOON, Answer.SEND, "open"),
        (replace(MARKETING, touched_at=[NOON - timedelta(hours=23)]), NOON, Answer.DROP, "enough_for_today"),
        (replace(MARKETING, touched_at=[NOON - timedelta(hours=24)]), NOON, Answer.SEND, "open"),
        (replace(MARKETING, touched_at=THREE_THIS_WEEK), NOON, Answer.DROP, "enough_for_this_week"),
        (replace(MARKETING, touched_at=[*THREE_THIS_WEEK[:2], NOON - timedelta(days=7)]), NOON, Answer.SEND, "open"),
        (replace(MARKETING, human_elsewhere=True), NOON, Answer.DROP, "a_human_is_talking"),
        (replace(MARKETING, complaint_open=True), NOON, Answer.DROP, "complaint_open"),
        (replace(MARKETING, drawn_by=HELD, stale=True), NOON, Answer.SEND, "open"),
        (replace(REPLY, human_elsewhere=True, complaint_open=True, stale=True), NOON, Answer.SEND, "open"),
        (replace(IN_GROUP, touched_at=THREE_THIS_WEEK), NOON, Answer.SEND, "open"),
        # follow-ups wait for a cap, and are withheld from who is held out, whom all other rules would let have it
        (FOLLOW_UP, NOON, Answer.SEND, "open"),
        (replace(FOLLOW_UP, touched_at=[NOON - timedelta(hours=20)]), NOON, Answer.WAIT, "enough_for_today"),
        (replace(FOLLOW_UP, touched_at=[NOON - timedelta(hours=10)]), NOON, Answer.DROP, "enough_for_today"),
        (replace(FOLLOW_UP, touched_at=THREE_THIS_WEEK), NOON, Answer.DROP, "enough_for_this_week"),
        (replace(FOLLOW_UP, stale=True), NOON, Answer.WAIT, "shop_unreachable"),
        (replace(FOLLOW_UP, drawn_by=HELD), NOON, Answer.DROP, "held_out"),
        (replace(FOLLOW_UP, drawn_by=HELD, not_after=None), NIGHT, Answer.WAIT, "quiet_hours"),
        (replace(FOLLOW_UP, drawn_by=HELD, consent=None), NOON, Answer.DROP, "no_consent"),
        (replace(FOLLOW_UP, drawn_by=HELD, roads=()), NOON, Answer.DROP, "held_out"),
        (replace(MARKETING, unreachable=True), NOON, Answer.DROP, "unreachable"),
        (replace(MARKETING, guard_holds=False), NIGHT, Answer.DROP, "no_longer_true"),
        (MARKETING, NIGHT, Answer.WAIT, "quiet_hours"),
        (replace(MARKETING, consent=False), NIGHT, Answer.DROP, "refused_by_customer"),
        (IN_GROUP, NOON, Answer.SEND, "open"),
        (IN_GROUP, NIGHT, Answer.WAIT, "quiet_hours"),
        (replace(IN_GROUP, owner="agent"), NOON, Answer.DROP, "a_human_is_talking"),
    ],
)
def test_every_rule_of_the_gate(given: Facts, now: datetime, answer: Answer, reason: str) -> None:
    verdict = judge(given, replace(RULES, holdout_pct=10), now)
    assert (verdict.answer, verdict.reason) == (answer, reason)
    assert (verdict.until is not None) == (answer is Answer.WAIT)
    assert (verdict.road is not None) == (answer is Answer.SEND)


OVER_MIDNIGHT = RULES
AT_NOON = replace(RULES, quiet_from=time(12), quiet_until=time(14, 30, 15))
NEVER = replace(RULES, quiet_from=time(9), quiet_until=time(9))


def local(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("rules", "now", "end"),
    [
        (OVER_MIDNIGHT, local(23, 20, 59, 59), None),
        (OVER_MIDNIGHT, local(23, 21), local(24, 9)),
        (OVER_MIDNIGHT, local(24, 0), local(24, 9)),
        (OVER_MIDNIGHT, local(24, 8, 59, 59), local(24, 9)),
        (OVER_MIDNIGHT, local(24, 9), None),
        (AT_NOON, local(23, 11, 59), None),
        (AT_NOON, local(23, 12), local(23, 14, 30, 15)),
        (AT_NOON, local(23, 14, 30, 14), local(23, 14, 30, 15)),
        (AT_NOON, local(23, 14, 30, 15), None),
        (NEVER, local(23, 9), None),
        (NEVER, local(23, 3), None),
    ],
)
def test_quiet_hours_end_in_the_shops_own_time(rules: Rules, now: datetime, end: datetime | None) -> None:
    asked = now.astimezone(UTC)
    assert quiet_end(asked, rules) == end
    if end is not None:
        assert quiet_end(end.astimezone(UTC), rules) is None, "what waits must be free to go when the wait is over"


BERLIN, NEW_YORK, HONOLULU = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Honolulu")


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zones", "now", "end"),
    [
        ((BERLIN,), utc(11, 23, 19, 59), None),  # 20:59 in winter
        ((BERLIN,), utc(11, 23, 20), utc(11, 24, 8)),
        ((BERLIN,), utc(7, 1, 19), utc(7, 2, 7)),  # 21:00 in summer
        ((BERLIN,), utc(3, 28, 21), utc(3, 29, 7)),  # the night that is an hour shorter
        ((BERLIN,), utc(10, 24, 20), utc(10, 25, 8)),  # and the one that is longer
        ((NEW_YORK, HONOLULU), utc(11, 23, 15), utc(11, 23, 19)),  # ten in New York, five in Honolulu
        ((NEW_YORK, HONOLULU), utc(11, 23, 20), None),
        ((NEW_YORK, HONOLULU), utc(11, 24, 3), utc(11, 24, 19)),
        ((), utc(11, 23, 12, 59), None),  # the shop's: 20:59
        ((), utc(11, 23, 13), utc(11, 24, 1)),
    ],
)
def test_quiet_hours_are_those_of_the_person_wherever_they_may_live(
    zones: tuple[ZoneInfo, ...], now: datetime, end: datetime | None
) -> None:
    assert quiet_end(now, RULES, zones) == end
    if end is not None:
        assert quiet_end(end, RULES, zones) is None, "what waits must be free to go when the wait is over"


@pytest.mark.parametrize("until", [time(1, 30), time(2, 30)])
def test_a_wait_ends_in_the_future_also_when_the_clocks_are_turned_meanwhile(until: time) -> None:
    rules = replace(RULES, quiet_until=until)
    for first in (utc(3, 28, 20), utc(10, 24, 20)):
        for minute in range(0, 12 * 60, 15):
            now = first + timedelta(minutes=minute)
            end = quiet_end(now, rules, (BERLIN,))
            assert end is None or (end > now and quiet_end(end, rules, (BERLIN,)) is None)


@pytest.mark.parametrize(
    ("country", "phone", "zones"),
    [
        ("DE", "+8613800138000", {"Europe/Berlin", "Europe/Busingen"}),  # an address says more than a number
        ("CN", "", {"Asia/Shanghai"}),  # one legal time, whatever the tz database has
        ("", "+86 138 0013 8000", {"Asia/Shanghai"}),
        ("", "0085291234567", {"Asia/Hong_Kong"}),
        ("", "13800138000", set()),
        ("", "+999123", set()),
        ("", "", set()),
    ],
)
def test_where_a_person_may_live_is_known_from_address_or_phone(country: str, phone: str, zones: set[str]) -> None:
    assert {zone.key for zone in zones_of(country, phone)} == zones


def test_a_tenth_is_held_out_for_ever_and_a_larger_share_only_adds_people() -> None:
    ids = [f"person-{n}" for n in range(20_000)]
    tenth, fifth = ({one for one in ids if held_out(one, pct)} for pct in (10, 20))
    assert 1_850 < len(tenth) < 2_150
    assert tenth < fifth
    assert not any(held_out(one, 0) for one in ids)
    assert not held_out("person-lin", 10), "the demo's customer is to hear of her cart"


# --- facts -----------------------------------------------------------------------------------------------------------
async def person_of(database: Database, user: str = "u1") -> str:
    (identity,) = await rows(database, identities, identities.c.user == user, identities.c.channel == "web:shop")
    return str(identity.person_id)


async def answers(database: Database, clock: StandingClock, person_id: str, *given: tuple[str, bool]) -> None:
    """Store answers to "may we write to you?", a minute apart."""
    for channel, granted in given:
        clock.advance(timedelta(minutes=1))
        await answer(database, clock, person_id, channel, granted)


async def answer(database: Database, clock: StandingClock, person_id: str, channel: str, granted: bool) -> None:
    wish = SetConsent(granted, "said so")
    await database.write(lambda c: set_consent(c, person_id, channel, wish, clock.now()))


@pytest.mark.parametrize(
    ("given", "on_web", "on_telegram"),
    [
        ([], None, None),
        ([("web:shop", True)], True, None),
        ([("web:shop", True), ("web:shop", False)], False, False),
        ([("web:shop", False), ("web:shop", True)], True, False),
        ([("telegram:bot", True), ("web:shop", False)], False, False),
        ([("web:shop", True), ("telegram:bot", False), ("telegram:bot", True)], False, True),
    ],
)
async def test_the_newest_answer_counts_and_a_no_counts_everywhere(
    database: Database, clock: StandingClock, new_id: IdMaker, given: Any, on_web: Any, on_telegram: Any
) -> None:
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    person_id, other_id = await person_of(database), await person_of(database, "u2")

    await answers(database, clock, person_id, *given)

    assert await database.read(lambda c: standing.consent(c, person_id, "web:shop")) is on_web
    assert await database.read(lambda c: standing.consent(c, person_id, "telegram:bot")) is on_telegram
    assert await database.read(lambda c: standing.consent(c, other_id, "web:shop")) is None


async def the_same_customer(database: Database, clock: StandingClock, new_id: IdMaker) -> list[str]:
    """Let two accounts on two channels be shown to be one customer of the shop. Return the ids of their persons."""
    await arrive(database, clock, new_id, said(1))
    clock.advance(timedelta(seconds=1))
    await arrive(database, clock, new_id, said(1, channel="telegram:bot"))
    await database.write(lambda c: c.execute(persons.update().values(customer_id="lin")))
    found = await rows(database, identities)
    by_channel = {row.channel: str(row.person_id) for row in found}
    return [by_channel["web:shop"], by_channel["telegram:bot"]]


async def test_a_refusal_crosses_all_chats_of_a_customer_at_once_and_a_yes_does_not(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    on_web, on_telegram = await the_same_customer(database, clock, new_id)
    for person_id, channel in ((on_web, "web:shop"), (on_telegram, "telegram:bot")):
        await answers(database, clock, person_id, (channel, True))
    await write_out(database, clock, "offer", purpose=Purpose.MARKETING)
    await write_out(database, clock, "order", purpose=Purpose.SERVICE)
    await answers(database, clock, on_telegram, ("telegram:bot", False))

    assert await database.read(lambda c: standing.consent(c, on_web, "web:shop")) is False
    waiting = {row.key: (row.status, row.reason) for row in await rows(database, outbox)}
    assert waiting == {"offer": ("dropped", "refused_by_customer"), "order": ("waiting", "")}
    await answers(database, clock, on_telegram, ("telegram:bot", True))
    assert await database.read(lambda c: standing.consent(c, on_web, "web:shop")) is False
    assert await database.read(lambda c: standing.consent(c, on_telegram, "telegram:bot")) is True


@pytest.mark.parametrize("trouble", ["human", "complaint"])
async def test_nobody_is_written_to_who_has_a_human_or_a_complaint_in_another_chat(
    database: Database, clock: StandingClock, new_id: IdMaker, trouble: str
) -> None:
    await the_same_customer(database, clock, new_id)
    other = await conversation_of(database, channel="telegram:bot")

    def begin(connection: Connection) -> None:
        if trouble == "human":
            to_queue(connection, other.id, "asked", 0, clock.now())
        else:
            complain(connection, "complaint:1", other.id, "broken", Clocks(24, 48), clock.now())

    await database.write(begin)
    await write_out(database, clock, "offer", purpose=Purpose.MARKETING)
    web = Platform(limits=WEB)
    await send_all(a_sender(database, clock, web))

    assert web.texts == []
    (row,) = await rows(database, outbox, outbox.c.key == "offer")
    assert row.reason == {"human": "a_human_is_talking", "complaint": "complaint_open"}[trouble]


async def test_who_is_held_out_stays_so_when_a_younger_account_turns_out_to_be_the_same(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    on_web, on_telegram = await the_same_customer(database, clock, new_id)
    for person_id in (on_web, on_telegram):
        people = await database.write(partial(standing.locked, person_id=person_id))
        assert standing.oldest(people) == standing.oldest(people[::-1]) == on_web


async def test_of_two_answers_in_the_same_moment_the_later_stored_counts(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    person_id = await person_of(database)

    for granted in (True, False):
        await answer(database, clock, person_id, "web:shop", granted)

    assert await database.read(lambda c: standing.consent(c, person_id, "web:shop")) is False


async def on_two_channels(database: Database, clock: StandingClock, new_id: IdMaker, *users: str) -> None:
    """Let customers write on the web and on Telegram, each being one person."""
    for user in users:
        await arrive(database, clock, new_id, said(1, chat=user), said(1, chat=user, channel="telegram:bot"))
        await join(database, user, await person_of(database, user))


async def join(database: Database, user: str, person_id: str) -> None:
    change = identities.update().where(identities.c.user == user).values(person_id=person_id)
    await database.write(lambda c: c.execute(change))


WEB = Limits(own_page=True)


async def test_marketing_is_counted_over_all_channels_of_a_person(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await on_two_channels(database, clock, new_id, "u1")
    web, telegram = Platform(limits=WEB), Platform(channel="telegram:bot", limits=WEB)
    await write_out(database, clock, "sale", purpose=Purpose.MARKETING)
    await send_all(a_sender(database, clock, web))
    clock.advance(timedelta(hours=1))
    await write_out(database, clock, "cart", purpose=Purpose.MARKETING, channel="telegram:bot")
    await write_out(database, clock, "answer", channel="telegram:bot")
    await send_all(a_sender(database, clock, telegram))

    assert (web.texts, telegram.texts) == (["sale"], ["answer"])
    dropped = await rows(database, outbox, outbox.c.status == "dropped")
    assert [(row.key, row.reason) for row in dropped] == [("cart", "enough_for_today")]

    clock.advance(timedelta(hours=23, seconds=1))
    await write_out(database, clock, "next day", purpose=Purpose.MARKETING, channel="telegram:bot")
    await send_all(a_sender(database, clock, telegram))
    assert telegram.texts == ["answer", "next day"]


async def test_a_touch_counts_from_when_it_was_sent_not_from_when_it_was_written(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    web = Platform(limits=WEB)
    await write_out(database, clock, "old", purpose=Purpose.MARKETING, not_before=clock.now() + timedelta(hours=23))
    clock.advance(timedelta(hours=23))
    await send_all(a_sender(database, clock, web))
    clock.advance(timedelta(hours=2))

    await write_out(database, clock, "new", purpose=Purpose.MARKETING)
    await send_all(a_sender(database, clock, web))

    assert web.texts == ["old"]


async def test_two_channels_that_send_at_the_same_time_keep_the_limit_together(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    users = [f"u{n}" for n in range(15)]
    await on_two_channels(database, clock, new_id, *users)
    web, telegram = Platform(limits=WEB), Platform(channel="telegram:bot", limits=WEB)
    for user in users:
        await write_out(database, clock, f"web {user}", user, purpose=Purpose.MARKETING)
        await write_out(database, clock, f"tg {user}", user, purpose=Purpose.MARKETING, channel="telegram:bot")

    await asyncio.gather(*(send_all(a_sender(database, clock, platform)) for platform in (web, telegram)))

    told = [text.split()[1] for text in web.texts + telegram.texts]
    assert sorted(told) == sorted(users)


async def test_quiet_hours_let_replies_through_and_keep_marketing_until_morning(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    web = Platform(limits=WEB)
    clock.at = local(23, 22).astimezone(UTC)
    await write_out(database, clock, "sale", purpose=Purpose.MARKETING)
    await write_out(database, clock, "answer")
    await send_all(a_sender(database, clock, web, MANY_TOUCHES))
    assert web.texts == ["answer"]

    clock.at = local(24, 8, 59).astimezone(UTC)
    await send_all(a_sender(database, clock, web, MANY_TOUCHES))
    assert web.texts == ["answer"]

    clock.at = local(24, 9).astimezone(UTC)
    await send_all(a_sender(database, clock, web, MANY_TOUCHES))
    assert web.texts == ["answer", "sale"]
