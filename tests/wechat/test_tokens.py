"""One access token for all processes."""

from __future__ import annotations

import asyncio

import pytest

from bot.messages import SendStatus
from tests.wechat.stage import Stage, a_message, make_connector


async def test_an_expired_token_is_fetched_exactly_once_more(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.send("1", id="1")
    stage.twin_clock.move(seconds=7201)  # only the platform's: we still believe in the token we hold
    assert (await stage.send("2", id="2")).status is SendStatus.SENT
    assert stage.twin.fetches == 2
    assert [text for _, text in await stage.chat()] == ["在吗", "1", "2"]


async def test_a_token_near_its_end_is_renewed_before_the_platform_complains(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.send("1", id="1")
    stage.move(seconds=6900)
    await stage.send("2", id="2")
    assert stage.twin.fetches == 1
    stage.move(seconds=61)
    await stage.send("3", id="3")
    await stage.send("4", id="4")
    assert stage.twin.fetches == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_storm_of_token_errors_ends_after_one_retry_and_is_told(stage: Stage, code: int) -> None:
    await stage.does("say", text="在吗")
    await stage.does("fault", errcode=code, times=3)
    assert (await stage.send("1")).status is SendStatus.TRANSIENT
    assert stage.twin.fetches == 2
    assert list(stage.host.alerts) == ["alert"]
    assert (await stage.send("1")).status is SendStatus.SENT  # the third refusal was all that was left


async def test_many_sends_with_a_cold_connector_fetch_one_token(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    receipts = await asyncio.gather(*(stage.send("x", id=str(number)) for number in range(5)))
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 5
    assert stage.twin.fetches == 1


async def test_processes_share_the_token_and_one_renewal_is_enough_for_all(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    other = make_connector(f"{stage.base}/twin/wechat", stage.clock)
    await other.start(stage.host)
    await stage.send("1", id="1")
    assert (await other.send(a_message("2", id="2", road="window"))).status is SendStatus.SENT
    assert stage.twin.fetches == 1
    stage.twin_clock.move(seconds=7201)
    await stage.send("3", id="3")
    assert (await other.send(a_message("4", id="4", road="window"))).status is SendStatus.SENT
    assert stage.twin.fetches == 2
    await other.stop()
