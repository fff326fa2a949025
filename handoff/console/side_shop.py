"""The customer's cart, orders and consents."""

from __future__ import annotations

from bot.shop.port import Cart, Line, Order
from handoff.console.hidden import Revealed, hidden_fact
from handoff.console.labels import Labels
from handoff.console.look import box, chip, moment, money, section, text
from handoff.customer import Consent, Customer


def show_shop(customer: Customer, labels: Labels, language: str, revealed: Revealed) -> None:
    """Show what the shop knows of a customer; nothing where it knows nothing."""
    if customer.cart is not None and customer.cart.lines:
        _cart(customer.cart, labels, language)
    linked = customer.person is not None and customer.person.spent is not None
    if linked or customer.orders:
        section(labels["orders"])
        if not customer.orders:
            text(labels["no_orders"], "zg-soft")
        for order in customer.orders:
            _order(order, order.number in customer.proven, labels, language, revealed)
    if customer.consents:
        section(labels["consents"])
        for consent in customer.consents:
            _consent(consent, labels)


def _order(order: Order, proven: bool, labels: Labels, language: str, revealed: Revealed) -> None:
    with box("zg-order"):
        with box("zg-order-top"):
            text(order.number, "zg-value")
            if proven:
                chip(labels["proven"], "zg-good")
            chip(labels[f"status_{order.status.value}"], f"zg-order-{order.status.value}")
        for line in order.lines:
            text(_piece(line, language), "zg-piece")
        hidden_fact(labels, "order_address", order.address, (f"order:{order.number}", "address"), revealed)
        for shipment in order.shipments:
            text(f"{shipment.carrier} {shipment.tracking_number}", "zg-soft")
            if shipment.events:
                text(shipment.events[-1].place.get(language, ""), "zg-soft")
        with box("zg-order-low"):
            moment(order.created_at)
            text(money(order.total), "zg-value")


def _cart(cart: Cart, labels: Labels, language: str) -> None:
    section(labels["cart"])
    with box("zg-order"):
        for line in cart.lines:
            text(_piece(line, language), "zg-piece")
        with box("zg-order-low"):
            moment(cart.updated_at)
            text(money(cart.total), "zg-value")


def _piece(line: Line, language: str) -> str:
    name = line.name.get(language) or next(iter(line.name.values()), line.sku)
    return f"{line.quantity} × {name} {line.colour.get(language, '')} {line.size}".strip()


def _consent(consent: Consent, labels: Labels) -> None:
    where = labels["every_channel"] if consent.channel == "*" else consent.channel
    with box("zg-fact"):
        text(f"{labels.get(f'purpose_{consent.purpose}', consent.purpose)} · {where}", "zg-soft")
        chip(labels["yes" if consent.granted else "no"], "zg-good" if consent.granted else "zg-bad")
