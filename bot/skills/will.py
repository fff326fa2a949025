"""Does a message plainly want something done? The one place that tells: a wish, a wish denied, or words about it.

What a customer denies, asks about, supposes, tells of the past or of others is never done. A skill does at once only
what is plainly wished for; for all else it names the thing and asks for a yes.
"""

from __future__ import annotations

import re
from enum import StrEnum

from bot.skills.choices import is_question
from bot.skills.turn import Turn
from bot.understanding.text import normal

HEDGED = "hedged"
"""The slot in which a skill that asks back keeps that the wish was not a plain one."""


class Will(StrEnum):
    """What a message says of something that could be done: do it, perhaps, or do not."""

    PLAIN = "plain"
    UNSURE = "unsure"
    AGAINST = "against"


VERBS = {  # by intent; in the normal form of a text
    "order_cancel": (r"取消|关闭|关掉|撤[单單销銷掉]|退[单單]", r"cancel|close|void|call(?:ing)? off"),
    "address_change": (
        r"(?:[改换換]|修改|变更)[^,，。;；!！?？]{0,6}(?:地址|收货|收貨)|(?:地址|收[货貨])[^,，。;；!！?？]{0,4}(?:[改换換变變])",
        r"(?:chang|updat|edit|switch|alter|redirect)[a-z]*[a-z ]{0,20}(?:address|parcel|it)",
    ),
    "return_request": (
        r"退(?!出)",
        r"return|refund|money back|send(?:ing)? (?:it|them|this|those|these|the [a-z]+) back",
    ),
    "exchange_request": (r"换|換", r"exchang|swap"),
    "return_cancel": (r"取消|撤[销銷回掉]", r"cancel|withdraw|call(?:ing)? off"),
}
_NOT_ZH = (
    r"(?:(?<![是要能可会會])不(?:用|要|想|必|需要|是|打算)?|[别別甭勿]|[没沒](?:有)?(?:[说說]|要|想|打算|[让讓])|[无無]需)"
    r"(?:要|再|先|急着|你|您|[给給]我|[帮幫]我|把|我|的|[这這那]|它|一?[件条條双雙个個]|[单單]|[订訂][单單])*"
)
_NOT_EN = (
    r"\b(?:do ?n['’]?o?t|does ?n['’]?o?t|did ?n['’]?o?t|never|not|no need to|wo n['’]?t|won['’]?t|without|rather not"
    r"|no longer)"
    r"(?: (?:want|need|wish|like|please|plz|pls|you|u|to|me|my|an?|any|the|that|this|ever|just|yet|going|think|say|said"
    r"|ask|asked|tell|told|be|have|actually|really|dare))*[ ]"
)
_SAME_PLACE = re.compile(r"地址.{0,3}(?:不(?:用|要|必|需要|想)?|[别別])[改换換变變]")
_WHY = re.compile(
    r"[吗嗎么麼呢]|为什么|為什麼|为啥|怎[么麼]|能不能|可不可以"
    r"|^(?:why|how|can|could|do|does|is|are|will|what|when)\b(?! ?n['’]?o?t\b| not\b)|\bwhy\b"
)
_ASKS = re.compile(
    r"能不能|可不可以|可以.{0,8}[吗嘛不]|能.{0,8}[吗嘛不]$|有没有|会不会"
    r"|\b(?:is it possible|am i able)\b"
)
_SUPPOSES = re.compile(
    r"如果|要是|假如|假设|假設|倘若|万一|萬一|的[话話]|考[虑慮]|想想|犹豫|猶豫|可能|也许|也許|或许|或許|说不定"
    r"|\b(?:if|would(?! like)|suppose|supposing|in case|what happens|maybe|might|perhaps|thinking (?:of|about)"
    r"|considering|not sure|unsure|probably|wondering)\b"
)
_PAST = re.compile(
    r"(?:昨[天晚]|前天|[刚剛]才|[刚剛]{2}|已[经經]|之前|早就|上[周週次]|都)[^,，。;；!！?？]{0,8}"
    r"(?:取消|退|[换換]|改|撤[销銷]?)[^,，。;；!！?？]{0,3}[了过過]|(?:取消|退|[换換]|改)[过過]"
    r"|\b(?:i|we|you|it|was|were|been|has|have|had|already|i've|got)\b[a-z' ]{0,16}"
    r"(?<!\bbe )\b(?:cancell?ed|returned|exchanged|swapped|changed)\b"
    r"|\b(?:cancell?ed|returned|exchanged) (?:it|them|that) "
)
_SENT = re.compile(
    r"[寄送发發][到往去]了|(?:已[经經]?|之前|上[次回]|早就|[刚剛]才?)[^,，。;；!！?？改换換]{0,8}[寄送发發][到往去给給]"
    r"|\b(?:was|were|is|are|been|being|got|gets?|already|have|has|had|i|you|they|it|courier|shop)\b[a-z' ]{0,16}"
    r"\b(?:sent|shipped|delivered|posted|mailed|went)\b[^,.;!?]*\bto\b"
)
_OTHERS = re.compile(
    r"朋友|老公|老婆|同事|同学|妈妈?|爸爸?|别人|有人|[他她](?!们的)"
    r"|\b(?:he|she|they|friend|husband|wife|mother|mum|mom|father|dad|colleague|somebody|someone)\b"
)
_WAITS = re.compile(
    r"[再先]?(?:[让讓]我)?(?:再|先)?(?:想一?想|考[虑慮](?:一下)?|看看再[说說])|等[等一]下?|[先暂暫](?:时|時)?不|不急"
    r"|\b(?:let me think|not yet|hold on|wait|think about it|not now|need (?:some |more )?time)\b"
)


def of(turn: Turn, intent: str) -> Will:
    """Return what the message, and the one that began this, say of what `intent` would do. A tapped button is plain."""
    if turn.choice and not turn.choice.startswith(("label:", "order:")):
        return Will.PLAIN
    said = normal(turn.text)
    if denies(said, intent):
        return Will.AGAINST
    if turn.state.skill and turn.state.slots.get(HEDGED):
        return Will.UNSURE
    return Will.UNSURE if not turn.choice and is_hedged(turn.text) else Will.PLAIN


def denies(said: str, intent: str) -> bool:
    """Return whether a message (normal form) says that this is not to be done; `why is it not cancelled` asks."""
    if intent not in VERBS or _WHY.search(said):
        return False
    zh, en = VERBS[intent]
    of_address = intent == "address_change" and _SAME_PLACE.search(said) is not None
    return of_address or re.search(rf"{_NOT_ZH}(?:{zh})|{_NOT_EN}(?:{en})", said) is not None


def without_denied(said: str, intent: str) -> str:
    """Return a message (normal form) without the words by which this is not to be done."""
    zh, en = VERBS[intent]
    return re.sub(rf"{_NOT_ZH}(?:{zh})|{_NOT_EN}(?:{en})", " ", said)


def is_hedged(text: str) -> bool:
    """Return whether a message asks, supposes, or tells of the past or of others, rather than wishes."""
    said = normal(text)
    return is_question(text) or any(one.search(said) for one in (_ASKS, _SUPPOSES, _PAST, _OTHERS))


def tells_of_the_past(said: str) -> bool:
    """Return whether a message (normal form) says that something was done: `我昨天取消了`."""
    return _PAST.search(said) is not None


def tells_where_it_went(said: str) -> bool:
    """Return whether a message (normal form) says where a parcel was sent: `之前寄到了上海`, `was shipped to …`."""
    return _SENT.search(said) is not None


def waits(said: str) -> bool:
    """Return whether somebody (normal form) wants time to think, or not just now."""
    return _WAITS.search(said) is not None
