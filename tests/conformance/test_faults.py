"""What a receipt says is true, whatever the wire and the platform do."""

from __future__ import annotations

import logging

import pytest
from structlog.testing import capture_logs

from bot.messages import SendStatus
from tests.conformance.platforms import on_stands
from tests.conformance.stand import TAKEN, Can, Forgery, Stand, Trouble, new, outbound, said, send, until

MAYBE = {SendStatus.UNSURE, SendStatus.TRANSIENT}
STRANGE = {
    "bad gateway": (502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html"),
    "server error": (500, b"", "text/plain"),
    "unavailable": (503, b'{"error": "busy"}', "application/json"),
    "login page": (200, b"<html>Please log in to the network</html>", "text/html"),
    "half JSON": (200, b'{"ok": tr', "application/json"),
    "nothing": (200, b"", "application/json"),
    "number": (200, b"7", "application/json"),
}


@on_stands(Can.API)
async def test_no_connection_means_certainly_not_sent(chat: Stand) -> None:
    await send(chat, outbound(chat, "warm", id="out-0"))
    before = len(await chat.shown())
    await chat.line.down()
    receipt = await send(chat, outbound(chat))
    await chat.line.up()
    assert receipt.status is SendStatus.TRANSIENT
    assert not await new(chat, before)
    assert (await send(chat, outbound(chat))).status in TAKEN
    assert len(await new(chat, before)) == 1


@on_stands(Can.API)
@pytest.mark.parametrize("way", ["cut", "halve"])
async def test_an_answer_that_did_not_come_whole_is_never_called_not_sent(chat: Stand, way: str) -> None:
    await send(chat, outbound(chat, "warm", id="out-0"))
    before = len(await chat.shown())
    getattr(chat.line, way)()
    receipt = await send(chat, outbound(chat))
    chat.line.mend()
    assert len(await new(chat, before)) == 1
    assert receipt.status in TAKEN | {SendStatus.UNSURE}


@on_stands(Can.API, Can.KEY)
@pytest.mark.parametrize("way", ["cut", "halve"])
async def test_an_unsure_send_may_be_repeated_where_the_platform_takes_the_key(chat: Stand, way: str) -> None:
    await send(chat, outbound(chat, "warm", id="out-0"))
    before = len(await chat.shown())
    getattr(chat.line, way)()
    await send(chat, outbound(chat))
    chat.line.mend()
    assert (await send(chat, outbound(chat))).status in TAKEN
    assert len(await new(chat, before)) == 1


@on_stands(Can.API)
@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
async def test_an_answer_of_somebody_else_is_not_believed(chat: Stand, strange: tuple[int, bytes, str]) -> None:
    await send(chat, outbound(chat, "warm", id="out-0"))
    chat.line.answer_instead(*strange)
    receipt = await send(chat, outbound(chat))
    chat.line.mend()
    assert receipt.status in MAYBE
    assert (await send(chat, outbound(chat, id="out-2"))).status in TAKEN


@on_stands(Can.PAUSE)
async def test_a_platform_that_asks_for_a_pause_gets_one(chat: Stand) -> None:
    await chat.make_trouble(Trouble.PAUSE)
    receipt = await send(chat, outbound(chat))
    assert receipt.status is SendStatus.RATE_LIMITED
    assert receipt.retry_after_s > 0


@on_stands(Can.WINDOWS)
async def test_a_closed_window_is_told_as_such(chat: Stand) -> None:
    await chat.make_trouble(Trouble.WINDOW)
    assert (await send(chat, outbound(chat))).status is SendStatus.WINDOW_CLOSED


@on_stands(Can.BLOCK)
async def test_a_customer_who_blocked_the_shop_is_unreachable(chat: Stand) -> None:
    before = len(await chat.shown())
    await chat.make_trouble(Trouble.BLOCKED)
    assert (await send(chat, outbound(chat))).status is SendStatus.UNREACHABLE
    assert not await new(chat, before)


@on_stands()
async def test_no_secret_and_no_word_of_a_customer_is_logged(chat: Stand, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # a running shop hears libraries from WARNING on
    with capture_logs() as entries:
        await _go_through_everything(chat, "13800138000")
    logged = f"{entries}{caplog.text}"
    assert [secret for secret in (*chat.secrets, "13800138000") if secret in logged] == []


async def _go_through_everything(chat: Stand, words: str) -> None:
    if Can.SPEAK not in chat.lacks:
        await said(chat, words)
        chat.shop.host.refuse = 1
        await chat.say(words)
        await until(lambda: chat.shop.host.refuse == 0)
    await send(chat, outbound(chat, words))
    if Can.SIGNED not in chat.lacks:
        await chat.forge(Forgery.SIGNATURE)
    if Can.API not in chat.lacks:
        chat.line.answer_instead(500, b"", "text/plain")
        await send(chat, outbound(chat, words, id="out-2"))
        chat.line.mend()
