"""What each file says, read only where its content is another than the last time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from bot.knowledge.datafiles import chart_of, intents_of, phrases_of, replies_of
from bot.knowledge.entries import LANGUAGES, CannedReply, Entry, Fault, Knowledge, Phrase, SizeChart
from bot.knowledge.entryfile import entry_of
from bot.knowledge.files import chart_files, entry_files, intent_files, phrase_file, reply_file, right_name
from bot.knowledge.yamlfile import Reading, read_bytes, text_of


@dataclass(frozen=True, slots=True)
class Part:
    """What one file says.

    Attributes:
        file: relative to the shop's folder, with `/`.
        digest: of its bytes; empty if they cannot be read.
        language: of entries, phrases and intents.
    """

    file: str
    digest: str
    language: str = ""
    entry: Entry | None = None
    phrases: tuple[Phrase, ...] = ()
    chart: SizeChart | None = None
    intents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    replies: tuple[CannedReply, ...] = ()


Parts = Mapping[str, Part]
"""By file."""


def read_parts(folder: Path, known: Parts) -> dict[str, Part]:
    """Read every file below `folder`; those that are as they were in `known` are not parsed again."""
    found: dict[str, Part] = {}
    for file in _files(folder):
        reading = Reading(file)
        found[file] = _part(read_bytes(reading, f"{folder}/{file}"), reading, known)
    return found


def parts_of(contents: Mapping[str, bytes], known: Parts) -> dict[str, Part]:
    """Return what files would say that had these `contents` (by file)."""
    return {file: _part(content, Reading(file), known) for file, content in contents.items()}


def knowledge_of(parts: Parts) -> Knowledge:
    """Put together what all files say. Of two entries of one id in a language the last one counts."""
    intents: dict[str, dict[str, tuple[str, ...]]] = {}
    for part in parts.values():
        for intent, examples in part.intents.items():
            by_language = intents.setdefault(intent, {})
            by_language[part.language] = by_language.get(part.language, ()) + examples
    return Knowledge(
        {(part.entry.id, part.language): part.entry for part in parts.values() if part.entry is not None},
        {(phrase.id, phrase.language): phrase for part in parts.values() for phrase in part.phrases},
        {part.chart.category: part.chart for part in parts.values() if part.chart is not None},
        intents,
        tuple(reply for part in parts.values() for reply in part.replies),
    )


def set_digest(parts: Parts) -> str:
    """Return a name for the set: the same files with the same content have the same."""
    lines = "\n".join(f"{part.digest} {file}" for file, part in sorted(parts.items()))
    return digest_of(lines.encode(errors="surrogateescape"))


def digest_of(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def languages_whole(parts: Parts) -> Collection[str]:
    """Return the languages whose phrases could be read."""
    bad = {part.language for file, part in parts.items() if file.endswith("/phrases.yml") and part.faults}
    return [language for language in LANGUAGES if language not in bad]


def _files(folder: Path) -> list[str]:
    """Return every file that is read, there or not; a shop may do without canned replies."""
    found: list[str] = []
    for language in LANGUAGES:
        found += [*entry_files(folder, language), phrase_file(language), *intent_files(folder, language)]
        found += [file for file in [reply_file(language)] if (folder / file).exists()]
    return found + chart_files(folder)


def _part(content: bytes | None, reading: Reading, known: Parts) -> Part:
    file = reading.file
    digest = "" if content is None else digest_of(content)
    before = known.get(file)
    if digest and before is not None and before.digest == digest:
        return before
    room, place, *_, name = file.split("/")
    language = place if place in LANGUAGES else ""
    if (right := right_name(file)) != file:
        ending = f".{right.rpartition('.')[2]}"
        problem = f"the name does not end with `{ending}`, so nothing in the file is read"
        reading.fault(1, problem, f"Rename it to {right.rpartition('/')[2]}")
        return Part(file, digest, language, faults=tuple(reading.faults))
    text = None if content is None else text_of(content, reading)
    if text is None:
        return Part(file, digest, language, faults=tuple(reading.faults))
    entry, phrases, chart, intents = None, list[Phrase](), None, dict[str, tuple[str, ...]]()
    replies: list[CannedReply] = []
    if room == "intents":
        intents = intents_of(text, reading)
    elif not language:
        chart = chart_of(text, reading)
    elif file == phrase_file(language):
        phrases = phrases_of(text, language, reading)
    elif file == reply_file(language):
        replies = replies_of(text, language, reading)
    else:
        entry = entry_of(text, name.removesuffix(".md"), language, reading)
    return Part(file, digest, language, entry, tuple(phrases), chart, intents, tuple(reading.faults), tuple(replies))
