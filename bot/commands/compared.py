"""Prints what was measured of several engines side by side, with ratios to the one that others are compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from bot.commands.common import print_rows

REFERENCE = "rasa"
"""Costs are told as ratios to this engine's where it took part, else to the first one's."""
SCORES = (
    *("in_scope_accuracy", "macro_f1", "accuracy_with_rejection", "oos_recall", "oos_precision", "auroc"),
    *("recall_at_1", "recall_at_5", "mrr"),
)
COSTS = ("train_s", "build_s", "p50_ms", "p95_ms", "messages_per_s", "peak_rss_mb", "model_mb")
SUMMARY = ("in_scope_accuracy", "recall_at_1", "automation", "auroc", "wrong", "train_s", "build_s", "messages_per_s")
NOT_TOLD = ("engine", "confusions", "listed", "ratios")


def print_compared(results: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print the figures of one engine, or of several side by side with ratios of what they cost."""
    if len(results) > 1:
        reference = reference_of(results)
        results = [result | {"ratios": ratios(result, reference)} for result in results]
    if as_json:
        typer.echo(json.dumps(results[0] if len(results) == 1 else results, ensure_ascii=False))
        return
    table = []
    for name in results[0]:
        if name not in NOT_TOLD:
            told = {result["engine"]: _told(result, name) for result in results}
            table.append({"what": name, **told})
    print_rows(table, as_json=False)


def summary(result: Mapping[str, Any]) -> str:
    """Return in a line what the figures of one engine say, for those who wait for the next one."""
    return ", ".join(f"{name} {readable(name, result[name])}" for name in SUMMARY if name in result)


def reference_of(results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the figures that all others are compared with."""
    return next((result for result in results if result["engine"] == REFERENCE), results[0])


def ratios(result: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, float]:
    """Return by name of a cost how many times that of `reference` it is; none of the reference itself."""
    if result is reference:
        return {}
    return {name: result[name] / reference[name] for name in COSTS if result.get(name) and reference.get(name)}


def readable(name: str, value: Any) -> str:
    """Return a share as percent, other numbers shortly."""
    if value is None:
        return "–"
    if name in SCORES or (isinstance(value, float) and name not in (*COSTS, "threshold", "edit_s", "start_s")):
        return f"{100 * value:.1f} %"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _told(result: Mapping[str, Any], name: str) -> str:
    """Return `0.9 (÷ 110)`: a hundred and tenth of the reference's."""
    ratio = result.get("ratios", {}).get(name)
    if ratio is None:
        return readable(name, result[name])
    return f"{readable(name, result[name])} ({f'× {ratio:.3g}' if ratio >= 1 else f'÷ {1 / ratio:.3g}'})"
