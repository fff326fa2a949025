"""How the skill of returns ends a turn: with a question that is kept open, or with nothing left open."""

from __future__ import annotations

from dataclasses import replace

from bot.shop.port import Order
from bot.skills import offers, proof, shown
from bot.skills.draft import Draft
from bot.skills.turn import Say, Step, Turn

NAME = "returns"


def ask(turn: Turn, draft: Draft, order: Order, step: str, *says: Say) -> Step:
    """Return the step that asks with its last sentence and keeps what is known; a person is offered beside all else."""
    *before, last = (*draft.notes, *says)
    human = offers.human(turn)
    choices = (*(choice for choice in last.choices if choice != human), human)
    spoken = _of_order(order, (*before, replace(last, choices=choices)))
    waiting = turn.state.waiting(NAME, step, order=order.number, **draft.slots())
    return Step(spoken, waiting, proof.proof_effects(turn, order))


def done(turn: Turn, order: Order, *says: Say) -> Step:
    """Return the step after which nothing is open."""
    return Step(_of_order(order, says), turn.state.idle(), proof.proof_effects(turn, order))


def _of_order(order: Order, says: tuple[Say, ...]) -> tuple[Say, ...]:
    """Name the order as a source of the first sentence."""
    first, *rest = says
    return (replace(first, sources=tuple(dict.fromkeys((*first.sources, shown.order_source(order))))), *rest)
