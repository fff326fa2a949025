"""Questions about the order that was just spoken of, without naming it: `哪家快递`, `and when will it arrive?`."""

from __future__ import annotations

import re

from bot.skills import proof
from bot.skills.turn import Turn
from bot.understanding.text import CJK, normal

MOST_SIGNS_ZH, MOST_WORDS_EN = 16, 10
"""What is longer tells what it is about itself."""
OTHER_THINGS = frozenset({"order", "order_other", "product", "region", "address", "money"})
"""Kinds of things that tell what else a question is about."""
ARRIVES = re.compile(
    r"(?:[什甚]么时候|[什甚]麼時候|几时|幾時|啥时候?|多久|几[天号]|哪[一]?天|[今明后]天)[^,，。]{0,6}(?:到|送|收)(?!货后|账|帳)"
    r"|(?:到|送达|送到|收到)[^,，。]{0,4}(?:[什甚]么时候|几时|多久|几[天号]|哪天)|还要(?:多久|几天)|^到哪"
    r"|\bwhen\b.{0,24}\b(?:arrive|arriving|come|coming|here|delivered|due|be in|(?:get|receive) (?:it|them|here))\b"
    r"|\bhow (?:long|soon|many (?:more )?days)\b.{0,24}"
    r"\b(?:arrives?|comes?|here|delivered|receive|get (?:it|them|here|to me))\b"
    r"|\b(?:eta|how much longer)\b|\bwhere is (?:it|the parcel|my parcel|the package|my package)\b"
)
"""Words that ask when a parcel comes."""
CARRIED = re.compile(
    r"(?:哪[一]?[家个個]|[什甚]么|[什甚]麼|啥|用的?)(?:快递|快遞|物流)(?:公司)?|快递(?:公司)?(?:是|用的?)?(?:哪|什么)"
    r"|^那?(?:快递|快遞|物流)(?:公司|单号)?呢?[?？]?$|^(?:and )?(?:the )?(?:courier|carrier|tracking)[?]?$"
    r"|谁(?:送|派|配送)|(?:快递|快遞|物流|运|運)[单單]号?(?:号码)?(?:是|呢|多少|发|$)"
    r"|\b(?:which|what|whose) (?:carrier|courier|shipping company|delivery company|delivery service)\b"
    r"|\bwho(?:'s| is| will)? ?(?:be )?(?:deliver|ship|carry|bring)[a-z]*\b"
    r"|\b(?:tracking|parcel|waybill) (?:number|no|code|id|link)\b"
)
"""Words that ask who carries a parcel, and under which number."""
IN_GENERAL = re.compile(
    r"你们|你們|一般|通常|退[货貨换]|寄回|[补補][货貨]|如果|满|\b(?:you|do|does|usually|normally|return|back|refund|if)\b"
)
"""Words that ask about the shop, or about another way than to the customer."""


def asks_on(turn: Turn) -> bool:
    """Return whether the message asks where the order spoken of last is, when it comes, or who brings it."""
    before = turn.state.before(turn.now)
    if turn.state.skill or turn.choice or turn.is_group or before is None or not proof.spoken_of(turn):
        return False
    said = normal(turn.text)
    if turn.meaning.follows:  # then the text of the message before stands in front
        said = normal(turn.text.removeprefix(before.text)).strip()
    if any(sign.isdigit() for sign in said):  # a number that is told is no question
        return False
    elsewhere = any(entity.kind in OTHER_THINGS and entity.end for entity in turn.meaning.entities)
    return not elsewhere and not turn.meaning.parts and asks_of_parcel(said)


def asks_of_parcel(said: str) -> bool:
    """Return whether few words (normal form) ask when a parcel comes, or who brings it, and not how that is usually."""
    if not _is_short(said) or IN_GENERAL.search(said):
        return False
    return ARRIVES.search(said) is not None or CARRIED.search(said) is not None


def asks_when(turn: Turn) -> bool:
    """Return whether it is asked when something arrives."""
    return ARRIVES.search(normal(turn.text)) is not None


def _is_short(said: str) -> bool:
    return len(said) <= MOST_SIGNS_ZH if CJK.search(said) else len(said.split()) <= MOST_WORDS_EN
