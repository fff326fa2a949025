"""Commands and what is said about them, as JSON, for a shop that answers later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from bot.messages import Choice, Source
from bot.shop.amounts import written_of
from bot.shop.commands import (
    AskInvoice,
    CancelCase,
    CancelOrder,
    ChangeAddress,
    Command,
    OpenCase,
    Outcome,
    RefundDifference,
    WatchStock,
)
from bot.shop.port import Money
from bot.skills.turn import Say

_KNOWN: Mapping[str, type[Command]] = {
    kind.__name__: kind
    for kind in (CancelOrder, ChangeAddress, OpenCase, CancelCase, AskInvoice, RefundDifference, WatchStock)
}


def command_to(command: Command) -> dict[str, Any]:
    """Return a command as JSON."""
    kind = type(command)
    return {"name": kind.__name__, "of": TypeAdapter(kind).dump_python(command, mode="json")}


def command_from(stored: Mapping[str, Any]) -> Command:
    """Return the command that `command_to` made JSON of."""
    return TypeAdapter(_KNOWN[stored["name"]]).validate_python(stored["of"])


def says_to(said: Mapping[Outcome, Say]) -> dict[str, Any]:
    """Return what is said, by outcome, as JSON."""
    return {
        outcome.value: {
            "id": say.id,
            "fields": dict(say.fields),
            "choices": [asdict(choice) for choice in say.choices],
            "sources": [asdict(source) for source in say.sources],
        }
        for outcome, say in said.items()
    }


def say_from(stored: Mapping[str, Any], outcome: Outcome) -> Say | None:
    """Return what is said about an outcome, None if nothing was to be said."""
    said = stored.get(outcome.value)
    if said is None:
        return None
    choices = tuple(Choice(**choice) for choice in said["choices"])
    return Say(said["id"], said["fields"], choices, tuple(Source(**source) for source in said["sources"]))


def described(command: Command) -> str:
    """Return a command in one line for the staff, with all that was collected: `ChangeAddress: order_number A1, …`."""
    words = [f"{name} {value}" for name, value in _flat(command_to(command)["of"]) if value not in ("", None)]
    return f"{type(command).__name__}: {', '.join(words)}"


def to_settle(more: Money) -> str:
    """Return what the staff have to do of a dearer exchange."""
    amount = f"{written_of(more.amount_minor, more.currency)} {more.currency}"
    return f"The new pieces cost {amount} more: settle it with the customer before they leave"


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)):
            for place, one in enumerate(value, 1):
                found += _flat(one, f"{prefix}{name} {place} ") if isinstance(one, Mapping) else [(name, one)]
        else:
            found.append((f"{prefix}{name}", value))
    return found
