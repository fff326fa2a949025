"""Sheets of questions and answers, as shops have them already: they become entries with ids of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from bot.knowledge.entries import Entry, Fault
from bot.knowledge.sheetfile import Row
from bot.knowledge.sheetrows import COLUMNS, FromRow, too_many

QUESTION = frozenset({"question", "questions", "q", "ask", "问题", "问", "提问", "客户问题", "問題"})
ANSWER = frozenset({"answer", "answers", "a", "reply", "答案", "答", "回答", "回复", "答复", "回覆"})
CJK = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[a-z0-9]+")
WORDS_OF_ID = 5
FOLDER = "imported"


def is_plain(rows: Sequence[Row]) -> bool:
    """Return whether the head is that of questions and answers, or no more than two columns hold anything.

    None may be one of `knowledge export` alone.
    """
    head = {cell.strip().casefold() for cell in rows[0].cells}
    used = {place for row in rows for place, cell in enumerate(row.cells) if cell.strip()}
    return (len(used) <= 2 or _is_head(rows[0], _used(rows[0]))) and not head & (set(COLUMNS) - QUESTION - ANSWER)


def plain_entries(
    rows: Sequence[Row], known: Mapping[tuple[str, str], Entry], file: str
) -> tuple[list[FromRow], list[Fault]]:
    """Return an entry for each answer: rows one below the other with the same answer are phrasings of one entry.

    A cell may hold several questions, one a line. The id is made of the first one, the same each time; but for
    phrasings and answer, an entry stays as it is in `known` (by id and language).
    """
    has_head = _is_head(rows[0], _used(rows[0]))
    places = _used(rows[0]) if has_head else _used(*rows)
    faults: list[Fault] = []
    found: list[FromRow] = []
    first: dict[str, int] = {}
    if len(places) < 2:
        fix = "Put questions into the first column and answers into the second"
        return [], [Fault(file, rows[0].number, "there is one column only", fix)]
    for row in rows[1:] if has_head else rows:
        if beside := [place for place in _used(row) if place not in places]:
            faults.append(too_many(file, row, len(places), beside[0]))
            continue
        question, answer = (row.cells[place].strip() if place < len(row.cells) else "" for place in places)
        if not question or not answer:
            lacks, place = ("question", places[0]) if not question else ("answer", places[1])
            problem = f"column {chr(ord('A') + place)}: the {lacks} is empty"
            faults.append(Fault(file, row.number, problem, "Write it, or delete the row"))
            continue
        asked = tuple(dict.fromkeys(line.strip() for line in question.split("\n") if line.strip()))
        for phrasing in asked:
            if (other := first.setdefault(phrasing.casefold(), row.number)) != row.number:
                problem = f"column {chr(ord('A') + places[0])}: {phrasing!r} is asked in row {other} too"
                faults.append(Fault(file, row.number, problem, "Keep one of the two"))
        last = found[-1].entry if found else None
        if last is not None and last.answer == answer and last.language == _language(question):
            found[-1] = replace(found[-1], entry=replace(last, ask=(*last.ask, *asked)))
        else:
            found.append(FromRow(_entry(asked, answer, known), row.number))
    return found, faults


def _is_head(row: Row, places: Sequence[int]) -> bool:
    cells = [row.cells[place].strip().casefold() for place in places]
    return len(cells) == 2 and cells[0] in QUESTION and cells[1] in ANSWER


def _used(*rows: Row) -> list[int]:
    """Return the places of the columns that hold something."""
    return sorted({place for row in rows for place, cell in enumerate(row.cells) if cell.strip()})


def _entry(asked: tuple[str, ...], answer: str, known: Mapping[tuple[str, str], Entry]) -> Entry:
    language = _language(asked[0])
    digest = blake2b(asked[0].encode(), digest_size=3).hexdigest()
    words = [] if language == "zh" else WORD.findall(asked[0].casefold())[:WORDS_OF_ID]
    entry_id = "-".join([*(words or ["faq"]), digest])
    file = f"knowledge/{language}/{FOLDER}/{entry_id}.md"
    return replace(known.get((entry_id, language)) or Entry(entry_id, language, file, (), ""), ask=asked, answer=answer)


def _language(text: str) -> str:
    return "zh" if CJK.search(text) else "en"
