"""Templates and subscription notices."""

from __future__ import annotations

import pytest

from bot.messages import Event, Notice, Purpose, Road, SendStatus
from tests.wechat.stage import CHANNEL, LI, Stage, a_message

CART = Notice("cart", {"product": "羊绒大衣 " * 5, "total": "¥1299.00"})
SHIPPED = Notice("shipped", {"order": "QH20261122"})
WINDOW_ROAD = Road("window", 1, "window")
CART_ROAD = Road("subscription", 1, "credit:cart")


async def test_a_notice_that_the_settings_map_opens_its_road(stage: Stage) -> None:
    def roads(notice: Notice, purpose: Purpose) -> list[Road]:
        return list(stage.connector.roads(a_message("您好", notice=notice, purpose=purpose)))

    assert roads(CART, Purpose.MARKETING) == [WINDOW_ROAD, CART_ROAD]
    assert roads(SHIPPED, Purpose.TRANSACTIONAL) == [WINDOW_ROAD, Road("template")]
    assert roads(SHIPPED, Purpose.SERVICE) == [WINDOW_ROAD, Road("template")]
    assert roads(SHIPPED, Purpose.MARKETING) == [WINDOW_ROAD]
    assert roads(Notice("sale", {}), Purpose.MARKETING) == [WINDOW_ROAD]
    assert roads(Notice("cart", {"product": "大衣"}), Purpose.MARKETING) == [WINDOW_ROAD]  # a field is missing


async def test_each_yes_is_one_credit_and_a_no_in_the_settings_takes_them_all(stage: Stage) -> None:
    await stage.does("subscribe", template="T-cart", accept=True)
    stage.move(seconds=1)
    await stage.does("subscribe", template="T-cart", accept=True)
    await stage.does("subscribe", template="T-cart", accept=False, change=True)
    found = [(m.event, g.right, g.count, g.window_s, g.adds_up) for m in stage.host.received for g in m.grants]
    yes = (Event.SUBSCRIBED, "credit:cart", 1, None, True)
    assert found == [yes, yes, (Event.SUBSCRIBED, "credit:cart", 0, None, False)]


async def test_a_no_in_the_dialogue_and_an_unknown_template_open_nothing(stage: Stage) -> None:
    assert (await stage.does("subscribe", template="T-cart", accept=False))["delivered"]
    assert (await stage.does("subscribe", template="T-other", accept=True))["delivered"]
    assert stage.host.received == []


async def test_two_templates_in_one_dialogue_are_two_credits(stage: Stage) -> None:
    entries = "".join(
        f"<List><TemplateId>{template}</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
        for template in ("T-cart", "T-shipped")
    )
    head = f"<FromUserName>{LI}</FromUserName><CreateTime>1795312800</CreateTime><MsgType>event</MsgType>"
    event = f"<Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent>{entries}</SubscribeMsgPopupEvent>"
    await stage.push(f"<xml>{head}{event}</xml>")
    (message,) = stage.host.received
    assert [grant.right for grant in message.grants] == ["credit:cart", "credit:shipped"]


@pytest.mark.parametrize("body", ["", "<SubscribeMsgPopupEvent>x</SubscribeMsgPopupEvent>"])
async def test_a_subscription_event_without_its_list_is_refused(stage: Stage, body: str) -> None:
    head = f"<FromUserName>{LI}</FromUserName><CreateTime>1795312800</CreateTime><MsgType>event</MsgType>"
    answer = await stage.push(f"<xml>{head}<Event>subscribe_msg_popup_event</Event>{body}</xml>")
    assert (answer.status_code, stage.host.received) == (400, [])


async def test_a_subscription_notice_fills_the_template_and_without_a_credit_is_not_sent(stage: Stage) -> None:
    message = a_message("您的购物车", notice=CART, purpose=Purpose.MARKETING, road="subscription")
    assert (await stage.connector.send(message)).status is SendStatus.WINDOW_CLOSED
    await stage.does("subscribe", template="T-cart", accept=True)
    assert (await stage.connector.send(message)).status is SendStatus.SENT
    (line,) = await stage.lines()
    assert (line["kind"], line["template"]) == ("subscription", "T-cart")
    assert line["data"] == {"thing1": ("羊绒大衣 " * 5)[:20], "amount2": "¥1299.00"}


async def test_a_template_needs_no_window_and_its_fate_is_reported(stage: Stage) -> None:
    message = a_message("已发货", notice=SHIPPED, purpose=Purpose.TRANSACTIONAL, road="template")
    receipt = await stage.connector.send(message)
    assert receipt.status is SendStatus.SENT
    for status in ("success", "failed:user block", "failed: system failed"):
        await stage.push_fields(
            MsgType="event", Event="TEMPLATESENDJOBFINISH", MsgID=int(receipt.platform_id), Status=status
        )
    reports = [report for report in stage.host.reports if report.platform_id == receipt.platform_id][-3:]
    assert {report.channel for report in reports} == {CHANNEL}
    wanted = [SendStatus.SENT, SendStatus.UNREACHABLE, SendStatus.REFUSED]
    assert [report.status for report in reports] == wanted
    assert [report.reason for report in reports] == ["", "wechat failed:user block", "wechat failed: system failed"]


@pytest.mark.parametrize(("code", "status"), [("0", SendStatus.SENT), ("43101", SendStatus.REFUSED)])
async def test_the_fate_of_a_subscription_notice_is_reported(stage: Stage, code: str, status: SendStatus) -> None:
    sent = {"List": {"TemplateId": "T-cart", "MsgID": "17", "ErrorCode": code, "ErrorStatus": "x"}}
    await stage.push_fields(MsgType="event", Event="subscribe_msg_sent_event", SubscribeMsgSentEvent=sent)
    assert [(report.platform_id, report.status) for report in stage.host.reports] == [("17", status)]


async def test_a_message_without_its_notice_is_refused_on_these_roads(stage: Stage) -> None:
    for road in ("template", "subscription", "nonsense"):
        assert (await stage.send("x", road=road)).status is SendStatus.REFUSED


async def test_a_denied_template_road_leaves_the_others_open(stage: Stage) -> None:
    message = a_message("已发货", notice=SHIPPED, purpose=Purpose.TRANSACTIONAL, road="template")
    await stage.does("fault", errcode=48001, api="message/template/send")
    assert (await stage.connector.send(message)).status is SendStatus.NOT_ALLOWED
    assert list(stage.connector.roads(message)) == [WINDOW_ROAD]
    assert list(stage.host.alerts) == ["switch_off:template"]
