"""A yes and a no to what was just offered, also in words that mean something else where nothing was offered."""

from __future__ import annotations

import re

from bot.skills.turn import Turn
from bot.understanding.text import normal

_YES = (
    r"嗯|对|是|确定|确认|好|行|可以|没错|没问题|正确|要|当然|就这样|开吧|退吧|退给我|ok|okay|yes|yep|yeah|sure|right|correct"
    r"|please do|do it|done|all set|go ahead|all right|fine"
)
_NO = r"不对|不是|不用|不要|先不|不了|不|错了|nope|not now|no|wrong"
_AROUND = r"please|that's|thanks|thank you|谢谢|的|了|啊|呀|吧|呢|,|，|。|!|！|\.|\s"
YES = re.compile(rf"(?=.*(?:{_YES}))(?:{_YES}|{_AROUND})+")
NO = re.compile(rf"(?=.*(?:{_NO}))(?:{_NO}|{_AROUND})+")


def says_yes(turn: Turn, token: str) -> bool:
    """Return whether what was offered under `token` is agreed to."""
    if turn.choice:
        return turn.choice == token
    return turn.meaning.best == "affirm" or YES.fullmatch(normal(turn.text)) is not None


def says_no(turn: Turn, token: str) -> bool:
    """Return whether it is declined."""
    if turn.choice:
        return turn.choice == token
    return turn.meaning.best == "deny" or NO.fullmatch(normal(turn.text)) is not None
