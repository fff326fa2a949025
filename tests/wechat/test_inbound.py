"""What customers do on WeChat, in our words."""

from __future__ import annotations

from typing import Any

import pytest

import connectors.wechat.connector as connector_module
from bot.messages import Chat, Event, Media
from tests.wechat.stage import APP_ID, CHANNEL, LI, START, Stage, refused_so_far


@pytest.mark.parametrize(
    "text", ["尺码怎么选？", "😀👨‍👩‍👧 ]]> <b>&amp;</b>", "]]>]]>", "a\nb", "\u202eمرحبا\u202c", " "]
)
async def test_a_text_arrives_unchanged_with_the_right_of_five_in_48_hours(stage: Stage, text: str) -> None:
    result = await stage.does("say", text=text)
    (message,) = stage.host.received
    assert (result["delivered"], result["attempts"]) == (True, 1)
    assert message.text.strip() == text.strip()
    assert (message.chat, message.user, message.sent_at) == (Chat(CHANNEL, LI), LI, START)
    assert [(grant.action, grant.count, grant.window_s) for grant in message.grants] == [("said", 5, 172800)]


async def test_the_same_message_delivered_again_has_the_same_key(stage: Stage) -> None:
    for act, more in (("say", {"text": "在吗"}), ("resend", {}), ("say", {"text": "在吗"})):
        await stage.does(act, **more)
    first, second = (message.key for message in stage.host.received)
    assert first != second
    assert first.startswith(f"oa:{APP_ID}:")


async def test_a_message_that_could_not_be_stored_is_delivered_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.twin.pusher.answer_limit_s = 0.1
    monkeypatch.setattr(connector_module, "SILENCE_S", 0.2)
    stage.host.refuse = 2
    result = await stage.does("say", text="在吗")
    assert (result["delivered"], result["attempts"]) == (True, 3)
    assert [message.text for message in stage.host.received] == ["在吗"]


async def test_a_follow_opens_three_in_a_minute_and_a_scene_comes_as_payload(stage: Stage) -> None:
    await stage.does("unfollow")
    await stage.does("follow", scene="pay-8812")
    left, followed = stage.host.received
    assert (left.event, left.grants) == (Event.LEFT, ())
    assert (followed.event, followed.payload) == (Event.STARTED, "pay-8812")
    assert [(grant.action, grant.count, grant.window_s) for grant in followed.grants] == [("acted", 3, 60)]
    assert followed.key == f"oa:{APP_ID}:{LI}:{int(START.timestamp())}:subscribe_scan:pay-8812"


async def test_a_plain_follow_has_no_payload_and_a_follower_who_scans_starts_again(stage: Stage) -> None:
    await stage.does("follow")
    await stage.does("follow", scene="table-4")
    found = [(message.event, message.payload) for message in stage.host.received]
    assert found == [(Event.STARTED, ""), (Event.STARTED, "table-4")]


async def test_a_menu_click_is_a_choice(stage: Stage) -> None:
    await stage.does("click", key="orders")
    (message,) = stage.host.received
    assert (message.choice, message.event, message.grants[0].count) == ("orders", None, 3)


async def test_a_tapped_menu_message_is_a_choice_with_the_short_right(stage: Stage) -> None:
    await stage.does("tap", id="101", label="满意")
    (message,) = stage.host.received
    assert (message.choice, message.text, message.grants[0].window_s) == ("101", "满意", 60)


@pytest.mark.parametrize(
    ("act", "more", "kind", "text"),
    [
        ("image", {}, "image", ""),
        ("voice", {"recognition": "要退货"}, "voice", "要退货"),
        ("voice", {}, "voice", ""),
        ("video", {}, "video", ""),
    ],
)
async def test_a_file_comes_with_its_words_and_can_be_fetched(
    stage: Stage, act: str, more: dict[str, Any], kind: str, text: str
) -> None:
    await stage.does(act, **more)
    (message,) = stage.host.received
    assert (message.event, message.text, message.grants[0].count) == (Event.MEDIA, text, 5)
    assert isinstance(message.media, Media)
    assert message.media.kind == kind
    file = await stage.connector.fetch(message.media.ref)
    assert file is not None
    assert file.mime.partition("/")[0] == {"voice": "audio"}.get(kind, kind)
    assert len(file.body) > 20


async def test_a_place_and_a_link_come_as_words(stage: Stage) -> None:
    await stage.does("location", label="广州塔")
    await stage.does("link", title="羊绒大衣", url="https://shop.example/coat")
    assert [(m.event, m.media) for m in stage.host.received] == [(Event.MEDIA, None)] * 2
    assert [m.text for m in stage.host.received] == ["广州塔", "羊绒大衣\nhttps://shop.example/coat"]


@pytest.mark.parametrize("event", ["VIEW", "LOCATION", "no_such_event"])
async def test_events_that_mean_nothing_to_the_bot_are_acknowledged_and_dropped(stage: Stage, event: str) -> None:
    answer = await stage.push_fields(MsgType="event", Event=event, EventKey="k")
    assert (answer.status_code, answer.text, stage.host.received) == (200, "success", [])


async def test_a_broken_field_of_an_event_that_means_nothing_is_no_fault(stage: Stage) -> None:
    answer = await stage.push_fields(MsgType="event", Event="VIEW", EventKey={"a": "1"})
    assert (answer.status_code, answer.text) == (200, "success")


async def test_a_long_session_key_is_kept_whole_as_payload_and_short_in_the_key(stage: Stage) -> None:
    for session in ("s" * 1000, "s" * 999 + "t", "s" * 1000):
        await stage.push_fields(MsgType="event", Event="user_enter_tempsession", SessionFrom=session)
    first, second = stage.host.received
    assert (len(first.payload), second.payload[-1]) == (1000, "t")
    assert first.key != second.key
    assert max(len(first.key), len(second.key)) <= 300


async def test_a_menu_key_of_another_program_that_is_too_long_for_a_choice_comes_as_text(stage: Stage) -> None:
    await stage.push_fields(MsgType="event", Event="CLICK", EventKey="k" * 128)
    (message,) = stage.host.received
    assert (message.choice, message.text) == (None, "k" * 128)
    assert len(message.key) <= 300


async def test_a_tapped_menu_message_with_a_long_id_comes_as_its_label(stage: Stage) -> None:
    await stage.push_fields(MsgType="text", MsgId=7, Content="满意", bizmsgmenuid="9" * 65)
    (message,) = stage.host.received
    assert (message.choice, message.text) == (None, "满意")


@pytest.mark.parametrize("fields", [{"FromUserName": "o" * 129}, {"MsgId": 2**64}])
async def test_an_id_that_is_too_long_is_refused_and_counted(stage: Stage, fields: dict[str, Any]) -> None:
    before = refused_so_far("form")
    answer = await stage.push_fields(**{"MsgType": "text", "MsgId": 7, "Content": "在吗", **fields})
    assert (answer.status_code, stage.host.received) == (400, [])
    assert refused_so_far("form") == before + 1
