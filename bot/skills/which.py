"""Which of somebody's own orders is meant: by what is in it, by the day it was placed, or as the last one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from bot.shop.port import Order, OrderStatus
from bot.skills.choices import is_question
from bot.skills.goods import Goods, named
from bot.skills.turn import Turn
from bot.understanding.lexicon import garment_of
from bot.understanding.text import normal

NEWEST = re.compile(
    r"上一[单單筆]|上[个個][单單]|最[近新后後]的?那?[一这這个個]?(?:[单單筆个個]|订单|訂單|买的|買的|下的|拍的)"
    r"|[刚剛](?:[刚剛才]{0,2})(?:下|买|買|拍)"
    r"|\b(?:last|latest|newest|most recent) (?:order|one|purchase)\b|\bjust (?:ordered|placed|bought)\b"
    r"|\border i just\b|^(?:the )?(?:last|latest|newest)$"
)
THEM = re.compile(r"[这這那它]|\b(?:it|them|this|that|these|those)\b")
BOUGHT = re.compile(
    r"[买買拍购購]|下的?[单單]|下的|付款|[订訂]的|那[单單笔筆]|的[单單]|[订訂][单單]"
    r"|\b(?:bought|ordered|placed|purchased|paid|purchase)\b|\border (?:from|of|on)\b"
    r"|'s order\b|\bthe one (?:from|of)\b"
)
"""Beside a day these words tell that something was bought on it."""
NEAR = (timedelta(0), timedelta(days=1), timedelta(days=2))
"""So far beside a day that was named an order may have been placed, if none was nearer: a sale has an eve."""


def picks(turn: Turn) -> bool:
    """Return whether the message tells an order by its day or as the last one."""
    return bool(_spans(turn)) or NEWEST.search(normal(turn.text)) is not None


def meant(turn: Turn, orders: Sequence[Order]) -> list[Order]:
    """Return those of `orders` that the message may mean; all of them if it tells none apart."""
    goods = named(turn) or _spoken_of(turn)
    fitting = [order for order in orders if any(goods.means(line) for line in order.lines)] or list(orders)
    fitting = _of_day(turn, fitting) or fitting
    if NEWEST.search(normal(turn.text)):
        alive = [order for order in fitting if order.status is not OrderStatus.CANCELLED] or fitting
        return [max(alive, key=lambda order: order.created_at)]
    return fitting


def _spoken_of(turn: Turn) -> Goods:
    """Return the goods that were spoken of last, where the message names nothing itself: `exchange them`."""
    before = turn.state.before(turn.now)
    if before is None or garment_of(normal(turn.text)) or picks(turn) or not THEM.search(normal(turn.text)):
        return Goods()
    return Goods(tuple(one.value for one in before.entities if one.kind == "product" and not one.negated))


def _of_day(turn: Turn, orders: list[Order]) -> list[Order]:
    """Return the orders placed on the day that was named, else near it."""
    spans = _spans(turn)
    placed = [(order, order.created_at.astimezone(turn.zone).date()) for order in orders]
    for around in NEAR:
        found = [o for o, on in placed if any(first - around <= on <= last + around for first, last in spans)]
        if found:
            return found
    return []


def _spans(turn: Turn) -> list[tuple[date, date]]:
    """Return the days on which something was bought, as first and last day; days to come are none."""
    asked_for_order = turn.state.step == "order" and not is_question(turn.text)
    if not (asked_for_order or BOUGHT.search(normal(turn.text))):
        return []
    today = turn.now.astimezone(turn.zone).date()
    said = (*turn.meaning.values("date"), *turn.meaning.values("span"))
    spans = [(date.fromisoformat(one.partition("/")[0]), date.fromisoformat(one.rpartition("/")[2])) for one in said]
    return [(first, last) for first, last in spans if first <= today]
