"""Entries as rows of a spreadsheet: one row an entry and language, its variants in rows of their own below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from bot.knowledge.entries import LANGUAGES, REGIONS, Entry, Fault, Variant
from bot.knowledge.entryfile import CHANNEL_KINDS
from bot.knowledge.moments import Moment, moment_of, written
from bot.knowledge.sheetfile import Row
from bot.knowledge.yamlfile import did_you_mean

LISTS = ("ask", "next", "intents", "tags", "test")
CONDITIONS = ("channel", "tier", "region")
SPAN = ("valid_from", "valid_until")
COLUMNS = ("id", "language", "folder", "ask", "answer", *CONDITIONS, *SPAN, "next", "intents", "tags", "owner",
           "review_by", "test")  # fmt: skip
OF_VARIANTS = ("id", "language", "answer", *CONDITIONS, *SPAN)
NAME = re.compile(r"[^\W_][\w.-]*")
"""A safe name of a file or folder."""


@dataclass(frozen=True, slots=True)
class FromRow:
    """An entry that a sheet says, and the row where it begins."""

    entry: Entry
    row: int


def rows_of(entries: Iterable[Entry]) -> Iterator[tuple[str, ...]]:
    """Yield the head and the rows of `entries`."""
    yield COLUMNS
    for entry in entries:
        own = {key: "\n".join(map(_escaped, getattr(entry, key))) for key in LISTS}
        folder = "/".join(entry.file.split("/")[2:-1])
        own |= {"id": entry.id, "language": entry.language, "folder": folder, "answer": entry.answer}
        own |= {"owner": entry.owner, "review_by": _written(entry.review_by)}
        own |= {key: _written(getattr(entry, key)) for key in SPAN}
        yield tuple(own.get(column, "") for column in COLUMNS)
        for variant in entry.variants:
            its = {"id": entry.id, "language": entry.language, "answer": variant.answer}
            its |= {key: getattr(variant, key) or "" for key in CONDITIONS}
            its |= {key: _written(getattr(variant, key)) for key in SPAN}
            yield tuple(its.get(column, "") for column in COLUMNS)


def entries_of(
    rows: Sequence[Row], known: Mapping[tuple[str, str], Entry], file: str
) -> tuple[list[FromRow], list[Fault]]:
    """Return what `rows` (the head first) say, and every fault with its row and column.

    What a sheet has no column for stays as it is in `known` (by id and language).
    """
    sheet = _Sheet(file, [cell.strip().casefold() for cell in rows[0].cells])
    sheet.check_head(rows[0].number)
    if not {"id", "language", "answer"} <= set(sheet.head):  # each row would lack the same
        return [], sheet.faults
    found: dict[tuple[str, str], FromRow] = {}
    for row in rows[1:]:
        sheet.read(row, known, found)
    return list(found.values()), sheet.faults


class _Sheet:
    """A sheet that is being read: what its columns are called, and its faults."""

    def __init__(self, file: str, head: Sequence[str]) -> None:
        self.file, self.head = file, head
        self.faults: list[Fault] = []
        self.bad: set[tuple[str, str]] = set()

    def check_head(self, number: int) -> None:
        for column in self.head:
            if column and column not in COLUMNS:
                self._fault(number, column, "there is no such column", did_you_mean(column, COLUMNS))
            elif self.head.count(column) > 1 and column:
                self._fault(number, column, "the column is there twice", "Delete one")
        for column in ("id", "language", "answer"):
            if column not in self.head:
                self._fault(number, column, "the column is missing", "Add it; `knowledge export` shows all")

    def read(self, row: Row, known: Mapping[tuple[str, str], Entry], found: dict[tuple[str, str], FromRow]) -> None:
        faults = len(self.faults)
        if beside := [place for place, cell in enumerate(row.cells) if cell.strip() and place >= len(self.head)]:
            self.faults.append(too_many(self.file, row, len(self.head), beside[0]))
            return
        cells = {name: cell for name, cell in zip(self.head, row.cells, strict=False) if name}
        entry_id, language = cells.get("id", "").strip(), cells.get("language", "").strip()
        if not NAME.fullmatch(entry_id):
            self._fault(row.number, "id", f"`{entry_id}` is no id", "Write letters, digits and `-`, e.g. shipping-fee")
        if language not in LANGUAGES:
            self._fault(row.number, "language", f"`{language}` is no language here", "Write zh or en")
        if not cells.get("answer", "").strip():
            self._fault(row.number, "answer", "the answer is empty", "Write it, or delete the row")
        key = (entry_id, language)
        if len(self.faults) > faults:
            self.bad.add(key)
        elif key in self.bad:  # a variant, perhaps: its first row tells what is wrong
            return
        elif key in found:
            variant = self._variant(row, cells)
            if variant is not None:
                entry = found[key].entry
                found[key] = replace(found[key], entry=replace(entry, variants=(*entry.variants, variant)))
        elif any(cells.get(name, "").strip() for name in CONDITIONS):
            fix = "Put the row of the answer that is said to all above it"
            self._fault(row.number, "id", f"`{entry_id}` begins with a variant", fix)
        else:
            found[key] = FromRow(self._entry(row, cells, known.get(key)), row.number)

    def _entry(self, row: Row, cells: Mapping[str, str], before: Entry | None) -> Entry:
        entry_id, language = cells["id"].strip(), cells["language"].strip()
        entry = before or Entry(entry_id, language, f"knowledge/{language}/imported/{entry_id}.md", (), "")
        folder = cells.get("folder", "").strip().strip("/")
        if folder and not all(map(NAME.fullmatch, folder.split("/"))):
            self._fault(row.number, "folder", f"`{folder}` is no folder", "Write a name, e.g. shipping")
        elif folder or ("folder" in cells and before is not None):
            entry = replace(entry, file="/".join(filter(None, ["knowledge", language, folder, f"{entry_id}.md"])))
        lists = {key: tuple(_items(cells[key])) for key in LISTS if key in cells}
        moments = {key: self._moment(row, key, cells) for key in SPAN if key in cells}
        entry = replace(entry, answer=cells["answer"].strip(), **lists, **moments)  # type: ignore[arg-type]
        if "owner" in cells:
            entry = replace(entry, owner=cells["owner"].strip())
        if "review_by" in cells:
            entry = replace(entry, review_by=self._day(row, cells))
        return replace(entry, variants=()) if any(key in self.head for key in CONDITIONS) else entry

    def _variant(self, row: Row, cells: Mapping[str, str]) -> Variant | None:
        faults = len(self.faults)
        for column, cell in cells.items():
            if column not in OF_VARIANTS and cell.strip():
                problem = f"`{cells['id'].strip()}` has a row above: this one is a variant, which has no `{column}`"
                self._fault(row.number, column, problem, "Empty the cell, or give the row another id")
        asked = {key: cells.get(key, "").strip() or None for key in CONDITIONS}
        for key, allowed in (("channel", CHANNEL_KINDS), ("region", REGIONS)):
            if asked[key] is not None and asked[key] not in allowed:
                self._fault(row.number, key, f"there is no `{asked[key]}`", did_you_mean(str(asked[key]), allowed))
        first, last = (self._moment(row, key, cells) for key in SPAN)
        if len(self.faults) == faults and not any((*asked.values(), first, last)):
            problem = f"`{cells['id'].strip()}` is there twice"
            self._fault(row.number, "id", problem, "Say for which channel, tier, region or days the second answer is")
        if len(self.faults) > faults:
            return None
        return Variant(cells["answer"].strip(), **asked, valid_from=first, valid_until=last)

    def _moment(self, row: Row, column: str, cells: Mapping[str, str]) -> Moment | None:
        cell = cells.get(column, "").strip()
        moment = moment_of(cell.replace("/", "-")) if cell else None
        if cell and moment is None:
            self._fault(row.number, column, f"`{cell}` is no day or minute", "Write 2027-06-30 or 2027-06-30 18:00")
        return moment

    def _day(self, row: Row, cells: Mapping[str, str]) -> date | None:
        moment = self._moment(row, "review_by", cells)
        if isinstance(moment, datetime):
            self._fault(row.number, "review_by", f"`{cells['review_by']}` is no day", "Write 2027-06-30")
            return None
        return moment

    def _fault(self, row: int, column: str, problem: str, fix: str) -> None:
        letter = f"{_letter(self.head.index(column))} " if column in self.head else ""
        self.faults.append(Fault(self.file, row, f"column {letter}({column}): {problem}", fix))


def too_many(file: str, row: Row, columns: int, place: int) -> Fault:
    """Return the fault of a row with a cell beyond the columns of the head."""
    problem = f"column {_letter(place)}: the row has {len(row.cells)} cells, the head only {columns}"
    fix = 'Put double quotes around a text with a comma in it ("No, never"), or delete the cell'
    return Fault(file, row.number, problem, fix)


def _letter(place: int) -> str:
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def _written(moment: Moment | None) -> str:
    return "" if moment is None else written(moment)


def _escaped(item: str) -> str:
    return item.replace("\\", "\\\\").replace("\n", "\\n")


def _items(cell: str) -> Iterator[str]:
    """Yield the items of a cell, one a line; a line end inside of one is written as a backslash and n."""
    for line in cell.split("\n"):
        item = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], line).strip()
        if item:
            yield item
