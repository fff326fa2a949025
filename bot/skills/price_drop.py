"""Price-drop notice: which product; the customer is told once when it costs less than today."""

from __future__ import annotations

import re

from bot.messages import Choice, Source
from bot.shop.commands import Outcome, UnwatchPrices, WatchPrice
from bot.shop.port import Product
from bot.skills import offers, shown
from bot.skills.turn import Do, Say, Skill, Step, Turn, phrases
from bot.understanding.lexicon import category_of
from bot.understanding.text import normal

NAME, WISH = "price_drop", "price_drop_notice"
HEARS = frozenset({"product_search", "stock_question", "price_question"})
"""What an answer looks like that only names a product."""
_FALLS = (
    r"(?:降|减|減|跌|掉)[了]?[价價]|[价價][格钱錢]?(?:降|低|跌|掉)|便宜(?:了|下来|的时候|的話|的话)"
    r"|\b(?:cheaper|price (?:drop|fall|goes? down|comes? down|is (?:lower|reduced))(?:s|ped)?"
    r"|(?:drops|falls|goes down|comes down) in price|marked down)\b"
)
_TELL_ZH = (
    r"(?:告诉|告訴|通知|提醒|叫|喊|吼|戳|联系|聯繫|艾特|@)一?[声聲]?我|[说說叫喊]一?[声聲]"
    r"|(?:通知|提醒)(?:一下|一声|一聲|$)"
)
_TELL_EN = r"\b(?:tell|notify|message|ping|alert|remind|text|e-?mail|inform) me\b|\blet me know\b"
_ALERT = r"\bprice(?:[- ](?:drop|fall))?[- ](?:alert|watch|notification|notice|reminder)s?\b"
ASKS = re.compile(
    rf"(?:{_FALLS}).{{0,14}}?(?:{_TELL_ZH}|(?:{_TELL_EN})(?: then| ok| okay| please| pls| thanks)*[.!]*$)"
    r"|(?:提醒|通知)我.{0,6}降[价價]"
    rf"|(?:{_TELL_EN})\b.{{0,12}}\b(?:when(?:ever)?|if|once|as soon as)\b.{{0,40}}?(?:{_FALLS})"
    rf"|降[价價](?:通知|提醒)|{_ALERT}"
)
"""Asks to be told when something gets cheaper."""
NO_MORE = re.compile(
    r"(?:不用|不要|不需要|别|別|甭|取消|关掉|關掉)再?(?:[给給发發]我?)?[^。,，]{0,6}降[价價][^。,，]{0,4}(?:通知|提醒|告诉|告訴)"
    r"|(?:不用|不要|不需要|别|別|甭|取消|关掉|關掉)再?(?:通知|提醒|告诉|告訴)[^。,，]{0,4}降[价價]|降[价價](?:通知|提醒)[^。,，]{0,4}(?:不要了|不用了|取消|关了|关掉|退订)"
    rf"|\b(?:no more|stop|cancel|turn off|do ?n['’]?o?t (?:want|need|send))\b.{{0,24}}{_ALERT}"
)
"""Wants to hear no more of it."""
BOUGHT = re.compile(
    r"退[差还還]|差[价價]|价保|[买買拍](?:了|完|过|過|贵|貴)|\b(?:refund|difference|bought|ordered|paid|last week)\b"
)
"""Beside these it is money back that is asked for."""
MOST_OFFERED = 6
PHRASES = phrases(price_drop="which; which_of_these; watching product price; refused product; stopped; nothing_watched")


def run(turn: Turn) -> Step | None:
    """Take the wish as far as this message goes: which product, then wait for it."""
    waits = turn.state.skill == NAME
    if NO_MORE.search(normal(turn.text)) and not turn.choice:
        said = {Outcome.DONE: Say("price_drop.stopped"), Outcome.REFUSED: Say("price_drop.nothing_watched")}
        return Step((), turn.state.idle(), (Do(UnwatchPrices(), said),))
    if waits and not _answers(turn):
        return None
    product = _product(turn)
    return _which(turn) if product is None else _watch(turn, product)


def _answers(turn: Turn) -> bool:
    if turn.choice:
        return turn.choice.startswith("product:")
    named = turn.meaning.value("product") or category_of(normal(turn.text))
    return bool(named) and turn.meaning.best in ("", WISH, *HEARS)


def _product(turn: Turn) -> Product | None:
    """Return the product that is named, or was just spoken of."""
    picked = turn.choice.removeprefix("product:") if turn.choice.startswith("product:") else None
    named = turn.meaning.values("product")
    product_id = picked or (named[0] if len(named) == 1 else "" if named else _spoken_of(turn))
    return turn.shop.product(product_id) if product_id else None


def _spoken_of(turn: Turn) -> str | None:
    """Return the product of the last messages; not if something else is named now."""
    before = turn.state.before(turn.now) if turn.state.skill != NAME else None
    if before is None or category_of(normal(turn.text)):
        return None
    named = next((one.value for one in before.entities if one.kind == "product" and not one.negated), None)
    told = turn.state.last.get("shown", ())
    return named or (told[0] if len(told) == 1 else None)


def _which(turn: Turn) -> Step:
    """Ask which product; offer those of the kind that is named, or that were just told of."""
    category = category_of(normal(turn.text))
    told = turn.state.last.get("shown", ()) if category is None else ()
    found = [one for one in turn.shop.products() if one.category == category or one.id in told][:MOST_OFFERED]
    choices = tuple(Choice(f"product:{one.id}", shown.name(one.name, turn.language)) for one in found)
    said = Say("price_drop.which_of_these" if choices else "price_drop.which", choices=(*choices, offers.human(turn)))
    return Step((said,), turn.state.waiting(NAME, "product"))


def _watch(turn: Turn, product: Product) -> Step:
    tier = turn.person.tier
    prices = [variant.price_for(tier) for variant in product.variants if variant.stock > 0] or [
        variant.price_for(tier) for variant in product.variants
    ]
    name = {"product": shown.name(product.name, turn.language)}
    lowest = min(prices, key=lambda price: price.amount_minor, default=None)
    source = (Source(f"product:{product.id}", str(lowest.amount_minor) if lowest else ""),)
    refused = Say("price_drop.refused", name, (offers.human(turn),), source)
    if lowest is None:
        return Step((refused,), turn.state.idle())
    watching = Say("price_drop.watching", {**name, "price": shown.money(lowest, turn.language)}, sources=source)
    said = {Outcome.DONE: watching, Outcome.REFUSED: refused}
    return Step((), turn.state.idle(), (Do(WatchPrice(product.id, tier), said),))


def _settles(turn: Turn) -> str:
    """Return the wish of someone who asks for it in its own words, and not for money back."""
    said = normal(turn.text)
    if turn.choice or turn.state.skill not in ("", NAME, "products", "sizing"):
        return ""
    if NO_MORE.search(said):
        return WISH
    return WISH if ASKS.search(said) and not BOUGHT.search(said) and not turn.meaning.value("order") else ""


SKILL = Skill(NAME, frozenset({WISH}), run, PHRASES, about=frozenset({"product"}), hears=HEARS, settles=_settles)
