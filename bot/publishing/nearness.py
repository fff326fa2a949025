"""Phrasings that lie nearer to another entry or intent than to their own: the bot will take one for the other.

Texts are compared by their rarer words, pairs of Chinese characters and runs of letters, in seconds for thousands.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.knowledge.checks import place_of_intent
from bot.knowledge.entries import LANGUAGES, Fault, Knowledge
from bot.knowledge.places import line_with

NEAR = 0.8
"""Cosine from which two phrasings say nearly the same."""
COMMON = 500
"""An n-gram that more phrasings have among their heaviest tells nothing."""
AT_HOME = 0.25
"""A word in so large a share of a label's phrasings is at home there"""
AT_HOME_TIMES = 4
"""if this is so many times the share at the other label."""
TOKEN = re.compile(r"[\u3400-\u9fff]+|[^\W_]+")
CJK = re.compile(r"[\u3400-\u9fff]")
SAYING = re.compile(r"[\u3400-\u9fff]{3}|[^\W\d_]+\W+[^\W\d_]+\W+[^\W\d_]+")
"""What says more than a mere word, which any question may hold."""

Weights = Mapping[str, float]
Row = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One phrasing and where it leads."""

    text: str
    label: str
    file: str


def near_hints(knowledge: Knowledge, folder: Path) -> Iterator[Fault]:
    """Yield a warning for each phrasing that is nearer to another place than to its own."""
    for language in LANGUAGES:
        phrasings = list(_phrasings(knowledge, language))
        for mine, other in strays(phrasings):
            file, line = _place(mine, language, folder)
            where = ":".join(map(str, _place(other, language, folder)))
            problem = (
                f"{mine.text!r} is nearly {other.text!r} of {other.label} in {where}, and nothing else here is as near"
            )
            fix = "Move it there, or word it so that only this can be meant"
            yield Fault(file, line, problem, fix)


def strays(phrasings: Sequence[Phrasing]) -> Iterator[tuple[Phrasing, Phrasing]]:
    """Yield (phrasing, the nearest of another label) where that is near, and nearer than all of its own label.

    Left out are pairs that differ in a word which tells their labels apart, e.g. `is return shipping free` beside
    `is shipping free`: the bot learns that word from the other phrasings.
    """
    vectors = _weighted([_grams(phrasing.text) for phrasing in phrasings])
    of_label = defaultdict[str, list[int]](list)
    for place, phrasing in enumerate(phrasings):
        of_label[phrasing.label].append(place)
    told: set[tuple[int, int]] = set()
    for place, (nearness, nearest) in sorted(_nearest_elsewhere(phrasings, vectors).items()):
        own = of_label[phrasings[place].label]
        if (nearest, place) in told or nearness <= max(
            (_cosine(vectors[place], vectors[o]) for o in own if o != place), default=0.0
        ):
            continue
        told.add((place, nearest))
        beside = [phrasings[o].text for o in own if o != place]
        there = [phrasings[o].text for o in of_label[phrasings[nearest].label] if o != nearest]
        if not _told_apart(phrasings[place].text, beside, phrasings[nearest].text, there):
            yield phrasings[place], phrasings[nearest]


def _nearest_elsewhere(phrasings: Sequence[Phrasing], vectors: Sequence[Weights]) -> dict[int, tuple[float, int]]:
    """Return place → (cosine, place) of what is nearest under another label, where that is near."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(one.label for one in phrasings))}
    labels = np.array([numbers[one.label] for one in phrasings])
    rows = _rows(vectors)
    found: dict[int, tuple[float, int]] = {}
    for holders in _holders(vectors):
        own = labels[list(holders)]
        if (own == own[0]).all():
            continue
        cosines = _cosines([rows[place] for place in holders])
        cosines[own[:, None] == own] = 0
        best = cosines.argmax(axis=1)
        for row in np.flatnonzero(cosines.max(axis=1) >= NEAR):
            one = float(cosines[row, best[row]]), holders[best[row]]
            found[holders[row]] = max(found.get(holders[row], one), one, key=lambda pair: (round(pair[0], 9), -pair[1]))
    return found


def _holders(vectors: Sequence[Weights]) -> Iterable[tuple[int, ...]]:
    """Return sets of places, so that any two vectors as near as `NEAR` are together in one of them."""
    by_gram = defaultdict[str, list[int]](list)
    for place, vector in enumerate(vectors):
        for gram in _head(vector):
            by_gram[gram].append(place)
    return dict.fromkeys(tuple(places) for places in by_gram.values() if 1 < len(places) <= COMMON)


def _head(vector: Weights) -> list[str]:
    """Return the heaviest n-grams, so many that two vectors as near as `NEAR` have one of them in common.

    What is left of a vector has a length of at most `NEAR`, so it alone cannot make up the cosine.
    """
    left = 1.0
    head: list[str] = []
    for gram, weight in sorted(vector.items(), key=lambda item: (-item[1], item[0])):
        if left < NEAR * NEAR:
            break
        head.append(gram)
        left -= weight * weight
    return head


def _rows(vectors: Sequence[Weights]) -> list[Row]:
    """Return the numbers of each vector's n-grams, and their weights."""
    numbers: dict[str, int] = {}
    return [
        (np.array([numbers.setdefault(gram, len(numbers)) for gram in vector]), np.array(list(vector.values())))
        for vector in vectors
    ]


def _cosines(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Return the cosine of each with each."""
    numbers, columns = np.unique(np.concatenate([own for own, _ in rows]), return_inverse=True)
    dense = np.zeros((len(rows), len(numbers)))
    dense[np.repeat(np.arange(len(rows)), [len(own) for own, _ in rows]), columns] = np.concatenate(
        [weights for _, weights in rows]
    )
    return dense @ dense.T


def _told_apart(mine: str, beside: Sequence[str], other: str, there: Sequence[str]) -> bool:
    """Return whether one of two phrasings holds a word that the other has not, and that is at home on its side alone.

    Args:
        beside, there: the further phrasings of their labels.
    """
    one, two = _words(mine), _words(other)
    here, away = [_words(text) for text in beside], [_words(text) for text in there]
    return any(_at_home(word, here, away) for word in one - two) or any(
        _at_home(word, away, here) for word in two - one
    )


def _at_home(word: str, here: Sequence[frozenset[str]], away: Sequence[frozenset[str]]) -> bool:
    share, foreign = (sum(word in words for words in some) / max(len(some), 1) for some in (here, away))
    return share >= AT_HOME and share >= AT_HOME_TIMES * foreign


def _phrasings(knowledge: Knowledge, language: str) -> Iterator[Phrasing]:
    for (entry_id, own), entry in knowledge.entries.items():
        if own == language:
            label = entry.intents[0] if entry.intents else entry_id
            yield from (Phrasing(text, label, entry.file) for text in entry.ask if SAYING.search(text))
    for intent, by_language in knowledge.intents.items():
        yield from (Phrasing(text, intent, "") for text in by_language.get(language, ()) if SAYING.search(text))


def _place(phrasing: Phrasing, language: str, folder: Path) -> tuple[str, int]:
    if not phrasing.file:
        return place_of_intent(folder, phrasing.label, language, phrasing.text)
    return phrasing.file, line_with(folder, phrasing.file, phrasing.text, after="ask:")


def _grams(text: str) -> frozenset[str]:
    """Return its words, and of those in letters the runs of three."""
    words = _words(text)
    return words.union(*(_runs(f" {word} ") for word in words if not CJK.match(word)))


def _words(text: str) -> frozenset[str]:
    """Return words in letters or digits, and Chinese characters alone and in pairs."""
    found: list[str] = []
    for word in TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()):
        found += [*word, *(a + b for a, b in pairwise(word))] if CJK.match(word) else [word]
    return frozenset(found)


def _runs(word: str) -> Iterator[str]:
    return (word[start : start + 3] for start in range(len(word) - 2))


def _weighted(texts: Sequence[frozenset[str]]) -> list[Weights]:
    """Return vectors of unit length: the rarer an n-gram, the heavier."""
    frequency = Counter(gram for grams in texts for gram in grams)
    heavy = {gram: math.log(1 + len(texts) / count) for gram, count in frequency.items()}
    vectors: list[Weights] = []
    for grams in texts:
        length = math.sqrt(sum(heavy[gram] ** 2 for gram in grams)) or 1.0
        vectors.append({gram: heavy[gram] / length for gram in sorted(grams)})
    return vectors


def _cosine(one: Weights, other: Weights) -> float:
    return sum(one[gram] * other[gram] for gram in one.keys() & other.keys())
