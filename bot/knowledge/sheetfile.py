"""Cells of a spreadsheet, from and to .xlsx and .csv files as Excel and others write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bot.errors import FileFault
from bot.knowledge.history import write_whole
from bot.knowledge.moments import written

Rows = Sequence[Sequence[str]]
LONGEST_CELL = 32_767
LARGEST_BYTES = 50_000_000
DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row that holds something; `number` counts from 1, as people see it."""

    number: int
    cells: tuple[str, ...]


def read_sheet(path: Path) -> list[Row]:
    """Return the rows that are not empty, of an .xlsx file's first sheet or of a .csv file.

    Raises:
        FileFault: it is neither, is broken or too large.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise FileFault(f"{path} has more than {LARGEST_BYTES / 1e6:.0f} MB. Split it")
        content = path.read_bytes()
    except OSError as error:
        raise FileFault(f"{path} cannot be read: {error.strerror}. Check the name and its rights") from error
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileFault(f"{path} is an old .xls file, or locked with a password. Save it as .xlsx without one")
    rows = _xlsx(path, content) if content.startswith(b"PK") else _csv(path, content)
    return [row for row in rows if any(cell.strip() for cell in row.cells)]


def write_sheet(path: Path, rows: Rows) -> None:
    """Write rows, the head first, as .xlsx or .csv, whichever `path` ends with.

    Raises:
        FileFault: it ends with something else, cannot be written, or a cell is longer than Excel takes.
    """
    if path.suffix.casefold() not in (".xlsx", ".csv"):
        raise FileFault(f"{path}: write it as FILE.xlsx or FILE.csv")
    for number, row in enumerate(rows, 1):
        if any(len(cell) > LONGEST_CELL for cell in row):
            raise FileFault(f"{path}: row {number} ({row[0]}) has a cell of more than {LONGEST_CELL} characters")
    try:
        write_whole(path, _as_csv(rows) if path.suffix.casefold() == ".csv" else _as_xlsx(rows))
    except OSError as error:
        raise FileFault(f"{path} cannot be written: {error.strerror}. Is it open in another program?") from error


def _xlsx(path: Path, content: bytes) -> list[Row]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        return [
            Row(number, tuple(map(_cell, values))) for number, values in enumerate(sheet.iter_rows(values_only=True), 1)
        ]
    except Exception as error:  # broken archives fail in many ways
        raise FileFault(f"{path} is no whole .xlsx file: {error}. Open it and save it again") from error


def _cell(value: Any) -> str:
    """Return a cell as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return written(value if (value.hour, value.minute) != (0, 0) else value.date())
    if isinstance(value, date):
        return written(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _csv(path: Path, content: bytes) -> list[Row]:
    text = _decoded(path, content)
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=lambda sign: (head.count(sign), -DELIMITERS.index(sign)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        for number, cells in enumerate(reader, 1):
            rows.append(Row(number, tuple(cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells)))
    except csv.Error as error:
        raise FileFault(f"{path}:{reader.line_num}: {error}. Is a quote missing or too many?") from error
    return rows


def _decoded(path: Path, content: bytes) -> str:
    """Return the text: UTF-8, UTF-16 with its mark, or GBK as Excel writes it in China."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    for name in (encoding, "gb18030"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileFault(f"{path} is no text in UTF-8, UTF-16 or GBK. Save it as `CSV UTF-8` or as .xlsx")


def _as_csv(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # by its mark Excel knows UTF-8


def _as_xlsx(rows: Rows) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("knowledge")
    sheet.freeze_panes = "A2"
    for number, row in enumerate(rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, None)
            cell.value = value or None
            if value:
                cell.data_type = "s"  # an answer that begins with `=` is no formula
            cell.number_format = "@"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if number == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
