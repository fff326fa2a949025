"""What watchers ask: does the process live, does the database answer, how much waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, select, text, update

from bot.delivery.inbox import store
from bot.delivery.outbox import Draft, put
from bot.health import health_routes
from bot.messages import Chat, ChatKind, Inbound, Purpose
from bot.store.database import Database
from bot.store.tables import conversations, outbox
from tests.conftest import StandingClock

COUNTED = Counter("zhanggui_test_of_metrics", "Counts in a test.")


def client_of(database: Database) -> httpx.AsyncClient:
    web = FastAPI()
    web.include_router(health_routes(database))
    return httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://shop")


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(database) as opened:
        yield opened


async def test_livez_says_ok(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readyz_counts_what_waits_to_be_thought_about_and_to_be_sent(
    client: httpx.AsyncClient, database: Database, clock: StandingClock, new_id: Callable[[], str]
) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ok", "inbox": 0, "outbox": 0}

    chats = [Chat("web:shop", name, ChatKind.PRIVATE) for name in ("a", "b")]
    messages = [Inbound(f"web:{n}", chats[n % 2], chats[n % 2].id, clock.now(), "hello") for n in range(3)]

    def fill(connection: Connection) -> None:
        store(connection, messages, clock.now(), new_id)
        conversation_id = connection.execute(select(conversations.c.id).limit(1)).scalar_one()
        for n in range(5):
            put(connection, Draft(f"k{n}", conversation_id, Purpose.REPLY, "hello"), clock.now())

    await database.write(fill)
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "inbox": 3, "outbox": 5})

    def work(connection: Connection) -> None:
        connection.execute(update(conversations).values(done_seq=conversations.c.last_seq))
        connection.execute(update(outbox).where(outbox.c.key.in_(["k0", "k1"])).values(status="sent"))
        connection.execute(update(outbox).where(outbox.c.key == "k2").values(status="sending"))

    await database.write(work)
    assert (await client.get("/readyz")).json() == {"status": "ok", "inbox": 0, "outbox": 3}


async def test_readyz_fails_when_the_database_has_lost_its_tables_and_livez_does_not(
    client: httpx.AsyncClient, database: Database
) -> None:
    await database.write(lambda c: c.execute(text(f"drop table outbox{'' if database.is_sqlite else ' cascade'}")))
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "database"
    assert (await client.get("/livez")).status_code == 200


async def test_readyz_tells_no_address_of_a_database_that_cannot_be_reached() -> None:
    database = Database("postgresql+psycopg://shop:hunter2@127.0.0.1:1/shop")
    async with client_of(database) as client:
        answer = await client.get("/readyz")
    database.close()
    assert (answer.status_code, answer.json()) == (503, {"status": "database", "error": "OperationalError"})


async def test_metrics_are_what_prometheus_reads(client: httpx.AsyncClient) -> None:
    COUNTED.inc()
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = {s.name: s.value for family in text_string_to_metric_families(answer.text) for s in family.samples}
    assert samples["zhanggui_test_of_metrics_total"] == COUNTED._value.get() > 0
