"""An address in pieces, one message after the other: `浙江省杭州市`, `文三路`, `12号301`; `London`, `Flat 3`."""

from __future__ import annotations

import re

from bot.skills.choices import is_question
from bot.skills.turn import Turn
from bot.understanding import places
from bot.understanding.addresses import addresses
from bot.understanding.text import CJK, normal

SO_FAR = "address_so_far"
"""The slot that keeps the pieces."""
PLACES = frozenset({"city", "district", "town", "street", "estate", "postcode"})
DOORS = frozenset({"number", "building", "room", "unit", "floor"})
"""Parts of an address: of both kinds one is needed to send a parcel there."""
SHORTEST = 8
"""Characters of a whole address."""
LONG_NUMBER = re.compile(r"\d{7,}")
"""A phone's, not a door's."""
_NAME = r"[A-Z][A-Za-z'.-]+(?: [A-Z][A-Za-z'.-]+){0,3}"
NAMES = re.compile(rf"{_NAME}(?:, ?{_NAME}){{0,3}}")
"""Names of places as they are written."""
MOST_SIGNS = 80
MOST_WORDS = 8
"""A piece is no longer."""
LOOKS_LIKE = re.compile(
    r"[省市区县縣镇鎮乡鄉村路街巷道苑楼樓栋棟幢弄层層室座廈厦]$|[省市区县镇乡路街巷道](?=[\u4e00-\u9fff\d])"
    r"|\d+ ?[号號栋幢楼层室座单]"
    r"|\b(?:street|st|road|rd|avenue|ave|lane|drive|blvd|flat|apt|apartment|unit|suite|room|floor|block|building"
    r"|postcode|zip)\b|\b[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}\b|^\d{5,6}$|^\d{1,5}[a-z]?(?:[-/]\d{1,4})*$"
)
"""Words, signs and numbers that make a message one."""
ALL = re.compile(
    r"(?:就(?:这些|這些|这样|這樣|这)|没了|沒了|没有了|发完了|写完了|完了|(?:已经)?(?:写|发)?全了)(?:了|吧|啦)?[。.!！]*"
    r"|(?:that'?s|that is|this is) (?:all|it|everything|the whole address|complete)[.!]*|nothing (?:else|more)[.!]*"
)
NO_PIECE = re.compile(
    r"^(?:不|没|别|等|谢|好|是|对|嗯|算了|你|我(?!家)|请|怎|什|为)|^(?:no|not|yes|ok|okay|thanks?|wait|never|please|i|you|it)\b"
)


def piece(turn: Turn) -> bool:
    """Return whether the message is a piece of the address that is asked for, or was just read back."""
    state, said = turn.state, normal(turn.text)
    so_far = str(state.slots.get(SO_FAR, ""))
    if turn.choice or state.step not in ("address", "agree_address") or len(turn.text) > MOST_SIGNS:
        return False
    if _is_all(turn):
        return bool(so_far)
    other = is_question(turn.text) or turn.meaning.value("order") is not None or turn.meaning.value("product")
    if other or NO_PIECE.search(said) or (turn.meaning.best and turn.meaning.is_sure) or _ends(turn):
        return False
    if is_whole(turn, turn.text.strip()) and not _adds(turn, so_far):  # by itself: another address, not the rest of one
        return False
    if NAMES.fullmatch(turn.text.strip()) and not turn.meaning.best:
        return True
    if LOOKS_LIKE.search(said) or turn.meaning.values("region") or turn.meaning.values("address"):
        return True
    short = len(said.split()) <= MOST_WORDS and any(sign.isalpha() for sign in said)
    return bool(so_far) and not turn.meaning.best and short


def joined(turn: Turn) -> str:
    """Return all the pieces in the order they came, as they were written."""
    so_far = str(turn.state.slots.get(SO_FAR, ""))
    if _is_all(turn):
        return so_far
    return join(so_far, turn.text.strip())


def join(so_far: str, piece: str) -> str:
    """Return two pieces as one, in the way of their script."""
    apart = "" if CJK.search(so_far[-1:]) or CJK.search(piece[:1]) else ", "
    return f"{so_far}{apart}{piece}" if so_far else piece


def is_whole(turn: Turn, address: str) -> bool:
    """Return whether an address names a place and a door, or the customer says that it is all."""
    units = {part.unit for part in addresses(normal(address))}
    return _is_all(turn) or bool(units & PLACES and units & DOORS) or is_loose(address)


def is_loose(address: str) -> bool:
    """Return whether a parcel may be sent there though not all parts are known by name: `Rua do Cunha 12, Taipa`.

    It is read back before anything is changed.
    """
    said = normal(address)
    units = {part.unit for part in addresses(said)}
    placed = bool(units & PLACES) or any(rule.pattern.search(said) for rule in places.RULES)
    numbers = re.search(r"\d", LONG_NUMBER.sub("", address))
    return numbers is not None and len(address) >= SHORTEST and (placed or not units)


def _is_all(turn: Turn) -> bool:
    """Return whether the customer says that nothing is missing; a yes to what is so far noted says so."""
    return ALL.fullmatch(normal(turn.text)) is not None or (
        turn.state.step == "address" and turn.meaning.best == "affirm" and bool(turn.state.slots.get(SO_FAR))
    )


def _adds(turn: Turn, so_far: str) -> bool:
    """Return whether a piece with a street and a door goes on from a city: what is so far names no door yet."""
    units = {part.unit for part in addresses(normal(so_far))}
    return bool(so_far) and turn.state.step == "address" and not units & DOORS


def _ends(turn: Turn) -> bool:
    return turn.meaning.best in ("affirm", "deny", "cancel_dialogue")
