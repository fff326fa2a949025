"""How a product fitted its buyers, counted from the shop's cases; and what is remembered of a person's measures."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot import effects
from bot.demo.seed import seed
from bot.shop.port import FitReports
from bot.shop.sql import SqlShop
from bot.skills.turn import KeepMeasures, PersonView
from bot.store import tables as t
from bot.store.database import Database
from tests.delivery.stand import mute

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SKU = "linen-dress-blue-M"


def sold(connection: Connection, pieces: list[int], delivered: bool = True) -> list[int]:
    """Sell a dress in orders of so many pieces; return the ids of their lines."""
    ids = []
    for number, quantity in enumerate(pieces):
        order = {"number": f"{'D' if delivered else 'P'}{number}", "customer_id": "lin", "status": "delivered"}
        sums = {"total_minor": 100, "currency": "CNY", "created_at": NOW, "delivered_at": NOW if delivered else None}
        connection.execute(t.orders.insert().values(**order, **sums))
        line = {"order_number": order["number"], "sku": SKU, "quantity": quantity, "price_minor": 100}
        made = t.order_lines.insert().values(line).returning(t.order_lines.c.id)
        ids.append(connection.execute(made).scalar_one())
    return ids


def sent_back(connection: Connection, line_id: int, quantity: int, reason: str, status: str = "open") -> None:
    order = connection.execute(select(t.order_lines.c.order_number).where(t.order_lines.c.id == line_id)).scalar_one()
    case = {"number": f"R{line_id}{reason}{status}", "order_number": order, "kind": "return", "status": status}
    times = {"opened_at": NOW, "changed_at": NOW, "currency": "CNY", "reason": reason}
    connection.execute(t.cases.insert().values(**case, **times))
    part = {"case_number": case["number"], "line_id": line_id, "quantity": quantity}
    connection.execute(t.case_parts.insert().values(part))


@pytest.fixture
async def shop(database: Database) -> Database:
    await database.write(lambda c: seed(c, NOW))
    await database.write(lambda c: c.execute(update(t.orders).values(delivered_at=None)))
    return database


async def test_reports_count_the_pieces_that_came_back_as_too_small_or_too_large(shop: Database) -> None:
    def tell(connection: Connection) -> FitReports:
        lines = sold(connection, [3, 2, 1, 1, 5])
        sold(connection, [7], delivered=False)  # nobody has tried these
        sent_back(connection, lines[0], 2, "small")
        sent_back(connection, lines[1], 1, "large")
        sent_back(connection, lines[2], 1, "quality")  # says nothing of the fit
        sent_back(connection, lines[3], 1, "small", "cancelled")  # came to nothing
        return SqlShop(connection).fit_reports("linen-dress")

    assert await shop.write(tell) == FitReports(small=2, true=9, large=1)


async def test_a_product_that_nobody_has_bought_has_no_reports(shop: Database) -> None:
    assert await shop.read(lambda c: SqlShop(c).fit_reports("wool-coat")) == FitReports()
    assert await shop.read(lambda c: SqlShop(c).fit_reports("no-such-product")) == FitReports()


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


async def test_measures_are_kept_once_a_person_and_replaced_and_emptied(shop: Database) -> None:
    person = PersonView("identity-lin", "person-lin")

    def does(*wishes: KeepMeasures) -> Callable[[Connection], Any]:
        def apply(connection: Connection) -> list[Any]:
            effects.apply(connection, wishes, person, "telegram:shopbot", NOW, ids(), mute)
            return [tuple(row) for row in connection.execute(select(t.person_measures))]

        return apply

    kept = {"height": 170.0, "weight": 62.0}
    rows = await shop.write(does(KeepMeasures(wanted=False)))
    assert [row[:3] for row in rows] == [("person-lin", False, {})]
    rows = await shop.write(does(KeepMeasures(True, kept)))
    assert [row[:3] for row in rows] == [("person-lin", True, kept)]
    rows = await shop.write(does(KeepMeasures(False, kept)))
    assert [row[:3] for row in rows] == [("person-lin", False, {})]
