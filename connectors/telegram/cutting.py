"""Cuts long texts where a reader would pause. Lengths are UTF-16 units, as Telegram counts. Pure."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"[。！？；!?…;]+[”’」』\"')）]*|\.(?=\s)|\n")
_SPACE = re.compile(r"\s")


def cut(text: str, limit: int) -> list[str]:
    """Cut `text` at sentence ends, else at spaces, else between characters, into pieces of `limit` UTF-16 units."""
    pieces, rest = [], text.strip()
    while (room := _fitting(rest, limit)) < len(rest):
        end = _end(rest, room)
        pieces.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*pieces, rest] if rest or not pieces else pieces


def fits(text: str, limit: int) -> bool:
    """Whether `text` takes at most `limit` UTF-16 units."""
    return _fitting(text, limit) == len(text)


def _fitting(text: str, limit: int) -> int:
    """Return how many characters from the start take at most `limit` UTF-16 units."""
    units = 0
    for index, char in enumerate(text):
        units += 2 if ord(char) > 0xFFFF else 1
        if units > limit:
            return index
    return len(text)


def _end(text: str, room: int) -> int:
    """Return where to cut within `room` characters: the last sentence end or space in the second half, else there."""
    for pattern in (_SENTENCE_END, _SPACE):
        best = 0
        for match in pattern.finditer(text, room // 2):
            if match.end() > room:
                break
            best = match.end()
        if best:
            return best
    end = room
    while end > max(1, room - 32) and _joined(text[end - 1], text[end]):
        end -= 1
    return end


def _joined(left: str, right: str) -> bool:
    """Whether a cut between the two would break one emoji or accented letter into pieces."""
    code = ord(right)
    return (
        left == "\u200d"
        or code in (0x200D, 0xFE0E, 0xFE0F)
        or 0x0300 <= code <= 0x036F
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or (0x1F1E6 <= code <= 0x1F1FF and 0x1F1E6 <= ord(left) <= 0x1F1FF)  # flags are pairs
    )
