"""A spreadsheet into the shop's files: everything it says, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

from bot.brain import Files, checked
from bot.knowledge.checks import double_faults
from bot.knowledge.entries import Entry, Fault, Variant
from bot.knowledge.entrytext import entry_text
from bot.knowledge.history import write_whole
from bot.knowledge.parts import Part, knowledge_of, parts_of
from bot.knowledge.plainsheet import is_plain, plain_entries
from bot.knowledge.sheetfile import Row
from bot.knowledge.sheetrows import FromRow, entries_of
from bot.settings import Settings

SHOWN = 3
"""Items of a list that a change shows."""
LONGEST = 100
"""Characters of a text that a change shows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do.

    Attributes:
        writes: file → its new text.
        deletes: files whose entry goes elsewhere.
        changes: for people, one an entry: `~ shipping-fee (en): answer, tags`, and lines with the texts, cut short.
        faults: if there is any, nothing is done.
    """

    writes: Mapping[str, str]
    deletes: tuple[str, ...]
    changes: tuple[str, ...]
    faults: tuple[Fault, ...]


def plan(rows: Sequence[Row], sheet: str, folder: Path, files: Files, settings: Settings) -> Plan:
    """Return what importing `rows` of the file `sheet` into `folder`, whose `files` are given, comes to."""
    if not rows:
        return Plan({}, (), (), (Fault(sheet, 1, "the sheet is empty", "Is it the right file, and its first sheet?"),))
    if files.faults:
        return Plan({}, (), (), files.faults)
    known = files.knowledge.entries
    found, faults = plain_entries(rows, known, sheet) if is_plain(rows) else entries_of(rows, known, sheet)
    fresh = [one for one in found if known.get((one.entry.id, one.entry.language)) != one.entry]
    writes = {one.entry.file: entry_text(one.entry) for one in fresh}
    parts = parts_of({file: text.encode(errors="replace") for file, text in writes.items()}, {})
    deletes = tuple(old.file for one in fresh if (old := _moved(one.entry, known)) is not None)
    faults += _file_faults(sheet, fresh, parts, files)
    after = {file: part for file, part in files.parts.items() if file not in deletes} | parts
    rows_by_file = {one.entry.file: one.row for one in fresh}
    # Beside bad rows only double phrasings are looked for: what else the set has wrong may come of what is left out.
    more = double_faults(knowledge_of(after), folder) if faults else checked(folder, after, settings).faults
    faults = sorted([*faults, *(_in_sheet(fault, sheet, rows_by_file) for fault in more)], key=_place)
    changes = tuple(_change(one.entry, known.get((one.entry.id, one.entry.language))) for one in fresh)
    return Plan(writes, deletes, changes, tuple(faults))


def apply(made: Plan, folder: Path) -> None:
    """Write what was planned; if that fails half-way, put back what was there.

    Raises:
        OSError: a file cannot be written; all are as they were.
    """
    before = {file: _content(folder / file) for file in (*made.writes, *made.deletes)}
    try:
        for file, text in made.writes.items():
            write_whole(folder / file, text.encode())
        for file in made.deletes:
            (folder / file).unlink(missing_ok=True)
    except OSError:
        for file, content in before.items():
            with suppress(OSError):
                if content is None:
                    (folder / file).unlink(missing_ok=True)
                else:
                    write_whole(folder / file, content)
        raise


def _place(fault: Fault) -> tuple[str, int]:
    return fault.file, fault.line


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _moved(entry: Entry, known: Mapping[tuple[str, str], Entry]) -> Entry | None:
    """Return the entry before, if it stands in another file."""
    old = known.get((entry.id, entry.language))
    return old if old is not None and old.file != entry.file else None


def _file_faults(sheet: str, fresh: Sequence[FromRow], parts: Mapping[str, Part], files: Files) -> Iterator[Fault]:
    """Yield what is wrong with the files that would be written; of two rows that make one file the last counts."""
    for one in {one.entry.file: one for one in fresh}.values():
        part, before = parts[one.entry.file], files.parts.get(one.entry.file)
        for fault in part.faults:
            yield Fault(sheet, one.row, f"{one.entry.id} ({one.entry.language}): {fault.problem}", fault.fix)
        if not part.faults and part.entry != one.entry:
            problem = f"{one.entry.id} ({one.entry.language}) would not read back as it is here"
            yield Fault(sheet, one.row, problem, "Take odd characters and blanks out of the row")
        if before is not None and before.entry is not None and before.entry.id != one.entry.id:
            yield Fault(sheet, one.row, f"{one.entry.file} holds another entry", "Choose another id or folder")


def _in_sheet(fault: Fault, sheet: str, rows: Mapping[str, int]) -> Fault:
    """Return a fault of a file that the sheet made as one of its row."""
    if fault.file not in rows:
        return fault
    return replace(fault, file=sheet, line=rows[fault.file], problem=f"{Path(fault.file).stem}: {fault.problem}")


def _change(entry: Entry, before: Entry | None) -> str:
    name = f"{entry.id} ({entry.language})"
    if before is None:
        return "\n".join([f"+ {name}", *(f"    + {_short(text)}" for text in (*entry.ask[:1], entry.answer))])
    changed = [field.name for field in fields(Entry) if getattr(entry, field.name) != getattr(before, field.name)]
    lines = [line for field in changed for line in _differences(getattr(before, field), getattr(entry, field))]
    names = ", ".join("folder" if field == "file" else field for field in changed)
    return "\n".join([f"~ {name}: {names}", *(f"    {line}" for line in lines)])


def _differences(before: object, after: object) -> Iterator[str]:
    """Yield `- old` and `+ new`; of lists only the items that go or come, at most `SHOWN` of each."""
    was, then = (value if isinstance(value, tuple) else (value,) for value in (before, after))
    for sign, items in (("-", [item for item in was if item not in then]), ("+", [i for i in then if i not in was])):
        yield from (f"{sign} {_short(item)}" for item in items[:SHOWN] if item not in (None, ""))
        if len(items) > SHOWN:
            yield f"{sign} and {len(items) - SHOWN} more"


def _short(value: object) -> str:
    text = " / ".join(str(value.answer if isinstance(value, Variant) else value).split("\n"))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
