"""The announcement of a sale, in the language of each who hears it."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.campaigns import flash
from bot.campaigns.announce import announcement
from bot.clock import IdMaker
from bot.delivery.thinking import Thinker
from bot.store.database import Database
from bot.store.tables import outbox, products, sales, tasks, variants
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, conversation_of, rows, said, send_all


def draft(connection: Connection) -> None:
    connection.execute(products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
    variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
    connection.execute(variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=3))
    row = {"id": "sale", "sku": "s1", "price_minor": 5900, "currency": "CNY", "total": 3, "available": 3}
    connection.execute(sales.insert().values(**row, length_s=7200, hold_s=600, audiences=[{"channel": "web:shop"}]))


async def test_a_sale_starts_whatever_languages_its_audience_speaks(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    languages = {"u1": "zh-hans", "u2": "en-US", "u3": "ru", "u4": None}
    await arrive(database, clock, new_id, *(said(1, chat=chat, language=tag) for chat, tag in languages.items()))
    await database.write(draft)
    say = announcement(thinker.brain.mind.voice, thinker.settings.shop.zone)

    assert await database.write(lambda c: flash.start(c, "sale", say, clock.now())) == 4

    told = {row.conversation_id: row.text for row in await rows(database, outbox)}
    in_english = {chat: "Shirt" in told[(await conversation_of(database, chat)).id] for chat in languages}
    assert in_english == {"u1": False, "u2": True, "u3": False, "u4": False}


async def test_who_was_never_asked_gets_no_announcement_and_nobody_a_task(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await database.write(draft)
    say = announcement(thinker.brain.mind.voice, thinker.settings.shop.zone)
    await database.write(lambda c: flash.start(c, "sale", say, clock.now()))

    await send_all(a_sender(database, clock, platform))

    assert platform.asked == []
    assert {(row.status, row.reason) for row in await rows(database, outbox)} == {("dropped", "no_consent")}
    assert await rows(database, tasks) == []
