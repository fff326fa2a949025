"""What operators write, once read: entries, phrases, size charts and intents. Frozen data."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.knowledge.moments import Moment, is_within

LANGUAGES = ("zh", "en")
REGIONS = ("mainland", "remote", "hmt", "abroad")
"""Where a parcel goes: the mainland, its far provinces, Hong Kong with Macau and Taiwan, and anywhere else."""


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
    """Another answer for one channel kind, member tier or region, or for some time.

    Attributes:
        channel: `telegram`, `wechat`, `web` and so on, None for any.
        region: one of `REGIONS`, None for any: the one that the customer's message names.
        valid_from, valid_until: as of `Entry`.
    """

    answer: str
    channel: str | None = None
    tier: str | None = None
    region: str | None = None
    valid_from: Moment | None = None
    valid_until: Moment | None = None

    @property
    def rank(self) -> tuple[int, bool]:
        """How particular it is: by its conditions, then whether it is for some time only."""
        named = sum(condition is not None for condition in (self.channel, self.tier, self.region))
        return named, self.valid_from is not None or self.valid_until is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """One question-and-answer in one language.

    Attributes:
        ask: the phrasings it is asked with.
        answer: the text, with fields such as `{policy.return_days}`.
        next: ids of entries, or `skill:NAME`, offered after the answer.
        intents: intents that this entry answers (small talk).
        valid_from, valid_until: in the shop's time zone. A day counts whole; until a minute means that it is over then.
        test: questions that must lead here, kept out of training.
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
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    review_by: date | None = None
    test: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Eight characters that change with the answer."""
        return version_of(self.answer, *(v.answer for v in self.variants))

    def is_valid_at(self, now_local: datetime) -> bool:
        """Return whether it is said at `now_local`, in the shop's time zone."""
        return is_within(now_local, self.valid_from, self.valid_until)

    def answer_for(
        self, channel_kind: str, tier: str, regions: Collection[str] = (), now_local: datetime | None = None
    ) -> str:
        """Return the answer for this channel kind and member tier; the most particular variant wins.

        Of two that are as particular, the one that is for some time only wins, then the first.

        Args:
            regions: those that the customer's message names. Who asks about two at once gets what is said to all.
            now_local: the time in the shop's zone; None: whatever is for some time only is left out.
        """

        def fits(variant: Variant) -> bool:
            return (
                variant.channel in (None, channel_kind)
                and variant.tier in (None, tier)
                and (variant.region is None or {variant.region} == set(regions))
                and (not variant.rank[1] if now_local is None else is_within(now_local, *_span(variant)))
            )

        best = max(filter(fits, self.variants), key=lambda variant: variant.rank, default=None)
        return best.answer if best else self.answer

    def answers(self) -> Iterator[str]:
        """Yield the answer and those of the variants."""
        yield self.answer
        yield from (variant.answer for variant in self.variants)


def _span(variant: Variant) -> tuple[Moment | None, Moment | None]:
    return variant.valid_from, variant.valid_until


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
class CannedReply:
    """What an agent writes often, put in by `/` and its shortcut. It may have fields of the conversation."""

    shortcut: str
    language: str
    text: str


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
    replies: tuple[CannedReply, ...] = ()
    """What agents put in by `/`."""

    def entry(self, entry_id: str, language: str) -> Entry | None:
        """Return the entry in this language, else in any language it exists in."""
        order = (language, *LANGUAGES)
        return next((found for own in order if (found := self.entries.get((entry_id, own)))), None)

    def entry_for_intent(self, intent: str, language: str) -> Entry | None:
        ids = {e.id for e in self.entries.values() if intent in e.intents}
        return self.entry(min(ids), language) if ids else None


def version_of(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]
