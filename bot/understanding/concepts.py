"""Shop talk: which wordings mean the same. `邮费`, `快递费` and `yf` are one concept, `postage` and `p&p` are too.

The words stand in `words/zh.txt` and `words/en.txt`. A message is read as the concepts it names and the words that are
left, so that two messages without a shared word can still be alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.understanding.text import CJK

WORDS = Path(__file__).parent / "words"
WORD = re.compile(r"[a-z0-9à-ÿ'&-]+")
ENDINGS = ("'s", "ing", "ed", "es", "s")
SHORTEST_STEM = 3
WHOLE = frozenset({"here", "fine"})
"""Words that would be another word without their ending: `here's my address` is not `her address`."""
SHORTEST_MISSPELT, LONG = 5, 5
"""Letters of a word that may be a slip, and of the stem of what it may have meant."""
WARY = frozenset({
    "person_data", "secretly", "forge", "cheat", "trade_secret", "system", "chores", "gamble", "sex", "violence",
    "hate", "weapon", "self_harm", "law", "tax_advice", "medicine", "politics", "money", "school", "device", "fun",
})  # fmt: skip
"""Concepts that most messages which name them should not be served for: they are asked back unless beyond doubt."""
NOTHING = "nothing"
"""The line of wordings that every second message has."""
BETWEEN = frozenset({"it", "them", "this", "that", "these", "those", "my", "the", "a", "an"})
"""Words that may stand inside an English wording: `send it back`."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message as concepts and the other words that say something, each in its order."""

    concepts: tuple[str, ...]
    rest: tuple[str, ...]


def concepts(text: str) -> Spoken:
    """Return what `text` (as `bot.understanding.text.normal` makes it) speaks of."""
    pieces = list(_chinese(text) if CJK.search(text) else _english(text))
    return Spoken(
        tuple(piece for piece, is_concept in pieces if is_concept and piece != NOTHING),
        tuple(piece for piece, is_concept in pieces if not is_concept),
    )


def _chinese(text: str) -> Iterator[tuple[str, bool]]:
    """Yield (concept, True) for the longest wording at each place, else (character, False) for Chinese ones."""
    known, longest = lexicon("zh")
    start = 0
    while start < len(text):
        found = next((n for n in range(min(longest, len(text) - start), 0, -1) if _stands(text, start, n, known)), 0)
        if found:
            yield known[(text[start : start + found],)], True
        elif CJK.match(text[start]):
            yield text[start], False
        start += found or 1


def _stands(text: str, start: int, length: int, known: Mapping[tuple[str, ...], str]) -> bool:
    """Return whether a wording stands there; one of letters, such as `yf`, must be a word of its own."""
    wording = text[start : start + length]
    if (wording,) not in known:
        return False
    around = text[start - 1 : start] + text[start + length : start + length + 1]
    return not (wording.isascii() and any(sign.isascii() and sign.isalnum() for sign in around))


def _english(text: str) -> Iterator[tuple[str, bool]]:
    """Yield (concept, True) for the longest wording at each word, else (word, False).

    A single word may also be an abbreviation from Chinese keyboards, such as `yf`.
    """
    known, longest = lexicon("en")
    words = [word for word in WORD.findall(text) if word not in BETWEEN]
    stems = [_stem(word) for word in words]
    if len(words) == 1 and (concept := lexicon("zh")[0].get((words[0],))):
        yield concept, True
        return
    start = 0
    while start < len(stems):
        lengths = range(min(longest, len(stems) - start), 0, -1)
        found = next((n for n in lengths if tuple(stems[start : start + n]) in known), 0)
        meant = None if found else _misspelt(words[start])
        yield (
            (known[tuple(stems[start : start + found])], True) if found else (meant or words[start], meant is not None)
        )
        start += found or 1


@lru_cache(maxsize=10_000)
def _misspelt(word: str) -> str | None:
    """Return the concept of the one-word wording that `word` is but for one slip, such as `refnd`; None if of none."""
    if len(word) < SHORTEST_MISSPELT or not word.isalpha():
        return None
    known, _ = lexicon("en")
    near = process.extractOne(_stem(word), _single_words(), scorer=OSA.distance, score_cutoff=1)
    return known[(near[0],)] if near else None


@cache
def _single_words() -> tuple[str, ...]:
    known, _ = lexicon("en")
    return tuple(
        sorted(
            key[0]
            for key, concept in known.items()
            if len(key) == 1 and len(key[0]) >= LONG and concept != NOTHING and concept not in WARY
        )
    )


@cache
def lexicon(language: str) -> tuple[dict[tuple[str, ...], str], int]:
    """Return wording → concept of a language, and how long the longest wording is (in words; Chinese in characters)."""
    known: dict[tuple[str, ...], str] = {}
    for line in (WORDS / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        concept, _, wordings = line.partition(":")
        if not wordings or concept.startswith("#"):
            continue
        for wording in wordings.split() if language == "zh" else wordings.split(","):
            known.setdefault((wording,) if language == "zh" else _stems(wording), concept)
    return known, max(len(wording[0]) if language == "zh" else len(wording) for wording in known)


def _stems(wording: str) -> tuple[str, ...]:
    return tuple(_stem(word) for word in WORD.findall(wording) if word not in BETWEEN)


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    """Return `word` without its ending: `returning`, `returned` and `returns` are alike."""
    if word.removesuffix("'s") in WHOLE:
        return word.removesuffix("'s")
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            word = word.removesuffix(ending)
            doubled = len(word) > SHORTEST_STEM - 1 and word[-1] == word[-2] and ending in ("ing", "ed")
            return (word[:-1] if doubled else word).rstrip("e")
    return word.rstrip("e")
