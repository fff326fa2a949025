"""What Telegram posts to the shop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from telegram import Bot

from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.messages import Chat, Inbound
from connectors.telegram.connector import BODY_LIMIT
from connectors.telegram.updates import ALLOWED_UPDATES
from tests.telegram.stage import HEADER, LI, SECRET, Stage, connector_for, refused, staged, text_update, until


async def test_a_signed_update_is_stored_before_it_is_acknowledged(begun: Stage) -> None:
    answer = await begun.http.post(begun.hook, json=text_update(text="尺码"), headers={HEADER: SECRET})
    assert answer.status_code == 200
    assert begun.host.received == [
        Inbound(
            key="tg:4242:7",
            chat=Chat("telegram:shopbot", str(LI)),
            user=str(LI),
            sent_at=datetime.fromtimestamp(1_700_000_000, UTC),
            text="尺码",
            name="Li",
            language="zh-hans",
        )
    ]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x"])
async def test_an_update_without_the_secret_is_refused_and_counted(begun: Stage, secret: str | None) -> None:
    before = refused("secret")
    assert (await begun.do("forge", secret=secret, update=text_update()))["status"] == 403
    assert not begun.host.received
    assert refused("secret") == before + 1


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b"null", b'{"update_id": "7"}', b"{}"])
async def test_a_malformed_body_is_answered_with_400(begun: Stage, body: bytes) -> None:
    before = refused("form")
    assert (await begun.http.post(begun.hook, content=body, headers={HEADER: SECRET})).status_code == 400
    assert refused("form") == before + 1


async def test_a_body_over_256_kib_is_refused(begun: Stage) -> None:
    before = refused("size")
    answer = await begun.http.post(begun.hook, content=b" " * (BODY_LIMIT + 1), headers={HEADER: SECRET})
    assert answer.status_code == 413
    assert refused("size") == before + 1


async def test_an_update_of_an_unknown_kind_is_acknowledged_and_ignored(begun: Stage) -> None:
    await begun.do("unknown_update")
    await begun.do("say", user=LI, text="after it")
    assert [message.text for message in await begun.inbound()] == ["after it"]
    async with asyncio.timeout(5):
        while (await begun.look("state"))["pending"]:
            await asyncio.sleep(0.02)


async def test_a_repeated_update_is_stored_once(begun: Stage) -> None:
    await begun.do("hold")
    await begun.do("say", user=LI, text="once")
    await begun.do("release", twice=True)
    async with asyncio.timeout(5):
        while (await begun.look("state"))["pending"]:
            await asyncio.sleep(0.02)
    number = (await begun.look("state"))["updates"][0]
    assert [message.key for message in begun.host.received] == [f"tg:4242:{number}"]


async def test_updates_that_come_in_disorder_keep_their_own_keys(begun: Stage) -> None:
    await begun.do("hold")
    for text in ("one", "two", "three"):
        await begun.do("say", user=LI, text=text)
    assert not begun.host.received
    await begun.do("release", backwards=True)
    arrived = await begun.inbound(3)
    assert [message.text for message in arrived] == ["three", "two", "one"]
    assert [message.text for message in sorted(arrived, key=lambda m: m.key)] == ["one", "two", "three"]


async def test_an_update_that_could_not_be_stored_comes_again_and_keeps_its_order(begun: Stage) -> None:
    begun.host.refuse = 1
    await begun.do("say", user=LI, text="first")
    await begun.do("say", user=LI, text="second")
    assert [message.text for message in await begun.inbound(2)] == ["first", "second"]


async def test_an_update_while_the_database_is_away_is_not_acknowledged(begun: Stage) -> None:
    begun.host.refuse = 1
    answer = await begun.http.post(begun.hook, json=text_update(), headers={HEADER: SECRET})
    assert answer.status_code == 503


async def test_an_update_before_the_start_is_not_acknowledged(stage: Stage) -> None:
    answer = await stage.http.post(stage.hook, json=text_update(), headers={HEADER: SECRET})
    assert answer.status_code == 503


async def test_the_webhook_is_registered_with_only_the_kinds_the_shop_reads(begun: Stage, client: Bot) -> None:
    info = await client.get_webhook_info()
    assert info.url == begun.hook
    assert set(info.allowed_updates) == set(ALLOWED_UPDATES)


async def test_a_process_that_does_not_hold_the_channel_registers_nothing_and_receives(
    stage: Stage, client: Bot
) -> None:
    await stage.connector.start(stage.host)
    assert not (await client.get_webhook_info()).url
    await stage.http.post(stage.hook, json=text_update(), headers={HEADER: SECRET})
    assert [message.text for message in stage.host.received] == ["hi"]


async def test_the_registration_outlives_a_telegram_that_is_away(stage: Stage, client: Bot) -> None:
    await stage.do("html", method="setWebhook", times=3)
    await stage.begin()
    assert (await client.get_webhook_info()).url == stage.hook


async def test_a_token_that_telegram_refuses_is_a_task_for_the_staff() -> None:
    async with staged(token="4242:wrong") as stage:
        await stage.connector.start(stage.host)
        stage.holding = asyncio.create_task(stage.connector.hold())
        await until(lambda: bool(stage.host.alerts))
        assert "Check its token" in next(iter(stage.host.alerts.values()))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_secret": ""},
        {"webhook_secret": "with space"},
        {"webhook_secret": "x" * 257},
        {"token": "no colon"},
        {"channel": "wechat:shop"},
        {"public_url": ""},
        {"api_base": "http://api.example.org"},
        {"mode": "pigeon"},
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_once(change: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        connector_for("http://127.0.0.1:1", SystemClock(), **change)
