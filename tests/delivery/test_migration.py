"""From the first schema to the second, with a shop's data in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine

import bot.store
from bot.store.database import Database
from bot.store.tables import conversations, grants, inbox, outbox, tasks
from bot.store.upgrade import upgrade
from tests.conftest import postgresql_address, postgresql_database
from tests.delivery.stand import rows

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    with postgresql_database() as name:
        yield postgresql_address(name)


def config_of(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def fill(connection: Connection) -> None:
    """Put a customer with two windows and some messages into the first schema."""
    old = MetaData()
    old.reflect(connection)

    def insert(table: str, **values: Any) -> None:
        connection.execute(old.tables[table].insert().values(**values))

    insert("persons", id="p", name="", language="zh", created_at=AT)
    insert("identities", id="i", person_id="p", channel="wechat:gh", user="o1", name="", created_at=AT)
    talk = {"channel": "wechat:gh", "chat_kind": "private", "unreachable": False, "owner": "bot", "epoch": 2}
    talk |= {"reason": "", "priority": 0, "state": {"language": "zh"}, "last_seq": 2, "done_seq": 1, "version": 1}
    insert("conversations", id="c", chat="o1", identity_id="i", shown=3, created_at=AT, updated_at=AT, **talk)
    for seq, status in ((1, "done"), (2, "new")):
        message = {
            "key": f"m{seq}",
            "conversation_id": "c",
            "seq": seq,
            "identity_id": "i",
            "text": "你好",
            "payload": "",
        }
        message |= {"status": status, "error": "", "shown": seq, "attempts": seq, "sent_at": AT, "received_at": AT}
        insert("inbox", **message)
    for key, purpose in (("answer", "reply"), ("cart", "marketing")):
        row = {"key": key, "conversation_id": "c", "channel": "wechat:gh", "purpose": purpose, "author": "bot"}
        row |= {"text": key, "status": "waiting", "reason": "", "platform_id": ""}
        insert("outbox", **row, choices=[], sources=[], attempts=0, not_before=AT, created_at=AT)
    for days, used in ((0, 5), (1, 2)):
        opened_at = AT + timedelta(days=days)
        window = {"count": 5, "used": used, "purposes": ["reply"], "opened_at": opened_at}
        insert("grants", conversation_id="c", **window, expires_at=opened_at + timedelta(days=2))
    insert("tasks", key="outbox:x", kind="no_window", conversation_id="c", text="x", done=False, created_at=AT)


async def test_a_shop_of_the_first_schema_goes_on_where_it_was(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(config_of(connection), "0001")
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()

    upgrade(url)

    with closing(Database(url)) as database:
        (talk,) = await rows(database, conversations)
        assert (talk.last_seq, talk.done_seq, talk.epoch, talk.tries) == (2, 1, 2, 0)
        assert [(row.key, row.status) for row in await rows(database, inbox)] == [("m1", "done"), ("m2", "new")]
        out = [(row.key, row.rank, row.road, row.cost, row.edits) for row in await rows(database, outbox)]
        assert out == [("answer", 0, "", 0, ""), ("cart", 1, "", 0, "")]
        (right,) = await rows(database, grants)
        assert (right.needs, right.action, right.allowed, right.used) == ("window", "said", 5, 2), "the newest stands"
        assert right.expires_at == AT + timedelta(days=3)
        (task,) = await rows(database, tasks)
        assert (task.key, task.agent_id, task.done) == ("outbox:x", None, False)


async def test_the_second_schema_can_be_undone(url: str) -> None:
    upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        command.downgrade(config_of(connection), "0001")
    with engine.begin() as connection:
        old = MetaData()
        old.reflect(connection)
        assert "attempts" in old.tables["inbox"].c
        fill(connection)
    engine.dispose()
    upgrade(url)
    with closing(Database(url)) as database:
        assert len(await rows(database, outbox)) == 2
