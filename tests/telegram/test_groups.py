"""Groups: joining, privacy mode, and the move to a supergroup."""

from __future__ import annotations

from bot.messages import ChatKind, Event, SendStatus
from tests.telegram.stage import ANN, GROUP, LI, Stage, staged


async def test_being_added_to_and_kicked_from_a_group_is_reported(begun: Stage) -> None:
    await begun.do("kick", user=LI, group=GROUP)
    await begun.do("add", user=LI, group=GROUP)
    events = [(inbound.event, inbound.chat.kind) for inbound in await begun.inbound(2)]
    assert events == [(Event.LEFT, ChatKind.GROUP), (Event.JOINED, ChatKind.GROUP)]


async def test_a_group_that_kicked_the_bot_cannot_be_reached(begun: Stage) -> None:
    await begun.do("kick", group=GROUP)
    assert (await begun.send("hello", chat=GROUP)).status is SendStatus.UNREACHABLE


async def test_with_privacy_mode_the_bot_hears_only_what_is_meant_for_it(begun: Stage) -> None:
    sent = await begun.send("Sale at eight", chat=GROUP)
    await begun.do("say", user=ANN, chat=GROUP, text="how is everyone")
    await begun.do("say", user=ANN, chat=GROUP, text="/help@other_bot")
    await begun.do("say", user=ANN, chat=GROUP, text="@shop_bot when does it end?")
    await begun.do("say", user=ANN, chat=GROUP, text="count me in", reply_to=int(sent.platform_id))
    await begun.do("say", user=ANN, chat=GROUP, text="/start@shop_bot")
    heard = await begun.inbound(3)
    assert [i.text or i.event for i in heard] == ["when does it end?", "count me in", Event.STARTED]
    assert {(i.chat.kind, i.chat.id, i.user) for i in heard} == {(ChatKind.GROUP, str(GROUP), str(ANN))}


async def test_without_privacy_mode_every_group_message_is_delivered() -> None:
    async with staged(privacy=False) as stage:
        await stage.begin()
        await stage.do("say", user=ANN, chat=GROUP, text="how is everyone")
        (inbound,) = await stage.inbound()
        assert (inbound.text, inbound.chat.kind) == ("how is everyone", ChatKind.GROUP)


async def test_a_group_that_became_a_supergroup_is_reported_with_its_new_id(begun: Stage) -> None:
    moved = (await begun.do("migrate", group=GROUP))["group"]
    await begun.do("say", user=ANN, chat=GROUP, text="@shop_bot still there?")
    inbound = await begun.inbound(2)
    assert [(i.event, i.chat.id, i.payload) for i in inbound] == [
        (Event.MOVED, str(GROUP), str(moved)),
        (None, str(moved), ""),
    ]


async def test_a_send_to_the_old_id_tells_the_new_one(begun: Stage) -> None:
    moved = (await begun.do("migrate", group=GROUP))["group"]
    receipt = await begun.send("hello", chat=GROUP)
    assert (receipt.status, receipt.moved_to) == (SendStatus.MOVED, str(moved))
    assert (await begun.send("hello", chat=moved)).status is SendStatus.SENT
