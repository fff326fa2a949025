"""Makes any text readable: no signs that nobody sees, no endless runs, no more than a message has to say."""

from __future__ import annotations

import re

LONGEST = 1000
"""Characters that are read of a message; of a longer one its first and its last half as many."""
UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Zero-width signs and those that only turn the direction of writing."""
NO_SIGN = re.compile(r"[\ud800-\udfff]")
"""Halves of characters: no text can hold them."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PILED_MARKS = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{3,}")
RUN = re.compile(r"(\D)\1{5,}")
"""One sign six times or more: nobody counts laughs. A run of digits may be a number."""


ONE_SIGN = re.compile(r"\s*(\D)\1{49,}\s*")
"""A key that was leant on says nothing."""


def whole(text: str) -> str:
    """Return `text` without half characters, as every output and database takes it."""
    return NO_SIGN.sub("\ufffd", text)


def readable(text: str) -> str:
    """Return what of `text` is read. The same again for what it returned; never raises."""
    text = CONTROL.sub(" ", NO_SIGN.sub("", UNSEEN.sub("", text)))
    if ONE_SIGN.fullmatch(text):
        return ""
    text = RUN.sub(lambda run: run[1] * 3, PILED_MARKS.sub("", text)).strip()
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2 - 1
    return f"{text[:half].rstrip()}\n{text[-half:].lstrip()}"
