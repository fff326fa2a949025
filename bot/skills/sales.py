"""Flash sales in chat: what is on, and claiming a piece of it."""

from __future__ import annotations

from bot.knowledge.entries import version_of
from bot.messages import Choice, Source
from bot.skills import shown
from bot.skills.turn import Claim, SaleView, Say, Skill, Step, Turn, phrases

CLAIM = "claim:"
"""Begins the tokens of choices that claim a piece."""
FIELDS = "sale.product sale.price"
PHRASES = phrases(
    sales=f"none; which; info {FIELDS} sale.left; held {FIELDS} sale.left claim.minutes customer.name; "
    f"again {FIELDS} customer.name; sold_out sale.product customer.name; not_running"
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
    return Say("sales.info", fields, sources=(Source(f"sale:{sale.id}", version_of(*fields.values())),))


def _claim(turn: Turn, sale: SaleView) -> Step:
    facts = {"sale.product": _product(turn, sale), "sale.price": sale.price}
    source = (Source(f"sale:{sale.id}", version_of(*facts.values())),)
    fields = {**facts, "customer.name": turn.person.name}
    outcomes = ("held", "again", "sold_out", "not_running")
    said = {outcome: Say(f"sales.{outcome}", fields, sources=source) for outcome in outcomes}
    return Step((), turn.state, (Claim(sale.id, said),))


def _product(turn: Turn, sale: SaleView) -> str:
    return shown.name(sale.product, turn.language)


SKILL = Skill("sales", frozenset({"sale_claim", "sale_info"}), run, PHRASES)
