"""What is said to customers of 微信客服 goes out once, within WeCom's rules, and every refusal has a meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

import connectors.wecom.api as api_module
import connectors.wecom.kf as kf_module
from bot.errors import SettingsError
from bot.messages import WINDOW, Chat, ChatKind, Choice, File, Outbound, Purpose, Road, SendStatus
from tests.wecom.stage import KF, LI, PNG, WANG, Stage, kf_connector, outbound

YES, NO = Choice("y", "要"), Choice("n", "不要")


@pytest.fixture
async def talking(stage: Stage) -> Stage:
    """A stage on which 李 has just said something."""
    await stage.does("say", user=LI, text="在吗")
    return stage


async def menu(stage: Stage) -> list[tuple[str, str]]:
    lines = (await stage.asks("messages", user=LI))["messages"]
    return [(choice["id"], choice["text"]) for choice in lines[-1]["choices"]]


async def test_a_text_arrives(talking: Stage) -> None:
    receipt = await talking.say("在的，亲")
    assert receipt.status is SendStatus.SENT
    assert await talking.chat() == ["在的，亲"]


async def test_a_message_goes_by_the_window_and_its_cost_is_its_pieces(stage: Stage) -> None:
    assert stage.kf.roads(outbound("短")) == [Road("window", cost=1, needs=WINDOW)]
    assert stage.kf.roads(outbound("一句话。" * 400))[0].cost == 3
    assert stage.kf.roads(outbound("看图", picture=PNG))[0].cost == 2


async def test_there_is_no_road_into_a_group(stage: Stage) -> None:
    assert stage.kf.roads(Outbound("m", Chat(KF, "g", ChatKind.GROUP), Purpose.REPLY, "hi")) == []


async def test_a_long_text_is_cut_at_sentence_ends_by_bytes(talking: Stage) -> None:
    text = "这件裙子是真丝的。" * 150
    await talking.say(text)
    pieces = await talking.chat()
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= 2048 and piece.endswith("。") for piece in pieces)


async def test_emoji_and_markup_arrive_as_they_are(talking: Stage) -> None:
    text = "👗 ]]> <b>שלום</b> &amp; 𠮷"
    await talking.say(text)
    assert await talking.chat() == [text]


async def test_up_to_three_choices_are_a_menu(talking: Stage) -> None:
    await talking.say("要包邮吗？", YES, NO)
    assert await talking.chat() == ["要包邮吗？"]
    assert await menu(talking) == [("y", "要"), ("n", "不要")]


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("选一个", [Choice(str(number), f"第{number}件") for number in range(4)]),
        ("选一个", [Choice("a", "长" * 43)]),
        ("长" * 342, [YES]),
    ],
)
async def test_choices_that_fit_no_menu_are_a_numbered_list(talking: Stage, text: str, choices: list[Choice]) -> None:
    assert (await talking.say(text, *choices)).status is SendStatus.SENT
    assert await menu(talking) == []
    assert (await talking.chat())[0].endswith(f"{len(choices)}. {choices[-1].label}")


async def test_a_poll_is_a_numbered_list(talking: Stage) -> None:
    await talking.say("哪个颜色？", poll=("红", "蓝"))
    assert await talking.chat() == ["哪个颜色？\n1. 红\n2. 蓝"]


async def test_a_picture_comes_before_its_words_and_is_uploaded_once(talking: Stage) -> None:
    await talking.say("新款", id="m1", picture=PNG)
    await talking.say("再看", id="m2", picture=PNG)
    lines = (await talking.asks("messages", user=LI))["messages"][1:]
    assert [line["type"] for line in lines] == ["image", "text", "image", "text"]
    assert lines[0]["media_id"] == lines[2]["media_id"]


async def test_a_picture_is_uploaded_anew_before_it_ends(talking: Stage) -> None:
    await talking.say("新款", picture=PNG)
    talking.clock.move(days=2, hours=23, minutes=30)
    await talking.does("say", user=LI, text="还有吗")
    await talking.say("有", id="m2", picture=PNG)
    lines = [line for line in (await talking.asks("messages", user=LI))["messages"] if line["type"] == "image"]
    assert lines[0]["media_id"] != lines[1]["media_id"]


async def test_a_picture_that_is_too_large_is_refused_before_anything_is_sent(talking: Stage) -> None:
    receipt = await talking.say("看", picture=File(b"0" * (10 * 2**20 + 1), "image/png"))
    assert receipt.status is SendStatus.REFUSED
    assert await talking.chat() == []


async def test_nothing_to_send_is_refused(talking: Stage) -> None:
    assert (await talking.say(" \n")).status is SendStatus.REFUSED


async def test_a_repeated_message_is_shown_once(talking: Stage) -> None:
    receipts = [await talking.say("在的", id="same") for _ in range(2)]
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 2
    assert receipts[0].platform_id == receipts[1].platform_id
    assert await talking.chat() == ["在的"]


async def test_a_message_whose_answer_was_lost_can_be_sent_again(
    talking: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "TIMEOUT_S", 0.1)
    hasty = kf_connector(talking.base, talking.clock)
    await hasty.start(talking.host)
    assert hasty.limits.takes_key
    await talking.does("slow", seconds=0.2, api="kf/send_msg")
    assert (await hasty.send(outbound("在的"))).status is SendStatus.UNSURE
    assert (await hasty.send(outbound("在的"))).status is SendStatus.SENT
    assert await talking.chat() == ["在的"]
    await hasty.stop()


async def test_a_half_answer_is_unsure_and_the_repeat_is_shown_once(talking: Stage) -> None:
    await talking.does("half", api="kf/send_msg")
    assert (await talking.say("在的")).status is SendStatus.UNSURE
    assert (await talking.say("在的")).status is SendStatus.SENT
    assert await talking.chat() == ["在的"]


async def test_a_cut_message_goes_on_behind_the_pieces_that_arrived(talking: Stage) -> None:
    text = "这件裙子是真丝的。" * 150
    await talking.say(text[:9])
    await talking.does("fault", errcode=-1, api="kf/send_msg")
    assert (await talking.say(text, id="m2")).status is SendStatus.TRANSIENT
    assert [road.cost for road in talking.kf.roads(outbound(text, id="m2"))] == [2]  # all again, as it was given back
    assert (await talking.say(text, id="m2")).status is SendStatus.SENT
    assert "".join(await talking.chat()) == text[:9] + text


async def test_a_rule_that_begins_tomorrow_holds_from_tomorrow_on(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = kf_module.RIGHTS.read_text(encoding="utf-8")
    stricter = rules.replace("2021-09-01", "2026-11-23").replace("text_bytes = 2048", "text_bytes = 1024")
    (tmp_path / "rights.toml").write_text(rules + stricter, encoding="utf-8")
    monkeypatch.setattr(kf_module, "RIGHTS", tmp_path / "rights.toml")
    connector, text = kf_connector(stage.base, stage.clock), outbound("一句话。" * 160)
    assert [road.cost for road in connector.roads(text)] == [1]
    stage.clock.move(days=1)
    assert [road.cost for road in connector.roads(text)] == [2]
    await connector.stop()


async def test_a_page_of_some_box_between_is_no_receipt(talking: Stage) -> None:
    await talking.does("html", api="kf/send_msg")
    receipt = await talking.say("在的")
    assert (receipt.status, receipt.reason) == (SendStatus.UNSURE, "http 502")


async def test_a_server_that_is_not_there_took_nothing(talking: Stage) -> None:
    lost = kf_connector("http://127.0.0.1:9", talking.clock)
    await lost.start(talking.host)
    assert (await lost.send(outbound("在的"))).status is SendStatus.TRANSIENT
    await lost.stop()


async def test_a_connector_that_was_not_started_sends_nothing(stage: Stage) -> None:
    idle = kf_connector(stage.base, stage.clock)
    assert (await idle.send(outbound("在的"))).status is SendStatus.TRANSIENT
    await idle.stop()


async def test_the_sixth_message_closes_the_window(talking: Stage) -> None:
    receipts = [await talking.say(str(number), id=f"m{number}") for number in range(6)]
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 5 + [SendStatus.WINDOW_CLOSED]


async def test_after_48_hours_the_window_is_closed(talking: Stage) -> None:
    talking.clock.move(hours=48)
    assert (await talking.say("在的")).status is SendStatus.WINDOW_CLOSED


async def test_what_is_said_to_a_stranger_waits_for_him(stage: Stage) -> None:
    receipt = await stage.kf.send(outbound("hello", user=WANG, road="window"))
    assert receipt.status is SendStatus.WINDOW_CLOSED


async def test_a_chat_that_staff_answer_in_wecom_is_left_to_them(talking: Stage) -> None:
    await talking.does("state", user=LI, state=3, staff="ai")
    receipt = await talking.say("在的")
    assert receipt.status is SendStatus.REFUSED
    assert "ai" in receipt.reason
    assert list(talking.host.alerts) == [f"kf-staff-{KF}-{LI}"]
    assert await talking.chat() == []


async def test_a_chat_in_the_waiting_pool_is_left_to_staff(talking: Stage) -> None:
    await talking.does("state", user=LI, state=2)
    assert "waiting pool" in (await talking.say("在的")).reason


async def test_a_chat_that_was_closed_waits_for_the_customer(talking: Stage) -> None:
    await talking.does("close", user=LI)
    assert (await talking.say("在的")).status is SendStatus.WINDOW_CLOSED


async def test_a_state_that_nobody_can_tell_is_tried_again(talking: Stage) -> None:
    await talking.does("fault", errcode=95018, api="kf/send_msg")
    assert (await talking.say("在的")).status is SendStatus.TRANSIENT


@pytest.mark.parametrize(
    ("errcode", "status"),
    [
        (-1, SendStatus.TRANSIENT),
        (40007, SendStatus.REFUSED),
        (40008, SendStatus.REFUSED),
        (40013, SendStatus.NOT_ALLOWED),
        (40056, SendStatus.NOT_ALLOWED),
        (40058, SendStatus.REFUSED),
        (40096, SendStatus.UNREACHABLE),
        (45009, SendStatus.RATE_LIMITED),
        (45033, SendStatus.RATE_LIMITED),
        (45047, SendStatus.WINDOW_CLOSED),
        (48002, SendStatus.NOT_ALLOWED),
        (60011, SendStatus.NOT_ALLOWED),
        (60020, SendStatus.NOT_ALLOWED),
        (84061, SendStatus.UNREACHABLE),
        (95000, SendStatus.NOT_ALLOWED),
        (95001, SendStatus.WINDOW_CLOSED),
        (95002, SendStatus.WINDOW_CLOSED),
        (95004, SendStatus.NOT_ALLOWED),
        (95008, SendStatus.REFUSED),
        (95010, SendStatus.NOT_ALLOWED),
        (95013, SendStatus.WINDOW_CLOSED),
        (95017, SendStatus.NOT_ALLOWED),
        (301002, SendStatus.NOT_ALLOWED),
        (999999, SendStatus.REFUSED),
    ],
)
async def test_every_error_has_a_meaning(talking: Stage, errcode: int, status: SendStatus) -> None:
    await talking.does("fault", errcode=errcode, api="kf/send_msg")
    receipt = await talking.say("在的")
    assert (receipt.status, receipt.reason) == (status, f"wecom {errcode}")
    assert (receipt.retry_after_s > 0) == (status is SendStatus.RATE_LIMITED)


async def test_an_account_that_may_not_send_offers_no_road_for_an_hour_and_tells_the_shop(talking: Stage) -> None:
    await talking.does("fault", errcode=95017, api="kf/send_msg")
    assert (await talking.say("在的")).status is SendStatus.NOT_ALLOWED
    assert talking.kf.roads(outbound("在的")) == []
    assert list(talking.host.alerts) == [f"wecom-{KF}-95017"]
    talking.clock.move(hours=1)
    assert talking.kf.roads(outbound("在的"))


@pytest.mark.parametrize(
    "changed",
    [
        {"corp_id": ""},
        {"secret": ""},
        {"open_kfid": ""},
        {"token": ""},
        {"aes_key": "short"},
        {"channel": "kf"},
        {"channel": "wechat:x"},
        {"channel": "kf:a/b"},
        {"api_base": "http://example.com"},
        {"api_base": "https://"},
    ],
)
async def test_settings_that_cannot_work_are_refused_at_once(stage: Stage, changed: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        kf_connector(stage.base, stage.clock, **changed)
