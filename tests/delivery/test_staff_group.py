"""The staff answer customers of every channel in topics of their own Telegram group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.clock import IdMaker
from bot.delivery.thinking import Thinker
from bot.store import tables as t
from bot.store.database import Database
from handoff import desk, people, talks
from handoff.group import accounts
from tests.conftest import StandingClock
from tests.delivery.group_stand import CHANNEL, EMMA, GROUP, LI, STRANGER, WANG, ZHAO, Shop, a_group

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What a test of this kind shows does not depend on the database."""


@pytest.fixture
async def shop(database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> AsyncIterator[Shop]:
    async with a_group(database, clock, new_id, thinker) as made:
        yield made
        assert [one for one in await made.refused() if one["status"] == 429] == []


async def test_a_customer_is_answered_from_the_group_from_the_queue_to_the_score(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    name, heard = (await shop.topics())[0]["name"], await shop.heard(thread)
    assert name.startswith("Emma · ")
    assert "place 1 of 1" in heard[0]
    assert "👤 I want to talk to a human" in heard[0]

    await shop.says(WANG, "Hello Emma, how can I help?", thread)
    assert (await shop.owner(), (await shop.got())[-1]) == ("wang", "Hello Emma, how can I help?")
    await shop.says(EMMA, "My parcel is wet, call 13812345678")
    assert (await shop.heard(thread))[-1] == "👤 My parcel is wet, call *******5678"

    await shop.says(WANG, "// she sounds sad", thread)
    assert (await shop.got())[-1] == "Hello Emma, how can I help?"
    assert (await shop.heard(thread))[-1] == "📝 Wang: she sounds sad"

    await shop.says(WANG, "/transfer li knows parcels", thread)
    assert await shop.owner() == "li"
    await shop.says(LI, "I send a new one", thread)
    await shop.says(LI, "/close solved", thread)
    assert (await shop.owner(), (await shop.topics())[0]["closed"]) == ("closed", True)
    await shop.passes(minutes=2)
    assert (await shop.got())[-1].startswith("How was our service")
    assert await shop.refused() == []


@only_sqlite
async def test_who_comes_back_within_a_day_has_the_old_topic_and_later_a_new_one(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(WANG, "Hello", thread)
    await shop.says(WANG, "/close", thread)
    await shop.passes(hours=2)
    assert await shop.wants_a_human() == thread
    assert [topic["closed"] for topic in await shop.topics()] == [False]

    await shop.says(WANG, "Hello again", thread)
    await shop.says(WANG, "/close", thread)
    await shop.passes(hours=30)
    assert await shop.wants_a_human() != thread


@only_sqlite
async def test_a_customer_of_the_web_chat_has_a_topic_too(shop: Shop) -> None:
    await shop.writes_on_the_web("a human please", 1)
    thread = await shop.topic()
    await shop.says(LI, "Hello Anna", thread)
    assert (await shop.owner("web:shop"), shop.web.texts[-1]) == ("li", "Hello Anna")


@only_sqlite
async def test_what_a_colleague_has_is_not_answered_but_a_lead_takes_over(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(WANG, "Hello", thread)
    await shop.says(LI, "me too", thread)
    assert (await shop.heard(thread))[-1].startswith("Not sent: Wang has this customer")
    assert (await shop.owner(), (await shop.got())[-1]) == ("wang", "Hello")
    await shop.says(ZHAO, "Good day", thread)
    assert (await shop.owner(), (await shop.got())[-1]) == ("zhao", "Good day")


@only_sqlite
async def test_who_is_no_agent_is_told_once_and_the_customer_gets_nothing(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    before = await shop.got()
    await shop.says(STRANGER, "hello?", thread)
    await shop.says(STRANGER, "hello??", thread)
    assert sum("I do not know you" in said for said in await shop.heard(thread)) == 1
    assert (await shop.got(), await shop.owner()) == (before, "queue")

    code = people.new_token()
    await shop.database.write(lambda c: accounts.keep_code(c, "command", "li", code, shop.clock.now()))
    await shop.says(STRANGER, f"/link {code}")
    await shop.says(STRANGER, f"/link {code}")
    assert [said.partition(" ")[0] for said in await shop.heard(None)] == ["You", "This"]
    await shop.says(STRANGER, "Here I am", thread)
    assert (await shop.owner(), (await shop.got())[-1]) == ("li", "Here I am")


@only_sqlite
async def test_who_answers_by_phone_stays_there_for_half_an_hour_and_has_to_answer_in_time(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(WANG, "Hello", thread)
    await shop.passes(minutes=20)
    await shop.says(EMMA, "One more thing")
    assert await shop.owner() == "wang"
    await shop.passes(minutes=11)
    assert await shop.owner() == "queue"
    assert any("Back in the queue" in said for said in await shop.heard(thread))


@only_sqlite
async def test_an_agent_who_was_shut_out_is_nobody_in_the_group(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.database.write(lambda c: people.disable_agent(c, "wang", shop.clock.now()))
    await shop.says(WANG, "hello", thread)
    assert await shop.owner() == "queue"


@only_sqlite
async def test_who_writes_anonymously_is_told_so_and_cannot_be_linked(shop: Shop) -> None:
    thread, code = await shop.wants_a_human(), people.new_token()
    await shop.database.write(lambda c: accounts.keep_code(c, "command", "li", code, shop.clock.now()))
    chat = {"id": GROUP, "type": "supergroup", "is_forum": True}
    group = {"id": 1_087_968_824, "is_bot": True, "first_name": "Group"}
    where = {"chat": chat, "from": group, "sender_chat": chat, "date": 1, "message_thread_id": thread}
    for number, text in enumerate((f"/link {code}", "hello Emma"), start=9001):
        before = await shop.stored()
        message = {**where, "message_id": number, "is_topic_message": True, "text": text}
        await shop.do("raw", update={"message": message})
        await shop.until_stored(before + 1)
        await shop.settle()
    assert (await shop.heard(thread))[-1].startswith("You write anonymously")
    assert await shop.owner() == "queue"


@only_sqlite
async def test_a_topic_that_somebody_deleted_is_made_anew(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(WANG, "Hello", thread)
    await shop.do("delete_topic", group=GROUP, thread=thread)
    await shop.says(EMMA, "are you there?")
    new = await shop.topic()
    assert new != thread
    assert "👤 are you there?" in (await shop.heard(new))[0]
    await shop.says(WANG, "Yes", new)
    assert (await shop.got())[-1] == "Yes"


async def test_of_two_places_to_answer_one_gets_the_customer(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    talk = await shop.see(lambda c: talks.waiting(c)[0].id)
    await shop.says(WANG, "from the group", thread, settle=False)
    await shop.as_agent(lambda c, li: desk.take(c, talk, li, shop.clock.now()), "li")
    assert await shop.owner() == "li"
    assert "from the group" not in await shop.got()
    assert any(said.startswith("Not sent: Li has this customer") for said in await shop.heard(thread))
    await shop.as_agent(lambda c, li: desk.reply(c, talk, li.id, "from the console", "k1", shop.clock.now()), "li")
    assert (await shop.got())[-1] == "from the console"
    assert (await shop.heard(thread))[-1] == "🧑‍💼 Li: from the console"


async def test_an_answer_that_did_not_arrive_is_told_under_it(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.do("block", user=EMMA)
    written = await shop.says(WANG, "Hello", thread)
    last = (await shop.look("messages", chat=GROUP))["messages"][-1]
    assert (last["reply_to"], "customer cannot be reached" in last["text"]) == (written, True)


async def test_a_line_of_unsure_fate_is_not_told_again_and_a_topic_is(shop: Shop) -> None:
    await shop.do("odd", method="createForumTopic")
    await shop.says(EMMA, "I want to talk to a human")
    await shop.passes(minutes=1)
    thread = await shop.topic()
    assert len(await shop.topics()) == 2
    await shop.do("half", method="sendMessage")
    await shop.says(EMMA, "line one")
    await shop.says(EMMA, "line two")
    told = "\n".join(await shop.heard(thread))
    assert (told.count("line one"), told.count("line two")) == (1, 1)
    assert await shop.see(lambda c: c.execute(select(func.count()).select_from(t.tasks)).scalar_one()) == 0


@only_sqlite
async def test_when_the_group_may_hear_little_one_message_holds_many_lines(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(WANG, "Hello", thread)
    before = len(await shop.heard(thread))
    for number in range(25):
        await shop.says(EMMA, f"line {number}", settle=False)
        await shop.look_round()
    await shop.settle()
    heard = (await shop.heard(thread))[before:]
    assert [line for said in heard for line in said.split("\n")] == [f"👤 line {number}" for number in range(25)]
    assert len(heard) < 5


@only_sqlite
async def test_a_group_that_may_hear_no_more_for_now_delays_no_customer(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    for _ in range(22):
        await shop.says(LI, "/help", settle=False)
    await shop.says(WANG, "Hello", thread, settle=False)
    began = shop.clock.now()
    for _ in range(3):
        await shop.look_round()
    assert ((await shop.got())[-1], shop.clock.now() - began) == ("Hello", timedelta())
    await shop.settle()
    assert len(await shop.heard(None)) == 22
    assert shop.clock.now() - began > timedelta(seconds=50)


async def test_nothing_is_lost_or_told_twice_when_the_process_dies_on_the_way(shop: Shop) -> None:
    await shop.says(EMMA, "I want to talk to a human", settle=False)
    for _ in range(8):  # one step, then everything that was only in memory is gone
        await shop.look_round()
        shop.begin()
        shop.clock.advance(timedelta(seconds=2))
    thread = await shop.topic()
    await shop.says(WANG, "Hello", thread, settle=False)
    await shop.desk.step()
    shop.begin()
    await shop.settle()
    assert len(await shop.topics()) == 1
    assert (await shop.got()).count("Hello") == 1
    assert "\n".join(await shop.heard(thread)).count("I want to talk to a human") == 1


@only_sqlite
async def test_pictures_go_both_ways(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(EMMA, "see the stain", action="photo")
    await _fetched(shop)
    messages = (await shop.look("messages", chat=GROUP))["messages"]
    assert (bool(messages[-1]["photo"]), messages[-1]["text"]) == (True, "👤 [picture] see the stain")
    await shop.says(WANG, "this one?", thread, action="photo", settle=False)
    await _fetched(shop)
    theirs = (await shop.look("messages", chat=EMMA))["messages"]
    assert (bool(theirs[-1]["photo"]), theirs[-1]["text"]) == (True, "this one?")
    await shop.says(WANG, "listen", thread, action="file", kind="voice", settle=False)
    await _fetched(shop)
    assert (await shop.heard(thread))[-1] == "Not sent: only text and pictures can be sent from here."


async def _fetched(shop: Shop) -> None:
    import asyncio

    open_files = select(func.count()).select_from(t.media).where(t.media.c.status == "new")
    async with asyncio.timeout(60):
        while await shop.see(lambda c: c.execute(open_files).scalar_one()):
            await asyncio.sleep(0.01)
    await shop.settle()


@only_sqlite
async def test_what_is_no_answer_is_said_in_the_topic(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    written = await shop.says(WANG, "Hello", thread)
    await shop.says(WANG, "/snooze soon", thread)
    await shop.says(WANG, "/transfer nobody", thread)
    await shop.says(WANG, "/dance", thread)
    await shop.says(LI, "/close", thread)
    said = await shop.heard(thread)
    assert [words.partition(" ")[0] for words in said[-4:]] == ["Say", "There", "There", "That"]
    before = await shop.stored()
    await shop.do("edit", user=WANG, message_id=written, text="Hallo")
    await shop.until_stored(before + 1)
    await shop.settle()
    assert (await shop.heard(thread))[-1].startswith("The customer still has what you wrote first")
    assert (await shop.got())[-1] == "Hello"
    await shop.says(WANG, "/snooze 2h", thread)
    await shop.says(WANG, "/handback thanks", thread)
    assert (await shop.owner(), (await shop.topics())[0]["closed"]) == ("bot", True)


async def test_the_group_is_nobodys_conversation_and_no_subscriber_hears_of_it(shop: Shop) -> None:
    thread = await shop.wants_a_human()
    await shop.says(WANG, "Hello", thread)
    seen = await shop.see(lambda c: talks.everything(c, people.actor(c, "zhao", "all")))
    assert [talk.channel for talk in seen] == [CHANNEL]
    assert {talk.name for talk in seen} == {"Emma"}


@only_sqlite
async def test_doctor_names_what_the_group_lacks(shop: Shop) -> None:
    assert await shop.connector.staff_group_faults() == []
    await shop.do("forum", group=GROUP, on=False, manages=False)
    faults = await shop.connector.staff_group_faults()
    assert [fault.partition(".")[0] for fault in faults] == ["The group has no topics", "The bot may not manage topics"]
    await shop.do("kick", group=GROUP)
    assert "Add it" in (await shop.connector.staff_group_faults())[0]


@only_sqlite
async def test_without_the_right_to_make_topics_people_are_told_and_it_is_tried_again(shop: Shop) -> None:
    await shop.do("forum", group=GROUP, manages=False)
    await shop.says(EMMA, "I want to talk to a human")
    await shop.passes(minutes=11)
    alerts = await shop.see(lambda c: [row.text for row in c.execute(select(t.tasks))])
    assert any("No topic can be made in the staff's group" in text for text in alerts)
    await shop.do("forum", group=GROUP, manages=True)
    await shop.passes(minutes=11)
    assert "👤 I want to talk to a human" in (await shop.heard(await shop.topic()))[0]
