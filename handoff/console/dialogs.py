"""Questions asked before a conversation leaves an agent's hands, and the help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from nicegui import ui

from handoff.console.labels import WRAP_UPS, Labels
from handoff.console.look import box, text
from handoff.people import Agent


async def ask_wrap_up(labels: Labels) -> str | None:
    """Ask why a talk is closed. Return `reason` or `reason: remark`, None if the agent thought better of it."""
    with ui.dialog() as dialog, _frame(labels["close"]):
        options = {reason: labels[f"wrap_{reason}"] for reason in WRAP_UPS}
        reason = ui.radio(options, value="solved").props("dense").classes("zg-radio")
        remark = ui.input(labels["remark"]).props("dense outlined maxlength=500").classes("zg-wide")
        _buttons(dialog, labels, labels["close"], lambda: _joined(str(reason.value), remark.value))
    return cast("str | None", await _answer(dialog))


async def ask_reason(labels: Labels, title: str) -> str | None:
    """Ask for an optional reason. Return it, None if the agent thought better of it."""
    with ui.dialog() as dialog, _frame(title):
        reason = ui.input(labels["reason_optional"]).props("dense outlined autofocus maxlength=500").classes("zg-wide")
        _buttons(dialog, labels, title, lambda: reason.value or "")
    return cast("str | None", await _answer(dialog))


async def ask_transfer(labels: Labels, colleagues: Sequence[Agent]) -> tuple[str, str] | None:
    """Ask who gets the talk. Return the agent's id and a reason, None if the agent thought better of it."""
    with ui.dialog() as dialog, _frame(labels["transfer"]):
        options = {agent.id: agent.name for agent in colleagues}
        first = next(iter(options), None)
        to = ui.select(options, value=first, label=labels["to_whom"]).props("dense outlined").classes("zg-wide")
        reason = ui.input(labels["reason_optional"]).props("dense outlined maxlength=500").classes("zg-wide")
        _buttons(dialog, labels, labels["transfer"], lambda: (to.value, reason.value or "") if to.value else None)
    return cast("tuple[str, str] | None", await _answer(dialog))


def show_help(labels: Labels) -> None:
    """Show the keys."""
    keys = {
        "Enter": "keys_enter",
        "Alt+J / Alt+K": "keys_next",
        "Alt+T": "keys_take",
        "Alt+L": "keys_reply",
        "Alt+P": "keys_note",
        "Alt+E": "keys_close",
        "?": "keys_help",
    }
    with ui.dialog() as dialog, _frame(labels["help"]), box("zg-keys"):
        for key, words in keys.items():
            text(key, "zg-key")
            text(labels[words])
    dialog.on("hide", dialog.delete)
    dialog.open()


def _frame(title: str) -> ui.card:
    card = ui.card().classes("zg-dialog")
    with card:
        text(title, "zg-dialog-title")
    return card


def _buttons(dialog: ui.dialog, labels: Labels, yes: str, answer: Callable[[], Any]) -> None:
    with box("zg-dialog-buttons"):
        ui.button(labels["cancel"], on_click=lambda: dialog.submit(None)).props("flat no-caps")
        ui.button(yes, on_click=lambda: dialog.submit(answer())).props("unelevated no-caps").mark("confirm")


async def _answer(dialog: ui.dialog) -> Any:
    answer = await dialog
    dialog.delete()
    return answer


def _joined(reason: str, remark: str | None) -> str:
    return f"{reason}: {remark.strip()}" if remark and remark.strip() else reason
