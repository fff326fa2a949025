"""A Rasa project as knowledge: retrieval intents and intents that a response answers become entries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.errors import FileFault
from bot.knowledge.entries import LANGUAGES, Entry, Fault, Knowledge
from bot.knowledge.yamlfile import Reading, read_text
from bot.rasa.assembly import Assembly
from bot.rasa.collect import collect
from bot.rasa.project import SIDE_FILE, Side


class NoProject(FileFault):
    """There is no Rasa project. Name the folder that holds its domain.yml."""

    code = "rasa"


@dataclass(frozen=True, slots=True)
class Read:
    """What was read. Use the knowledge only if there are no faults; `notes` say what of the project is left out."""

    knowledge: Knowledge
    notes: tuple[Fault, ...]
    faults: tuple[Fault, ...]


def read_back(folder: Path, language: str | None = None) -> Read:
    """Read the Rasa project in `folder`, or the projects that `exported` made below it.

    Args:
        language: of the project, where its config.yml does not say zh or en.

    Raises:
        NoProject: there is none, or its language is not known.
    """
    places = {own: folder / own for own in LANGUAGES if _is_project(folder / own)}
    if not places:
        if not _is_project(folder):
            raise NoProject(f"{folder} holds no Rasa project. Name the folder that holds its domain.yml")
        places = {language or _language_of(folder): folder}
    side, faults = _side(folder / SIDE_FILE)
    entries: dict[tuple[str, str], Entry] = {}
    intents: dict[str, dict[str, tuple[str, ...]]] = {}
    notes: list[Fault] = []
    for own, place in places.items():
        found = collect(place, folder)
        assembled = Assembly(own, found)
        entries |= {(entry.id, own): entry for entry in assembled.entries()}
        for intent, texts in assembled.intents().items():
            intents.setdefault(intent, {})[own] = texts
        notes += found.notes
        faults += found.faults
    phrases = {(phrase.id, phrase.language): phrase for phrase in side.phrases}
    charts = {chart.category: chart for chart in side.charts}
    return Read(Knowledge(entries, phrases, charts, intents), tuple(notes), tuple(faults))


def _is_project(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("domain.yml", "domain.yaml", "domain", "config.yml", "data"))


def _language_of(folder: Path) -> str:
    reading = Reading("config.yml")
    path = folder / "config.yml"
    text = read_text(reading, path) if path.is_file() else None
    data = reading.yaml(text) if text is not None else None
    said = str(data.get("language") or "") if data is not None else ""
    if (known := said.casefold().replace("_", "-").partition("-")[0]) in LANGUAGES:
        return known
    what = f"config.yml says the language is `{said}`" if said else "config.yml does not say the language"
    raise NoProject(f"{folder}: {what}. Say --lang zh or --lang en")


def _side(path: Path) -> tuple[Side, list[Fault]]:
    if not path.is_file():
        return Side((), ()), []
    try:
        return TypeAdapter(Side).validate_json(path.read_bytes()), []
    except (OSError, ValidationError) as error:
        why = str(error).splitlines()[0]
        return Side((), ()), [Fault(path.name, 1, f"it cannot be read: {why}", "Export the project again")]
