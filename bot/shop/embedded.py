"""Carries out, inside the turn's transaction, what a turn wants the embedded shop to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from bot.clock import IdMaker
from bot.shop import price_watch, stock
from bot.shop.cases import cancel_case, open_case
from bot.shop.commands import (
    AskInvoice,
    CancelCase,
    CancelOrder,
    ChangeAddress,
    Command,
    OpenCase,
    Outcome,
    RefundDifference,
    UnwatchPrices,
    WatchPrice,
    WatchStock,
)
from bot.shop.invoices import ask_invoice
from bot.shop.refunds import refund_difference
from bot.shop.todo import leave
from bot.shop.unsent import cancel_order, change_address
from bot.shop.wording import to_settle
from bot.skills.turn import Say


@dataclass(frozen=True, slots=True)
class Asked:
    """Where and when a turn asks for something.

    Attributes:
        conversation_id: None where nobody can be answered later.
        said: what is said by outcome; for a shop that answers later.
    """

    conversation_id: str | None
    now: datetime
    new_id: IdMaker
    said: Mapping[Outcome, Say] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of a command, with values for the fields of what is then said: `case.number`."""

    outcome: Outcome
    fields: Mapping[str, str] = field(default_factory=dict)


Carry = Callable[[Connection, Command, Asked], Carried]
"""Has a command carried out. Repeating one is harmless."""


def carry_out(connection: Connection, command: Command, asked: Asked) -> Carried:
    """Do what is asked, or refuse it as a whole."""
    match command:
        case CancelOrder():
            return _became(cancel_order(connection, command.order_number, asked.now))
        case ChangeAddress():
            return _became(change_address(connection, command.order_number, command.address))
        case OpenCase():
            return _opened(connection, command, asked)
        case CancelCase():
            return _became(cancel_case(connection, command.number, asked.now), command.number)
        case AskInvoice():
            return _became(ask_invoice(connection, command, asked.conversation_id, asked.now))
        case RefundDifference():
            owed = refund_difference(connection, command.order_number, command.line_id, command.amount, asked.now)
            return _became(owed)
        case WatchStock():
            talk = asked.conversation_id
            return _became(talk is not None and stock.watch(connection, talk, command.sku, asked.now))
        case WatchPrice():
            talk, product = asked.conversation_id, command.product_id
            return _became(talk is not None and price_watch.watch(connection, talk, product, command.tier, asked.now))
        case UnwatchPrices():
            talk = asked.conversation_id
            return _became(talk is not None and price_watch.unwatch(connection, talk))


def _opened(connection: Connection, wish: OpenCase, asked: Asked) -> Carried:
    number = open_case(connection, wish, asked.now, asked.new_id)
    if number is None:
        return Carried(Outcome.REFUSED)
    text = f"{wish.kind.value} {number}, order {wish.order_number}: {wish.words or wish.reason}"
    if wish.to_pay is not None:
        text += f". {to_settle(wish.to_pay)}"
    leave(connection, f"case:{number}", "case", asked.conversation_id, text, asked.now)
    return Carried(Outcome.DONE, {"case.number": number})


def _became(done: bool, case_number: str = "") -> Carried:
    fields = {"case.number": case_number} if case_number else {}
    return Carried(Outcome.DONE if done else Outcome.REFUSED, fields)
