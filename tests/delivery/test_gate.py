"""The gate: every rule, asked of a pure function; and the facts it is given."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.clock import IdMaker
from bot.delivery import facts
from bot.delivery.gate import Answer, Facts, Rules, judge, quiet_end
from bot.effects import set_consent
from bot.messages import OPEN, WINDOW, ChatKind, Limits, Purpose, Road
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import identities, outbox
from tests.conftest import StandingClock
from tests.delivery.stand import MANY_TOUCHES, RULES, Platform, a_sender, arrive, rows, said, send_all, write_out

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
    touches_today=0,
    not_after=None,
)
HUMAN = replace(REPLY, purpose=Purpose.HUMAN, owner="agent")
MARKETING = replace(REPLY, purpose=Purpose.MARKETING, epoch=None, consent=True)
PASSIVE, TEMPLATE, BY_WINDOW = Road("passive"), Road("template"), Road("window", needs=WINDOW)
BY_CREDIT = Road("subscription", needs="credit:shipped")
IN_GROUP = replace(MARKETING, chat_kind=ChatKind.GROUP, consent=None)


def with_window(given: Facts, left: float, cost: int = 1, **more: Any) -> Facts:
    """Return `given` where the only road needs a window."""
    return replace(given, roads=[(Road("window", cost, WINDOW), left)], **more)


@pytest.mark.parametrize(
    ("given", "now", "answer", "reason"),
    [
        (REPLY, NOON, Answer.SEND, "open"),
        (REPLY, NIGHT, Answer.SEND, "open"),
        (replace(REPLY, consent=False, touches_today=9), NOON, Answer.SEND, "open"),
        (replace(REPLY, not_after=NOON), NOON, Answer.SEND, "open"),
        (replace(REPLY, not_after=NOON - timedelta(seconds=1)), NOON, Answer.DROP, "too_late"),
        (replace(REPLY, guard_holds=False), NOON, Answer.DROP, "no_longer_true"),
        (replace(REPLY, current_epoch=4), NOON, Answer.DROP, "owner_changed"),
        (replace(REPLY, epoch=0, current_epoch=1), NOON, Answer.DROP, "owner_changed"),
        (replace(REPLY, epoch=None, current_epoch=4), NOON, Answer.SEND, "open"),
        (replace(REPLY, current_epoch=4, owner="agent"), NOON, Answer.DROP, "owner_changed"),
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
        # marketing
        (MARKETING, NOON, Answer.SEND, "open"),
        (replace(MARKETING, consent=False), NOON, Answer.DROP, "refused_by_customer"),
        (replace(MARKETING, consent=None), NOON, Answer.DROP, "no_consent"),
        (replace(MARKETING, consent=None, own_page=True), NOON, Answer.SEND, "open"),
        (replace(MARKETING, consent=False, own_page=True), NOON, Answer.DROP, "refused_by_customer"),
        (replace(MARKETING, owner="agent"), NOON, Answer.DROP, "a_human_is_talking"),
        (replace(MARKETING, owner="queue"), NOON, Answer.DROP, "a_human_is_talking"),
        (replace(MARKETING, owner="closed"), NOON, Answer.SEND, "open"),
        (replace(MARKETING, touches_today=1), NOON, Answer.DROP, "enough_for_today"),
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
    verdict = judge(given, RULES, now)
    assert (verdict.answer, verdict.reason) == (answer, reason)
    assert (verdict.until is not None) == (answer is Answer.WAIT)
    assert (verdict.road is not None) == (answer is Answer.SEND)


OVER_MIDNIGHT = RULES
AT_NOON = Rules(SHANGHAI, time(12), time(14, 30, 15), marketing_per_day=1)
NEVER = Rules(SHANGHAI, time(9), time(9), marketing_per_day=1)


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

    assert await database.read(lambda c: facts.consent(c, person_id, "web:shop")) is on_web
    assert await database.read(lambda c: facts.consent(c, person_id, "telegram:bot")) is on_telegram
    assert await database.read(lambda c: facts.consent(c, other_id, "web:shop")) is None


async def test_of_two_answers_in_the_same_moment_the_later_stored_counts(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    person_id = await person_of(database)

    for granted in (True, False):
        await answer(database, clock, person_id, "web:shop", granted)

    assert await database.read(lambda c: facts.consent(c, person_id, "web:shop")) is False


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
