"""`shop`: filling the embedded shop from spreadsheets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot.commands.common import HERE, Folder, Json, open_shop, talk
from bot.commands.people import in_database
from bot.settings import Settings

TELL_EVERY = 1000
"""Things put between two lines of progress."""

shop = typer.Typer(help="The products, customers and orders that the bot knows.", no_args_is_help=True)


@shop.command("import")
def import_sheets(
    files: Annotated[list[Path], typer.Argument(help="Spreadsheets: FILE.xlsx or FILE.csv, one kind in each.")],
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Put products, customers and orders from spreadsheets: all of them, or none and every fault with its row."""
    from bot.clock import clock_of
    from bot.knowledge.entries import Fault
    from bot.knowledge.sheetfile import read_sheet
    from bot.shop.batch import Item, NotPut, put_all
    from bot.shop.sheets import items_of

    zone = open_shop(folder).shop.zone
    items: list[Item] = []
    faults: list[Fault] = []
    for file in files:
        found, wrong = items_of(str(file), read_sheet(file), zone)
        items, faults = items + found, faults + wrong
    said = [str(fault) for fault in faults]
    if not said:

        def job(connection: Connection, _settings: Settings) -> None:
            put_all(connection, items, clock_of(folder).now(), _progress(len(items)))

        try:
            in_database(folder, job)
        except NotPut as error:
            said = [f"{one.where}: {one.problem}" for one in error.refused]
    put = 0 if said else len(items)
    if as_json:
        typer.echo(json.dumps({"put": put, "faults": said}, ensure_ascii=False))
    else:
        for line in said:
            typer.echo(line)
    talk.print(f"{len(said)} faults; nothing was put." if said else f"Put {put} products, customers and orders.")
    raise typer.Exit(1 if said else 0)


def _progress(total: int) -> Callable[[int], None]:
    def tell(count: int) -> None:
        if count % TELL_EVERY == 0:
            talk.print(f"{count} of {total}")

    return tell


@shop.command()
def template(
    folder: Annotated[Path, typer.Argument(help="Where products, customers and orders are written.")] = HERE,
    excel: Annotated[bool, typer.Option("--xlsx", help="Write .xlsx files.")] = False,
) -> None:
    """Write an example of each sheet that `shop import` reads."""
    from bot.errors import FileFault
    from bot.knowledge.sheetfile import write_sheet
    from bot.shop.template import templates

    paths = {name: folder / f"{name}.{'xlsx' if excel else 'csv'}" for name in templates()}
    if there := [path for path in paths.values() if path.exists()]:
        raise FileFault(f"{there[0]} exists already and stays as it is. Choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in templates().items():
        write_sheet(paths[name], rows)
        typer.echo(str(paths[name]))
