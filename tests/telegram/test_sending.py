"""What the shop sends, and what comes of it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.messages import OPEN, Chat, Choice, File, Outbound, Purpose, Rate, Receipt, SendStatus
from connectors.twin.telegram_files import PIXEL
from tests.host import RecordingHost
from tests.telegram.stage import GROUP, LI, Stage, connector_for, staged

PICTURE = File(PIXEL, "image/png", "shoe.png")
LONG = "a" * 4096 + "b" * 10


@pytest.fixture
async def ready(begun: Stage) -> Stage:
    """Li has started the bot."""
    await begun.do("start", user=LI)
    return begun


def test_every_message_may_go_at_the_published_pace() -> None:
    connector = connector_for("http://127.0.0.1:1", SystemClock())
    message = Outbound("o", Chat("telegram:shopbot", str(LI)), Purpose.MARKETING, "hi")
    assert connector.roads(message) == [OPEN]
    limits = connector.limits
    assert (limits.overall, limits.per_chat, limits.per_group) == (Rate(30, 1), Rate(1, 1), Rate(20, 60))


async def test_a_user_who_never_started_the_bot_cannot_be_reached(begun: Stage) -> None:
    assert (await begun.send("psst")).status is SendStatus.UNREACHABLE
    assert await begun.shown(LI) == []


async def test_an_unknown_chat_cannot_be_reached(begun: Stage) -> None:
    assert (await begun.send("hello", chat=999)).status is SendStatus.UNREACHABLE


async def test_an_oversized_button_and_an_empty_text_are_refused(ready: Stage) -> None:
    receipt = await ready.send("pick", choices=(Choice("x" * 65, "A"),))
    assert (receipt.status, "utton_data_invalid" in receipt.reason) == (SendStatus.REFUSED, True)
    assert (await ready.send("   ")).status is SendStatus.REFUSED


async def test_a_second_message_within_a_second_is_told_to_come_back(ready: Stage) -> None:
    assert (await ready.send("one")).status is SendStatus.SENT
    receipt = await ready.send("two", after_s=0.1)
    assert (receipt.status, receipt.retry_after_s) == (SendStatus.RATE_LIMITED, 1.0)
    assert (await ready.send("two")).status is SendStatus.SENT


async def test_a_group_takes_twenty_messages_a_minute(begun: Stage) -> None:
    for number in range(20):
        assert (await begun.send(f"no. {number}", chat=GROUP)).status is SendStatus.SENT
    receipt = await begun.send("one too many", chat=GROUP)
    assert receipt.status is SendStatus.RATE_LIMITED
    assert 35 < receipt.retry_after_s <= 60


async def test_a_pause_of_hours_is_passed_on(ready: Stage) -> None:
    await ready.do("fault", method="sendMessage", retry_after=10_072)
    receipt = await ready.send("later")
    assert (receipt.status, receipt.retry_after_s) == (SendStatus.RATE_LIMITED, 10_072.0)


async def test_a_long_text_is_split_and_the_buttons_are_under_the_last_part(ready: Stage) -> None:
    text = "退货要在七天内申请。" * 500
    receipt = await ready.send(text, choices=(Choice("c:1", "知道了"),))
    parts = (await ready.shown(LI))[1:]
    assert receipt == Receipt(SendStatus.SENT, platform_id=str(parts[-1]["id"]))
    assert "".join(part["text"] for part in parts) == text
    assert all(part["text"].endswith("。") for part in parts)
    assert [bool(part["buttons"]) for part in parts] == [False, True]
    assert await ready.refusals() == []


async def test_a_split_message_that_stopped_goes_on_where_it_stopped_after_a_restart(ready: Stage) -> None:
    async def killed(_: float) -> None:
        raise asyncio.CancelledError

    dying = connector_for(ready.base, ready.clock, sleep=killed)
    await dying.start(ready.host)
    message = Outbound("long", Chat("telegram:shopbot", str(LI)), Purpose.REPLY, LONG)
    with pytest.raises(asyncio.CancelledError):
        await dying.send(message)
    await dying.stop()
    assert (await ready.send(LONG, id="long")).status is SendStatus.SENT
    assert [m["text"][0] for m in (await ready.shown(LI))[1:]] == ["a", "b"]


async def test_a_split_message_that_was_told_to_wait_sends_only_what_is_missing(ready: Stage) -> None:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    hasty = connector_for(ready.base, ready.clock, sleep=at_once)
    await hasty.start(ready.host)
    message = Outbound("long", Chat("telegram:shopbot", str(LI)), Purpose.REPLY, LONG)
    assert (await hasty.send(message)).status is SendStatus.RATE_LIMITED
    await hasty.stop()
    assert (await ready.send(LONG, id="long")).status is SendStatus.SENT
    assert [m["text"][0] for m in (await ready.shown(LI))[1:]] == ["a", "b"]
    assert not ready.host.facts["parts:long"]


async def test_a_picture_has_the_text_as_its_caption(ready: Stage) -> None:
    receipt = await ready.send("New colour", picture=PICTURE, choices=(Choice("c:1", "Show me"),))
    shown = (await ready.shown(LI))[-1]
    assert receipt.platform_id == str(shown["id"])
    assert (shown["text"], [b["data"] for row in shown["buttons"] for b in row]) == ("New colour", ["c:1"])
    picture = await ready.http.get(f"{ready.base}/twin/telegram/{shown['photo']}")
    assert picture.content == PIXEL


async def test_a_text_too_long_for_a_caption_follows_the_picture(ready: Stage) -> None:
    text = "x" * 1025
    await ready.send(text, picture=PICTURE, choices=(Choice("c:1", "OK"),))
    photo, words = (await ready.shown(LI))[-2:]
    assert (bool(photo["photo"]), photo["text"], photo["buttons"]) == (True, "", [])
    assert (words["text"], bool(words["buttons"])) == (text, True)


async def test_bytes_that_are_no_picture_are_refused(ready: Stage) -> None:
    assert (await ready.send("look", picture=File(b"GARBAGE", "image/png"))).status is SendStatus.REFUSED


async def test_an_edit_takes_the_place_of_the_text_and_the_buttons(ready: Stage) -> None:
    first = await ready.send("3 left", choices=(Choice("c:1", "Buy"),))
    receipt = await ready.send("2 left", edits=first.platform_id, choices=(Choice("c:2", "Buy"),))
    assert receipt == first
    shown = (await ready.shown(LI))[1:]
    assert [(m["text"], m["edited"], m["buttons"][0][0]["data"]) for m in shown] == [("2 left", True, "c:2")]


async def test_a_message_that_pins_is_pinned_in_its_group(begun: Stage) -> None:
    await begun.send("hello", chat=GROUP)
    receipt = await begun.send("3 left", chat=GROUP, pins=True)
    pinned = (await begun.look("messages", chat=GROUP))["pinned"]
    assert str(pinned) == receipt.platform_id.rpartition(":")[2]


async def test_a_message_that_cannot_be_pinned_is_sent_all_the_same(begun: Stage) -> None:
    await begun.do("fault", method="pinchatmessage", kind="status", status=400, description="not enough rights")
    assert (await begun.send("3 left", chat=GROUP, pins=True)).status is SendStatus.SENT
    assert [refused["method"] for refused in await begun.refusals()] == ["pinchatmessage"]


async def test_an_edit_that_changes_nothing_is_sent(ready: Stage) -> None:
    first = await ready.send("3 left")
    assert await ready.send("3 left", edits=first.platform_id) == first
    assert [call["status"] for call in await ready.refusals()] == [400]


async def test_the_text_under_a_picture_is_edited_too(ready: Stage) -> None:
    first = await ready.send("3 left", picture=PICTURE)
    assert await ready.send("2 left", edits=first.platform_id) == first
    assert (await ready.shown(LI))[-1]["text"] == "2 left"


async def test_an_edit_of_a_message_that_is_not_there_is_refused(ready: Stage) -> None:
    assert (await ready.send("2 left", edits="999")).status is SendStatus.REFUSED


async def test_a_send_without_an_answer_is_unsure_though_it_arrived() -> None:
    async with staged(timeout_s=0.1) as stage:
        await stage.begin()
        await stage.do("start", user=LI)
        await stage.do("slow", method="sendMessage", seconds=0.2)
        assert (await stage.send("did you get it")).status is SendStatus.UNSURE
        assert (await stage.shown(LI))[-1]["text"] == "did you get it"


async def test_an_answer_that_breaks_off_is_unsure_though_it_arrived(ready: Stage) -> None:
    await ready.do("half", method="sendMessage")
    assert (await ready.send("did you get it")).status is SendStatus.UNSURE
    assert (await ready.shown(LI))[-1]["text"] == "did you get it"


async def test_a_bad_gateway_is_unsure(ready: Stage) -> None:
    await ready.do("html", method="sendMessage")
    assert (await ready.send("one")).status is SendStatus.UNSURE


async def test_an_answer_of_another_shape_is_sent(ready: Stage) -> None:
    await ready.do("odd", method="sendMessage")
    assert await ready.send("one") == Receipt(SendStatus.SENT, reason="answer not understood")


async def test_an_upload_that_is_too_large_for_telegram_is_refused(ready: Stage) -> None:
    await ready.do("fault", method="sendPhoto", status=413, description="Request Entity Too Large")
    assert (await ready.send("look", picture=PICTURE)).status is SendStatus.REFUSED


async def test_a_group_where_the_bot_may_not_write_cannot_be_reached(begun: Stage) -> None:
    await begun.do("fault", status=400, description="Bad Request: not enough rights to send text messages to the chat")
    assert (await begun.send("hello", chat=GROUP)).status is SendStatus.UNREACHABLE


async def test_a_refused_connection_is_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    connector = connector_for(f"http://127.0.0.1:{port}", SystemClock())
    await connector.start(RecordingHost())
    receipt = await connector.send(Outbound("o", Chat("telegram:shopbot", str(LI)), Purpose.REPLY, "hi"))
    assert receipt.status is SendStatus.TRANSIENT
    await connector.stop()


async def test_a_wrong_token_keeps_the_message_for_later() -> None:
    async with staged(token="4242:wrong") as stage:
        await stage.connector.start(stage.host)
        receipt = await stage.send("hi")
        assert receipt.status is SendStatus.TRANSIENT
        assert receipt.retry_after_s > 0


class Forgetful(RecordingHost):
    """A shop whose database goes away once something has been sent."""

    async def keep(self, name: str, value: str) -> None:
        if name.startswith("poll:") or not value:
            raise ConnectionError("the database is away")
        await super().keep(name, value)


@pytest.mark.parametrize("more", [{"text": LONG}, {"text": "Which?", "poll": ("red", "blue")}])
async def test_what_telegram_took_is_sent_though_the_shop_cannot_note_it(ready: Stage, more: dict[str, Any]) -> None:
    connector = connector_for(ready.base, ready.clock)
    await connector.start(Forgetful())
    message = Outbound("o", Chat("telegram:shopbot", str(LI)), Purpose.REPLY, **more)
    assert (await connector.send(message)).status is SendStatus.SENT
    await connector.stop()
