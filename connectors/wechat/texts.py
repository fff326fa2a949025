"""What is said in one message, and where a text that is too long is cut. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot.messages import File, Outbound

_SENTENCE_END = re.compile(r"""[。！？；…!?]+[”’」』）"')]*\s*|(?<!\d)\.["')]*\s+|\n+""")
_JOINERS = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3"}


def parts(message: Outbound, max_bytes: int) -> list[File | str]:
    """Return what is sent for `message`, in order: its picture, then its text in pieces of at most `max_bytes`.

    Choices become a numbered list: a tapped menu would open a window of one minute only, a typed number opens
    the full one. So do the options of a poll.
    """
    offered = [*(choice.label for choice in message.choices), *message.poll]
    listed = numbered(offered)
    pieces = split("\n".join([message.text, *listed]) if message.text else "\n".join(listed), max_bytes)
    return [message.picture, *pieces] if message.picture else [*pieces]


def numbered(labels: Sequence[str]) -> list[str]:
    """Return a line for each label, its number in front; one that begins with it (`1 very poor`) has it once."""
    return [f"{number}. {label.removeprefix(f'{number} ')}" for number, label in enumerate(labels, start=1)]


def split(text: str, max_bytes: int) -> list[str]:
    """Cut `text` into pieces of at most `max_bytes` bytes, at sentence ends where there are any."""
    pieces = []
    rest = text.strip()
    while len(rest.encode()) > max_bytes:
        cut = _cut(rest, max_bytes)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [piece for piece in [*pieces, rest] if piece]


def _cut(text: str, max_bytes: int) -> int:
    """Return the index of the last good place to cut within `max_bytes`."""
    room = len(text.encode()[:max_bytes].decode("utf-8", "ignore"))
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, room)]
    if ends:
        return ends[-1]
    blank = max(text.rfind(" ", 0, room), text.rfind("，", 0, room) + 1)
    if blank > 0:
        return blank
    return _whole_character(text, room)


def _whole_character(text: str, index: int) -> int:
    """Move `index` back so that no accent, flag half or joined emoji is torn from what it belongs to."""
    for cut in range(index, max(0, index - 32), -1):
        after, before = text[cut], text[cut - 1]
        glued = after in _JOINERS or unicodedata.combining(after) or "\U0001f3fb" <= after <= "\U0001f3ff"
        flags = "\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff"
        if not glued and not flags and before != "\u200d":
            return cut
    return index
