"""The pace: whatever the delays, the platform never sees more than its rate, also when another process takes over."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import IdMaker
from bot.delivery.pacer import Pacer
from bot.delivery.sender import AHEAD
from bot.delivery.turns import LEASE_S
from bot.messages import ChatKind, Limits, Rate
from bot.store.database import Database
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, said, send_all, until_asked, write_out

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KINDS = (ChatKind.PRIVATE, ChatKind.PRIVATE, ChatKind.GROUP, ChatKind.GROUP)
Flight = tuple[int, bool, float, float]
"""Number of the chat, whether it is a campaign's, seconds there, seconds back."""

delays_s = st.sampled_from((0.0, 0.01, 0.3, 1.0, 7.0)) | st.floats(0, 90)
flights = st.lists(st.tuples(st.integers(0, 3), st.booleans(), delays_s, delays_s), min_size=5, max_size=40)
rates = st.none() | st.builds(Rate, st.integers(1, 5), st.sampled_from((0.05, 1.0, 60.0)))
Arrivals = list[tuple[datetime, int]]


def at_the_platform(limits: Limits, messages: Sequence[Flight]) -> Arrivals:
    """Let messages leave as fast as the pacer says, as the sender does. Return when they arrive, and in which chat."""
    pacer, now = Pacer(limits), START
    answers: list[tuple[datetime, int]] = []
    arrivals: Arrivals = []

    def wait(until: datetime) -> None:
        nonlocal now, answers
        for at, chat in sorted(answers):
            if at <= until:
                pacer.landed(str(chat), KINDS[chat], at)
        answers = [(at, chat) for at, chat in answers if at > until]
        now = max(now, until)

    for chat, is_campaign, there_s, back_s in messages:
        while (
            any(other == chat for _, other in answers)  # of one conversation only one is on its way
            or pacer.room(now + AHEAD, 1) < 1
            or pacer.chat_free_at(str(chat), now) > now
            or (is_campaign and pacer.campaign_room(now, now + AHEAD, 1) < 1)
        ):
            times = (pacer.free_at(now), pacer.chat_free_at(str(chat), now), pacer.campaign_at(now))
            later = [at - AHEAD for at in times if at - AHEAD > now] + [at for at, _ in answers if at > now]
            wait(min(later, default=now + AHEAD))
        leaves_at = pacer.leave(str(chat), KINDS[chat], now, is_campaign)
        arrives_at = leaves_at + timedelta(seconds=there_s)
        arrivals.append((arrives_at, chat))
        answers.append((arrives_at + timedelta(seconds=back_s), chat))
    return arrivals


def most_in_a_window(times: Sequence[datetime], rate: Rate) -> int:
    """Return the largest number of arrivals within any `per_s` seconds."""
    length = timedelta(seconds=rate.per_s)
    return max(sum(end - length < at <= end for at in times) for end in times)


@settings(max_examples=300, deadline=None)
@given(rates, rates, rates, flights)
def test_no_window_of_the_platform_sees_more_than_its_rate(
    overall: Rate | None, per_chat: Rate | None, per_group: Rate | None, messages: list[Flight]
) -> None:
    arrivals = at_the_platform(Limits(overall=overall, per_chat=per_chat, per_group=per_group), messages)

    assert len(arrivals) == len(messages)
    if overall is not None:
        assert most_in_a_window([at for at, _ in arrivals], overall) <= overall.count
    by_chat: defaultdict[int, list[datetime]] = defaultdict(list)
    for at, chat in arrivals:
        by_chat[chat].append(at)
    for chat, times in by_chat.items():
        for rate in (per_chat, per_group if KINDS[chat] is ChatKind.GROUP else None):
            assert rate is None or most_in_a_window(times, rate) <= rate.count


def test_a_platform_that_answers_at_once_is_used_to_the_full() -> None:
    arrivals = at_the_platform(Limits(overall=Rate(10, 1)), [(n % 4, False, 0.0, 0.0) for n in range(100)])
    assert arrivals[-1][0] - START < timedelta(seconds=10)


# --- who asks for a pause --------------------------------------------------------------------------------------------
def test_a_refusal_pauses_its_chat_and_two_pause_the_channel() -> None:
    pacer, until = Pacer(Limits(overall=Rate(30, 1))), START + timedelta(seconds=5)

    pacer.refused("u1", START, until)
    assert (pacer.chat_free_at("u1", START), pacer.chat_free_at("u2", START)) == (until, START)
    assert pacer.room(START, 9) == 9

    pacer.refused("u2", START, until)
    assert (pacer.room(START, 9), pacer.free_at(START)) == (0, until)
    assert pacer.room(until, 9) == 9


def test_a_refusal_after_the_pause_of_another_chat_is_over_pauses_its_chat_only() -> None:
    pacer = Pacer(Limits())
    pacer.refused("u1", START, START + timedelta(seconds=5))
    later = START + timedelta(seconds=6)
    pacer.refused("u2", later, later + timedelta(seconds=5))
    assert pacer.room(later, 9) == 9


# --- another process takes over --------------------------------------------------------------------------------------
async def test_a_process_that_takes_over_counts_what_the_last_one_sent(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(overall=Rate(3, 60)))
    users = [f"u{n}" for n in range(5)]
    await arrive(database, clock, new_id, *(said(1, chat=user) for user in users))
    for user in users:
        await write_out(database, clock, user, user)
    await send_all(a_sender(database, clock, platform))
    assert platform.texts == users[:3]

    clock.advance(timedelta(seconds=30))
    successor = a_sender(database, clock, platform)
    task = asyncio.create_task(successor.run())
    await asyncio.sleep(0.2)
    assert len(platform.asked) == 3, "the platform would have refused"
    clock.advance(timedelta(seconds=61))
    successor.wake.notify()
    await until_asked(platform, 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_process_that_takes_over_counts_what_the_last_one_had_on_its_way(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    class Silent(Platform):
        async def send(self, message: object) -> object:  # type: ignore[override]
            self.asked.append(message)  # type: ignore[arg-type]
            return await asyncio.Event().wait()

    limits = Limits(overall=Rate(1, 60))
    silent, platform = Silent(limits=limits), Platform(limits=limits)
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await write_out(database, clock, "a")
    dying = asyncio.create_task(a_sender(database, clock, silent).send_next())
    await until_asked(silent, 1)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await write_out(database, clock, "b", "u2")

    clock.advance(timedelta(seconds=LEASE_S))
    task = asyncio.create_task(a_sender(database, clock, platform).run())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert platform.asked == [], "it may have arrived a moment ago"
