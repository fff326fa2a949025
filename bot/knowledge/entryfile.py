"""`knowledge/<lang>/<topic>/<id>.md`: YAML front matter, then the answer."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from bot.knowledge.entries import Entry, Variant
from bot.knowledge.fields import unknown_fields
from bot.knowledge.yamlfile import Reading, did_you_mean, line_of, read_text

KEYS = ("id", "ask", "variants", "next", "intents", "tags", "owner", "valid_from", "valid_until", "review_by")
FILE = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n(.*))?\Z", re.DOTALL | re.MULTILINE)
CHANNEL_KINDS = ("telegram", "wechat", "miniprogram", "kf", "wecom", "web")


def read_entry(path: Path, language: str, reading: Reading) -> Entry | None:
    """Return the entry in `path`, or None with the faults noted in `reading`."""
    text = read_text(reading, path)
    if text is None:
        return None
    parts = FILE.match(text)
    if parts is None:
        reading.fault(1, "the front matter is missing", "Begin the file with `---`, the keys, and `---` again")
        return None
    if not parts[1].strip():
        reading.fault(2, "there is nothing between the two `---`", f"Write `id: {path.stem}` and `ask:` there")
        return None
    data = reading.yaml(parts[1], first_line=2)
    if data is None:
        return None
    answer_line = 2 + parts[1].count("\n") + 1
    reading.unknown_keys(data, (*KEYS, "answer"), 2)
    _check_id(data, path, reading)
    if "answer" in data:
        fix = "Move it below the second `---`"
        reading.fault(line_of(data, "answer", 2), "the answer stands in the front matter", fix)
    answer = (parts[2] or "").strip()
    if not answer and "answer" not in data:
        reading.fault(answer_line, "the answer is empty", "Write it below the second `---`")
    _check_fields(parts[2] or "", answer_line, reading)
    ask, intents = reading.strings(data, "ask", 2), reading.strings(data, "intents", 2)
    if not ask and not intents:
        reading.fault(2, "nothing leads to this entry", "Add `ask:` with at least one phrasing")
    _check_days(data, reading)
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
    if str(data.get("id")) != path.stem:
        line = line_of(data, "id", 2) if "id" in data else 2
        reading.fault(line, f"the id is `{data.get('id')}` but the file is {path.name}", f"Write `id: {path.stem}`")


def _check_days(data: CommentedMap, reading: Reading) -> None:
    first, last = data.get("valid_from"), data.get("valid_until")
    if type(first) is date and type(last) is date and last < first:
        line = line_of(data, "valid_until", 2)
        reading.fault(line, "`valid_until` lies before `valid_from`", "Write the earlier day in `valid_from`")


def _check_fields(answer: str, first_line: int, reading: Reading) -> None:
    for offset, line in enumerate(answer.split("\n")):
        for name, near in unknown_fields(line):
            reading.fault(first_line + offset, f"there is no field `{{{name}}}`", f"Did you mean `{{{near}}}`?")


def _variants(data: CommentedMap, reading: Reading) -> tuple[Variant, ...]:
    found: list[Variant] = []
    items = data.get("variants") or ()
    if not isinstance(items, (CommentedSeq, tuple)):
        reading.fault(line_of(data, "variants", 2), "`variants` must be a list", "Begin each variant with `- when:`")
        return ()
    for item in items:
        line = 2 + int(item.lc.line) if isinstance(item, CommentedMap) else line_of(data, "variants", 2)
        when = item.get("when") if isinstance(item, CommentedMap) else None
        if not isinstance(when, CommentedMap) or not item.get("answer"):
            reading.fault(line, "a variant needs `when:` and `answer:`", "See the page about entries")
            continue
        reading.unknown_keys(when, ("channel", "tier"), 2)
        reading.unknown_keys(item, ("when", "answer"), 2)
        answer = str(item["answer"]).strip()
        _check_fields(answer, line_of(item, "answer", 2), reading)
        channel, tier = when.get("channel"), when.get("tier")
        if channel is not None and channel not in CHANNEL_KINDS:
            fix = did_you_mean(str(channel), CHANNEL_KINDS)
            reading.fault(line_of(when, "channel", 2), f"there is no channel kind `{channel}`", fix)
        if tier is not None and not isinstance(tier, str):
            reading.fault(line_of(when, "tier", 2), f"the tier `{tier}` is not a text", "Put it in quotes")
        found.append(Variant(answer=answer, channel=channel, tier=tier))
    return tuple(found)


def _day(data: CommentedMap, key: str, reading: Reading) -> date | None:
    value = data.get(key)
    if value is None or type(value) is date:
        return value
    reading.fault(line_of(data, key, 2), f"`{key}` is not a day", "Write it as 2027-06-30")
    return None
