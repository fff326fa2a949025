"""Links that vote: a page and JSON for one person, whose vote is one over all their accounts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, select, update

from bot.campaigns.ballots import Voter, cast
from bot.campaigns.links import GOOD_FOR, VOTES, Links
from bot.campaigns.vote_words import VoteWords
from bot.clock import IdMaker
from bot.delivery.thinking import Thinker
from bot.shop.claim_api import A_PERSON
from bot.shop.vote_api import vote_routes
from bot.store.database import Database
from bot.store.tables import ballots, identities, persons, votes
from tests.conftest import StandingClock
from tests.delivery.conftest import thinker
from tests.delivery.stand import arrive, said

__all__ = ["thinker"]
KEY = "k-tests-only"
OPTIONS = [{"id": one, "tag": f"likes-{one}", "zh": f"{one}面料", "en": f"{one} <b>"} for one in ("linen", "silk")]


class Page:
    """The shop's own pages: they get links with the key, and their visitors open and use them."""

    def __init__(self, http: httpx.AsyncClient, database: Database) -> None:
        self.http, self.database = http, database

    async def link(self, user: str, vote_id: str = "fabric", key: str = KEY) -> httpx.Response:
        whose, header = {"channel": "web:shop", "user": user}, {"Authorization": f"Bearer {key}"}
        return await self.http.post(f"/api/shop/votes/{vote_id}/links", json=whose, headers=header)

    async def votes(self, token: str, **option: str) -> dict[str, Any]:
        answer = await self.http.post("/api/shop/votes", json={"token": token, **option})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def ballots(self) -> list[tuple[int, str]]:
        query = select(ballots.c.entry, ballots.c.option).order_by(ballots.c.entry)
        return await self.database.read(lambda c: [(row[0], row[1]) for row in c.execute(query)])


@pytest.fixture
async def page(database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> AsyncIterator[Page]:
    """An open vote with a prize, and two people whom the bot has met."""
    await arrive(database, clock, new_id, said(1, chat="u1"), said(1, chat="u2"))
    times = {"starts_at": clock.now(), "ends_at": clock.now() + timedelta(days=2)}
    words = {
        "question": {"zh": "用哪种面料？", "en": "Which fabric?"},
        "prize": {"zh": "试用装", "en": "a trial piece"},
    }
    row = {"id": "fabric", "options": OPTIONS, "winners": 1, "audiences": [], "status": "open", "seed": "s"}
    await database.write(lambda c: c.execute(votes.insert().values(**row, **words, **times)).rowcount)
    app, zone = FastAPI(), ZoneInfo("Asia/Shanghai")
    said_by = lambda: VoteWords(thinker.brain.mind.voice, zone)  # noqa: E731
    app.include_router(vote_routes(database, clock, KEY, Links("s" * 32, VOTES), new_id, said_by))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        yield Page(http, database)


async def test_the_page_asks_in_both_languages_and_takes_a_vote_that_can_be_changed(page: Page) -> None:
    address = (await page.link("u1")).json()["page"]
    shown = await page.http.get(address)
    assert "用哪种面料？" in shown.text
    assert re.findall(r'value="(\w+)" aria-pressed="(\w+)"', shown.text) == [("linen", "false"), ("silk", "false")]
    assert await page.ballots() == [], "to look is no vote"
    voted = await page.http.post(address, data={"option": "linen"})
    assert "号码是 1" in voted.text
    assert re.findall(r'value="(\w+)" aria-pressed="true"', voted.text) == ["linen"]
    english = await page.http.post(address, data={"option": "silk"}, headers={"accept-language": "en-GB"})
    assert "you chose silk <b>." in unescape(english.text)
    assert "silk <b>" not in english.text, "what people write is no markup"
    assert "frame-ancestors 'none'" in english.headers["content-security-policy"]
    assert (await page.ballots(), english.headers["cache-control"]) == ([(1, "silk")], "no-store")


async def test_the_same_as_json_and_one_vote_over_all_channels(page: Page, clock: StandingClock) -> None:
    token = (await page.link("u1")).json()["token"]
    asked = await page.votes(token)
    assert (asked["outcome"], asked["mine"], asked["is_open"], len(asked["options"])) == ("", "", True, 2)
    assert (await page.votes(token, option="linen"))["outcome"] == "voted"

    def by_telegram(c: Connection) -> None:
        now = clock.now() + timedelta(seconds=1)
        c.execute(persons.insert().values(id="p9", customer_id="li", created_at=now))
        account = {"id": "i9", "person_id": "p9", "channel": "telegram:bot", "user": "9", "created_at": now}
        c.execute(identities.insert().values(account))
        mine = select(identities.c.person_id).where(identities.c.user == "u1").scalar_subquery()
        c.execute(update(persons).where(persons.c.id == mine).values(customer_id="li"))
        cast(c, "fabric", "silk", Voter("p9", "i9"), now)

    await page.database.write(by_telegram)
    stands = await page.votes(token)
    assert (stands["mine"], stands["entry"]) == ("silk", 2), "what they voted elsewhere since then counts"
    assert (await page.votes(token, option="wool"))["outcome"] == "not_open"
    clock.advance(timedelta(days=2))
    assert (await page.votes(token, option="linen"))["outcome"] == "not_open"
    shown = (await page.http.get(f"/vote/{token}")).text
    assert ("<button" in shown, "silk面料" in shown) == (False, True), "it is over, and one sees one's own"


async def test_before_it_begins_a_page_says_when_and_for_a_draft_there_is_none(
    page: Page, clock: StandingClock
) -> None:
    async def becomes(status: str) -> None:
        begins = {"status": status, "starts_at": clock.now() + timedelta(hours=1)}
        await page.database.write(lambda c: c.execute(update(votes).values(begins)).rowcount)

    await becomes("planned")
    address = (await page.link("u1")).json()["page"]
    shown = (await page.http.get(address)).text
    assert ("还没有开始" in shown, "没有查到" in shown, "<button" in shown) == (True, False, False)
    voted = await page.http.post(address, data={"option": "linen"}, headers={"accept-language": "en"})
    assert "hasn't begun yet" in unescape(voted.text)
    assert await page.ballots() == []
    await becomes("draft")
    assert (await page.link("u1")).status_code == 409


async def test_only_who_has_a_link_that_was_made_here_votes(page: Page, clock: StandingClock) -> None:
    assert (await page.link("u1", key="wrong")).status_code == 401
    assert (await page.link("nobody")).status_code == 404
    assert (await page.link("u1", vote_id="none")).status_code == 404
    token = (await page.link("u1")).json()["token"]
    claims = Links("s" * 32).sign(Links("s" * 32, VOTES).read(token, clock.now()))
    for wrong in (
        claims,
        f"{(await page.link('u2')).json()['token'].partition('.')[0]}.{token.partition('.')[2]}",
        "x.y",
    ):
        assert (await page.http.post("/api/shop/votes", json={"token": wrong, "option": "silk"})).status_code == 401
        assert (await page.http.post(f"/vote/{wrong}", data={"option": "silk"})).status_code == 401
    clock.advance(GOOD_FOR)
    assert (await page.http.get(f"/vote/{token}")).status_code == 401
    assert await page.ballots() == []


async def test_who_votes_too_often_has_to_wait(page: Page) -> None:
    token = (await page.link("u1")).json()["token"]
    for _ in range(A_PERSON):
        await page.votes(token, option="silk")
    assert (await page.http.post(f"/vote/{token}", data={"option": "linen"})).status_code == 429
    assert (await page.http.get(f"/vote/{token}")).status_code == 200
    assert await page.ballots() == [(1, "silk")]
