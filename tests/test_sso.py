"""The single sign-on against a provider that really runs and really signs, and against one that lies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot import audit
from bot.clock import IdMaker
from bot.store.database import Database
from handoff import staffing
from handoff.sso import Provider
from tests.conftest import StandingClock
from tests.console_stand import Stand, make_stand, staff, told
from tests.sso_provider import CLIENT, SECRET, SignOn, running

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What it keeps are rows that other tests write on both."""
BACK = "http://shop.test/console/login/sso/back"


@pytest.fixture
def provider(clock: StandingClock) -> Iterator[SignOn]:
    with running(SignOn(clock)) as there:
        yield there


@pytest.fixture
async def stand(database: Database, clock: StandingClock, new_id: IdMaker, provider: SignOn) -> Stand:
    await database.write(lambda c: staff(c, clock))
    await database.write(lambda c: staffing.change_email(c, audit.COMMAND, "li", "Li@shop.test", clock.now()))
    known = Provider(provider.address, CLIENT, SECRET, "Company", BACK)
    return make_stand(database, clock, new_id, provider=known)


async def out(client: httpx.AsyncClient) -> str:
    """Go to the provider; return the address with which it sends the browser back."""
    answer = await client.get("/console/login/sso")
    assert answer.status_code == 303
    async with httpx.AsyncClient() as elsewhere:
        return str((await elsewhere.get(answer.headers["location"])).headers["location"])


async def is_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/console/account")).status_code == 200


async def test_who_the_provider_vouches_for_is_in(stand: Stand, provider: SignOn) -> None:
    async with stand.browser() as client:
        assert "Log in with Company" in (await client.get("/console/login")).text
        answer = await client.get(await out(client))
        assert answer.headers["location"] == "/console/"
        assert await is_in(client)
    (asked,) = provider.asked
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (await stand.database.read(told))[-1] == ("agent:li", "login", "agent:li")


LIES: dict[str, dict[str, Any]] = {
    "an address that is not verified": {"verified": False},
    "an address that no agent has": {"email": "eve@shop.test"},
    "a verification in words": {"lies": {"email_verified": "true"}},
    "a token for another program": {"lies": {"aud": "other"}},
    "a token made for another party": {"lies": {"azp": "other"}},
    "a token of another issuer": {"lies": {"iss": "https://evil.test"}},
    "a token of another sign-on": {"lies": {"nonce": "old"}},
    "a token that is over": {"lies": {"exp": 1}},
    "a token without an end": {"lies": {"exp": None}},
    "a token of another key": {"forge": "RS256"},
    "a token signed with the public key as a secret": {"forge": "HS256"},
    "a token that nobody signed": {"forge": "none"},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_lets_nobody_in(stand: Stand, provider: SignOn, lie: str) -> None:
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    async with stand.browser() as client:
        answer = await client.get(await out(client))
        assert answer.status_code == 403
        assert "The sign-on did not work" in answer.text
        assert not await is_in(client)


async def test_the_answer_belongs_to_the_browser_that_asked_and_is_good_for_ten_minutes(stand: Stand) -> None:
    async with stand.browser() as client, stand.browser() as victim:
        mine = await out(client)
        assert (await victim.get(mine)).status_code == 403, "a browser that did not ask"
        await out(victim)
        assert (await victim.get(mine)).status_code == 403, "a browser that asked for something else"
        assert not await is_in(victim)
        stand.clock.advance(timedelta(minutes=11))
        assert (await client.get(mine)).status_code == 403


async def test_a_disabled_agent_stays_out(stand: Stand) -> None:
    await stand.database.write(lambda c: staffing.disable(c, audit.COMMAND, "li", stand.clock.now()))
    async with stand.browser() as client:
        assert (await client.get(await out(client))).status_code == 403


async def test_a_provider_that_is_away_is_told_and_the_other_ways_stay_open(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    stand = make_stand(database, clock, new_id, provider=Provider("http://127.0.0.1:9", "c", "s", "Company", BACK))
    async with stand.browser() as client:
        answer = await client.get("/console/login/sso")
        assert answer.status_code == 502
        assert "does not answer" in answer.text
        assert 'name="password"' in answer.text
