"""What subscribers are told, over real HTTP to a receiver that checks the signature with another's code."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvicorn
from sqlalchemy import Connection, select
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot import csat
from bot.clock import IdMaker, SystemClock
from bot.delivery.inbox import store
from bot.delivery.outbox import Draft, put
from bot.delivery.outgoing import subscribe
from bot.delivery.receipts import stop
from bot.delivery.signal import Signal
from bot.delivery.tasks import alert
from bot.errors import NotFound, SettingsError
from bot.messages import EVENTS, Chat, Inbound, Purpose
from bot.settings import parse_settings
from bot.skills.turn import Rate
from bot.store import tables as t
from bot.store.database import Database
from handoff import hooks, ownership, people
from handoff.hooks import PAUSES, Messenger, Subscriber, key_of
from tests.conftest import StandingClock
from tests.loopback import base_of, listening

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@dataclass
class Receiver:
    """A subscriber's server. Answers with the next of `answers`, then with 204; keeps what its signature proves."""

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tries: int = 0
    checks_age: bool = True

    async def take(self, request: Request) -> Response:
        self.tries += 1
        body = await request.body()
        if self.checks_age:
            Webhook(SECRET).verify(body, dict(request.headers))  # raises, and so answers 500, if anything is wrong
        signed_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        expected = Webhook(SECRET).sign(request.headers["webhook-id"], signed_at, body.decode())
        assert request.headers["webhook-signature"] == expected
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = 204
        if isinstance(answer, str):
            return RedirectResponse(answer)
        if answer < 300:
            self.ids.append(request.headers["webhook-id"])
            self.got.append(await request.json())
        return Response(status_code=answer)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    listener = listening()
    receiver.url = f"{base_of(listener)}/hook"
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield receiver
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def messenger(database: Database, receiver: Receiver, clock: Any = None, patience_s: float = 5) -> Messenger:
    subscriber = Subscriber("crm", receiver.url, key_of(SECRET, "hooks.crm.secret"))
    return Messenger(database, clock or SystemClock(), [subscriber], Signal(), patience_s)


async def deliver(one: Messenger) -> None:
    async with one.client() as http:
        while await one.deliver(one.subscribers[0], http):
            pass


def a_talk(connection: Connection, key: str = "c1") -> None:
    row = {"id": key, "channel": "web:shop", "chat": key, "created_at": NOW, "updated_at": NOW}
    connection.execute(t.conversations.insert().values(row))
    people.add_agent(connection, "li", "li", "Li", "agent", NOW)


def events_of(connection: Connection) -> list[str]:
    return list(connection.execute(select(t.outgoing.c.event).order_by(t.outgoing.c.id)).scalars())


async def waits(database: Database, count: int = 1) -> None:
    """Subscribe, and let so many things happen."""

    def happen(connection: Connection) -> None:
        subscribe(connection, {"crm": EVENTS})
        for number in range(count):
            alert(connection, f"a{number}", f"text {number}", datetime.now(UTC))

    await database.write(happen)


async def test_everything_that_happens_is_told_once_and_in_order(
    database: Database, receiver: Receiver, new_id: IdMaker
) -> None:
    def day(connection: Connection) -> None:
        subscribe(connection, {"crm": EVENTS})
        a_talk(connection)
        said = Inbound("k1", Chat("web:shop", "c1"), "v1", NOW, "it is torn")
        assert store(connection, [said], NOW, new_id) == 1
        assert store(connection, [said], NOW, new_id) == 0
        ownership.to_queue(connection, "c1", "asked_for", 0, NOW)
        ownership.take(connection, "c1", "li", NOW)
        put(connection, Draft("o1", "c1", Purpose.HUMAN, "sorry", author="agent:li"), NOW)
        row = connection.execute(select(t.outbox)).one()
        stop(connection, row, "failed", "blocked", NOW)
        closed = ownership.close(connection, "c1", "li", "done", NOW)
        csat.keep(connection, "c1", Rate(closed.epoch, 2), NOW)

    await database.write(day)
    await deliver(messenger(database, receiver))
    assert [one["type"] for one in receiver.got] == [
        "message.received", "conversation.queued", "conversation.assigned", "task.created", "message.failed",
        "conversation.closed", "csat.rated",
    ]  # fmt: skip
    by_type = {one["type"]: one["data"] for one in receiver.got}
    assert by_type["message.received"]["text"] == "it is torn"
    assert by_type["conversation.assigned"]["agent_id"] == "li"
    assert by_type["message.failed"]["reason"] == "blocked"
    assert by_type["csat.rated"]["score"] == 2
    assert {one["data"].get("channel") for one in receiver.got} == {"web:shop"}
    assert receiver.got[0]["timestamp"] == "2026-11-23T03:00:00Z"
    assert len(set(receiver.ids)) == 7
    await deliver(messenger(database, receiver))
    assert receiver.tries == 7


async def test_nobody_is_told_of_what_was_rolled_back_or_not_wanted(database: Database) -> None:
    def fails(connection: Connection) -> None:
        alert(connection, "a1", "text", NOW)
        raise NotFound

    await database.write(lambda c: subscribe(c, {"crm": ["csat.rated"], "log": ["task.created"]}))
    with pytest.raises(NotFound):
        await database.write(fails)
    assert await database.read(events_of) == []
    await database.write(lambda c: alert(c, "a1", "text", NOW))
    rows = await database.read(lambda c: c.execute(select(t.outgoing.c.subscriber, t.outgoing.c.event)).all())
    assert [tuple(row) for row in rows] == [("log", "task.created")]


async def test_a_refused_event_comes_again_later_each_time_and_is_given_up_after_three_days(
    database: Database, receiver: Receiver
) -> None:
    receiver.answers = [500] * (len(PAUSES) + 1)
    await waits(database)
    start = datetime.now(UTC)
    clock = StandingClock(start)
    one, receiver.checks_age = messenger(database, receiver, clock), False
    for tries, pause in enumerate(PAUSES, start=1):
        await deliver(one)
        assert receiver.tries == tries
        await deliver(one)  # not before its time
        assert receiver.tries == tries
        clock.advance(pause)
    await deliver(one)
    standing = (await database.read(hooks.standings))[0]
    assert (standing.dead, standing.failing_since) == (1, start)
    assert standing.off_since == clock.now() > start + timedelta(days=3)
    assert standing.reason == "it answered 500"
    tasks = await database.read(lambda c: c.execute(select(t.tasks.c.text)).scalars().all())
    assert any("hooks retry crm" in text for text in tasks)
    await waits(database, 3)
    await deliver(one)  # it is switched off
    assert receiver.tries == len(PAUSES) + 1
    assert await database.write(lambda c: hooks.retry(c, "crm", clock.now())) >= 1
    await deliver(one)
    assert receiver.got[0]["data"]["text"] == "text 0"
    assert (await database.read(hooks.standings))[0].off_since is None


async def test_one_event_that_is_never_taken_switches_off_nobody_who_takes_the_others(
    database: Database, receiver: Receiver
) -> None:
    await waits(database)
    clock = StandingClock(datetime.now(UTC))
    one, receiver.checks_age = messenger(database, receiver, clock), False
    for number, pause in enumerate((*PAUSES, timedelta(0)), start=1):
        receiver.answers = [400]
        await deliver(one)
        await database.write(lambda c, n=number: alert(c, f"well{n}", f"well {n}", clock.now()))  # type: ignore[misc]
        await deliver(one)
        clock.advance(pause)
    standing = (await database.read(hooks.standings))[0]
    assert (standing.dead, standing.waiting, standing.off_since) == (1, 0, None)
    said = [one["data"]["text"] for one in receiver.got]
    assert any(text.startswith("[hooks.crm] never took one event (task.created)") for text in said), said


async def test_an_event_that_was_given_up_while_it_was_on_its_way_stays_dead(database: Database) -> None:
    await waits(database)
    row = (await database.read(lambda c: hooks.due(c, "crm", datetime.now(UTC) + PAUSES[0])))[0]
    await database.write(lambda c: subscribe(c, {}))
    await database.write(lambda c: hooks.refused(c, row, "it answered 500", False, NOW))
    assert [one.reason for one in await database.read(lambda c: hooks.list_events(c, "dead"))] == [
        "not in shop.toml any more"
    ]


async def test_who_says_gone_is_not_called_again(database: Database, receiver: Receiver) -> None:
    receiver.answers = [410]
    await waits(database, 2)
    await deliver(messenger(database, receiver))
    await deliver(messenger(database, receiver))
    assert receiver.tries == 1
    assert [one.reason for one in await database.read(lambda c: hooks.list_events(c, "dead"))] == ["it answered 410"]
    with pytest.raises(NotFound):
        await database.write(lambda c: hooks.retry(c, "nobody", NOW))


async def test_a_redirect_is_not_followed(database: Database, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.answers = [elsewhere.url]
        await waits(database)
        await deliver(messenger(database, receiver))
        assert (receiver.tries, elsewhere.tries) == (1, 0)
        assert (await database.read(hooks.standings))[0].reason == "it answered 307"


async def test_a_slow_subscriber_is_given_up_for_now_and_keeps_no_other_waiting(
    database: Database, receiver: Receiver
) -> None:
    async with receiving() as quick:
        receiver.answers = [30.0]
        key = key_of(SECRET, "x")
        both = [Subscriber("slow", receiver.url, key), Subscriber("quick", quick.url, key)]

        def happen(connection: Connection) -> None:
            subscribe(connection, {"slow": EVENTS, "quick": EVENTS})
            alert(connection, "a1", "text", datetime.now(UTC))

        await database.write(happen)
        wake = Signal()
        running = asyncio.create_task(Messenger(database, SystemClock(), both, wake, patience_s=1.0).run())
        async with asyncio.timeout(20):
            while not quick.got or not (await database.read(hooks.standings))[1].reason:
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        standings = {one.name: one for one in await database.read(hooks.standings)}
        assert standings["slow"].reason == "no answer in 1 s"
        assert (standings["slow"].waiting, standings["quick"].waiting) == (1, 0)


async def test_what_a_dead_worker_had_delivered_comes_again_under_the_same_id(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waits(database)

    def dies(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as dying:
        dying.setattr(hooks, "taken", dies)
        with pytest.raises(RuntimeError):
            await deliver(messenger(database, receiver))
    await deliver(messenger(database, receiver))
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


async def test_what_waits_for_a_subscriber_who_is_gone_is_dead(database: Database) -> None:
    await waits(database)
    await database.write(lambda c: subscribe(c, {}))
    assert [one.reason for one in await database.read(lambda c: hooks.list_events(c, "dead"))] == [
        "not in shop.toml any more"
    ]
    await database.write(lambda c: alert(c, "later", "text", NOW))
    assert len(await database.read(events_of)) == 1


@pytest.mark.parametrize("url", ["http://crm.example/hook", "ftp://127.0.0.1/", "https://", "crm.example"])
def test_only_https_or_this_machine_is_called(url: str) -> None:
    shop = {"name": {"zh": "店", "en": "Shop"}}
    with pytest.raises(SettingsError, match="https"):
        parse_settings({"shop": shop, "hooks": {"crm": {"url": url, "secret": {"env": "X"}}}}, "shop.toml")


@pytest.mark.parametrize("secret", ["", "plain", "whsec_???", "whsec_c2hvcnQ="])
def test_a_weak_or_misspelt_secret_is_refused_with_a_way_to_make_one(secret: str) -> None:
    with pytest.raises(SettingsError, match="openssl rand"):
        key_of(secret, "hooks.crm.secret")
