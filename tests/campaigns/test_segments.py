"""Segments: who is meant, over all accounts of a person, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from bot.campaigns.announcing import announce
from bot.campaigns.reach import Reach, reach
from bot.campaigns.segments import Language, Segment, Span, members
from bot.store.database import Database
from bot.store.tables import conversations, outbox, sales
from bot.voice import Spoken
from tests.campaigns.people import NOW, TELEGRAM, WEB, customer, goods, order, person


def fill(connection: Connection) -> None:
    """Ann buys often; Bo slept for 40 days and has an older account on the web; Cy never paid; Dee is a guest."""
    goods(connection)
    customer(connection, "ann", tier="gold", spent_minor=500_000)
    customer(connection, "bo", tier="silver", spent_minor=30_000)
    customer(connection, "cy")
    person(connection, "p-ann", customer="ann", language="en")
    person(connection, "p-bo", customer="bo")
    older = NOW - timedelta(days=90)
    person(connection, "p-bo-web", customer="bo", channel=WEB, language="en", created_at=older, tags=("linen",))
    person(connection, "p-cy", customer="cy")
    person(connection, "p-dee", channel=WEB, agreed=None)
    order(connection, "ann", 2, sku="dress-1")
    order(connection, "bo", 40)
    order(connection, "bo", 100, sku="dress-1")
    order(connection, "cy", 35, status="unpaid")
    order(connection, "cy", 36, sku="dress-1", status="cancelled")


@pytest.fixture
async def shop(database: Database) -> Database:
    await database.write(fill)
    return database


async def ids(database: Database, segment: Segment) -> list[str]:
    return await database.read(lambda c: [row.id for row in c.execute(members(segment, NOW))])


async def test_a_sale_is_announced_to_a_segment_of_a_channel_whenever_they_were_seen_last(shop: Database) -> None:
    audience = {"channel": TELEGRAM, "segment": {"tags": ["linen"], "last_purchase_days": {"from": 30}}}
    plan = {"id": "s", "sku": "shirt-1", "price_minor": 100, "currency": "CNY", "total": 1, "available": 1}
    times = {"length_s": 60, "hold_s": 60, "starts_at": NOW + timedelta(days=9), "ends_at": NOW + timedelta(days=10)}
    now = NOW + timedelta(days=9)
    spoken = Spoken("begins", (), ())

    def announced(c: Connection) -> tuple[list[Reach], int, list[str]]:
        c.execute(sales.insert().values(**plan, **times, status="running", audiences=[audience]))
        counted = reach(c, [audience, {**audience, "segment": {"spent": {"from": "4000.00"}}}], now, "CNY")
        stored = announce(c, "s", "start", lambda *_: spoken, now)
        return counted, stored, list(c.execute(select(outbox.c.conversation_id)).scalars())

    counted, stored, talks = await shop.write(announced)
    assert (stored, talks) == (1, ["talk-p-bo"]), "Bo, whose other account is the one with the tag"
    assert [(one.recipients, one.agreed, one.narrowed) for one in counted] == [(1, 1, True)] * 2


async def test_everybody_is_one_person_whatever_their_accounts_and_stands_under_the_oldest(shop: Database) -> None:
    assert await ids(shop, Segment()) == ["p-ann", "p-bo-web", "p-cy", "p-dee"]


@pytest.mark.parametrize(
    ("segment", "meant"),
    [
        (Segment(tiers=frozenset({"gold", "silver"})), ["p-ann", "p-bo-web"]),
        (Segment(tiers=frozenset({"regular"})), ["p-cy", "p-dee"]),
        (Segment(spent_minor=Span(30_000)), ["p-ann", "p-bo-web"]),
        (Segment(spent_minor=Span(30_000, 30_000)), ["p-bo-web"]),
        (Segment(spent_minor=Span(most=29_999)), ["p-cy", "p-dee"]),
        (Segment(bought_days=Span(30, 59)), ["p-bo-web"]),
        (Segment(bought_days=Span(most=59)), ["p-ann", "p-bo-web"]),
        (Segment(bought_days=Span(40, 40)), ["p-bo-web"]),
        (Segment(bought_days=Span(41)), []),
        (Segment(bought_days=Span(most=39)), ["p-ann"]),
        (Segment(products=frozenset({"dress"})), ["p-ann", "p-bo-web"]),
        (Segment(products=frozenset({"shirt"}), bought_days=Span(30)), ["p-bo-web"]),
        (Segment(channels=frozenset({WEB})), ["p-bo-web", "p-dee"]),
        (Segment(channels=frozenset({TELEGRAM})), ["p-ann", "p-bo-web", "p-cy"]),
        (Segment(languages=frozenset({Language.EN})), ["p-ann", "p-bo-web"]),
        (Segment(languages=frozenset({Language.ZH}), tags=frozenset({"linen"})), ["p-bo-web"]),
        (Segment(tags=frozenset({"silk"})), []),
        (Segment(tiers=frozenset({"gold"}), products=frozenset({"shirt"})), []),
    ],
)
async def test_a_filter_lets_pass_whom_it_names(shop: Database, segment: Segment, meant: list[str]) -> None:
    assert await ids(shop, segment) == meant


async def test_a_chat_that_cannot_be_reached_or_a_group_is_no_channel_of_a_person(shop: Database) -> None:
    only_telegram = Segment(channels=frozenset({TELEGRAM}))
    gone = conversations.update().where(conversations.c.id == "talk-p-bo").values(unreachable=True)
    await shop.write(lambda c: c.execute(gone))
    assert await ids(shop, only_telegram) == ["p-ann", "p-cy"]
    grouped = conversations.update().where(conversations.c.id == "talk-p-cy").values(chat_kind="group")
    await shop.write(lambda c: c.execute(grouped))
    assert await ids(shop, only_telegram) == ["p-ann"]
