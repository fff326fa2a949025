"""What customers do in 微信客服 arrives once, in order, whatever fails between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from bot.messages import WINDOW, Choice, Event, Media, Report, SendStatus
from connectors.wecom.callback import MAX_BODY_BYTES
from tests.host import RecordingHost
from tests.wecom.stage import KF, LI, OPEN_KFID, START, Stage, Watch, kf_connector, outbound, scripted, until


def refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("zhanggui_callbacks_refused_total", {"channel": KF, "reason": reason}) or 0.0


async def test_a_message_arrives_with_its_window(stage: Stage) -> None:
    stage.hold()
    said = await stage.does("say", user=LI, text="有M码吗？")
    await until(lambda: stage.host.received)
    [message] = stage.host.received
    assert (message.key, message.text, message.user, message.sent_at) == (
        f"kf:{OPEN_KFID}:{said['msgid']}",
        "有M码吗？",
        LI,
        START,
    )
    [grant] = message.grants
    assert (grant.count, grant.window_s, grant.right) == (5, 48 * 3600, WINDOW)


async def test_the_hint_is_acknowledged_before_anything_is_pulled(stage: Stage) -> None:
    assert (await stage.does("say", user=LI, text="在吗"))["attempts"] == 1
    assert stage.host.received == []


async def test_a_link_brings_its_payload_with_the_customer(stage: Stage) -> None:
    stage.hold()
    await stage.does("enter", user=LI, url=await stage.kf.link("cart.81-a_b~c"))
    await until(lambda: stage.host.received)
    [entered] = stage.host.received
    assert (entered.event, entered.payload, entered.grants) == (Event.STARTED, "cart.81-a_b~c", ())


@pytest.mark.parametrize("payload", ["", "a b", "购物车", "x" * 129])
async def test_a_payload_that_would_not_come_back_makes_no_link(stage: Stage, payload: str) -> None:
    with pytest.raises(ValueError, match="1 to 128"):
        await stage.kf.link(payload)


async def test_a_tap_on_a_menu_is_a_choice_and_opens_the_full_window(stage: Stage) -> None:
    stage.hold()
    await stage.does("say", user=LI, text="退货")
    await stage.say("哪一件？", Choice("o:1", "裙子"), Choice("o:2", "毛衣"))
    await stage.does("tap", user=LI, menu_id="o:2")
    await until(lambda: len(stage.host.received) == 2)
    tapped = stage.host.received[1]
    assert (tapped.choice, tapped.text, tapped.grants[0].count) == ("o:2", "毛衣", 5)


async def test_a_picture_can_be_fetched_until_it_is_gone(stage: Stage) -> None:
    stage.hold()
    await stage.does("image", user=LI)
    await until(lambda: stage.host.received)
    [message] = stage.host.received
    assert message.event is Event.MEDIA
    assert isinstance(message.media, Media)
    file = await stage.kf.fetch(message.media.ref)
    assert file is not None
    assert (file.mime, file.body[:4]) == ("image/png", b"\x89PNG")
    stage.clock.move(days=3, seconds=1)
    assert await stage.kf.fetch(message.media.ref) is None


async def test_a_picture_that_cannot_be_had_now_is_worth_another_try(stage: Stage) -> None:
    await stage.does("html", api="media/get")
    with pytest.raises(OSError, match="502"):
        await stage.kf.fetch("m")


async def test_what_staff_say_in_wecom_is_no_customers_message(stage: Stage) -> None:
    stage.hold()
    await stage.does("say", user=LI, text="人工")
    await stage.does("state", user=LI, state=3, staff="ai")
    await stage.does("staff_says", user=LI, text="我来")
    await stage.does("say", user=LI, text="谢谢")
    await until(lambda: len(stage.host.received) >= 2)
    assert [message.text for message in stage.host.received] == ["人工", "谢谢"]


async def test_short_pages_are_read_to_the_last_in_order(stage: Stage) -> None:
    await stage.does("page", size=2)
    for number in range(5):
        await stage.does("say", user=LI, text=str(number))
    stage.hold()
    await until(lambda: len(stage.host.received) == 5)
    assert [message.text for message in stage.host.received] == ["0", "1", "2", "3", "4"]


async def test_a_page_that_was_not_stored_is_pulled_again(stage: Stage) -> None:
    stage.host.refuse = 2
    await stage.does("say", user=LI, text="在吗")
    stage.hold()
    await until(lambda: stage.host.received)
    assert [message.text for message in stage.host.received] == ["在吗"]


async def test_the_cursor_moves_only_after_the_page_is_stored(stage: Stage) -> None:
    await stage.does("say", user=LI, text="在吗")
    stage.host.refuse = 10**6
    stage.hold()
    await until(lambda: stage.host.refuse < 10**6)
    await asyncio.sleep(0.02)
    assert "cursor" not in stage.host.facts


async def test_a_new_process_goes_on_where_the_last_one_stopped(stage: Stage) -> None:
    await stage.does("say", user=LI, text="一")
    first = stage.hold()
    await until(lambda: "cursor" in stage.host.facts)
    first.cancel()
    stage.host.received.clear()
    await stage.does("say", user=LI, text="二")
    other = kf_connector(stage.base, stage.clock)
    await other.start(stage.host)
    stage.hold(other)
    await until(lambda: stage.host.received)
    assert [message.text for message in stage.host.received] == ["二"]
    await other.stop()


async def test_a_hint_that_another_process_received_is_followed(stage: Stage) -> None:
    holder = kf_connector(stage.base, stage.clock)
    await holder.start(stage.host)
    stage.hold(holder)
    await until(lambda: "cursor" in stage.host.facts)
    await stage.does("say", user=LI, text="在吗")  # the stage's own connector takes the hint, and does not hold
    await until(lambda: stage.host.received)
    await holder.stop()


async def test_a_lost_hint_costs_a_minute_and_no_message(stage: Stage) -> None:
    stage.hold()
    await until(lambda: "cursor" in stage.host.facts)
    await stage.does("hold")
    await stage.does("say", user=LI, text="在吗")
    await asyncio.sleep(0.05)
    assert stage.host.received == []
    stage.clock.move(seconds=61)
    await until(lambda: stage.host.received)


async def test_an_old_hint_is_not_shown_to_the_platform(stage: Stage) -> None:
    await stage.does("say", user=LI, text="在吗")
    stage.clock.move(minutes=10)
    stage.hold()
    await until(lambda: stage.host.received)
    assert stage.twin.refusals == []


async def test_a_hint_that_the_platform_does_not_know_does_not_stop_the_pull(stage: Stage) -> None:
    stage.host.facts["hint"] = f"{stage.clock.now().isoformat()} made-up"
    await stage.does("hold")
    await stage.does("say", user=LI, text="在吗")
    stage.hold()
    await until(lambda: stage.host.received)
    assert [refusal.errcode for refusal in stage.twin.refusals] == [95007]


async def test_pulling_goes_on_after_the_platform_failed(stage: Stage) -> None:
    await stage.does("say", user=LI, text="在吗")
    await stage.does("half", api="kf/sync_msg", times=2)
    stage.hold()
    await until(lambda: stage.host.received)
    assert len(stage.host.received) == 1


async def test_a_hint_that_could_not_be_kept_comes_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(name: str, value: str) -> None:
        monkeypatch.undo()
        raise ConnectionError

    monkeypatch.setattr(stage.host, "keep", away)
    assert (await stage.does("say", user=LI, text="在吗"))["attempts"] == 2
    stage.hold()
    await until(lambda: stage.host.received)


async def test_a_failed_delivery_is_reported_for_the_whole_message(stage: Stage) -> None:
    stage.hold()
    await stage.does("say", user=LI, text="在吗")
    receipt = await stage.say("在的")
    await stage.does("fail", msgid=f"{receipt.platform_id}_0", fail_type=10)
    await until(lambda: stage.host.reports)
    assert stage.host.reports == [Report(KF, receipt.platform_id, SendStatus.UNREACHABLE, "wecom fail_type 10")]


@pytest.mark.parametrize(
    ("fail_type", "status"),
    [
        (0, SendStatus.REFUSED),
        (1, SendStatus.NOT_ALLOWED),
        (2, SendStatus.NOT_ALLOWED),
        (4, SendStatus.WINDOW_CLOSED),
        (5, SendStatus.WINDOW_CLOSED),
        (6, SendStatus.WINDOW_CLOSED),
        (9, SendStatus.NOT_ALLOWED),
        (12, SendStatus.REFUSED),
    ],
)
async def test_every_reason_of_a_failed_delivery_has_a_meaning(
    stage: Stage, fail_type: int, status: SendStatus
) -> None:
    await stage.does("say", user=LI, text="在吗")
    receipt = await stage.say("在的")
    await stage.does("fail", msgid=f"{receipt.platform_id}_0", fail_type=fail_type)
    stage.hold()
    await until(lambda: stage.host.reports)
    assert stage.host.reports[0].status is status


GOOD = {
    "msgid": "m9",
    "origin": 3,
    "external_userid": LI,
    "send_time": 1795312800,
    "msgtype": "text",
    "text": {"content": "在吗"},
}


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {**GOOD, "msgid": None},
        {**GOOD, "external_userid": ""},
        {**GOOD, "external_userid": "w" * 129},
        {**GOOD, "msgid": "m" * 129},
        {**GOOD, "send_time": "now"},
        {**GOOD, "send_time": -1},
        {**GOOD, "text": "在吗"},
        {**GOOD, "text": {"content": 7}},
        {**GOOD, "msgtype": None},
        {**GOOD, "msgtype": "image", "image": {}},
        {"origin": 4, "msgtype": "event", "event": None},
        {"origin": 4, "msgtype": "event", "event": {"event_type": "msg_send_fail"}},
        {"origin": 4, "msgtype": "event", "event": {"event_type": "enter_session"}},
    ],
)
async def test_an_item_that_makes_no_sense_is_counted_and_the_next_one_is_read(item: object) -> None:
    before, host = refusals("form"), RecordingHost()
    pages = [{"errcode": 0, "next_cursor": "c1", "has_more": 0, "msg_list": [item, GOOD]}]
    async with scripted({"kf/sync_msg": pages}) as base:
        connector = kf_connector(base, Watch())
        await connector.start(host)
        holding = asyncio.create_task(connector.hold())
        await until(lambda: host.received)
        holding.cancel()
        await connector.stop()
    assert [message.text for message in host.received] == ["在吗"]
    assert refusals("form") == before + 1


@pytest.mark.parametrize(
    "item",
    [
        {**GOOD, "origin": 5},
        {**GOOD, "origin": None},
        {"origin": 4, "msgtype": "event", "event": {"event_type": "something_new"}},
    ],
)
async def test_what_is_not_for_us_is_passed_over(item: object) -> None:
    before, host = refusals("form"), RecordingHost()
    async with scripted({"kf/sync_msg": [{"errcode": 0, "next_cursor": "c1", "msg_list": [item, GOOD]}]}) as base:
        connector = kf_connector(base, Watch())
        await connector.start(host)
        holding = asyncio.create_task(connector.hold())
        await until(lambda: host.received)
        holding.cancel()
        await connector.stop()
    assert len(host.received) == 1
    assert refusals("form") == before


async def test_a_tap_of_another_program_that_is_too_long_for_a_choice_comes_as_its_label() -> None:
    host, tap = RecordingHost(), {**GOOD, "text": {"content": "满意", "menu_id": "9" * 65}}
    async with scripted({"kf/sync_msg": [{"errcode": 0, "next_cursor": "c1", "msg_list": [tap]}]}) as base:
        connector = kf_connector(base, Watch())
        await connector.start(host)
        holding = asyncio.create_task(connector.hold())
        await until(lambda: host.received)
        holding.cancel()
        await connector.stop()
    assert [(message.choice, message.text) for message in host.received] == [(None, "满意")]


async def test_a_platform_that_never_says_it_is_done_is_not_asked_without_end() -> None:
    host = RecordingHost()
    same = {"errcode": 0, "next_cursor": "c1", "has_more": 1, "msg_list": [GOOD]}
    async with scripted({"kf/sync_msg": [same, same, {"errcode": 0, "next_cursor": "never"}]}) as base:
        connector = kf_connector(base, Watch())
        await connector.start(host)
        holding = asyncio.create_task(connector.hold())
        await until(lambda: host.facts.get("cursor") == "c1")
        await asyncio.sleep(0.05)
        holding.cancel()
        await connector.stop()
    assert host.facts["cursor"] == "c1"


@pytest.mark.parametrize(
    ("how", "reason", "status"),
    [
        ("signature", "signature", 403),
        ("stale", "stale", 403),
        ("corp", "corp_id", 403),
        ("oversize", "size", 400),
        ("plain", "form", 400),
        ("garbage", "form", 400),
    ],
)
async def test_a_forged_callback_is_refused_and_counted(stage: Stage, how: str, reason: str, status: int) -> None:
    await stage.does("say", user=LI, text="在吗")
    hint, before = stage.host.facts["hint"], refusals(reason)
    assert (await stage.does("forge", how=how))["status"] == status
    assert refusals(reason) == before + 1
    assert stage.host.facts["hint"] == hint


async def test_the_address_is_verified_as_wecom_does(stage: Stage) -> None:
    assert (await stage.does("verify"))["verified"]
    assert (await stage.http.get(stage.callback)).status_code == 403


async def test_a_body_without_end_is_not_read(stage: Stage) -> None:
    answer = await stage.http.post(stage.callback, content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 400


async def test_a_hint_for_another_account_is_acknowledged_and_left_alone(stage: Stage) -> None:
    other = kf_connector(stage.base, stage.clock, open_kfid="wkOther")
    await other.start(stage.host)
    await other._take({"Event": "kf_msg_or_event", "OpenKfId": OPEN_KFID, "Token": "t"})
    assert "hint" not in stage.host.facts
    await other.stop()


async def test_the_welcome_code_answers_within_20_s_without_a_window(stage: Stage) -> None:
    stage.hold()
    await stage.does("enter", user=LI, scene="shop")
    await until(lambda: stage.host.received)
    hello = outbound("欢迎！")
    assert [road.name for road in stage.kf.roads(hello)] == ["passive", "window"]
    assert (await stage.say("欢迎！", road="passive")).status is SendStatus.SENT
    assert await stage.chat() == ["欢迎！"]
    assert [road.name for road in stage.kf.roads(outbound("再说一句"))] == ["window"]


async def test_a_welcome_code_that_is_over_sends_the_message_another_way(stage: Stage) -> None:
    stage.hold()
    await stage.does("enter", user=LI, scene="shop")
    await until(lambda: stage.host.received)
    stage.clock.time += timedelta(seconds=20)
    assert [road.name for road in stage.kf.roads(outbound("欢迎！"))] == ["window"]
    assert (await stage.say("欢迎！", road="passive")).status is SendStatus.TRANSIENT
