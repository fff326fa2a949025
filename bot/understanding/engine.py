"""Text to meaning: which intent or entry, how surely, and what it names. Pure: no database, no network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from bot.knowledge.entries import LANGUAGES, Knowledge
from bot.understanding.clauses import clauses
from bot.understanding.concepts import WARY, concepts
from bot.understanding.entities import Entity, Named, find, without
from bot.understanding.following import (
    NEW,
    Before,
    either,
    elliptic,
    likelier,
    merged,
    names_a_thing,
    names_only,
)
from bot.understanding.orders import only_names
from bot.understanding.ranker import MARGINS, Bounds, Ranker, Ranking
from bot.understanding.readable import readable
from bot.understanding.requests import agreed, alone, possible, sure
from bot.understanding.text import CJK, REFUSALS, language_of, letters, normal
from bot.understanding.verbatim import Verbatim, in_front

DO_NO_HARM = frozenset({"human", "anger", "must_not_answer", "crisis"})
"""Labels that are acted on sooner: a person or a refusal too much is better than one too few."""
SOONER = 0.15
"""They are acted on from so far above `Bounds.ask`."""
UNNAMED = 0.4
"""... a refusal that no word of `WARY` calls for, from so far."""
DOUBT = 0.1
"""From so far above `Bounds.ask` a refusal in question keeps another label from being acted on..."""
NO_DOUBT = 0.3
"""... unless that one is so far above `Bounds.act`."""
BEYOND_DOUBT = 0.6
"""What names a concept of `WARY` is acted on from so far above `Bounds.act`."""

AHEAD = 0.3
"""What is acted on sooner, because it sounds like the shop, has to be so far ahead of the next."""
LIKELY = 0.25
"""From so far above `Bounds.ask` it is likely enough that a short message goes on."""
CLEAR = 0.5
"""From here up a short message stands by itself whatever was spoken of before."""
MARGIN = 0.01
"""The least distance from a bound."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a message was understood as.

    Attributes:
        ranked: labels (intents and entry ids on one scale) with margins, best first, at most five.
        why: short lines for people who wonder.
        bounds: what the scores of `ranked` mean.
        parts: labels with margins of the clauses that are sure, in the order of the message; none unless there are two.
        alone: the label with its margin of the one clause that is sure, where a connective parts it from the rest.
        clauses: (what it means most likely, its text) of each clause, none unless there are two.
        heard: what is worth asking about, with scores, best first, where the clauses say more than the whole.
        follows: the label of the message before, if this one was read as its end; `text` is then both.
        is_wary: whether it names what a shop seldom speaks of: it takes more to act on it.
    """

    text: str
    language: str
    ranked: tuple[tuple[str, float], ...] = ()
    entities: tuple[Entity, ...] = ()
    why: tuple[str, ...] = field(default=())
    bounds: Bounds = MARGINS
    parts: tuple[tuple[str, float], ...] = ()
    heard: tuple[tuple[str, float], ...] = ()
    alone: tuple[tuple[str, float], ...] = ()
    clauses: tuple[tuple[str, str], ...] = ()
    follows: str = ""
    is_wary: bool = False

    @property
    def best(self) -> str:
        """The best label if it is sure enough to act on, else an empty text."""
        if not self.ranked or self.margin < self.bounds.ask:
            return ""
        label = self.ranked[0][0]
        if self.is_in_doubt:
            return ""
        named = label != "must_not_answer" or self.is_wary
        soon = label in DO_NO_HARM and self.margin >= self.bounds.ask + (SOONER if named else UNNAMED)
        sooner = self.margin >= self.bounds.act and self.lead >= AHEAD
        surely = self.margin >= self.bounds.enough or self.lead >= self.bounds.lead
        return label if soon or sooner or surely else ""

    @property
    def is_in_doubt(self) -> bool:
        """Whether a refusal is nearly as likely as the best label, or the words sound like one: no act then."""
        if self.ranked[0][0] not in DO_NO_HARM and self.is_wary and self.margin < self.bounds.act + BEYOND_DOUBT:
            return True
        rivals = [margin for label, margin in self.ranked[1:] if label in REFUSALS]
        near = any(margin >= self.bounds.ask + DOUBT for margin in rivals)
        return near and self.ranked[0][0] not in DO_NO_HARM and self.margin < self.bounds.act + NO_DOUBT

    @property
    def margin(self) -> float:
        return self.ranked[0][1] if self.ranked else -1.0

    @property
    def is_sure(self) -> bool:
        """Whether the best label is beyond doubt."""
        return self.margin > self.bounds.sure

    @property
    def lead(self) -> float:
        """How far the best label is ahead of the next."""
        return self.margin - self.ranked[1][1] if len(self.ranked) > 1 else 1.0

    @property
    def possible(self) -> tuple[str, ...]:
        """Up to three labels worth asking about."""
        return tuple(label for label, margin in (self.heard or self.ranked)[:3] if margin >= self.bounds.ask)

    def values(self, kind: str) -> tuple[str, ...]:
        """Return the values of this kind that are meant: not those refused or put right."""
        return tuple(entity.value for entity in self.entities if entity.kind == kind and not entity.negated)

    def value(self, kind: str) -> str | None:
        return next(iter(self.values(kind)), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The shop's own words: products by name, colours, and what an order number looks like (a regular expression)."""

    products: tuple[Named, ...] = ()
    colours: tuple[str, ...] = ()
    order_number: str = ""


@dataclass(frozen=True, slots=True)
class Engine:
    """Understands one message: what it names by rules, what it wants by whichever ranker the shop has chosen."""

    ranker: Ranker
    verbatim: Verbatim = field(default_factory=dict)

    def understand(
        self,
        text: str,
        default_language: str,
        catalogue: Catalogue,
        *,
        today: date | None = None,
        language: str = "",
        before: Before | None = None,
    ) -> Meaning:
        """Return the meaning of one message. Never raises for any text.

        Args:
            today: in the shop's zone; days are read only if it is given.
            language: the language it is in, where that is known; told from the text if empty.
            before: what the conversation was about, for messages that only make sense after it.
        """
        said = readable(text)
        entities = find(said, catalogue.products, catalogue.colours, catalogue.order_number, today)
        language = language or language_of(without("order", normal(said), entities), default_language)
        if not said or language not in self.ranker.languages:
            return Meaning(said, language, (), entities, ("nothing was said",))
        following = before and self._following(said, language, entities, before)
        if following:
            return following
        ranking, is_wary = self.ranker.rank(said, language), names_wary(said)
        label = self.verbatim.get((language, letters(said)))
        if label is not None:
            ranking = in_front(ranking, label)
        cut, strong = clauses(said)
        if len(cut) > 1 and label is None:
            telling = tuple(part for part in cut if not _tells_order(part, catalogue.order_number))
            if len(telling) == 1:  # the rest only tells which order it is
                ranking = self.ranker.rank(telling[0], language)
            cut = telling or cut
        if len(cut) < 2 or label is not None:
            return Meaning(said, language, ranking.labels, entities, reasons(ranking), ranking.bounds, is_wary=is_wary)
        read = [self.ranker.rank(part, language) for part in cut]
        parts, heard = sure(ranking, read, strong=strong), possible(ranking, read)
        if is_wary and DO_NO_HARM.isdisjoint(label for label, _ in parts):
            parts = ()
        single = () if parts or is_wary else alone(ranking, read, strong=strong)
        meant = agreed(ranking, read)
        meaning = Meaning(said, language, meant.labels, entities, reasons(meant), meant.bounds, parts, heard)
        told = tuple((one.labels[0][0], part) for one, part in zip(read, cut, strict=True))
        return replace(meaning, alone=single, clauses=told, is_wary=is_wary)

    def _following(self, said: str, language: str, entities: tuple[Entity, ...], before: Before) -> Meaning | None:
        """Return the meaning of a message that is the end of the one before, None if it stands by itself."""
        rest = elliptic(said, entities)
        if not rest:
            return None
        both = f"{before.text} {rest}"
        base, joined = self.ranker.rank(before.text, language), self.ranker.rank(both, language)
        names = any(entity.kind in NEW for entity in entities)
        only = names_only(normal(said), entities)
        labels = likelier(joined.labels, base.labels, before, names=names, names_only=only)
        known = merged(before, entities)
        meaning = Meaning(
            both,
            language,
            labels,
            known,
            reasons(joined),
            joined.bounds,
            follows=before.label,
            is_wary=names_wary(said),
        )
        if names_a_thing(normal(said), rest, entities) and before.label in dict(joined.labels):
            return replace(
                meaning, ranked=((before.label, max(dict(joined.labels)[before.label], joined.bounds.enough)),)
            )
        if meaning.best and meaning.margin >= joined.bounds.act:
            return meaning
        return self._either(said, meaning)

    def _either(self, said: str, going_on: Meaning) -> Meaning | None:
        """Return a meaning that asks whether `said` goes on or stands by itself; None if it clearly does the latter."""
        alone, bounds = self.ranker.rank(said, going_on.language), going_on.bounds
        best, margin = alone.labels[0]
        agree = going_on.ranked[:1] and going_on.ranked[0][0] == best
        if best in DO_NO_HARM or margin >= CLEAR or agree or going_on.margin < bounds.ask + LIKELY:
            return None
        ranked = either(going_on.ranked, alone.labels, bounds.ask, bounds.act - MARGIN)
        return replace(going_on, ranked=ranked, bounds=replace(bounds, lead=math.inf), heard=ranked)


def _tells_order(part: str, order_number: str) -> bool:
    """Return whether a part of a message only tells which order is meant."""
    return only_names(normal(part), find(part, (), (), order_number))


def names_wary(said: str) -> bool:
    """Return whether a message names what a shop seldom speaks of."""
    return not WARY.isdisjoint(concepts(normal(said)).concepts)


def reasons(ranking: Ranking) -> tuple[str, ...]:
    """Return what speaks for the best label, in lines for people."""
    (best, margin), *others = ranking.labels
    bounds = ranking.bounds
    act = bounds.ask + SOONER if best in DO_NO_HARM else bounds.act
    return (
        f"{best} {margin:+.2f}" + "".join(f", next {label} {score:+.2f}" for label, score in others[:1]),
        f"acts from {act:+.2f} or {bounds.lead:+.2f} ahead, asks from {bounds.ask:+.2f}",
        *ranking.why,
    )


def training_rows(knowledge: Knowledge) -> dict[str, tuple[list[str], list[str]]]:
    """Return (texts, labels) by language: phrasings of intents and of entries alike are classes.

    A language with fewer than three labels is left out: there is nothing to tell apart.
    """
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for language in LANGUAGES:
        texts, labels = _rows_of(knowledge, language)
        if len(set(labels)) > 2:
            rows[language] = texts, labels
    return rows


def _rows_of(knowledge: Knowledge, language: str) -> tuple[list[str], list[str]]:
    texts: list[str] = []
    labels: list[str] = []
    for intent, by_language in knowledge.intents.items():
        shown = knowledge.phrases.get((f"intent.{intent}", language))  # what its button says is typed as well
        phrasings = (*by_language.get(language, ()), *((shown.text,) if shown else ()))
        texts += phrasings
        labels += [intent] * len(phrasings)
    for (entry_id, entry_language), entry in knowledge.entries.items():
        if entry_language == language:
            texts += entry.ask
            labels += [entry.intents[0] if entry.intents else entry_id] * len(entry.ask)
    return texts, labels


def catalogue_of(
    names: Sequence[tuple[str, Mapping[str, str]]], colours: Sequence[Mapping[str, str]], order_number: str
) -> Catalogue:
    """Build the catalogue from (product id, names by language), colours by language and `[shop] order_number`."""
    products = tuple(Named(product_id, tuple(by_language.values())) for product_id, by_language in names)
    words = {word.casefold() for by_language in colours for word in by_language.values()}
    roots = {word.removesuffix("色") for word in words if CJK.search(word) and len(word) > 1}
    longest_first = tuple(sorted(words | roots, key=lambda word: (-len(word), word)))
    return Catalogue(products, longest_first, order_number)
