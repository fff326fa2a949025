"""What is asked for and not at hand: the order's number, or the phone of which the last digits prove it."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.skills import codes
from bot.skills.turn import Turn
from bot.understanding.text import normal

NUMBER, PHONE = "lost:number", "lost:phone"
"""Tokens that such a message is heard as, at the steps `order` and `phone`."""
_GONE_ZH = r"忘记?了?|不记得|记不[得清]|找不[到着]|不知道|没有|没了|查不到|看不到"
_GONE_EN = (
    r"\b(?:forg[eo]t(?:ten)?|lost|(?:don't|do not|dont|no longer|didn't|never) (?:have|know|remember|got|get|see|use)"
    r"|(?:can't|cannot|cant|couldn't) (?:find|see|remember|recall|get)|haven't got|no idea|not sure)\b"
)
_IT_IS_GONE = rf"{_GONE_EN}(?<!\bforget)(?<!\bgot)(?<!\bget) (?:it|one|that)\b(?! (?:is|was|will|has)\b)"
"""`never got it` is said of a parcel, `forget it` of the whole."""
OF_A_SIZE = re.compile(
    r"[大小][一1两半]?[号码]|几[号码]|尺[码寸]|穿|多大|\b(?:sizes?|sized|smaller|larger|bigger|fits?)\b"
)
"""Asks for another size, of which `号` is a word too."""
NO_NUMBER = re.compile(
    rf"(?:订单号?|单号|号码|编号|号)[^,，。]{{0,6}}(?:{_GONE_ZH})|(?:{_GONE_ZH})[^,，。]{{0,6}}(?:订单号|单号|号码|编号|号)"
    rf"|^(?:我?(?:也|都|早)?(?:{_GONE_ZH})|哪里?(?:看|找|有))[了啊呀啦啊.。!！]*$"
    rf"|{_GONE_EN}.{{0,24}}\b(?:number|no|confirmation)\b|{_IT_IS_GONE}|^i (?:forgot|lost)\b"
)
"""Says that there is no order number at hand."""
NO_PHONE = re.compile(
    rf"(?:手机|电话|号码|号|尾号|后四位|sim卡?)[^,，。]{{0,8}}(?:换|停|注销|丢|不用|{_GONE_ZH}|收不到)"
    rf"|(?:换了?|{_GONE_ZH}|丢了?)[^,，。]{{0,6}}(?:手机|电话|号|尾号|后四位)"
    rf"|{_GONE_EN}.{{0,30}}\b(?:phone|number|digits|sim|mobile)\b|{_GONE_EN} which\b|{_IT_IS_GONE}"
    r"|\b(?:changed|new|old|different|lost) (?:my )?(?:phone|number|mobile|sim)\b"
)
"""Says that the phone of the order is not theirs any more, or not remembered."""


def heard(turn: Turn) -> Turn | None:
    """Return the turn as the word that what is asked for is not at hand; None where it is not that."""
    step, said = turn.state.step, normal(turn.text)
    if not turn.state.skill or turn.choice or step not in ("order", "phone") or turn.meaning.best in ("human", "anger"):
        return None
    told = turn.meaning.value("order") or any(sign.isdigit() for sign in said)
    if told or OF_A_SIZE.search(said) or turn.meaning.value("size"):
        return None
    if step == "order" and not NO_NUMBER.search(said):
        return None
    if step == "phone" and not (NO_PHONE.search(said) or codes.ASKS.search(said)):
        return None
    token = NUMBER if step == "order" else PHONE
    return replace(turn, choice=token, meaning=replace(turn.meaning, ranked=(), parts=()))
