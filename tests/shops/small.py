"""A shop of one tee and a few orders, put there as its own servers would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, select

from bot.shop.bodies import CustomerBody, OrderBody, ProductBody
from bot.shop.load import put_customer, put_order, put_product
from bot.shop.port import Order
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import variants

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
STOCK = {"tee-S": 3, "tee-M": 1, "tee-L": 0}


def counted(prefix: str = "id") -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def product(**changes: Any) -> ProductBody:
    return ProductBody.model_validate(
        {
            "name": {"zh": "白T恤", "en": "White tee"},
            "category": "tops",
            "care": {"zh": "30 度机洗", "en": "Wash at 30 °C"},
            "variants": [
                {"sku": sku, "colour": {"zh": "白", "en": "white"}, "size": sku[-1], "price_minor": 5000,
                 "currency": "CNY", "stock": stock, "tier_prices_minor": {"gold": 4500}}
                for sku, stock in STOCK.items()
            ],
            **changes,
        }
    )  # fmt: skip


def customer(**changes: Any) -> CustomerBody:
    return CustomerBody.model_validate({"name": "Mia", "phone": "+4915112345678", **changes})


def order(status: str = "paid", pieces: int = 1, sku: str = "tee-S", **changes: Any) -> OrderBody:
    sent = {"delivered_at": "2026-11-21T09:00:00Z"} if status in ("delivered", "returned") else {}
    return OrderBody.model_validate(
        {
            "customer_id": "mia",
            "status": status,
            "total_minor": 5000 * pieces,
            "currency": "CNY",
            "address": "Lindenweg 1",
            "created_at": "2026-11-19T09:00:00Z",
            "paid_at": None if status in ("unpaid", "cancelled") else "2026-11-19T09:05:00Z",
            "lines": [{"sku": sku, "quantity": pieces, "price_minor": 5000}],
            **sent,
            **changes,
        }
    )


def fill(connection: Connection, **orders: OrderBody) -> None:
    """Put the tee, its customer, and orders by number."""
    put_product(connection, "tee", product(), NOW)
    put_customer(connection, "mia", customer(), NOW)
    for number, body in orders.items():
        put_order(connection, number, body, NOW)


def read_order(connection: Connection, number: str) -> Order:
    found = SqlShop(connection).order(number)
    assert found is not None
    return found


def stock_of(connection: Connection) -> dict[str, int]:
    return {row.sku: row.stock for row in connection.execute(select(variants))}


async def stock(database: Database) -> dict[str, int]:
    return await database.read(stock_of)
