"""`ask` and `chat`: the bot in the terminal, without side effects."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import HERE, Folder, Json, open_shop_or_starter, talk
from bot.errors import FileFault

if TYPE_CHECKING:
    from bot.brain import Brain
    from bot.settings import Settings

Language = Annotated[str | None, typer.Option("--lang", help="zh or en; told from the text if not given.")]


def ask(
    text: Annotated[str | None, typer.Argument(help="The question.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file of questions, one a line.")] = None,
    lang: Language = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Ask one question (or a file of them) and see what the bot would do, and why."""
    from bot.ask import ask as ask_bot
    from bot.skills.turn import State

    if (text is None) == (file is None) or lang not in (None, "zh", "en"):
        talk.print("Give either a question or --file FILE; --lang is zh or en.")
        raise typer.Exit(2)
    questions = [text] if text is not None else _lines(file)
    brain, settings = _brain(folder)
    for question in questions:
        answer, _ = ask_bot(brain, settings, question or "", lang, State(), datetime.now(UTC))
        if as_json:
            typer.echo(json.dumps(asdict(answer), ensure_ascii=False))
        else:
            typer.echo(answer.answer)
            for number, choice in enumerate(answer.choices, 1):
                typer.echo(f"  {number}. {choice}")
            found = answer.entry or answer.skill or answer.intent
            talk.print(f"{answer.decision} · {found} · {'; '.join(answer.why)}", style="dim")


def chat(folder: Folder = HERE, lang: Language = None) -> None:
    """Talk to the bot in the terminal. It knows no orders here; leave with Ctrl-D."""
    from bot.ask import ask as ask_bot
    from bot.skills.turn import State

    brain, settings = _brain(folder)
    state = State()
    for line in iter(sys.stdin.readline, ""):
        if not line.strip():
            continue
        answer, state = ask_bot(brain, settings, line.strip(), lang, state, datetime.now(UTC))
        typer.echo(answer.answer)
        for number, choice in enumerate(answer.choices, 1):
            typer.echo(f"  {number}. {choice}")


def _brain(folder: Path) -> tuple[Brain, Settings]:
    from bot.brain import Brain, read_mind

    folder, settings = open_shop_or_starter(folder)
    return Brain(folder, settings, read_mind(folder, settings)), settings


def _lines(file: Path | None) -> list[str]:
    if file is None or not file.is_file():
        talk.print(f"{file} is not a file.")
        raise typer.Exit(2)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFault(f"{file} cannot be read: {error}. Save it as UTF-8 text") from error
    return [line for line in text.splitlines() if line.strip()]
