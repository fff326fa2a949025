"""Numbers of identity cards and bank cards, told by their check digits."""

from __future__ import annotations

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""Of the seventeen digits before the check sign (GB 11643)."""
ID_SIGNS = "10X98765432"


def is_id_card(number: str) -> bool:
    """Return whether the last sign of an eighteen-digit number of a Chinese identity card is right."""
    total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, number[:17], strict=True))
    return number[17].upper() == ID_SIGNS[total % 11]


def is_bank_card(number: str) -> bool:
    """Return whether the digits of `number` pass the check of bank cards (Luhn)."""
    digits = [int(sign) for sign in reversed(number) if sign.isdigit()]
    return sum(d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(digits)) % 10 == 0
