"""The real app of a shop, with its console, for tests that talk HTTP to it; and people who log in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Connection

from bot.ask import NoShop
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.messages import Rate
from bot.pages.campaigns import campaign_routes
from bot.same_origin import SameOrigin
from bot.store import tables as t
from bot.store.database import Database
from handoff import people
from handoff.console.mount import mount_console
from handoff.console.session import Safety
from handoff.reports import MARKETPLACE
from tests.conftest import StandingClock
from tests.starter_advice import starter_advice

STAFF = {"li": "agent", "wang": "agent", "zhao": "lead", "xu": "editor", "chen": "admin"}
PASSWORD = "a quiet morning in may"
_HASH = people.hash_password(PASSWORD, ())


@dataclass
class Stand:
    """A console over a database."""

    app: FastAPI
    database: Database
    clock: StandingClock
    base: str

    @asynccontextmanager
    async def browser(self, address: str = "10.0.0.1", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser that keeps cookies and says where its requests come from."""
        transport = httpx.ASGITransport(self.app, client=(address, 1234))
        sent = {"sec-fetch-site": "same-origin", "accept-language": "en", "user-agent": "Test 1.0", **headers}
        async with httpx.AsyncClient(transport=transport, base_url=self.base, headers=sent) as client:
            yield client

    async def log_in(self, client: httpx.AsyncClient, login: str) -> None:
        """Log in by a one-time link."""
        token = people.new_token()
        await self.database.write(lambda c: people.create_link(c, login, token, self.clock.now()))
        answer = await client.get("/console/login", params={"token": token})
        assert answer.status_code == 303


def staff(connection: Connection, clock: StandingClock) -> None:
    for key, role in STAFF.items():
        people.add_agent(connection, key, key, key.title(), role, clock.now())
        people.put_password(connection, key, _HASH)


def make_stand(database: Database, clock: StandingClock, new_id: IdMaker, **safety: Any) -> Stand:
    app = FastAPI()
    advice = safety.pop("advice", None) or starter_advice()
    base, standard = safety.pop("base", "http://shop.test"), safety.pop("standard", MARKETPLACE)
    app.add_middleware(SameOrigin, own=base)
    mount_console(
        app,
        database=database,
        shop_of=lambda _: NoShop(),
        clock=clock,
        new_id=new_id,
        outbox_signal=Signal(),
        changes=Signal(),
        faults=list,
        counting=frozenset(),
        advice=advice,
        storage_secret="only for tests",
        safety=Safety(**{"secret": "only for tests", "public_url": base, **safety}),
        standard=standard,
        more=(partial(campaign_routes, rates=lambda _: {"telegram:shopbot": Rate(30, 1)}),),
    )
    return Stand(app, database, clock, base)


def told(connection: Connection) -> list[tuple[str, str, str]]:
    """Return what the audit tells, oldest first."""
    rows = connection.execute(t.audit.select().order_by(t.audit.c.id))
    return [(row.who, row.what, row.subject) for row in rows]
