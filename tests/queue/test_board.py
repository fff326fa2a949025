"""Leads see the whole team, and act on it; agents do not."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from bot.ask import NoShop
from bot.clock import IdMaker
from bot.delivery import clocks
from bot.delivery import outbox as door
from bot.errors import Conflict, NotAllowed, NotFound
from bot.messages import Purpose
from bot.store import tables as t
from bot.store.database import Database
from handoff import board as team
from handoff import desk, ownership, talks
from handoff.board import Board, board
from handoff.console.boards import SHARED_FOR_S
from handoff.ends import DUTY, End, Terms, ends, ends_of
from handoff.people import Agent
from tests.conftest import StandingClock
from tests.console_stand import make_stand, staff, told
from tests.queue.stand import ANSWER_S, HOURS, Stand, a_queue

TERMS = Terms(clocks.Targets(timedelta(minutes=3), timedelta(hours=24), HOURS), ANSWER_S)
LEAD = Agent("zhao", "zhao", "Zhao", "lead")


@pytest.fixture
async def shop(database: Database, clock: StandingClock) -> Stand:
    """Li and Wang (agents), Zhao (lead), Chen (admin), Xu (editor); nothing is given out by itself."""
    await database.write(lambda c: staff(c, clock))
    return Stand(database, clock, a_queue(auto=False))


async def takes(shop: Stand, name: str) -> None:
    await shop.do(lambda c: ownership.take(c, name, "li", shop.clock.now()))


async def look(shop: Stand) -> Board:
    return await shop.database.read(lambda c: team.board(c, shop.clock.now(), TERMS))


async def test_the_board_counts_who_waits_and_who_is_late(shop: Stand) -> None:
    await shop.customer("c1")
    await shop.customer("c2")
    await shop.asks("c1")
    await shop.after(minutes=1)
    await shop.asks("c2")
    await takes(shop, "c2")
    found = await look(shop)
    assert (found.waiting, found.held, found.soon, found.late) == (1, 1, 0, 0)
    assert found.longest_since == shop.clock.now() - timedelta(minutes=1)
    await shop.after(seconds=70)
    found = await look(shop)
    assert (found.soon, found.late) == (1, 0)
    await shop.answers("li", "c2")
    await shop.after(minutes=1)
    found = await look(shop)
    assert (found.soon, found.late) == (0, 1)
    (waiting,) = found.queue
    assert waiting.clock is not None
    assert (waiting.talk.id, waiting.clock.kind, waiting.clock.late) == ("c1", "first", True)
    assert [row.talk.id for row in found.talks] == ["c2"]


async def test_every_page_names_the_agents_time_and_the_shops_clock_the_nearest_first(shop: Stand) -> None:
    await shop.turns("li", "on")
    await shop.customer("c1")
    await shop.asks("c1")
    asked_at = shop.clock.now()
    (waiting,) = (await look(shop)).queue
    assert [end.kind for end in waiting.ends] == ["first", "resolution"]
    await shop.after(seconds=30)
    await takes(shop, "c1")
    duty = End(DUTY, shop.clock.now() + timedelta(seconds=ANSWER_S), late=False)
    clock = End("first", asked_at + timedelta(minutes=3), late=False)
    (held,) = (await look(shop)).talks
    assert held.ends[:2] == (duty, clock)
    await shop.answers("li", "c1")
    (held,) = (await look(shop)).talks
    assert [end.kind for end in held.ends] == ["resolution"]
    await shop.after(seconds=1)
    await shop.writes("c1")
    (held,) = (await look(shop)).talks
    assert [end.kind for end in held.ends] == ["next", DUTY, "resolution"], (
        "later answers may take longer than the clock"
    )
    await shop.after(minutes=4)
    (held,) = (await look(shop)).talks
    assert [(end.kind, end.late) for end in held.ends] == [(DUTY, False), ("resolution", False), ("next", True)]


async def test_board_and_card_tell_the_same_wait_from_the_first_word_to_the_answer(shop: Stand) -> None:
    await shop.turns("li", "on")
    await shop.customer("c1")
    await shop.asks("c1")
    asked_at = shop.clock.now()
    await shop.after(seconds=20)
    await takes(shop, "c1")
    told_place = door.Draft("place", "c1", Purpose.SERVICE, "一位客服马上来")
    await shop.database.write(lambda c: door.put(c, told_place, shop.clock.now()))

    async def waits() -> tuple[datetime | None, datetime | None]:
        (row,), (card,) = (await look(shop)).talks, await shop.database.read(lambda c: talks.mine(c, "li"))
        return row.talk.waiting_since, card.waiting_since

    assert await waits() == (asked_at, asked_at)
    await shop.after(seconds=10)
    await shop.writes("c1")
    assert await waits() == (asked_at, asked_at), "who asks again has waited no less"
    await shop.answers("li", "c1")
    assert await waits() == (None, None)
    await shop.after(seconds=10)
    await shop.writes("c1")
    again_at = shop.clock.now()
    await shop.after(seconds=10)
    await shop.writes("c1")
    assert await waits() == (again_at, again_at)


async def test_late_customers_of_the_queue_crowd_out_none_of_an_agents(shop: Stand) -> None:
    """The board has room for a hundred in each list; it looks at the most urgent of both together."""
    now, late = shop.clock.now(), shop.clock.now() - timedelta(minutes=1)

    def fill(connection: Connection) -> None:
        for n in range(team.MOST + 1):
            for owner, due_at in (("queue", late - timedelta(hours=1)), ("agent", now + timedelta(hours=9))):
                key = f"{owner}{n}"
                row = {"id": key, "channel": "web:shop", "chat": key, "owner": owner, "created_at": now}
                row |= {"updated_at": now, "agent_id": "li" if owner == "agent" else None, "queued_at": now}
                connection.execute(t.conversations.insert().values(row))
                clock = {"conversation_id": key, "kind": "first", "started_at": late, "due_at": due_at}
                connection.execute(t.clocks.insert().values(clock))
        oldest = {"updated_at": now - timedelta(hours=2)}
        connection.execute(t.conversations.update().where(t.conversations.c.id == "agent0").values(oldest))
        connection.execute(t.clocks.update().where(t.clocks.c.conversation_id == "agent0").values(due_at=late))

    await shop.database.write(fill)
    found = await look(shop)
    assert (len(found.queue), len(found.talks)) == (team.MOST, team.MOST)
    assert found.talks[0].talk.id == "agent0"
    assert (found.waiting, found.held, found.late) == (team.MOST + 1, team.MOST + 1, team.MOST + 2)


async def test_what_was_taken_a_moment_ago_has_its_end_before_any_timer_fired(shop: Stand) -> None:
    await shop.customer("c1")
    await shop.asks("c1")
    now = shop.clock.now()
    await shop.database.write(lambda c: ownership.take(c, "c1", "li", now))
    found = await shop.database.read(lambda c: ends_of(c, ["c1"], TERMS, now))
    assert found["c1"][0] == End(DUTY, now + timedelta(seconds=ANSWER_S), late=False)


def test_an_end_that_has_passed_stands_behind_those_to_come() -> None:
    now = datetime(2026, 4, 12, 10, tzinfo=UTC)
    soon, before = now + timedelta(seconds=1), now - timedelta(seconds=1)
    assert ends(soon, [(clocks.Kind.FIRST, before)], now) == (
        End(DUTY, soon, late=False),
        End("first", before, late=True),
    )
    assert ends(None, [], now) == ()


async def test_the_board_shows_load_and_put_off(shop: Stand) -> None:
    for name in ("c1", "c2"):
        await shop.customer(name)
        await shop.asks(name)
        await takes(shop, name)
    await shop.answers("li", "c2")
    await shop.snoozes("li", "c2", hours=1)
    seat = {one.id: one for one in (await look(shop)).seats}["li"]
    assert (seat.load, seat.put_off, seat.waiting, seat.capacity) == (1, 1, 1, 5)
    assert "xu" not in {one.id for one in (await look(shop)).seats}, "editors answer nobody"


async def test_what_is_whispered_is_read_by_the_owner_and_leads_only(shop: Stand) -> None:
    await shop.customer("c1")
    await shop.asks("c1")
    with pytest.raises(Conflict, match="No agent has"):
        await shop.database.write(lambda c: team.whisper(c, LEAD, "c1", "offer a coupon", shop.clock.now()))
    await takes(shop, "c1")
    with pytest.raises(Conflict, match="Write something"):
        await shop.database.write(lambda c: team.whisper(c, LEAD, "c1", "  ", shop.clock.now()))
    await shop.database.write(lambda c: team.whisper(c, LEAD, "c1", "offer a coupon", shop.clock.now()))

    async def reads(who: str, role: str = "agent") -> bool:
        viewer = Agent(who, who, who, role, see="all")
        shown = await shop.database.read(
            lambda c: desk.conversation(c, NoShop(), "c1", viewer, shop.clock.now(), frozenset())
        )
        return "offer a coupon" in {line.text for line in shown.lines}

    assert await reads("li")
    assert await reads("chen", "admin")
    assert not await reads("wang")


async def test_a_lead_gives_conversations_to_others_one_or_all(shop: Stand) -> None:
    for name in ("c1", "c2", "c3"):
        await shop.customer(name)
        await shop.asks(name)
    for name in ("c1", "c2"):
        await takes(shop, name)
    now = shop.clock.now()
    await shop.database.write(lambda c: team.reassign(c, LEAD, "c1", "wang", "speaks German", now))
    await shop.database.write(lambda c: team.reassign(c, LEAD, "c3", "li", "", now))
    assert (await shop.row("c1")).agent_id == "wang"
    assert await shop.database.write(lambda c: team.reassign_all(c, LEAD, "li", "wang", "", now)) == 2
    assert {(await shop.row(name)).agent_id for name in ("c1", "c2", "c3")} == {"wang"}
    for wrong, error in (("wang", Conflict), ("xu", NotFound), ("nobody", NotFound)):
        with pytest.raises(error):
            await shop.database.write(lambda c, to=wrong: team.reassign(c, LEAD, "c1", to, "", now))  # type: ignore[misc]
    assert [subject for _, what, subject in await shop.database.read(told) if what == "reassign"] == [
        "conversation:c1",
        "conversation:c3",
        "conversation:c2",
        "conversation:c3",
    ]


async def test_back_to_the_queue_is_back_to_the_old_place(shop: Stand) -> None:
    await shop.customer("c1")
    await shop.asks("c1")
    since = shop.clock.now()
    await takes(shop, "c1")
    shop.clock.advance(timedelta(minutes=2))
    await shop.database.write(lambda c: team.reassign(c, LEAD, "c1", "", "", shop.clock.now()))
    row = await shop.row("c1")
    assert (row.owner, row.queued_at, row.last_agent_id) == ("queue", since, None)


async def test_a_lead_sets_what_an_agent_gets(shop: Stand) -> None:
    now = shop.clock.now()

    async def put(status: str, capacity: int = 3) -> None:
        wanted = {"status": status, "capacity": capacity, "languages": ["zh"], "topics": ["returns"]}
        await shop.database.write(lambda c: team.set_agent(c, LEAD, "li", now, **wanted))  # type: ignore[arg-type]

    with pytest.raises(NotAllowed, match="no console open"):
        await put("on")
    await put("away")
    with pytest.raises(NotAllowed, match="no console open"):  # nor by a way round
        await put("on")
    await shop.beats("li")
    await put("on")
    await put("")
    seat = {one.id: one for one in (await look(shop)).seats}["li"]
    assert (seat.status, seat.capacity, seat.languages, seat.topics) == ("on", 3, ("zh",), ("returns",))
    assert len([what for _, what, _ in await shop.database.read(told) if what == "agent_changed"]) == 2
    with pytest.raises(NotAllowed):
        await put("asleep")
    with pytest.raises(NotAllowed):
        await put("on", -1)


PAGES = ("/console/board", "/console/board/live", "/console/report", "/console/report.csv")
ACTS = (
    ("/console/board/talks/c1", {"act": "whisper", "words": "psst"}),
    ("/console/board/agents/li", {"act": "set", "capacity": "1"}),
)


async def test_pages_of_the_team_are_for_leads(shop: Stand, new_id: IdMaker) -> None:
    await shop.customer("c1")
    await shop.asks("c1")
    await takes(shop, "c1")
    stand = make_stand(shop.database, shop.clock, new_id)
    for login, status, where in (
        ("li", 403, None),
        ("xu", 403, None),
        ("", 303, "/console/login"),
        ("zhao", 200, "/console/board?done=1"),
        ("chen", 200, "/console/board?done=1"),
    ):
        async with stand.browser() as client:
            if login:
                await stand.log_in(client, login)
            for address in PAGES:
                assert (await client.get(address)).status_code == status, (login, address)
            for address, form in ACTS:
                answer = await client.post(address, data=form)
                assert (answer.status_code, answer.headers.get("location")) == (303 if where else 403, where), login
        seat = {one.id: one for one in (await look(shop)).seats}["li"]
        assert seat.capacity == (1 if status == 200 else 5), login


async def test_a_lead_without_the_second_factor_that_is_asked_for_is_led_to_set_it_up(
    shop: Stand, new_id: IdMaker
) -> None:
    stand = make_stand(shop.database, shop.clock, new_id, second_factor="leads")
    async with stand.browser() as client:
        await stand.log_in(client, "zhao")
        assert (await client.get("/console/board")).status_code == 303


async def test_what_cannot_be_done_is_told_on_the_board(shop: Stand, new_id: IdMaker) -> None:
    stand = make_stand(shop.database, shop.clock, new_id)
    async with stand.browser() as client:
        await stand.log_in(client, "zhao")
        answer = await client.post("/console/board/agents/li", data={"act": "pass", "to": "li"})
        assert answer.status_code == 409
        assert "has the conversation already" in answer.text
        chinese = {"accept-language": "zh-CN"}
        answer = await client.post("/console/board/agents/li", data={"act": "pass", "to": "li"}, headers=chinese)
        assert "这位客服已经在接待这个会话" in answer.text
        for form in ({"act": "unknown"}, {"act": "set", "capacity": "-1"}, {"act": "set", "capacity": "many"}):
            assert (await client.post("/console/board/agents/li", data=form)).status_code in (409, 422)
        for query in ("?day=soon", "?days=0", "?days=93", "?day=0001-01-01"):
            assert (await client.get(f"/console/report{query}")).status_code == 422
        page = await client.get("/console/report?day=2026-10-25&days=7")
        assert "2026-10-19" in page.text


async def test_a_report_as_a_file_is_written_down(shop: Stand, new_id: IdMaker) -> None:
    stand = make_stand(shop.database, shop.clock, new_id)
    async with stand.browser() as client:
        await stand.log_in(client, "zhao")
        answer = await client.get("/console/report.csv", params={"day": "2026-04-12", "days": 2})
    assert answer.text.startswith("\ufefffrom,to,group,name,contacts,")
    assert answer.headers["content-disposition"] == 'attachment; filename="report-2026-04-11-2026-04-12.csv"'
    assert ("agent:zhao", "export", "report:2026-04-11:2026-04-12") in await shop.database.read(told)


async def test_the_mark_of_a_part_changes_with_what_it_says_and_not_with_time(shop: Stand, new_id: IdMaker) -> None:
    await shop.customer("c1")
    await shop.asks("c1")
    stand = make_stand(shop.database, shop.clock, new_id)
    async with stand.browser() as client:
        await stand.log_in(client, "zhao")

        async def marks() -> dict[str, str]:
            page = (await client.get("/console/board/live")).text
            return dict(re.findall(r'id="part-(\w+)" data-part data-is="(\d+)"', page))

        before = await marks()
        shop.clock.advance(timedelta(seconds=7))
        assert await marks() == before
        await takes(shop, "c1")
        await asyncio.sleep(SHARED_FOR_S)
        after = await marks()
        assert set(before) == {"tiles", "queue", "talks", "agents"}
        assert all(after[part] != before[part] for part in before)


async def test_boards_that_look_at_once_share_a_read_and_who_may_not_look_gets_nothing(
    shop: Stand, new_id: IdMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[datetime] = []

    def counted(connection: Connection, now: datetime, terms: Terms) -> Board:
        reads.append(now)
        return board(connection, now, terms)

    monkeypatch.setattr("handoff.console.boards.board", counted)
    stand = make_stand(shop.database, shop.clock, new_id)
    async with stand.browser() as lead, stand.browser() as admin, stand.browser() as agent:
        for client, login in ((lead, "zhao"), (admin, "chen"), (agent, "li")):
            await stand.log_in(client, login)
        live = "/console/board/live"
        for client in (lead, admin):  # who sits there already
            await client.get(live)
        await asyncio.sleep(SHARED_FOR_S)
        reads.clear()
        answers = await asyncio.gather(*(client.get(live) for client in (lead, admin, lead, admin, agent)))
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 403]
        assert len(reads) == 1
        await lead.get("/console/board")
        assert len(reads) == 2, "who comes anew is shown this moment"


async def test_the_board_says_what_happens_at_each_end(shop: Stand, new_id: IdMaker) -> None:
    await shop.customer("c1")
    await shop.asks("c1")
    stand = make_stand(shop.database, shop.clock, new_id)
    async with stand.browser() as client:
        await stand.log_in(client, "zhao")
        assert "else back to the queue" not in (await client.get("/console/board")).text
        await takes(shop, "c1")
        page = (await client.get("/console/board")).text
        back, late = page.index("else back to the queue"), page.index("else counted as late")
        assert back < late, "the agent's time ends before the shop's clock"
