"""What is written down, and that nothing written can be changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, text, update
from sqlalchemy.exc import DBAPIError

from bot import audit
from bot.audit import What, entries, record
from bot.errors import Conflict, NotAllowed, NotFound
from bot.store import tables as t
from bot.store.database import Database
from handoff import desk, ownership, people, staffing
from handoff.people import Agent
from tests.conftest import StandingClock
from tests.console_stand import staff, told


@pytest.fixture
async def db(database: Database, clock: StandingClock) -> Database:
    await database.write(lambda c: staff(c, clock))
    return database


async def test_entries_come_newest_first_and_in_pages(db: Database, clock: StandingClock) -> None:
    def write(c: Connection) -> None:
        for number in range(5):
            what = What.LOGIN if number % 2 else What.EXPORT
            record(c, audit.by("li"), what, f"s{number}", clock.now() + timedelta(minutes=number), after={"n": number})

    await db.write(write)
    first = await db.read(lambda c: entries(c, limit=2))
    assert [(e.subject, e.after, e.before) for e in first] == [("s4", {"n": 4}, None), ("s3", {"n": 3}, None)]
    older = await db.read(lambda c: entries(c, before_id=first[-1].id))
    assert [entry.subject for entry in older] == ["s2", "s1", "s0"]
    assert [entry.subject for entry in await db.read(lambda c: entries(c, what=What.LOGIN))] == ["s3", "s1"]


async def test_the_database_itself_refuses_to_change_what_is_written(db: Database, clock: StandingClock) -> None:
    await db.write(lambda c: record(c, audit.SYSTEM, What.EXPORT, "x", clock.now()))
    changes = [update(t.audit).values(who="nobody"), delete(t.audit)]
    if not db.is_sqlite:
        changes.append(text("TRUNCATE audit"))  # type: ignore[arg-type]
    for change in changes:
        with pytest.raises(DBAPIError, match="append-only"):
            await db.write(lambda c, change=change: c.execute(change))  # type: ignore[misc]
    assert len(await db.read(entries)) == 1


async def test_what_an_admin_does_to_agents_is_written_down(db: Database, clock: StandingClock) -> None:
    who, now = audit.by("chen"), clock.now()

    def acts(c: Connection) -> None:
        staffing.add(c, who, "new", "ma", "Ma", "agent", "Ma@shop.test", now)
        staffing.change_role(c, who, "new", "lead", now)
        staffing.change_role(c, who, "new", "lead", now)
        staffing.disable(c, who, "new", now)
        staffing.enable(c, who, "new", now)
        staffing.make_link(c, who, "new", "token", now)
        staffing.reset_second_factor(c, who, "new", now)

    await db.write(acts)
    kinds = ["agent_added", "role", "agent_disabled", "agent_disabled", "link", "second_factor"]
    assert await db.read(told) == [("agent:chen", kind, "agent:new") for kind in kinds]
    (role,) = await db.read(lambda c: entries(c, what=What.ROLE))
    assert (role.before, role.after) == ({"role": "agent"}, {"role": "lead"})


async def test_the_last_admin_stays(db: Database, clock: StandingClock) -> None:
    for act in (
        lambda c: staffing.disable(c, audit.COMMAND, "chen", clock.now()),
        lambda c: staffing.change_role(c, audit.COMMAND, "chen", "lead", clock.now()),
    ):
        with pytest.raises(Conflict, match="last admin"):
            await db.write(act)
    await db.write(lambda c: staffing.change_role(c, audit.COMMAND, "zhao", "admin", clock.now()))
    await db.write(lambda c: staffing.disable(c, audit.COMMAND, "chen", clock.now()))


async def test_two_agents_never_share_an_email_and_a_bad_one_is_refused(db: Database, clock: StandingClock) -> None:
    await db.write(lambda c: staffing.change_email(c, audit.COMMAND, "li", "li@shop.test", clock.now()))
    with pytest.raises(Conflict):
        await db.write(lambda c: staffing.change_email(c, audit.COMMAND, "wang", "LI@shop.test", clock.now()))
    with pytest.raises(NotAllowed):
        await db.write(lambda c: staffing.change_email(c, audit.COMMAND, "wang", "nonsense", clock.now()))
    with pytest.raises(NotFound):
        await db.write(lambda c: staffing.change_email(c, audit.COMMAND, "\0", "a@shop.test", clock.now()))


async def test_an_agent_who_becomes_an_editor_gives_the_conversations_back(db: Database, clock: StandingClock) -> None:
    now = clock.now()
    row = {"id": "c1", "channel": "web:shop", "chat": "c1", "created_at": now, "updated_at": now}

    def moves(c: Connection) -> str:
        c.execute(t.conversations.insert().values(row))
        ownership.take(c, "c1", "li", now)
        staffing.change_role(c, audit.COMMAND, "li", "editor", now)
        return ownership.current(c, "c1").owner.value

    assert await db.write(moves) == "queue"


async def test_a_lead_who_takes_over_is_written_down_and_an_agent_who_passes_on_is_not(
    db: Database, clock: StandingClock
) -> None:
    now = clock.now()
    row = {"id": "c1", "channel": "web:shop", "chat": "c1", "created_at": now, "updated_at": now}

    def moves(c: Connection) -> None:
        c.execute(t.conversations.insert().values(row))
        ownership.take(c, "c1", "li", now)
        ownership.transfer(c, "c1", "li", "wang", "knows coats", now)
        desk.take(c, "c1", Agent("zhao", "zhao", "Zhao", "lead"), now)

    await db.write(moves)
    (entry,) = await db.read(entries)
    assert (entry.who, entry.what, entry.subject) == ("agent:zhao", "reassign", "conversation:c1")
    assert (entry.before, entry.after) == ({"agent": "wang"}, {"agent": "zhao"})


async def test_a_password_of_a_disabled_agent_opens_nothing(db: Database, clock: StandingClock) -> None:
    await db.write(lambda c: staffing.disable(c, audit.COMMAND, "li", clock.now()))
    assert await db.read(lambda c: people.password_hash_of(c, "li")) == (None, "")
