"""Every answer of WeChat has its receipt and its consequence."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import connectors.wechat.client as client_module
from bot.messages import File, Notice, Purpose, SendStatus
from tests.host import RecordingHost
from tests.loopback import base_of, listening
from tests.wechat.stage import Served, Stage, Watch, a_message, make_connector, staged

SWITCHED_OFF, CREDENTIALS, TOKENS = "switch_off:messages", "stop", "alert"


@pytest.mark.parametrize(
    ("code", "status", "alerts"),
    [
        (-1, SendStatus.TRANSIENT, set()),
        (40001, SendStatus.TRANSIENT, {TOKENS}),
        (40003, SendStatus.UNREACHABLE, set()),
        (40013, SendStatus.TRANSIENT, {CREDENTIALS}),
        (40014, SendStatus.TRANSIENT, {TOKENS}),
        (40125, SendStatus.TRANSIENT, {CREDENTIALS}),
        (40164, SendStatus.TRANSIENT, {CREDENTIALS}),
        (40243, SendStatus.TRANSIENT, {CREDENTIALS}),
        (42001, SendStatus.TRANSIENT, {TOKENS}),
        (43004, SendStatus.UNREACHABLE, set()),
        (43019, SendStatus.UNREACHABLE, set()),
        (43101, SendStatus.WINDOW_CLOSED, set()),
        (45002, SendStatus.REFUSED, set()),
        (45008, SendStatus.REFUSED, set()),
        (45009, SendStatus.NOT_ALLOWED, set()),
        (45011, SendStatus.RATE_LIMITED, set()),
        (45015, SendStatus.WINDOW_CLOSED, set()),
        (45028, SendStatus.WINDOW_CLOSED, set()),
        (45047, SendStatus.WINDOW_CLOSED, set()),
        (48001, SendStatus.NOT_ALLOWED, {SWITCHED_OFF}),
        (99999, SendStatus.REFUSED, set()),
    ],
)
async def test_every_error_code_has_its_receipt(stage: Stage, code: int, status: SendStatus, alerts: set[str]) -> None:
    await stage.does("fault", errcode=code, times=2)
    receipt = await stage.send("x")
    assert (receipt.status, receipt.reason) == (status, f"wechat {code}")
    assert set(stage.host.alerts) == alerts


async def test_a_message_that_the_platform_has_already_counts_as_sent(stage: Stage) -> None:
    await stage.does("fault", errcode=45065)
    assert (await stage.send("x")).status is SendStatus.SENT


async def test_a_spent_day_quota_closes_its_road_until_midnight_in_beijing(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.does("quota", api="message/custom/send", left=0)
    shipped = a_message("已发货", notice=Notice("shipped", {"order": "QH-1"}), purpose=Purpose.TRANSACTIONAL)
    assert [road.name for road in stage.connector.roads(shipped)] == ["window", "template"]
    first = await stage.send("x")
    stage.move(hours=13, minutes=59)  # 02:00 UTC is 10:00 there
    second = await stage.send("x", id="m2")
    assert {(receipt.status, receipt.retry_after_s) for receipt in (first, second)} == {(SendStatus.NOT_ALLOWED, 0)}
    assert [road.name for road in stage.connector.roads(shipped)] == ["template"]
    answer = await stage.http.get(f"{stage.base}/twin/wechat/control/refusals")
    assert len(answer.json()["refusals"]) == 1
    stage.move(minutes=1)
    assert [road.name for road in stage.connector.roads(shipped)] == ["window", "template"]
    assert (await stage.send("x")).status is SendStatus.SENT


async def test_the_spent_quota_of_customers_files_stops_no_picture_of_ours(stage: Stage) -> None:
    await stage.does("image")
    media = stage.host.received[0].media
    assert media is not None
    await stage.does("quota", api="media/get", left=0)
    with pytest.raises(OSError, match="45009"):
        await stage.connector.fetch(media.ref)
    picture = a_message("看图", picture=File(b"\x89PNG" + bytes(40), "image/png"), road="window")
    assert [road.name for road in stage.connector.roads(picture)] == ["window"]
    assert (await stage.connector.send(picture)).status is SendStatus.SENT


async def test_too_many_calls_a_minute_wait_a_minute(stage: Stage) -> None:
    await stage.does("fault", errcode=45011)
    assert (await stage.send("x")).retry_after_s == 60


async def test_a_road_that_the_account_may_not_use_is_off_for_a_day_here_and_after_a_restart() -> None:
    shipped = a_message("已发货")
    async with staged() as stage:
        await stage.does("fault", errcode=48001)
        await stage.send("x")
        other = make_connector(f"{stage.base}/twin/wechat", stage.clock)
        await other.start(stage.host)
        assert (stage.connector.roads(shipped), other.roads(shipped)) == ([], [])
        stage.move(days=1)
        assert [road.name for road in stage.connector.roads(shipped)] == ["window"]
        assert [road.name for road in other.roads(shipped)] == ["window"]
        await other.stop()


async def test_what_meets_wrong_credentials_waits_and_they_are_told_once_and_not_tried_for_a_while(
    stage: Stage,
) -> None:
    host, connector = RecordingHost(), make_connector(f"{stage.base}/twin/wechat", stage.clock, app_secret="wrong")
    await connector.start(host)
    message = a_message("x", road="window")
    receipts = [await connector.send(message) for _ in range(4)]
    stage.move(minutes=2)
    receipts.append(await connector.send(message))
    assert {receipt.status for receipt in receipts} == {SendStatus.TRANSIENT}
    assert receipts[0].reason == "wechat 40125"
    assert [receipt.retry_after_s for receipt in receipts] == [300, 300, 300, 300, 180]
    assert [road.name for road in connector.roads(message)] == ["window"]
    assert list(host.alerts) == ["stop"]
    answer = await stage.http.get(f"{stage.base}/twin/wechat/control/refusals")
    assert len(answer.json()["refusals"]) == 1
    stage.move(minutes=3)
    assert (await connector.send(message)).reason == "wechat 40125"
    await connector.stop()


@pytest.mark.parametrize(
    ("fault", "more", "status"),
    [
        ("html", {"status": 502}, SendStatus.TRANSIENT),
        ("html", {"status": 404}, SendStatus.REFUSED),
        ("html", {"status": 200}, SendStatus.UNSURE),
        ("half", {}, SendStatus.UNSURE),
    ],
)
async def test_a_page_or_half_an_answer_is_told_apart(
    stage: Stage, fault: str, more: dict[str, Any], status: SendStatus
) -> None:
    await stage.does("say", text="在吗")
    await stage.does(fault, **more)
    assert (await stage.send("x")).status is status


async def test_a_send_that_is_not_answered_in_time_is_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_S", 0.1)
    async with staged() as stage:
        await stage.does("say", text="在吗")
        await stage.does("slow", seconds=0.2)
        assert (await stage.send("x")).status is SendStatus.UNSURE


async def test_nobody_listening_means_surely_not_sent() -> None:
    with listening() as port:
        base = base_of(port)
    connector = make_connector(base, Watch())
    await connector.start(RecordingHost())
    receipt = await connector.send(a_message("x", road="window"))
    await connector.stop()
    assert receipt.status is SendStatus.TRANSIENT


async def test_a_connector_that_is_not_started_sends_nothing() -> None:
    connector = make_connector("https://api.weixin.qq.com", Watch())
    assert (await connector.send(a_message("x", road="window"))).status is SendStatus.TRANSIENT


@pytest.mark.parametrize("answer", [("<html>bad gateway</html>", 502), ("<html>log in</html>", 200), ("{}", 200)])
async def test_without_a_token_nothing_was_sent(answer: tuple[str, int]) -> None:
    async def stable_token(request: object) -> Response:
        return PlainTextResponse(*answer)

    app = Starlette(routes=[Route("/cgi-bin/stable_token", stable_token, methods=["POST"])])
    async with Served(app, listening()) as base:
        connector = make_connector(base, Watch())
        await connector.start(RecordingHost())
    receipt = await connector.send(a_message("x", road="window"))
    await connector.stop()
    assert receipt.status is SendStatus.TRANSIENT
