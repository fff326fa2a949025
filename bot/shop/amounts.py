"""Amounts as shops' systems write them, decimal text, to and from minor units. Exact: no float on the way."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from babel.numbers import get_currency_precision

_LARGEST = Decimal(10) ** 12


def minor_of(written: str | float, currency: str) -> int:
    """Return `written` major units (`"199.00"`) in minor units of the ISO 4217 `currency`, half a unit rounded up.

    Yen have no smaller unit, dinars have a thousand.

    Raises:
        ValueError: it is no amount.
    """
    try:
        amount = Decimal(str(written))
    except InvalidOperation:
        raise ValueError(f"{written!r} is no amount") from None
    if not amount.is_finite() or abs(amount) > _LARGEST:
        raise ValueError(f"{written!r} is no amount")
    return int(amount.scaleb(get_currency_precision(currency)).quantize(Decimal(1), ROUND_HALF_UP))


def sum_minor(written: Iterable[str | float], currency: str) -> int:
    """Return the sum of amounts in minor units, rounded once: parts of it may have more decimals than the currency.

    Raises:
        ValueError: one of them is no amount.
    """
    try:
        return minor_of(str(sum((Decimal(str(part)) for part in written), Decimal(0))), currency)
    except InvalidOperation:
        raise ValueError("one of the parts is no amount") from None


def written_of(amount_minor: int, currency: str) -> str:
    """Return minor units as decimal text in major units: 19900 CNY is `199.00`, 19900 JPY `19900`."""
    precision = get_currency_precision(currency)
    return f"{Decimal(amount_minor).scaleb(-precision):.{precision}f}"
