"""Says how old the copy of the shop is where an answer rests on it; promises to look again when the shop is down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.shop.port import Freshness
from bot.skills import shown
from bot.skills.turn import LookAgain, Say, Step, Turn, phrases

PHRASES = phrases(shop="copy_from copy.at; will_look_again; still_from copy.at; still_down; answers_again order.number")
STALE_AFTER = timedelta(minutes=15)
_NOT_SEEN = ("proof.ask_phone", "proof.wrong_phone", "proof.wrong_code", "proof.no_orders")
"""What is said where an order may be missing in the copy only."""


def with_age(turn: Turn, step: Step) -> Step:
    """Return `step` with the age of what it says of orders, if that is old, and with a promise if the shop is down."""
    number = _order_spoken_of(step)
    if number is None or step.handoff is not None:
        return step
    fresh = turn.shop.freshness()
    if not _is_old(fresh, turn):
        return step
    told = {"copy.at": shown.time_of(fresh.told_at, turn.language, turn.zone)} if fresh.told_at is not None else {}
    copied = (Say("shop.copy_from", told),) if told else ()
    if fresh.down_since is None or not number:
        return replace(step, says=(*step.says, *copied))
    effects, outage = (*step.effects, LookAgain(number)), fresh.down_since.isoformat()
    if turn.state.promised == outage:  # said before: the promise is not said at every message
        said = Say("shop.still_from", told) if told else Say("shop.still_down")
        return replace(step, says=(*step.says, said), effects=effects)
    says = (*step.says, *copied, Say("shop.will_look_again"))
    return replace(step, says=says, effects=effects, state=replace(step.state, promised=outage))


def _order_spoken_of(step: Step) -> str | None:
    """Return the number of the order that the step speaks of, empty if it has none, None if it speaks of no order."""
    for say in step.says:
        for source in say.sources:
            if source.id.startswith("order:"):
                return source.id.removeprefix("order:")
        if say.id in _NOT_SEEN:
            return str(step.state.slots.get("order", ""))
    return None


def _is_old(fresh: Freshness, turn: Turn) -> bool:
    if fresh.down_since is not None:
        return True
    return fresh.told_at is not None and turn.now - fresh.told_at > STALE_AFTER
