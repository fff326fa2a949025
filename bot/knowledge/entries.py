"""What operators write, once read: entries, phrases, size charts and intents. Frozen data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a file that does not pass, with the way out of it."""

    file: str
    line: int
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}. {self.fix}"


@dataclass(frozen=True, slots=True)
class Variant:
    """Another answer for one channel kind (`wechat`, `telegram`, `web`) or member tier."""

    answer: str
    channel: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One question-and-answer in one language.

    Attributes:
        ask: the phrasings it is asked with.
        answer: the text, with fields such as `{policy.return_days}`.
        next: ids of entries, or `skill:NAME`, offered after the answer.
        intents: intents that this entry answers (small talk).
    """

    id: str
    language: str
    file: str
    ask: tuple[str, ...]
    answer: str
    variants: tuple[Variant, ...] = ()
    next: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owner: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    review_by: date | None = None

    @property
    def version(self) -> str:
        """Eight characters that change with the answer."""
        return version_of(self.answer, *(v.answer for v in self.variants))

    def is_valid_on(self, day: date) -> bool:
        return not (
            (self.valid_from is not None and day < self.valid_from)
            or (self.valid_until is not None and day > self.valid_until)
        )

    def answer_for(self, channel_kind: str, tier: str) -> str:
        """Return the answer for this channel kind and member tier; the most particular variant wins."""
        fitting = [v for v in self.variants if v.channel in (None, channel_kind) and v.tier in (None, tier)]
        best = max(fitting, key=lambda v: (v.channel is not None) + (v.tier is not None), default=None)
        return best.answer if best else self.answer


@dataclass(frozen=True, slots=True)
class Phrase:
    """A short text that a skill or campaign says, by id, e.g. `orders.which`."""

    id: str
    language: str
    text: str

    @property
    def version(self) -> str:
        return version_of(self.text)


@dataclass(frozen=True, slots=True)
class Size:
    """One size of a chart: inclusive ranges of body measures, in the chart's units."""

    name: str
    ranges: Mapping[str, tuple[float, float]]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SizeChart:
    """Body measures to sizes for one category; lengths in `unit`, weight in kg."""

    category: str
    unit: str
    measures: tuple[str, ...]
    names: Mapping[str, Mapping[str, str]]
    sizes: tuple[Size, ...]
    notes: Mapping[str, str]
    version: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One good set: everything the bot knows at one moment."""

    entries: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    """By (id, language)."""
    phrases: Mapping[tuple[str, str], Phrase] = field(default_factory=dict)
    """By (id, language)."""
    charts: Mapping[str, SizeChart] = field(default_factory=dict)
    intents: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Intent to language to phrasings."""

    def entry(self, entry_id: str, language: str) -> Entry | None:
        """Return the entry in this language, else in any language it exists in."""
        found = self.entries.get((entry_id, language))
        return found or next((e for (i, _), e in self.entries.items() if i == entry_id), None)

    def entry_for_intent(self, intent: str, language: str) -> Entry | None:
        ids = {e.id for e in self.entries.values() if intent in e.intents}
        return self.entry(min(ids), language) if ids else None


def version_of(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]
