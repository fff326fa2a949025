"""Inbox: stored once, in order, before the platform is acknowledged."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from bot.clock import IdMaker
from bot.delivery import ledger
from bot.delivery.inbox import store
from bot.messages import WINDOW, Event, Grant, Purpose
from bot.store.database import Database
from bot.store.tables import conversations, grants, identities, inbox, persons
from tests.conftest import StandingClock
from tests.delivery.stand import SENT_AT, another, arrive, conversation_of, rows, said, said_in_group

FIVE = (Grant(count=5, window_s=48 * 3600),)
THREE = (Grant(count=3, window_s=60, action="acted"),)


async def test_a_first_message_makes_person_identity_and_conversation(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    assert await arrive(database, clock, new_id, said(1, "在吗", name="小林", language="zh")) == 1

    (person,) = await rows(database, persons)
    (identity,) = await rows(database, identities)
    (conversation,) = await rows(database, conversations)
    (message,) = await rows(database, inbox)
    assert (person.name, person.language) == ("小林", "zh")
    assert (identity.person_id, identity.channel, identity.user) == (person.id, "web:shop", "u1")
    assert (conversation.identity_id, conversation.owner, conversation.last_seq) == (identity.id, "bot", 1)
    assert (message.identity_id, message.seq, message.status, message.text) == (identity.id, 1, "new", "在吗")
    assert (message.sent_at, message.received_at) == (SENT_AT + timedelta(seconds=1), clock.now())


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh", "zh"),
        ("zh-hans", "zh"),
        ("zh-Hans-CN-x-private-use-subtag", "zh"),
        ("en_US", "en"),
        ("EN", "en"),
        ("ru", ""),
        ("sr-Latn-RS", ""),
        ("", ""),
        (None, ""),
    ],
)
async def test_a_language_is_stored_as_the_bot_knows_it(
    database: Database, clock: StandingClock, new_id: IdMaker, tag: str | None, language: str
) -> None:
    await arrive(database, clock, new_id, said(1, language=tag))

    (person,) = await rows(database, persons)
    assert person.language == language


async def test_a_message_that_comes_again_is_not_stored_again(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    assert await arrive(database, clock, new_id, said(1), said(2), said(1)) == 2
    assert await arrive(database, clock, new_id, said(2), said(3)) == 1

    assert [(row.key, row.seq) for row in await rows(database, inbox)] == [
        ("web:shop:u1:1", 1),
        ("web:shop:u1:2", 2),
        ("web:shop:u1:3", 3),
    ]
    assert (await conversation_of(database)).last_seq == 3


async def test_the_same_first_message_from_many_workers_at_once_is_stored_once(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async with another(database) as other:
        for chat in ("u1", "u2", "u3"):
            tries = [arrive(place, clock, new_id, said(1, chat=chat)) for place in (database, other) for _ in range(8)]
            assert sorted(await asyncio.gather(*tries)) == [0] * 15 + [1]

    assert len(await rows(database, inbox)) == 3
    assert len(await rows(database, conversations)) == 3
    assert len(await rows(database, persons)) == 3, "a worker that was too late left a person without identity"


async def test_messages_of_one_chat_stored_at_once_get_numbers_without_gap(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async with another(database) as other:
        tries = [arrive((database, other)[n % 2], clock, new_id, said(n)) for n in range(40)]
        assert sum(await asyncio.gather(*tries)) == 40

    assert sorted(row.seq for row in await rows(database, inbox)) == list(range(1, 41))
    conversation = await conversation_of(database)
    assert (conversation.last_seq, conversation.shown) == (40, 40)


async def test_a_batch_keeps_the_order_of_each_chat(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, said(2, chat="b"), said(9, chat="a"), said(1, chat="b"), said(3, chat="a"))

    in_order: dict[str, list[str]] = {"a": [], "b": []}
    for row in sorted(await rows(database, inbox), key=lambda row: row.seq):
        in_order[row.key.split(":")[2]].append(row.key.rpartition(":")[2])
    assert in_order == {"a": ["9", "3"], "b": ["2", "1"]}


async def test_the_same_user_id_on_two_channels_is_two_identities(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1), said(1, channel="telegram:bot"))

    assert len({row.person_id for row in await rows(database, identities)}) == 2


async def test_nothing_of_a_batch_is_stored_if_one_message_cannot_be(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    naive = said(2, sent_at=SENT_AT.replace(tzinfo=None))
    with pytest.raises(Exception, match="naive"):
        await arrive(database, clock, new_id, said(1), naive)

    assert await rows(database, inbox) == []
    assert await rows(database, conversations) == []


# --- windows -----------------------------------------------------------------------------------------------------
async def left(database: Database, at: datetime) -> float:
    conversation = await conversation_of(database)
    rights = await database.write(lambda c: ledger.rights_of(c, [conversation.id]))
    return ledger.left(rights[conversation.id], WINDOW, Purpose.REPLY, at)


async def use(database: Database, clock: StandingClock, by: int) -> None:
    """Take `by` messages off the window."""
    conversation = await conversation_of(database)

    def take(connection: Connection) -> None:
        rights = ledger.rights_of(connection, [conversation.id])
        after = ledger.used(rights[conversation.id], WINDOW, by, clock.now())
        ledger.save(connection, rights, {conversation.id: after})

    await database.write(take)


async def test_a_new_window_takes_the_place_of_the_old_one(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await use(database, clock, 4)
    assert await left(database, clock.now()) == 1

    await arrive(database, clock, new_id, said(2, grants=FIVE))

    assert await left(database, clock.now()) == 5
    assert len(await rows(database, grants)) == 1


async def test_windows_do_not_add_up_when_messages_arrive_in_the_wrong_order(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(2, grants=FIVE))
    await arrive(database, clock, new_id, said(1, grants=FIVE))

    assert len(await rows(database, grants)) == 1


async def test_a_short_window_does_not_shorten_a_long_one(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await arrive(database, clock, new_id, said(2, event=Event.STARTED, grants=THREE))

    assert await left(database, SENT_AT + timedelta(hours=1)) == 5
    assert await left(database, SENT_AT + timedelta(hours=48, seconds=2)) == 0


async def test_a_repeated_message_opens_no_window(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await use(database, clock, 5)

    await arrive(database, clock, new_id, said(1, grants=FIVE))

    assert await left(database, clock.now()) == 0


# --- reachability and groups -----------------------------------------------------------------------------------------
async def test_who_left_is_unreachable_until_the_next_message(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1), said(2, "", event=Event.LEFT))
    assert (await conversation_of(database)).unreachable

    await arrive(database, clock, new_id, said(2, "", event=Event.LEFT), said(3, "又来了"))
    assert not (await conversation_of(database)).unreachable


async def test_a_group_that_removed_the_bot_is_unreachable_until_it_is_added_again(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said_in_group(1, "li"), said_in_group(2, "li", "", event=Event.LEFT))
    assert (await conversation_of(database, "g1", "telegram:bot")).unreachable

    await arrive(database, clock, new_id, said_in_group(3, "li", "", event=Event.JOINED))
    assert not (await conversation_of(database, "g1", "telegram:bot")).unreachable


async def test_a_group_has_no_identity_but_its_messages_have(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said_in_group(1, "li"), said_in_group(2, "wang"))

    conversation = await conversation_of(database, "g1", "telegram:bot")
    assert (conversation.identity_id, conversation.chat_kind, conversation.last_seq) == (None, "group", 2)
    senders = {row.id: row.user for row in await rows(database, identities)}
    assert [senders[row.identity_id] for row in await rows(database, inbox)] == ["li", "wang"]


async def test_who_removes_the_bot_from_a_group_can_still_be_written_to(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, chat="li", channel="telegram:bot"))
    await arrive(database, clock, new_id, said_in_group(1, "li", "", event=Event.LEFT))

    assert not (await conversation_of(database, "li", "telegram:bot")).unreachable


async def test_talking_in_a_group_does_not_unblock_the_private_chat(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, "", chat="li", channel="telegram:bot", event=Event.LEFT))
    await arrive(database, clock, new_id, said_in_group(1, "li"))

    assert (await conversation_of(database, "li", "telegram:bot")).unreachable


async def test_two_workers_that_store_the_same_chats_do_not_block_each_other(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    chats = [f"u{n}" for n in range(12)]

    async def batch(place: Database, number: int, order: list[str]) -> int:
        messages = [said(number, chat=chat) for chat in order]
        return await place.write(lambda c: store(c, messages, clock.now(), new_id))

    async with another(database) as other:
        tries = [batch((database, other)[n % 2], n, chats if n % 2 else chats[::-1]) for n in range(12)]
        assert sum(await asyncio.gather(*tries)) == 144
