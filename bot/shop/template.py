"""An example of each sheet that `zhanggui shop import` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.shop.sheets import CUSTOMERS, ORDERS, PRODUCTS, Kind

_TEE = {"product_id": "tee", "name_zh": "白T恤", "name_en": "White tee", "category": "tops", "size_chart": "tops",
        "material_zh": "纯棉", "material_en": "cotton", "care_zh": "30 度机洗", "care_en": "wash at 30 °C"}  # fmt: skip
_WHITE = {"product_id": "tee", "colour_zh": "白", "colour_en": "white", "price": "59.90", "currency": "CNY"}
_ORDER = {"order_number": "QH2611200001", "customer_id": "c-1001", "status": "shipped", "total": "119.80",
          "shipping": "0", "currency": "CNY", "address": "上海市徐汇区梧桐路 18 号", "country": "CN",
          "created_at": "2026-11-20 10:00", "paid_at": "2026-11-20 10:04"}  # fmt: skip
_PARCEL = {"carrier": "顺丰 SF Express", "tracking_number": "SF1390021145", "expected_at": "2026-11-23 18:00"}
_LINE = {"order_number": "QH2611200001", "quantity": "1", "price": "59.90", **_PARCEL}

_EXAMPLES: Mapping[str, tuple[Kind, Sequence[Mapping[str, str]]]] = {
    "products": (
        PRODUCTS,
        ({**_TEE, **_WHITE, "sku": "tee-M", "size": "M", "stock": "12", "returnable": "yes"},
         {**_WHITE, "sku": "tee-L", "size": "L", "stock": "0"}),
    ),
    "customers": (
        CUSTOMERS,
        ({"customer_id": "c-1001", "name": "林悦", "phone": "+8619900001001", "email": "lin@example.com",
          "tier": "gold", "birthday": "11-30"},),
    ),
    "orders": (ORDERS, ({**_ORDER, **_LINE, "sku": "tee-M"}, {**_LINE, "sku": "tee-L"})),
}  # fmt: skip


def templates() -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of an example of each sheet, the head first, by name."""
    return {
        name: [kind.columns, *(tuple(row.get(column, "") for column in kind.columns) for row in rows)]
        for name, (kind, rows) in _EXAMPLES.items()
    }
