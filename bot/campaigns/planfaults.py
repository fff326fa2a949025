"""Tells what pydantic found in a plan as its writer sees it: the line, the key, and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.knowledge.yamlfile import Reading, line_of

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap


def note_fault(data: CommentedMap, fault: Mapping[str, Any], reading: Reading, hints: Mapping[str, str]) -> None:
    """Note a fault at the line of the innermost key that is there.

    Args:
        hints: the way out, by key; `segment.spent` goes before `segment`.
    """
    here: Any = data
    at = 1
    for step in fault["loc"]:
        if not hasattr(here, "lc"):
            break
        at = line_of(here, step) if (here.lc.data or {}).get(step) else at
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
    names = [str(step) for step in fault["loc"]]
    keys = [name for name in names if not name.isdigit()]  # places in lists
    hint = next((hints[key] for key in (".".join(keys[:2]), *keys[:1]) if key in hints), "Correct it")
    what = (
        "is missing" if fault["type"] == "missing" else f"does not pass: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
    )
    reading.fault(at, f"`{'.'.join(names)}` {what}", hint)
