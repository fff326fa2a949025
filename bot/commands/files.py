"""`init` and `check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import HERE, Folder, Json, counted, open_shop_or_starter, talk


def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Make a shop's folder: shop.toml, knowledge/, intents/ and fresh secrets."""
    from bot.starter import SHOP_TOML, make_shop

    make_shop(folder, SHOP_TOML)
    talk.print(f"Made {folder}. Edit shop.toml, then: zhanggui check --dir {folder}; zhanggui serve --dir {folder}")


def check(folder: Folder = HERE, as_json: Json = False) -> None:
    """Check every file of the shop; exit 1 with file, line and fix for each fault."""
    from bot.brain import read_files
    from bot.knowledge.files import unread_files

    folder, settings = open_shop_or_starter(folder)
    knowledge, faults = read_files(folder, settings)
    if as_json:
        typer.echo(json.dumps([asdict(fault) for fault in faults], ensure_ascii=False))
    else:
        for fault in faults:
            typer.echo(str(fault))
    for unread in unread_files(folder):
        talk.print(f"{unread.file}: {unread.problem}. {unread.fix}")
    found = (len(knowledge.entries), "entry"), (len(knowledge.intents), "intent"), (len(faults), "fault")
    talk.print(", ".join(counted(*one) for one in found))
    raise typer.Exit(1 if faults else 0)
