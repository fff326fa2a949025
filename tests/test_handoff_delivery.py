"""What agents see of the way of a message: rights, states, files, dead letters, tasks. On both databases."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection, create_engine, select
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.delivery.tasks import alert
from bot.errors import Conflict, NotAllowed, NotFound
from bot.messages import Chat, File
from bot.starter import SHOP_TOML, make_shop
from bot.store import tables as t
from bot.store.database import Database
from bot.transcript import shown_after, typist_of
from handoff import dead, desk, files, ownership, people, talks, tasks
from handoff.owner import Owner
from handoff.people import Agent
from handoff.pulse import states, totals
from handoff.rights import Credit, Rights, Window, rights
from handoff.transcript import Line, transcript

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LI = Agent("li", "li", "Li", "agent", see="all")
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
OGG = b"OggS" + b"sound"


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def a_shop(connection: Connection) -> None:
    for key, role in (("li", "agent"), ("wang", "agent"), ("zhao", "lead")):
        people.add_agent(connection, key, key, key.title(), role, NOW)
    connection.execute(t.persons.insert().values(id="p", name="Emma", created_at=NOW))
    emma = {"id": "i", "person_id": "p", "channel": "web:shop", "user": "c1", "created_at": NOW}
    connection.execute(t.identities.insert().values(emma))
    talk = {"id": "c1", "channel": "web:shop", "chat": "c1", "identity_id": "i", "created_at": NOW, "updated_at": NOW}
    connection.execute(t.conversations.insert().values(talk))


@pytest.fixture
async def db(database: Database) -> Database:
    await database.write(a_shop)
    return database


def says(connection: Connection, seq: int, text: str, **more: Any) -> int:
    row = {"key": f"web:{seq}", "conversation_id": "c1", "identity_id": "i", "seq": seq, "text": text}
    at = more.pop("at", NOW)
    values = {**row, "sent_at": at, "received_at": at, "shown": seq, **more}
    made = connection.execute(t.inbox.insert().values(values).returning(t.inbox.c.id)).scalar_one()
    connection.execute(t.conversations.update().values(last_seq=seq, shown=seq))
    return int(made)


def answers(connection: Connection, **more: Any) -> None:
    row = {"key": "o1", "conversation_id": "c1", "channel": "web:shop", "purpose": "reply", "text": "tomorrow"}
    connection.execute(t.outbox.insert().values({**row, "not_before": NOW, "created_at": NOW, **more}))


def a_file(connection: Connection, key: str, body: bytes | None, **more: Any) -> None:
    row = {"id": key, "conversation_id": "c1", "channel": "web:shop", "kind": "image", "body": body}
    times = {"not_before": NOW, "created_at": NOW}
    connection.execute(t.media.insert().values({**row, **times, "status": "kept" if body else "new", **more}))


def a_right(connection: Connection, action: str, allowed: int | None, ends: datetime | None, **more: Any) -> None:
    row = {"conversation_id": "c1", "action": action, "allowed": allowed, "expires_at": ends, "opened_at": NOW}
    connection.execute(t.grants.insert().values({**row, "purposes": ["reply", "human"], **more}))


async def lines_of(db: Database) -> tuple[Line, ...]:
    return await db.read(lambda c: transcript(c, "c1", NOW))


# --- rights --------------------------------------------------------------------------------------------------------
async def test_a_channel_that_counts_shows_its_windows_until_they_end_and_the_message_kept_for_a_human(
    db: Database,
) -> None:
    def given(c: Connection) -> None:
        a_right(c, "said", 5, minutes(120), used=2)
        a_right(c, "acted", 3, minutes(0), used=0)
        a_right(c, "other", 3, minutes(9), purposes=["marketing"])
        a_right(c, "subscribed", 2, None, needs="credit:cart", used=1)

    assert await db.read(lambda c: rights(c, "c1", True, NOW)) == Rights()
    assert await db.read(lambda c: rights(c, "c1", False, NOW)) is None
    await db.write(given)
    window, credit = Window("said", 5, 3, minutes(120)), Credit("cart", 1)
    assert await db.read(lambda c: rights(c, "c1", True, NOW)) == Rights((window,), (credit,), kept=1)
    assert await db.read(lambda c: rights(c, "c1", True, minutes(120))) == Rights((), (credit,), kept=0)


async def test_nothing_is_kept_of_a_window_that_is_used_up_or_not_counted(db: Database) -> None:
    await db.write(lambda c: a_right(c, "said", 5, minutes(120), used=5))
    used_up = await db.read(lambda c: rights(c, "c1", True, NOW))
    assert used_up is not None
    assert (used_up.left, used_up.kept) == (0, 0)
    await db.write(lambda c: a_right(c, "acted", None, minutes(120)))
    uncounted = await db.read(lambda c: rights(c, "c1", True, NOW))
    assert uncounted is not None
    assert (uncounted.left, uncounted.kept) == (math.inf, 0)


# --- the way of a message ------------------------------------------------------------------------------------------
async def test_a_line_tells_its_road_and_when_it_may_go_if_it_was_put_off(db: Database) -> None:
    await db.write(lambda c: answers(c, status="sent", road="window", reason="window, 4 left"))
    await db.write(lambda c: answers(c, key="o2", not_before=minutes(30), reason="quiet_hours"))
    await db.write(lambda c: answers(c, key="o3"))
    lines = [(line.status, line.road, line.reason, line.until) for line in await lines_of(db)]
    assert lines == [
        ("sent", "window", "window, 4 left", None),
        ("waiting", "", "quiet_hours", minutes(30)),
        ("waiting", "", "", None),
    ]


# --- files ---------------------------------------------------------------------------------------------------------
async def test_files_are_shown_beside_their_line_by_what_their_first_bytes_are(db: Database) -> None:
    def given(c: Connection) -> None:
        said = says(c, 1, "look", event="media")
        for key, body, kind in (
            ("1", PNG, "image"),
            ("2", OGG, "voice"),
            ("3", b"<svg onload=x>", "image"),
            ("4", None, "voice"),
        ):
            a_file(c, key, body, kind=kind, inbox_id=said)
        ownership.take(c, "c1", "li", NOW)
        desk.reply(c, "c1", "li", "", "k", minutes(1), picture=files.picture(PNG, "shoe.png"))

    await db.write(given)
    said, _, answered = await lines_of(db)
    assert [(file.kind, file.shape, file.status) for file in said.files] == [
        ("image", files.Shape.PICTURE, "kept"),
        ("voice", files.Shape.SOUND, "kept"),
        ("image", files.Shape.FILE, "kept"),
        ("voice", files.Shape.FILE, "new"),
    ]
    assert [(file.shape, file.name) for file in answered.files] == [(files.Shape.PICTURE, "shoe.png")]
    assert await db.read(lambda c: files.file_of(c, "1")) == File(PNG, "", "")
    for missing in ("4", "nothing"):
        with pytest.raises(NotFound):
            await db.read(partial(files.file_of, media_id=missing))


async def test_only_pictures_up_to_five_megabytes_can_be_attached_and_a_reply_says_something(db: Database) -> None:
    assert files.picture(PNG, "a.svg").mime == "image/png"
    for body in (b"<svg/>", PNG + bytes(files.MAX_PICTURE_BYTES)):
        with pytest.raises(NotAllowed):
            files.picture(body, "a.png")
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    with pytest.raises(Conflict):
        await db.write(lambda c: desk.reply(c, "c1", "li", " ", "k", NOW))


async def test_the_list_says_that_a_picture_came_where_there_are_no_words(db: Database) -> None:
    await db.write(lambda c: says(c, 1, "", event="media"))
    (talk,) = await db.read(lambda c: talks.everything(c, LI))
    assert (talk.last_text, talk.last_event, talk.last_by) == ("", "media", "customer")


# --- dead letters --------------------------------------------------------------------------------------------------
def a_dead_letter(connection: Connection) -> None:
    to_bot = {"addressed": "name", "topic": {"key": "t1"}}
    says(connection, 1, "which size", status="dead", error="KeyError: 'size'\n  at line 7", **to_bot)
    says(connection, 2, "hello?", at=minutes(1), status="done")
    connection.execute(t.conversations.update().values(done_seq=2))
    ownership.to_queue(connection, "c1", "dead_letter", 2, NOW)


async def test_a_dead_letter_is_listed_until_somebody_has_handled_it(db: Database) -> None:
    await db.write(a_dead_letter)
    (letter,) = await db.read(dead.dead_letters)
    assert (letter.key, letter.channel, letter.customer, letter.text) == ("web:1", "web:shop", "Emma", "which size")
    assert (letter.at, letter.error) == (NOW, "KeyError: 'size'")
    await db.write(lambda c: dead.handle(c, letter.id, "zhao", minutes(5)))
    assert await db.read(dead.count) == 0
    assert [(line.event, line.author) for line in await lines_of(db)][-1] == ("dead_handled", "Zhao")
    with pytest.raises(Conflict):
        await db.write(lambda c: dead.handle(c, letter.id, "zhao", minutes(6)))
    with pytest.raises(NotFound):
        await db.write(lambda c: dead.handle(c, 99, "zhao", minutes(6)))


async def test_a_dead_letter_is_tried_again_behind_what_came_since_and_the_customer_sees_it_once(db: Database) -> None:
    await db.write(a_dead_letter)
    assert await db.write(lambda c: dead.retry(c, "web:1", minutes(5))) == "retry:web:1:1"
    talk = await db.read(lambda c: c.execute(select(t.conversations)).one())
    assert (talk.owner, talk.last_seq, talk.done_seq) == (Owner.BOT.value, 3, 2)
    again = await db.read(lambda c: c.execute(select(t.inbox).where(t.inbox.c.seq == 3)).one())
    assert (again.text, again.status, again.identity_id, again.received_at) == ("which size", "new", "i", minutes(5))
    assert (again.addressed, again.topic) == ("name", {"key": "t1"}), "in a group it is silent to what is not for it"
    seen = await db.read(lambda c: shown_after(c, Chat("web:shop", "c1"), 0, 10))
    assert [message.text for message in seen] == ["which size", "hello?"]
    assert [line.event for line in await lines_of(db) if line.text == "which size"] == ["", "retried"]
    assert await db.read(dead.count) == 0


async def test_a_message_that_dies_again_can_be_tried_again_under_a_key_of_its_own(db: Database) -> None:
    await db.write(a_dead_letter)
    await db.write(lambda c: dead.retry(c, "web:1", minutes(5)))
    died = t.inbox.update().where(t.inbox.c.key == "retry:web:1:1").values(status="dead")
    await db.write(lambda c: c.execute(died))
    assert await db.write(lambda c: dead.retry(c, "retry:web:1:1", minutes(6))) == "retry:web:1:2"


async def test_a_retry_changes_nothing_where_a_human_has_the_conversation_or_nothing_died(db: Database) -> None:
    await db.write(a_dead_letter)
    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    for key, error in (("web:1", Conflict), ("web:2", Conflict), ("web:9", NotFound)):
        with pytest.raises(error):
            await db.write(partial(dead.retry, key=key, now=NOW))
    assert await db.read(dead.count) == 1
    assert (await db.read(lambda c: ownership.current(c, "c1"))).agent_id == "li"


# --- tasks ---------------------------------------------------------------------------------------------------------
async def test_tasks_tell_whose_they_are_and_an_alert_its_channel(db: Database) -> None:
    def given(c: Connection) -> None:
        alert(c, "wechat:gh_1:stop:40001", "The secret is wrong.", NOW)
        task = {"key": "outbox:k", "kind": "no_window", "conversation_id": "c1", "agent_id": "li", "text": "hi"}
        c.execute(t.tasks.insert().values(**task, created_at=minutes(1)))

    await db.write(given)
    listed = await db.read(lambda c: tasks.open_tasks(c, LI))
    assert [(task.kind, task.channel, task.agent_id, task.agent_name) for task in listed] == [
        ("no_window", "web:shop", "li", "Li"),
        ("alert", "wechat:gh_1", "zhao", "Zhao"),
    ]
    assert [task.kind for task in await db.read(lambda c: tasks.open_tasks(c, LI, "li"))] == ["no_window"]


async def test_the_task_of_an_agent_who_left_is_anybodys(db: Database) -> None:
    task = {"key": "k", "kind": "no_window", "conversation_id": "c1", "agent_id": "li", "text": "hi"}
    await db.write(lambda c: c.execute(t.tasks.insert().values(**task, created_at=NOW)))
    await db.write(lambda c: people.disable_agent(c, "li", NOW))
    (listed,) = await db.read(lambda c: tasks.open_tasks(c, LI))
    assert (listed.agent_id, listed.agent_name) == (None, "")


# --- typing --------------------------------------------------------------------------------------------------------
async def test_the_customer_sees_that_the_agent_of_the_talk_is_writing_until_the_answer_is_there(db: Database) -> None:
    async def typist(at: datetime = NOW) -> str:
        return await db.read(lambda c: typist_of(c, Chat("web:shop", "c1"), at))

    await db.write(lambda c: ownership.take(c, "c1", "li", NOW))
    await db.write(lambda c: desk.types(c, "c1", "wang", NOW))
    assert await typist() == "", "who does not have the talk writes to nobody"
    await db.write(lambda c: desk.types(c, "c1", "li", NOW))
    assert await typist() == "agent"
    assert await typist(NOW + desk.TYPES_FOR) == ""
    await db.write(lambda c: desk.reply(c, "c1", "li", "hello", "k", NOW))
    assert await typist() == ""


# --- the pulse -----------------------------------------------------------------------------------------------------
async def test_a_file_that_arrives_and_a_letter_that_dies_or_is_handled_change_the_pulse(db: Database) -> None:
    changes = (
        lambda c: a_file(c, "m", None, inbox_id=says(c, 1, "", event="media")),
        lambda c: c.execute(t.media.update().values(status="lost")),
        lambda c: c.execute(t.inbox.update().values(status="dead")),
        lambda c: c.execute(t.inbox.update().values(status="done")),
    )
    before = await db.read(lambda c: (totals(c), states(c, ["c1"])["c1"]))
    for change in changes:
        await db.write(change)
        after = await db.read(lambda c: (totals(c), states(c, ["c1"])["c1"]))
        assert after != before
        before = after


# --- the command ---------------------------------------------------------------------------------------------------
def zhanggui(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    structlog.reset_defaults()  # the logs went to the runner's stderr, which is closed now
    return result


def test_dead_letters_are_listed_and_tried_again_from_the_command_line(tmp_path: Path) -> None:
    make_shop(tmp_path / "shop", SHOP_TOML)
    at = ("--dir", tmp_path / "shop")
    assert json.loads(zhanggui("dead", "list", "--json", *at).stdout) == []
    engine = create_engine(f"sqlite:///{tmp_path / 'shop' / 'data' / 'zhanggui.db'}")
    with engine.begin() as connection:
        a_shop(connection)
        a_dead_letter(connection)
    engine.dispose()
    (letter,) = json.loads(zhanggui("dead", "list", "--json", *at).stdout)
    assert (letter["key"], letter["customer"], letter["error"]) == ("web:1", "Emma", "KeyError: 'size'")
    assert zhanggui("dead", "retry", "web:1", *at).stdout.strip() == "retry:web:1:1"
    assert json.loads(zhanggui("dead", "list", "--json", *at).stdout) == []
    assert isinstance(zhanggui("dead", "retry", "web:1", *at).exception, Conflict)
