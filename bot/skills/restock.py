"""Restock notice: which piece is waited for, in which colour and size; the customer is told once when it is back."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.messages import Choice, Source
from bot.shop.commands import Outcome, WatchStock
from bot.shop.port import Product, Variant
from bot.skills import offers, shown
from bot.skills.agreeing import says_no, says_yes
from bot.skills.goods import is_colour
from bot.skills.instead import instead
from bot.skills.turn import Do, Say, Skill, Step, Turn, phrases
from bot.understanding.lexicon import category_of
from bot.understanding.text import normal

NAME, WISH, RULE = "restock", "restock_notice", "stock-restock"
HEARS = frozenset({"product_search", "stock_question", "size_advice"})
"""What an answer looks like that only names a piece, a colour or a size."""
WHEN_BACK = re.compile(
    r"(?:[什甚]么时候|啥时候?|几时|幾時|多久|何时)(?:[能会才再可以还]|大概|会再)*(?:有[货貨]|补[货貨]|[補]貨|[来上回进到][货貨]|再有)"
    r"|\bwhen (?:is|are|will|do|does|would|can|might)\b.{0,40}?"
    r"\b(?:back(?: in)?|restock(?:ed)?|in stock(?: again)?|more (?:of (?:it|them)|in)"
    r"|(?:available|there|here|made|(?:have|get|make|stock|buy)\b.{0,30}?) again)\b"
    r"|\bhow (?:soon|long)\b.{0,30}\b(?:back in|restock(?:ed)?|available again)\b"
    r"|\bhow (?:soon\b|long\b.{0,20}\b(?:until|till|before)\b).{0,30}\bin stock\b"
)
"""Asks for the day on which a piece can be had again. No shop knows it; a notice is what can be done."""
NOT_GOODS = re.compile(
    r"\b(?:money|refund|parcel|package|delivery|order|courier|you guys|open|sale|discount)\b"
    r"|钱|退款|货款|包裹|快递|订单"
)
"""What comes back, or arrives, too."""
ARRIVES = re.compile(r"到[货貨]$")
OWN = re.compile(r"我们?(?:[买買拍下订訂][的了过過]|下[单單]|的)")
"""Beside these it is a parcel that arrives."""
NOTICE = re.compile(
    r"通知|提醒|(?:到|有|[到有补補来][货貨])了?就?(?:告诉|告訴|叫|喊|[联聯][系繫])我|[说說叫喊]一[声聲]"
    r"|\b(?:notif(?:y|ication)|notice|remind(?:er)?|alert|ping|let me know|message me|e-?mail me)\b"
    r"|\btell me (?:when|once|as soon as) (?:it|they|this|that|these)\b"
)
"""Asks to be told."""
NO_NOTICE = re.compile(
    r"(?:(?<!要)不(?:想|用|必|需|要)要?|[别別甭])(?:再|收到?|[给給发發]?我|[这這][个個条條]?|[到补補][货貨])*(?:通知|提醒)"
    r"|\b(?:no|not|never|without|do ?n['’]?o?t)(?: (?:want|need|send|get|to be|me|an?|any|the|restock|back in stock))*"
    r" (?:notif(?:y|ied|ications?)|remind(?:ers?|ed)?|alerts?)\b"
)
OF_GOODS = frozenset({WISH, RULE, "product_search", "stock_question", "size_advice"})
"""After these it is a piece that `it` comes back."""
MOST_OFFERED = 6
PHRASES = phrases(
    restock="which; which_of_these; which_colour product; which_size product; there variant price; none_gone product; "
    "not_made product colours sizes; no_date; watching variant; pending variant; refused variant"
)


def run(turn: Turn) -> Step | None:
    """Take the wish as far as this message goes: which piece, which colour, which size, then wait for it."""
    waits = turn.state.skill == NAME
    turn = _agreed(turn) if waits else turn
    if waits and turn.state.slots.get("noticed") and says_no(turn, "no"):
        return Step((Say("dialogue.cancelled"),), turn.state.idle(), decision="smalltalk")
    if waits and not _answers(turn):
        return None
    said = normal(turn.text)
    if not turn.choice and NO_NOTICE.search(said) and not WHEN_BACK.search(said):
        return Step((Say("dialogue.left_alone"),), turn.state.idle(), decision="smalltalk")
    product = _product(turn)
    if product is None:
        return _which(turn)
    colours, sizes = _wanted(turn, "colour"), _wanted(turn, "size")
    fitting = [v for v in product.variants if _is_wanted(v, colours, sizes)]
    if turn.choice.startswith("watch:"):
        fitting = [v for v in product.variants if v.sku == turn.choice.removeprefix("watch:")]
    if not fitting:
        return _ask(turn, product, _not_made(turn, product), list(product.variants))
    if len(fitting) > 1:
        return _narrow(turn, product, fitting, bool(colours))
    return _watch(turn, product, fitting[0])


def _answers(turn: Turn) -> bool:
    if turn.choice:
        return turn.choice.startswith(("watch:", "product:"))
    if WHEN_BACK.search(normal(turn.text)) and turn.meaning.best == WISH:
        return True
    named = any(turn.meaning.value(kind) for kind in ("product", "colour", "size")) or category_of(normal(turn.text))
    return bool(named) and turn.meaning.best in ("", WISH, *HEARS)


def _agreed(turn: Turn) -> Turn:
    """Return the turn as a pick where a plain yes is said to the notice that is offered."""
    offered = turn.state.slots.get("noticed")
    return replace(turn, choice=f"watch:{offered}") if offered and not turn.choice and says_yes(turn, "") else turn


def _product(turn: Turn) -> Product | None:
    """Return the product that is named now, was named before in this talk of it, or was just spoken of."""
    kept = turn.state.slots.get("product") if turn.state.skill == NAME else None
    picked = turn.choice.removeprefix("product:") if turn.choice.startswith("product:") else None
    product_id = picked or turn.meaning.value("product") or kept or _spoken_of(turn, "product")
    product_id = product_id or _gone_of_those_shown(turn)
    return turn.shop.product(product_id) if product_id else None


def _spoken_of(turn: Turn, kind: str) -> str | None:
    """Return what the last messages were about: `tell me when it is back`; not if something else is named now."""
    before = turn.state.before(turn.now) if turn.state.skill != NAME else None
    if before is None or category_of(normal(turn.text)):
        return None
    return next((one.value for one in before.entities if one.kind == kind and not one.negated), None)


def _gone_of_those_shown(turn: Turn) -> str | None:
    """Return the one product, of those just shown, that is gone in the colour and size that were asked for."""
    before = turn.state.before(turn.now) if turn.state.skill != NAME else None
    if before is None or category_of(normal(turn.text)):
        return None
    told = {kind: tuple(e.value for e in before.entities if e.kind == kind) for kind in ("colour", "size")}
    gone = []
    for one in turn.state.last.get("shown", ()):
        product = turn.shop.product(one)
        asked = [v for v in product.variants if _is_wanted(v, told["colour"], told["size"])] if product else []
        if asked and not any(variant.stock for variant in asked):
            gone.append(one)
    return gone[0] if len(gone) == 1 and (told["colour"] or told["size"]) else None


def _wanted(turn: Turn, kind: str) -> tuple[str, ...]:
    now = turn.meaning.values(kind)
    if now or turn.state.skill == NAME:
        return now or tuple(turn.state.slots.get(kind, ()))
    named = turn.meaning.value("product")
    spoken = None if named else _spoken_of(turn, kind)
    return (spoken,) if spoken else ()


def _is_wanted(variant: Variant, colours: tuple[str, ...], sizes: tuple[str, ...]) -> bool:
    in_colour = not colours or any(is_colour(colour, variant.colour) for colour in colours)
    return in_colour and (not sizes or variant.size in sizes)


def _which(turn: Turn) -> Step:
    """Ask which piece; offer those of the kind named that are sold out somewhere."""
    category = category_of(normal(turn.text))
    of_kind = [p for p in turn.shop.products() if p.category == category and any(not v.stock for v in p.variants)]
    choices = tuple(Choice(f"product:{p.id}", shown.name(p.name, turn.language)) for p in of_kind[:MOST_OFFERED])
    kept = {kind: list(_wanted(turn, kind)) for kind in ("colour", "size")}
    said = Say("restock.which_of_these" if choices else "restock.which", choices=(*choices, offers.human(turn)))
    return Step((said,), turn.state.waiting(NAME, "product", **kept))


def _narrow(turn: Turn, product: Product, fitting: list[Variant], has_colour: bool) -> Step:
    """Ask for the colour or the size that is missing; where only one of them is sold out, that is meant."""
    gone = [variant for variant in fitting if not variant.stock]
    name = {"product": shown.name(product.name, turn.language)}
    if len(gone) == 1:
        return _watch(turn, product, gone[0])
    if not gone:
        said = Say("restock.none_gone", name, sources=(_source(product),))
        there = Say(RULE) if has_colour else None
        return Step((said, there) if there else (said,), turn.state.idle())
    ask = "which_size" if has_colour or len({v.size for v in gone}) > 1 else "which_colour"
    return _ask(turn, product, Say(f"restock.{ask}", name), gone)


def _ask(turn: Turn, product: Product, said: Say, among: list[Variant]) -> Step:
    gone = [variant for variant in among if not variant.stock][:MOST_OFFERED]
    choices = tuple(Choice(f"watch:{v.sku}", _short(v, turn.language)) for v in gone)
    kept = {kind: list(_wanted(turn, kind)) for kind in ("colour", "size")} if said.id != "restock.not_made" else {}
    kept_on = {"product": product.id, "asks": _only_asks(turn), "noticed": ""}
    spoken = Say(said.id, said.fields, (*choices, offers.human(turn)), (_source(product),))
    return Step((spoken,), turn.state.waiting(NAME, "variant", **kept_on, **kept))


def _not_made(turn: Turn, product: Product) -> Say:
    colours = shown.listed((shown.name(v.colour, turn.language) for v in product.variants), turn.language)
    fields = {
        "product": shown.name(product.name, turn.language),
        "colours": colours,
        "sizes": shown.listed((v.size for v in product.variants), turn.language),
    }
    return Say("restock.not_made", fields)


def _watch(turn: Turn, product: Product, variant: Variant) -> Step:
    """Wait for a variant, and say what there is instead; nobody waits for what is there."""
    words = {"variant": _long(product, variant, turn.language)}
    source = (_source(product),)
    if variant.stock > 0:
        price = shown.money(variant.price_for(turn.person.tier), turn.language)
        return Step((Say("restock.there", {**words, "price": price}, sources=source),), turn.state.idle())
    said = {
        Outcome.DONE: Say("restock.watching", words, sources=source),
        Outcome.PENDING: Say("restock.pending", words, sources=source),
        Outcome.REFUSED: Say("restock.refused", words, (offers.human(turn),), source),
    }
    instead_of_it = tuple(instead(turn, product, (variant,)))
    if _only_asks(turn):
        return _offer(turn, product, variant, instead_of_it)
    no_date = (Say("restock.no_date"),) if WHEN_BACK.search(normal(turn.text)) else ()
    return Step((*instead_of_it, *no_date), turn.state.idle(), (Do(WatchStock(variant.sku), said),))


def _offer(turn: Turn, product: Product, variant: Variant, instead_of_it: tuple[Say, ...]) -> Step:
    """Say that no day is known, and offer the notice: who asks for a day has not asked for one."""
    said = Say("restock.no_date", sources=(_source(product),))
    if NO_NOTICE.search(normal(turn.text)):
        return Step((*instead_of_it, said), turn.state.idle())
    choices = (Choice(f"watch:{variant.sku}", turn.phrase(f"intent.{WISH}")), offers.human(turn))
    kept = {kind: list(_wanted(turn, kind)) for kind in ("colour", "size")}
    waiting = turn.state.waiting(NAME, "variant", product=product.id, asks=True, noticed=variant.sku, **kept)
    return Step((*instead_of_it, replace(said, choices=choices)), waiting)


def _only_asks(turn: Turn) -> bool:
    """Return whether the day is asked for, now or before the piece was asked back, and no notice."""
    said = normal(turn.text)
    if NOTICE.search(NO_NOTICE.sub(" ", said)):
        return False
    slots = turn.state.slots if turn.state.skill == NAME else {}
    kept = bool(slots.get("asks")) and turn.choice != f"watch:{slots.get('noticed', '')}"
    return kept or WHEN_BACK.search(said) is not None


def _short(variant: Variant, language: str) -> str:
    return f"{shown.name(variant.colour, language)} {variant.size}"


def _long(product: Product, variant: Variant, language: str) -> str:
    goods, colour = shown.name(product.name, language), shown.name(variant.colour, language)
    return f"{goods}（{colour}，{variant.size}）" if language == "zh" else f"{goods} ({colour}, {variant.size})"


def _source(product: Product) -> Source:
    return Source(f"product:{product.id}", "-".join(str(variant.stock) for variant in product.variants)[:60])


def _settles(turn: Turn) -> str:
    """Return the wish of someone who asks when a piece is back that is named, or was just spoken of as goods."""
    said, meaning = normal(turn.text), turn.meaning
    if turn.choice or turn.state.skill not in ("", NAME, "sizing", "products") or not _asks_when(said):
        return ""
    other = any(label not in OF_GOODS for label in (meaning.best or WISH, *(part for part, _ in meaning.parts)))
    if other or NOT_GOODS.search(said) or meaning.value("order"):
        return ""
    if turn.state.skill == NAME and turn.state.slots.get("product"):
        return WISH
    before = turn.state.before(turn.now)
    spoken = before is not None and before.label in OF_GOODS and _spoken_of(turn, "product") is not None
    return WISH if spoken or meaning.value("product") else ""


def _asks_when(said: str) -> bool:
    """Return whether a message (normal form) asks when something can be had again, and not when a parcel comes."""
    own = OWN.search(said) is not None
    return any(not (own and ARRIVES.search(match[0])) for match in WHEN_BACK.finditer(said))


SKILL = Skill(
    NAME,
    frozenset({WISH}),
    run,
    PHRASES,
    frozenset({RULE}),
    about=frozenset({"product"}),
    hears=HEARS,
    settles=_settles,
)
