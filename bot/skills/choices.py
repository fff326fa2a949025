"""Matches what a customer types to the choices offered last: `2`, `２`, `二`, `②`, `第二个`, the label or a tap."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.messages import Choice
from bot.understanding.text import normal

CHINESE = "一二三四五六七八九"
NUMBERED = re.compile(rf"^(?:第)?([1-9]|[{CHINESE}])(?:个|個|号|號|[.、。)）])?$")


def chosen(text: str, tapped: str | None, offered: Sequence[Choice]) -> Choice | None:
    """Return the choice that was meant, if one was."""
    if tapped:
        return next((choice for choice in offered if choice.token == tapped), None)
    said = normal(text)  # NFKC makes `２` and `②` plain digits
    match = NUMBERED.match(said)
    if match:
        number = CHINESE.index(match[1]) if match[1] in CHINESE else int(match[1]) - 1
        return offered[number] if number < len(offered) else None
    return next((choice for choice in offered if said and normal(choice.label) == said), None)
