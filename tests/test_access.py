"""Who sees which customer: the doors to one thing, and the filters of lists. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.audit import What, entries
from bot.errors import NotAllowed, NotFound
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database
from handoff import access, ownership, people, talks, tasks
from handoff.people import Agent
from handoff.reveal import ReasonMissing, reveal
from handoff.roles import ROLES, ROLES_WITH, Right

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LI, OTHERS, LEAD, EDITOR, ADMIN = (
    Agent("li", "li", "Li", "agent", see="own"),
    Agent("li", "li", "Li", "agent", see="all"),
    Agent("zhao", "zhao", "Zhao", "lead"),
    Agent("xu", "xu", "Xu", "editor", see="all"),
    Agent("chen", "chen", "Chen", "admin"),
)
TALKS = {"with_li": "li", "with_wang": "wang", "waiting": None, "with_bot": None, "over": None}


def a_shop(c: Connection) -> None:
    """One customer a conversation, each with an order, a task, a message either way and a file."""
    for key, role in (("li", "agent"), ("wang", "agent"), ("zhao", "lead"), ("xu", "editor"), ("chen", "admin")):
        people.add_agent(c, key, key, key.title(), role, NOW)
    for number, name in enumerate(TALKS, 1):
        customer = {"id": f"cust_{name}", "name": name, "phone": f"1380013800{number}", "created_at": NOW}
        c.execute(t.customers.insert().values(customer))
        order = {"number": f"Q_{name}", "customer_id": f"cust_{name}", "status": "paid", "total_minor": 1}
        c.execute(t.orders.insert().values(**order, currency="CNY", address="西湖区文三路 1 号", created_at=NOW))
        c.execute(t.persons.insert().values(id=f"p_{name}", customer_id=f"cust_{name}", created_at=NOW))
        who = {"id": f"i_{name}", "person_id": f"p_{name}", "channel": "web:shop", "user": name, "created_at": NOW}
        c.execute(t.identities.insert().values(who))
        talk = {"id": name, "channel": "web:shop", "chat": name, "identity_id": f"i_{name}"}
        c.execute(t.conversations.insert().values(**talk, created_at=NOW, updated_at=NOW))
        task = {"id": number, "key": name, "kind": "no_window", "conversation_id": name, "text": "wants a call"}
        c.execute(t.tasks.insert().values(**task, created_at=NOW))
        said = {"id": number, "key": name, "conversation_id": name, "seq": 1, "text": "call 13800138000"}
        c.execute(t.inbox.insert().values(**said, sent_at=NOW, received_at=NOW))
        sent = {"id": number, "key": name, "conversation_id": name, "channel": "web:shop", "purpose": "reply"}
        c.execute(t.outbox.insert().values(**sent, text="hello", not_before=NOW, created_at=NOW))
        kept = {"id": f"m_{name}", "conversation_id": name, "channel": "web:shop", "kind": "image", "body": b"x"}
        c.execute(t.media.insert().values(**kept, status="kept", not_before=NOW, created_at=NOW))
        for at, kind in ((100, "note"), (200, "whisper")):
            noted = {"id": at + number, "conversation_id": name, "author": "agent:zhao", "kind": kind}
            c.execute(t.notes.insert().values(**noted, text="ring 13800138000", at=NOW))
    ownership.take(c, "with_li", "li", NOW)
    ownership.take(c, "with_wang", "wang", NOW)
    ownership.to_queue(c, "waiting", "asked", 0, NOW)
    ownership.take(c, "over", "wang", NOW)
    ownership.close(c, "over", "wang", "solved", NOW)


ALL = frozenset(TALKS)
SEES = {"own": ALL - {"with_wang"}, "all": ALL, "lead": ALL, "editor": frozenset(), "admin": ALL}
ACTORS = {"own": LI, "all": OTHERS, "lead": LEAD, "editor": EDITOR, "admin": ADMIN}


@pytest.fixture
async def db(database: Database) -> Database:
    await database.write(a_shop)
    return database


def opens(c: Connection, door: Any, actor: Agent, key: Any) -> bool:
    try:
        door(c, actor, key)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("who", ACTORS)
async def test_each_door_opens_for_what_the_lists_show_and_for_nothing_else(db: Database, who: str) -> None:
    actor, sees = ACTORS[who], SEES[who]
    number = {name: place for place, name in enumerate(TALKS, 1)}
    doors: dict[str, tuple[Any, Any]] = {
        "conversation": (access.access_conversation, lambda name: name),
        "person": (access.access_person, lambda name: f"p_{name}"),
        "order": (access.access_order, lambda name: f"Q_{name}"),
        "task": (access.access_task, number.__getitem__),
        "message in": (access.access_inbound, number.__getitem__),
        "message out": (access.access_outbound, number.__getitem__),
        "note": (access.access_note, lambda name: 100 + number[name]),
        "file": (access.access_file, lambda name: f"m_{name}"),
    }

    def opened(c: Connection) -> dict[str, set[str]]:
        return {
            kind: {name for name in TALKS if opens(c, door, actor, key(name))} for kind, (door, key) in doors.items()
        }

    assert await db.read(opened) == {kind: set(sees) for kind in doors}

    def listed(c: Connection) -> dict[str, set[str]]:
        scopes: dict[str, Any] = {
            "conversations": select(t.conversations.c.id).where(access.conversation_scope(actor)),
            "persons": select(t.persons.c.id).where(access.person_scope(actor)),
            "orders": select(t.orders.c.number).where(access.order_scope(actor)),
        }
        found = {name: {key.removeprefix("p_").removeprefix("Q_") for key in c.execute(query).scalars()}
                 for name, query in scopes.items()}  # fmt: skip
        found["tasks"] = {task.conversation_id or "" for task in tasks.open_tasks(c, actor)}
        found["talks"] = {talk.id for talk in talks.everything(c, actor)}
        assert tasks.count_open(c, actor) == len(sees)
        return found

    shown = await db.read(listed)
    assert shown == {kind: set(sees) for kind in shown}


async def test_what_is_not_allowed_looks_like_what_is_not_there(db: Database) -> None:
    words = []
    for key in ("with_wang", "none"):
        with pytest.raises(NotFound) as refused:
            await db.read(partial(access.access_conversation, actor=LI, conversation_id=key))
        words.append(str(refused.value))
    assert words[0] == words[1]


async def test_what_never_was_opens_to_nobody(db: Database) -> None:
    doors = (access.access_conversation, access.access_person, access.access_order, access.access_file)
    for key in ("none", "", "with_li' or '1'='1", "\0"):
        for door in doors:
            assert not await db.read(partial(opens, door=door, actor=ADMIN, key=key))


async def test_an_order_proven_in_a_conversation_is_seen_by_who_sees_the_conversation(db: Database) -> None:
    def proven(c: Connection) -> tuple[bool, bool]:
        c.execute(t.orders.update().where(t.orders.c.number == "Q_with_wang").values(customer_id="cust_over"))
        c.execute(t.persons.update().where(t.persons.c.id == "p_over").values(customer_id=None))
        before = opens(c, access.access_order, LI, "Q_with_wang")
        c.execute(t.proofs.insert().values(identity_id="i_waiting", order_number="Q_with_wang", proven_at=NOW))
        return before, opens(c, access.access_order, LI, "Q_with_wang")

    assert await db.write(proven) == (False, True)


def test_every_role_has_the_rights_of_the_table() -> None:
    table = {role: {right.value for right in Right if role in ROLES_WITH[right]} for role in ROLES}
    assert table == {
        "agent": {"answer"},
        "lead": {"answer", "lead"},
        "editor": {"edit"},
        "admin": {"answer", "lead", "edit", "admin"},
    }
    with pytest.raises(NotAllowed):
        access.require(Agent("x", "x", "X", "admin", disabled=True), Right.ADMIN)


# --- what is masked --------------------------------------------------------------------------------------------------
SHOWN = {
    ("person:p_with_li", "phone"): "13800138001",
    ("order:Q_with_li", "address"): "西湖区文三路 1 号",
    ("inbound:1", "text"): "call 13800138000",
    ("outbound:1", "text"): "hello",
    ("note:101", "text"): "ring 13800138000",
    ("note:201", "text"): "ring 13800138000",
    ("task:1", "text"): "wants a call",
}


@pytest.mark.parametrize(("subject", "field"), SHOWN)
async def test_a_masked_field_is_shown_for_a_reason_which_is_written_down(
    db: Database, subject: str, field: str
) -> None:
    def shows(c: Connection) -> str:
        return reveal(c, LI, SqlShop(c), subject, field, " to call back ", NOW)

    assert await db.write(shows) == SHOWN[subject, field]
    (entry,) = await db.read(lambda c: entries(c, what=What.REVEAL))
    assert (entry.who, entry.subject, entry.why) == ("agent:li", f"{subject}/{field}", "to call back")
    assert SHOWN[subject, field] not in str(entry)


@pytest.mark.parametrize("reason", ["", "  ", "x"])
async def test_without_a_reason_nothing_is_shown(db: Database, reason: str) -> None:
    with pytest.raises(ReasonMissing):
        await db.write(lambda c: reveal(c, LI, SqlShop(c), "person:p_with_li", "phone", reason, NOW))
    assert await db.read(entries) == ()


@pytest.mark.parametrize(
    ("actor", "subject", "field"),
    [
        (LI, "person:p_with_wang", "phone"),
        (LI, "order:Q_with_wang", "address"),
        (LI, "inbound:2", "text"),
        (LI, "outbound:2", "text"),
        (LI, "note:102", "text"),
        (LI, "task:2", "text"),
        (OTHERS, "note:202", "text"),
        (OTHERS, "note:999", "text"),
        (EDITOR, "person:p_with_li", "phone"),
        (LI, "person:p_with_li", "name"),
        (LI, "agent:li", "password_hash"),
        (LI, "inbound:9999999999999999999", "text"),
        (LI, "person:none", "phone"),
    ],
)
async def test_what_is_not_for_someone_is_not_shown_to_them(
    db: Database, actor: Agent, subject: str, field: str
) -> None:
    with pytest.raises(NotFound):
        await db.write(lambda c: reveal(c, actor, SqlShop(c), subject, field, "curious", NOW))
    assert await db.read(entries) == ()
