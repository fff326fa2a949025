"""`{policy.return_days}`-style fields: which there are, and filling them from checked data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rapidfuzz import process

FIELD = re.compile(r"\{([^{}]*)\}")
"""Whatever stands in braces is a field, so that a misspelt one is refused and never reaches a customer."""

SHOP_FIELDS = frozenset(
    {
        "shop.name",
        "shop.hours",
        "shop.phone",
        "shop.email",
        "shop.address",
        "policy.return_days",
        "policy.exchange_days",
        "policy.dispatch_h",
        "policy.refund_days",
        "policy.price_protection_days",
        "policy.order_close_h",
        "policy.free_shipping",
        "policy.shipping_fee",
        "policy.hmt_fee",
        "policy.presale_days",
        "policy.coupon_new",
        "policy.points_per_yuan",
    }
)
"""Fields that any entry or phrase may use; they come from shop.toml."""


def unknown_fields(text: str, also: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Yield (field, nearest known field) for every field in `text` that nothing fills."""
    known = SHOP_FIELDS | also
    for name in FIELD.findall(text):
        if name not in known:
            yield name, process.extractOne(name, sorted(known))[0]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of fields.

    Raises:
        KeyError: a field has no value. Nothing is ever sent with a hole in it.
    """
    return FIELD.sub(lambda match: values[match[1]], text)
