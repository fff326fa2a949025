"""The access token of WeCom: one for all processes, renewed once, never asked for in a storm."""

from __future__ import annotations

import asyncio

import pytest

from bot.messages import SendStatus
from tests.wecom.stage import KF, LI, Stage, kf_connector, outbound


@pytest.fixture
async def talking(stage: Stage) -> Stage:
    await stage.does("say", user=LI, text="在吗")
    return stage


async def test_many_sends_at_once_ask_for_one_token(talking: Stage) -> None:
    receipts = await asyncio.gather(*(talking.say(str(number), id=f"m{number}") for number in range(5)))
    assert {receipt.status for receipt in receipts} == {SendStatus.SENT}
    assert talking.twin.fetches == 1


async def test_processes_share_the_token(talking: Stage) -> None:
    await talking.say("一")
    other = kf_connector(talking.base, talking.clock)
    await other.start(talking.host)
    assert (await other.send(outbound("二", id="m2"))).status is SendStatus.SENT
    assert talking.twin.fetches == 1
    await other.stop()


async def test_a_token_that_died_early_is_renewed_once_and_the_call_repeated(talking: Stage) -> None:
    await talking.say("一")
    await talking.does("revoke")
    assert (await talking.say("二", id="m2")).status is SendStatus.SENT
    assert talking.twin.fetches == 2


async def test_a_token_that_another_process_renewed_is_taken_over(talking: Stage) -> None:
    other = kf_connector(talking.base, talking.clock)
    await other.start(talking.host)
    await other.send(outbound("一", id="m1"))
    await talking.say("二", id="m2")
    await talking.does("revoke")
    await other.send(outbound("三", id="m3"))
    assert (await talking.say("四", id="m4")).status is SendStatus.SENT
    assert talking.twin.fetches == 2
    await other.stop()


async def test_a_token_is_used_until_it_ends(talking: Stage) -> None:
    await talking.say("一")
    talking.clock.move(seconds=7199)
    await talking.say("二", id="m2")
    assert talking.twin.fetches == 1
    talking.clock.move(seconds=1)
    await talking.say("三", id="m3")
    assert talking.twin.fetches == 2


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_platform_that_likes_no_token_is_asked_twice_and_then_left(talking: Stage, errcode: int) -> None:
    await talking.does("fault", errcode=errcode, api="kf/send_msg", times=100)
    assert (await talking.say("在的")).status is SendStatus.TRANSIENT
    assert talking.twin.fetches == 2


async def test_a_wrong_secret_is_told_once_and_makes_no_storm(talking: Stage) -> None:
    wrong = kf_connector(talking.base, talking.clock, secret="wrong")
    await wrong.start(talking.host)
    for number in range(5):
        assert (await wrong.send(outbound("在的", id=f"m{number}"))).status is SendStatus.TRANSIENT
    assert talking.twin.fetches == 1
    assert list(talking.host.alerts) == [f"wecom-{KF}-40001"]
    talking.clock.move(seconds=60)
    await wrong.send(outbound("在的"))
    assert talking.twin.fetches == 2
    await wrong.stop()


async def test_an_address_that_is_not_trusted_is_told_to_the_shop(talking: Stage) -> None:
    await talking.does("trust", trusted=False)
    assert (await talking.say("在的")).status is SendStatus.NOT_ALLOWED
    assert list(talking.host.alerts) == [f"wecom-{KF}-60020"]


@pytest.mark.parametrize("trouble", ["html", "half"])
async def test_a_token_that_did_not_come_is_no_message_that_left(talking: Stage, trouble: str) -> None:
    await talking.does(trouble, api="gettoken")
    assert (await talking.say("在的")).status is SendStatus.TRANSIENT
    assert (await talking.say("在的")).status is SendStatus.SENT
