"""Which files of a shop's folder are read as its knowledge."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bot.knowledge.entries import LANGUAGES, Fault

YAML = (".yml", ".yaml")
MEANT = {
    "md": re.compile(r"[.。．](?:md|markdown|mdown|mkd|md\.?(?:txt|text|docx?|rtf|html?))$", re.IGNORECASE),
    "yml": re.compile(r"[.。．](?:ya?ml|ya?ml\.?(?:txt|text|docx?|rtf))$", re.IGNORECASE),
}
"""Endings that editors and hands make of the right one."""
BESIDE = frozenset({"tests.tsv", "thumbs.db", "desktop.ini"})
"""Names, in small letters, of files that belong there though they hold no knowledge."""
WHERE = {
    "knowledge": "Entries are ID.md below knowledge/zh or knowledge/en",
    "intents": "Intents are FILE.yml below intents/zh or intents/en",
}
"""Room → where its files belong."""
BACKUP = re.compile(r"(?:^[.~#])|(?:~|\.(?:bak|orig|swp|tmp|new))$", re.IGNORECASE)
"""Names that editors give to what they put aside."""


def entry_files(folder: Path, language: str) -> list[str]:
    return _files(folder, f"knowledge/{language}", (".md",))


def phrase_file(language: str) -> str:
    return f"knowledge/{language}/phrases.yml"


def reply_file(language: str) -> str:
    return f"knowledge/{language}/replies.yml"


def intent_files(folder: Path, language: str) -> list[str]:
    return _files(folder, f"intents/{language}", YAML)


def chart_files(folder: Path) -> list[str]:
    return _files(folder, "knowledge/size-charts", YAML)


def _files(folder: Path, below: str, endings: tuple[str, ...]) -> list[str]:
    """Return the files under `below` by name, relative to `folder` and with `/`.

    Hidden ones, backups and locks of editors are left out. A folder that is called like a file, one that cannot be
    read, and a file with nearly the right ending are among them: reading them tells. Strings, as there may be
    thousands: paths take ten times as long.
    """
    kind = endings[0].removeprefix(".")
    found: list[str] = []
    shut: list[OSError] = []
    root = os.path.join(folder, "")  # noqa: PTH118
    for place, folders, names in os.walk(os.path.join(folder, below), onerror=shut.append):  # noqa: PTH118
        here = place.removeprefix(root).replace(os.sep, "/")
        odd = [name for name in folders if name.lower().endswith(endings)]
        folders[:] = [name for name in folders if not name.startswith(".") and name not in odd]
        found += [
            f"{here}/{name}"
            for name in (*names, *odd)
            if (name.endswith(endings) or MEANT[kind].search(name)) and not name.startswith((".", "~", "#"))
        ]
    unread = [error.filename for error in shut if not isinstance(error, FileNotFoundError)]
    return sorted([*found, *(name.removeprefix(root).replace(os.sep, "/") for name in unread)])


def right_name(file: str) -> str:
    """Return what a file that is read should be called: as it is, or with the ending that was meant."""
    kind = "yml" if file.startswith(("intents/", "knowledge/size-charts/")) or file.endswith(YAML) else "md"
    if file.endswith(YAML if kind == "yml" else ".md"):
        return file
    return MEANT[kind].sub(f".{kind}", file)


def unread_files(folder: Path) -> Iterator[Fault]:
    """Yield a warning for each file in `knowledge/` and `intents/` that is not read."""
    for room in ("knowledge", "intents"):
        for place, folders, names in os.walk(folder / room):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            here = Path(place).relative_to(folder).as_posix()
            for name in sorted(names):
                if not BACKUP.search(name) and name.casefold() not in BESIDE and not _is_read(f"{here}/{name}"):
                    fix = f"{WHERE[room]}; take it away if it is none"
                    yield Fault(f"{here}/{name}", 1, "this file is not read", fix)


def _is_read(file: str) -> bool:
    room, place, *rest = file.split("/")
    if room == "knowledge" and place in LANGUAGES:
        return file in (phrase_file(place), reply_file(place)) or (bool(rest) and bool(MEANT["md"].search(file)))
    kind = place == "size-charts" if room == "knowledge" else place in LANGUAGES
    return kind and bool(rest) and bool(MEANT["yml"].search(file))
