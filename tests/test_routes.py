"""Every route of the real app and who may use it: a row each, tried by everybody. A route without a row fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from bot.app import CALLED_FROM_ELSEWHERE
from bot.same_origin import SAFE
from bot.store import tables as t
from handoff import people
from handoff.roles import ROLES
from scripts.reference import served_by, shop_with_everything

NOW = datetime.now(UTC)
EVERYBODY = frozenset(ROLES)
ANSWERING = frozenset({"agent", "lead", "admin"})
ADMINS = frozenset({"admin"})


@dataclass(frozen=True)
class Row:
    """Who may use a route.

    `door`: `open` to anyone; `session`: to `roles`; `key`: with the API key; `other`: with a signature, token or
    cookie that is tried in the tests of that part; here nobody has one, and no role helps.
    """

    door: str
    roles: frozenset[str] = frozenset()
    form: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: Mapping[str, str] | None = None


KEY, OTHER, OPEN = Row("key"), Row("other"), Row("open")
ACCOUNT = Row("session", EVERYBODY)
ANSWERS = Row("session", ANSWERING)
LEADS = Row("session", frozenset({"lead", "admin"}), {"act": "x", "what": "x", "value": "x"})
ROUTES: dict[tuple[str, str], Row] = {
    ("GET", "/api/openapi.json"): OPEN,
    ("POST", "/api/shop/bulk"): KEY,
    ("GET", "/api/shop/cases"): KEY,
    ("GET", "/api/shop/cases/{number}"): KEY,
    ("PUT", "/api/shop/cases/{number}"): KEY,
    ("PUT", "/api/shop/customers/{customer_id}"): KEY,
    ("GET", "/api/shop/customers/{customer_id}/cart"): KEY,
    ("PUT", "/api/shop/customers/{customer_id}/cart"): KEY,
    ("POST", "/api/shop/claims"): OTHER,
    ("OPTIONS", "/api/shop/claims"): OPEN,
    ("GET", "/api/shop/customers/{customer_id}/coupons"): KEY,
    ("PUT", "/api/shop/customers/{customer_id}/coupons/{code}"): KEY,
    ("POST", "/api/shop/events"): KEY,
    ("POST", "/api/shop/hooks"): OTHER,
    ("GET", "/api/shop/orders/{number}"): KEY,
    ("PUT", "/api/shop/orders/{number}"): KEY,
    ("GET", "/api/shop/orders/{number}/invoice"): KEY,
    ("PUT", "/api/shop/orders/{number}/invoice"): KEY,
    ("GET", "/api/shop/products"): OPEN,
    ("PUT", "/api/shop/products/{product_id}"): KEY,
    ("PUT", "/api/shop/sales/{sale_id}"): KEY,
    ("GET", "/api/shop/sales/{sale_id}/claims"): KEY,
    ("POST", "/api/shop/sales/{sale_id}/links"): KEY,
    ("POST", "/api/shop/votes"): OTHER,
    ("OPTIONS", "/api/shop/votes"): OPEN,
    ("POST", "/api/shop/votes/{vote_id}/links"): KEY,
    ("GET", "/vote/{token}"): OTHER,
    ("POST", "/vote/{token}"): OTHER,
    ("GET", "/console/"): Row("session", ANSWERING),  # and what is inside: tests/test_live_door.py
    ("GET", "/console/account"): ACCOUNT,
    ("POST", "/console/account/password"): Row("session", EVERYBODY, {"new": "short"}),
    ("POST", "/console/account/second-factor"): Row("session", EVERYBODY, {"act": "begin"}),
    ("POST", "/console/account/sessions"): Row("session", EVERYBODY, {"key": "none"}),
    ("GET", "/console/agents"): Row("session", ADMINS),
    ("POST", "/console/agents"): Row("session", ADMINS, {"login": "new", "role": "agent"}),
    ("POST", "/console/agents/{agent_id}"): Row("session", ADMINS, {"act": "sessions"}),
    ("GET", "/console/api/agents"): ANSWERS,
    ("GET", "/console/api/conversations"): ANSWERS,
    ("GET", "/console/api/conversations/{ident}"): ANSWERS,
    ("POST", "/console/api/conversations/{ident}/close"): Row("session", ANSWERING, body={}),
    ("POST", "/console/api/conversations/{ident}/give-back"): Row("session", ANSWERING, body={}),
    ("POST", "/console/api/conversations/{ident}/notes"): Row("session", ANSWERING, body={"text": "x"}),
    ("POST", "/console/api/conversations/{ident}/replies"): Row("session", ANSWERING, body={"text": "x"}),
    ("POST", "/console/api/conversations/{ident}/snooze"): Row(
        "session", ANSWERING, body={"until": "2099-01-01T00:00:00Z"}
    ),
    ("POST", "/console/api/conversations/{ident}/take"): ANSWERS,
    ("POST", "/console/api/conversations/{ident}/transfer"): Row("session", ANSWERING, body={"to": "other"}),
    ("GET", "/console/api/me"): ANSWERS,
    ("PUT", "/console/api/me/status"): Row("session", ANSWERING, body={"status": "on"}),
    ("GET", "/console/api/people"): Row("session", ANSWERING, query="q=x"),
    ("GET", "/console/api/tasks"): ANSWERS,
    ("PUT", "/console/api/tasks/{task_id}/done"): ANSWERS,
    ("GET", "/console/api/search"): Row("session", ANSWERING, query="q=xx"),
    ("POST", "/console/api/messages/{number}/retry"): ANSWERS,
    ("POST", "/console/api/reveal"): Row(
        "session", ANSWERING, body={"subject": "inbound:1", "field": "text", "reason": "a test"}
    ),
    ("GET", "/console/api/board"): Row("session", frozenset({"lead", "admin"})),
    ("GET", "/console/api/report"): Row("session", frozenset({"lead", "admin"})),
    ("GET", "/console/audit"): Row("session", ADMINS),
    ("GET", "/console/board"): LEADS,
    ("POST", "/console/board/agents/{agent_id}"): LEADS,
    ("GET", "/console/board/board.js"): OPEN,
    ("GET", "/console/board/live"): LEADS,
    ("POST", "/console/board/talks/{talk_id}"): LEADS,
    ("GET", "/console/campaigns"): LEADS,
    ("GET", "/console/campaigns/live"): LEADS,
    ("GET", "/console/campaigns/plan"): LEADS,
    ("POST", "/console/campaigns/plan"): LEADS,
    ("GET", "/console/campaigns/sales/{sale_id}"): LEADS,
    ("POST", "/console/campaigns/sales/{sale_id}"): LEADS,
    ("GET", "/console/campaigns/sales/{sale_id}/live"): LEADS,
    ("GET", "/console/campaigns/sales/{sale_id}/told"): LEADS,
    ("GET", "/console/report"): LEADS,
    ("GET", "/console/report.csv"): LEADS,
    ("GET", "/console/login"): OPEN,
    ("POST", "/console/login"): Row("other", form={"login": "admin", "password": "a guess"}),
    ("GET", "/console/login/code"): OTHER,
    ("POST", "/console/login/code"): Row("other", form={"code": "123456"}),
    ("GET", "/console/login/sso"): OPEN,
    ("GET", "/console/login/sso/back"): Row("other", query="code=x&state=y"),
    ("POST", "/console/logout"): OPEN,
    ("GET", "/console/media/{media_id}"): Row("session", ANSWERING),
    ("GET", "/console/plain.css"): OPEN,
    ("GET", "/kf/{name}/callback"): OTHER,
    ("POST", "/kf/{name}/callback"): OTHER,
    ("GET", "/livez"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/miniprogram/{name}/callback"): OTHER,
    ("POST", "/miniprogram/{name}/callback"): OTHER,
    ("GET", "/readyz"): OPEN,
    ("POST", "/telegram/{name}/webhook"): OTHER,
    ("GET", "/webchat/{name}/element.css"): OPEN,
    ("GET", "/webchat/{name}/element.js"): OPEN,
    ("GET", "/webchat/{name}/sales.js"): OPEN,
    ("GET", "/webchat/{name}/events"): OTHER,
    ("GET", "/webchat/{name}/icon.svg"): OPEN,
    ("POST", "/webchat/{name}/images"): OTHER,
    ("POST", "/webchat/{name}/messages"): OTHER,
    ("GET", "/webchat/{name}/page"): OPEN,
    ("GET", "/webchat/{name}/page.css"): OPEN,
    ("GET", "/webchat/{name}/pictures/{id}"): OTHER,
    ("POST", "/webchat/{name}/session"): OPEN,
    ("POST", "/webchat/{name}/typing"): OTHER,
    ("GET", "/wechat/{name}/callback"): OTHER,
    ("POST", "/wechat/{name}/callback"): OTHER,
}
IDS = {"name": "NAME", "ident": "c1", "talk_id": "c1", "media_id": "m1", "agent_id": "other", "task_id": "1"}
STARTED_LATER = {("POST", "/webchat/{name}/session"), ("GET", "/console/login/sso")}
"""Open, but they answer only where connectors run, or where the provider of the test does; see their own tests."""


def a_file(c: Connection) -> None:
    talk = {"id": "c1", "channel": "web:NAME", "chat": "c1", "created_at": NOW, "updated_at": NOW}
    c.execute(t.conversations.insert().values(talk))
    kept = {"id": "m1", "conversation_id": "c1", "channel": "web:NAME", "kind": "file", "body": b"x", "status": "kept"}
    c.execute(t.media.insert().values(**kept, not_before=NOW, created_at=NOW))
    for role in ROLES:
        people.add_agent(c, role, role, role.title(), role, NOW)
    people.add_agent(c, "other", "other", "Other", "agent", NOW)


@dataclass
class Shop:
    """The app, and one request to it as somebody."""

    web: Any
    database: Any

    async def ask(self, who: str, route: tuple[str, str], row: Row, **headers: str) -> httpx.Response:
        """Send a request: `who` is a role with a fresh session, or `nobody`."""
        method, path = route
        for name in ("number", "customer_id", "code", "product_id", "sale_id", "id", *IDS):
            path = path.replace(f"{{{name}}}", IDS.get(name, "1"))
        cookies = {}
        if who != "nobody":
            cookies["zhanggui_agent"] = people.new_token()
            await self.database.write(
                lambda c: people.start_session(c, who, cookies["zhanggui_agent"], datetime.now(UTC))
            )
        transport = httpx.ASGITransport(self.web)
        sent = {"sec-fetch-site": "same-origin", **headers}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", cookies=cookies) as client:
            return await client.request(
                method, f"{path}?{row.query}", data=dict(row.form) or None, json=row.body, headers=sent
            )


@pytest.fixture
def shop(tmp_path: Path, migrated_file: Path) -> Any:
    made = shop_with_everything(tmp_path, f"sqlite:///{migrated_file}")
    yield Shop(made.web, made.database)
    made.database.close()


def let_in(answer: httpx.Response) -> bool:
    to_login = answer.status_code == 303 and answer.headers["location"].startswith("/console/login")
    return answer.status_code not in (401, 403) and not to_login


def test_every_route_has_a_row_and_every_row_a_route(shop: Shop) -> None:
    assert set(served_by(shop.web.routes, "")) == set(ROUTES)


@pytest.fixture
def seeded(tmp_path: Path, migrated_file: Path) -> Any:
    import shutil

    copy = shutil.copy(migrated_file, tmp_path / "routes.db")
    made = shop_with_everything(tmp_path, f"sqlite:///{copy}")
    asyncio.run(made.database.write(a_file))
    yield Shop(made.web, made.database)
    made.database.close()


async def test_each_role_gets_in_where_its_row_says_and_nowhere_else(seeded: Shop) -> None:
    wrong = []
    for route, row in ROUTES.items():
        if row.door != "session" or route == ("GET", "/console/"):
            continue
        for who in ("nobody", *ROLES):
            answer = await seeded.ask(who, route, row)
            if let_in(answer) != (who in row.roles) or answer.status_code >= 500:
                wrong.append((route, who, answer.status_code))
    assert wrong == []


async def test_no_session_opens_what_wants_a_key_a_signature_or_a_token(seeded: Shop) -> None:
    wrong = []
    for route, row in ROUTES.items():
        if row.door not in ("key", "other"):
            continue
        for who in ("nobody", "admin"):
            answer = await seeded.ask(who, route, row)
            refused = answer.status_code == 401 if row.door == "key" else 400 <= answer.status_code < 500
            if not refused:
                wrong.append((route, who, answer.status_code, answer.text[:100]))
    assert wrong == []


async def test_what_is_open_is_open_to_anyone(seeded: Shop) -> None:
    wrong = []
    for route, row in ROUTES.items():
        if row.door == "open" and route not in STARTED_LATER:
            answer = await seeded.ask("nobody", route, row)
            if answer.status_code not in (200, 303):
                wrong.append((route, answer.status_code))
    assert wrong == []


FOREIGN: dict[str, dict[str, str]] = {
    "a page of another site": {"sec-fetch-site": "cross-site", "origin": "https://evil.test"},
    "a page of a neighbour of the same domain": {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9999"},
    "an old browser": {"sec-fetch-site": "", "origin": "https://evil.test"},
    "a page without a name": {"sec-fetch-site": "", "origin": "null"},
}


@pytest.mark.parametrize("sender", FOREIGN)
async def test_another_site_changes_nothing_with_the_browser_of_an_admin(seeded: Shop, sender: str) -> None:
    wrong = []
    for route, row in ROUTES.items():
        method, path = route
        if method in SAFE or path.startswith(CALLED_FROM_ELSEWHERE):
            continue
        answer = await seeded.ask("admin", route, row, **FOREIGN[sender])
        if (answer.status_code, answer.json().get("error") if answer.status_code == 403 else "") != (403, "origin"):
            wrong.append((route, answer.status_code))
    assert wrong == []


def test_only_what_a_key_signature_or_token_opens_may_be_called_from_elsewhere() -> None:
    exempt = {route: row.door for route, row in ROUTES.items() if route[1].startswith(CALLED_FROM_ELSEWHERE)}
    assert {door for (method, _), door in exempt.items() if method not in SAFE} == {"key", "other", "open"}
    assert [r for r, door in exempt.items() if r[0] not in SAFE and door == "open"] == [
        ("POST", "/webchat/{name}/session")
    ]


async def test_the_own_pages_and_programs_without_a_browser_get_through(seeded: Shop) -> None:
    route = ("POST", "/console/account/sessions")
    own: dict[str, dict[str, str]] = {
        "a page of this address": {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"},
        "an old browser": {"sec-fetch-site": "", "origin": "http://127.0.0.1:8080"},
        "a program": {"sec-fetch-site": ""},
    }
    for sender, headers in own.items():
        assert (await seeded.ask("agent", route, ROUTES[route], **headers)).status_code == 422, sender


async def test_every_answer_of_the_console_says_what_browsers_must_not_do(seeded: Shop) -> None:
    for path in ("login", "account", "agents", "audit", "plain.css", "media/m1", "no-such-page"):
        answer = await seeded.ask("admin", ("GET", f"/console/{path}"), OPEN)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "default-src 'none'" in policy or "default-src 'self'" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
    assert (
        (await seeded.ask("admin", ("GET", "/console/media/m1"), OPEN))
        .headers["content-disposition"]
        .startswith("attachment")
    )
