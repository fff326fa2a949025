"""The whole report about a shop's files: what is refused, and what passes but will trouble someone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.brain import Files
from bot.knowledge.contradictions import entry_pairs, language_hints
from bot.knowledge.entries import Fault, Knowledge
from bot.knowledge.files import unread_files
from bot.knowledge.hints import Shopkept, entry_hints
from bot.publishing.heldout import file_tests
from bot.publishing.nearness import near_hints
from bot.settings import Settings
from bot.voice import shop_fields


@dataclass(frozen=True, slots=True)
class Report:
    """Faults are refused; warnings are told, in the order of files and lines."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def lint(folder: Path, files: Files, settings: Settings, now: datetime) -> Report:
    """Return what is wrong with the files that were read from `folder`, as of `now` (aware)."""
    if files.faults:  # warnings about a set that is not whole would mislead
        return Report(files.faults, ())
    found = _warnings(folder, files.knowledge, settings, now)
    return Report((), tuple(sorted(found, key=lambda fault: (fault.file, fault.line, fault.problem))))


def _warnings(folder: Path, knowledge: Knowledge, settings: Settings, now: datetime) -> Iterable[Fault]:
    by_language = shop_fields(settings)
    names = {name for fields in by_language.values() for name in fields}
    fields = {name: frozenset(fields.get(name, "") for fields in by_language.values()) for name in names}
    local = now.astimezone(settings.shop.zone).replace(tzinfo=None)
    shop = Shopkept(folder, local, fields)
    yield from entry_hints(knowledge, shop)
    yield from language_hints(knowledge, shop)
    yield from entry_pairs(knowledge, shop)
    yield from near_hints(knowledge, folder)
    yield from file_tests(folder, knowledge)[1]
    yield from unread_files(folder)
