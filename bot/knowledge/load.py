"""Reads a shop's `knowledge/` and `intents/` folders into one set, or says what does not pass and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from bot.knowledge.checks import (
    double_faults,
    double_ids,
    intent_faults,
    link_faults,
    missing_charts,
    missing_entries,
    phrase_faults,
)
from bot.knowledge.datafiles import read_chart, read_intents, read_phrases
from bot.knowledge.entries import LANGUAGES, Entry, Fault, Knowledge, Phrase, SizeChart
from bot.knowledge.entryfile import read_entry
from bot.knowledge.files import chart_files, entry_files, intent_files, phrase_file
from bot.knowledge.yamlfile import Reading


def load(
    folder: Path,
    skills: Mapping[str, frozenset[str]],
    phrases_needed: Mapping[str, frozenset[str]],
    entries_needed: Collection[str] = (),
    charts_needed: Collection[str] = (),
) -> tuple[Knowledge, list[Fault]]:
    """Read everything below `folder`.

    Args:
        skills: skill name → intents it answers.
        phrases_needed: id of each phrase that code says → the fields it may use.
        entries_needed: ids of the entries that code says.
        charts_needed: categories of the size charts that code advises from.

    Returns:
        The set, and every fault found. Use the set only if there are none.
    """
    faults = _missing_folders(folder)
    entries: list[Entry] = []
    phrases: dict[tuple[str, str], Phrase] = {}
    charts: dict[str, SizeChart] = {}
    intents: dict[str, dict[str, tuple[str, ...]]] = {}
    whole: list[str] = []  # languages whose phrases could be read

    def reading(path: Path) -> Reading:
        return Reading(path.relative_to(folder).as_posix())

    for language in LANGUAGES:
        for path in entry_files(folder, language):
            one = reading(path)
            if (entry := read_entry(path, language, one)) is not None:
                entries.append(entry)
            faults += one.faults
        path = phrase_file(folder, language)
        one = reading(path)
        for phrase in read_phrases(path, language, one):
            phrases[phrase.id, language] = phrase
        faults += one.faults
        whole += [] if one.faults else [language]
        for path in intent_files(folder, language):
            one = reading(path)
            for intent, examples in read_intents(path, one).items():
                intents.setdefault(intent, {})[language] = intents.get(intent, {}).get(language, ()) + examples
            faults += one.faults
    for path in chart_files(folder):
        one = reading(path)
        if (chart := read_chart(path, one)) is not None:
            charts[chart.category] = chart
        faults += one.faults

    knowledge = Knowledge({(e.id, e.language): e for e in entries}, phrases, charts, intents)
    faults += [*double_ids(entries), *phrase_faults(knowledge, phrases_needed, folder, whole)]
    if not faults:  # cross-checks only make sense on files that each pass
        faults += missing_entries(knowledge, entries_needed)
        faults += missing_charts(knowledge, charts_needed)
        faults += link_faults(knowledge, skills, folder)
        faults += double_faults(knowledge, folder)
        faults += intent_faults(knowledge, skills, folder)
    return knowledge, faults


def _missing_folders(folder: Path) -> list[Fault]:
    fix = "Make it, or copy it from a new shop's folder (`zhanggui init`)"
    names = [f"{part}/{language}" for part in ("knowledge", "intents") for language in LANGUAGES]
    return [Fault(name, 1, "the folder is missing", fix) for name in names if not (folder / name).is_dir()]
