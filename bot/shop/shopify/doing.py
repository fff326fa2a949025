"""Commands as changes in Shopify. Only refunds take an idempotency key; the others look first what was done already."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from bot.clock import Clock
from bot.shop.addresses import region_code, split_address
from bot.shop.amounts import written_of
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
from bot.shop.http import Sleep
from bot.shop.platform import Answer, PlatformRefuses
from bot.shop.port import CaseKind
from bot.shop.shopify.cases import REASONS, refund_number
from bot.shop.shopify.client import Client
from bot.shop.shopify.documents import (
    CANCEL,
    FIND_VARIANT,
    PAYMENTS,
    REFUND,
    RETURN,
    RETURN_CANCEL,
    RETURNABLE,
    UPDATE,
    Ask,
    Document,
)
from bot.shop.shopify.orders import find_order, read_order
from bot.shop.shopify.reading import (
    currency_of,
    left_already,
    minor,
    nodes,
    number_of,
    sku_of,
    skus_by_line,
    stock_of,
)
from bot.shop.wire import Json, member, members, moment, text

CAN: frozenset[type[Command]] = frozenset({CancelOrder, ChangeAddress, OpenCase, CancelCase, RefundDifference})
LOOKS = 3
"""How often it is looked whether a cancellation, which Shopify does behind the answer, is through."""
LOOK_PAUSE_S = 1.0


def tag_of(key: str) -> str:
    """Return what marks everything that was done for a command: it is looked for before anything is done again."""
    return f"zg-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


class Doing:
    """Carries out commands."""

    def __init__(self, client: Client, clock: Clock, sleep: Sleep) -> None:
        self._client = client
        self._clock = clock
        self._sleep = sleep

    async def do(self, command: Command, key: str) -> Answer:
        """Carry out `command`; the same key again finds what was done. What comes too late is refused.

        Raises:
            PlatformDown: it is not known whether it was done.
            PlatformRefuses: it was not done, and people may do it.
        """
        if type(command) not in CAN:
            raise PlatformRefuses(f"Shopify has no call for {type(command).__name__}. Staff have to do it")
        number = order_of(command)
        order = await find_order(self._client, number)
        if order is None:
            return Answer(Outcome.REFUSED, why=f"there is no order {number}")
        match command:
            case CancelOrder():
                return await self._cancel(order, command.reason, key)
            case ChangeAddress():
                return await self._move(order, command.address)
            case OpenCase() if command.kind is CaseKind.REFUND:
                return await self._pay_back(
                    order, command.refund.amount_minor, command.refund.currency, command.reason, key
                )
            case OpenCase():
                return await self._return(order, command, key)
            case CancelCase():
                return await self._close(order, command.number)
            case RefundDifference():
                if command.line_id not in skus_by_line(order).values():
                    raise PlatformRefuses(f"Order {number} has no line {command.line_id}")
                why = f"Price protection: {command.line_id}"
                return await self._pay_back(order, command.amount.amount_minor, command.amount.currency, why, key)
            case _:
                raise AssertionError("unreachable")

    async def _cancel(self, order: Json, reason: str, key: str) -> Answer:
        order_id = text(order.get("id"))
        if moment(order.get("cancelledAt")):
            return Answer(Outcome.DONE, order_id)
        if left_already(order):
            return Answer(Outcome.REFUSED, why="the order has left already")
        note = text(f"{reason} [{tag_of(key)}]", 255)
        why = await self._change(CANCEL, {"id": order_id, "note": note}, "orderCancel", "orderCancelUserErrors")
        # Said also of one that is being cancelled: it is looked at first.
        for attempt in range(LOOKS):
            now = await read_order(self._client, order_id)
            if moment((now or {}).get("cancelledAt")):
                return Answer(Outcome.DONE, order_id)
            if attempt < LOOKS - 1:
                await self._sleep(LOOK_PAUSE_S)
        if why:
            raise PlatformRefuses(f"Shopify did not cancel it: {why}")
        return Answer(Outcome.PENDING, order_id)

    async def _move(self, order: Json, written: str) -> Answer:
        now, order_id = member(order, "shippingAddress"), text(order.get("id"))
        country = text(now.get("countryCodeV2"), 2)
        address = split_address(written, country)
        wanted = {"address2": ""}
        if address is not None:
            wanted |= {"address1": address.line, "city": address.city, "zip": address.postcode}
            wanted |= {"provinceCode": region_code(address.region, country)}
            if all(text(now.get(name)) == text(value) for name, value in wanted.items()):
                return Answer(Outcome.DONE, order_id)
        if left_already(order) or moment(order.get("cancelledAt")):
            return Answer(Outcome.REFUSED, why="the order has left already or is cancelled")
        if address is None:
            raise PlatformRefuses("It is not certain what in the new address is street, city and postcode")
        # The address is replaced as a whole, so who it goes to has to be said again.
        kept = {name: now.get(name) for name in ("firstName", "lastName", "company", "phone") if now.get(name)}
        fields = {"id": order_id, "shippingAddress": {**kept, **wanted, "countryCode": country}}
        if why := await self._change(UPDATE, {"input": fields}, "orderUpdate"):
            raise PlatformRefuses(f"Shopify did not take the address: {why}")
        return Answer(Outcome.DONE, order_id)

    async def _return(self, order: Json, command: OpenCase, key: str) -> Answer:
        tag = tag_of(key)
        for one in nodes(order, "returns"):
            if any(tag in text(line.get("returnReasonNote"), 300) for line in nodes(one, "returnLineItems")):
                return Answer(Outcome.DONE, number_of(one.get("name")))
        if command.refund.amount_minor and command.refund.currency != currency_of(order):
            raise PlatformRefuses(f"The order was paid in {currency_of(order)}")
        goods = await self._returnable(order, command)
        wanted = await self._wanted(command)
        if isinstance(goods, str) or isinstance(wanted, str):
            return Answer(Outcome.REFUSED, why=goods if isinstance(goods, str) else str(wanted))
        reason = REASONS.get(command.reason, "OTHER")
        note = f"{text(f'{command.reason} {command.condition} {command.words}', 230)} [{tag}]"
        fields: dict[str, Any] = {
            "orderId": order["id"],
            "requestedAt": self._clock.now().isoformat(),
            "returnLineItems": [{**one, "returnReason": reason, "returnReasonNote": note} for one in goods],
            "exchangeLineItems": wanted,
        }
        data = await self._client.ask(Ask(RETURN, {"input": fields}))
        made = member(data, "returnCreate")
        if why := _why(made):
            raise PlatformRefuses(f"Shopify did not open the return: {why}")
        return Answer(Outcome.DONE, number_of(member(made, "return").get("name")))

    async def _returnable(self, order: Json, command: OpenCase) -> list[dict[str, Any]] | str:
        """Return which pieces of which parcels go back, or why they cannot: only what has left can."""
        skus, found = skus_by_line(order), await self._client.ask(Ask(RETURNABLE, {"id": order["id"]}))
        there = [
            (
                skus.get(text(member(part, "lineItem").get("id")), ""),
                text(part.get("id")),
                int(item.get("quantity") or 0),
            )
            for parcel in nodes(found, "returnableFulfillments")
            for item in nodes(parcel, "returnableFulfillmentLineItems")
            if (part := member(item, "fulfillmentLineItem"))
        ]
        goods: list[dict[str, Any]] = []
        for wanted in command.lines:
            missing = wanted.quantity
            for sku, part_id, pieces in there:
                if sku == wanted.line_id and missing and pieces:
                    goods.append({"fulfillmentLineItemId": part_id, "quantity": min(missing, pieces)})
                    missing -= min(missing, pieces)
            if missing:
                return f"{wanted.line_id}: not so many pieces have left and are in no case"
        return goods

    async def _wanted(self, command: OpenCase) -> list[dict[str, Any]] | str:
        """Return what comes instead, or why it cannot. Shopify takes it out of stock with the return."""
        items: list[dict[str, Any]] = []
        for line in command.lines:
            if not line.wanted_sku:
                continue
            variant = await self._variant(line.wanted_sku)
            if variant is None or stock_of(variant) < line.quantity:
                return f"{line.wanted_sku}: there are not so many pieces"
            items.append({"variantId": variant["id"], "quantity": line.quantity})
        return items

    async def _variant(self, sku: str) -> Json | None:
        by_id = sku.removeprefix("shopify-")
        query = f"id:{by_id}" if by_id != sku and by_id.isdecimal() else "sku:'{}'".format(sku.replace("'", " "))
        found = await self._client.ask(Ask(FIND_VARIANT, {"query": query}))
        return next((one for one in nodes(found, "productVariants") if sku_of(one) == sku), None)

    async def _close(self, order: Json, number: str) -> Answer:
        one = next((one for one in nodes(order, "returns") if number_of(one.get("name")) == number_of(number)), None)
        if one is None:
            return Answer(Outcome.REFUSED, why=f"there is no return {number}")
        if one.get("status") == "CANCELED":
            return Answer(Outcome.DONE, number)
        why = await self._change(RETURN_CANCEL, {"id": one.get("id")}, "returnCancel")
        return Answer(Outcome.REFUSED, why=why) if why else Answer(Outcome.DONE, number)

    async def _pay_back(self, order: Json, amount_minor: int, currency: str, reason: str, key: str) -> Answer:
        """Refund to where the money came from; the goods stay with the customer."""
        tag = tag_of(key)
        done = next((one for one in members(order, "refunds") if tag in text(one.get("note"), 500)), None)
        if done is not None:
            return Answer(Outcome.DONE, refund_number(order, done))
        if currency != currency_of(order):
            raise PlatformRefuses(f"The order was paid in {currency_of(order)}")
        payments = member(await self._client.ask(Ask(PAYMENTS, {"id": order["id"]})), "order")
        parts = _spread(members(payments, "transactions"), amount_minor, currency, text(order.get("id")))
        if parts is None:
            return Answer(Outcome.REFUSED, why="more would go back than was paid")
        fields = {
            "orderId": order["id"],
            "currency": currency,
            "note": f"{text(reason)} [{tag}]",
            "transactions": parts,
        }
        stamp = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
        made = member(await self._client.ask(Ask(REFUND, {"input": fields, "key": stamp})), "refundCreate")
        if why := _why(made):
            raise PlatformRefuses(f"Shopify did not pay back: {why}")
        return Answer(Outcome.DONE, refund_number(order, member(made, "refund")))

    async def _change(
        self, document: Document, variables: Mapping[str, Any], name: str, errors: str = "userErrors"
    ) -> str:
        """Send a change; return in Shopify's own words why it was refused, empty if it was not."""
        return _why(member(await self._client.ask(Ask(document, dict(variables))), name), errors)


def _why(payload: Json, errors: str = "userErrors") -> str:
    return "; ".join(text(error.get("message")) or "refused" for error in members(payload, errors))[:500]


def _spread(
    transactions: Sequence[Json], amount_minor: int, currency: str, order_id: str
) -> list[dict[str, Any]] | None:
    """Return the refunds that make up an amount, from payments that have so much left; None if they do not."""
    left: dict[str, int] = {}
    gateways: dict[str, str] = {}
    for one in transactions:
        if one.get("status") != "SUCCESS":
            continue
        amount, kind = minor(one, "amountSet", currency), one.get("kind")
        if kind in ("SALE", "CAPTURE"):
            left[text(one.get("id"))] = amount
            gateways[text(one.get("id"))] = text(one.get("gateway"))
        elif kind == "REFUND":
            parent = text(member(one, "parentTransaction").get("id"))
            left[parent] = left.get(parent, 0) - amount
    parts = []
    for parent, available in left.items():
        part = min(available, amount_minor)
        if part > 0:
            amount_minor -= part
            gateway, written = gateways.get(parent, ""), written_of(part, currency)
            parts.append(
                {"orderId": order_id, "parentId": parent, "kind": "REFUND", "gateway": gateway, "amount": written}
            )
    return parts if parts and not amount_minor else None
