"""Reads labelled messages: TSV without a header, or Rasa NLU YAML. Faults are told together, each with its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.errors import FileFault
from bot.understanding.text import OUT_OF_SCOPE, TOKEN, normal

Row = tuple[str, str]
"""A message and its label; in questions, the entry that answers it."""
MOST_TOLD = 20
FEWEST_LABELS = 3
YAML_ENDINGS = (".yml", ".yaml")


class BadRows(FileFault):
    """A file of labelled messages does not pass. Correct the lines named above and run the command again."""

    code = "rows"


def read_labelled(path: Path) -> tuple[Row, ...]:
    """Return (text, label) of every row, in the order of the file: `text<TAB>label` lines, or Rasa NLU YAML.

    Raises:
        BadRows: the file cannot be read, or some line does not pass; up to twenty are named.
    """
    if path.suffix in YAML_ENDINGS:
        return _read_yaml(path)
    return tuple((text, label) for _, (text, label) in read_columns(path, ("text", "label")))


def read_columns(path: Path, names: Sequence[str]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return (line, cells) of a TSV file without a header, one cell for each of `names`; empty lines are skipped.

    Raises:
        BadRows: as `read_labelled`.
    """
    rows: list[tuple[int, tuple[str, ...]]] = []
    faults: list[str] = []
    for number, line in enumerate(_text_of(path).split("\n"), 1):
        cells = tuple(cell.strip() for cell in line.split("\t"))
        if not any(cells):
            continue
        fault = _fault_in(cells, names)
        if fault:
            faults.append(f"{path}:{number}: {fault}")
        else:
            rows.append((number, cells))
    refuse(path, len(rows), faults)
    return tuple(rows)


def check_trainable(path: Path, rows: Sequence[Row]) -> None:
    """Refuse rows from which nothing can be learnt.

    Raises:
        BadRows: there are fewer than three labels, or no words.
    """
    if not any(TOKEN.search(normal(text)) for text, _ in rows):
        raise BadRows(f"{path}: no row holds a word. Write messages in words")
    labels = {label for _, label in rows} - {OUT_OF_SCOPE}
    if len(labels) < FEWEST_LABELS:
        named = ", ".join(sorted(labels)) or "none"
        raise BadRows(f"{path}: there are too few labels to tell apart ({named}); at least {FEWEST_LABELS} are needed")


def refuse(path: Path, good: int, faults: Sequence[str]) -> None:
    """Refuse a file with `faults`, or without a good row.

    Raises:
        BadRows: it is so.
    """
    if faults:
        more = [f"and {len(faults) - MOST_TOLD} more"] if len(faults) > MOST_TOLD else []
        raise BadRows("\n".join([*faults[:MOST_TOLD], *more]))
    if not good:
        raise BadRows(f"{path}: there is no row in it. Write one message a line")


def _fault_in(cells: Sequence[str], names: Sequence[str]) -> str:
    wanted = ", a tab, ".join(names)
    if len(cells) < len(names):
        return f"there is no tab. Write {wanted}" if len(cells) == 1 else f"a tab is missing. Write {wanted}"
    if len(cells) > len(names):
        return f"there is a tab too many. Write {wanted}; a tab inside a text becomes a blank"
    empty = next((name for name, cell in zip(names, cells, strict=True) if not cell), None)
    return f"the {empty} is empty. Write it, or delete the line" if empty else ""


def _read_yaml(path: Path) -> tuple[Row, ...]:
    from bot.knowledge.datafiles import read_intents  # the parser of YAML is heavy
    from bot.knowledge.yamlfile import Reading

    reading = Reading(str(path))
    by_intent = read_intents(path, reading)
    rows = tuple((text, intent) for intent, texts in by_intent.items() for text in texts)
    refuse(path, len(rows), [str(fault) for fault in reading.faults])
    return rows


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRows(f"{path}: cannot be read: {error.strerror}. Check the name and the rights") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadRows(f"{path}:{line}: byte {error.start} is not UTF-8. Save the file as UTF-8") from error
