"""What passes but will trouble someone: a report for people, never a reason to refuse a set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from bot.knowledge.entries import LANGUAGES, Entry, Fault, Knowledge
from bot.knowledge.fields import FIELD
from bot.knowledge.moments import end_of, written
from bot.knowledge.numbers import Amount, amounts
from bot.knowledge.places import line_with

FEWEST = 5
FEWEST_SMALL_TALK = 3
LONGEST = 600
"""Characters that a chat shows without a scroll."""
LONGEST_BYTES = {"wechat": 2048, "miniprogram": 2048, "kf": 2048}
"""What one message may have there; a longer answer is cut into several."""
LONGEST_LABEL = 40
LINK = re.compile(r"(?:https?:/?/?|www\.)[^\s，。；、）)\]\u3000]*", re.IGNORECASE)
STOCK = re.compile(
    r"(?:库存|现货|还剩|仅剩|只剩)\D{0,4}\d+|\b(?:only )?\d+ (?:left|in stock|available)\b|\bstock:? ?\d+",
    re.IGNORECASE,
)
OUR_VOICE = re.compile(r"亲[,，~～ ]|您|本店|小店|dear |our |we offer|we have ", re.IGNORECASE)
CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Shopkept:
    """What the report holds the files against.

    Attributes:
        now_local: the moment, in the shop's time zone.
        fields: field → what it says in either language, e.g. `policy.return_days` → `7`.
    """

    folder: Path
    now_local: datetime
    fields: Mapping[str, frozenset[str]]


def entry_hints(knowledge: Knowledge, shop: Shopkept) -> Iterator[Fault]:
    """Yield what single entries have wrong."""
    for entry in knowledge.entries.values():
        for check in CHECKS:
            yield from check(entry, shop)
        for language in LANGUAGES:
            if (entry.id, language) not in knowledge.entries:
                problem = f"the entry is missing in `{language}`: no question in it leads here"
                yield Fault(entry.file, 1, problem, f"Write {entry.id}.md below knowledge/{language}")


def _days(entry: Entry, shop: Shopkept) -> Iterator[Fault]:
    ends = [("valid_until", entry.valid_until), *(("valid_until", v.valid_until) for v in entry.variants)]
    for key, last in ends:
        if last is not None and end_of(last) <= shop.now_local:
            line = line_with(shop.folder, entry.file, written(last).partition(" ")[0], after="---")
            yield Fault(entry.file, line, f"it is over since `{key}`: {written(last)}", "Write a new day, or delete it")
    if entry.review_by is not None and entry.review_by < shop.now_local.date():
        line = line_with(shop.folder, entry.file, "review_by:")
        whose = f" by {entry.owner}" if entry.owner else ""
        fix = "Read it again, then write the next day in `review_by`"
        yield Fault(entry.file, line, f"its review{whose} was due on {entry.review_by}", fix)


def _phrasings(entry: Entry, shop: Shopkept) -> Iterator[Fault]:
    fewest = FEWEST_SMALL_TALK if entry.intents else FEWEST
    if entry.ask and len(entry.ask) < fewest:
        line = line_with(shop.folder, entry.file, "ask:")
        problem = f"{len(entry.ask)} phrasings: few customers will be understood"
        yield Fault(entry.file, line, problem, f"Add {fewest - len(entry.ask)} or more, as customers write them")
    if entry.ask and not entry.intents and (why := _no_label(entry.ask[0], entry.language)):
        line = line_with(shop.folder, entry.file, entry.ask[0], after="ask:")
        problem = f"the first phrasing {entry.ask[0]!r} {why}, and it is what customers are shown to choose from"
        yield Fault(entry.file, line, problem, "Put a short, whole question first")
    for question in sorted(set(entry.test) & set(entry.ask)):
        line = line_with(shop.folder, entry.file, question, after="test:")
        problem = f"{question!r} is a test and a phrasing, so it tests nothing"
        yield Fault(entry.file, line, problem, "Keep it in one of the two")


def _no_label(phrasing: str, language: str) -> str:
    """Return why a phrasing cannot be shown as a customer's question, if so."""
    if FIELD.search(phrasing):
        return "holds a field"
    if len(phrasing) > LONGEST_LABEL + 20 * (language == "en"):
        return "is long"
    if OUR_VOICE.match(phrasing):
        return "speaks as the shop"
    short = len(phrasing) < 3 if CJK.search(phrasing) else len(phrasing.split()) < 2
    return "is a mere word" if short else ""


def _texts(entry: Entry, shop: Shopkept) -> Iterator[Fault]:
    for answer in entry.answers():
        if len(answer) > LONGEST:
            line = line_with(shop.folder, entry.file, answer.split("\n")[0][:40], after="---")
            yield Fault(entry.file, line, f"an answer has {len(answer)} characters", f"Shorten it to {LONGEST}")
        channels = [kind for kind, most in LONGEST_BYTES.items() if len(answer.encode()) > most]
        if channels:
            problem = f"an answer is cut into several messages in {', '.join(channels)}"
            yield Fault(entry.file, 1, problem, "Shorten it, or write a variant for the channel")
        for link in LINK.findall(answer):
            if not _is_link(link):
                line = line_with(shop.folder, entry.file, link)
                yield Fault(entry.file, line, f"`{link}` is no whole address", "Write it as https://shop.example/page")


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return False
    known = parts.scheme.casefold() in ("http", "https")
    return known and "." in host.strip(".") and ".." not in host and link == link.rstrip(".,;:!?'\"")


def _facts(entry: Entry, shop: Shopkept) -> Iterator[Fault]:
    """Yield what a setting or the shop's data should say instead of the text."""
    for answer in entry.answers():
        for found in STOCK.finditer(answer):
            line = line_with(shop.folder, entry.file, found[0])
            problem = f"stock as text: {found[0]!r} is wrong as soon as one is sold"
            yield Fault(entry.file, line, problem, "Leave the number away; `next: [skill:products]` looks it up")
        for amount in amounts(answer, entry.language):
            if (fix := _field_for(amount, shop.fields)) is not None:
                line = line_with(shop.folder, entry.file, amount.text, after="---")
                kind = "a price" if amount.unit == "money" else "a time"
                yield Fault(entry.file, line, f"{kind} as text: {amount.text!r}", fix)


def _field_for(amount: Amount, fields: Mapping[str, frozenset[str]]) -> str | None:
    """Return what to write instead of an amount, None if nothing needs to be done."""
    ends = {"days": ("_days",), "hours": ("_h",), "money": ("shipping", "fee", "coupon_new")}.get(amount.unit, ())
    own = [name for name in fields if name.startswith("policy.") and name.endswith(ends)] if ends else []
    shown = {f"{value:g}" for value in amount.values}
    fitting = [name for name in own if any(re.sub(r"[^\d.]", "", said) in shown for said in fields[name])]
    if fitting and len(amount.values) == 1:
        return "If that is " + " or ".join(f"`{{{name}}}`" for name in fitting) + ", write the field"
    return "Take it from shop.toml with a field, or leave it away" if amount.unit == "money" else None


CHECKS: tuple[Callable[[Entry, Shopkept], Iterator[Fault]], ...] = (_days, _phrasings, _texts, _facts)
