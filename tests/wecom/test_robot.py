"""The group robot tells the staff what needs them, within WeCom's limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.errors import SettingsError
from bot.messages import Rate, SendStatus
from connectors.wecom.robot import StaffRobot
from tests.wecom.stage import ROBOT_KEY, Stage


@pytest.fixture
async def robot(stage: Stage) -> AsyncIterator[StaffRobot]:
    one = StaffRobot(ROBOT_KEY, stage.clock.now().date(), f"{stage.base}/twin/wecom")
    yield one
    await one.stop()


async def heard(stage: Stage) -> list[str]:
    lines = (await stage.asks("robots"))["robots"][ROBOT_KEY]
    return [line["text"] for line in lines]


async def test_the_staff_hear_it(stage: Stage, robot: StaffRobot) -> None:
    assert (await robot.say("3 个任务等待确认")).status is SendStatus.SENT
    assert await heard(stage) == ["3 个任务等待确认"]


async def test_a_text_that_is_too_long_is_cut(stage: Stage, robot: StaffRobot) -> None:
    assert (await robot.say("客户在等。" * 300)).status is SendStatus.SENT
    [text] = await heard(stage)
    assert len(text.encode()) <= 2048


async def test_the_twenty_first_in_a_minute_has_to_wait(robot: StaffRobot) -> None:
    receipts = [await robot.say(str(number)) for number in range(21)]
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 20 + [SendStatus.RATE_LIMITED]
    assert receipts[-1].retry_after_s == 60
    assert robot.limits.overall == Rate(20, 60)


@pytest.mark.parametrize(
    ("errcode", "status"),
    [(130101, SendStatus.RATE_LIMITED), (93000, SendStatus.NOT_ALLOWED), (-1, SendStatus.TRANSIENT)],
)
async def test_every_error_has_a_meaning(stage: Stage, robot: StaffRobot, errcode: int, status: SendStatus) -> None:
    await stage.does("fault", errcode=errcode, api="webhook/send")
    assert (await robot.say("在吗")).status is status


async def test_a_lost_answer_is_unsure(stage: Stage, robot: StaffRobot) -> None:
    await stage.does("half", api="webhook/send")
    assert (await robot.say("在吗")).status is SendStatus.UNSURE


async def test_nothing_to_say_is_refused(robot: StaffRobot) -> None:
    assert (await robot.say("  ")).status is SendStatus.REFUSED


async def test_a_robot_without_a_key_is_refused_at_once(stage: Stage) -> None:
    with pytest.raises(SettingsError):
        StaffRobot("", stage.clock.now().date())
