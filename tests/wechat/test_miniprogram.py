"""The customer chat inside a mini-program."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from bot.messages import Event, Notice, Purpose, SendStatus
from connectors.wechat.account import Kind
from tests.wechat.stage import APP_ID, Stage, a_message, staged


@pytest_asyncio.fixture
async def mini() -> AsyncIterator[Stage]:
    async with staged(Kind.MINI_PROGRAM, holding=True) as stage:
        yield stage


async def test_entering_the_chat_brings_where_from_and_two_messages_in_a_minute(mini: Stage) -> None:
    assert mini.callback.endswith("/miniprogram/gh_qinghe/callback")
    await mini.does("enter", session_from="cart-8812")
    (message,) = mini.host.received
    assert (message.event, message.payload, message.chat.channel) == (
        Event.STARTED,
        "cart-8812",
        "miniprogram:gh_qinghe",
    )
    assert [(grant.action, grant.count, grant.window_s) for grant in message.grants] == [("acted", 2, 60)]
    assert message.key.startswith(f"mp:{APP_ID}:")
    assert [(await mini.send("x", id=str(n))).reason for n in range(3)] == ["", "", "wechat 45047"]


async def test_a_message_opens_five_in_48_hours(mini: Stage) -> None:
    await mini.does("say", text="在吗")
    assert [(grant.count, grant.window_s) for grant in mini.host.received[0].grants] == [(5, 172800)]
    assert (await mini.send("在")).status is SendStatus.SENT
    assert await mini.chat() == [("user", "在吗"), ("account", "在")]


async def test_its_only_road_is_the_window(mini: Stage) -> None:
    message = a_message("x", chat=mini.channel, notice=Notice("shipped", {"order": "Q1"}), purpose=Purpose.SERVICE)
    assert [road.name for road in mini.connector.roads(message)] == ["window"]
