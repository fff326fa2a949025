"""What the shop says reaches the customer whole, once, and in the form that the platform takes."""

from __future__ import annotations

import re

import pytest

from bot.messages import WINDOW, Chat, Choice, File, Outbound, Purpose, SendStatus
from tests.conformance.platforms import on_stands
from tests.conformance.stand import TAKEN, Can, Stand, new, outbound, road, said, send, until
from tests.conformance.test_inbound import HARD_TEXTS

NAMES = {"open", "passive", "window", "subscription", "template", "task"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
SENTENCE = "退货的包裹到仓库之后，我们会在三个工作日之内把钱退回到您的账户。"
HOSTILE_CHATS = {"empty": "", "unknown": "nobody-here", "long": "x" * 5_000, "odd": "a/../b?c=d&e#f\n", "number": "-1"}


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


@on_stands(Can.CARRY)
async def test_a_reply_arrives_once_and_says_so(chat: Stand) -> None:
    before = len(await chat.shown())
    receipt = await send(chat, outbound(chat, "有的，要哪个颜色？"))
    assert receipt.status in TAKEN
    assert [shown.text for shown in await new(chat, before)] == ["有的，要哪个颜色？"]


@on_stands(Can.CARRY)
@pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
async def test_a_hard_text_goes_out_unharmed(chat: Stand, text: str) -> None:
    before = len(await chat.shown())
    assert (await send(chat, outbound(chat, text))).status in TAKEN
    assert [shown.text for shown in await new(chat, before)] == [text]


@on_stands(Can.LONG)
async def test_a_long_text_is_cut_at_sentence_ends_and_arrives_whole(chat: Stand) -> None:
    message = outbound(chat, SENTENCE * (chat.long_text_characters // len(SENTENCE)))
    before = len(await chat.shown())
    assert (await send(chat, message)).status in TAKEN
    pieces = [shown.text for shown in await new(chat, before)]
    assert len(pieces) > 1
    assert "".join(pieces) == message.text
    assert all(piece.endswith("。") for piece in pieces)


@on_stands(Can.LONG)
async def test_a_long_text_without_a_sentence_end_arrives_whole(chat: Stand) -> None:
    message = outbound(chat, "🙂尺码" * (chat.long_text_characters // 3))
    before = len(await chat.shown())
    assert (await send(chat, message)).status in TAKEN
    assert "".join(shown.text for shown in await new(chat, before)) == message.text


@on_stands(Can.LONG)
async def test_a_long_text_costs_what_it_shows(chat: Stand) -> None:
    message = outbound(chat, SENTENCE * (chat.long_text_characters // len(SENTENCE)))
    before = len(await chat.shown())
    taken = road(chat, message)
    await send(chat, message)
    assert taken.cost == (len(await new(chat, before)) if taken.needs else 1)


@on_stands(Can.CARRY)
async def test_every_choice_is_offered_as_a_button_or_a_numbered_line(chat: Stand) -> None:
    choices = tuple(Choice(f"size:{name}", f"{name} 码") for name in ("S", "M", "L"))
    before = len(await chat.shown())
    assert (await send(chat, outbound(chat, "哪个尺码？", choices))).status in TAKEN
    offered = await new(chat, before)
    labels = [label for shown in offered for label in shown.labels]
    text = "\n".join(shown.text for shown in offered)
    assert "哪个尺码？" in text
    for number, choice in enumerate(choices, start=1):
        assert choice.label in labels or re.search(rf"(?m)^\s*{number}\b.*{choice.label}", text)


@on_stands(Can.CARRY)
async def test_twelve_choices_with_long_labels_are_all_offered(chat: Stand) -> None:
    choices = tuple(Choice(f"c{number}", f"第 {number} 种颜色：{'深' * number}蓝") for number in range(1, 13))
    before = len(await chat.shown())
    assert (await send(chat, outbound(chat, "哪个？", choices))).status in TAKEN
    offered = await new(chat, before)
    everything = "\n".join([shown.text for shown in offered] + [label for s in offered for label in s.labels])
    assert all(choice.label in everything for choice in choices)


@on_stands(Can.PICTURES_OUT)
async def test_a_picture_arrives_with_its_text(chat: Stand) -> None:
    before = len(await chat.shown())
    message = outbound(chat, "这件", picture=File(PNG, "image/png", "dress.png"))
    assert (await send(chat, message)).status in TAKEN
    shown = await new(chat, before)
    assert any(one.picture for one in shown)
    assert "这件" in "".join(one.text for one in shown)


@on_stands(Can.KEY)
async def test_a_message_that_is_sent_twice_is_shown_once(chat: Stand) -> None:
    assert chat.shop.connector.limits.takes_key
    before = len(await chat.shown())
    for _ in range(2):
        assert (await send(chat, outbound(chat, "一次"))).status in TAKEN
    assert [shown.text for shown in await new(chat, before)] == ["一次"]


@on_stands(Can.CARRY)
@pytest.mark.parametrize("chat_id", HOSTILE_CHATS.values(), ids=HOSTILE_CHATS)
async def test_a_chat_that_cannot_be_is_told_by_the_receipt(chat: Stand, chat_id: str) -> None:
    before = len(await chat.shown())
    name = road(chat, outbound(chat)).name
    nowhere = Chat(chat.chat.channel, chat_id, chat.chat.kind)
    receipt = await chat.shop.connector.send(Outbound("out-9", nowhere, chat.purpose, "好的", road=name))
    assert receipt.status not in TAKEN
    assert not await new(chat, before)


@on_stands()
@pytest.mark.parametrize(
    "text", ["", " \n ", "\0", "\x01\x0b", "\u200b"], ids=["empty", "space", "nul", "control", "thin"]
)
async def test_a_text_that_shows_nothing_never_raises(chat: Stand, text: str) -> None:
    message = outbound(chat, text)
    if chat.shop.connector.roads(message):  # no road is an honest answer too
        assert (await send(chat, message)).status in SendStatus
    assert (await send(chat, outbound(chat, "好的", id="out-2"))).status in TAKEN


@on_stands()
async def test_an_unknown_road_is_told_by_the_receipt(chat: Stand) -> None:
    receipt = await chat.shop.connector.send(Outbound("out-1", chat.chat, chat.purpose, "好的", road="smoke signals"))
    assert receipt.status in SendStatus


@on_stands()
@pytest.mark.parametrize("purpose", list(Purpose))
async def test_the_roads_for_every_purpose_have_names_and_costs_of_the_contract(chat: Stand, purpose: Purpose) -> None:
    for one in chat.shop.connector.roads(outbound(chat, purpose=purpose)):
        assert one.name in NAMES
        assert one.cost >= 1
        assert one.needs in ("", WINDOW) or one.needs.startswith("credit:")


@on_stands()
async def test_marketing_never_takes_the_road_of_a_service_notice(chat: Stand) -> None:
    names = {one.name for one in chat.shop.connector.roads(outbound(chat, purpose=Purpose.MARKETING))}
    assert "template" not in names


@on_stands(Can.FOLLOW, Can.LEAVE, Can.CARRY)
async def test_a_customer_who_comes_back_can_be_written_to(chat: Stand) -> None:
    await chat.leave()
    await until(lambda: len(chat.shop.host.received) > 1)
    await chat.follow()
    await said(chat, "我回来了")
    assert (await send(chat, outbound(chat))).status in TAKEN
