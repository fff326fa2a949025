"""Groups with topics: what the stand-in refuses as Telegram does, and what the connector makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from telegram import Bot
from telegram.error import BadRequest

from bot.clock import SystemClock
from bot.messages import TOPIC_GONE, ChatKind, SendStatus, Topic
from connectors.telegram.account import Account
from connectors.telegram.updates import parse
from tests.telegram.stage import ANN, FORUM, GROUP, LI, Stage, text_update

STAFF = Account("telegram:shopbot", "4242", "shop_bot", str(FORUM))


async def test_only_a_group_with_topics_has_any_and_names_have_1_to_128_characters(stage: Stage, client: Bot) -> None:
    for chat, name, words in ((GROUP, "Li", "not a forum"), (FORUM, " ", "1 to 128"), (FORUM, "x" * 129, "1 to 128")):
        with pytest.raises(BadRequest, match=words):
            await client.create_forum_topic(chat, name)
    await stage.do("forum", group=FORUM, manages=False)
    with pytest.raises(BadRequest, match="rights"):
        await client.create_forum_topic(FORUM, "Li")


async def test_a_closed_topic_takes_no_words_but_an_admins(stage: Stage, client: Bot) -> None:
    topic = await client.create_forum_topic(FORUM, "Li")
    stage.clock.advance(timedelta(seconds=1))
    await client.close_forum_topic(FORUM, topic.message_thread_id)
    said = {"user": ANN, "chat": FORUM, "thread": topic.message_thread_id, "text": "hello"}
    answer = await stage.http.post(f"{stage.base}/twin/telegram/control/say", json=said)
    assert (answer.status_code, answer.json()["error"]) == (409, "the topic is closed")
    await stage.do("forum", group=FORUM, admins=[ANN])
    await stage.do("say", **said)


async def test_a_topic_is_made_written_in_closed_and_opened_again(begun: Stage) -> None:
    made = await begun.send("", chat=FORUM, topic=Topic(act="open", name="Li · asked for a human", priority=2))
    thread = made.platform_id
    sent = await begun.send("the card", chat=FORUM, topic=Topic(thread))
    closed = [await begun.send("", chat=FORUM, topic=Topic(thread, act="close")) for _ in range(2)]
    opened = await begun.send("", chat=FORUM, topic=Topic(thread, act="reopen"))
    assert {receipt.status for receipt in (made, sent, *closed, opened)} == {SendStatus.SENT}
    (topic,) = (await begun.look("messages", chat=FORUM))["topics"]
    assert (topic["name"], topic["icon_color"], topic["closed"]) == ("Li · asked for a human", 0xFB6F5F, False)


async def test_a_long_name_is_cut_and_a_topic_that_is_gone_is_told_as_gone(begun: Stage) -> None:
    made = await begun.send("", chat=FORUM, topic=Topic(act="open", name="长" * 200))
    await begun.do("delete_topic", group=FORUM, thread=int(made.platform_id))
    for topic in (Topic(made.platform_id), Topic(made.platform_id, act="close")):
        receipt = await begun.send("hello", chat=FORUM, topic=topic)
        assert (receipt.status, receipt.reason) == (SendStatus.REFUSED, TOPIC_GONE)


async def test_a_right_that_the_bot_lacks_does_not_make_the_whole_group_unreachable(begun: Stage) -> None:
    await begun.do("forum", group=FORUM, manages=False)
    receipt = await begun.send("", chat=FORUM, topic=Topic(act="open", name="Li"))
    assert receipt.status is SendStatus.REFUSED


def test_what_the_staff_write_carries_its_topic_and_an_anonymous_admin_is_nobody() -> None:
    now, chat = SystemClock().now(), {"id": FORUM, "type": "supergroup", "is_forum": True}
    written = text_update(chat=chat, message_thread_id=7, is_topic_message=True, message_id=9)
    said = parse(written, STAFF, now)
    assert said is not None
    assert (said.chat.kind, said.topic, said.user) == (ChatKind.STAFF, Topic("7", "9"), str(LI))
    written["message"]["from"] = {"id": 1_087_968_824, "is_bot": True, "first_name": "Group"}
    written["message"]["sender_chat"] = chat
    anonymous = parse(written, STAFF, now)
    assert anonymous is not None
    assert anonymous.user == ""
    elsewhere = parse(written, replace(STAFF, staff_group=""), now)
    assert elsewhere is not None
    assert (elsewhere.chat.kind, elsewhere.topic) == (ChatKind.GROUP, Topic("7", "9"))
