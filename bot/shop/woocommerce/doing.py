"""Commands as changes in WooCommerce. It knows no idempotency key, so each looks first whether it was done already."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.shop.addresses import split_address
from bot.shop.amounts import minor_of, written_of
from bot.shop.bodies import CaseBody
from bot.shop.commands import (
    CancelCase,
    CancelOrder,
    ChangeAddress,
    Command,
    OpenCase,
    Outcome,
    RefundDifference,
    order_of,
)
from bot.shop.platform import Answer, PlatformRefuses
from bot.shop.port import CaseKind, CaseStatus
from bot.shop.wire import Json, member, members, moment, text
from bot.shop.woocommerce.cases import (
    FIELD,
    Refund,
    kept_cases,
    number_of,
    pieces_in_cases,
    refunds_of,
    tag_of,
    told_cases,
)
from bot.shop.woocommerce.client import Client
from bot.shop.woocommerce.reading import currency_of, left_already, sku_of
from bot.shop.wording import to_settle

CAN: frozenset[type[Command]] = frozenset({CancelOrder, ChangeAddress, OpenCase, CancelCase, RefundDifference})
_OVER = ("cancelled", "refunded", "trash")
_NOT_PAID = ("pending", "on-hold", "failed")


async def find_order(client: Client, number: str) -> Json | None:
    """Return the order that customers know as `number`: its id, unless an extension numbers orders by itself."""
    if number.isdecimal():
        found = await client.find(f"orders/{int(number)}")
        if found is not None and text(found.get("number")).upper() == number.upper():
            return found
    rows = await client.all("orders", {"search": number, "status": "any"})
    return next((row for row in rows if text(row.get("number")).upper() == number.upper()), None)


@dataclass(frozen=True, slots=True)
class _Case:
    """An order that a command is about, as it is now. `tag` marks what is done for this command."""

    order: Json
    refunds: Sequence[Refund]
    tag: str

    @property
    def path(self) -> str:
        return f"orders/{self.order['id']}"

    @property
    def currency(self) -> str:
        return currency_of(self.order)

    @property
    def own_refund(self) -> Refund | None:
        return next((refund for refund in self.refunds if self.tag in refund.reason), None)


class Doing:
    """Carries out commands."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def do(self, command: Command, key: str) -> Answer:
        """Carry out `command`; the same key again finds what was done. What comes too late is refused.

        Raises:
            PlatformDown: it is not known whether it was done.
            PlatformRefuses: it was not done, and people may do it.
        """
        if type(command) not in CAN:
            raise PlatformRefuses(f"WooCommerce has no call for {type(command).__name__}. Staff have to do it")
        number = order_of(command)
        order = await find_order(self._client, number)
        if order is None:
            return Answer(Outcome.REFUSED, why=f"there is no order {number}")
        rows = await self._client.all(f"orders/{order['id']}/refunds")
        case = _Case(order, refunds_of(rows, currency_of(order)), tag_of(key))
        match command:
            case CancelOrder():
                return await self._cancel(case, command.reason)
            case ChangeAddress():
                return await self._move(case, command.address)
            case OpenCase():
                return await self._open(case, command, key)
            case CancelCase():
                return await self._close(case, command.number)
            case RefundDifference():
                line = _line(order, command.line_id)
                if line is None or command.amount.currency != case.currency:
                    raise PlatformRefuses(f"Order {number} has no line {command.line_id} in {command.amount.currency}")
                why = f"Price protection: {text(line.get('name'))}"
                return await self._pay_back(case, command.amount.amount_minor, why, [])
            case _:
                raise AssertionError("unreachable")

    async def _cancel(self, case: _Case, reason: str) -> Answer:
        status, own = case.order.get("status"), case.own_refund
        if status == "cancelled" or (status == "refunded" and own is None):
            return Answer(Outcome.DONE, str(case.order["id"]))
        if own is None and left_already(case.order):
            return Answer(Outcome.REFUSED, why="the order has left already")
        if own is None and status not in _NOT_PAID and moment(case.order.get("date_paid_gmt")):
            paid = minor_of(str(case.order.get("total") or 0), case.currency)
            rest = paid - sum(refund.amount_minor for refund in case.refunds)
            # First the money: if the gateway refuses, nothing has changed and the staff do all of it.
            if rest > 0:
                await self._pay_back(case, rest, f"Cancelled: {reason}", [])
        # This status puts the goods back into stock by WooCommerce's own rule.
        _made(await self._client.change("PUT", case.path, {"status": "cancelled"}))
        return Answer(Outcome.DONE, str(case.order["id"]))

    async def _move(self, case: _Case, written: str) -> Answer:
        now = member(case.order, "shipping")
        country = text(now.get("country") or member(case.order, "billing").get("country"), 2).upper()
        address = split_address(written, country)
        wanted = {"address_2": "", "country": country}
        if address is not None:
            wanted |= {"address_1": address.line, "city": address.city}
            wanted |= {"state": address.region, "postcode": address.postcode}
            if all(text(now.get(name)) == text(value) for name, value in wanted.items()):
                return Answer(Outcome.DONE, str(case.order["id"]))
        if left_already(case.order) or case.order.get("status") in _OVER:
            return Answer(Outcome.REFUSED, why="the order has left already or is cancelled")
        if address is None:
            raise PlatformRefuses("It is not certain what in the new address is street, city and postcode")
        before = ", ".join(text(now.get(name)) for name in sorted(wanted) if text(now.get(name)))
        await self._note(case, f"The customer changed the address in the chat. Before: {before}")
        _made(await self._client.change("PUT", case.path, {"shipping": wanted}))
        return Answer(Outcome.DONE, str(case.order["id"]))

    async def _open(self, case: _Case, command: OpenCase, key: str) -> Answer:
        number = number_of(text(case.order.get("number")).upper(), key)
        is_kept = any(kept == number for kept, _ in kept_cases(case.order))
        if not is_kept and case.own_refund is None and (fault := _fault(case, command)):
            return Answer(Outcome.REFUSED, why=fault)
        if command.kind is CaseKind.REFUND:
            return await self._pay_back(case, command.refund.amount_minor, command.reason, _refund_lines(case, command))
        await self._note(case, _words(number, command))
        if not is_kept:
            value = json.dumps(_kept(command, self._clock.now().isoformat()), ensure_ascii=False)
            fields = {"meta_data": [{"key": FIELD + number, "value": value}]}
            _made(await self._client.change("PUT", case.path, fields))
        if command.kind is CaseKind.EXCHANGE:
            raise PlatformRefuses(f"{number} is noted on the order; WooCommerce has no call to set its new piece aside")
        return Answer(Outcome.DONE, number)

    async def _close(self, case: _Case, number: str) -> Answer:
        kept = dict(kept_cases(case.order)).get(number)
        told = next((one.body for one in told_cases(case.order, case.refunds) if one.id == number), None)
        if kept is None or not isinstance(told, CaseBody):
            return Answer(Outcome.REFUSED, why=f"there is no case {number}")
        if told.status is CaseStatus.CANCELLED:
            return Answer(Outcome.DONE, number)
        if told.status not in (CaseStatus.OPEN, CaseStatus.APPROVED):
            return Answer(Outcome.REFUSED, why=f"the case is {told.status} already")
        value = json.dumps({**kept, "status": CaseStatus.CANCELLED}, ensure_ascii=False)
        await self._note(case, f"The customer took back {number} in the chat.")
        _made(await self._client.change("PUT", case.path, {"meta_data": [{"key": FIELD + number, "value": value}]}))
        return Answer(Outcome.DONE, number)

    async def _pay_back(
        self, case: _Case, amount_minor: int, reason: str, lines: Sequence[Mapping[str, Any]]
    ) -> Answer:
        """Refund through the payment gateway. The reason carries the mark, since it is stored with the refund."""
        number = text(case.order.get("number")).upper()
        if case.own_refund is not None:
            return Answer(Outcome.DONE, f"{number}-{case.own_refund.id}")
        if not moment(case.order.get("date_paid_gmt")):
            return Answer(Outcome.REFUSED, why="the order is not paid")
        body = {
            "amount": written_of(amount_minor, case.currency),
            "reason": f"{text(reason)} [{case.tag}]",
            "api_refund": True,
            "api_restock": False,
            "line_items": list(lines),
        }
        made = _made(await self._client.change("POST", f"{case.path}/refunds", body))
        return Answer(Outcome.DONE, f"{number}-{made.get('id')}")

    async def _note(self, case: _Case, words: str) -> None:
        """Leave a private note for the staff, once."""
        path = f"{case.path}/notes"
        notes = await self._client.all(path)
        if not any(case.tag in text(note.get("note"), 2000) for note in notes):
            await self._client.change("POST", path, {"note": f"{words} [{case.tag}]", "customer_note": False})


def _made(said: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if isinstance(said, str):
        raise PlatformRefuses(f"WooCommerce did not do it: {said}")
    return said


def _line(order: Json, line_id: str) -> Json | None:
    """A line is named by its sku, as an order here holds a sku once."""
    return next((line for line in members(order, "line_items") if sku_of(line) == line_id), None)


def _fault(case: _Case, command: OpenCase) -> str:
    """Return why it is too late for a case; empty if it is not."""
    if command.refund.currency != case.currency:
        raise PlatformRefuses(f"The order was paid in {case.currency}, not in {command.refund.currency}")
    if case.order.get("status") in (*_OVER, *_NOT_PAID):
        return "the order is not paid or is over"
    taken = pieces_in_cases(case.order, case.refunds)
    for wanted in command.lines:
        bought = sum(
            int(line.get("quantity") or 0)
            for line in members(case.order, "line_items")
            if sku_of(line) == wanted.line_id
        )
        if wanted.quantity > bought - taken.get(wanted.line_id, 0):
            return f"{wanted.line_id}: not so many pieces are left that are in no case"
    return ""


def _kept(command: OpenCase, opened_at: str) -> dict[str, Any]:
    """What is kept of a case: the fields of `CaseBody`."""
    return {
        "kind": command.kind,
        "status": CaseStatus.OPEN,
        "parts": [
            {"sku": line.line_id, "quantity": line.quantity, "wanted_sku": line.wanted_sku} for line in command.lines
        ],
        "reason": command.reason,
        "refund_minor": command.refund.amount_minor,
        "currency": command.refund.currency,
        "opened_at": opened_at,
    }


def _words(number: str, command: OpenCase) -> str:
    goods = ", ".join(
        f"{line.quantity} × {line.line_id}" + (f" for {line.wanted_sku}" if line.wanted_sku else "")
        for line in command.lines
    )
    refund = written_of(command.refund.amount_minor, command.refund.currency)
    parts = (
        f"{command.kind.capitalize()} {number}: {goods}. Reason: {command.reason or 'not told'}.",
        f"Condition: {command.condition}." if command.condition else "",
        f"The customer wrote: {text(command.words, 1000)}" if command.words else "",
        f"To pay back: {refund} {command.refund.currency}." if command.refund.amount_minor else "",
        f"{to_settle(command.to_pay)}." if command.to_pay else "",
    )
    return " ".join(part for part in parts if part)


def _refund_lines(case: _Case, command: OpenCase) -> list[Mapping[str, Any]]:
    """The lines that the money is for; the goods stay with the customer, so the amount alone counts."""
    return [
        {"id": line["id"], "quantity": wanted.quantity, "refund_total": 0}
        for wanted in command.lines
        if (line := _line(case.order, wanted.line_id)) is not None
    ]
