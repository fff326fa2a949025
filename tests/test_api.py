"""The console for programs, over HTTP: who may, what it does, and what it says when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy import Connection, select

from bot import audit
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.same_origin import SameOrigin
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database
from handoff import agent_keys, ownership, people, staffing
from handoff.api import PREFIX, api_routes
from handoff.api_desk import desk_routes
from handoff.api_team import team_routes
from handoff.console.session import COOKIE, Safety, Wiring
from handoff.lookout import Lookout
from handoff.pages import page_of_talks
from tests.conftest import StandingClock
from tests.starter_advice import starter_advice


def fill(connection: Connection, clock: StandingClock) -> None:
    """Four people of the staff with a key each, and a customer who waits."""
    now = clock.now()
    for login, role in (("li", "agent"), ("wang", "agent"), ("zhao", "lead"), ("xu", "editor")):
        agent = people.add_agent(connection, login, login, login.title(), role, now)
        agent_keys.keep_key(connection, "command", agent, f"key-{login}", f"zgk_{login}", "a test", now)
    people.start_session(connection, "li", "cookie-li", now)
    connection.execute(t.persons.insert().values(id="p1", name="林晓", language="zh", created_at=now))
    account = {"id": "i1", "person_id": "p1", "channel": "web:shop", "user": "v1", "created_at": now}
    connection.execute(t.identities.insert().values(account))
    talk(connection, "c1", clock, identity_id="i1", chat="v1")
    said = {"key": "m1", "conversation_id": "c1", "seq": 1, "text": "衣服破了", "sent_at": now, "received_at": now}
    connection.execute(t.inbox.insert().values(said | {"identity_id": "i1"}))
    ownership.to_queue(connection, "c1", "asked_for", 0, now)


def talk(connection: Connection, key: str, clock: StandingClock, **more: Any) -> None:
    row = {"id": key, "channel": "web:shop", "chat": key, "created_at": clock.now(), "updated_at": clock.now()}
    connection.execute(t.conversations.insert().values(row | more))


def wiring_of(database: Database, clock: StandingClock, new_id: IdMaker, see: str = "all") -> Wiring:
    changes = Signal()
    lookout = Lookout(database, changes, clock)
    told = starter_advice(), lookout, Safety(see=see)
    return Wiring(database, SqlShop, clock, new_id, Signal(), changes, list, frozenset(), *told)


def an_app(wiring: Wiring) -> FastAPI:
    app = FastAPI()
    for routes in (api_routes, desk_routes, team_routes):
        app.include_router(routes(wiring))
    return app


@pytest.fixture
async def http(database: Database, clock: StandingClock, new_id: IdMaker) -> AsyncIterator[httpx.AsyncClient]:
    await database.write(lambda c: fill(c, clock))
    app = an_app(wiring_of(database, clock, new_id))
    app.add_middleware(SameOrigin)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://shop.example{PREFIX}") as client:
        yield client


def key_of(login: str) -> dict[str, str]:
    return {"Authorization": f"Bearer zgk_{login}"}


async def test_an_agent_works_from_waiting_to_closed(http: httpx.AsyncClient, database: Database) -> None:
    li = key_of("li")
    waiting = (await http.get("/conversations", params={"tab": "waiting"}, headers=li)).json()
    assert [talk["id"] for talk in waiting["conversations"]] == ["c1"]
    taken = await http.post("/conversations/c1/take", headers=li)
    assert (taken.status_code, taken.json()["owner"], taken.json()["agent_id"]) == (200, "agent", "li")
    said = await http.post("/conversations/c1/replies", json={"text": "抱歉，马上换"}, headers=li)
    assert (said.status_code, said.json()["status"]) == (201, "waiting")
    assert (await http.post("/conversations/c1/notes", json={"text": "second time"}, headers=li)).status_code == 204
    shown = (await http.get("/conversations/c1", headers=li)).json()
    assert [(line["side"], line["text"]) for line in shown["lines"] if line["side"] in ("customer", "agent", "note")] == [
        ("customer", "衣服破了"), ("agent", "抱歉，马上换"), ("note", "second time"),
    ]  # fmt: skip
    assert said.json()["key"] in [line["key"] for line in shown["lines"]]
    passed = await http.post("/conversations/c1/transfer", json={"to": "wang", "reason": "shift"}, headers=li)
    assert passed.json()["agent_id"] == "wang"
    closed = await http.post("/conversations/c1/close", json={"reason": "exchanged"}, headers=key_of("wang"))
    assert closed.json()["owner"] == "closed"
    assert (await http.post("/conversations/c1/take", headers=li)).status_code == 200
    assert (await http.post("/conversations/c1/give-back", json={}, headers=li)).json()["owner"] == "bot"


async def test_the_same_idempotency_key_says_it_once(http: httpx.AsyncClient, database: Database) -> None:
    await http.post("/conversations/c1/take", headers=key_of("li"))
    headers = key_of("li") | {"Idempotency-Key": "a1"}
    first, again = [
        await http.post("/conversations/c1/replies", json={"text": "hello"}, headers=headers) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(await database.read(lambda c: c.execute(select(t.outbox.c.id)).all())) == 1
    # The answer to a repeat does not depend on whose the conversation is by now.
    await http.post("/conversations/c1/close", json={}, headers=key_of("li"))
    assert (await http.post("/conversations/c1/replies", json={"text": "hello"}, headers=headers)).status_code == 200
    other = await http.post("/conversations/c1/replies", json={"text": "other words"}, headers=headers)
    assert other.status_code == 409
    assert "Take a new key" in other.json()["detail"]


async def test_two_repeats_at_once_say_it_once(http: httpx.AsyncClient, database: Database) -> None:
    await http.post("/conversations/c1/take", headers=key_of("li"))
    headers = key_of("li") | {"Idempotency-Key": "a1"}
    calls = (http.post("/conversations/c1/replies", json={"text": "hello"}, headers=headers) for _ in range(4))
    assert {answer.status_code for answer in await asyncio.gather(*calls)} <= {200, 201}
    assert len(await database.read(lambda c: c.execute(select(t.outbox.c.id)).all())) == 1


async def test_a_refusal_is_a_problem_that_says_what_to_do(http: httpx.AsyncClient) -> None:
    refused = await http.post("/conversations/c1/replies", json={"text": "hello"}, headers=key_of("li"))
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert refused.json()["type"] == "urn:zhanggui:problem:conflict"
    assert "Take it again" in refused.json()["detail"]
    missing = await http.get("/conversations/nowhere", headers=key_of("li"))
    assert missing.status_code == missing.json()["status"] == 404
    wrong = await http.post("/conversations/c1/notes", json={"txt": "x"}, headers=key_of("li"))
    assert wrong.status_code == 422
    assert any("body.txt" in one for one in wrong.json()["errors"])
    assert (await http.get("/conversations", params={"cursor": "x"}, headers=key_of("li"))).status_code == 422


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer zgk_nobody"}, {"Authorization": "Basic bGk6bGk="}])
async def test_without_a_good_key_nothing_is_told(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for path in ("/me", "/agents", "/people?q=x", "/conversations", "/conversations/c1"):
        answer = await http.get(path, headers=headers)
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer"), answer.text
        assert "zhanggui agents token" in answer.json()["detail"]


async def test_an_editor_sees_no_customers(http: httpx.AsyncClient) -> None:
    for path in ("/conversations", "/conversations/c1", "/people?q=x"):
        assert (await http.get(path, headers=key_of("xu"))).status_code == 403
    assert (await http.post("/conversations/c1/take", headers=key_of("xu"))).status_code == 403


async def test_a_revoked_key_and_a_disabled_agent_are_out_at_once(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    await http.post("/conversations/c1/take", headers=key_of("li"))
    used = {key.id: key.seen_at for key in await database.read(agent_keys.list_keys)}
    assert used["key-li"] == clock.now() and used["key-wang"] is None
    await database.write(lambda c: agent_keys.revoke_key(c, "command", "key-li", clock.now()))
    assert (await http.get("/me", headers=key_of("li"))).status_code == 401
    await database.write(lambda c: people.disable_agent(c, "wang", clock.now()))
    assert (await http.get("/me", headers=key_of("wang"))).status_code == 401
    await database.write(lambda c: staffing.enable(c, "command", "wang", clock.now()))
    assert (await http.get("/me", headers=key_of("wang"))).status_code == 401, "the key ended for good"
    assert [key.login for key in await database.read(agent_keys.list_keys)] == ["xu", "zhao"]


async def test_making_and_ending_a_key_is_written_down_without_the_key(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    await database.write(lambda c: agent_keys.revoke_key(c, "agent:zhao", "key-li", clock.now()))
    ended, *made = await database.read(lambda c: audit.entries(c, what=audit.What.KEY))
    assert (ended.who, ended.subject, ended.before, ended.after) == ("agent:zhao", "agent:li", {"key": "key-li"}, None)
    assert {(one.who, one.subject) for one in made} == {("command", f"agent:{x}") for x in ("li", "wang", "zhao", "xu")}
    assert "zgk_" not in repr([ended, *made])


async def test_a_session_writes_only_from_the_consoles_own_pages(http: httpx.AsyncClient) -> None:
    cookie = {"Cookie": f"{COOKIE}=cookie-li"}
    assert (await http.get("/me", headers=cookie)).json()["login"] == "li"
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://shop.example"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in foreign:
        refused = await http.post("/conversations/c1/take", headers=cookie | headers)
        assert (refused.status_code, refused.json()["error"]) == (403, "origin")
    own = await http.post("/conversations/c1/take", headers=cookie | {"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 200
    assert (
        await http.post("/conversations/c1/close", json={}, headers=cookie | {"Origin": "http://shop.example"})
    ).is_success


async def test_an_agent_says_away_and_puts_a_quiet_conversation_off(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    li = key_of("li")
    assert (await http.put("/me/status", json={"status": "away"}, headers=li)).status_code == 204
    status = select(t.agents.c.status).where(t.agents.c.id == "li")
    assert await database.read(lambda c: c.execute(status).scalar()) == "away"
    assert (await http.put("/me/status", json={"status": "asleep"}, headers=li)).status_code == 422
    await http.post("/conversations/c1/take", headers=li)
    await http.post("/conversations/c1/replies", json={"text": "tomorrow"}, headers=li)
    until = {"until": (clock.now() + timedelta(hours=2)).isoformat()}
    assert (await http.post("/conversations/c1/snooze", json=until, headers=li)).status_code == 200
    snoozed = select(t.conversations.c.snoozed_until).where(t.conversations.c.id == "c1")
    assert await database.read(lambda c: c.execute(snoozed).scalar()) == clock.now() + timedelta(hours=2)
    past = {"until": (clock.now() - timedelta(hours=2)).isoformat()}
    assert (await http.post("/conversations/c1/snooze", json=past, headers=li)).status_code == 409
    owes = t.conversations.update().where(t.conversations.c.id == "c1").values(answer_by=clock.now())
    await database.write(lambda c: c.execute(owes))
    refused = await http.post("/conversations/c1/snooze", json=until, headers=li)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:zhanggui:problem:still_waits")


async def test_only_a_lead_takes_from_a_colleague(http: httpx.AsyncClient) -> None:
    await http.post("/conversations/c1/take", headers=key_of("li"))
    assert (await http.post("/conversations/c1/take", headers=key_of("wang"))).status_code == 409
    assert (await http.post("/conversations/c1/take", headers=key_of("zhao"))).json()["agent_id"] == "zhao"
    assert (await http.post("/conversations/c1/transfer", json={"to": "xu"}, headers=key_of("zhao"))).status_code == 404


async def test_people_are_found_by_name_and_by_id(http: httpx.AsyncClient) -> None:
    for words in ("晓", "v1"):
        found = (await http.get("/people", params={"q": words}, headers=key_of("li"))).json()
        assert [(one["name"], one["conversations"]) for one in found] == [("林晓", {"web:shop": "c1"})]
    assert (await http.get("/people", params={"q": "%"}, headers=key_of("li"))).json() == []


async def test_nobody_is_found_by_what_is_hidden_of_a_name(http: httpx.AsyncClient, database: Database) -> None:
    named = t.persons.update().values(name="林晓 13812345678")
    await database.write(lambda c: c.execute(named).rowcount)
    shown = {}
    for words in ("1381", "234567", "林晓", "13812345678"):
        found = (await http.get("/people", params={"q": words}, headers=key_of("li"))).json()
        shown[words] = [one["name"] for one in found]
    masked = ["林晓 *******5678"]
    assert shown == {"1381": [], "234567": [], "林晓": masked, "13812345678": masked}


async def test_the_same_idempotency_key_keeps_a_note_once(http: httpx.AsyncClient, database: Database) -> None:
    for word in ("a1", "a1", "a2"):
        headers = key_of("li") | {"Idempotency-Key": word}
        assert (
            await http.post("/conversations/c1/notes", json={"text": "call her"}, headers=headers)
        ).status_code == 204
    kept = select(t.notes.c.id).where(t.notes.c.kind == "note")
    assert len(await database.read(lambda c: c.execute(kept).all())) == 2


async def test_a_key_that_was_used_swallows_no_other_note(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    await database.write(lambda c: talk(c, "c2", clock))

    async def note(login: str, ident: str, text: str) -> int:
        headers = key_of(login) | {"Idempotency-Key": "a1"}
        answer = await http.post(f"/conversations/{ident}/notes", json={"text": text}, headers=headers)
        return answer.status_code

    assert [await note("li", "c1", text) for text in ("call her", " call her", "call him")] == [204, 204, 409]
    assert await note("li", "c2", "call her") == 409, "it is in another conversation"
    assert await note("wang", "c1", "call her") == 204, "what others call theirs is nothing to Wang"
    kept = select(t.notes.c.conversation_id, t.notes.c.author, t.notes.c.text).where(t.notes.c.kind == "note")
    found = [tuple(row) for row in await database.read(lambda c: c.execute(kept.order_by(t.notes.c.id)).all())]
    assert found == [("c1", "agent:li", "call her"), ("c1", "agent:wang", "call her")]


async def test_a_repeat_after_an_agent_has_sent_it_again_says_nothing_more(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    await database.write(lambda c: talk(c, "c2", clock))
    for ident in ("c1", "c2"):
        await http.post(f"/conversations/{ident}/take", headers=key_of("li"))

    async def reply(word: str, ident: str = "c1") -> httpx.Response:
        headers = key_of("li") | {"Idempotency-Key": word}
        return await http.post(f"/conversations/{ident}/replies", json={"text": "hello"}, headers=headers)

    said = (await reply("a_1")).json()
    place = f"/messages/{said['key'].removeprefix('out:')}/retry"
    for _ in range(2):
        await database.write(lambda c: c.execute(t.outbox.update().values(status="failed")))
        assert (await http.post(place, headers=key_of("li"))).status_code == 200
        again = await reply("a_1")
        assert (again.status_code, again.json()) == (200, said)
        assert (await reply("a_1", "c2")).status_code == 409, "it was said in another conversation"
    assert (await reply("a_")).status_code == (await reply("ab1")).status_code == 201, "other keys are other replies"
    assert (await reply("a_1~1")).status_code == 422, "that is how the key of the second try looks"


async def test_a_task_is_listed_and_done_once_however_often_it_is_said(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    def make(connection: Connection) -> None:
        row = {
            "key": "k",
            "kind": "callback",
            "conversation_id": "c1",
            "text": "13812345678",
            "created_at": clock.now(),
        }
        connection.execute(t.tasks.insert().values(row))

    await database.write(make)
    (task,) = (await http.get("/tasks", headers=key_of("li"))).json()
    assert (task["kind"], task["customer"], task["text"]) == ("callback", "林晓", "*******5678")
    assert (await http.get("/tasks", params={"mine": True}, headers=key_of("li"))).json() == []
    for who in ("li", "wang"):
        assert (await http.put(f"/tasks/{task['id']}/done", headers=key_of(who))).status_code == 204
    marks = select(t.notes.c.author).where(t.notes.c.kind == "task_done")
    assert await database.read(lambda c: c.execute(marks).scalars().all()) == ["agent:li"]
    assert (await http.get("/tasks", headers=key_of("li"))).json() == []
    assert (await http.put("/tasks/999/done", headers=key_of("li"))).status_code == 404


async def test_what_did_not_arrive_is_sent_again_by_who_has_the_conversation_and_once(
    http: httpx.AsyncClient, database: Database
) -> None:
    li = key_of("li")
    await http.post("/conversations/c1/take", headers=li)
    said = (await http.post("/conversations/c1/replies", json={"text": "hello"}, headers=li)).json()
    place = f"/messages/{said['key'].removeprefix('out:')}/retry"
    await database.write(lambda c: c.execute(t.outbox.update().values(status="failed")))
    assert (await http.post(place, headers=key_of("wang"))).status_code == 409
    again = [(await http.post(place, headers=li)).json() for _ in range(2)]
    assert again[0] == again[1] == said
    keys = await database.read(lambda c: c.execute(select(t.outbox.c.key)).scalars().all())
    assert [key.rpartition("~")[2] for key in keys] == ["1"]
    await database.write(lambda c: c.execute(t.outbox.update().values(status="failed", purpose="reply")))
    assert "Only what an agent has said" in (await http.post(place, headers=li)).json()["detail"]
    assert (await http.post("/messages/999/retry", headers=li)).status_code == 404


async def test_words_are_found_masked_and_shown_for_a_reason_that_is_written_down(
    http: httpx.AsyncClient, database: Database
) -> None:
    words = {"text": "衣服破了 13812345678"}
    inbound = await database.write(
        lambda c: c.execute(t.inbox.update().values(words).returning(t.inbox.c.id)).scalar_one()
    )
    (hit,) = (await http.get("/search", params={"q": "破了"}, headers=key_of("li"))).json()
    assert (hit["conversation_id"], hit["words"]) == ("c1", "衣服破了 *******5678")
    asked = {"subject": f"inbound:{inbound}", "field": "text"}
    for reason, status in (("x", 422), ("   ", 403)):
        refused = await http.post("/reveal", json=asked | {"reason": reason}, headers=key_of("li"))
        assert refused.status_code == status
        assert "138123" not in refused.text
    shown = await http.post("/reveal", json=asked | {"reason": "calls back"}, headers=key_of("li"))
    assert shown.json() == {"value": words["text"]}
    assert shown.headers["cache-control"] == "no-store"
    seen = await database.read(lambda c: audit.entries(c, what=audit.What.REVEAL))
    assert [(one.who, one.subject, one.why) for one in seen] == [("agent:li", f"inbound:{inbound}/text", "calls back")]
    nothing = {"subject": "inbound:999", "field": "text", "reason": "calls back"}
    assert (await http.post("/reveal", json=nothing, headers=key_of("li"))).status_code == 404


async def test_leads_have_the_board_and_reports_which_are_written_down(
    http: httpx.AsyncClient, database: Database, clock: StandingClock
) -> None:
    zhao, today = key_of("zhao"), clock.now().date().isoformat()
    board = (await http.get("/board", headers=zhao)).json()
    assert (board["waiting"], board["queue"][0]["talk"]["id"]) == (1, "c1")
    assert [seat["id"] for seat in board["seats"]] == ["li", "wang", "zhao"]
    report = (await http.get("/report", params={"day": today, "days": 2}, headers=zhao)).json()
    assert (report["last"], report["total"]["contacts"]) == (today, 1)
    for place in ("/board", "/report"):
        for who in ("li", "xu"):
            assert (await http.get(place, headers=key_of(who))).status_code == 403, (place, who)
    exports = await database.read(lambda c: audit.entries(c, what=audit.What.EXPORT))
    assert [(one.who, one.subject) for one in exports] == [("agent:zhao", f"report:{report['first']}:{today}")]


@pytest.mark.parametrize("tab", ["waiting", "all", "mine"])
async def test_pages_neither_repeat_nor_skip_while_the_list_grows(
    database: Database, clock: StandingClock, tab: Any
) -> None:
    def some(connection: Connection, first: int) -> None:
        for n in range(first, first + 7):
            clock.advance(timedelta(seconds=n % 2))  # some at the same moment
            talk(connection, f"t{n}", clock)
            if tab == "waiting":
                ownership.to_queue(connection, f"t{n}", "asked_for", n % 3, clock.now())
            if tab == "mine":
                ownership.take(connection, f"t{n}", "li", clock.now())

    def everything(connection: Connection) -> list[str]:
        return [one.id for one in page_of_talks(connection, tab, li, "", 100)[0]]

    def a_page(connection: Connection) -> tuple[list[str], str]:
        talks, following = page_of_talks(connection, tab, li, cursor, 2)
        return [one.id for one in talks], following

    added = await database.write(lambda c: people.add_agent(c, "li", "li", "Li", "agent", clock.now()))
    li = replace(added, see="all")
    await database.write(lambda c: some(c, 0))
    before, cursor, seen = await database.read(everything), "", []
    while True:
        ids, cursor = await database.read(a_page)
        seen += ids
        if not cursor:
            break
        if len(seen) == 2:
            await database.write(lambda c: some(c, 7))
    assert len(before) == 7
    assert [talk_id for talk_id in seen if talk_id in before] == before
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_whatever_fits_or_breaks_the_schema_is_answered_as_the_schema_says(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await database.write(lambda c: fill(c, clock))
    app = an_app(wiring_of(database, clock, new_id))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)

    def hammer() -> int:
        tried = 0
        for operation in schema.get_all_operations():
            strategy = operation.ok().as_strategy()  # type: ignore[union-attr]

            @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=strategy)
            def one(case: Any) -> None:
                nonlocal tried
                tried += 1
                # A cursor is what a page gave: that another word is refused, no schema can say.
                case.call_and_validate(headers=key_of("zhao"), excluded_checks=[positive_data_acceptance])

            one()
        return tried

    assert await asyncio.to_thread(hammer) > 50


def comes_by_telegram(connection: Connection, clock: StandingClock) -> None:
    """Have the customer of c1, whose account there is called ghost, write to the bot from another account."""
    now = clock.now()
    connection.execute(t.identities.update().values(name="ghost"))
    account = {"id": "i9", "person_id": "p1", "channel": "telegram:bot", "user": "v9", "created_at": now}
    connection.execute(t.identities.insert().values(account))
    talk(connection, "c9", clock, identity_id="i9", chat="v9", channel="telegram:bot")


async def test_what_a_colleague_has_is_not_there_where_agents_see_their_own(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await database.write(lambda c: fill(c, clock))
    app = an_app(wiring_of(database, clock, new_id, see="own"))
    base = f"http://shop.example{PREFIX}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as http:
        assert (await http.post("/conversations/c1/take", headers=key_of("wang"))).status_code == 200
        li, same = key_of("li"), []
        for ident in ("c1", "nowhere"):
            place = f"/conversations/{ident}"
            answers = [
                await http.get(place, headers=li),
                await http.post(f"{place}/take", headers=li),
                await http.post(f"{place}/replies", json={"text": "x"}, headers=li),
                await http.post(f"{place}/notes", json={"text": "x"}, headers=li),
                await http.post(f"{place}/transfer", json={"to": "wang"}, headers=li),
                await http.post(f"{place}/give-back", json={}, headers=li),
                await http.post(f"{place}/close", json={}, headers=li),
            ]
            same.append([(answer.status_code, answer.text) for answer in answers])
        assert same[0] == same[1]
        reply = await http.post("/conversations/c1/replies", json={"text": "hi"}, headers=key_of("wang"))
        for number in (reply.json()["key"].removeprefix("out:"), "999"):
            assert (await http.post(f"/messages/{number}/retry", headers=li)).status_code == 404
        assert (await http.get("/search?q=v1", headers=li)).json() == []
        assert {status for status, _ in same[0]} == {404}
        assert (await http.get("/conversations?tab=all", headers=li)).json()["conversations"] == []
        assert (await http.get("/people?q=v1", headers=li)).json() == []
        await database.write(lambda c: comes_by_telegram(c, clock))
        found = {words: (await http.get(f"/people?q={words}", headers=li)).json() for words in ("v1", "v9", "ghost")}
        assert [len(people) for people in found.values()] == [0, 1, 0], "not by the account that is a colleague's"
        assert found["v9"][0]["conversations"] == {"telegram:bot": "c9"}
        assert (await http.get("/conversations/c1", headers=key_of("zhao"))).status_code == 200
