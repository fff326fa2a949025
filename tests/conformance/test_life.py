"""Starting, stopping, starting again and running twice: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from tests.conformance.platforms import on_stands
from tests.conformance.stand import TAKEN, Can, Stand, outbound, said, send, until


@on_stands()
async def test_a_connector_names_its_channel_and_its_limits(ready: Stand) -> None:
    assert re.fullmatch(r"[a-z]+:[A-Za-z0-9_-]+", ready.shop.connector.channel)
    assert ready.shop.connector.channel == ready.chat.channel
    limits = ready.shop.connector.limits
    for rate in (limits.overall, limits.per_chat, limits.per_group):
        assert rate is None or (rate.count >= 1 and rate.per_s > 0)


@on_stands()
async def test_its_routes_stand_under_its_own_name(ready: Stand) -> None:
    kind, _, name = ready.shop.connector.channel.partition(":")
    paths = [route.path for route in ready.shop.connector.routes()]  # type: ignore[attr-defined]  # Route and Mount
    folder = {"web": "webchat"}.get(kind, kind)
    assert all(path.startswith(f"/{folder}/{name}") for path in paths)


@on_stands()
async def test_stopping_what_never_started_is_no_error(ready: Stand) -> None:
    other = ready.shop.make()
    await asyncio.wait_for(other.stop(), 2)


@on_stands()
async def test_stopping_twice_is_no_error(stand: Stand) -> None:
    await stand.shop.end()
    await asyncio.wait_for(stand.shop.connector.stop(), 2)


@on_stands()
async def test_it_lets_go_of_the_channel_at_once(stand: Stand) -> None:
    await asyncio.wait_for(stand.shop.end(), 2)


@on_stands(Can.SPEAK, Can.AGAIN)
async def test_a_connector_that_was_not_started_acknowledges_nothing(ready: Stand) -> None:
    await ready.say("早上好")
    assert not ready.shop.host.received
    await ready.shop.begin()
    await ready.again()
    await until(lambda: any(message.text == "早上好" for message in ready.shop.host.received))


@on_stands(Can.SPEAK, Can.AGAIN)
async def test_what_was_said_between_stop_and_start_is_not_lost(stand: Stand) -> None:
    await said(stand, "before")
    await stand.shop.restart()
    await said(stand, "after")
    await stand.again()
    assert [message.text for message in stand.shop.host.received if not message.event] == ["before", "after"]


@on_stands(Can.SPEAK)
async def test_two_processes_of_a_channel_do_not_double(chat: Stand) -> None:
    other = chat.shop.make()
    await other.start(chat.shop.host)
    await said(chat, "once")
    assert [message.text for message in chat.shop.host.received if not message.event] == ["在吗", "once"]
    await other.stop()


@on_stands()
async def test_a_process_that_does_not_hold_the_channel_can_send(chat: Stand) -> None:
    other = chat.shop.make()
    await other.start(chat.shop.host)
    message = outbound(chat, id="out-7")
    name = next(road.name for road in other.roads(message) if road.name != "passive")
    receipt = await other.send(replace(message, road=name))
    assert receipt.status in TAKEN
    await other.stop()


@on_stands()
async def test_many_sends_at_once_all_have_their_receipt(chat: Stand) -> None:
    receipts = await asyncio.gather(*(send(chat, outbound(chat, f"第 {n} 条", id=f"out-{n}")) for n in range(3)))
    assert {receipt.status for receipt in receipts} <= TAKEN
