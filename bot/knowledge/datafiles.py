"""Phrases (`knowledge/<lang>/phrases.yml`), size charts (`knowledge/size-charts/*.yml`) and intents (Rasa NLU YAML)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.knowledge.entries import LANGUAGES, CannedReply, Phrase, Size, SizeChart, version_of
from bot.knowledge.fields import REPLY_FIELDS, odd_braces, unknown_fields
from bot.knowledge.yamlfile import Reading, is_list, is_map, line_of, read_text

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

CHART_KEYS = ("category", "unit", "measures", "names", "sizes", "notes")
FEWEST_SIZES = 2
INTENT_FILE_KEYS = ("version", "nlu")
OTHER_NLU_ITEMS = frozenset({"synonym", "regex", "lookup"})
"""Items of Rasa's files that this engine has no use for."""
SHORTCUT = re.compile(r"[a-z0-9_\-\u3400-\u9fff]{1,40}")
ANNOTATION = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


def read_phrases(path: Path, language: str, reading: Reading) -> list[Phrase]:
    """Return the phrases in the file `path`."""
    text = read_text(reading, path)
    return [] if text is None else phrases_of(text, language, reading)


def read_chart(path: Path, reading: Reading) -> SizeChart | None:
    """Return the size chart in the file `path`, or None with the faults noted."""
    text = read_text(reading, path)
    return None if text is None else chart_of(text, reading)


def read_intents(path: Path, reading: Reading) -> dict[str, tuple[str, ...]]:
    """Return intent → phrasings of the file `path`."""
    text = read_text(reading, path)
    return {} if text is None else intents_of(text, reading)


def phrases_of(text: str, language: str, reading: Reading) -> list[Phrase]:
    """Return the phrases in `text`: a mapping of `group:` to `name: text`; ids are `group.name`."""
    data = reading.yaml(text)
    phrases: list[Phrase] = []
    if data is None:
        return phrases
    for group, texts in data.items():
        if not is_map(texts):
            reading.fault(line_of(data, group), f"`{group}` must hold names and texts", "Indent them below")
            continue
        _check_texts(data, group, reading)
        phrases += [Phrase(f"{group}.{name}", language, said.strip()) for name, said in texts.items() if _is_text(said)]
    return phrases


def replies_of(text: str, language: str, reading: Reading) -> list[CannedReply]:
    """Return the canned replies in `text`: a mapping of `shortcut: text`."""
    data = reading.yaml(text)
    replies: list[CannedReply] = []
    for shortcut, said in (data or {}).items():
        line = line_of(data, shortcut) if data is not None else 1
        if not SHORTCUT.fullmatch(str(shortcut)):
            fix = "Use small letters, Chinese characters, digits, `-` and `_`, 40 at most"
            reading.fault(line, f"`{shortcut}` is no shortcut that can be typed after `/`", fix)
        elif not _is_text(said):
            reading.fault(line, f"`{shortcut}` has no text", "Write it behind the colon, in quotes")
        else:
            _check_fields(str(shortcut), said, line, reading)
            replies.append(CannedReply(str(shortcut), language, said.strip()))
    return replies


def _check_fields(shortcut: str, said: str, line: int, reading: Reading) -> None:
    for name, near in unknown_fields(said, REPLY_FIELDS):
        reading.fault(line, f"`{shortcut}` has no field `{{{name}}}`", f"Did you mean `{{{near}}}`?")
    for odd, fix in odd_braces(said):
        reading.fault(line, f"`{odd}` in `{shortcut}` is no field, so customers would read it", fix)


def chart_of(text: str, reading: Reading) -> SizeChart | None:
    """Return the size chart in `text`, or None with the faults noted."""
    data = reading.yaml(text)
    if data is None:
        return None
    reading.unknown_keys(data, CHART_KEYS)
    missing = [key for key in CHART_KEYS if not data.get(key)]
    if missing:
        reading.fault(1, f"the chart lacks {', '.join(missing)}", "See the page about size charts")
        return None
    measures = reading.strings(data, "measures")
    if _is_mapping_of(data, "names", measures, reading):
        for measure in measures:
            _check_texts(data["names"], measure, reading, LANGUAGES)
    _check_texts(data, "notes", reading, LANGUAGES)
    sizes = [size for item in _items(data, "sizes", reading) if (size := _size(item, measures, reading)) is not None]
    if len(sizes) < FEWEST_SIZES and not reading.faults:
        fix = "Add a size: advice is a choice between two"
        reading.fault(line_of(data, "sizes"), f"the chart has {len(sizes)} size", fix)
    unit = "mm" if "foot" in measures else "cm"
    if data["unit"] != unit:
        fix = f"Write `unit: {unit}`, and lengths in it (feet in mm, all else in cm)"
        reading.fault(line_of(data, "unit"), f"the unit is `{data['unit']}`", fix)
    if reading.faults:
        return None
    return SizeChart(
        category=str(data["category"]),
        unit=unit,
        measures=measures,
        names={m: dict(n) for m, n in data["names"].items()},
        sizes=tuple(sizes),
        notes=dict(data["notes"]),
        version=version_of(text),
    )


def _size(item: CommentedMap, measures: tuple[str, ...], reading: Reading) -> Size | None:
    line = 1 + int(item.lc.line)
    reading.unknown_keys(item, ("size", "aliases", *measures))
    if not isinstance(item.get("size"), (str, int, float)):
        reading.fault(line, "a size needs a name", "Write `size: M`")
        return None
    ranges: dict[str, tuple[float, float]] = {}
    for measure in measures:
        span = item.get(measure)
        where = line_of(item, measure) if measure in item else line
        if not isinstance(span, list) or len(span) != 2 or not all(_is_number(value) for value in span):
            reading.fault(where, f"size {item['size']} lacks `{measure}`", f"Write `{measure}: [from, to]`")
        elif span[0] > span[1]:
            reading.fault(where, f"`{measure}` of size {item['size']} runs backwards", "Write the smaller number first")
        else:
            ranges[measure] = (float(span[0]), float(span[1]))
    return Size(str(item["size"]), ranges, reading.strings(item, "aliases"))


def intents_of(text: str, reading: Reading) -> dict[str, tuple[str, ...]]:
    """Return intent → phrasings of Rasa NLU YAML 3.1; annotations such as `[red](colour)` become `red`."""
    data = reading.yaml(text)
    found: dict[str, tuple[str, ...]] = {}
    if data is None:
        return found
    reading.unknown_keys(data, INTENT_FILE_KEYS)
    if "nlu" not in data:
        reading.fault(1, "there is no `nlu:`", "Write `nlu:` and the intents below it")
        return found
    for item in _items(data, "nlu", reading):
        if not OTHER_NLU_ITEMS.isdisjoint(item):
            continue
        name = item.get("intent")
        if not isinstance(name, str) or not isinstance(item.get("examples"), str):
            problem = "an intent needs `intent:` and `examples: |`"
            reading.fault(1 + int(item.lc.line), problem, "See the page about intents")
            continue
        examples = tuple(_examples(item, reading))
        if not examples:
            reading.fault(line_of(item, "examples"), f"intent `{name}` has no examples", "Add lines with `- `")
        found[name] = found.get(name, ()) + examples
    return found


def _examples(item: CommentedMap, reading: Reading) -> Iterator[str]:
    first = line_of(item, "examples") + 1  # the text begins below `examples: |`
    for number, line in enumerate(item["examples"].split("\n"), first):
        example = line.strip()
        if example and not example.startswith("-"):
            problem = f"an example of `{item['intent']}` does not begin with `-`"
            reading.fault(number, problem, f"Write `- {example}`")
        elif phrasing := example[1:].strip():
            yield ANNOTATION.sub(r"\1", phrasing)


def _items(data: CommentedMap, key: str, reading: Reading) -> Iterator[CommentedMap]:
    """Yield the mappings in the list at `key`, noting what is none."""
    value = data.get(key)
    if not is_list(value):
        reading.fault(line_of(data, key), f"`{key}` must be a list", "Begin each item with `- `")
        return
    for position, item in enumerate(value):
        if is_map(item):
            yield item
        else:
            problem = f"item {position + 1} of `{key}` has no keys"
            reading.fault(line_of(value, position), problem, "Write `key: value` lines after its `- `")


def _is_mapping_of(data: CommentedMap, key: str, needed: Collection[str], reading: Reading) -> bool:
    """Note what is missing or too much at `key`; return whether it is a mapping with all of `needed`."""
    value, line = data[key], line_of(data, key)
    if not is_map(value):
        reading.fault(line, f"`{key}` must hold names and texts", "Indent them below")
        return False
    reading.unknown_keys(value, needed or tuple(value))
    missing = [name for name in needed if name not in value]
    for name in missing:
        reading.fault(line, f"`{key}` lacks `{name}`", f"Add `{name}:` to it")
    return not missing


def _check_texts(data: CommentedMap, key: str, reading: Reading, needed: Collection[str] = ()) -> None:
    if _is_mapping_of(data, key, needed, reading):
        for name, text in data[key].items():
            if not _is_text(text):
                reading.fault(line_of(data[key], name), f"`{key}.{name}` is not a text", "Put it in quotes")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
