"""Flash sales in chat: what is on, and claiming a piece of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.knowledge.entries import version_of
from bot.messages import Choice, Source
from bot.skills import shown
from bot.skills.turn import Claim, SaleView, Say, Skill, Step, Turn, phrases

CLAIM = "claim:"
"""Begins the tokens of choices that claim a piece."""
CLAIM_LINK = "claim-"
"""Begins the payload of a link to the chat that claims a piece."""
FIELDS = "sale.product sale.price"
PHRASES = phrases(
    sales=f"none; which; info {FIELDS} sale.left sale.limit; held {FIELDS} sale.left claim.minutes customer.name; "
    f"again {FIELDS} sale.limit customer.name; waiting sale.product claim.place customer.name; "
    "waiting_in_group sale.product claim.place customer.name; "
    "late sale.product customer.name; too_early sale.product sale.starts customer.name; "
    "too_new sale.product customer.name; pay claim.link; not_running"
)


def run(turn: Turn) -> Step:
    """Claim for `sale_claim` or a tap on the card; tell what is on for `sale_info`."""
    if turn.choice.startswith(CLAIM):
        sale = turn.sales.get(turn.choice.removeprefix(CLAIM))
        return _claim(turn, sale) if sale else Step((Say("sales.not_running"),), turn.state)
    sales = tuple(turn.sales.values())
    if not sales:
        return Step((Say("sales.none"),), turn.state)
    if turn.meaning.best == "sale_info":
        return Step(tuple(_info(turn, sale) for sale in sales), turn.state)
    if len(sales) == 1:
        return _claim(turn, sales[0])
    choices = tuple(Choice(f"{CLAIM}{sale.id}", f"{_product(turn, sale)} {sale.price}") for sale in sales)
    return Step((Say("sales.which", choices=choices),), turn.state)


def _info(turn: Turn, sale: SaleView) -> Say:
    fields = {"sale.product": _product(turn, sale), "sale.price": sale.price, "sale.left": str(sale.left)}
    fields["sale.limit"] = str(sale.limit)
    return Say("sales.info", fields, sources=(Source(f"sale:{sale.id}", version_of(*fields.values())),))


def _claim(turn: Turn, sale: SaleView) -> Step:
    facts = {"sale.product": _product(turn, sale), "sale.price": sale.price}
    source = (Source(f"sale:{sale.id}", version_of(*facts.values())),)
    fields = {**facts, "customer.name": turn.person.name, "sale.limit": str(sale.limit), "sale.starts": ""}
    if sale.starts_at is not None:
        early = timedelta(seconds=sale.early.get(turn.person.tier, 0))
        fields["sale.starts"] = shown.time_of(sale.starts_at - early, turn.language, turn.zone)
    outcomes = ("held", "again", "waiting", "late", "too_early", "too_new", "not_running")
    said = {outcome: Say(f"sales.{outcome}", fields, sources=source) for outcome in outcomes}
    if turn.is_group:  # whose turn it is, they are told where nobody else reads it
        said["waiting"] = replace(said["waiting"], id="sales.waiting_in_group")
    pay_url = "" if turn.is_group else sale.pay_url  # in a group everybody would read whose it is
    return Step((), turn.state, (Claim(sale.id, said, pay_url),))


def _product(turn: Turn, sale: SaleView) -> str:
    return shown.name(sale.product, turn.language)


SKILL = Skill("sales", frozenset({"sale_claim", "sale_info"}), run, PHRASES, is_public=True)
