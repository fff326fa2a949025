"""The admins' pages say what went wrong in the reader's language, and when things were by the shop's own clock."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

import handoff
from bot.clock import IdMaker
from bot.errors import ZhangguiError
from bot.hours import Hours
from bot.store import tables as t
from bot.store.database import Database
from handoff import ownership
from handoff.console.labels import LABELS
from handoff.reports import Standard
from tests.conftest import StandingClock
from tests.console_stand import Stand, make_stand, staff

NEVER_ON_A_PAGE = {"login", "request", "refused"}
"""Codes of errors of the API, and of those whose words are made for the group."""


@pytest.fixture
async def stand(database: Database, clock: StandingClock, new_id: IdMaker) -> Stand:
    clock.at = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)  # half past two of the next night in Shanghai
    await database.write(lambda c: staff(c, clock))
    shanghai = Hours(ZoneInfo("Asia/Shanghai"), time(9), time(23))
    return make_stand(database, clock, new_id, standard=Standard(shanghai, 180, 90))


@pytest.mark.parametrize(
    ("place", "form", "said"),
    [
        ("", {"login": "li", "role": "agent"}, "这个登录名已被使用，请换一个。"),
        ("", {"login": "new", "role": "king"}, "没有这个角色，请从客服、组长、编辑、管理员中选择。"),
        ("", {"login": " ", "role": "agent"}, "登录名需 1 到 100 个字符，名字不能换行，请换一个。"),
        ("/li", {"act": "email", "value": "nobody"}, "这不是邮箱地址，请改正。"),
        ("/chen", {"act": "role", "value": "agent"}, "这是最后一位管理员，请先让别人成为管理员。"),
        ("/chen", {"act": "disable"}, "这是最后一位管理员，请先让别人成为管理员。"),
        ("/gone", {"act": "enable"}, LABELS["zh"]["error_missing"]),
        ("/li", {"act": "no such act"}, LABELS["zh"]["error_missing"]),
    ],
)
async def test_what_cannot_be_done_is_said_in_the_readers_language(
    stand: Stand, place: str, form: dict[str, str], said: str
) -> None:
    async with stand.browser(**{"accept-language": "zh"}) as client:
        await stand.log_in(client, "chen")
        answer = await client.post(f"/console/agents{place}", data=form)
        assert answer.status_code == 409
        assert re.findall(r'role="alert"[^>]*>([^<]*)<', answer.text) == [said]


async def test_times_are_those_of_the_shops_own_clock(stand: Stand) -> None:
    async with stand.browser() as client:
        await stand.log_in(client, "chen")
        await client.post("/console/agents/li", data={"act": "sessions"})
        for page in ("account", "audit"):
            shown = (await client.get(f"/console/{page}")).text
            assert "2026-11-23 02:30 +08:00" in shown, page
            assert "2026-11-22" not in shown, page


async def test_pages_in_chinese_have_chinese_punctuation(stand: Stand) -> None:
    beside = re.compile(r"[\u3400-\u9fff]\s*[,:;?!()]|[,:;?!()]\s*[\u3400-\u9fff]")
    await stand.database.write(lambda c: somebody_to_show(c, stand.clock.now()))
    async with stand.browser(**{"accept-language": "zh"}) as client:
        await stand.log_in(client, "chen")
        await client.post("/console/agents/li", data={"act": "role", "value": "lead"})
        for page, somewhere in {
            "board": "Li · 在线，1/5",
            "report": "客服",
            "audit": "角色：客服 → 角色：组长",
            "agents": "停用",
            "account": "密码",
        }.items():
            shown = (await client.get(f"/console/{page}")).text
            assert somewhere in shown, page
            words = re.findall(r'>([^<>]+)<|(?:aria-label|placeholder|data-of|title)="([^"]*)"', shown)
            assert [said for pair in words for said in pair if beside.search(said)] == [], page
        assert "衣服、合身" in (await client.get("/console/board")).text


async def test_the_audit_names_people_and_what_changed_in_the_readers_words(stand: Stand) -> None:
    await stand.database.write(lambda c: somebody_to_show(c, stand.clock.now()))
    async with stand.browser(**{"accept-language": "zh"}) as client:
        await stand.log_in(client, "chen")
        await client.post("/console/board/talks/c2", data={"act": "pass", "to": "wang"})
        await client.post("/console/board/talks/c2", data={"act": "pass", "to": ""})
        able = {"act": "set", "status": "away", "capacity": "3", "languages": "zh, en", "topics": ""}
        await client.post("/console/board/agents/li", data=able)
        changes = re.findall(r'data-label="变化">([^<]*)<', (await client.get("/console/audit")).text)
    assert changes[:3] == [
        "状态：在线，同时接待：5，语言：–，主题：衣服、合身 → 状态：离开，同时接待：3，语言：zh、en，主题：–",
        "客服：wang → 客服：排队",
        "客服：li → 客服：wang",
    ]
    assert changes[3].endswith("方式：链接")


def somebody_to_show(connection: Connection, now: datetime) -> None:
    """Let a customer wait and Li, who can two things, have two, one put off: else a board has hardly a word."""
    for key in ("c1", "c2", "c3"):
        row = {"id": key, "channel": "web:shop", "chat": key, "created_at": now, "updated_at": now}
        connection.execute(t.conversations.insert().values(row))
        ownership.to_queue(connection, key, "asked", 0, now)
    for key in ("c2", "c3"):
        ownership.take(connection, key, "li", now)
    put_off = {"snoozed_until": now + timedelta(hours=1)}
    connection.execute(t.conversations.update().where(t.conversations.c.id == "c3").values(put_off))
    able = {"status": "on", "topics": ["衣服", "合身"]}
    connection.execute(t.agents.update().where(t.agents.c.id == "li").values(able))


def errors_of(kind: type[ZhangguiError]) -> Iterator[type[ZhangguiError]]:
    for below in kind.__subclasses__():
        yield below
        yield from errors_of(below)


def test_every_error_that_a_page_can_meet_has_words_in_both_languages() -> None:
    for module in pkgutil.walk_packages(handoff.__path__, "handoff."):
        importlib.import_module(module.name)
    codes = {one.code for one in errors_of(ZhangguiError) if one.__module__.startswith("handoff.")} - NEVER_ON_A_PAGE
    assert len(codes) > 20
    wordless = {
        (language, code) for language, words in LABELS.items() for code in codes if f"error_{code}" not in words
    }
    assert wordless == set()
