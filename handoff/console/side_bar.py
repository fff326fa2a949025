"""The right pane: the customer, why a human is needed, what may still be sent, orders, cart, consents."""

from __future__ import annotations

from collections.abc import Callable

from bot.shop.port import Cart, Line, Order
from handoff.console.labels import Labels, reason_words
from handoff.console.look import box, chip, icon_button, moment, money, text, until
from handoff.customer import Consent, Customer, Person, Rights
from handoff.desk import Conversation


class SideBar:
    """Shows what is known around the chosen conversation."""

    def __init__(self, labels: Labels, language: str, on_back: Callable[[], None]) -> None:
        self._labels = labels
        self._language = language
        self._shown: object = None
        with box("zg-side-head"):
            text(labels["details"], "zg-side-title")
            icon_button(labels["back"], "close", on_back, "zg-narrow")
        self._body = box("zg-side-body")

    def hide(self) -> None:
        """Show nothing."""
        self._shown = None
        self._body.clear()

    def show(self, conversation: Conversation) -> None:
        """Show the surroundings of a conversation."""
        talk = conversation.talk
        parts = talk.id, talk.reason, talk.group, conversation.rights, conversation.customer
        if parts == self._shown:
            return
        self._shown = parts
        self._body.clear()
        with self._body:
            if talk.reason:
                self._section("why_here")
                text(reason_words(talk.reason, self._labels), "zg-why")
            if conversation.rights is not None:
                self._rights(conversation.rights)
            self._person(conversation.customer.person, talk.group)
            self._shop(conversation.customer)

    def _section(self, label: str) -> None:
        text(self._labels[label], "zg-section")

    def _rights(self, rights: Rights) -> None:
        self._section("rights")
        with box("zg-fact"):
            if rights.ends_at is None:
                chip(self._labels["rights_none"], "zg-bad")
                return
            chip(self._labels["rights_left"].format(count=rights.left), "zg-warn" if rights.left < 2 else "zg-good")
            text(self._labels["for_time"], "zg-soft")
            until(rights.ends_at)

    def _person(self, person: Person | None, group: bool) -> None:
        labels = self._labels
        self._section("person")
        if person is None:
            text(labels["is_group" if group else "unknown"], "zg-soft")
            return
        with box("zg-person"):
            text(person.name[:1].upper() or "?", "zg-face")
            with box("zg-person-words"):
                text(person.name or "?", "zg-name")
                if person.unreachable:
                    chip(labels["unreachable"], "zg-bad")
        if person.spent is None:
            text(labels["unknown"], "zg-soft")
            return
        self._fact("tier", person.tier)
        self._fact("spent", money(person.spent))
        self._fact("phone", person.phone)

    def _fact(self, label: str, value: str) -> None:
        if value:
            with box("zg-fact"):
                text(self._labels[label], "zg-soft")
                text(value, "zg-value")

    def _shop(self, customer: Customer) -> None:
        if customer.cart is not None and customer.cart.lines:
            self._cart(customer.cart)
        linked = customer.person is not None and customer.person.spent is not None
        if linked or customer.orders:
            self._section("orders")
            if not customer.orders:
                text(self._labels["no_orders"], "zg-soft")
            for order in customer.orders:
                self._order(order, order.number in customer.proven)
        if customer.consents:
            self._section("consents")
            for consent in customer.consents:
                self._consent(consent)

    def _order(self, order: Order, proven: bool) -> None:
        with box("zg-order"):
            with box("zg-order-top"):
                text(order.number, "zg-value")
                if proven:
                    chip(self._labels["proven"], "zg-good")
                chip(self._labels[f"status_{order.status.value}"], f"zg-order-{order.status.value}")
            for line in order.lines:
                text(self._piece(line), "zg-piece")
            for shipment in order.shipments:
                text(f"{shipment.carrier} {shipment.tracking_number}", "zg-soft")
                if shipment.events:
                    newest = shipment.events[-1]
                    text(newest.place.get(self._language, ""), "zg-soft")
            with box("zg-order-low"):
                moment(order.created_at)
                text(money(order.total), "zg-value")

    def _cart(self, cart: Cart) -> None:
        self._section("cart")
        with box("zg-order"):
            for line in cart.lines:
                text(self._piece(line), "zg-piece")
            with box("zg-order-low"):
                moment(cart.updated_at)
                text(money(cart.total), "zg-value")

    def _piece(self, line: Line) -> str:
        name = line.name.get(self._language) or next(iter(line.name.values()), line.sku)
        colour = line.colour.get(self._language, "")
        return f"{line.quantity} × {name} {colour} {line.size}".strip()

    def _consent(self, consent: Consent) -> None:
        labels = self._labels
        where = labels["every_channel"] if consent.channel == "*" else consent.channel
        with box("zg-fact"):
            text(f"{labels.get(f'purpose_{consent.purpose}', consent.purpose)} · {where}", "zg-soft")
            chip(labels["yes" if consent.granted else "no"], "zg-good" if consent.granted else "zg-bad")
