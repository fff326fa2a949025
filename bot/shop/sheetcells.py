"""Cells of a shop's spreadsheets: amounts, times, yes and no. Each refuses with what to write instead."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision, list_currencies

from bot.knowledge.moments import begin_of, moment_of

_YES = frozenset({"yes", "true", "1", "y", "是"})
_NO = frozenset({"no", "false", "0", "n", "否"})


def minor_of(cell: str, currency: str) -> int:
    """Return an amount as people write it, `59.90`, in minor units of its ISO 4217 currency.

    Raises:
        ValueError: it is none, or has more digits than the currency.
    """
    digits = get_currency_precision(currency)
    try:
        amount = Decimal(cell.replace(",", "").replace(" ", "")).scaleb(digits)
    except InvalidOperation:
        raise ValueError(f"`{cell}` is no amount; write e.g. 59.90") from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(f"`{cell}` has more than {digits} digits behind the point")
    return int(amount)


def currency_of(cell: str) -> str:
    """Return a currency's ISO 4217 code: how many digits an amount has depends on it.

    Raises:
        ValueError: nothing is counted in it.
    """
    if cell not in list_currencies():
        raise ValueError(f"`{cell}` is no currency of ISO 4217; write e.g. CNY")
    return cell


def time_of(cell: str, zone: ZoneInfo) -> datetime:
    """Return a time, `2026-11-20 10:04`; without a zone of its own it is in `zone`.

    Raises:
        ValueError: it is none.
    """
    written = moment_of(cell.replace("/", "-"))
    if written is not None:
        return begin_of(written).replace(tzinfo=zone)
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"`{cell}` is no time; write e.g. 2026-11-20 10:04") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def is_yes(cell: str) -> bool:
    """Return whether a cell says yes.

    Raises:
        ValueError: it says neither yes nor no.
    """
    said = cell.casefold()
    if said not in _YES | _NO:
        raise ValueError(f"`{cell}` is neither yes nor no")
    return said in _YES


def whole_of(cell: str) -> int:
    """Return a whole number.

    Raises:
        ValueError: it is none.
    """
    try:
        return int(cell)
    except ValueError:
        raise ValueError(f"`{cell}` is no whole number") from None
