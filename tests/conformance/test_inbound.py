"""What customers do reaches the shop whole, once, and only if it is theirs."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from bot.clock import SystemClock
from bot.messages import Choice, Event
from connectors.refusals import REFUSED
from tests.conformance.platforms import on_stands
from tests.conformance.stand import TAKEN, Can, Forgery, Stand, outbound, said, send, until

HARD_TEXTS = {
    "emoji": "👨‍👩‍👧‍👦🙂🏳️‍🌈",
    "right_to_left": "שלום, مرحبا",
    "four_bytes": "𠮷野家在哪儿",
    "xml": "a]]>b<![CDATA[c]]> & <b>",
    "json": 'say "hi" \\ {"a": 1}',
    "lines": "first\nsecond",
    "invisible": "a\u200bb\u2066c\u2069",
    "formatting": "*bold* _it_ [x](y) `z` %s {0}",
}
MALFORMED = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b"[" * 10_000, b"<xml>", b"<xml></xml>", b"{}", b"a=b"]


def refusals() -> float:
    return sum(sample.value for sample in next(iter(REFUSED.collect())).samples if sample.name.endswith("_total"))


@on_stands(Can.SPEAK)
async def test_what_a_customer_says_is_stored_with_who_where_and_when(stand: Stand) -> None:
    message = await said(stand, "M 码还有吗？")
    assert message.text == "M 码还有吗？"
    assert message.chat == stand.chat
    assert message.user
    assert message.event is None
    assert abs(SystemClock().now() - message.sent_at) < timedelta(minutes=1)
    assert message.sent_at.utcoffset() == timedelta()


@on_stands(Can.SPEAK)
@pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
async def test_a_hard_text_comes_in_unharmed(stand: Stand, text: str) -> None:
    assert (await said(stand, text)).text == text


@on_stands(Can.SPEAK)
async def test_a_text_of_2000_characters_comes_in_whole(stand: Stand) -> None:
    text = "尺码" * 300
    assert (await said(stand, text)).text == text


@on_stands(Can.SPEAK, Can.AGAIN)
async def test_what_is_delivered_four_times_is_stored_once(stand: Stand) -> None:
    await said(stand, "once")
    for _ in range(3):
        await stand.again()
    await said(stand, "next")
    assert [message.text for message in stand.shop.host.received if not message.event] == ["once", "next"]


@on_stands(Can.SPEAK)
async def test_the_same_words_said_twice_are_two_messages(stand: Stand) -> None:
    first, second = await said(stand, "好"), await said(stand, "好")
    assert first.key != second.key


@on_stands(Can.AGAIN)
async def test_what_could_not_be_stored_comes_again(stand: Stand) -> None:
    await said(stand, "first")
    stand.shop.host.refuse = 1
    await stand.say("second")
    await until(lambda: stand.shop.host.refuse == 0)
    await stand.again()
    await until(lambda: "second" in [message.text for message in stand.shop.host.received])


@on_stands(Can.WORDS)
async def test_what_could_not_be_stored_is_not_acknowledged(stand: Stand) -> None:
    stand.shop.host.refuse = 1
    try:
        status = await asyncio.wait_for(stand.push(stand.sample), 0.5)
    except TimeoutError:  # silence until the platform hangs up is no acknowledgement either
        status = 504
    assert status >= 500
    assert stand.shop.host.refuse == 0


@on_stands(Can.MANY)
async def test_events_in_disorder_are_all_stored(stand: Stand) -> None:
    await stand.hold_back()
    for text in ("one", "two"):
        await stand.say(text)
    await stand.let_go()
    await until(lambda: {"one", "two"} <= {message.text for message in stand.shop.host.received})
    assert len({message.key for message in stand.shop.host.received}) == len(stand.shop.host.received)


@on_stands(Can.SIGNED)
async def test_a_forged_callback_is_refused_and_counted(stand: Stand) -> None:
    before = refusals()
    assert 400 <= await stand.forge(Forgery.SIGNATURE) < 500
    assert refusals() == before + 1
    assert not stand.shop.host.received


@on_stands(Can.DATED)
async def test_a_stale_callback_is_refused_and_counted(stand: Stand) -> None:
    before = refusals()
    assert 400 <= await stand.forge(Forgery.STALE) < 500
    assert refusals() == before + 1
    assert not stand.shop.host.received


@on_stands(Can.REQUESTS)
async def test_a_body_of_a_megabyte_is_refused(stand: Stand) -> None:
    assert await stand.push(stand.sample + b" " * 1_000_000) in (400, 413)
    assert not stand.shop.host.received


@on_stands(Can.REQUESTS)
@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_body_is_refused_and_not_an_error_of_ours(stand: Stand, body: bytes) -> None:
    assert await stand.push(body) < 500
    assert not stand.shop.host.received
    assert (await said(stand, "still there")).text == "still there"


@on_stands(Can.REQUESTS)
async def test_fifty_bodies_that_were_damaged_on_the_way_are_no_errors_of_ours(stand: Stand) -> None:
    chance = random.Random(7)
    for _ in range(50):
        body = bytearray(stand.sample)
        start = chance.randrange(len(body))
        body[start : start + chance.randrange(6)] = chance.randbytes(chance.randrange(4))
        assert await stand.push(bytes(body)) < 500, body
    assert await stand.push(stand.sample) in (200, 202, 429)


@on_stands(Can.SPEAK)
async def test_an_event_of_next_year_is_acknowledged_and_ignored(stand: Stand) -> None:
    await stand.unknown()
    await said(stand, "after it")
    assert [message.text for message in stand.shop.host.received if not message.event] == ["after it"]


@on_stands(Can.FOLLOW)
async def test_a_customer_who_opens_the_chat_starts_it(stand: Stand) -> None:
    await stand.follow()
    await until(lambda: bool(stand.shop.host.received))
    assert stand.shop.host.received[0].event is Event.STARTED


@on_stands(Can.LEAVE)
async def test_a_customer_who_goes_has_left(chat: Stand) -> None:
    await chat.leave()
    await until(lambda: chat.shop.host.received[-1].event is Event.LEFT)


@on_stands(Can.PICTURES_IN)
async def test_a_picture_comes_as_media(chat: Stand) -> None:
    await chat.picture()
    await until(lambda: chat.shop.host.received[-1].event is Event.MEDIA)
    media = chat.shop.host.received[-1].media
    assert media is not None
    assert media.kind == "image"
    assert media.ref or media.file


@on_stands(Can.TAP)
async def test_a_tapped_choice_comes_back_as_its_token(chat: Stand) -> None:
    choices = (Choice("size:m", "M 码"), Choice("size:l", "L 码"))
    assert (await send(chat, outbound(chat, "哪个？", choices))).status in TAKEN
    before = len(chat.shop.host.received)
    await chat.tap("L 码")
    await until(lambda: len(chat.shop.host.received) > before)
    assert chat.shop.host.received[-1].choice == "size:l"


@on_stands(Can.WINDOWS)
async def test_what_a_customer_says_opens_a_window(stand: Stand) -> None:
    grants = (await said(stand, "在吗")).grants
    assert [grant.right for grant in grants] == ["window"]
    assert grants[0].window_s
