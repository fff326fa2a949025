"""Words of a conversation as pages, lists, search and API show them: without what tells who somebody is or lives.

Numbers of orders and parcels stay, as agents work with them. The words as they were said come through
`handoff.reveal` alone, for a reason.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.masking import EMAIL, PHONE, masked

_WHOLE = PHONE, re.compile(EMAIL.pattern + r"@[\w-]+(?:\.[\w-]+)+", EMAIL.flags)
"""What may be searched for although it is masked, if it is known already."""
REMEMBERED = 4096
"""Texts: every redraw shows the same ones again, and to look for addresses takes up to some milliseconds."""


@lru_cache(maxsize=REMEMBERED)
def hidden(text: str) -> str:
    """Return `text` with `*` for e-mail addresses, identity cards, phones, bank cards, and addresses below the city."""
    return masked(text, long_numbers=False)


def may_find(said: str, words: str) -> bool:
    """Return whether a search for `words` may find what was said: in what is shown, or a whole phone or e-mail.

    Nobody shall feel their way, sign by sign, to what they may not read.
    """
    asked = words.lower()
    if asked in " ".join(hidden(said).lower().split()):
        return True
    return any(match[0].lower() == asked for what in _WHOLE for match in what.finditer(said))
