"""Phrases (`knowledge/<lang>/phrases.yml`), size charts (`knowledge/size-charts/*.yml`) and intents (Rasa NLU YAML)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bot.knowledge.entries import Phrase, Size, SizeChart, version_of
from bot.knowledge.yamlfile import Reading, line_of, read_text

CHART_KEYS = ("category", "unit", "measures", "names", "sizes", "notes")
ANNOTATION = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


def read_phrases(path: Path, language: str, reading: Reading) -> list[Phrase]:
    """Return the phrases in `path`: a mapping of `group:` to `name: text`; ids are `group.name`."""
    text = read_text(reading, path)
    data = reading.yaml(text) if text is not None else None
    phrases: list[Phrase] = []
    for group, texts in (data or {}).items():
        if not hasattr(texts, "items"):
            line = line_of(data, group) if data else 1
            reading.fault(line, f"`{group}` must hold names and texts", "Indent them below")
            continue
        for name, said in texts.items():
            if isinstance(said, str) and said.strip():
                phrases.append(Phrase(f"{group}.{name}", language, said.strip()))
            else:
                reading.fault(line_of(texts, name), f"`{group}.{name}` is not a text", "Put it in quotes")
    return phrases


def read_chart(path: Path, reading: Reading) -> SizeChart | None:
    """Return the size chart in `path`, or None with the faults noted."""
    text = read_text(reading, path)
    data = reading.yaml(text) if text is not None else None
    if data is None or text is None:
        return None
    reading.unknown_keys(data, CHART_KEYS)
    missing = [key for key in CHART_KEYS if not data.get(key)]
    if missing:
        reading.fault(1, f"the chart lacks {', '.join(missing)}", "See the page about size charts")
        return None
    measures = reading.strings(data, "measures")
    sizes = [size for item in data["sizes"] if (size := _size(item, measures, reading)) is not None]
    if reading.faults:
        return None
    return SizeChart(
        category=str(data["category"]),
        unit=str(data["unit"]),
        measures=measures,
        names={m: dict(n) for m, n in data["names"].items()},
        sizes=tuple(sizes),
        notes=dict(data["notes"]),
        version=version_of(text),
    )


def _size(item: Any, measures: tuple[str, ...], reading: Reading) -> Size | None:
    line = 1 + int(item.lc.line)
    if "size" not in item:
        reading.fault(line, "a size needs a name", "Write `size: M`")
        return None
    ranges: dict[str, tuple[float, float]] = {}
    for measure in measures:
        span = item.get(measure)
        if not isinstance(span, list) or len(span) != 2 or not all(isinstance(v, (int, float)) for v in span):
            reading.fault(line, f"size {item['size']} lacks `{measure}`", f"Write `{measure}: [from, to]`")
        elif span[0] > span[1]:
            reading.fault(line, f"`{measure}` of size {item['size']} runs backwards", "Write the smaller number first")
        else:
            ranges[measure] = (float(span[0]), float(span[1]))
    return Size(str(item["size"]), ranges, tuple(str(a) for a in item.get("aliases") or ()))


def read_intents(path: Path, reading: Reading) -> dict[str, tuple[str, ...]]:
    """Return intent → phrasings of a Rasa NLU YAML 3.1 file; annotations such as `[red](colour)` become `red`."""
    text = read_text(reading, path)
    data = reading.yaml(text) if text is not None else None
    found: dict[str, tuple[str, ...]] = {}
    items = data.get("nlu") if data is not None else None
    for item in items or ():
        if "intent" not in item or not isinstance(item.get("examples"), str):
            problem = "an intent needs `intent:` and `examples: |`"
            reading.fault(1 + int(item.lc.line), problem, "See the page about intents")
            continue
        lines = [line.strip() for line in item["examples"].split("\n")]
        examples = tuple(_plain(line[1:].strip()) for line in lines if line.startswith("-") and line[1:].strip())
        if not examples:
            line = line_of(item, "examples")
            reading.fault(line, f"intent `{item['intent']}` has no examples", "Add lines with `- `")
        found[str(item["intent"])] = found.get(str(item["intent"]), ()) + examples
    return found


def _plain(example: str) -> str:
    return ANNOTATION.sub(r"\1", example)
