"""Texts to sparse vectors: words, pairs, skip pairs, first words, characters and concepts, each block of unit length.

What an n-gram weighs depends on the text alone, not on how often others use it: so a row never changes because some
other phrasing did, and only what was edited is learnt anew. Rarity (idf) was measured and is not missed: a linear model
learns by itself which n-grams tell nothing.

An n-gram that was never seen in training counts in the norm of its block, and more than a known one. So an unfamiliar
sentence gets small values everywhere, and with them small margins: that is what lets the bot say "I don't know".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations, pairwise
from operator import itemgetter

from bot.understanding.concepts import concepts
from bot.understanding.lexicon import category_of
from bot.understanding.text import CJK, TOKEN, comparable, normal

BLOCKS = {"w": 0.5, "p": 0.5, "s": 0.3, "c": 1.0, "k": 0.8, "q": 0.5, "f": 0.35}
"""What each block weighs: words, adjacent pairs, skip pairs, characters, concepts and other words, concept pairs, and
with what a text without Chinese begins: in English that says most, in Chinese it was measured to say nothing."""
LATIN_GRAMS = range(2, 6)
CJK_GRAMS = range(1, 5)
UNSEEN = {"w": 2.0, "p": 1.0, "s": 1.0, "c": 3.0, "k": 2.0, "q": 1.0, "f": 1.0}
"""How much more an n-gram counts in the norm if it was never seen. Most pairs never are: that means little."""
PLACES = {block: place for place, block in enumerate(BLOCKS)}
KEY_BITS = 3
"""The lowest bits of a key tell its block."""
REMEMBERED = 16_384
"""Keys of n-grams that are not made anew: most n-grams of a language are few. It takes 3 MB."""
EXACT = 2048
"""Values to learn from are multiples of a part of this: then sums of their products are exact in single precision, and
come out the same on every machine in whatever order they are added up."""


def grams(text: str) -> dict[str, Counter[str]]:
    """Return the counted n-grams of `text` by block name."""
    form = comparable(text)
    tokens = TOKEN.findall(form)
    words = [word for token in tokens for word in (token if CJK.match(token) else (token,))]
    spoken = concepts(normal(text))
    kind = category_of(normal(text))
    return {
        "w": Counter(words),
        "p": Counter(f"{a} {b}" for a, b in pairwise(words)),
        "s": Counter(f"{a} _ {b}" for a, b in zip(words, words[2:], strict=False)),
        "c": Counter(gram for token in tokens for gram in _characters(token)),
        "k": Counter(
            [*dict.fromkeys(spoken.concepts), *(f"={word}" for word in spoken.rest), *([f"@{kind}"] if kind else [])]
        ),
        "q": Counter(f"{a} {b}" for a, b in combinations(sorted(set(spoken.concepts)), 2)),
        "f": Counter({" ".join(words[:count]) for count in (1, 2)} if words and not CJK.search(form) else ()),
    }


def _characters(token: str) -> Iterator[str]:
    cjk = CJK.match(token) is not None
    run = token if cjk else f" {token} "
    for size in CJK_GRAMS if cjk else LATIN_GRAMS:
        for start in range(len(run) - size + 1):
            yield run[start : start + size]


@lru_cache(maxsize=REMEMBERED)
def key_of(gram: str) -> int:
    """Return the 64-bit number that stands for an n-gram (`block:gram`): a few hundred thousand do not collide."""
    number = int.from_bytes(blake2b(gram.encode(), digest_size=8).digest(), "little")
    return number >> KEY_BITS << KEY_BITS | PLACES[gram[0]]


def blocks(text: str) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    """Yield the name of each block of `text` that is not empty, and (key, sublinear count) of its n-grams."""
    for block, counts in grams(text).items():
        if counts:
            yield (
                block,
                [(key_of(f"{block}:{gram}"), 1.0 if n == 1 else 1.0 + math.log(n)) for gram, n in counts.items()],
            )


def row(text: str) -> list[tuple[int, float]]:
    """Return (key, value) of the n-grams of a text to learn from, by ascending keys. A text without words has none."""
    values = []
    for block, counted in blocks(text):
        scale = BLOCKS[block] / math.sqrt(math.fsum(value * value for _, value in counted))
        exact = {value: round(value * scale * EXACT) / EXACT for value in {value for _, value in counted}}
        values += [(key, exact[value]) for key, value in counted]
    return sorted(values, key=itemgetter(0))
