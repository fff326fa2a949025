"""`new`: the beginning of a connector, or of a shop adapter, for a platform that Zhanggui does not speak."""

from __future__ import annotations

import keyword
import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import HERE, talk
from bot.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Template:
    """A package to begin with: its folder in `bot/`, and the name in its files that a new package has its own for."""

    folder: str
    example: str
    class_name: str


CONNECTOR = Template("starter_connector", "examplechat", "ExampleChat")
SHOP = Template("starter_shop", "exampleshop", "ExampleShop")

new = typer.Typer(help="Begin something of your own.", no_args_is_help=True)


@new.command()
def connector(
    name: Annotated[str, typer.Argument(help="Name of the platform: small letters, digits and _.")],
    folder: Annotated[Path, typer.Option("--dir", "-C", help="Where the package's folder is made.")] = HERE,
) -> None:
    """Write a small package: a working connector, its rights, a captured request and a test."""
    made = make_package(folder, name, CONNECTOR)
    talk.print(f"Made {made}. Next: cd {made}; pip install -e .; pytest; then read README.md there")


@new.command()
def shop(
    name: Annotated[str, typer.Argument(help="Name of the shop's system: small letters, digits and _.")],
    folder: Annotated[Path, typer.Option("--dir", "-C", help="Where the package's folder is made.")] = HERE,
) -> None:
    """Write a small package: a working adapter to a shop's own system, a captured order and a test."""
    made = make_package(folder, name, SHOP)
    talk.print(f"Made {made}. Next: cd {made}; pip install -e .; pytest; then read README.md there")


def make_package(folder: Path, name: str, kind: Template) -> Path:
    """Write a package `name` of this kind into a new folder of that name, and return that folder.

    Raises:
        SettingsError: the name cannot be a package's, is taken, or the folder is there already or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name):
        raise SettingsError(f"{name!r} cannot name a package. Use small letters, digits and _, a letter first")
    if find_spec(name) is not None:
        raise SettingsError(f"There is a package {name} already. Choose another name")
    target = folder / name
    if target.exists():
        raise SettingsError(f"{target} exists already and stays as it is. Choose another name or --dir")
    template = Path(__file__).parents[1] / kind.folder
    try:
        for source in sorted(template.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                _copy(source, target / _renamed(source.relative_to(template).as_posix(), name, kind), name, kind)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise SettingsError(f"{target} cannot be written: {error.strerror or error}. Choose another --dir") from error
    return target


def _copy(source: Path, target: Path, name: str, kind: Template) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_renamed(source.read_text(encoding="utf-8"), name, kind), encoding="utf-8")


def _renamed(text: str, name: str, kind: Template) -> str:
    class_name = "".join(part.capitalize() for part in name.split("_"))
    text = text.replace(kind.class_name, class_name).replace(kind.example.upper(), name.upper())
    return text.replace(kind.example, name)
