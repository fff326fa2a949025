"""The right pane: the customer, why a human is needed, what may still be sent, orders, cart, consents."""

from __future__ import annotations

from collections.abc import Callable

from bot.shop.port import Cart, Line, Order
from handoff.console.labels import Labels, reason_words
from handoff.console.look import box, chip, icon_button, moment, money, text
from handoff.customer import Consent, Customer, Person
from handoff.desk import Conversation
from handoff.rights import Credit, Rights, Window


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
        if not rights.windows:
            chip(self._labels["rights_none"], "zg-bad")
        for window in rights.windows:
            self._window(window)
        if rights.kept:
            text(self._labels["rights_kept"], "zg-soft")
        if rights.credits:
            self._section("credits")
            for credit in rights.credits:
                self._credit(credit)

    def _window(self, window: Window) -> None:
        labels = self._labels
        with box("zg-right"):
            if window.left is None:
                chip(labels["rights_open"], "zg-good")
            else:
                looks = "zg-good" if window.left > 1 else "zg-warn" if window.left else "zg-bad"
                chip(labels["rights_of"].format(left=window.left, allowed=window.allowed), looks)
            if window.ends_at is not None:
                text(labels["rights_until"], "zg-soft")
                moment(window.ends_at)
            text(labels.get(f"action_{window.action}", window.action), "zg-soft zg-right-action")

    def _credit(self, credit: Credit) -> None:
        with box("zg-fact"):
            text(credit.name, "zg-soft")
            chip(self._labels["credit_left"].format(count=credit.left), "zg-good")

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
