"""`bench`: what the shop takes and how fast it is, measured on this machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import Json, print_rows

bench = typer.Typer(help="Measure this program on this machine.", no_args_is_help=True)


@bench.callback()
def begin() -> None:
    """Measure this program on this machine."""  # a callback keeps `idle` a command of its own while it is the only one


@bench.command()
def idle(
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure, in seconds.")] = 30,
    as_json: Json = False,
) -> None:
    """Serve a fresh shop that nobody writes to; print memory, processor time and how soon it answers."""
    from bot.bench.idle import TARGETS, measure

    with tempfile.TemporaryDirectory() as folder:
        measured = asdict(measure(Path(folder) / "shop", seconds))
    if as_json:
        typer.echo(json.dumps(measured))
        return
    print_rows(
        [
            {"what": what, "measured": value, "at most": TARGETS.get(what, ""), "": _verdict(value, TARGETS.get(what))}
            for what, value in measured.items()
        ],
        as_json=False,
    )


def _verdict(value: float, target: float | None) -> str:
    if target is None:
        return ""
    return "ok" if value <= target else "too much"
