"""Shows how far something long is: a bar or a moving line for people at a terminal, a line now and then otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bot.commands.common import talk

STEP_PERCENT = 20
"""Away from a terminal a line is printed each time so much more is done."""
T = TypeVar("T")


def track(items: Sequence[T], what: str) -> Iterable[T]:
    """Yield `items`; `what` says what is done with them."""
    if talk.is_terminal:
        from rich.progress import track as with_bar

        yield from with_bar(items, description=what, console=talk, transient=True)
        return
    if items:
        talk.print(f"{what} ({len(items)})")
    yield from items


def steps(what: str) -> Callable[[str, int], None]:
    """Return what tells the progress of a training, given the part in training and how many percent of it are done."""
    told, reached = "", 0

    def tell(part: str, percent: int) -> None:
        nonlocal told, reached
        if talk.is_terminal:
            talk.print(f"{what}: {part} {percent:3} %", end="\r")
        elif part != told or percent >= reached + STEP_PERCENT:
            talk.print(f"{what}: {part} {percent} %")
            told, reached = part, percent

    return tell
