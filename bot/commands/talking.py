"""`ask` and `chat`: the bot in the terminal, without side effects."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import HERE, Folder, Json, counted, open_shop_or_starter, talk
from bot.errors import FileFault

if TYPE_CHECKING:
    from bot.ask import Answer
    from bot.brain import Brain
    from bot.settings import Settings

STOPPED = 130
"""Exit status after Ctrl-C, as everywhere."""
LONGEST_LINE = 1_000_000
"""Bytes that are read of a line of a file; more is no message."""
Language = Annotated[str | None, typer.Option("--lang", help="zh or en; told from the text if not given.")]
Why = Annotated[bool, typer.Option("--why", help="Show the reasons of each answer.")]


def ask(
    text: Annotated[str | None, typer.Argument(help="The question.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file of questions, one a line.")] = None,
    lang: Language = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Ask one question (or a file of them) and see what the bot would do, and why."""
    from bot.ask import ask as ask_bot
    from bot.ask import what_was_decided
    from bot.skills.turn import State

    if (text is None) == (file is None) or lang not in (None, "zh", "en"):
        talk.print("Give either a question or --file FILE; --lang is zh or en.")
        raise typer.Exit(2)
    if file is not None and not file.is_file():
        talk.print(f"{file} is not a file.")
        raise typer.Exit(2)
    brain, settings = _brain(folder)
    done = 0
    try:
        for question in [text or ""] if file is None else questions_in(file):
            answer, _ = ask_bot(brain, settings, question, lang, State(), datetime.now(UTC))
            if as_json:
                typer.echo(json.dumps(asdict(answer), ensure_ascii=False))
            else:
                if file is not None:
                    typer.echo(f"{question}\n→ {what_was_decided(answer)}")
                _show(answer, why=file is None)
                if file is not None:
                    typer.echo()
            done += 1
    except KeyboardInterrupt:
        talk.print(f"Stopped after {counted(done, 'question')}.")
        raise typer.Exit(STOPPED) from None


def chat(folder: Folder = HERE, lang: Language = None, why: Why = False) -> None:
    """Talk to the bot in the terminal. It knows no orders and no products here; leave with Ctrl-D."""
    from bot.ask import ask as ask_bot
    from bot.skills.turn import State

    brain, settings = _brain(folder)
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    state = State()
    try:
        for line in iter(sys.stdin.readline, ""):
            if line.strip():
                answer, state = ask_bot(brain, settings, line.strip(), lang, state, datetime.now(UTC))
                _show(answer, why)
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None


def _show(answer: Answer, why: bool) -> None:
    """Print an answer with its choices; the reasons on stderr."""
    typer.echo(answer.answer)
    for number, choice in enumerate(answer.choices, 1):
        typer.echo(f"  {number}. {choice}")
    if why:
        found = answer.entry or answer.skill or answer.intent
        talk.print(f"{answer.decision} · {found} · {'; '.join(answer.why)}", style="dim")


def _brain(folder: Path) -> tuple[Brain, Settings]:
    from bot.brain import Brain, read_mind

    folder, settings = open_shop_or_starter(folder)
    with talk.status(
        "Reading the files. The first time, and after edits of phrasings, they are learnt: up to a minute."
    ):
        mind = read_mind(folder, settings)
    return Brain(folder, settings, mind), settings


def questions_in(file: Path) -> Iterator[str]:
    """Yield the lines of a file that say something, one at a time: however long the file, memory stays the same.

    Raises:
        FileFault: it cannot be read any further.
    """
    try:
        with file.open("rb") as lines, _progress(file) as reached:
            for number in count(1):
                line = rest = lines.readline(LONGEST_LINE)
                while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                    rest = lines.readline(LONGEST_LINE)
                if not line:
                    return
                if text := _text(file, number, line).strip():
                    yield text
                reached(lines.tell())
    except OSError as error:
        raise FileFault(f"{file} cannot be read: {error}. Check the disk and the rights") from error


def _text(file: Path, number: int, line: bytes) -> str:
    """Return the text of a line; of one that was cut, a character cut in half is left out."""
    try:
        return line.decode("utf-8-sig", "strict" if len(line) < LONGEST_LINE else "ignore")
    except UnicodeDecodeError as error:
        raise FileFault(f"{file} cannot be read from line {number} on: {error}. Save it as UTF-8 text") from error


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], object]]:
    """Show on a terminal how far a file is read while its answers go elsewhere. Gives what takes the bytes read."""
    if not talk.is_terminal or sys.stdout.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=talk, transient=True) as bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        yield lambda count: bar.update(task, completed=count)
