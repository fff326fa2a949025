"""`audit`: who did what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bot.commands.common import HERE, Folder, Json, print_rows
from bot.commands.people import in_database
from bot.errors import NotFound


def audit(
    what: Annotated[str, typer.Option(help="Only acts of this kind, e.g. reveal or login_failed.")] = "",
    before: Annotated[int, typer.Option(help="Only what is older than the row of this number.")] = 0,
    limit: Annotated[int, typer.Option(help="How many rows at most.", min=1, max=100_000)] = 200,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """List who did what in the console and by command, newest first. Nothing in it can be changed."""
    from bot.audit import What, entries

    if what and what not in set(What):
        raise NotFound(f"There is no act {what!r}. Choose one of: {', '.join(What)}.")
    kind = What(what) if what else None
    found = in_database(folder, lambda c, _: entries(c, what=kind, before_id=before or None, limit=limit))
    print_rows([asdict(entry) for entry in found], as_json)
