"""Who is deleted in the shop's own system is nobody here: what they bought stays, and who they were does not come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.shop.commands import ChangeAddress, Outcome
from bot.store import tables as t
from bot.store.database import Database
from tests.conftest import StandingClock
from tests.shops.small import customer, order, product
from tests.shops.stands.shopify import ShopifyStand, shopify
from tests.shops.stands.woo import WooStand, woo

Stand = ShopifyStand | WooStand
TELLING = ("Mia", "4915112345678", "Lindenweg", "Sonnenweg", "mia@example.com", "M. Sommer", "chest")
"""What tells who it was."""


@pytest.fixture(params=[shopify, woo], ids=["shopify", "woocommerce"])
async def stand(request: pytest.FixtureRequest, database: Database, clock: StandingClock) -> AsyncIterator[Stand]:
    async with request.param(database, clock) as opened:
        yield opened


def everything_kept(connection: Connection) -> str:
    return "\n".join(str(row) for table in t.metadata.sorted_tables for row in connection.execute(select(table)))


async def known_to_the_shop(stand: Stand) -> str:
    """Let Mia buy, chat with an account that is linked, and leave what people leave; return her customer's id."""
    await stand.puts_product("tee", product())
    await stand.puts_customer("mia", customer())
    await stand.puts_order("A1", order("paid"))
    customer_id = stand.called("mia")
    row = {"id": "p1", "name": "Mia", "customer_id": customer_id, "created_at": stand.clock.now()}
    seen = {"id": "i1", "person_id": "p1", "channel": "web:shop", "user": "v1", "name": "Mia"}
    measures = {"person_id": "p1", "wanted": True, "measures": {"chest": 90}, "at": stand.clock.now()}
    invoice = {"order_number": "A1", "title": "M. Sommer", "email": "mia@example.com", "asked_at": stand.clock.now()}
    cart = {"id": "c1", "customer_id": customer_id, "status": "open", "updated_at": stand.clock.now()}

    def leave(connection: Connection) -> None:
        connection.execute(insert(t.persons).values(row))
        connection.execute(insert(t.identities).values(**seen, created_at=stand.clock.now()))
        connection.execute(insert(t.proofs).values(identity_id="i1", order_number="A1", proven_at=stand.clock.now()))
        connection.execute(insert(t.person_measures).values(measures))
        connection.execute(insert(t.invoices).values(invoice))
        connection.execute(insert(t.carts).values(cart))
        _vote(connection, stand.clock.now())
        connection.execute(update(t.customers).values(email="mia@example.com"))

    await stand.database.write(leave)
    assert await stand.does(ChangeAddress("A1", "Sonnenweg 2, 10115 Berlin")) is Outcome.DONE
    return customer_id


def _vote(connection: Connection, now: datetime) -> None:
    """Let her have voted in a vote that is closed."""
    words = {"question": {}, "options": [], "prize": {}, "audiences": [], "seed": "s"}
    connection.execute(insert(t.votes).values(id="v", status="closed", **words, starts_at=now, ends_at=now))
    ballot = {"entry": 1, "person_id": "p1", "identity_id": "i1", "option": "linen", "counted": True}
    connection.execute(insert(t.ballots).values(vote_id="v", **ballot, voted_at=now))


async def test_a_customer_who_is_deleted_there_is_nobody_here_and_does_not_come_back(stand: Stand) -> None:
    customer_id = await known_to_the_shop(stand)
    kept = await stand.database.read(everything_kept)
    assert [word for word in TELLING if word not in kept] == ["Lindenweg"]
    await stand.deletes_customer("mia")
    for _ in range(2):  # at once, and after all was read anew
        kept = await stand.database.read(everything_kept)
        assert [word for word in TELLING if word in kept] == []
        await stand.is_compared()
    person = await stand.database.read(lambda c: c.execute(select(t.persons)).one())
    assert (person.name, person.customer_id) == ("", None)
    ballot = await stand.database.read(lambda c: c.execute(select(t.ballots)).one())
    assert (ballot.entry, ballot.option, ballot.person_id, ballot.identity_id) == (1, "linen", None, None)
    left = await stand.database.read(lambda c: c.execute(select(t.orders)).one())
    assert (left.number, left.customer_id, left.total_minor, left.status) == ("A1", customer_id, 5000, "paid")
    assert await stand.database.read(lambda c: c.execute(select(t.order_lines.c.sku)).scalars().all()) == ["tee-S"]
    assert await stand.database.read(lambda c: c.execute(select(t.carts.c.status)).scalar_one()) == "emptied"
    assert await stand.database.read(lambda c: c.execute(select(t.untold)).all()) == []


async def test_an_order_of_somebody_deleted_goes_on_to_its_end(stand: Stand) -> None:
    await known_to_the_shop(stand)
    await stand.deletes_customer("mia")
    await stand.moves_order("A1", "shipped")
    left = await stand.database.read(lambda c: c.execute(select(t.orders)).one())
    assert (left.status, left.address) == ("shipped", "")


async def test_nobody_else_is_erased(stand: Stand) -> None:
    await known_to_the_shop(stand)
    await stand.puts_customer("tom", customer(name="Tom", phone="+4915199999999"))
    await stand.puts_order("A2", order("paid", customer_id="tom", address="Bergweg 7"))
    await stand.deletes_customer("mia")
    kept = await stand.database.read(everything_kept)
    assert all(word in kept for word in ("Tom", "Bergweg 7", "15199999999"))
