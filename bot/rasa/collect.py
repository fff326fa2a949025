"""Reads the YAML files of a Rasa project: phrasings, responses, and which of them answer which intent by themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.knowledge.entries import Fault
from bot.knowledge.yamlfile import Reading, line_of, read_text
from bot.rasa.examples import ANNOTATION, exact, plain

NOT_DATA = ("config", "credentials", "endpoints")
NOT_PROJECT = frozenset({"models", "tests", "results", "node_modules", "venv"})
UNUSED_ITEMS = ("synonym", "regex", "lookup")
IGNORED_INTENTS = frozenset({"nlu_fallback", "restart", "back", "session_start"})
"""Rasa's own."""


@dataclass(frozen=True, slots=True)
class Examples:
    """One item below `nlu:`."""

    intent: str
    texts: tuple[str, ...]
    metadata: Any
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Response:
    """All variations of one response, as they are in the file."""

    name: str
    variations: tuple[Mapping[str, Any], ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class OneTurn:
    """Intents that are answered, each by itself, with these actions one after the other."""

    intents: tuple[str, ...]
    actions: tuple[str, ...]
    file: str
    line: int


@dataclass(slots=True)
class Collected:
    """What the files of one project say. `notes` are what is left out, `faults` what cannot be read."""

    examples: list[Examples] = field(default_factory=list)
    responses: dict[str, Response] = field(default_factory=dict)
    turns: list[OneTurn] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def collect(folder: Path, shown_from: Path) -> Collected:
    """Read every YAML file below `folder`; faults name files as seen from `shown_from`."""
    found = Collected()
    for path in data_files(folder):
        reading = Reading(path.relative_to(shown_from).as_posix())
        text = read_text(reading, path)
        data = reading.yaml(text) if text is not None and _has_content(text) else None
        if data is not None:
            _take(data, reading, found)
        found.faults += reading.faults
    return found


def data_files(folder: Path) -> list[Path]:
    """Return the files of the project that hold data, by name; models, tests and hidden folders are left out."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in NOT_PROJECT)
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix.lower() in (".yml", ".yaml") and path.stem not in NOT_DATA and not name.startswith("."):
                found.append(path)
    return found


def _has_content(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.split("\n"))


def _take(data: Any, reading: Reading, found: Collected) -> None:
    for item, line in _items(data, "nlu", reading):
        _take_nlu(item, line, reading, found)
    responses = data.get("responses")
    if responses is not None and not isinstance(responses, dict):
        reading.fault(line_of(data, "responses"), "`responses` has no keys", "Write `utter_…:` and its texts below it")
    for name, variations in responses.items() if isinstance(responses, dict) else ():
        _take_response(str(name), variations, line_of(responses, name), reading, found)
    for key in ("rules", "stories"):
        for item, line in _items(data, key, reading):
            _take_path(item, line, reading, found)


def _items(data: Any, key: str, reading: Reading) -> Iterator[tuple[Any, int]]:
    """Yield the mappings in the list at `key`, if there is one, with their lines."""
    value = data.get(key)
    if value is None:
        return
    if not isinstance(value, list):
        reading.fault(line_of(data, key), f"`{key}` must be a list", "Begin each item with `- `")
        return
    for position, item in enumerate(value):
        if isinstance(item, dict):
            yield item, line_of(value, position)  # type: ignore[arg-type]
        else:
            problem = f"item {position + 1} of `{key}` has no keys"
            reading.fault(line_of(value, position), problem, "Write `key: value` lines after its `- `")  # type: ignore[arg-type]


def _take_nlu(item: Any, line: int, reading: Reading, found: Collected) -> None:
    for kind in UNUSED_ITEMS:
        if kind in item:
            problem = f"the {kind} `{item[kind]}` is left out"
            found.notes.append(Fault(reading.file, line, problem, "Names and measures are found by rules here"))
            return
    name, examples = item.get("intent"), item.get("examples")
    if not isinstance(name, str) or not name:
        reading.fault(line, "an item of `nlu` names no intent", "Write `- intent: name` and `examples: |`")
        return
    if isinstance(examples, str):
        texts = tuple(_lines(item, name, reading))
    elif isinstance(examples, list):
        texts = tuple(_listed(examples, line, name, reading))
    else:
        reading.fault(line, f"the intent `{name}` has no examples", "Write `examples: |` and lines with `- `")
        return
    plain_texts = [plain(text) if kept is None else kept for text, kept in texts]
    if any(kept is None and ANNOTATION.search(text) for text, kept in texts):
        problem = f"annotations of entities in `{name}` are left out"
        found.notes.append(Fault(reading.file, line, problem, "Names and measures are found by rules here"))
    found.examples.append(Examples(name, tuple(filter(None, plain_texts)), item.get("metadata"), reading.file, line))


def _lines(item: Any, name: str, reading: Reading) -> Iterator[tuple[str, str | None]]:
    first = line_of(item, "examples") + 1
    for number, line in enumerate(item["examples"].splitlines(), first):
        if line.startswith("-"):
            yield line[1:].strip(), None
        elif line.strip():
            problem = f"an example of `{name}` does not begin with `-`"
            reading.fault(number, problem, f"Write `- {line.strip()}`")


def _listed(examples: Sequence[Any], line: int, name: str, reading: Reading) -> Iterator[tuple[str, str | None]]:
    for position, example in enumerate(examples):
        text = example.get("text") if isinstance(example, dict) else None
        if isinstance(text, str):
            yield text.strip(), exact(example.get("metadata"))
        else:
            where = line_of(examples, position) if hasattr(examples, "lc") else line  # type: ignore[arg-type]
            reading.fault(where, f"an example of `{name}` has no text", "Write `- text: …`")


def _take_response(name: str, variations: Any, line: int, reading: Reading, found: Collected) -> None:
    if not isinstance(variations, list) or not all(isinstance(each, dict) for each in variations):
        reading.fault(line, f"`{name}` must be a list of responses", "Write `- text: …` below it")
    elif odd := [each for each in variations if not isinstance(each.get("condition") or [], list)]:
        problem = f"`condition` of `{name}` must be a list"
        reading.fault(line_of(odd[0], "condition"), problem, "Write `- type: slot` and its name and value below it")
    elif name in found.responses:
        other = found.responses[name]
        reading.fault(line, f"`{name}` is said in {other.file}:{other.line} already", "Keep one of them")
    else:
        found.responses[name] = Response(name, tuple(variations), reading.file, line)


def _take_path(item: Any, line: int, reading: Reading, found: Collected) -> None:
    """Take a rule or story that is one intent and what follows it; note the others."""
    listed = item.get("steps") or []
    if not isinstance(listed, list):
        reading.fault(
            line_of(item, "steps"), "`steps` must be a list", "Write `- intent: …` and `- action: …` below it"
        )
        return
    steps = [step for step in listed if isinstance(step, dict)]
    intents = _intents_of(steps[0]) if steps else ()
    if intents and not IGNORED_INTENTS.isdisjoint(intents):
        return
    actions = tuple(step.get("action") for step in steps[1:])
    if intents and actions and not item.get("condition") and all(isinstance(a, str) for a in actions):
        found.turns.append(OneTurn(intents, tuple(map(str, actions)), reading.file, line))
    elif steps:
        name = item.get("rule") or item.get("story") or "?"
        problem = f"`{name}` is more than one question and its answer, and is left out"
        found.notes.append(Fault(reading.file, line, problem, "What goes over several turns is a skill here"))


def _intents_of(step: Any) -> tuple[str, ...]:
    alternatives = step.get("or") if isinstance(step.get("or"), list) else [step]
    names = [each.get("intent") for each in alternatives if isinstance(each, dict)]
    return tuple(map(str, names)) if all(isinstance(name, str) for name in names) else ()
