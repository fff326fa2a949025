"""How a sale went is written down, who was told is found again, and a preview reaches the own chat alone."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from bot.campaigns import flash, planning, preview, steering
from bot.campaigns.announcing import authors_of
from bot.campaigns.course import course, next_at, stand
from bot.campaigns.moments import HALF, SOLD_OUT, START, Moment
from bot.campaigns.outcome import announced
from bot.campaigns.planning import Planned
from bot.campaigns.preview import Mark
from bot.campaigns.told import by_hand, told
from bot.errors import NotAllowed, NotFound
from bot.messages import Purpose
from bot.pages.sale import read_course
from bot.showcase import cards
from bot.store.tables import agent_accounts, agents, claims, conversations, identities, outbox, sales
from handoff.hiding import may_find
from tests.campaigns.test_life_of_a_sale import GROUP, HOUR, MINUTE, PEOPLE, STAFF, Sale, sale
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, rows, said, said_in_group, send_all

__all__ = ["sale"]
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SECOND = timedelta(seconds=1)
MARKS = {"zh": Mark("预览", "预览，按钮「{button}」"), "en": Mark("Preview", "Preview, button “{button}”")}
PLANNED = Planned(
    "sale",
    {
        "sku": "s1",
        "price_minor": 5900,
        "currency": "CNY",
        "total": 8,
        "limit_each": 1,
        "starts_at": datetime(2026, 12, 1, 12, tzinfo=UTC),
        "ends_at": datetime(2026, 12, 1, 14, tzinfo=UTC),
        "audiences": [{"channel": "web:shop"}, {"channel": "telegram:bot"}],
    },
    {"zh": {"start@web": "网页：{sale.price}"}},
)


async def test_a_running_sale_is_written_down_until_its_last_hold_has_run_out(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=5 * MINUTE)
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    assert [await sale.claim(user) for user in ("m1", "u1")] == ["held", "held"]
    await sale.go_on(2 * SECOND)
    await sale.go_on(2 * HOUR - 2 * MINUTE)
    await sale.claim("u2")
    await sale.go_on(2 * MINUTE)
    assert await sale.status() == "ended"
    assert (await sale.database.read(lambda c: course(c, "sale")))[-1].held == 1
    for _ in range(8):
        await sale.go_on(3 * MINUTE)
    points = await sale.database.read(lambda c: course(c, "sale"))
    assert [(p.available, p.held, p.paid, p.claims) for p in points[:2]] == [(3, 0, 0, 0), (1, 2, 0, 2)]
    assert (points[-1].available, points[-1].held, points[-1].claims) == (3, 0, 3)
    assert all(p.available + p.held + p.paid == 3 for p in points)
    assert await sale.go_on(2 * HOUR) == []
    assert len(await sale.database.read(lambda c: course(c, "sale"))) == len(points), "it is over"


def test_a_rush_is_written_down_every_two_seconds_and_a_week_of_sale_in_less_than_700_points(
    clock: StandingClock,
) -> None:
    began = clock.now()
    at = [began]
    while at[-1] < began + timedelta(days=7):
        at.append(next_at(began, at[-1]))
    assert at[30] == began + timedelta(minutes=1)
    assert len(at) < 700


@SQLITE
async def test_a_sale_that_is_not_there_stands_nowhere(sale: Sale) -> None:
    assert await sale.database.read(lambda c: stand(c, "none", sale.clock.now())) is None


async def test_each_announcement_is_found_by_who_what_and_why(sale: Sale) -> None:
    await sale.fill(PEOPLE, GROUP, STAFF, starts_in=5 * MINUTE)
    await sale.meet_staff()
    await sale.schedule()
    await sale.go_on(5 * MINUTE)

    def become(connection: Connection) -> None:
        for channel, status, reason in (
            ("web:shop", "dropped", "no_consent"),
            ("telegram:bot", "sent", "bot"),
            ("wecom:corp", "confirming", "task"),
        ):
            here = outbox.c.channel == channel
            connection.execute(update(outbox).where(here).values(status=status, reason=reason))

    await sale.do(become)

    async def found(**asked: object) -> list[tuple[str, str, str]]:
        kept = await sale.database.read(lambda c: told(c, "sale", limit=100, **asked))  # type: ignore[arg-type]
        return sorted((one.moment, one.channel, one.chat) for one in kept)

    everybody = await found()
    assert everybody == [
        ("ahead", "wecom:corp", "owner:li"),
        ("start", "telegram:bot", "g1"),
        ("start", "web:shop", "u1"),
        ("start", "web:shop", "u2"),
    ]
    assert await found(status="sent") == [("start", "telegram:bot", "g1")]
    assert await found(find="CONSENT") == everybody[2:]
    assert await found(find="u2") == [("start", "web:shop", "u2")]
    assert await found(find="n%c") == await found(find="n__consent") == []
    assert await found(find="nothing", reasons=["no_consent"]) == everybody[2:]
    newest, *older = await sale.database.read(lambda c: told(c, "sale", limit=10))
    assert await found(before_id=newest.id) == sorted((one.moment, one.channel, one.chat) for one in older)
    assert await found(find="u2", status="sent") == []
    counts = await sale.database.read(lambda c: announced(c, authors_of("sale")))
    assert [(one.channel, one.status, one.reason, one.many) for one in counts] == [
        ("telegram:bot", "sent", "", 1),
        ("web:shop", "dropped", "no_consent", 2),
        ("wecom:corp", "confirming", "", 1),
    ]


async def become_of(sale: Sale, conversation_id: str, status: str) -> None:
    here = outbox.c.conversation_id == conversation_id
    await sale.do(lambda c: c.execute(update(outbox).where(here).values(status=status)).rowcount)


@SQLITE
async def test_the_board_of_the_staff_begins_with_who_has_not_confirmed(sale: Sale) -> None:
    await sale.fill(GROUP, STAFF, {**STAFF, "chat": "owner:wu"})
    await sale.meet_staff()
    met = {"created_at": sale.clock.now(), "updated_at": sale.clock.now()}
    talk = {"id": "talk-wu", "channel": "wecom:corp", "chat": "owner:wu", "chat_kind": "group", **met}
    await sale.do(lambda c: c.execute(conversations.insert().values(talk)).rowcount)
    await sale.schedule()
    await sale.go_on(28 * HOUR)
    for sent, waiting in (("li", "wu"), ("wu", "li")):
        for who, status in ((sent, "sent"), (waiting, "waiting")):
            await become_of(sale, f"talk-{who}", status)
        board = await sale.database.read(lambda c: by_hand(c, "sale", 10))
        assert [one.chat for one in board] == [f"owner:{waiting}", f"owner:{sent}"]


async def link(sale: Sale, login: str, user: str) -> None:
    row = {"channel": "telegram:bot", "user": user, "agent_id": login, "at": sale.clock.now()}
    await sale.do(lambda c: c.execute(agent_accounts.insert().values(row)).rowcount)


async def send(sale: Sale, login: str, moment: Moment = START) -> int:
    now = sale.clock.now()
    job = preview.send
    return int(await sale.do(lambda c: job(c, PLANNED, login, moment, sale.say, MARKS, sale.new_id, now)))


@SQLITE
async def test_a_preview_goes_to_the_linked_chat_of_who_asks_marked_and_without_its_button(sale: Sale) -> None:
    await sale.fill(GROUP)
    own, others = said(1, chat="77", channel="telegram:bot"), said(1, chat="88", channel="telegram:bot")
    await arrive(sale.database, sale.clock, sale.new_id, own, others, said_in_group(2, "77"))
    await link(sale, "ann", "77")
    await link(sale, "bob", "88")
    sale.clock.at = sale.clock.at.replace(hour=18)  # in the middle of the night: it is for the staff

    assert await send(sale, "ann") == 2

    platform = Platform("telegram:bot")
    await send_all(a_sender(sale.database, sale.clock, platform))
    assert [(one.chat.id, one.purpose) for one in platform.asked] == [("77", Purpose.STAFF)] * 2
    chinese, english = (one.text for one in platform.asked)
    assert chinese.startswith("预览，按钮「我要抢」\n\n⚡ 限时秒杀：衬衫，¥59.00，共 8 件")
    assert english.startswith("Preview, button “Claim one”\n\n⚡ Flash sale: Shirt for ¥59.00")
    assert [one.choices for one in platform.asked] == [(), ()]


@SQLITE
async def test_a_preview_of_what_has_no_button_names_none(sale: Sale) -> None:
    await sale.fill(GROUP)
    await arrive(sale.database, sale.clock, sale.new_id, said(1, chat="77", channel="telegram:bot"))
    await link(sale, "ann", "77")
    await send(sale, "ann", SOLD_OUT)
    (first, _) = await rows(sale.database, outbox)
    assert first.text.startswith("预览\n\n衬衫已抢完")


@SQLITE
@pytest.mark.parametrize("case", ["nothing linked", "no private chat", "another's", "shut out"])
async def test_a_preview_goes_to_nobody_else(sale: Sale, case: str) -> None:
    await sale.fill(GROUP)
    await arrive(sale.database, sale.clock, sale.new_id, said(1, chat="77", channel="telegram:bot"))
    if case == "no private chat":
        await link(sale, "ann", "m1")  # who was seen in the group alone
    elif case == "another's":
        await link(sale, "bob", "77")
    elif case == "shut out":
        await link(sale, "ann", "77")
        await sale.do(lambda c: c.execute(update(agents).where(agents.c.id == "ann").values(disabled=True)).rowcount)
    with pytest.raises(NotFound, match="no chat of their own"):
        await send(sale, "ann")
    assert await rows(sale.database, outbox) == []


@SQLITE
async def test_a_preview_says_of_each_moment_what_is_left_then_and_once_what_channels_share(sale: Sale) -> None:
    await sale.fill(GROUP)
    texts = await sale.database.read(lambda c: preview.texts_of(c, PLANNED, sale.say))
    half = next(one for one in texts if (one.moment, one.language) == (HALF, "en"))
    assert "4 left" in half.text
    assert (half.channel, half.button) == ("telegram", "Claim one")
    shared = [one.channel for one in preview.merged(texts) if (one.moment, one.language) == (HALF, "en")]
    own = [one.channel for one in preview.merged(texts) if (one.moment, one.language) == (START, "zh")]
    assert (shared, own) == (["telegram, web"], ["telegram", "web"])


@SQLITE
async def test_a_sale_that_is_started_at_once_is_written_down_too(sale: Sale) -> None:
    await sale.fill(GROUP)
    await sale.do(lambda c: flash.start(c, "sale", sale.say, sale.clock.now()))
    await sale.go_on(SECOND)
    assert [point.available for point in await sale.database.read(lambda c: course(c, "sale"))] == [3]


@SQLITE
@pytest.mark.parametrize(("runs_for", "seen"), [(None, []), (MINUTE, ["over"])])
async def test_of_sales_that_are_called_off_the_page_says_over_of_those_that_had_begun(
    sale: Sale, runs_for: timedelta | None, seen: list[str]
) -> None:
    await sale.fill(PEOPLE, starts_in=HOUR)
    await sale.schedule()
    if runs_for is not None:
        await sale.do(lambda c: flash.start(c, "sale", sale.say, sale.clock.now()))
        sale.clock.advance(runs_for)
    await sale.do(lambda c: flash.end(c, "sale", sale.clock.now(), status="cancelled"))
    sale.clock.advance(10 * MINUTE if runs_for else HOUR + MINUTE)
    found = await sale.database.read(lambda c: cards(c, "web:shop", sale.clock.now()))
    assert [card.state for card in found] == seen


@SQLITE
async def test_a_sale_is_written_down_as_it_ends_and_its_page_counts_what_came_later(sale: Sale) -> None:
    await sale.fill(PEOPLE, starts_in=5 * MINUTE)
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    await sale.go_on(HOUR)
    await sale.claim("u1")
    sale.clock.advance(SECOND)
    await sale.do(lambda c: flash.end(c, "sale", sale.clock.now()))
    last = (await sale.database.read(lambda c: course(c, "sale")))[-1]
    assert (last.at, last.held, last.claims) == (sale.clock.now(), 1, 1)
    await sale.do(lambda c: c.execute(update(claims).values(status="paid")).rowcount)
    await sale.go_on(HOUR)
    await sale.do(lambda c: c.execute(update(claims).values(status="refunded")).rowcount)
    await sale.do(lambda c: c.execute(update(sales).values(available=3)).rowcount)
    seen = await sale.database.read(lambda c: read_course(c, "sale", sale.clock.now()))
    assert (seen.stands.available, seen.stands.paid, seen.points[-1].paid) == (3, 0, 1)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_plan_that_is_replaced_while_its_sale_is_being_started_still_needs_a_second_person(sale: Sale) -> None:
    await sale.fill(GROUP)
    now, replaced = sale.clock.now(), threading.Event()
    wide = Planned("sale", {**PLANNED.values, "audiences": [GROUP, PEOPLE]}, {})

    def replace(connection: Connection) -> None:
        planning.put_plan(connection, wide, "agent:ann", now)
        replaced.set()
        time.sleep(1)  # who starts it waits for the row now

    def start(connection: Connection) -> int:
        replaced.wait(5)
        return steering.start(connection, "sale", "agent:ann", 2, sale.say, now)

    async with asyncio.TaskGroup() as both:
        both.create_task(sale.do(replace))
        with pytest.raises(NotAllowed, match="3 would hear"):
            await sale.do(start)
    assert await sale.status() == "draft"
    assert await rows(sale.database, outbox) == []


@SQLITE
async def test_nobody_feels_their_way_to_what_the_list_of_who_was_told_hides(sale: Sale) -> None:
    await sale.fill(PEOPLE, starts_in=5 * MINUTE)
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    known = {"u1": "王 13800138000", "u2": "Li"}
    for user, name in known.items():
        here = identities.c.user == user
        await sale.do(lambda c, here=here, name=name: c.execute(update(identities).where(here).values(name=name)))  # type: ignore[misc]

    async def found(words: str) -> list[str]:
        kept = await sale.database.read(lambda c: told(c, "sale", find=words, may_find=may_find, limit=1))
        return [one.chat for one in kept]

    assert await found("王") == await found("13800138000") == await found("u1") == ["u1"]
    assert await found("1380") == await found("u") == []
    assert await found("li") == ["u2"]
