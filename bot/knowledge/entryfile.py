"""`knowledge/<lang>/<topic>/<id>.md`: YAML front matter, then the answer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from bot.knowledge.entries import Entry, Variant
from bot.knowledge.fields import unknown_fields
from bot.knowledge.yamlfile import Reading, line_of, read_text

KEYS = ("id", "ask", "answer", "variants", "next", "intents", "tags", "owner", "valid_from", "valid_until", "review_by")
CHANNEL_KINDS = ("telegram", "wechat", "wecom", "web")


def read_entry(path: Path, language: str, reading: Reading) -> Entry | None:
    """Return the entry in `path`, or None with the faults noted in `reading`."""
    text = read_text(reading, path)
    if text is None:
        return None
    parts = text.split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        reading.fault(1, "the front matter is missing", "Begin the file with `---`, the keys, and `---` again")
        return None
    data = reading.yaml(parts[1], first_line=2)
    if data is None:
        return None
    answer_line = 2 + parts[1].count("\n") + 1
    reading.unknown_keys(data, KEYS, 2)
    _check_id(data, path, reading)
    answer = parts[2].strip()
    if not answer:
        reading.fault(answer_line, "the answer is empty", "Write it below the second `---`")
    _check_fields(answer, answer_line, reading)
    ask, intents = reading.strings(data, "ask", 2), reading.strings(data, "intents", 2)
    if not ask and not intents:
        reading.fault(2, "nothing leads to this entry", "Add `ask:` with at least one phrasing")
    entry = Entry(
        id=path.stem,
        language=language,
        file=reading.file,
        ask=ask,
        answer=answer,
        variants=_variants(data, reading),
        next=reading.strings(data, "next", 2),
        intents=intents,
        tags=reading.strings(data, "tags", 2),
        owner=str(data.get("owner") or ""),
        valid_from=_day(data, "valid_from", reading),
        valid_until=_day(data, "valid_until", reading),
        review_by=_day(data, "review_by", reading),
    )
    return None if reading.faults else entry


def _check_id(data: CommentedMap, path: Path, reading: Reading) -> None:
    if data.get("id") != path.stem:
        line = line_of(data, "id", 2) if "id" in data else 2
        reading.fault(line, f"the id is `{data.get('id')}` but the file is {path.name}", f"Write `id: {path.stem}`")


def _check_fields(answer: str, first_line: int, reading: Reading) -> None:
    for offset, line in enumerate(answer.split("\n")):
        for name, near in unknown_fields(line):
            reading.fault(first_line + offset, f"there is no field `{{{name}}}`", f"Did you mean `{{{near}}}`?")


def _variants(data: CommentedMap, reading: Reading) -> tuple[Variant, ...]:
    found: list[Variant] = []
    for item in data.get("variants") or ():
        line = 2 + int(item.lc.line) if isinstance(item, CommentedMap) else line_of(data, "variants", 2)
        when = item.get("when") if isinstance(item, CommentedMap) else None
        if not isinstance(when, CommentedMap) or not item.get("answer"):
            reading.fault(line, "a variant needs `when:` and `answer:`", "See the page about entries")
            continue
        reading.unknown_keys(when, ("channel", "tier"), 2)
        channel = when.get("channel")
        if channel is not None and channel not in CHANNEL_KINDS:
            reading.fault(line, f"no channel kind `{channel}`", f"Use one of {', '.join(CHANNEL_KINDS)}")
        answer = str(item["answer"]).strip()
        _check_fields(answer, line, reading)
        found.append(Variant(answer=answer, channel=channel, tier=when.get("tier")))
    return tuple(found)


def _day(data: CommentedMap, key: str, reading: Reading) -> date | None:
    value = data.get(key)
    if value is None or type(value) is date:
        return value
    reading.fault(line_of(data, key, 2), f"`{key}` is not a day", "Write it as 2027-06-30")
    return None
