"""What is said of money that left an account: charged, paid already, paid twice."""

from __future__ import annotations

import re

from bot.understanding.text import normal

_GONE = re.compile(
    r"扣(?:了|钱|款|咗)|多扣|被扣|(?:已经|都|刚)付(?:了|过|款)|付(?:了钱|过了|完了|咗)|钱(?:出去|已经?扣|没了)"
    r"|重复(?:付|扣|支付)|[付扣](?:了|款)?[两二2]次"
    r"|\b(?:charged|deducted|debited|double[- ]?(?:charge|pay)|(?:i|i've|have) (?:already )?paid|paid (?:already|twice)"
    r"|money (?:was|is|has been|got) (?:taken|gone|deducted)|took (?:the|my) money|left my account)\b"
)
_TWICE = re.compile(r"[两二2]次|重复|双重|两笔|多扣|\btwice|\bdouble|\btwo payments|\b2 (?:times|payments)")


def is_money_gone(text: str) -> bool:
    """Return whether `text` says that money has left the customer's account."""
    return _GONE.search(normal(text)) is not None


def is_paid_twice(text: str) -> bool:
    """Return whether `text` says that it left the account twice."""
    return _TWICE.search(normal(text)) is not None
