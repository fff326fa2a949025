"""Takes out of a text what tells who someone is, so that it may be kept or shown."""

from __future__ import annotations

import re

from bot.understanding.addresses import FINE, addresses
from bot.understanding.papers import is_bank_card, is_id_card
from bot.understanding.phones import FOREIGN, LANDLINE, MOBILE

__all__ = ["masked"]

MASK = "*"
EMAIL = re.compile(r"([\w.+-])[\w.+-]{0,63}(?=@[\w-]{1,63}\.[a-z])", re.ASCII | re.IGNORECASE)
ID_CARD = re.compile(r"(?<!\d)\d{17}[\dXx](?![\da-zA-Z])", re.ASCII)
PHONE = re.compile(rf"{MOBILE}|{FOREIGN}|{LANDLINE}", re.ASCII)
SPACED_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])", re.ASCII)
LONG_NUMBER = re.compile(r"(?<!\d)\d{8,}(?!\d)", re.ASCII)
KEPT_DIGITS = 4


def masked(text: str, *, long_numbers: bool = True) -> str:
    """Return `text` with `*` for what tells who someone is; its length stays the same.

    Masked are e-mail addresses up to the `@` but for the first of several letters, numbers of identity cards, whole
    phone numbers, bank cards and other numbers of eight digits or more, of which the last four stay (of identity cards
    nothing), and of addresses every part below the city.

    Args:
        long_numbers: whether numbers of eight digits or more are masked that are none of these: of orders, parcels.
    """
    text = EMAIL.sub(_all_but_the_first, text)
    text = ID_CARD.sub(lambda match: MASK * len(match[0]) if is_id_card(match[0]) else match[0], text)
    text = PHONE.sub(_all_but_ending, text)
    text = SPACED_CARD.sub(lambda match: _all_but_ending(match) if is_bank_card(match[0]) else match[0], text)
    if long_numbers:
        text = LONG_NUMBER.sub(_all_but_ending, text)
    return _without_addresses(text)


def _all_but_the_first(match: re.Match[str]) -> str:
    hidden = len(match[0]) - 1
    return match[1] + MASK * hidden if hidden else MASK  # a name of one letter would be whole


def _all_but_ending(match: re.Match[str]) -> str:
    said = match[0]
    digits = sum(sign.isdigit() for sign in said)
    kept: list[str] = []
    for sign in said:
        if sign.isdigit():
            digits -= 1
            kept.append(MASK if digits >= KEPT_DIGITS else sign)
        else:
            kept.append(sign)
    return "".join(kept)


def _without_addresses(text: str) -> str:
    for part in list(addresses(text.casefold() if len(text.casefold()) == len(text) else text)):
        if part.unit in FINE or part.unit == "postcode":
            text = text[: part.start] + MASK * (part.end - part.start) + text[part.end :]
    return text
