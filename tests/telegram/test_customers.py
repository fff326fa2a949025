"""What customers do."""

from __future__ import annotations

import asyncio
import base64

import pytest

from bot.messages import Choice, Event, File, SendStatus
from connectors.telegram.connector import LinkNotMade
from connectors.twin.telegram_files import PIXEL
from tests.host import RecordingHost
from tests.telegram.stage import ANN, GROUP, LI, Stage, connector_for


async def test_pressing_start_brings_the_payload_of_the_link(begun: Stage) -> None:
    link = await begun.connector.link("cart_42")
    assert link == "https://t.me/shop_bot?start=cart_42"
    await begun.do("start", user=LI, payload=link.partition("=")[2])
    (inbound,) = await begun.inbound()
    assert (inbound.event, inbound.payload, inbound.text) == (Event.STARTED, "cart_42", "")


@pytest.mark.parametrize("payload", ["", "x" * 65, "a b", "é", "a=b"])
async def test_a_link_takes_no_payload_that_telegram_would_drop(begun: Stage, payload: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        await begun.connector.link(payload)


async def test_the_name_of_the_bot_is_known_to_processes_that_never_asked(begun: Stage) -> None:
    other = connector_for(begun.base, begun.clock)
    await other.start(begun.host)
    assert await other.link("x") == "https://t.me/shop_bot?start=x"
    await other.stop()
    stranger = connector_for(begun.base, begun.clock)
    await stranger.start(RecordingHost())
    with pytest.raises(LinkNotMade):
        await stranger.link("x")
    await stranger.stop()


async def test_a_tap_brings_the_token_of_the_button_and_is_answered(begun: Stage) -> None:
    await begun.do("start", user=LI)
    token = "c:" + "x" * 62
    receipt = await begun.send("选一个", choices=(Choice(token, "退货"), Choice("c:2", "换货")))
    await begun.do("tap", user=LI, message_id=int(receipt.platform_id), data=token)
    tapped = (await begun.inbound(2))[-1]
    assert (tapped.choice, tapped.text, tapped.user) == (token, "", str(LI))
    async with asyncio.timeout(5):
        while not all(tap["answered"] for tap in (await begun.look("state"))["taps"].values()):
            await asyncio.sleep(0.02)


async def test_a_photo_comes_with_its_caption_and_can_be_fetched(begun: Stage) -> None:
    await begun.do("photo", user=LI, text="坏了")
    (inbound,) = await begun.inbound()
    assert (inbound.event, inbound.text) == (Event.MEDIA, "坏了")
    assert inbound.media is not None and inbound.media.kind == "image"
    assert await begun.connector.fetch(inbound.media.ref) == File(PIXEL, "image/png", "file_1.png")


@pytest.mark.parametrize(
    ("sent", "kind", "mime"),
    [
        ({"kind": "voice"}, "voice", "audio/ogg"),
        ({"kind": "video"}, "video", "video/mp4"),
        ({"kind": "document", "name": "invoice.pdf", "mime": "application/pdf"}, "file", "application/pdf"),
        ({"kind": "document", "name": "shoe.jpg", "mime": "image/jpeg"}, "image", "image/jpeg"),
    ],
)
async def test_every_kind_of_file_comes_in_and_can_be_fetched(
    begun: Stage, sent: dict[str, str], kind: str, mime: str
) -> None:
    await begun.do("file", user=LI, body=base64.b64encode(b"content").decode(), **sent)
    (inbound,) = await begun.inbound()
    assert inbound.media is not None and inbound.media.kind == kind
    file = await begun.connector.fetch(inbound.media.ref)
    assert file is not None and (file.body, file.mime) == (b"content", mime)


async def test_a_file_over_20_mb_or_unknown_is_not_there(begun: Stage) -> None:
    sent = await begun.do("file", user=LI, kind="document", size=20_000_001)
    assert await begun.connector.fetch(sent["file_id"]) is None
    assert await begun.connector.fetch("no such file") is None


@pytest.mark.parametrize("method", ["getFile", "file"])
async def test_a_file_that_telegram_does_not_hand_out_now_is_worth_another_try(begun: Stage, method: str) -> None:
    sent = await begun.do("photo", user=LI)
    await begun.do("html", method=method)
    with pytest.raises(OSError, match="Telegram"):
        await begun.connector.fetch(sent["file_id"])
    assert await begun.connector.fetch(sent["file_id"]) is not None


async def test_an_edited_message_comes_as_an_edit_with_the_new_words(begun: Stage) -> None:
    said = await begun.do("say", user=LI, text="red")
    await begun.do("edit", user=LI, message_id=said["message_id"], text="blue")
    assert [(m.event, m.text) for m in await begun.inbound(2)] == [(None, "red"), (Event.EDITED, "blue")]


async def test_blocking_the_bot_is_reported_and_makes_sends_unreachable(begun: Stage) -> None:
    await begun.do("start", user=LI)
    await begun.do("block", user=LI)
    assert (await begun.inbound(2))[-1].event is Event.LEFT
    assert (await begun.send("hello?")).status is SendStatus.UNREACHABLE
    await begun.do("start", user=LI)
    assert (await begun.send("welcome back")).status is SendStatus.SENT


async def test_four_byte_emoji_survive_both_ways(begun: Stage) -> None:
    family = "👩‍👩‍👧‍👦 𠮷野家 ]]> <b>"
    await begun.do("say", user=LI, text=family)
    assert (await begun.inbound())[0].text == family
    await begun.send(family)
    assert (await begun.shown(LI))[-1]["text"] == family


async def test_a_message_to_a_bot_in_a_group_names_the_group_and_the_writer(begun: Stage) -> None:
    await begun.do("photo", user=ANN, chat=GROUP, text="@shop_bot is it this one?")
    (inbound,) = await begun.inbound()
    assert (inbound.chat.id, inbound.user, inbound.text) == (str(GROUP), str(ANN), "is it this one?")
