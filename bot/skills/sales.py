"""Flash sales in chat: what is on, and claiming a piece of it."""

from __future__ import annotations

from bot.messages import Source
from bot.skills import shown
from bot.skills.turn import Claim, Say, Skill, Step, Turn, phrases

FIELDS = "sale.product sale.price"
PHRASES = phrases(
    sales=f"none; info {FIELDS} sale.left; held {FIELDS} sale.left claim.minutes customer.name; "
    f"again {FIELDS} customer.name; sold_out sale.product customer.name; not_running"
)


def run(turn: Turn) -> Step | None:
    """Claim for `sale_claim` or a tap on the card; tell what is on for `sale_info`."""
    if turn.sale is None:
        return Step((Say("sales.none"),), turn.state)
    fields = {"sale.product": shown.name(turn.sale.product, turn.language), "sale.price": turn.sale.price}
    if turn.meaning.best == "sale_info" and not turn.choice.startswith("claim:"):
        info = {**fields, "sale.left": str(turn.sale.left)}
        return Step((Say("sales.info", info, sources=(Source(f"sale:{turn.sale.id}", "running"),)),), turn.state)
    fields = {**fields, "customer.name": turn.person.name}
    said = {outcome: Say(f"sales.{outcome}", fields) for outcome in ("held", "again", "sold_out", "not_running")}
    sale_id = turn.choice.removeprefix("claim:") if turn.choice.startswith("claim:") else turn.sale.id
    return Step((), turn.state, (Claim(sale_id, said),))


SKILL = Skill("sales", frozenset({"sale_claim", "sale_info"}), run, PHRASES)
