"""Customer-service messages: windows, cutting, what goes on after a failure."""

from __future__ import annotations

from bot.messages import WINDOW, Choice, File, Purpose, Road, SendStatus
from tests.wechat.stage import LI, WANG, Stage, a_message, make_connector

POLICY = "\n".join(f"{number:02} " + "退" * 660 for number in range(4))
PICTURE = File(b"\x89PNG" + bytes(40), "image/png")


async def test_an_answer_appears_in_the_chat(stage: Stage) -> None:
    await stage.does("say", text="你好")
    assert (await stage.send("您好 😀 ]]> \u202eمرحبا\u202c")).status is SendStatus.SENT
    assert await stage.chat() == [("user", "你好"), ("account", "您好 😀 ]]> \u202eمرحبا\u202c")]


async def test_choices_and_a_poll_become_numbered_lists(stage: Stage) -> None:
    await stage.does("say", text="退货")
    await stage.send("请选择：", Choice("a", "不合身"), Choice("b", "有瑕疵"))
    await stage.connector.send(a_message("哪种颜色？", id="m2", road="window", poll=("红", "蓝")))
    assert [text for _, text in (await stage.chat())[1:]] == [
        "请选择：\n1. 不合身\n2. 有瑕疵",
        "哪种颜色？\n1. 红\n2. 蓝",
    ]


async def test_the_window_of_a_message_takes_five_and_a_new_message_opens_it_again(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    receipts = [await stage.send(str(number), id=str(number)) for number in range(6)]
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 5 + [SendStatus.WINDOW_CLOSED]
    assert receipts[-1].reason == "wechat 45047"
    await stage.does("say", text="还在吗")
    assert (await stage.send("在")).status is SendStatus.SENT


async def test_the_window_of_a_message_ends_after_48_hours(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    stage.move(hours=47, minutes=59)
    assert (await stage.send("在", id="1")).status is SendStatus.SENT
    stage.move(minutes=1)
    assert (await stage.send("在", id="2")).reason == "wechat 45015"


async def test_who_unfollowed_was_blocked_or_never_existed_cannot_be_reached(stage: Stage) -> None:
    await stage.does("unfollow")
    await stage.does("block", user=WANG)
    receipts = [await stage.send("x", user=user) for user in (LI, WANG, "oNobody")]
    assert [receipt.status for receipt in receipts] == [SendStatus.UNREACHABLE] * 3
    assert [receipt.reason for receipt in receipts] == ["wechat 43004", "wechat 43019", "wechat 40003"]


async def test_a_text_costs_its_pieces_and_needs_the_window(stage: Stage) -> None:
    assert stage.connector.roads(a_message("您好")) == [Road("window", 1, WINDOW)]
    assert stage.connector.roads(a_message(POLICY)) == [Road("window", 4, WINDOW)]
    assert stage.connector.roads(a_message("看图", picture=PICTURE)) == [Road("window", 2, WINDOW)]
    assert stage.connector.roads(a_message("  ")) == []
    assert stage.connector.roads(a_message("上新", purpose=Purpose.MARKETING)) == [Road("window", 1, WINDOW)]


async def test_a_long_text_arrives_whole_in_pieces_of_2048_bytes(stage: Stage) -> None:
    await stage.does("say", text="政策")
    policy = "自签收之日起七天内可以退货，商品须保持完好。" * 80
    assert (await stage.send(policy)).status is SendStatus.SENT
    pieces = [text for side, text in await stage.chat() if side == "account"]
    assert len(pieces) == 3
    assert all(len(piece.encode()) <= 2048 and piece.endswith("。") for piece in pieces)
    assert "".join(pieces) == policy
    assert not any(stage.host.facts[name] for name in stage.host.facts if name.startswith("sent:"))


async def test_a_text_that_failed_midway_goes_on_there_and_costs_all_again(stage: Stage) -> None:
    await stage.does("click", key="policy")
    assert (await stage.send(POLICY)).status is SendStatus.WINDOW_CLOSED
    assert stage.connector.roads(a_message(POLICY)) == [Road("window", 4, WINDOW)]
    await stage.does("say", text="继续")
    assert (await stage.send(POLICY)).status is SendStatus.SENT
    pieces = [text for side, text in await stage.chat() if side == "account"]
    assert [piece[:2] for piece in pieces] == ["00", "01", "02", "03"]


async def test_another_process_goes_on_where_the_first_one_stopped(stage: Stage) -> None:
    await stage.does("click", key="policy")
    await stage.send(POLICY)
    await stage.does("say", text="继续")
    other = make_connector(f"{stage.base}/twin/wechat", stage.clock)
    await other.start(stage.host)
    assert (await other.send(a_message(POLICY, road="window"))).status is SendStatus.SENT
    await other.stop()
    assert [text[:2] for side, text in await stage.chat() if side == "account"] == ["00", "01", "02", "03"]


async def test_a_picture_is_shown_above_its_text_and_uploaded_once_in_three_days(stage: Stage) -> None:
    await stage.does("say", text="有图吗")
    for number in range(2):
        message = a_message("这是实拍", id=str(number), picture=PICTURE, road="window")
        assert (await stage.connector.send(message)).status is SendStatus.SENT
    sent = [line for line in await stage.lines() if line["from"] == "account"]
    assert [line["kind"] for line in sent] == ["image", "text", "image", "text"]
    assert sent[0]["media"] == sent[2]["media"]
    stage.move(days=3)
    await stage.does("say", text="再看看")
    await stage.connector.send(a_message("这是实拍", id="3", picture=PICTURE, road="window"))
    fresh = [line["media"] for line in await stage.lines() if line["kind"] == "image"][-1]
    assert fresh != sent[0]["media"]


async def test_a_picture_that_the_platform_lost_is_uploaded_again_at_the_next_try(stage: Stage) -> None:
    await stage.does("say", text="有图吗")
    message = a_message("", picture=PICTURE, road="window")
    await stage.does("fault", errcode=40007)
    assert (await stage.connector.send(message)).status is SendStatus.TRANSIENT
    assert not any(value for name, value in stage.host.facts.items() if name.startswith("media:"))
    assert (await stage.connector.send(message)).status is SendStatus.SENT


async def test_a_picture_over_two_mebibytes_is_refused(stage: Stage) -> None:
    await stage.does("say", text="有图吗")
    big = File(bytes(2 * 1024 * 1024 + 1), "image/png")
    receipt = await stage.connector.send(a_message("", picture=big, road="window"))
    assert (receipt.status, receipt.reason) == (SendStatus.REFUSED, "a picture of 2097153 bytes is too large")


async def test_a_customers_file_is_gone_after_three_days(stage: Stage) -> None:
    await stage.does("image")
    media = stage.host.received[0].media
    assert media is not None
    stage.move(days=3)
    assert await stage.connector.fetch(media.ref) is None
