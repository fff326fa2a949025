"""Queue, agents and their desk, through public functions over a real SQLite."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, func, select

from bot.errors import Conflict, NotAllowed, NotFound
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database
from handoff import desk, ownership, people, talks, tasks
from handoff.console.labels import LABELS, reason_words
from handoff.customer import customer, hidden_address, masked
from handoff.owner import Owner
from handoff.people import Agent
from handoff.pulse import states, totals
from handoff.transcript import Side, transcript

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LI, WANG = (Agent(key, key, key.title(), "agent", see="all") for key in ("li", "wang"))


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def a_database(folder: Path) -> Database:
    url = f"sqlite:///{folder / 'shop.db'}"
    engine = create_engine(url)
    t.metadata.create_all(engine)
    engine.dispose()
    return Database(url)


def a_shop_with_agents(connection: Connection) -> None:
    for key, role in (("li", "agent"), ("wang", "agent"), ("zhao", "lead"), ("xu", "editor")):
        people.add_agent(connection, key, key, key.title(), role, NOW)


def a_conversation(connection: Connection, key: str = "c1", channel: str = "wechat:gh_1") -> str:
    row = {"id": key, "channel": channel, "chat": key, "created_at": NOW, "updated_at": NOW}
    connection.execute(t.conversations.insert().values(row))
    return key


def says(connection: Connection, key: str, seq: int, text: str, at: datetime, **more: Any) -> None:
    row = {"key": f"{key}:{seq}", "conversation_id": key, "seq": seq, "text": text, "sent_at": at, "received_at": at}
    connection.execute(t.inbox.insert().values(row | more))
    connection.execute(t.conversations.update().where(t.conversations.c.id == key).values(last_seq=seq))


def a_task(connection: Connection, key: str, kind: str, at: datetime, conversation_id: str | None = None) -> None:
    row = {"key": key, "kind": kind, "conversation_id": conversation_id, "text": f"text of {key}", "created_at": at}
    connection.execute(t.tasks.insert().values(row))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = a_database(tmp_path)
    await database.write(a_shop_with_agents)
    await database.write(a_conversation)
    yield database
    database.close()


def notes_of(connection: Connection, key: str = "c1") -> list[tuple[str, str]]:
    query = select(t.notes.c.kind, t.notes.c.text).where(t.notes.c.conversation_id == key).order_by(t.notes.c.id)
    return [(row.kind, row.text) for row in connection.execute(query)]


# --- ownership -----------------------------------------------------------------------------------------------------
async def test_a_conversation_goes_to_the_queue_an_agent_and_back_with_a_note_and_an_epoch_each(db: Database) -> None:
    def whole_way(c: Connection) -> list[tuple[Owner, int, str | None]]:
        steps = [
            ownership.to_queue(c, "c1", "wants a human", 2, minutes(0)),
            ownership.take(c, "c1", "li", minutes(1)),
            ownership.transfer(c, "c1", "li", "wang", "knows coats", minutes(2)),
            ownership.give_back(c, "c1", "wang", "solved", minutes(3)),
            ownership.take(c, "c1", "li", minutes(4)),
            ownership.close(c, "c1", "li", "solved: exchanged", minutes(5)),
            ownership.reopen(c, "c1", minutes(6)),
        ]
        return [(step.owner, step.epoch, step.agent_id) for step in steps]

    assert await db.write(whole_way) == [
        (Owner.QUEUE, 1, None),
        (Owner.AGENT, 2, "li"),
        (Owner.AGENT, 3, "wang"),
        (Owner.BOT, 4, None),
        (Owner.AGENT, 5, "li"),
        (Owner.CLOSED, 6, None),
        (Owner.BOT, 7, None),
    ]
    assert await db.read(notes_of) == [
        ("handoff", "wants a human"),
        ("taken", ""),
        ("transferred", "→ Wang · knows coats"),
        ("transferred", "→ bot · solved"),
        ("taken", ""),
        ("closed", "solved: exchanged"),
        ("reopened", ""),
    ]


async def test_of_two_agents_who_take_at_once_exactly_one_gets_it(db: Database) -> None:
    await db.write(lambda c: ownership.to_queue(c, "c1", "", 0, NOW))
    results = await asyncio.gather(
        db.write(lambda c: ownership.take(c, "c1", "li", NOW)),
        db.write(lambda c: ownership.take(c, "c1", "wang", NOW)),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Ownership"]


async def test_a_move_on_an_old_epoch_is_refused(db: Database) -> None:
    """Two connections that both saw epoch 0, as on PostgreSQL, where readers do not block each other."""

    def late(c: Connection) -> None:
        class Meanwhile:
            """A connection on which somebody else moves the conversation between the look and the move."""

            def __init__(self) -> None:
                self.looked = False

            def execute(self, statement: Any, *args: Any) -> Any:
                if getattr(statement, "is_update", False) and not self.looked:
                    self.looked = True
                    ownership.take(c, "c1", "wang", NOW)
                return c.execute(statement, *args)

        ownership.to_queue(Meanwhile(), "c1", "", 0, NOW)  # type: ignore[arg-type]

    with pytest.raises(Conflict):
        await db.write(late)


async def test_the_bot_cannot_pull_a_conversation_away_from_an_agent(db: Database) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    with pytest.raises(Conflict):
        await db.write(lambda c: ownership.to_queue(c, "c1", "dead_letter", 2, NOW))


@pytest.mark.parametrize("agent", ["nobody", "gone"])
async def test_only_an_agent_at_work_can_take(db: Database, agent: str) -> None:
    await db.write(lambda c: people.add_agent(c, "gone", "gone", "Gone", "agent", NOW))
    await db.write(lambda c: people.disable_agent(c, "gone", NOW))
    with pytest.raises(NotFound):
        await db.write(lambda c: ownership.take(c, "c1", agent, NOW))


async def test_what_a_disabled_agent_had_goes_back_to_the_queue(db: Database) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: people.disable_agent(c, "li", minutes(1)))
    held = await db.read(lambda c: ownership.current(c, "c1"))
    assert (held.owner, held.agent_id) == (Owner.QUEUE, None)


@pytest.mark.parametrize("move", ["take", "transfer"])
async def test_who_is_disabled_while_taking_a_conversation_does_not_keep_it(database: Database, move: str) -> None:
    """On PostgreSQL both transactions are open at once; the second has to wait for the first."""
    moved = threading.Event()

    def given(c: Connection) -> None:
        a_shop_with_agents(c)
        a_conversation(c)
        ownership.take(c, "c1", "li", NOW)
        if move == "take":
            ownership.give_back(c, "c1", "li", "", NOW)

    def moves(c: Connection) -> None:
        if move == "take":
            ownership.take(c, "c1", "wang", NOW)
        else:
            ownership.transfer(c, "c1", "li", "wang", "", NOW)
        moved.set()
        time.sleep(0.5)  # time enough for the other to look, if nothing holds it back

    await database.write(given)
    under_way = asyncio.create_task(database.write(moves))
    await asyncio.to_thread(moved.wait, 10)
    await database.write(lambda c: people.disable_agent(c, "wang", NOW))
    await under_way
    held = await database.read(lambda c: ownership.current(c, "c1"))
    assert (held.owner, held.agent_id) == (Owner.QUEUE, None)


Step = tuple[str, str, str]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["to_queue", "release", "take", "give_back", "transfer", "close", "reopen", "take_over", "disable"]
        ),
        st.sampled_from(["li", "wang", "zhao"]),
        st.sampled_from(["li", "wang", "zhao"]),
    ),
    max_size=14,
)


def step(c: Connection, key: str, move: Step) -> None:
    name, agent, other = move
    lead = Agent(agent, agent, agent, "lead")
    steps: dict[str, Callable[[], object]] = {
        "release": lambda: ownership.release(c, key, agent, NOW),
        "to_queue": lambda: ownership.to_queue(c, key, "r", 0, NOW),
        "take": lambda: ownership.take(c, key, agent, NOW),
        "give_back": lambda: ownership.give_back(c, key, agent, "r", NOW),
        "transfer": lambda: ownership.transfer(c, key, agent, other, "r", NOW),
        "close": lambda: ownership.close(c, key, agent, "r", NOW),
        "reopen": lambda: ownership.reopen(c, key, NOW),
        "take_over": lambda: desk.take(c, key, lead, NOW),
        "disable": lambda: people.disable_agent(c, agent, NOW),
    }
    steps[name]()


@settings(max_examples=60, deadline=None)
@given(moves=STEPS)
def test_whatever_the_order_there_is_exactly_one_owner_and_the_epoch_never_falls(moves: list[Step]) -> None:
    engine = create_engine("sqlite://")
    t.metadata.create_all(engine)
    with engine.begin() as c:
        a_shop_with_agents(c)
        key, epoch = a_conversation(c), 0
        for move in moves:
            try:
                with c.begin_nested():
                    step(c, key, move)
                moved = True
            except (Conflict, NotFound):
                moved = False
            row = c.execute(select(t.conversations)).one()
            assert row.owner in {"bot", "queue", "agent", "closed"}
            assert (row.agent_id is not None) == (row.owner == "agent")
            assert (row.queued_at is not None) == (row.owner == "queue")
            assert row.epoch == epoch + 1 if moved and move[0] != "disable" else row.epoch in (epoch, epoch + 1)
            assert moved or row.epoch == epoch
            epoch = row.epoch
            assert c.execute(select(func.count()).select_from(t.notes)).scalar_one() == epoch
    engine.dispose()


# --- the desk ------------------------------------------------------------------------------------------------------
async def test_a_reply_waits_in_the_outbox_under_the_epoch_of_its_agent_and_once_per_key(db: Database) -> None:
    held = await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    assert await db.write(lambda c: desk.reply(c, "c1", "li", " hello ", "k1", NOW)) is True
    assert await db.write(lambda c: desk.reply(c, "c1", "li", " hello ", "k1", NOW)) is False
    rows = await db.read(lambda c: c.execute(select(t.outbox)).all())
    assert [(r.text, r.purpose, r.author, r.epoch, r.status) for r in rows] == [
        ("hello", "human", "agent:li", held.epoch, "waiting")
    ]


async def test_who_lost_the_conversation_cannot_reply_close_or_retry(db: Database) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: desk.reply(c, "c1", "li", "one moment", "k1", NOW))
    await db.write(lambda c: c.execute(t.outbox.update().values(status="failed")))
    await db.write(lambda c: ownership.transfer(c, "c1", "li", "wang", "", NOW))
    for late in (
        lambda c: desk.reply(c, "c1", "li", "too late", "k2", NOW),
        lambda c: ownership.close(c, "c1", "li", "solved", NOW),
        lambda c: desk.retry_send(c, 1, "li", NOW),
    ):
        with pytest.raises(Conflict):
            await db.write(late)
    assert await db.read(lambda c: c.execute(select(func.count()).select_from(t.outbox)).scalar_one()) == 1


@pytest.mark.parametrize(("fate", "key"), [("failed", "k1~1"), ("unsure", "k1")])
async def test_a_send_can_be_tried_again_once_under_the_present_epoch_as_a_new_one_if_it_surely_failed(
    db: Database, fate: str, key: str
) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: desk.reply(c, "c1", "li", "hello", "k1", NOW))
    await db.write(lambda c: c.execute(t.outbox.update().values(status=fate, reason="timeout", attempts=5)))
    held = await db.write(lambda c: ownership.transfer(c, "c1", "li", "wang", "", NOW))
    await db.write(lambda c: desk.retry_send(c, 1, "wang", minutes(1)))
    row = await db.read(lambda c: c.execute(select(t.outbox)).one())
    assert (row.status, row.reason, row.attempts, row.epoch, row.key) == ("waiting", "", 0, held.epoch, key)
    with pytest.raises(Conflict):
        await db.write(lambda c: desk.retry_send(c, 1, "wang", minutes(2)))


async def sent_again(db: Database, times: int) -> None:
    for _ in range(times):
        await db.write(lambda c: c.execute(t.outbox.update().values(status="failed")))
        await db.write(lambda c: desk.retry_send(c, 1, "li", NOW))


async def test_words_that_were_sent_again_elsewhere_are_not_said_once_more_by_a_page_that_comes_back(
    db: Database,
) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: desk.reply(c, "c1", "li", "hello", "k1", NOW))
    for times in (1, 2, 3):
        await sent_again(db, 1)
        assert await db.read(lambda c: desk.was_said(c, "k1")), times
        assert await db.write(lambda c: desk.reply(c, "c1", "li", "hello", "k1", NOW)) is False, times
    rows = await db.read(lambda c: c.execute(select(t.outbox.c.key, t.outbox.c.text)).all())
    assert [tuple(row) for row in rows] == [("k1~3", "hello")]
    for other in ("k", "k11", "K1"):
        assert not await db.read(partial(desk.was_said, key=other)), other
        assert await db.write(lambda c, key=other: desk.reply(c, "c1", "li", "hello", key, NOW)) is True, other  # type: ignore[misc]


async def test_a_message_is_sent_again_so_often_that_each_of_its_keys_is_known_and_no_oftener(db: Database) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: desk.reply(c, "c1", "li", "hello", "k1", NOW))
    await sent_again(db, desk.MOST_AGAIN)
    assert await db.read(lambda c: desk.was_said(c, "k1"))
    with pytest.raises(desk.TriedOften):
        await sent_again(db, 1)


async def test_only_a_lead_takes_over_from_another_agent(db: Database) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    with pytest.raises(Conflict):
        await db.write(lambda c: desk.take(c, "c1", WANG, NOW))
    await db.write(lambda c: desk.take(c, "c1", Agent("zhao", "zhao", "Zhao", "lead"), NOW))
    assert (await db.read(lambda c: ownership.current(c, "c1"))).agent_id == "zhao"
    marks = select(t.notes.c.kind, t.notes.c.author, t.notes.c.text).order_by(t.notes.c.id.desc()).limit(1)
    assert tuple(await db.read(lambda c: c.execute(marks).one())) == ("taken", "agent:zhao", "← Li")


async def test_only_the_first_arrow_of_who_takes_over_points_back(db: Database) -> None:
    await db.write(lambda c: c.execute(t.agents.update().where(t.agents.c.id == "li").values(name="Li → Li Na")))
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: ownership.transfer(c, "c1", "li", "zhao", "coats → Zhao", NOW, by="zhao"))
    newest = select(t.notes.c.text).order_by(t.notes.c.id.desc()).limit(1)
    assert await db.read(lambda c: c.execute(newest).scalar_one()) == "← Li → Li Na · coats → Zhao"


async def test_the_queue_shows_priority_first_then_the_longest_wait_with_unread_and_last_line(db: Database) -> None:
    def queue(c: Connection) -> None:
        for index, (key, priority) in enumerate((("old", 0), ("new", 0), ("vip", 3))):
            a_conversation(c, key)
            says(c, key, 1, f"help {key}", minutes(index))
            ownership.to_queue(c, key, "", priority, minutes(index))

    await db.write(queue)
    queued = await db.read(talks.waiting)
    assert [(talk.id, talk.unread, talk.last_text, talk.waiting_since) for talk in queued] == [
        ("vip", 1, "help vip", minutes(2)),
        ("old", 1, "help old", minutes(0)),
        ("new", 1, "help new", minutes(1)),
    ]
    await db.write(lambda c: desk.mark_seen(c, "vip", "li", minutes(3)))
    assert [talk.unread for talk in await db.read(talks.waiting)] == [0, 1, 1]


async def test_mine_shows_only_mine_and_who_waits_for_me_first(db: Database) -> None:
    def given(c: Connection) -> None:
        for key, agent in (("answered", "li"), ("asking", "li"), ("theirs", "wang")):
            a_conversation(c, key)
            says(c, key, 1, "hi", minutes(0))
            ownership.take(c, key, agent, minutes(1))
        desk.reply(c, "answered", "li", "done", "k", minutes(2))

    await db.write(given)
    mine = await db.read(lambda c: talks.mine(c, "li"))
    assert [(talk.id, talk.waiting_since is not None) for talk in mine] == [("asking", True), ("answered", False)]


async def test_reading_over_a_colleagues_shoulder_does_not_mark_as_read(db: Database) -> None:
    await db.write(lambda c: says(c, "c1", 1, "hi", minutes(0)))
    await db.write(lambda c: ownership.take(c, "c1", "li", minutes(0)))
    await db.write(lambda c: desk.mark_seen(c, "c1", "wang", minutes(1)))
    assert (await db.read(lambda c: talks.mine(c, "li")))[0].unread == 1


async def test_the_transcript_is_in_time_order_and_the_bots_turn_carries_what_it_understood(db: Database) -> None:
    def talk(c: Connection) -> None:
        meaning = {"intent": "order_status", "confidence": 0.9, "why": ["matched"]}
        says(c, "c1", 1, "where is it", minutes(0), meaning=meaning)
        bot = {"key": "b", "conversation_id": "c1", "channel": "x", "purpose": "reply", "text": "tomorrow"}
        more = {"status": "sent", "sources": [{"id": "order", "version": "Q1"}], "not_before": NOW, "created_at": NOW}
        c.execute(t.outbox.insert().values({**bot, **more}))
        says(c, "c1", 2, "a human please", minutes(2), meaning={"intent": "human", "confidence": 0.99})
        ownership.to_queue(c, "c1", "asked for a human", 0, minutes(2))
        ownership.take(c, "c1", "li", minutes(3))
        desk.note(c, "c1", LI, "be kind", "n1", minutes(4))
        desk.reply(c, "c1", "li", "hello", "k", minutes(5))

    await db.write(talk)
    lines = await db.read(lambda c: transcript(c, "c1", NOW))
    assert [(line.side, line.text) for line in lines] == [
        (Side.CUSTOMER, "where is it"),
        (Side.BOT, "tomorrow"),
        (Side.CUSTOMER, "a human please"),
        (Side.MARK, "asked for a human"),
        (Side.MARK, ""),
        (Side.NOTE, "be kind"),
        (Side.AGENT, "hello"),
    ]
    assert [line.meaning.intent if line.meaning else "" for line in lines[:3]] == ["", "order_status", "human"]
    assert [(s.id, s.version) for s in lines[1].sources] == [("order", "Q1")]


SHOP: Any = SimpleNamespace()
"""Nobody in these talks is linked to an account, so the shop is never asked."""


async def test_a_dead_message_is_marked_and_only_leads_are_told_the_first_line_of_its_error(db: Database) -> None:
    error = "KeyError: 'size'\n  at line 7"
    await db.write(lambda c: says(c, "c1", 1, "???", NOW, status="dead", error=error))
    await db.write(lambda c: says(c, "c1", 2, "hi", NOW, status="done", error="an older try failed"))
    seen = {}
    for role in ("agent", "lead", "admin"):
        viewer = Agent("x", "x", "X", role)
        look = partial(desk.conversation, shop=SHOP, conversation_id="c1", viewer=viewer, now=NOW, counting=())
        whole = await db.read(look)
        seen[role] = [(line.status, line.reason) for line in whole.lines]
    assert seen == {
        "agent": [("dead", ""), ("", "")],
        "lead": [("dead", "KeyError: 'size'"), ("", "")],
        "admin": [("dead", "KeyError: 'size'"), ("", "")],
    }


async def test_the_side_bar_shows_what_the_identity_proved_beside_the_orders_of_a_linked_account(db: Database) -> None:
    def given(c: Connection) -> None:
        shop_tables = ("lin", "mei")
        c.execute(t.customers.insert(), [{"id": key, "name": key, "created_at": NOW} for key in shop_tables])
        money = {"status": "paid", "total_minor": 100, "currency": "CNY", "created_at": NOW}
        owners = {"A1": "lin", "B1": "mei", "B2": "mei"}
        c.execute(t.orders.insert(), [{"number": n, "customer_id": key, **money} for n, key in owners.items()])
        c.execute(t.persons.insert().values(id="p", name="", created_at=NOW))
        one = {"id": "i", "person_id": "p", "channel": "web:shop", "user": "u", "created_at": NOW}
        c.execute(t.identities.insert().values(one))
        c.execute(t.conversations.update().values(identity_id="i"))
        c.execute(t.proofs.insert().values(identity_id="i", order_number="B1", proven_at=NOW))

    def seen(c: Connection) -> tuple[list[str], frozenset[str]]:
        found = customer(c, SqlShop(c), "c1")
        return [order.number for order in found.orders], found.proven

    await db.write(given)
    assert await db.read(seen) == (["B1"], frozenset({"B1"})), "B2 is the same customer's, but nobody proved it"
    await db.write(lambda c: c.execute(t.persons.update().values(customer_id="lin")))
    assert await db.read(seen) == (["A1", "B1"], frozenset({"B1"}))
    await db.write(lambda c: c.execute(t.persons.update().values(customer_id="mei")))
    assert await db.read(seen) == (["B1", "B2"], frozenset({"B1"}))


# --- tasks ---------------------------------------------------------------------------------------------------------
async def test_open_tasks_are_listed_newest_first_with_their_customer_where_there_is_one(db: Database) -> None:
    def given(c: Connection) -> None:
        c.execute(t.persons.insert().values(id="p", name="", created_at=NOW))
        named = {"id": "i", "person_id": "p", "channel": "wechat:gh_1", "user": "u", "name": "Emma", "created_at": NOW}
        c.execute(t.identities.insert().values(named))
        c.execute(t.conversations.update().values(identity_id="i"))
        a_task(c, "outbox:k1", "no_window", minutes(1), "c1")
        a_task(c, "timer:x", "timer_failed", minutes(3))
        a_task(c, "outbox:k2", "no_consent", minutes(2), a_conversation(c, "group", "telegram:shop"))
        a_task(c, "outbox:k3", "unreachable", minutes(4), "c1")
        tasks.finish(c, 4, LI, minutes(5))

    await db.write(given)
    listed = await db.read(lambda c: tasks.open_tasks(c, LI))
    assert [(task.kind, task.text, task.conversation_id, task.channel, task.customer) for task in listed] == [
        ("timer_failed", "text of timer:x", None, "", ""),
        ("no_consent", "text of outbox:k2", "group", "telegram:shop", "group"),
        ("no_window", "text of outbox:k1", "c1", "wechat:gh_1", "Emma"),
    ]
    assert [task.created_at for task in listed] == [minutes(3), minutes(2), minutes(1)]
    assert await db.read(tasks.count_open) == 3


async def test_a_task_names_the_agent_who_has_its_conversation_or_had_it_last(db: Database) -> None:
    async def named() -> str:
        (task,) = await db.read(lambda c: tasks.open_tasks(c, LI))
        return task.agent_name

    await db.write(lambda c: a_task(c, "outbox:k1", "no_window", NOW, "c1"))
    assert await named() == ""
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    assert await named() == "Li"
    await db.write(lambda c: ownership.transfer(c, "c1", "li", "wang", "", NOW))
    assert await named() == "Wang"
    await db.write(lambda c: ownership.close(c, "c1", "wang", "", NOW))
    await db.write(lambda c: ownership.reopen(c, "c1", NOW))
    assert await named() == "Wang"
    await db.write(lambda c: people.disable_agent(c, "wang", NOW))
    assert await named() == "Li", "who is not at work any more is not asked"


async def test_a_task_is_done_once_and_leaves_a_note_in_its_conversation(db: Database) -> None:
    await db.write(lambda c: a_task(c, "outbox:k1", "no_window", NOW, "c1"))
    await db.write(lambda c: a_task(c, "timer:x", "timer_failed", NOW))
    await db.write(lambda c: tasks.finish(c, 1, LI, NOW))
    await db.write(lambda c: tasks.finish(c, 2, LI, NOW))
    with pytest.raises(Conflict):
        await db.write(lambda c: tasks.finish(c, 1, WANG, NOW))
    with pytest.raises(NotFound):
        await db.write(lambda c: tasks.finish(c, 99, LI, NOW))
    assert await db.read(tasks.count_open) == 0
    marks = await db.read(lambda c: transcript(c, "c1", NOW))
    assert [(m.side, m.event, m.author, m.text) for m in marks] == [
        (Side.MARK, "task_done", "Li", "no_window · text of outbox:k1")
    ]
    assert await db.read(lambda c: c.execute(select(func.count()).select_from(t.notes)).scalar_one()) == 1


async def test_the_task_of_a_message_is_done_when_it_is_sent_again_and_only_then(db: Database) -> None:
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: desk.reply(c, "c1", "li", "hello", "k1", NOW))
    await db.write(lambda c: c.execute(t.outbox.update().values(status="task", reason="no_window")))
    await db.write(lambda c: a_task(c, "outbox:k1", "no_window", NOW, "c1"))
    await db.write(lambda c: a_task(c, "outbox:k11", "no_window", NOW, "c1"))
    with pytest.raises(Conflict):
        await db.write(lambda c: desk.retry_send(c, 1, "wang", NOW))
    assert await db.read(tasks.count_open) == 2
    await db.write(lambda c: desk.retry_send(c, 1, "li", NOW))
    assert [task.text for task in await db.read(lambda c: tasks.open_tasks(c, LI))] == ["text of outbox:k11"]


async def test_every_change_an_agent_could_see_changes_the_pulse(db: Database) -> None:
    changes: list[Callable[[Connection], object]] = [
        lambda c: says(c, "c1", 1, "hi", NOW),
        lambda c: ownership.take(c, "c1", "li", NOW),
        lambda c: desk.reply(c, "c1", "li", "hello", "k", NOW),
        lambda c: c.execute(t.outbox.update().values(status="sent")),
        lambda c: desk.note(c, "c1", LI, "note", "n1", NOW),
        lambda c: c.execute(t.inbox.update().values(status="done")),
        lambda c: a_task(c, "cart:k1:1", "no_chat", NOW),
        lambda c: tasks.finish(c, 1, LI, NOW),
    ]
    seen = {await db.read(lambda c: (totals(c), states(c, ["c1"])["c1"]))}
    for count, change in enumerate(changes, start=2):
        await db.write(change)
        seen.add(await db.read(lambda c: (totals(c), states(c, ["c1"])["c1"])))
        assert len(seen) == count


def test_both_languages_have_every_word() -> None:
    assert set(LABELS["zh"]) == set(LABELS["en"])
    for kind in ("no_window", "no_consent", "unreachable", "no_chat", "timer_failed"):
        assert all(reason_words(kind, labels) != kind for labels in LABELS.values())
    assert reason_words("exchange QH1", LABELS["en"]) == "wants an exchange QH1"
    assert reason_words("free words", LABELS["zh"]) == "free words"


def test_chinese_labels_have_chinese_punctuation() -> None:
    beside = re.compile(r"[\u3400-\u9fff][,:;?!()]|[,:;?!()][\u3400-\u9fff]")
    assert {key: words for key, words in LABELS["zh"].items() if beside.search(words)} == {}


def test_chinese_labels_call_one_thing_by_one_name() -> None:
    others = {
        "客户": "顾客",
        "主管": "组长",
        "您": "你",
        "交还": "交回",
        "下班": "下线",
        "保价": "价保",
        "待办": "任务",
    }
    found = {key: word for key, words in LABELS["zh"].items() for word in others if word in words}
    assert {key: f"{word}: say {others[word]}" for key, word in found.items()} == {}
    for status in ("on", "away", "off", "gone"):
        assert LABELS["zh"][f"status_of_{status}"] == LABELS["zh"][f"on_{status}"]


def test_a_phone_number_is_masked_to_its_last_four() -> None:
    assert masked("+8613800138000") == "•••• 8000"
    assert masked("123") == "••••"
    assert hidden_address("浙江省杭州市西湖区文三路 1 号") == "浙江省杭州市****** * 号"
    assert hidden_address("somewhere") == "••••"
    assert hidden_address("") == ""
    assert masked("") == ""


# --- people --------------------------------------------------------------------------------------------------------
async def test_a_login_link_works_once_and_for_a_quarter_of_an_hour(db: Database) -> None:
    await db.write(lambda c: people.create_link(c, "li", "secret", NOW))
    assert (await db.write(lambda c: people.use_link(c, "secret", minutes(14)))).id == "li"
    with pytest.raises(NotAllowed):
        await db.write(lambda c: people.use_link(c, "secret", minutes(14)))
    await db.write(lambda c: people.create_link(c, "li", "late", NOW))
    with pytest.raises(NotAllowed):
        await db.write(lambda c: people.use_link(c, "late", minutes(15)))


async def test_tokens_are_kept_only_as_hashes_and_a_link_is_no_session(db: Database) -> None:
    await db.write(lambda c: people.create_link(c, "li", "secret", NOW))
    stored = await db.read(lambda c: c.execute(select(t.logins.c.hash)).scalars().all())
    assert len(stored) == 1
    assert "secret" not in stored[0]
    assert len(stored[0]) == 64
    with pytest.raises(NotAllowed):
        await db.read(lambda c: people.agent_of(c, "secret", NOW))


async def test_a_session_ends_after_three_idle_hours_or_twelve_in_all(db: Database) -> None:
    await db.write(lambda c: people.start_session(c, "li", "s", NOW))
    assert (await db.read(lambda c: people.agent_of(c, "s", minutes(179)))).id == "li"
    with pytest.raises(NotAllowed):
        await db.read(lambda c: people.agent_of(c, "s", minutes(180)))
    for hour in range(2, 12, 2):
        at = minutes(60 * hour)
        await db.read(partial(people.agent_of, token="s", now=at))
        await db.write(partial(people.touch, token="s", agent_id="li", now=at))
    with pytest.raises(NotAllowed):
        await db.read(lambda c: people.agent_of(c, "s", minutes(60 * 12)))


@pytest.mark.parametrize("end", ["revoke", "revoke_all", "disable", "password"])
async def test_a_session_can_be_ended_at_once(db: Database, end: str) -> None:
    await db.write(lambda c: people.start_session(c, "li", "s", NOW))
    ends: dict[str, Callable[[Connection], None]] = {
        "revoke": lambda c: people.revoke(c, "s"),
        "revoke_all": lambda c: people.revoke_all(c, "li"),
        "disable": lambda c: people.disable_agent(c, "li", NOW),
        "password": lambda c: people.set_password(c, "li", "new"),
    }
    await db.write(ends[end])
    with pytest.raises(NotAllowed):
        await db.read(lambda c: people.agent_of(c, "s", NOW))


async def test_a_password_fits_only_its_agent_and_never_an_unknown_one(db: Database) -> None:
    stored = people.hash_password("a quiet morning", ("li",))
    assert "quiet" not in stored
    await db.write(lambda c: people.set_password(c, "li", stored))
    agent, found = await db.read(lambda c: people.password_hash_of(c, "li"))
    assert agent is not None
    assert agent.id == "li"
    assert people.check_password(found, "a quiet morning")
    assert not people.check_password(found, "a quiet evening")
    assert await db.read(lambda c: people.password_hash_of(c, "nobody")) == (None, "")
    assert not people.check_password("", "a quiet morning")


@pytest.mark.parametrize("weak", ["a bit short", "abababababababab", "wang-wang-2026-10", "hello, I am Xiaoming"])
def test_a_password_that_is_short_monotonous_or_ones_own_name_is_refused(weak: str) -> None:
    with pytest.raises(people.WeakPassword):
        people.hash_password(weak, ("wang", "Xiaoming Wang"))


async def test_agents_are_listed_and_a_login_is_given_once(db: Database) -> None:
    assert [agent.login for agent in await db.read(people.list_agents)] == ["li", "wang", "xu", "zhao"]
    with pytest.raises(Conflict):
        await db.write(lambda c: people.add_agent(c, "x", "li", "Li", "agent", NOW))
    with pytest.raises(NotAllowed):
        await db.write(lambda c: people.add_agent(c, "x", "y", "Y", "king", NOW))
