"""The pages of campaigns, as a lead and an admin use them in a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select, update

from bot.clock import IdMaker
from bot.pages.shared import Shared
from bot.store import tables as t
from bot.store.database import Database
from handoff.console.labels import LABELS
from tests.conftest import StandingClock
from tests.console_stand import Stand, make_stand, staff, told
from tests.starter_advice import starter_advice

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
HERE = "/console/campaigns"
SALE = f"{HERE}/sales/december"
PLAN = """\
id: december
sku: s1
price: "59.00"
pieces: 3
starts: 2026-12-01 20:00
ends: 2026-12-01 22:00
audiences:
  - channel: web:shop
texts:
  zh: {soon: "快来，{sale.price}"}
  en: {soon: "Come, {sale.price}"}
"""
FORM = {
    "act": "fill",
    "id": "december",
    "sku": "s1",
    "price": "59.00",
    "pieces": "3",
    "starts": "2026-12-01T20:00",
    "ends": "2026-12-01T22:00",
    "place": "web:shop||",
}


def fill(connection: Connection) -> None:
    connection.execute(t.products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
    variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
    connection.execute(t.variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=3))


@pytest.fixture
async def stand(database: Database, clock: StandingClock, new_id: IdMaker) -> Stand:
    """A shop with a shirt, two people on its page, and a rule that of what one hears nobody decides alone."""
    clock.at = datetime(2026, 11, 30, 4, 0, tzinfo=UTC)
    talk = {"channel": "web:shop", "created_at": clock.now(), "updated_at": clock.now()}

    def job(connection: Connection) -> None:
        staff(connection, clock)
        fill(connection)
        connection.execute(t.conversations.insert(), [{"id": who, "chat": who, **talk} for who in ("u1", "u2")])

    await database.write(job)
    return make_stand(database, clock, new_id)


def with_two(database: Database, clock: StandingClock, new_id: IdMaker) -> Stand:
    settings = starter_advice().settings
    strict = settings.model_copy(update={"policy": settings.policy.model_copy(update={"sale_heard_alone": 1})})
    return make_stand(database, clock, new_id, advice=replace(starter_advice(), settings=strict))


@asynccontextmanager
async def as_(stand: Stand, login: str, language: str = "en") -> AsyncIterator[httpx.AsyncClient]:
    async with stand.browser(**{"accept-language": language}) as client:
        await stand.log_in(client, login)
        yield client


def text_in(page: str) -> str:
    """Return what stands in the text of the plan, as a browser reads it."""
    found = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def seen_in(page: str) -> str:
    """Return by what the page of a sale knows which plan it shows."""
    found = re.search(r'name="seen" value="(\w*)"', page)
    return found[1] if found else ""


async def plan(client: httpx.AsyncClient, act: str = "plan", text: str = PLAN, **more: str) -> httpx.Response:
    return await client.post(f"{HERE}/plan", data={"act": act, "text": text, **more})


async def sale_row(stand: Stand) -> Any:
    return await stand.database.read(lambda c: c.execute(select(t.sales)).one_or_none())


async def test_a_sale_is_filled_in_looked_at_planned_started_paused_and_called_off(stand: Stand) -> None:
    async with as_(stand, "zhao") as client:
        shown = (await client.post(f"{HERE}/plan", data=FORM)).text
        text = text_in(shown)
        assert "Flash sale: Shirt for ¥59.00, 3 in all" in shown
        assert re.search(r'data-label="Chats">2<', shown)
        answer = await plan(client, text=text)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{SALE}?done=plan")
        stands = [(await sale_row(stand)).status]
        for act in ("start", "pause", "resume", "cancel"):
            answer = await client.post(SALE, data={"act": act})
            assert answer.headers["location"] == f"{SALE}?done={act}"
            stands.append((await sale_row(stand)).status)
    assert stands == ["planned", "running", "paused", "running", "cancelled"]
    acts = [(who, what) for who, what, _ in await stand.database.read(told) if what.startswith("campaign")]
    assert set(acts) == {("agent:zhao", f"campaign_{what}") for what in ("plan", "start", "stop")}
    assert len(acts) == 6


async def test_a_plan_that_does_not_pass_comes_back_whole_and_names_its_lines(stand: Stand) -> None:
    bad = PLAN.replace("pieces: 3", "pieces: 0").replace("{sale.price}", "{sale.prize}") + "# </textarea><b>\n"
    async with as_(stand, "zhao", "zh") as client:
        for act in ("check", "plan", "send"):
            answer = await plan(client, act, bad)
            assert answer.status_code == 422
            assert text_in(answer.text) == bad
            assert "第 4 行" in answer.text
            assert "`pieces` 不符合要求。请写一共几件" in unescape(answer.text)
        missing = await plan(client, "plan", PLAN.replace("sku: s1", "sku: s2"))
        assert (missing.status_code, "第 2 行" in missing.text, "没有 SKU s2" in missing.text) == (422, True, True)
    async with as_(stand, "zhao", "en") as client:
        assert "`pieces` does not pass" in unescape((await plan(client, "check", bad)).text)
    assert await sale_row(stand) is None


async def test_a_file_takes_the_place_of_the_text_unless_it_cannot_be_read(stand: Stand) -> None:
    async with as_(stand, "zhao") as client:
        data = {"act": "check", "text": "id: old"}
        for content, kept in (
            (PLAN.encode("utf-8-sig"), PLAN),
            (PLAN.encode("gb18030"), "id: old"),
            (b"id: x\n" * 50_000, "id: old"),
        ):
            answer = await client.post(f"{HERE}/plan", data=data, files={"file": ("plan.yml", content)})
            assert text_in(answer.text) == kept
            assert ("to correct" in answer.text) == (kept == "id: old")


async def test_of_a_stranger_nothing_is_taken_in_and_of_a_lead_no_more_than_a_plan_may_have(stand: Stand) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        head = '--x\r\nContent-Disposition: form-data; name="file"; filename="plan.yml"\r\n\r\n'
        yield head.encode()
        for _ in range(200):
            taken += 100_000
            yield b"x" * 100_000
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with stand.browser() as stranger, as_(stand, "zhao") as lead:
        for client, code, most in ((stranger, 303, 0), (lead, 413, 5_000_000)):
            taken = 0
            answer = await client.post(f"{HERE}/plan", content=endless(), headers=headers)
            assert (answer.status_code, taken <= most) == (code, True)


async def test_above_a_size_another_lead_or_admin_has_to_approve(
    stand: Stand, database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    strict = with_two(database, clock, new_id)
    async with as_(strict, "zhao") as zhao:
        assert "somebody else has to approve" in (await plan(zhao, "check")).text
        await plan(zhao)
        shown = (await zhao.get(SALE)).text
        assert "somebody other than who planned it" in shown
        assert 'value="approve"' not in shown
        for act in ("approve", "start"):
            refused = await zhao.post(SALE, data={"act": act})
            assert (refused.status_code, "somebody else has to do that" in refused.text) == (409, True)
        assert (await sale_row(strict)).status == "draft"
    async with as_(strict, "chen") as chen:
        assert 'value="approve"' in (await chen.get(SALE)).text
        await chen.post(SALE, data={"act": "approve", "seen": seen_in((await chen.get(SALE)).text)})
        assert "Approved by: chen" in re.sub(r"\s+", " ", (await chen.get(SALE)).text)
    assert (await sale_row(strict)).status == "planned"


async def test_who_approves_approves_what_they_saw(
    stand: Stand, database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    strict = with_two(database, clock, new_id)
    async with as_(strict, "zhao") as zhao, as_(strict, "chen") as chen:
        await plan(zhao)
        seen = seen_in((await chen.get(SALE)).text)
        await plan(zhao, text=PLAN.replace("Come, {sale.price}", "Come!"))
        for stale in (seen, ""):
            refused = await chen.post(SALE, data={"act": "approve", "seen": stale})
            assert (refused.status_code, (await sale_row(strict)).status) == (409, "draft")
        await chen.post(SALE, data={"act": "approve", "seen": seen_in(refused.text)})
    assert (await sale_row(strict)).status == "planned"


async def test_of_what_is_planned_only_the_words_change_and_only_of_this_sale(stand: Stand) -> None:
    async with as_(stand, "zhao") as client:
        await plan(client)
        shown = (await client.get(f"{HERE}/plan?of=december")).text
        text = text_in(shown)
        assert 'value="reword"' in shown
        assert 'value="plan"' not in shown
        changed = text.replace("Come, {sale.price}", "Now, {sale.price}").replace("pieces: 3", "pieces: 9")
        assert (await plan(client, "reword", changed, of="december")).status_code == 303
        row = await sale_row(stand)
        assert (row.texts["en"]["soon"], row.total) == ("Now, {sale.price}", 3)
        other = await plan(client, "reword", changed.replace("id: december", "id: other"), of="december")
        assert (other.status_code, "`id` is not december" in unescape(other.text)) == (422, True)
        again = await plan(client, "plan", PLAN)
        assert (again.status_code, LABELS["en"]["error_conflict"] in again.text) == (409, True)
        assert text_in(again.text) == PLAN


async def test_the_page_of_a_sale_shows_numbers_chart_board_and_who_was_told(stand: Stand) -> None:
    async with as_(stand, "zhao") as client:
        await plan(client)
        assert "It has not begun." in (await client.get(SALE)).text
        await client.post(SALE, data={"act": "start"})

        def happen(connection: Connection) -> None:
            connection.execute(t.persons.insert(), [{"id": who, "created_at": stand.clock.now()} for who in "abc"])
            for who, status in (("a", "paid"), ("b", "held"), ("c", "waiting")):
                row = {"id": who, "sale_id": "december", "person_id": who, "buyer": f"person:{who}", "status": status}
                connection.execute(t.claims.insert().values(**row, claimed_at=stand.clock.now()))
            connection.execute(update(t.sales).values(available=1))
            at = stand.clock.now() - timedelta(minutes=1)
            point = {"available": 3, "held": 0, "paid": 0, "waiting": 0, "claims": 0}
            connection.execute(t.sale_points.insert().values(sale_id="december", at=at, **point))
            left_out = {"status": "dropped", "reason": "no_consent"}
            connection.execute(update(t.outbox).where(t.outbox.c.conversation_id == "u1").values(left_out))
            by_li = {"id": "g", "chat": "owner:<b>li", "chat_kind": "group", "channel": "wecom:corp"}
            met = {"created_at": stand.clock.now(), "updated_at": stand.clock.now()}
            connection.execute(t.conversations.insert().values(**by_li, **met))
            task = {"key": "task", "conversation_id": "g", "channel": "wecom:corp", "status": "confirming"}
            said = {"author": "campaign:sale:december", "purpose": "marketing", "text": "x", "not_before": at}
            connection.execute(t.outbox.insert().values(**task, **said, created_at=at))

        await stand.database.write(happen)
        page = (await client.get(SALE)).text
        numbers = [int(number) for number in re.findall(r'<div class="tile[^"]*"><b>(\d+)</b>', page)]
        assert numbers == [1, 1, 1, 1, 3, 0]
        assert page.count("<polyline") == 5
        assert "59.00 CNY" in page
        assert "no consent" in page
        assert "1 of 1 not confirmed" in page
        assert "owner:&lt;b&gt;li" in page
        live = await client.get(f"{SALE}/live")
        assert (live.status_code, "<html" in live.text, "<polyline" in live.text) == (200, False, True)
        for asked, found in (("", 3), ("find=no+CONSENT", 1), ("find=u2", 1), ("status=dropped", 1), ("find=zzz", 0)):
            rows = (await client.get(f"{SALE}/told?{asked}")).text
            assert rows.count('data-label="To"') == found, asked
        assert "<b>li" not in (await client.get(f"{SALE}/told")).text


async def test_a_preview_is_sent_to_who_has_linked_a_chat_and_nobody_is_told_else(stand: Stand) -> None:
    async with as_(stand, "zhao", "zh") as client:
        refused = await plan(client, "send", moment="soon")
        assert (refused.status_code, LABELS["zh"]["error_no_own_chat"] in refused.text) == (409, True)

        def link(connection: Connection) -> None:
            now = stand.clock.now()
            account = {"channel": "telegram:shopbot", "user": "77"}
            connection.execute(t.agent_accounts.insert().values(**account, agent_id="zhao", at=now))
            connection.execute(t.persons.insert().values(id="p", created_at=now))
            connection.execute(t.identities.insert().values(**account, id="i", person_id="p", created_at=now))
            talk = {"id": "own", "channel": "telegram:shopbot", "chat": "77", "identity_id": "i"}
            connection.execute(t.conversations.insert().values(**talk, created_at=now, updated_at=now))

        await stand.database.write(link)
        assert LABELS["zh"]["sale_done_send"] in (await plan(client, "send", moment="soon")).text
    sent = await stand.database.read(lambda c: c.execute(select(t.outbox).order_by(t.outbox.c.id)).all())
    assert [(row.conversation_id, row.purpose) for row in sent] == [("own", "staff")] * 2
    assert [row.text.split("\n\n")[1] for row in sent] == ["快来，¥59.00", "Come, ¥59.00"]
    assert await sale_row(stand) is None


async def test_what_is_not_there_or_no_act_is_said_so(stand: Stand) -> None:
    async with as_(stand, "zhao") as client:
        for path in (
            f"{HERE}/sales/none",
            f"{HERE}/sales/none/live",
            f"{HERE}/sales/none/told",
            f"{HERE}/plan?of=none",
        ):
            assert (await client.get(path)).status_code == 404, path
        await plan(client)
        assert (await client.post(SALE, data={"act": "sell"})).status_code == 409
        assert "december" in (await client.get(HERE)).text
        assert "december" in (await client.get(f"{HERE}/live")).text


async def test_pages_in_chinese_have_chinese_words_and_punctuation(stand: Stand) -> None:
    beside = re.compile(r"[\u3400-\u9fff]\s*[,:;?!()]|[,:;?!()]\s*[\u3400-\u9fff]")
    async with as_(stand, "zhao", "zh") as client:
        await plan(client)
        await client.post(SALE, data={"act": "start"})
        for path, somewhere in (("", "限时秒杀"), ("/plan", "通知谁"), ("/sales/december", "进行中"),
                                ("/sales/december/told", "待发送")):  # fmt: skip
            shown = (await client.get(f"{HERE}{path}")).text
            assert somewhere in shown, path
            words = re.findall(r'>([^<>]+)<|(?:aria-label|data-label|data-of)="([^"]*)"', shown)
            assert [said for pair in words for said in pair if beside.search(said)] == [], path


async def test_pages_that_look_at_the_same_moment_share_one_read(database: Database) -> None:
    reads: list[str] = []

    async def read(key: str) -> int:
        reads.append(key)
        return len(reads)

    shared = Shared(read)
    assert [await shared.get("a", fresh=fresh) for fresh in (False, False, True, False)] == [1, 1, 2, 2]
    assert await shared.get("b", fresh=False) == 3
    for other in range(100):
        await shared.get(f"c{other}", fresh=False)
    assert await shared.get("a", fresh=False) == 104, "what nobody looks at is forgotten"
