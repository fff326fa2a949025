"""`rasa`: export, import, train, serve."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import HERE, Folder, counted, open_shop, open_shop_or_starter, talk
from bot.commands.progress import steps
from bot.errors import FileFault, SettingsError

if TYPE_CHECKING:
    from bot.brain import Files
    from bot.knowledge.entries import Fault
    from bot.rasa.running import Runner
    from bot.settings import Settings

PLACE = Path("data", "rasa")
LOOK_EVERY_S = 1.0

rasa = typer.Typer(help="Rasa as a second engine, and the way to and from its files.", no_args_is_help=True)
Language = Annotated[str | None, typer.Option("--lang", help="zh or en; both if not given.")]


@rasa.command("export")
def export(target: Annotated[Path, typer.Argument(help="A folder.")], folder: Folder = HERE) -> None:
    """Write the shop's knowledge as Rasa 3.6 projects, one a language, each complete in itself."""
    folder, settings = open_shop_or_starter(folder)
    files = _exported(folder, settings)
    _write(target, files)
    talk.print(f"Wrote {len(files)} files below {target}. Next: cd {target}/{_languages(None)[0]}; rasa train")


@rasa.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="The project: the folder of its domain.yml.")],
    lang: Annotated[str | None, typer.Option("--lang", help="Of the project, if its config.yml does not say.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Let it change entries that the shop has.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    folder: Folder = HERE,
) -> None:
    """Read a Rasa project into the shop's files: all of it, or nothing and exit 1. Says what of it is left out."""
    from bot.brain import read_shop
    from bot.rasa.back import read_back
    from bot.rasa.shopfiles import plan
    from bot.skills.dialogue import INTENTS_OF

    _languages(lang)
    settings = open_shop(folder)
    shop = read_shop(folder, settings)
    read = read_back(source, lang)
    _stop_at([*shop.faults, *read.faults])
    standing = {file: part.intents for file, part in shop.parts.items()}
    planned = plan(read.knowledge, shop.knowledge, frozenset().union(*INTENTS_OF.values()), standing)
    for note in (*read.notes, *planned.notes):
        typer.echo(f"note: {note}")
    if not replace:
        _stop_at(planned.clashes)
    _stop_at(_faults_after(planned.files, folder, shop, settings))
    if planned.files and not dry_run:
        _bring_in(planned.files, source.resolve().name, folder, shop, settings)
    for name in planned.files:
        typer.echo(name)
    done = "would be written" if dry_run else "written. Undo: zhanggui knowledge rollback"
    talk.print(f"{len(planned.files)} files {done if planned.files else 'to write'}")


@rasa.command()
def train(
    lang: Language = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Fewer is quicker; Rasa advises 100.")] = None,
    folder: Folder = HERE,
) -> None:
    """Train Rasa on the shop's knowledge, into data/rasa. Installs Rasa in its own environment the first time."""
    settings = open_shop(folder)
    languages = _languages(lang)
    files = _exported(folder, settings, epochs)
    runner = _runner()
    _token(folder, settings)
    for language in languages:
        place = folder / PLACE / language
        own = {name: text for name, text in files.items() if name.startswith(f"{language}/")}
        if not own:
            continue
        _write(folder / PLACE, own)
        started = time.monotonic()
        model = runner.train(place, steps(language))
        size_mb = model.stat().st_size / 1e6
        talk.print(f"{language}: trained in {time.monotonic() - started:.0f} s, {size_mb:.1f} MB: {model}")
    talk.print(f"Next: zhanggui rasa serve --dir {folder}")


@rasa.command()
def serve(lang: Language = None, folder: Folder = HERE) -> None:
    """Serve what was trained on this machine, guarded by a token, until it is stopped. Takes about 1 GB a language."""
    settings = open_shop(folder)
    languages = [own for own in _languages(lang) if own in settings.understanding.rasa_url]
    models = {own: folder / PLACE / own / "models" / "model.tar.gz" for own in languages}
    if missing := [own for own, model in models.items() if not model.is_file()]:
        raise FileFault(f"{models[missing[0]]} is missing. Train it: zhanggui rasa train --lang {missing[0]}")
    runner = _runner()
    token = _token(folder, settings)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what was started is stopped too
    with ExitStack() as stack:
        processes = {}
        for own, model in models.items():
            port = _port(settings.understanding.rasa_url[own])
            log = folder / PLACE / own / "serve.log"
            talk.print(f"{own}: loading")
            processes[own], server = stack.enter_context(runner.serve(model.resolve(), port, token, log.resolve()))
            talk.print(f"{own}: ready on {server.url}")
        try:
            while all(process.poll() is None for process in processes.values()):
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            return
        ended = next(own for own, process in processes.items() if process.poll() is not None)
        raise FileFault(f"Rasa for {ended} ended. See {folder / PLACE / ended / 'serve.log'}, then start it again")


def _languages(lang: str | None) -> tuple[str, ...]:
    from bot.knowledge.entries import LANGUAGES

    if lang not in (None, *LANGUAGES):
        talk.print("--lang is zh or en.")
        raise typer.Exit(2)
    return (lang,) if lang else LANGUAGES


def _exported(folder: Path, settings: Settings, epochs: int | None = None) -> dict[str, str]:
    from bot.brain import read_files
    from bot.rasa.config import EPOCHS
    from bot.rasa.project import exported
    from bot.voice import shop_fields

    knowledge, faults = read_files(folder, settings)
    _stop_at(faults)
    return exported(knowledge, shop_fields(settings), epochs or EPOCHS)


def _faults_after(files: Mapping[str, str], folder: Path, shop: Files, settings: Settings) -> Sequence[Fault]:
    """Return what would be wrong with the shop if it had these files."""
    from bot.brain import checked
    from bot.knowledge.parts import parts_of
    from bot.rasa.shopfiles import check_places

    check_places(folder, files)
    contents = {file: text.encode(errors="surrogatepass") for file, text in files.items()}
    return checked(folder, {**shop.parts, **parts_of(contents, {})}, settings).faults


def _bring_in(files: Mapping[str, str], project: str, folder: Path, shop: Files, settings: Settings) -> None:
    """Write all or nothing, and keep in the history what was there and what is."""
    from bot.brain import read_shop
    from bot.clock import SystemClock
    from bot.publishing.publisher import history_of
    from bot.publishing.sheets import Plan, apply

    now, kept = SystemClock().now(), history_of(folder)
    try:
        kept.keep(folder, shop.parts, f"before rasa import {project}", now)
        apply(Plan(files, (), (), ()), folder)
        kept.keep(folder, read_shop(folder, settings, shop.parts).parts, f"rasa import {project}", now)
    except OSError as error:
        what = f"{error.filename} cannot be written: {error.strerror}"
        raise FileFault(f"{what}. Check its rights and the disk") from error


def _stop_at(faults: Sequence[Fault]) -> None:
    """Print faults and exit 1 if there are any."""
    for fault in faults:
        typer.echo(str(fault))
    if faults:
        talk.print(f"{counted(len(faults), 'fault')}; nothing was written")
        raise typer.Exit(1)


def _write(target: Path, files: dict[str, str]) -> None:
    try:
        for name, text in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileFault(f"{error.filename} cannot be written: {error.strerror}. Choose another folder") from error


def _runner() -> Runner:
    from bot.rasa.environment import rasa_python
    from bot.rasa.running import Runner

    return Runner(rasa_python(os.environ, talk.print), os.environ)


def _token(folder: Path, settings: Settings) -> str:
    """Return the token, written first where the settings name a file that is not there yet."""
    secret = settings.understanding.rasa_token
    if secret.env is None and secret.file is not None and not (path := folder / secret.file).exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32) + "\n", encoding="utf-8")
    return secret.read(folder, "understanding.rasa_token")


def _port(url: str) -> int:
    from urllib.parse import urlsplit

    from bot.rasa.connect import is_here

    parts = urlsplit(url)
    if parts.scheme != "http" or not is_here(parts.hostname or "") or parts.port is None:
        fix = "Write http://127.0.0.1:PORT, or serve it where that address is"
        raise SettingsError(f"shop.toml: understanding.rasa_url: {url} is no address of this machine. {fix}")
    return parts.port
