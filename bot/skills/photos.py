"""No picture to send: words will do."""

from __future__ import annotations

import re

from bot.skills import offers
from bot.skills.turn import Say, Step, Turn
from bot.understanding.reasons import only_no_photo, reason_in
from bot.understanding.text import normal

OWN = re.compile(
    r"我|俺|[拍发传]不|没拍|没法|无法|手机|相机"
    r"|\b(?:i|i['’]?(?:ve|m)|my|me|can['’]?t|cannot|unable|do ?n['’]?t|have ?n['’]?t|without|camera|phone)\b"
)
"""The customer's own picture, not the shop's: `商品没有图`, `no pictures of it`."""


def without(turn: Turn) -> Step | None:
    """Tell somebody who says but that they have no picture that words will do: a skill that asked for one hears it."""
    said = normal(turn.text)
    if turn.choice or turn.state.skill or not only_no_photo(said) or reason_in(said) or not OWN.search(said):
        return None
    return Step((Say("dialogue.no_photo", choices=offers.ways_on(turn)),), turn.state.idle(), decision="smalltalk")
