"""From the first schema to the second, with a shop's data in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, create_engine, select, update

import bot.store
from bot.campaigns import flash, line
from bot.campaigns.ballots import forget
from bot.shop.port import CasePart, Money
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import (
    ballots,
    campaigns,
    cases,
    claims,
    conversations,
    grants,
    inbox,
    outbox,
    sales,
    tasks,
    timers,
    touches,
)
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


@dataclass(frozen=True, slots=True)
class Older:
    """A database with the tables of an older schema."""

    connection: Connection
    tables: Mapping[str, Table]

    def insert(self, table: str, **values: Any) -> None:
        self.connection.execute(self.tables[table].insert().values(**values))


@contextmanager
def older(url: str, revision: str) -> Iterator[Older]:
    """Give an empty database the schema of a revision, and a transaction in it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(config_of(connection), revision)
    with engine.begin() as connection:
        known = MetaData()
        known.reflect(connection)
        yield Older(connection, known.tables)
    engine.dispose()


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


async def test_a_return_of_the_older_schema_is_a_case_of_one_part(url: str) -> None:
    with older(url, "0003") as old:
        insert = old.insert
        insert("shop_customers", id="mia", name="Mia", phone="", email="", tier="gold", spent_minor=0, created_at=AT)
        product = {"name_zh": "恤", "name_en": "Tee", "category": "tops", "size_chart": "", "material_zh": ""}
        insert("shop_products", id="tee", **product, material_en="", returnable=True, active=True)
        variant = {"product_id": "tee", "colour_zh": "白", "colour_en": "white", "size": "M", "stock": 3}
        insert("shop_variants", sku="tee-M", **variant, price_minor=5000, currency="EUR")
        order = {"customer_id": "mia", "status": "delivered", "total_minor": 10000, "currency": "EUR", "address": ""}
        insert("shop_orders", number="A1", **order, created_at=AT, paid_at=AT, delivered_at=AT)
        insert("shop_order_lines", id=7, order_number="A1", sku="tee-M", quantity=2, price_minor=5000)
        case = {"order_number": "A1", "line_id": 7, "reason": "太大了", "status": "received"}
        insert("shop_returns", number="RT26110042", **case, opened_at=AT)

    for _ in range(2):
        upgrade(url)
        with closing(Database(url)) as database:
            (found,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
            assert (found.number, found.kind, found.status) == ("RT26110042", "return", "received")
            assert (found.refund, found.opened_at) == (Money(10000, "EUR"), AT)
            assert found.parts == (CasePart("7", 2),)
            (row,) = await rows(database, cases)
            assert row.words == "太大了"
            order_read = await database.read(lambda c: SqlShop(c).order("A1"))
            assert order_read is not None and order_read.lines[0].returned == 2
            (tee,) = await database.read(lambda c: SqlShop(c).products())
            assert (tee.hygiene, tee.variants[0].tier_prices) == (False, {})
        engine = create_engine(url)
        with engine.begin() as connection:
            command.downgrade(config_of(connection), "0003")
        engine.dispose()


async def test_a_sale_that_runs_goes_on_with_its_holds_under_one_timer(url: str) -> None:
    with older(url, "0017") as old:
        insert = old.insert
        product = {"name_zh": "恤", "name_en": "Tee", "category": "tops", "size_chart": "", "active": True}
        texts = dict.fromkeys(("material_zh", "material_en", "care_zh", "care_en", "fit_zh", "fit_en"), "")
        columns = old.tables["shop_products"].c
        insert(
            "shop_products", id="tee", **product, returnable=True, **{k: v for k, v in texts.items() if k in columns}
        )
        variant = {"product_id": "tee", "colour_zh": "白", "colour_en": "white", "size": "M", "stock": 3}
        insert("shop_variants", sku="tee-M", **variant, price_minor=5000, currency="EUR")
        sale = {"sku": "tee-M", "price_minor": 900, "currency": "EUR", "total": 3, "available": 1, "status": "running"}
        times = {"length_s": 7200, "hold_s": 600, "starts_at": AT, "ends_at": AT + timedelta(hours=2)}
        insert("sales", id="s", **sale, **times, audiences=[])
        for number, customer in ((1, "mia"), (2, "mia"), (3, None)):
            known = {"name": "", "language": "zh", "customer_id": customer, "created_at": AT}
            insert("persons", id=f"p{number}", **known)
            claim = {"sale_id": "s", "person_id": f"p{number}", "claimed_at": AT}
            status = "released" if number == 3 else "held"
            insert("sale_claims", id=f"c{number}", **claim, status=status, expires_at=AT + timedelta(minutes=number))
            key = f"claim:c{number}:expire"
            insert("timers", key=key, kind="claim_expire", payload={"claim_id": f"c{number}"}, due_at=AT, attempts=0)

    upgrade(url)

    with closing(Database(url)) as database:
        found = [(row.buyer, row.piece, row.status) for row in await rows(database, claims)]
        assert found == [("customer:mia", 1, "held"), ("customer:mia", 2, "held"), ("person:p3", 1, "released")]
        (timer,) = await rows(database, timers)
        assert (timer.key, timer.kind, timer.payload) == ("sale:s:expire", "sale_expire", {"sale_id": "s"})
        assert timer.due_at == AT + timedelta(minutes=1)
        late = AT + timedelta(minutes=2)
        assert await database.write(lambda c: line.release_due(c, "s", late)) == 2
        (sale_now,) = await rows(database, sales)
        assert (sale_now.available, sale_now.limit_each, sale_now.early) == (3, 1, {})
        await database.write(given_on)
        await database.write(lambda c: flash.end(c, "s", late))
    engine = create_engine(url)
    with engine.begin() as connection:
        command.downgrade(config_of(connection), "0017")
    with engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection)

        def read(table: str, *names: str) -> list[tuple[Any, ...]]:
            columns = [tables.tables[table].c[name] for name in names]
            return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]

        assert read("sale_claims", "id", "status") == [("c1", "held"), ("c3", "released")]
        assert read("sales", "id", "status", "available") == [("s", "ended", 2), ("t", "draft", 3), ("u", "ended", 3)]
        assert read("timers", "key", "kind", "payload") == [("claim:c1:expire", "claim_expire", {"claim_id": "c1"})]
    engine.dispose()
    upgrade(url)


def given_on(connection: Connection) -> None:
    """Have one person hold two pieces of the sale and another wait; a second sale is planned, a third paused."""
    held = {"status": "held", "expires_at": AT + timedelta(minutes=9), "person_id": "p1"}
    connection.execute(update(claims).where(claims.c.id.in_(("c1", "c2"))).values(held))
    connection.execute(update(claims).where(claims.c.id == "c3").values(status="waiting", expires_at=None, place=1))
    connection.execute(update(sales).values(available=1))
    row = connection.execute(select(sales)).mappings().one()
    for sale_id, status in (("t", "planned"), ("u", "paused")):
        connection.execute(sales.insert().values({**row, "id": sale_id, "status": status, "available": 3}))


async def test_ballots_of_an_older_schema_stay_under_their_numbers(url: str) -> None:
    with older(url, "0023") as old:
        words = {"question": {}, "options": [], "prize": {}, "audiences": [], "status": "closed", "seed": "s"}
        old.insert("votes", id="v", winners=1, last_entry=2, **words, starts_at=AT, ends_at=AT)
        for number in (1, 2):
            old.insert("persons", id=f"p{number}", name="", language="zh", created_at=AT)
            account = {"person_id": f"p{number}", "channel": "web:shop", "user": f"u{number}", "name": ""}
            old.insert("identities", id=f"i{number}", **account, created_at=AT)
            ballot = {"person_id": f"p{number}", "identity_id": f"i{number}", "entry": number, "option": "silk"}
            old.insert("vote_ballots", vote_id="v", **ballot, voted_at=AT, counted=True)
        plan = {"kind": "recall", "plan": {}, "status": "running", "made_by": "agent:ann"}
        old.insert("campaigns", id="c", **plan)
    for _ in range(2):
        upgrade(url)
        with closing(Database(url)) as database:
            assert [(row.entry, row.person_id) for row in await rows(database, ballots)] == [(1, "p1"), (2, "p2")]
            assert [row.approved_by for row in await rows(database, campaigns)] == ["system"], "it goes on"
            await database.write(lambda c: forget(c, ["p9"]))
        engine = create_engine(url)
        with engine.begin() as connection:
            command.downgrade(config_of(connection), "0023")
        engine.dispose()
    upgrade(url)
    with closing(Database(url)) as database:
        await database.write(lambda c: forget(c, ["p1"]))
        assert {(row.entry, row.person_id) for row in await rows(database, ballots)} == {(1, None), (2, "p2")}


async def test_whoever_goes_back_before_greetings_has_none_waiting_nor_a_price_to_tell(url: str) -> None:
    upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        known = MetaData()
        known.reflect(connection)
        old = Older(connection, known.tables)
        old.insert("persons", id="p", name="", language="zh", created_at=AT)
        old.insert("identities", id="i", person_id="p", channel="web:shop", user="u", name="", created_at=AT)
        talk = conversations.insert().values(id="c", channel="web:shop", chat="u", identity_id="i")
        connection.execute(talk.values(created_at=AT, updated_at=AT))
        guards = {"priced": "tee-M", "greeting": "lin", "in_stock": "tee-M"}
        for key, guarded in guards.items():
            out = outbox.insert().values(
                key=key, conversation_id="c", channel="web:shop", purpose="marketing", text="x"
            )
            connection.execute(out.values(guard={key: guarded}, not_before=AT, created_at=AT))
            touch = touches.insert().values(key=key, campaign="cart", person_id="p", episode=key, step=1, subject="s")
            connection.execute(touch.values(value_minor=0, currency="CNY", planned_at=AT))
        for kind in ("greeting", "greeting_round", "price_drop", "back_in_stock"):
            connection.execute(timers.insert().values(key=kind, kind=kind, payload={}, due_at=AT))
    with engine.begin() as connection:
        command.downgrade(config_of(connection), "0023")
    engine.dispose()
    upgrade(url)
    with closing(Database(url)) as database:
        left = {"priced": "dropped", "greeting": "dropped", "in_stock": "waiting"}
        assert {row.key: row.status for row in await rows(database, outbox)} == left
        assert {row.key: row.status for row in await rows(database, touches)} == {**left, "in_stock": "planned"}
        assert [row.kind for row in await rows(database, timers)] == ["back_in_stock"]
