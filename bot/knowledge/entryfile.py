"""`knowledge/<lang>/<topic>/<id>.md`: YAML front matter, then the answer."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.knowledge.entries import REGIONS, Entry, Variant
from bot.knowledge.fields import odd_braces, unknown_fields
from bot.knowledge.moments import Moment, begin_of, end_of, moment_of
from bot.knowledge.plain import front_matter
from bot.knowledge.yamlfile import Reading, did_you_mean, is_list, is_map, line_of, read_text

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

KEYS = ("id", "ask", "variants", "next", "intents", "tags", "owner", "valid_from", "valid_until", "review_by", "test")
FILE = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n(.*))?\Z", re.DOTALL | re.MULTILINE)
OTHER_DASHES = re.compile(r"[-–—－−]*[–—－−][-–—－−]*")
CHANNEL_KINDS = ("telegram", "wechat", "miniprogram", "kf", "wecom", "web")
CONDITIONS = {"channel": CHANNEL_KINDS, "tier": None, "region": REGIONS}
"""What `when:` may ask for → the values it may have, None for any text."""
SPAN = ("valid_from", "valid_until")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no platform shows and no spreadsheet takes."""


def read_entry(path: Path, language: str, reading: Reading) -> Entry | None:
    """Return the entry in `path`, or None with the faults noted in `reading`."""
    text = read_text(reading, path)
    return None if text is None else entry_of(text, path.stem, language, reading)


def entry_of(text: str, stem: str, language: str, reading: Reading) -> Entry | None:
    """Return the entry that `text` (the content of `stem`.md) holds, or None with the faults noted in `reading`."""
    parts = FILE.match(text)
    if parts is None:
        _no_front_matter(text, reading)
        return None
    if not parts[1].strip():
        reading.fault(2, "there is nothing between the two `---`", f"Write `id: {stem}` and `ask:` there")
        return None
    return _plain_entry(parts, stem, language, reading.file) or _parsed_entry(parts, stem, language, reading)


def _no_front_matter(text: str, reading: Reading) -> None:
    if not text.strip():
        reading.fault(1, "the file is empty", "Write the entry, or delete the file")
    elif (odd := OTHER_DASHES.match(text)) is not None:
        reading.fault(1, f"the file begins with `{odd[0]}`", "Write `---`, three times minus in half width")
    elif text.startswith("---"):
        fix = "Write `---` on a line of its own between the keys and the answer"
        reading.fault(1, "the front matter is missing its end", fix)
    else:
        reading.fault(1, "the front matter is missing", "Begin the file with `---`, the keys, and `---` again")


def _plain_entry(parts: re.Match[str], stem: str, language: str, file: str) -> Entry | None:
    """Return the entry if it is as simple as most and passes, else None."""
    data = front_matter(parts[1])
    answer = (parts[2] or "").strip()
    if data is None or data.get("id") != stem or not answer or CONTROL.search(answer):
        return None
    if any(unknown_fields(answer)) or any(odd_braces(answer)):
        return None
    if not (data.get("ask") or data.get("intents")):
        return None
    if "valid_from" in data and "valid_until" in data:  # rare: the parser tells which lies before which
        return None
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    fields: dict[str, Any] = {"ask": (), **data, **lists, "language": language, "file": file, "answer": answer}
    return Entry(**fields)


def _parsed_entry(parts: re.Match[str], stem: str, language: str, reading: Reading) -> Entry | None:
    data = reading.yaml(parts[1], first_line=2)
    if data is None:
        return None
    answer_line = 2 + parts[1].count("\n") + 1
    reading.unknown_keys(data, (*KEYS, "answer"), 2)
    _check_id(data, stem, reading)
    if "answer" in data:
        fix = "Move it below the second `---`"
        reading.fault(line_of(data, "answer", 2), "the answer stands in the front matter", fix)
    answer = (parts[2] or "").strip()
    if not answer and "answer" not in data:
        reading.fault(answer_line, "the answer is empty", "Write it below the second `---`")
    _check_fields(parts[2] or "", answer_line, reading)
    ask, intents = reading.strings(data, "ask", 2), reading.strings(data, "intents", 2)
    if not ask and not intents and not reading.faults:
        reading.fault(2, "nothing leads to this entry", "Add `ask:` with at least one phrasing")
    valid_from, valid_until = _span(data, reading)
    entry = Entry(
        id=stem,
        language=language,
        file=reading.file,
        ask=ask,
        answer=answer,
        variants=_variants(data, reading),
        next=reading.strings(data, "next", 2),
        intents=intents,
        tags=reading.strings(data, "tags", 2),
        owner=str(data.get("owner") or "").strip(),
        valid_from=valid_from,
        valid_until=valid_until,
        review_by=_day(data, "review_by", reading),
        test=reading.strings(data, "test", 2),
    )
    for text in (*entry.answers(), *entry.ask, *entry.next, *intents, *entry.tags, *entry.test, entry.owner):
        if (odd := CONTROL.search(text)) is not None:
            line = answer_line if text == answer else 2
            reading.fault(line, f"{text[:20]!r} holds the control character {odd[0]!r}", "Delete it")
    return None if reading.faults else entry


def _check_id(data: CommentedMap, stem: str, reading: Reading) -> None:
    if str(data.get("id")) != stem:
        line = line_of(data, "id", 2) if "id" in data else 2
        reading.fault(line, f"the id is `{data.get('id')}` but the file is {stem}.md", f"Write `id: {stem}`")


def _span(data: CommentedMap, reading: Reading) -> tuple[Moment | None, Moment | None]:
    """Return `valid_from` and `valid_until`, noting what is wrong with them."""
    first, last = (_moment(data, key, reading) for key in SPAN)
    if first is not None and last is not None and end_of(last) <= begin_of(first):
        line = line_of(data, "valid_until", 2)
        reading.fault(line, "`valid_until` lies before `valid_from`", "Write the earlier day in `valid_from`")
    return first, last


def _check_fields(answer: str, first_line: int, reading: Reading) -> None:
    for offset, line in enumerate(answer.split("\n")):
        for name, near in unknown_fields(line):
            reading.fault(first_line + offset, f"there is no field `{{{name}}}`", f"Did you mean `{{{near}}}`?")
        for odd, fix in odd_braces(line):
            reading.fault(first_line + offset, f"`{odd}` is no field, so customers would read it", fix)


def _variants(data: CommentedMap, reading: Reading) -> tuple[Variant, ...]:
    found: list[Variant] = []
    items = data.get("variants") or ()
    if items != () and not is_list(items):
        reading.fault(line_of(data, "variants", 2), "`variants` must be a list", "Begin each variant with `- when:`")
        return ()
    for item in items:
        line = 2 + int(item.lc.line) if is_map(item) else line_of(data, "variants", 2)
        when = item.get("when", {}) if is_map(item) else None
        limited = is_map(item) and any(item.get(key) is not None for key in ("when", *SPAN))
        if not is_map(when) or not limited or not item.get("answer"):
            problem = "a variant needs `when:` (or `valid_from:`, `valid_until:`) and `answer:`"
            reading.fault(line, problem, "See the page about entries")
            continue
        reading.unknown_keys(when, CONDITIONS, 2)
        reading.unknown_keys(item, ("when", *SPAN, "answer"), 2)
        answer = str(item["answer"]).replace("\r\n", "\n").replace("\r", "\n").strip()
        _check_fields(answer, line_of(item, "answer", 2), reading)
        first, last = _span(item, reading)
        asked = {name: _condition(when, name, reading) for name in CONDITIONS}
        found.append(Variant(answer, **asked, valid_from=first, valid_until=last))
    return tuple(found)


def _condition(when: CommentedMap, name: str, reading: Reading) -> str | None:
    value, known = when.get(name), CONDITIONS[name]
    if value is None or (isinstance(value, str) and (known is None or value in known)):
        return value if value is None else value.strip()
    if known is None:
        reading.fault(line_of(when, name, 2), f"the {name} `{value}` is not a text", "Put it in quotes")
    else:
        kind = "channel kind" if name == "channel" else name
        reading.fault(line_of(when, name, 2), f"there is no {kind} `{value}`", did_you_mean(str(value), known))
    return None


def _moment(data: CommentedMap, key: str, reading: Reading) -> Moment | None:
    value = data.get(key)
    moment = None if value is None else moment_of(value)
    if value is not None and moment is None:
        fix = "Write it as 2027-06-30, or with a minute of the shop's time: 2027-06-30 18:00"
        reading.fault(line_of(data, key, 2), f"`{key}` is not a day or minute", fix)
    return moment


def _day(data: CommentedMap, key: str, reading: Reading) -> date | None:
    value = data.get(key)
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return None if value is None else date(value.year, value.month, value.day)
    reading.fault(line_of(data, key, 2), f"`{key}` is not a day", "Write it as 2027-06-30")
    return None
