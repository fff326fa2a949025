"""A one-time code by e-mail, for whoever cannot tell the end of an order's phone number.

Whether the order exists, and whether the shop has an address for it, is never told: every answer is the same.
"""

from __future__ import annotations

import re
from dataclasses import replace

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from bot.messages import Choice
from bot.skills import offers
from bot.skills.turn import Say, SendCode, State, Step, Turn, phrases
from bot.understanding.entities import without
from bot.understanding.text import normal

PHRASES = phrases(
    proof="send_code; code_on_its_way order.number code.minutes; wrong_code; too_many_codes; "
    "mail_subject; mail_text code.value order.number code.minutes"
)
SEND = "code:send"
"""The token of the choice to get a code."""
MINUTES = 10
"""For so long a code is good."""
HIDDEN = "••••••"
"""Stands in the mail for the code until it leaves."""
MOST_ASKED = 5
"""Codes that one identity may ask for in a day."""
MOST_SENT = 10
"""Codes that are sent for one order in a day before it is slowed, see `bot.skills.slowing`."""
ASKS = re.compile(r"(?:验证|驗證|校验|校驗|动态|動態)[码碼]|\bcode\b")
SIX_DIGITS = re.compile(r"(?<![a-z\d])\d(?:[ -]?\d){5}(?![a-z\d])", re.ASCII)
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Trying all codes against a stolen hash takes hours, a code is good for minutes (OWASP's least for Argon2id)."""
_NOBODY_S = "$argon2id$v=19$m=19456,t=2,p=1$Vr5bszvAuALnIyhgjGoW0A$9/blkVzqNsZTPVoyPmo3OdaAT4OyFeBGwfNSMR2zw0A"
"""What a code is checked against where none was sent: that takes as long, and is never right."""


def hashed(code: str) -> str:
    """Return what is kept of a code. Takes tens of milliseconds: not inside a transaction."""
    return _HASHER.hash(code)


def heard(turn: Turn) -> Turn | None:
    """Return the turn as a wish for a code, or as the code itself; None where it is neither."""
    if not turn.sends_codes or turn.choice or turn.state.step != "phone":
        return None
    said = normal(turn.text)
    if SIX_DIGITS.fullmatch(said):  # no order number, in whichever form the shop has them
        kept = tuple(entity for entity in turn.meaning.entities if entity.kind not in ("order", "phone_end"))
        return replace(turn, meaning=replace(turn.meaning, ranked=(), parts=(), entities=kept))
    if ASKS.search(said) and not said_in(turn) and turn.meaning.best not in ("human", "anger"):
        return replace(turn, choice=SEND, meaning=replace(turn.meaning, ranked=(), parts=()))
    return None


def offered(turn: Turn) -> tuple[Choice, ...]:
    """Return the choice to get a code, where the shop can send any."""
    return (Choice(SEND, turn.phrase("proof.send_code")),) if turn.sends_codes else ()


def said_in(turn: Turn) -> str:
    """Return the six digits of a message, empty if it has none or no codes are sent."""
    if not turn.sends_codes:
        return ""
    match = SIX_DIGITS.search(without("order", normal(turn.text), turn.meaning.entities))
    return re.sub(r"\D", "", match[0]) if match else ""


def is_right(turn: Turn, order_number: str, code: str) -> bool:
    """Return whether this is the code that is good for the order now. As slow for an order that does not exist."""
    kept = turn.person.codes.get(order_number)
    try:
        return _HASHER.verify(kept or _NOBODY_S, code) and kept is not None
    except VerificationError:
        return False


def send(turn: Turn, order_number: str, waiting: State) -> Step:
    """Have a code sent, and say so: the same whether or not there is such an order."""
    if turn.person.codes_asked >= MOST_ASKED:
        return Step((Say("proof.too_many_codes", choices=(offers.human(turn),)),), waiting)
    words = {"order.number": order_number, "code.minutes": str(MINUTES)}
    said = Say("proof.code_on_its_way", words, (*offered(turn), offers.human(turn)))
    mail = {**words, "code.value": HIDDEN}
    return Step((said,), waiting, (SendCode(order_number, Say("proof.mail_subject"), Say("proof.mail_text", mail)),))
