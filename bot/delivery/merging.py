"""Where a window counts messages, texts that wait one behind the other leave as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.connector import Connector
from bot.messages import WINDOW, Outbound, Road
from bot.store.database import AnyRow


def merged(
    first: AnyRow, message: Outbound, road: Road, behind: Sequence[AnyRow], connector: Connector
) -> tuple[Outbound, tuple[int, ...]]:
    """Return `message` (of the row `first`) with what waits behind it, and the ids of the rows that went in.

    Only plain texts of the same author, as long as one message of the platform takes them all.
    """
    taken: list[int] = []
    for row in behind:
        if road.needs != WINDOW or message.choices or message.picture or message.poll or not _is_alike(row, first):
            break
        longer = replace(message, text=f"{message.text}\n\n{row.text}", notice=None)
        if not any(other.name == road.name and other.cost == road.cost for other in connector.roads(longer)):
            break
        message = longer
        taken.append(row.id)
    return message, tuple(taken)


def _is_alike(row: AnyRow, first: AnyRow) -> bool:
    """Return whether the gate would say of `row` what it said of `first`, and it is nothing but text.

    What is tried again is merged as it was the first time: a platform that drops repeats knows the text by its key.
    """
    asked = [(r.author, r.purpose, r.epoch, r.attempts) for r in (row, first)]
    same = asked[0] == asked[1] and row.not_after is None
    return same and not (row.choices or row.poll or row.edits or row.notice or row.guard)
