"""Questions asked before a conversation leaves an agent's hands, and the help. Arrow keys choose, Enter confirms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from nicegui import ui
from nicegui.events import GenericEventArguments

from handoff.console import keys
from handoff.console.labels import WRAP_UPS, Labels, label_words
from handoff.console.look import box, text
from handoff.seats import Seat
from handoff.whereto import Back, Place, places

_ON_ENTER = "(e) => { if (!e.isComposing && e.keyCode !== 229 && e.target.tagName !== 'BUTTON') emit(); }"


class Choice:
    """One of several, as radio buttons of the browser: arrow keys move, a screen reader tells how many there are."""

    def __init__(self, options: Mapping[str, str], label: str, name: str) -> None:
        self.value = next(iter(options), "")
        with box("zg-radio").props('role="radiogroup"') as group:
            group.props["aria-label"] = label
            for key, words in options.items():
                with box("zg-radio-row", "label"):
                    made = ui.element("input").props(f'type="radio" name="{name}"')
                    made.props["value"] = key
                    if key == self.value:
                        made.props("checked autofocus")
                    made.on("change", self._chosen, args=["target.value"], js_handler="(e) => emit(e.target.value)")
                    text(words)

    def _chosen(self, event: GenericEventArguments) -> None:
        self.value = str(event.args)


async def ask_wrap_up(labels: Labels) -> str | None:
    """Ask why a talk is closed. Return `reason` or `reason: remark`, None if the agent thought better of it."""
    with _dialog(labels["close"]) as dialog:
        reason = Choice({reason: labels[f"wrap_{reason}"] for reason in WRAP_UPS}, labels["reason"], "wrap-up")
        remark = _input(labels["remark"])
        _buttons(dialog, labels, labels["close"], lambda: _joined(reason.value, remark.value))
    return cast("str | None", await _answer(dialog))


async def ask_reason(labels: Labels, title: str) -> str | None:
    """Ask for an optional reason. Return it, None if the agent thought better of it."""
    return await ask_words(labels, title, labels["reason_optional"], title)


async def ask_words(labels: Labels, title: str, field: str, yes: str) -> str | None:
    """Ask for words. Return them, None if the agent thought better of it.

    Args:
        yes: what the button is called.
    """
    with _dialog(title) as dialog:
        words = _input(field).props("autofocus")
        _buttons(dialog, labels, yes, lambda: words.value or "")
    return cast("str | None", await _answer(dialog))


async def ask_choice(labels: Labels, title: str, options: Mapping[str, str]) -> str | None:
    """Ask for one of `options` (key → words). Return its key, None if the agent thought better of it."""
    with _dialog(title) as dialog:
        chosen = Choice(options, title, "choice")
        _buttons(dialog, labels, title, lambda: chosen.value)
    return cast("str | None", await _answer(dialog))


async def ask_transfer(labels: Labels, seats: Sequence[Seat]) -> tuple[Place, str] | None:
    """Ask who gets the talk, and say what happens there. Return the place and a reason, None for no.

    Args:
        seats: of the colleagues.
    """
    found = places(seats)
    with _dialog(labels["transfer"]) as dialog:
        options = {str(number): _place_words(place, labels) for number, place in enumerate(found)}
        to = Choice(options, labels["to_whom"], "colleague")
        reason = _input(labels["reason_optional"])
        _buttons(dialog, labels, labels["transfer"], lambda: (found[int(to.value)], reason.value or ""))
    return cast("tuple[Place, str] | None", await _answer(dialog))


def _place_words(place: Place, labels: Labels) -> str:
    if isinstance(place, Back):
        topic = label_words(place.topic, labels) if place.topic else ""
        return labels["to_queue_topic"].format(topic=topic) if topic else labels["to_queue_any"]
    fate = labels[f"fate_{place.fate}"].format(load=place.load, capacity=place.capacity)
    return f"{place.name} · {fate}"


def show_help(labels: Labels) -> None:
    """Show the keys."""
    with _dialog(labels["help"]) as dialog, box("zg-keys").props('tabindex="0"'):
        for shown, action in keys.rows():
            text(shown, "zg-key")
            text(labels[f"keys_{action}"])
    dialog.on("hide", dialog.delete)
    dialog.open()


@contextmanager
def _dialog(title: str) -> Any:
    # In the page itself: where the button stands, it would go with what is drawn anew behind it.
    with ui.context.client, ui.dialog() as dialog, ui.card().classes("zg-dialog"):
        dialog.props["aria-label"] = title
        text(title, "zg-dialog-title").props('role="heading" aria-level="2"')
        yield dialog


def _input(label: str) -> ui.input:
    return ui.input(label).props("dense outlined maxlength=500").classes("zg-wide")


def _buttons(dialog: ui.dialog, labels: Labels, yes: str, answer: Callable[[], Any]) -> None:
    def confirm() -> None:
        dialog.submit(answer())

    with box("zg-dialog-buttons"):
        ui.button(labels["cancel"], on_click=lambda: dialog.submit(None), color=None).props("flat no-caps")
        sure = ui.button(yes, on_click=confirm, color=None).props("unelevated no-caps").mark("confirm")
        sure.classes("zg-sure-button")
    card = dialog.default_slot.children[0]
    card.on("keydown.enter", confirm, js_handler=_ON_ENTER)


async def _answer(dialog: ui.dialog) -> Any:
    answer = await dialog
    dialog.delete()
    return answer


def _joined(reason: str, remark: str | None) -> str:
    return f"{reason}: {remark.strip()}" if remark and remark.strip() else reason
