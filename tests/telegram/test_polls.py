"""Votes."""

from __future__ import annotations

import asyncio

import pytest

from bot.messages import Chat, ChatKind, Event, Outbound, Purpose, Receipt, SendStatus
from tests.telegram.stage import ANN, GROUP, LI, Stage, connector_for, refused, until

COLOURS = ("红 red", "蓝 blue", "绿 green")


async def test_a_vote_names_the_poll_the_chat_and_the_options(begun: Stage) -> None:
    receipt = await begun.send("Which colour?", chat=GROUP, poll=COLOURS)
    shown = (await begun.shown(GROUP))[-1]
    assert [option["text"] for option in shown["poll"]["options"]] == list(COLOURS)
    assert receipt.platform_id.endswith(f":{shown['id']}")
    await begun.do("vote", user=ANN, message_id=shown["id"], options=[2])
    (vote,) = await begun.inbound()
    assert (vote.event, vote.payload, vote.text, vote.user) == (Event.VOTED, "out-1", "2", str(ANN))
    assert (vote.chat.id, vote.chat.kind) == (str(GROUP), ChatKind.GROUP)


async def test_a_vote_can_be_changed_and_taken_back(begun: Stage) -> None:
    receipt = await begun.send("Which colour?", chat=GROUP, poll=COLOURS)
    message_id = int(receipt.platform_id.partition(":")[2])
    for options in ([0], [1], []):
        await begun.do("vote", user=LI, message_id=message_id, options=options)
    assert [vote.text for vote in await begun.inbound(3)] == ["0", "1", ""]


async def test_a_vote_that_is_quicker_than_the_answer_to_the_send_waits_for_it(begun: Stage) -> None:
    await begun.do("slow", method="sendPoll", seconds=0.2)
    sending = asyncio.create_task(begun.send("Which colour?", chat=GROUP, poll=COLOURS))
    async with asyncio.timeout(5):
        while not (shown := await begun.shown(GROUP)):
            await asyncio.sleep(0.01)
    await begun.do("vote", user=ANN, message_id=shown[0]["id"], options=[0])
    assert not sending.done()
    assert (await begun.inbound())[0].payload == "out-1"
    assert (await sending).status is SendStatus.SENT


async def test_a_vote_is_understood_by_a_process_that_did_not_send_the_poll(begun: Stage) -> None:
    other = connector_for(begun.base, begun.clock)
    await other.start(begun.host)
    poll = Outbound(
        "vote", Chat("telegram:shopbot", str(GROUP), ChatKind.GROUP), Purpose.SERVICE, "Which?", poll=COLOURS
    )
    receipt = await other.send(poll)
    await other.stop()
    await begun.do("vote", user=ANN, message_id=int(receipt.platform_id.partition(":")[2]), options=[1])
    assert (await begun.inbound())[0].payload == "vote"


async def test_a_vote_in_a_group_that_became_a_supergroup_belongs_to_the_new_one(begun: Stage) -> None:
    receipt = await begun.send("Which colour?", chat=GROUP, poll=COLOURS)
    moved = (await begun.do("migrate", group=GROUP))["group"]
    await begun.do("vote", user=ANN, message_id=int(receipt.platform_id.partition(":")[2]), options=[1])
    vote = (await begun.inbound(2))[-1]
    assert (vote.event, vote.chat.id) == (Event.VOTED, str(moved))


async def test_a_poll_that_is_ended_takes_no_more_votes_and_is_ended_once(begun: Stage) -> None:
    receipt = await begun.send("Which colour?", chat=GROUP, poll=COLOURS)
    for _ in range(2):
        ended = await begun.send("Which colour?", chat=GROUP, poll=COLOURS, edits=receipt.platform_id)
        assert (ended.status, ended.platform_id) == (SendStatus.SENT, receipt.platform_id)
    (shown,) = await begun.shown(GROUP)
    assert shown["poll"]["closed"]


async def test_a_vote_in_a_poll_of_somebody_else_is_refused_and_counted(begun: Stage) -> None:
    before = refused("poll")
    user = {"id": ANN, "is_bot": False, "first_name": "Ann"}
    await begun.do("raw", update={"poll_answer": {"poll_id": "77", "user": user, "option_ids": [0]}})
    await until(lambda: refused("poll") == before + 1)
    assert not begun.host.received


async def test_what_is_too_long_for_a_question_goes_ahead_of_it(begun: Stage) -> None:
    text = "We want to dye the next batch in one colour only. " * 8 + "Which colour?"
    await begun.send(text, chat=GROUP, poll=COLOURS, pins=True)
    before, poll = await begun.shown(GROUP)
    assert (await begun.look("messages", chat=GROUP))["pinned"] == poll["id"]
    question = poll["poll"]["question"]
    assert len(question) <= 300 and question.endswith("Which colour?")
    assert f"{before['text']} {question}" == text


@pytest.mark.parametrize("options", [("only one",), tuple("abcdefghijklm"), ("a", "x" * 101)])
async def test_a_poll_that_telegram_does_not_take_is_refused(begun: Stage, options: tuple[str, ...]) -> None:
    assert (await begun.send("Which?", chat=GROUP, poll=options)).status is SendStatus.REFUSED


async def test_a_poll_whose_answer_is_not_understood_is_sent(begun: Stage) -> None:
    await begun.do("odd", method="sendPoll")
    assert await begun.send("Which?", chat=GROUP, poll=COLOURS) == Receipt(
        SendStatus.SENT, reason="answer not understood"
    )
