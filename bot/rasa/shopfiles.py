"""Brings what was read from a Rasa project into a shop's files: all of it or, if the shop would not pass, nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.errors import FileFault
from bot.knowledge.entries import LANGUAGES, Fault, Knowledge
from bot.knowledge.entrytext import entry_text
from bot.rasa.yamltext import Block, yaml_text

INTENT_FILE = "intents/{language}/rasa.yml"
COMMENT = "Read from a Rasa project"
Intents = Mapping[str, tuple[str, ...]]
"""Intent → phrasings."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do.

    Attributes:
        files: path → new text.
        notes: what is left out because the shop has it already or cannot use it.
        clashes: entries that the shop has with another content.
    """

    files: Mapping[str, str]
    notes: tuple[Fault, ...]
    clashes: tuple[Fault, ...]


def plan(read: Knowledge, shop: Knowledge, answered: frozenset[str], standing: Mapping[str, Intents]) -> Plan:
    """Work out what has to be written so that the shop knows what was `read`.

    Args:
        answered: intents that the shop answers by a skill.
        standing: what the shop's files of intents say, by file; what an earlier import wrote stays.
    """
    notes: list[Fault] = []
    taken = _phrasings(shop)
    files: dict[str, str] = {}
    clashes: list[Fault] = []
    for (entry_id, language), entry in read.entries.items():
        there = shop.entries.get((entry_id, language))
        fresh = replace(entry, ask=_fresh(entry.ask, (*entry.intents, entry_id), language, taken, entry.file, notes))
        if there is not None and replace(fresh, file=there.file) == there:
            continue
        if there is not None:
            clashes.append(Fault(there.file, 1, f"the shop says something else as `{entry_id}`", "See --replace"))
        files[there.file if there else entry.file] = entry_text(fresh)
    answered |= {intent for known in (read, shop) for e in known.entries.values() for intent in e.intents}
    for language in LANGUAGES:
        if fresh_intents := dict(_new_intents(read, shop, language, answered, taken, notes)):
            file = INTENT_FILE.format(language=language)
            files[file] = _intent_text(_joined(standing.get(file, {}), fresh_intents))
    return Plan(files, tuple(notes), tuple(clashes))


def _new_intents(
    read: Knowledge,
    shop: Knowledge,
    language: str,
    answered: frozenset[str],
    taken: dict[tuple[str, str], str],
    notes: list[Fault],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    file = INTENT_FILE.format(language=language)
    for intent, by_language in read.intents.items():
        if intent not in answered and language in by_language:
            problem = f"nothing here answers the intent `{intent}`, which is left out"
            notes.append(Fault(file, 1, problem, "Write an entry with `intents:` for it, and import again"))
            continue
        there = set(shop.intents.get(intent, {}).get(language, ()))
        owners = [e.id for known in (read, shop) for e in known.entries.values() if intent in e.intents]
        fresh = _fresh(by_language.get(language, ()), (*owners, intent), language, taken, file, notes)
        if new := tuple(text for text in fresh if text not in there):
            yield intent, new


def _joined(before: Intents, fresh: Intents) -> Intents:
    return {**before, **{intent: before.get(intent, ()) + texts for intent, texts in fresh.items()}}


def _intent_text(intents: Intents) -> str:
    items: list[dict[str, Any]] = [
        {"intent": intent, "examples": Block([f"- {' '.join(text.split())}" for text in texts])}
        for intent, texts in intents.items()
    ]
    return yaml_text({"version": "3.1", "nlu": items}, COMMENT)


def _fresh(
    phrasings: Sequence[str],
    owners: Sequence[str],
    language: str,
    taken: dict[tuple[str, str], str],
    file: str,
    notes: list[Fault],
) -> tuple[str, ...]:
    """Return the phrasings that lead nowhere yet, or to their own place; note those that lead elsewhere."""
    found: list[str] = []
    for text in phrasings:
        key = (language, same(text))
        owner = taken.setdefault(key, owners[-1])
        if owner in owners:
            found.append(text)
        else:
            problem = f"{text!r} leads to {owner} already, and is left out of {owners[-1]}"
            notes.append(Fault(file, 1, problem, "The bot cannot answer both"))
    return tuple(found)


def _phrasings(shop: Knowledge) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for intent, by_language in shop.intents.items():
        for language, texts in by_language.items():
            found.update({(language, same(text)): intent for text in texts})
    for entry in shop.entries.values():
        found.update({(entry.language, same(text)): entry.id for text in entry.ask})
    return found


def same(text: str) -> str:
    """Return what two phrasings have in common that nobody could tell apart."""
    return "".join(character for character in text.casefold() if character.isalnum())


def check_places(folder: Path, files: Collection[str]) -> None:
    """Refuse to write outside the shop.

    Raises:
        FileFault: one of the `files` would not lie below `folder`.
    """
    top = folder.resolve()
    for file in files:
        if top not in (top / file).resolve().parents:
            raise FileFault(f"{file} lies outside of {folder}. Nothing was changed; take it out of the project")
