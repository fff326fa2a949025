"""Reads a shop's `knowledge/` and `intents/` folders into one set, or says what does not pass and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rapidfuzz import process

from bot.knowledge.datafiles import read_chart, read_intents, read_phrases
from bot.knowledge.entries import Entry, Fault, Knowledge, Phrase, SizeChart
from bot.knowledge.entryfile import read_entry
from bot.knowledge.fields import unknown_fields
from bot.knowledge.yamlfile import Reading

LANGUAGES = ("zh", "en")


def load(
    folder: Path, skills: Mapping[str, frozenset[str]], phrases_needed: Mapping[str, frozenset[str]]
) -> tuple[Knowledge, list[Fault]]:
    """Read everything below `folder`.

    Args:
        skills: skill name → intents it answers.
        phrases_needed: id of each phrase that code says → the fields it may use.

    Returns:
        The set, and every fault found. Use the set only if there are none.
    """
    faults: list[Fault] = []
    entries: dict[tuple[str, str], Entry] = {}
    phrases: dict[tuple[str, str], Phrase] = {}
    charts: dict[str, SizeChart] = {}
    intents: dict[str, dict[str, tuple[str, ...]]] = {}

    def reading(path: Path) -> Reading:
        return Reading(path.relative_to(folder).as_posix())

    for language in LANGUAGES:
        for path in sorted((folder / "knowledge" / language).glob("*/*.md")):
            one = reading(path)
            if (entry := read_entry(path, language, one)) is not None:
                entries[entry.id, language] = entry
            faults += one.faults
        path = folder / "knowledge" / language / "phrases.yml"
        one = reading(path)
        for phrase in read_phrases(path, language, one):
            phrases[phrase.id, language] = phrase
        faults += one.faults
        for path in sorted((folder / "intents" / language).glob("*.yml")):
            one = reading(path)
            for intent, examples in read_intents(path, one).items():
                intents.setdefault(intent, {})[language] = intents.get(intent, {}).get(language, ()) + examples
            faults += one.faults
    for path in sorted((folder / "knowledge" / "size-charts").glob("*.yml")):
        one = reading(path)
        if (chart := read_chart(path, one)) is not None:
            charts[chart.category] = chart
        faults += one.faults

    knowledge = Knowledge(entries, phrases, charts, intents)
    faults += _phrase_faults(knowledge, phrases_needed, folder)
    if not faults:  # cross-checks only make sense on files that each pass
        faults += _link_faults(knowledge, skills, folder)
        faults += _double_faults(knowledge, folder)
        faults += _intent_faults(knowledge, skills, folder)
    return knowledge, faults


def _phrase_faults(knowledge: Knowledge, needed: Mapping[str, frozenset[str]], folder: Path) -> list[Fault]:
    faults: list[Fault] = []
    for language in LANGUAGES:
        file = f"knowledge/{language}/phrases.yml"
        for phrase_id, fields in needed.items():
            phrase = knowledge.phrases.get((phrase_id, language))
            if phrase is None:
                faults.append(Fault(file, 1, f"the phrase `{phrase_id}` is missing", "Add it; a skill says it"))
                continue
            for name, near in unknown_fields(phrase.text, fields):
                line = _line_with(folder, file, f"{{{name}}}")
                problem, fix = f"`{phrase_id}` has no field `{{{name}}}`", f"Did you mean `{{{near}}}`?"
                faults.append(Fault(file, line, problem, fix))
    return faults


def _link_faults(knowledge: Knowledge, skills: Mapping[str, frozenset[str]], folder: Path) -> list[Fault]:
    ids = sorted({entry_id for entry_id, _ in knowledge.entries})
    targets = [*ids, *(f"skill:{name}" for name in skills)]
    return [
        Fault(
            entry.file,
            _line_with(folder, entry.file, target),
            f"`next` names `{target}`, which does not exist",
            f"Did you mean `{process.extractOne(target, targets)[0]}`?",
        )
        for entry in knowledge.entries.values()
        for target in entry.next
        if target not in targets
    ]


def _double_faults(knowledge: Knowledge, folder: Path) -> list[Fault]:
    faults: list[Fault] = []
    first: dict[str, str] = {}
    for intent, by_language in knowledge.intents.items():
        for examples in by_language.values():
            for example in examples:
                first.setdefault(_same(example), f"the intent {intent}")
    for entry in knowledge.entries.values():
        for phrasing in entry.ask:
            where = f"{entry.id}"
            other = first.setdefault(_same(phrasing), where)
            if other != where and not entry.intents:
                fix = "Keep it in one place: the bot cannot answer both"
                line = _line_with(folder, entry.file, phrasing)
                faults.append(Fault(entry.file, line, f"{phrasing!r} also leads to {other}", fix))
    return faults


def _intent_faults(knowledge: Knowledge, skills: Mapping[str, frozenset[str]], folder: Path) -> list[Fault]:
    answered = frozenset[str]().union(*skills.values(), *(e.intents for e in knowledge.entries.values()))
    faults: list[Fault] = []
    for intent in knowledge.intents:
        if intent not in answered:
            file, line = _place_of_intent(folder, intent)
            problem = f"nothing answers the intent `{intent}`"
            faults.append(Fault(file, line, problem, "Name it in an entry's `intents:`"))
    return faults


def _place_of_intent(folder: Path, intent: str) -> tuple[str, int]:
    for path in sorted((folder / "intents").glob("*/*.yml")):
        file = path.relative_to(folder).as_posix()
        if (line := _line_with(folder, file, f"intent: {intent}")) > 1:
            return file, line
    return "intents", 1


def _line_with(folder: Path, file: str, text: str) -> int:
    """Return the number of the first line of `file` that holds `text`, 1 if none does."""
    lines = (folder / file).read_text(encoding="utf-8").split("\n")
    return next((number for number, line in enumerate(lines, 1) if text in line), 1)


def _same(phrasing: str) -> str:
    return "".join(character for character in phrasing.casefold() if character.isalnum())
