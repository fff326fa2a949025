"""Texts that say different numbers of the same thing: in two languages, or in two entries."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from bot.knowledge.entries import Entry, Fault, Knowledge
from bot.knowledge.fields import FIELD
from bot.knowledge.hints import Shopkept
from bot.knowledge.numbers import Amount, amounts
from bot.knowledge.places import line_with

TOPICS: Mapping[str, str] = {
    "returning": r"退货|无理由|\breturn(?:s|ed|ing)?\b|send (?:it )?back",
    "exchanging": r"换货|换码|\bexchang\w*|\bswap",
    "refunding": r"退款|到账|\brefund\w*",
    "dispatch": r"发货|发出|\bdispatch\w*|\bships? (?:out|within)",
    "delivery": r"送达|到货|派送|\barriv\w*|\bdeliver(?:y|ed)\b",
    "price protection": r"保价|价保|price (?:protection|match)",
    "warranty": r"保修|质保|\bwarrant\w*|\bguarantee",
    "free shipping": r"包邮|免邮|免运|free (?:shipping|delivery|postage)|ships? free",
    "pre-sale": r"预售|pre-?sale|pre-?order",
    "points": r"积分|\bpoints\b",
}
_TOPICS = {topic: re.compile(words, re.IGNORECASE) for topic, words in TOPICS.items()}
SENTENCE = re.compile(r"[^。！？；;!?\n，,]+?(?:[。！？；;!?\n，,]|\. |$)")


def language_hints(knowledge: Knowledge, shop: Shopkept) -> Iterator[Fault]:
    """Yield entries whose two languages say other numbers or use other fields."""
    for (entry_id, language), zh in knowledge.entries.items():
        en = knowledge.entries.get((entry_id, "en"))
        if language != "zh" or en is None:
            continue
        mine, theirs = (_by_unit(entry) for entry in (zh, en))
        for unit in sorted(mine.keys() & theirs.keys()):
            only = {a.what for a in mine[unit]} ^ {a.what for a in theirs[unit]}
            if only:
                said = " and ".join(sorted({a.text for a in (*mine[unit], *theirs[unit]) if a.what in only}))
                odd = next((a for a in theirs[unit] if a.what in only), theirs[unit][0])
                line = line_with(shop.folder, en.file, odd.text, after="---")
                problem = f"{unit} differ from {zh.file}: {said}"
                yield Fault(en.file, line, problem, "Say the same in both languages, best with a field")
        if (fields := _fields(zh) ^ _fields(en)) and not {a.unit for a in (*_all(zh), *_all(en))}:
            names = ", ".join(f"`{{{name}}}`" for name in sorted(fields))
            problem = f"{names} stands in one language only, see {zh.file}"
            yield Fault(en.file, 1, problem, "Say the same in both languages")


def entry_pairs(knowledge: Knowledge, shop: Shopkept) -> Iterator[Fault]:
    """Yield entries of one language that say another number of the same thing than an entry before."""
    first: dict[tuple[str, str, str], tuple[Entry, Amount]] = {}
    for entry in knowledge.entries.values():
        for topic, amount in _said(entry.answer, entry.language):
            key = (entry.language, topic, amount.unit)
            other, known = first.setdefault(key, (entry, amount))
            if other is not entry and known.values != amount.values and _alike(entry, other):
                line = line_with(shop.folder, entry.file, amount.text, after="---")
                where = f"{other.file}:{line_with(shop.folder, other.file, known.text, after='---')}"
                problem = f"{topic}: {amount.text!r} here, {known.text!r} in {where}"
                yield Fault(entry.file, line, problem, "Say one number, best with a field, or say what each is for")


def _said(answer: str, language: str) -> Iterator[tuple[str, Amount]]:
    """Yield (topic, amount) for each sentence that is of one topic and has one amount of a unit."""
    for sentence in SENTENCE.findall(answer):
        topics = [topic for topic, words in _TOPICS.items() if words.search(sentence)]
        by_unit = defaultdict[str, list[Amount]](list)
        for amount in amounts(sentence, language):
            by_unit[amount.unit].append(amount)
        if len(topics) == 1:
            yield from ((topics[0], own[0]) for own in by_unit.values() if len(own) == 1)


def _alike(one: Entry, other: Entry) -> bool:
    """Return whether two entries are about the same thing: in one folder, or with a tag in common."""
    folders = {entry.file.split("/")[2] if entry.file.count("/") > 2 else entry.file for entry in (one, other)}
    return len(folders) == 1 or bool(set(one.tags) & set(other.tags))


def _by_unit(entry: Entry) -> Mapping[str, list[Amount]]:
    found = defaultdict[str, list[Amount]](list)
    for amount in _all(entry):
        found[amount.unit].append(amount)
    return found


def _all(entry: Entry) -> list[Amount]:
    return [amount for answer in entry.answers() for amount in amounts(answer, entry.language)]


def _fields(entry: Entry) -> set[str]:
    return {name for answer in entry.answers() for name in FIELD.findall(answer)}
