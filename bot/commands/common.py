"""What the commands share: opening a shop's folder, printing data and faults."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.settings import Settings, load_settings

Folder = Annotated[Path, typer.Option("--dir", "-C", envvar="ZHANGGUI_DIR", help="The shop's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON on stdout.")]
HERE = Path()

talk = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
"""Where the program talks; stdout is for data. No markup: paths and texts of people hold brackets."""


def open_shop(folder: Path) -> Settings:
    """Return the settings of the shop in `folder`."""
    return load_settings(folder, os.environ)


def open_shop_or_starter(folder: Path) -> tuple[Path, Settings]:
    """Return folder and settings of the shop in `folder`; where no shop is, the starter set and the demo's settings."""
    from bot.demo.shop import demo_settings
    from bot.starter import starter_folder

    if folder == HERE and not (folder / "shop.toml").exists():
        return starter_folder(), demo_settings()
    return folder, open_shop(folder)


def counted(count: int, noun: str) -> str:
    """Return e.g. `1 fault`, `2 faults`, `3 entries`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun.removesuffix('y')}ies" if noun.endswith("ry") else f"{count} {noun}s"


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print a list: a table for people, a JSON array for programs."""
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        talk.print("(nothing)")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    Console().print(table)
