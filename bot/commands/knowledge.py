"""`knowledge`: looking after what the bot answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bot.commands.common import HERE, Folder, Json, counted, open_shop, open_shop_or_starter, print_rows, talk
from bot.errors import FileFault

if TYPE_CHECKING:
    from bot.brain import Brain
    from bot.knowledge.entries import Fault
    from bot.publishing.heldout import Result
    from bot.publishing.replay import Change
    from bot.settings import Settings

knowledge = typer.Typer(help="What the bot answers: check it, try it, publish it, and go back.", no_args_is_help=True)
T = TypeVar("T")
READING = "Reading the files. The first time, and after edits of phrasings, they are learnt: up to a minute."
Sheet = Annotated[Path, typer.Argument(help="A spreadsheet: FILE.xlsx or FILE.csv.")]


@knowledge.command()
def lint(
    folder: Folder = HERE,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings too.")] = False,
    as_json: Json = False,
) -> None:
    """Check every file, and tell what passes but will trouble someone; exit 1 on faults."""
    from bot.brain import read_shop
    from bot.clock import SystemClock
    from bot.publishing.lint import lint as report_on

    folder, settings = open_shop_or_starter(folder)
    with talk.status("Reading the files and comparing their phrasings …"):
        report = report_on(folder, read_shop(folder, settings), settings, SystemClock().now())
    found = [("fault", fault) for fault in report.faults] + [("warning", fault) for fault in report.warnings]
    if as_json:
        typer.echo(json.dumps([{"level": level, **asdict(fault)} for level, fault in found], ensure_ascii=False))
    else:
        for level, fault in found:
            typer.echo(f"{fault.file}:{fault.line}: {level}: {fault.problem}. {fault.fix}")
    talk.print(f"{counted(len(report.faults), 'fault')}, {counted(len(report.warnings), 'warning')}")
    raise typer.Exit(1 if report.faults or (strict and report.warnings) else 0)


@knowledge.command("test")
def examine_questions(
    folder: Folder = HERE,
    strict: Annotated[
        bool, typer.Option("--strict", help="List those asked back too; exit 1 if a single one is not right.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask the questions kept beside the answers; exit 1 if the edition published last has more of them right."""
    from bot.brain import Brain, read_mind
    from bot.clock import SystemClock
    from bot.commands.progress import track
    from bot.publishing.heldout import examine, lost, questions, right

    folder, settings = open_shop_or_starter(folder)
    with talk.status(READING):
        brain = Brain(folder, settings, read_mind(folder, settings))
        number, earlier = _published_brain(folder, settings)
    asked, faults = questions(folder, brain.mind.knowledge)
    _refuse(faults)
    now = SystemClock().now()
    results = list(examine(brain, settings, track(asked, "Asking"), now))
    before = list(examine(earlier, settings, track(asked, f"Asking edition {number}"), now)) if earlier else results
    worse = lost(before, results)
    if as_json:
        typer.echo(json.dumps(_examined(results, number, right(before)), ensure_ascii=False))
    else:
        for result in results:
            if result.outcome == "wrong" or result in worse or (strict and result.outcome == "asked"):
                _print_result(result, f"; it was right in edition {number}" if result in worse else "")
    _tell_rate(results, number, right(before))
    raise typer.Exit(1 if right(results) < right(before) or (strict and right(results) < len(results)) else 0)


def _published_brain(folder: Path, settings: Settings) -> tuple[int, Brain | None]:
    """Return number and brain of the edition published last; 0 and None if it says what the files say, or is none."""
    from bot.brain import Brain, mind_of, read_shop
    from bot.publishing.publisher import files_of, history_of

    files, history = read_shop(folder, settings), history_of(folder)
    last = history.published()
    if last is None or last.digest == files.digest:
        return 0, None
    earlier = files_of(history, last.number, folder, settings, files.parts)
    return (0, None) if earlier.faults else (last.number, Brain(folder, settings, mind_of(earlier, folder, settings)))


def _examined(results: Sequence[Result], number: int, before: int) -> dict[str, Any]:
    count = {outcome: sum(r.outcome == outcome for r in results) for outcome in ("right", "asked", "wrong")}
    published = {"edition": number, "right": before} if number else None
    return {**count, "published": published, "results": [asdict(result) for result in results]}


def _print_result(result: Result, more: str) -> None:
    question, wanted = result.question, " or ".join(result.question.targets)
    where = f"{question.file}:{question.line}: {result.outcome}"
    typer.echo(f"{where}: {question.text!r} should lead to {wanted}, got {result.got}{more}")
    typer.echo(f"    {'; '.join(result.why)}")


def _tell_rate(results: Sequence[Result], number: int, before: int) -> None:
    if not results:
        talk.print("No entry has a question under `test:` yet, and there is no tests.tsv")
        return
    found = _examined(results, number, before)
    share = f"{found['right']} right ({found['right'] / len(results):.1%})"
    talk.print(f"{counted(len(results), 'question')}: {share}, {found['asked']} asked back, {found['wrong']} wrong")
    if number:
        talk.print(f"Edition {number}, published last, has {before} of them right")


@knowledge.command()
def diff(
    file: Annotated[
        Path | None, typer.Argument(help="A file of questions, one a line; else the last 1000 of customers.")
    ] = None,
    against: Annotated[int | None, typer.Option(help="An edition, else the last published one.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show which answers the files change, compared with an edition of the history."""
    from bot.brain import mind_of, read_shop
    from bot.clock import SystemClock
    from bot.commands.progress import track
    from bot.errors import NotFound
    from bot.publishing.publisher import files_of, history_of
    from bot.publishing.replay import replay

    settings = open_shop(folder)
    files = read_shop(folder, settings)
    _refuse(files.faults)
    history = history_of(folder)
    edition = history.edition(against) if against is not None else history.published()
    if edition is None:
        raise NotFound("nothing was published yet. Start the shop, or run `zhanggui knowledge publish`")
    found: list[Change] = []
    asked = _questions(file, folder)
    if edition.digest != files.digest:
        earlier = files_of(history, edition.number, folder, settings, files.parts)
        _refuse(earlier.faults, f"Edition {edition.number} does not pass any more.")
        with talk.status(READING):
            before, after = (mind_of(one, folder, settings) for one in (earlier, files))
        found = replay(before, after, track(asked, "Asking"), settings, SystemClock().now())
    _print_changes(found, as_json)
    talk.print(f"{_answered_differently(found, asked)}. Compared with edition {edition.number}")


@knowledge.command()
def publish(folder: Folder = HERE, as_json: Json = False) -> None:
    """Check, train, show which answers change, and keep the set in the history. A running shop does so by itself."""
    from bot.brain import mind_of, read_shop
    from bot.clock import SystemClock
    from bot.commands.progress import track
    from bot.publishing.lint import lint as report_on
    from bot.publishing.publisher import files_of, history_of
    from bot.publishing.replay import replay

    settings, now = open_shop(folder), SystemClock().now()
    files = read_shop(folder, settings)
    _refuse(files.faults)
    report = report_on(folder, files, settings, now)
    history = history_of(folder)
    last = history.published()
    with talk.status(READING):
        mind = mind_of(files, folder, settings)
    found: list[Change] = []
    asked = _questions(None, folder) if last is not None else []
    if last is not None and last.digest != files.digest:
        earlier = files_of(history, last.number, folder, settings, files.parts)
        if not earlier.faults:
            with talk.status(READING):
                before = mind_of(earlier, folder, settings)
            found = replay(before, mind, track(asked, "Asking"), settings, now)
    kept = history.keep(folder, files.parts, "publish", now)
    _print_changes(found, as_json)
    number = kept.number if kept else last.number if last else 0
    said = f"Edition {number}" + ("" if kept else ", which was published already")
    talk.print(f"{said}. {_answered_differently(found, asked)}; {counted(len(report.warnings), 'warning')}")


@knowledge.command()
def history(folder: Folder = HERE, as_json: Json = False) -> None:
    """List what was published when, by what, and which files changed."""
    from bot.publishing.publisher import history_of

    settings = open_shop(folder)
    editions = history_of(folder).editions()
    if as_json:
        typer.echo(json.dumps([asdict(edition) for edition in editions], ensure_ascii=False, default=str))
        return
    print_rows(
        [
            {
                "number": edition.number,
                "at": f"{edition.at.astimezone(settings.shop.zone):%Y-%m-%d %H:%M}",
                "by": edition.by if edition.published else f"{edition.by} (did not pass)",
                "changed": _listed(edition.changed),
            }
            for edition in editions
        ],
        False,
    )


@knowledge.command()
def rollback(
    to: Annotated[
        int | None, typer.Option(help="Number of the edition; else the last published one that differs.")
    ] = None,
    folder: Folder = HERE,
) -> None:
    """Make the files what they were in an earlier edition. A running shop takes them at once."""
    from bot.clock import SystemClock
    from bot.publishing.rollback import roll_back

    settings = open_shop(folder)
    done = _writing(lambda: roll_back(folder, settings, to, SystemClock().now()))
    _written(folder, done.before.number, done.edition.number)
    undo = f"Undo: zhanggui knowledge rollback --to {done.before.number}"
    talk.print(f"The files are those of edition {done.edition.number} again. {undo}")
    _refuse(done.faults, "A running shop keeps its last good set until they are mended.")


def _written(folder: Path, before: int, after: int) -> None:
    from bot.audit import COMMAND, What, record
    from bot.clock import SystemClock
    from bot.commands.people import in_database

    old, new, now = {"edition": before}, {"edition": after}, SystemClock().now()
    in_database(folder, lambda c, _: record(c, COMMAND, What.ROLLBACK, "knowledge", now, before=old, after=new))


@knowledge.command("export")
def export_sheet(file: Sheet, folder: Folder = HERE) -> None:
    """Write every entry in both languages into a spreadsheet."""
    from bot.brain import read_shop
    from bot.knowledge.sheetfile import write_sheet
    from bot.knowledge.sheetrows import rows_of

    folder, settings = open_shop_or_starter(folder)
    files = read_shop(folder, settings)
    _refuse(files.faults)
    entries = sorted(files.knowledge.entries.values(), key=lambda entry: (entry.file.split("/")[2:], entry.language))
    write_sheet(file, list(rows_of(entries)))
    talk.print(f"Wrote {counted(len(entries), 'entry')} into {file}")


@knowledge.command("import")
def import_sheet(
    file: Sheet,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    folder: Folder = HERE,
) -> None:
    """Take entries from a spreadsheet (of `export`, or with a question and an answer a row): all of it or nothing."""
    from bot.brain import read_shop
    from bot.clock import SystemClock
    from bot.knowledge.sheetfile import read_sheet
    from bot.publishing.publisher import history_of
    from bot.publishing.sheets import apply, plan

    settings, now = open_shop(folder), SystemClock().now()
    files = read_shop(folder, settings)
    made = plan(read_sheet(file), file.name, folder, files, settings)
    _refuse(made.faults, "Nothing was imported.")
    for change in made.changes:
        typer.echo(change)
    if dry_run or not made.changes:
        talk.print(f"{counted(len(made.changes), 'entry')} would change. Nothing was written.")
        return

    def write() -> None:
        kept = history_of(folder)
        kept.keep(folder, files.parts, f"before import {file.name}", now)
        apply(made, folder)
        kept.keep(folder, read_shop(folder, settings, files.parts).parts, f"import {file.name}", now)

    _writing(write)
    talk.print(f"{counted(len(made.changes), 'entry')} changed. Undo: zhanggui knowledge rollback")


def _refuse(faults: Sequence[Fault], said: str = "") -> None:
    """End with exit 1 if there are faults, listed on stdout."""
    for fault in faults:
        typer.echo(str(fault))
    if faults:
        talk.print(f"{counted(len(faults), 'fault')}. {said}".strip())
        raise typer.Exit(1)


def _writing(job: Callable[[], T]) -> T:
    try:
        return job()
    except OSError as error:
        raise FileFault(
            f"{error.filename} cannot be written: {error.strerror}. Check its rights and the disk"
        ) from error


def _questions(file: Path | None, folder: Path) -> list[str]:
    """Return the questions of a file, else the last ones of customers."""
    from bot.commands.people import in_database
    from bot.commands.talking import questions_in
    from bot.delivery.asked import last_questions

    if file is not None:
        return list(questions_in(file))
    return in_database(folder, lambda connection, _: last_questions(connection))


def _print_changes(found: Sequence[Change], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in found], ensure_ascii=False))
        return
    for change in found:
        typer.echo(f"{change.question}")
        typer.echo(f"  - {change.before.what}: {_short(change.before.text)}")
        typer.echo(f"  + {change.after.what}: {_short(change.after.text)}")


def _answered_differently(found: Sequence[Change], asked: Sequence[str]) -> str:
    if not asked:
        return "No question of a customer is stored yet, so none was compared"
    return (
        f"{len(found)} of {counted(len(asked), 'question')} {'is' if len(found) == 1 else 'are'} answered differently"
    )


def _short(text: str) -> str:
    line = " / ".join(text.split("\n"))
    return line if len(line) <= 160 else f"{line[:157]}…"


def _listed(changed: Sequence[str], most: int = 4) -> str:
    more = f" and {len(changed) - most} more" if len(changed) > most else ""
    return ", ".join(changed[:most]) + more
