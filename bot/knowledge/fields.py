"""`{policy.return_days}`-style fields: which there are, and filling them from checked data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rapidfuzz import process

FIELD = re.compile(r"\{([^{}]*)\}")
"""Whatever stands in braces is a field, so that a misspelt one is refused and never reaches a customer."""
ODD = re.compile(r"[{｛][^{}｛｝\n]{0,40}[}｝]?|[}｝]")
NAME = re.compile(r"[a-z_]+[.．][a-z_]+", re.IGNORECASE)
ALONE = "Write a field as `{shop.phone}`, with both braces in half width, or take the brace away"

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
        "policy.stuck_h",
        "policy.free_shipping",
        "policy.shipping_fee",
        "policy.hmt_fee",
        "policy.presale_days",
        "policy.complaint_answer_h",
        "policy.complaint_solve_h",
        "policy.coupon_new",
        "policy.points_per_yuan",
        "returns.fault_days",
        "returns.send_days",
        "returns.address",
    }
)
"""Fields that any entry or phrase may use; they come from shop.toml."""


REPLY_FIELDS = frozenset(
    {
        "customer.name",
        "agent.name",
        "order.number",
        "order.total",
        "parcel.carrier",
        "parcel.number",
    }
)
"""Fields that a canned reply of an agent may use beside; they come from the conversation in front of the agent.

What is not known stays as it is, and is not sent before the agent has put something in its place.
"""


def unknown_fields(text: str, also: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Yield (field, nearest known field) for every field in `text` that nothing fills."""
    known = SHOP_FIELDS | also
    for name in FIELD.findall(text):
        if name not in known:
            yield name, process.extractOne(name, sorted(known))[0]


def odd_braces(text: str) -> Iterator[tuple[str, str]]:
    """Yield (what stands there, how to write it) for every brace that makes no field: left open, alone or full-width.

    A customer would read it as it stands.
    """
    for found in ODD.finditer(FIELD.sub(lambda field: " " * len(field[0]), text)):
        meant = NAME.search(found[0])
        fix = f"Write the field as `{{{process.extractOne(meant[0], sorted(SHOP_FIELDS))[0]}}}`" if meant else ALONE
        yield found[0].strip(), fix


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of fields.

    Raises:
        KeyError: a field has no value. Nothing is ever sent with a hole in it.
    """
    return FIELD.sub(lambda match: values[match[1]], text)
