"""Reads a shop's `knowledge/` and `intents/` folders into one set, or says what does not pass and where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
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
from bot.knowledge.entries import LANGUAGES, Fault, Knowledge
from bot.knowledge.parts import Parts, knowledge_of, languages_whole, read_parts


@dataclass(frozen=True, slots=True)
class Needs:
    """What the code needs of the files.

    Attributes:
        skills: skill name → intents it answers.
        phrases: id of each phrase that code says → the fields it may use.
        entries: ids of the entries that code says.
        charts: categories of the size charts that code advises from.
    """

    skills: Mapping[str, frozenset[str]]
    phrases: Mapping[str, frozenset[str]]
    entries: Collection[str] = ()
    charts: Collection[str] = ()

    def plain(self) -> list[object]:
        """Return it in a form that JSON takes, the same for the same needs."""
        return [
            {skill: sorted(intents) for skill, intents in self.skills.items()},
            {phrase: sorted(fields) for phrase, fields in self.phrases.items()},
            sorted(self.entries),
            sorted(self.charts),
        ]


def load(
    folder: Path,
    skills: Mapping[str, frozenset[str]],
    phrases_needed: Mapping[str, frozenset[str]],
    entries_needed: Collection[str] = (),
    charts_needed: Collection[str] = (),
) -> tuple[Knowledge, list[Fault]]:
    """Read everything below `folder`; the arguments are those of `Needs`.

    Returns:
        The set, and every fault found. Use the set only if there are none.
    """
    parts = read_parts(folder, {})
    return check(folder, parts, Needs(skills, phrases_needed, entries_needed, charts_needed))


def check(folder: Path, parts: Parts, needs: Needs) -> tuple[Knowledge, list[Fault]]:
    """Put together what was read from `folder`, and find every fault. Use the set only if there is none."""
    knowledge = knowledge_of(parts)
    faults = [*_missing_folders(folder), *(fault for part in parts.values() for fault in part.faults)]
    faults += double_ids([part.entry for part in parts.values() if part.entry is not None])
    faults += phrase_faults(knowledge, needs.phrases, folder, languages_whole(parts))
    return knowledge, faults or list(_across(folder, knowledge, needs))


def _across(folder: Path, knowledge: Knowledge, needs: Needs) -> Iterator[Fault]:
    """Yield what files that each pass have wrong together."""
    yield from missing_entries(knowledge, needs.entries)
    yield from missing_charts(knowledge, needs.charts)
    yield from link_faults(knowledge, needs.skills, folder)
    yield from double_faults(knowledge, folder)
    yield from intent_faults(knowledge, needs.skills, folder)


def _missing_folders(folder: Path) -> list[Fault]:
    fix = "Make it, or copy it from a new shop's folder (`zhanggui init`)"
    names = [f"{part}/{language}" for part in ("knowledge", "intents") for language in LANGUAGES]
    return [Fault(name, 1, "the folder is missing", fix) for name in names if not (folder / name).is_dir()]
