"""Cancelling an order and sending it elsewhere: once agreed, while it has not left; else what can be done instead."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.messages import Choice
from bot.shop.commands import CancelOrder, ChangeAddress, Command, Outcome
from bot.shop.port import Line, Order, OrderStatus
from bot.skills import offers, pieced, proof, shown, will
from bot.skills.choices import is_question
from bot.skills.goods import named, named_now
from bot.skills.turn import Do, Note, Say, Step, Turn, phrases
from bot.skills.will import Will
from bot.understanding.entities import Entity
from bot.understanding.text import normal

NAME = "orders"
CANCEL, ADDRESS = "order_cancel", "address_change"
CHANGES = (CANCEL, ADDRESS)
BEFORE_DISPATCH = (OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.PACKED)
RULE = "order-cancel-rule"
"""The entry that tells until when an order can be cancelled."""
ENTRIES = frozenset({RULE})
STEPS = ("cancel", "part", "address", "agree_address", "instead", "redirect")
OWN_CHOICES = ("agree:", "part:", "instead:", "order:")
LONGEST_ADDRESS = 300
"""Characters."""
ABROAD = frozenset({"hmt", "abroad"})
"""Regions of which addresses have parts of their own."""
LED_TO = re.compile(
    r"(?:[改换換](?:成|為|为|到)|[寄送][到往去])[\s:：]*(.+)$|\bto:?\s+(.+)$", re.IGNORECASE | re.DOTALL
)
SEND_TO = re.compile(r"[寄送][到往去]|改[成为到]|\b(?:send|ship|deliver)\b.*\bto\b")
OTHER_ADDRESS = re.compile(r"\b(?:change|update|correct)\b.{0,24}\baddress\b.*\bto\b")
BIDS = re.compile(
    r"[改换換请請把帮幫]|麻[烦煩]|\b(?:change|update|correct|redirect)\b"
    r"|(?:^|[,.;!] ?|\b(?:please|pls|and|to|you|then) )(?:send|ship|deliver)\b"
)
"""Asks for something to be done. Without an order's number, goods and an address alone may tell of the past."""
OF_ORDER = re.compile(r"[订訂][单單]|地址|\border\b|\baddress\b")
"""Goods beside these are meant as an order."""
ONLY = re.compile(
    r"其中|只取消|就取消|一件不要|单独|[里裡]的?那?[件条條双雙]"
    r"|\bonly\b|\bjust the\b|\bone of\b|\bfrom (?:my|the) order\b"
)
"""Words by which one piece of several is taken out of an order."""
LESS = re.compile(
    r"只[要留][一1]?[件条條双雙个個套].{0,6}(?:取消|不要|去掉)|另(?:外)?[一1][件条條双雙个個套].{0,3}(?:取消|不要|退掉)"
    r"|[一1][件条條双雙个個套]就[够夠].{0,8}|(?:改成|改为)[一1][件条條双雙个個套](?!衣)"
    r"|\bonly (?:want |need )?(?:one|1|two|2)\b.{0,20}\b(?:not|instead of) (?:two|2|three|3)\b"
    r"|\b(?:cancel|remove|drop) (?:one|1) of (?:them|the two|the (?:two |2 )?[a-z]+s)\b|\breduce .{0,20}to (?:one|1)\b"
)
"""Words for fewer pieces than were ordered."""
WHOLE = re.compile(r"整[单單个個]|全部|都取消|都不要|所有|\b(?:whole|entire|all|everything|both)\b")
KEEPS = re.compile(
    r"[不别別](?:用|要|想)?取消|算了|不改了|不用改"
    r"|\b(?:don'?t|do not|no need to) (?:cancel|change)\b|\bkeep (?:it|the order)\b|never ?mind"
)
SURE = re.compile(
    r"^(?:(?:是的?|对|對|好的?|嗯+|确定|確定|确认|確認)[,，。! ]*)?(?:请|請|就)?"
    r"(?:取消|改)(?:吧|掉|了|它|订单|訂單|这单|這單)*[。!！]*$"
    r"|^(?:yes,? )?(?:please )?(?:cancel|change)(?: it| the order| my order)?(?: please)?[.!]*$"
)
"""`cancel it`, said when asked whether to."""
BEFORE_ADDRESS = re.compile(
    r"^.*(?:地址|收[货貨]信息|[改换換][成为為到]?|[寄送][到往去]|到|不[对對][,，。 ]*是?|[应應][该該]是|错了|錯了"
    r"|address|\bto\b|\bis\b|\bit'?s\b|\bshould be\b|\bwrong\b|\bno\b(?!\.? ?\d))[\s:：,，]*",
    re.IGNORECASE | re.DOTALL,
)
"""What leads to an address and is no part of it."""
YES = re.compile(
    r"^(?:是|对|對|好|嗯|行|可以|没错|沒錯|确定|確定|确认|確認|ok|yes|y|yep|confirm(?:ed)?)"
    r"[的了吧啊呀嗯,，。.! ]*(?:是|对|對)?的?[。.!]*$"
)
TO_WHOM = re.compile(
    r"收[件货貨]人|[联聯][系繫]人|(?:[电電][话話]|手机号?|手機)[:：]?(?:改|换|換|是|为|為|号|写|寫|错|錯|不|\d|\+)"
    r"|名字(?:改|换|是|写|寫|错|錯|不)"
    r"|\b(?:recipient|(?:phone|mobile)(?: number)?(?: is|:| to|(?= ?[+\d]))|name (?:is|to|should))\b"
)
"""Speaks of who receives a parcel, or of their phone."""
A_PHONE = re.compile(r"\+?\d(?:[ -]?\d){6,}")
A_NAME = re.compile(
    r"(?:收[件货貨]人|[联聯][系繫]人|名字)(?:姓名|的?名字)?(?:[改换換是为為写寫成叫填:： ])*"
    r"(?![改换換是为為写寫成叫填要不错錯电電地信手我你他她它别別其另一两哪谁誰人有没也都就还的了能可请請能给換])[\u4e00-\u9fff]{2,}"
    r"|(?:收[件货貨]人|[联聯][系繫]人|名字)[改换換是为為写寫成叫填:： ]*[a-z]{2,}"
    r"|\b(?:recipient(?:'?s)?(?: name)?|name)(?: (?:is|to|should be|will be)|:) *"
    r"(?!not\b|wrong|incorrect|misspel|different|some|another|else|my\b|me\b|the\b|an?\b|change)[^\W\d_]{2,}"
)
BARE_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}|[a-z][a-z'.-]+(?: [a-z][a-z'.-]+){1,3}")
"""A value to print on a parcel. A name by itself is one only where it was asked for."""
WHOM = "whom"
"""The slot that tells that the name or the phone was asked for."""
PUTS_RIGHT = re.compile(rf"不是|\bnot\b|{KEEPS.pattern}")
"""Tells what is wrong, not where to send it."""
N = "order.number"
PHRASES = phrases(
    orders=f"agree_cancel {N} order.goods; agree_cancel_unpaid {N} order.goods; "
    f"agree_yes; agree_no; cancelled_now {N}; cancelled_unpaid {N}; "
    f"cancelling {N}; cancel_refused {N}; kept {N}; pieces_fixed {N} order.goods; "
    f"part_or_whole {N} line.goods; part_only; part_whole; "
    f"part_noted {N} line.goods; too_late_to_cancel {N}; instead_intercept; instead_redirect; intercept_noted {N}; "
    f"delivered_already {N} order.delivered; ask_address {N}; agree_address {N} order.address; address_yes; "
    f"address_no; address_changed {N} order.address; address_changing {N}; address_refused {N}; address_kept {N}; "
    f"rest_of_address order.address; ask_whom; too_late_for_address {N}; ask_redirect {N}; "
    f"redirect_noted {N} order.address"
)


# --- hearing -----------------------------------------------------------------------------------------------------
def wish_of(turn: Turn) -> str:
    """Return what is wanted: another change than before if the message asks for it, else what was wanted."""
    best, before = turn.meaning.best, turn.state.slots.get("wish", "")
    if turn.state.skill != NAME:
        return best
    return best if best in CHANGES and not (turn.state.step == "address" and _is_address(turn)) else before or best


def answers(turn: Turn) -> bool:
    """Return whether the message answers what was asked about a change. A question is never taken for an answer."""
    step, best = turn.state.step, turn.meaning.best
    if turn.choice:
        return turn.choice.startswith(OWN_CHOICES)
    if step not in STEPS:
        return best in CHANGES or (turn.state.slots.get("wish") == ADDRESS and bool(_parts_of_address(turn)))
    if _tells_to_whom(turn) or _lacks_whom(turn):
        return True
    if best in CHANGES or _agrees(turn) or _refuses(turn) or _is_address(turn) or pieced.piece(turn):
        return True
    if is_question(turn.text) or best == "cancel_dialogue":
        return False
    said = normal(turn.text)
    return step == "part" and bool(named_now(turn) or WHOLE.search(said) or ONLY.search(said))


def _agrees(turn: Turn) -> bool:
    if turn.choice:
        return turn.choice == "agree:yes"
    said = normal(turn.text)
    said_yes = turn.meaning.best == "affirm" or YES.search(said) is not None or SURE.search(said) is not None
    return turn.state.step in ("cancel", "agree_address") and not _refuses(turn) and said_yes


def _refuses(turn: Turn) -> bool:
    if turn.choice:
        return turn.choice == "agree:no"
    if turn.state.step not in STEPS or _is_address(turn):
        return False
    bare_cancel = turn.state.step == "cancel" and SURE.search(normal(turn.text)) is not None
    left = turn.meaning.best in ("deny", "cancel_dialogue") and not bare_cancel
    said = normal(turn.text)
    return left or KEEPS.search(said) is not None or any(will.denies(said, change) for change in CHANGES)


def _tells_to_whom(turn: Turn) -> bool:
    """Return whether a message tells who receives the parcel, or their phone, and gives no address of its own."""
    said = normal(turn.text)
    value = A_PHONE.search(said) or A_NAME.search(said)
    if turn.state.slots.get(WHOM) and not turn.meaning.best:
        return _may_tell_to_whom(turn) and bool(value or BARE_NAME.fullmatch(said))
    return _may_tell_to_whom(turn) and bool(value and TO_WHOM.search(said))


def _lacks_whom(turn: Turn) -> bool:
    """Return whether a message speaks of who receives the parcel and does not say who: `收件人要换一个`."""
    said = normal(turn.text)
    keeps = turn.meaning.best in ("affirm", "cancel_dialogue") or KEEPS.search(said)
    speaks = TO_WHOM.search(said) and not keeps
    return _may_tell_to_whom(turn) and bool(speaks) and not _tells_to_whom(turn)


def _may_tell_to_whom(turn: Turn) -> bool:
    asked = turn.state.step == "agree_address" and not turn.choice and not is_question(turn.text)
    units = {one.unit for one in turn.meaning.entities if one.kind == "address"}
    return asked and not (units & pieced.PLACES and units & pieced.DOORS)


def _cut(turn: Turn, text: str, start: int) -> str:
    """Return the address without the words that lead to it; a name or a phone in front stays."""
    same_places = len(normal(text)) == len(text)  # `start` counts in the normal form
    if not same_places:
        return BEFORE_ADDRESS.sub("", text) or text
    if start and text[start - 1] in "改换換" and text[start] in "成为為到":  # read as part of a city's name
        start += 1
    before = text[:start]
    for number in turn.meaning.values("order"):
        before = re.sub(re.escape(number), "", before, flags=re.IGNORECASE)
    return (BEFORE_ADDRESS.sub("", before).lstrip(" ,，:：") + text[start:]).strip()


def _is_address(turn: Turn) -> bool:
    return bool(address_in(turn, kept=False))


def address_in(turn: Turn, *, kept: bool = True) -> str:
    """Return the address that the message gives, as it was written, else the one given before; empty if none was.

    Only one with a place and a door counts: `it is block 3, not 2` does not tell where to send a parcel.
    """
    before = str(turn.state.slots.get("address", "")) if kept and turn.state.skill == NAME else ""
    if turn.choice or _tells_to_whom(turn) or _lacks_whom(turn):
        return before
    if pieced.piece(turn):
        whole = pieced.joined(turn)
        return whole if kept and pieced.is_whole(turn, whole) else before
    parts = [entity for entity in turn.meaning.entities if entity.kind == "address"]
    units = {entity.unit for entity in parts}
    text = turn.text.strip()[:LONGEST_ADDRESS]
    if units & pieced.PLACES and units & pieced.DOORS:
        return _cut(turn, text, min(entity.start for entity in parts))
    abroad = ABROAD & set(turn.meaning.values("region"))
    if turn.meaning.best == ADDRESS and abroad and (match := LED_TO.search(text)):
        led = (match[1] or match[2]).strip()
        if pieced.is_loose(led):
            return led
    asked = turn.state.step in ("address", "redirect")
    speaks = turn.meaning.best and turn.meaning.best != ADDRESS
    said = BEFORE_ADDRESS.sub("", text)
    loose = asked and not speaks and pieced.is_loose(text) and len(said) >= pieced.SHORTEST
    if loose and not is_question(text) and turn.meaning.value("order") is None and not PUTS_RIGHT.search(normal(text)):
        return said
    return before


def _parts_of_address(turn: Turn) -> tuple[Entity, ...]:
    """Return the parts of an address that a message tells."""
    parts = tuple(one for one in turn.meaning.entities if one.kind == "address")
    telling = any(part.unit in pieced.PLACES | pieced.DOORS for part in parts)
    return parts if telling and not turn.choice and not is_question(turn.text) else ()


def begun(turn: Turn) -> dict[str, str]:
    """Return, as slots, the address or a part of it that is told before it is settled of which order."""
    before = str(turn.state.slots.get(pieced.SO_FAR, "")) if turn.state.skill == NAME else ""
    if address := address_in(turn):
        return {"address": address}
    parts, text = _parts_of_address(turn), turn.text.strip()[:LONGEST_ADDRESS]
    led = LED_TO.search(text) if turn.meaning.best == ADDRESS else None
    city = (led[1] or led[2]).rstrip(" .。!！") if led and not turn.choice else ""
    if parts:
        so_far = pieced.join(before, _cut(turn, text, min(part.start for part in parts)))
    elif pieced.NAMES.fullmatch(city):
        so_far = pieced.join(before, city)
    else:
        return {pieced.SO_FAR: before} if before else {}
    return {"address" if pieced.is_whole(turn, so_far) else pieced.SO_FAR: so_far}


def tells_where(turn: Turn) -> bool:
    """Return whether a message names an order, or goods of one, and a whole address to send it to: `把…寄到…`."""
    if turn.state.skill or turn.choice or is_question(turn.text) or turn.meaning.best not in ("", ADDRESS):
        return False
    said = normal(turn.text)
    if will.tells_where_it_went(said):
        return False
    numbered = turn.meaning.value("order") is not None
    if numbered and OTHER_ADDRESS.search(said):
        return _is_address(replace(turn, meaning=replace(turn.meaning, ranked=((ADDRESS, 1.0),))))
    named = numbered or (named_now(turn) and OF_ORDER.search(said) and BIDS.search(said))
    return bool(named) and SEND_TO.search(said) is not None and _is_address(turn)


def counts_less(turn: Turn) -> bool:
    """Return whether fewer pieces of the same are wanted: `want only 1 shirt not 2`."""
    said = normal(turn.text)
    return not turn.choice and LESS.search(said) is not None


# --- doing -------------------------------------------------------------------------------------------------------
def change(turn: Turn, order: Order, wish: str, address: str) -> Step:
    """Take the change as far as this message goes. `order` is proven and not over."""
    if order.status is OrderStatus.DELIVERED:
        return _delivered(turn, order)
    if order.status not in BEFORE_DISPATCH:
        return _too_late(turn, order, wish, address)
    return _cancel(turn, order) if wish == CANCEL else _send_elsewhere(turn, order, address)


def _cancel(turn: Turn, order: Order) -> Step:
    lines = _part_meant(turn, order)
    if turn.choice == "part:one" or (turn.state.step == "part" and lines):
        return _part_noted(turn, order, lines or _kept_part(turn, order))
    whole = turn.choice == "part:whole" or (turn.state.step == "part" and WHOLE.search(normal(turn.text)))
    asked = turn.state.step == "cancel"
    if asked and _refuses(turn):
        return _end(turn, order, _say(order, "kept"))
    if asked and _agrees(turn):
        return _do_cancel(turn, order, turn.text[:200] or "customer")
    if turn.state.step == "part" and _refuses(turn):
        return _end(turn, order, _say(order, "kept"))
    if counts_less(turn) and any(line.quantity > 1 for line in order.lines):
        goods = {"order.goods": shown.lines(order.lines, turn.language)}
        says = _say(order, "pieces_fixed", goods, _yes_no(turn, "agree_yes", "agree_no"))
        return _wait_for(turn, order, CANCEL, "cancel", says)
    if lines and not whole:
        return _part_or_whole(turn, order, lines)
    several = len(set(turn.meaning.values("order"))) > 1  # then it is read back first
    if order.status is OrderStatus.UNPAID and not several and will.of(turn, CANCEL) is Will.PLAIN:
        return _do_cancel(turn, order, "customer")
    goods = {"order.goods": shown.lines(order.lines, turn.language)}
    ask = "agree_cancel_unpaid" if order.status is OrderStatus.UNPAID else "agree_cancel"
    says = _say(order, ask, goods, _yes_no(turn, "agree_yes", "agree_no"))
    return _wait_for(turn, order, CANCEL, "cancel", says)


def _do_cancel(turn: Turn, order: Order, why: str) -> Step:
    done = "cancelled_unpaid" if order.status is OrderStatus.UNPAID else "cancelled_now"
    return _do(turn, order, CancelOrder(order.number, why), done, "cancelling", "cancel_refused")


def _part_meant(turn: Turn, order: Order) -> tuple[Line, ...]:
    """Return the lines that alone are to be cancelled; none where all of the order is meant, or nobody knows."""
    goods, said = named_now(turn) if turn.state.step in STEPS else named(turn), normal(turn.text)
    lines = tuple(line for line in order.lines if goods.means(line))
    if turn.choice or WHOLE.search(said) or len(lines) == len(order.lines):
        return ()
    return lines or (order.lines if ONLY.search(said) and len(order.lines) > 1 else ())


def _kept_part(turn: Turn, order: Order) -> tuple[Line, ...]:
    kept = turn.state.slots.get("part", ())
    return tuple(line for line in order.lines if line.id in kept) or order.lines


def _part_or_whole(turn: Turn, order: Order, lines: tuple[Line, ...]) -> Step:
    goods = {"line.goods": shown.listed((shown.line(line, turn.language) for line in lines), turn.language)}
    choices = (
        *(() if lines == order.lines else (Choice("part:one", turn.phrase("orders.part_only")),)),
        Choice("part:whole", turn.phrase("orders.part_whole")),
    )
    step = _wait_for(turn, order, CANCEL, "part", _say(order, "part_or_whole", goods, choices))
    return replace(step, state=step.state.keeping(part=[line.id for line in lines]))


def _part_noted(turn: Turn, order: Order, lines: tuple[Line, ...]) -> Step:
    goods = {"line.goods": shown.listed((shown.line(line, turn.language) for line in lines), turn.language)}
    skus = ", ".join(line.sku for line in lines)
    note = Note(f"Order {order.number}: cancel only {skus}. The customer said: {turn.text[:200]}", CANCEL)
    return _end(turn, order, _say(order, "part_noted", goods, (offers.human(turn),)), note)


def _send_elsewhere(turn: Turn, order: Order, address: str) -> Step:
    asked = turn.state.step == "agree_address"
    if asked and _agrees(turn) and address:
        words = {"order.address": address}
        return _do(
            turn,
            order,
            ChangeAddress(order.number, address),
            "address_changed",
            "address_changing",
            "address_refused",
            words,
        )
    if address and _lacks_whom(turn):
        step = _wait_for(turn, order, ADDRESS, "agree_address", _say(order, "ask_whom"))
        return replace(step, state=step.state.keeping(address=address, **{WHOM: True}))
    if turn.state.step in ("address", "agree_address") and _refuses(turn):
        if turn.state.step == "address" or KEEPS.search(normal(turn.text)) or turn.meaning.best == "cancel_dialogue":
            return _end(turn, order, _say(order, "address_kept"))
        address = ""
    if asked and address and _tells_to_whom(turn):
        address = f"{address}{'，' if turn.language == 'zh' else ', '}{turn.text.strip()}"[:LONGEST_ADDRESS]
    if not address:
        kept = "" if turn.state.step in STEPS else str(turn.state.slots.get(pieced.SO_FAR, ""))
        so_far = pieced.joined(turn) if pieced.piece(turn) else kept
        says = Say("orders.rest_of_address", {"order.address": so_far}) if so_far else _say(order, "ask_address")
        step = _wait_for(turn, order, ADDRESS, "address", says)
        return replace(step, state=step.state.keeping(address="", **{pieced.SO_FAR: so_far}))
    read_back = _say(order, "agree_address", {"order.address": address}, _yes_no(turn, "address_yes", "address_no"))
    step = _wait_for(turn, order, ADDRESS, "agree_address", read_back)
    return replace(step, state=step.state.keeping(address=address, **{pieced.SO_FAR: address, WHOM: False}))


def _too_late(turn: Turn, order: Order, wish: str, address: str) -> Step:
    """Tell what can be done with a parcel that has left: refuse it, send it back later, have the carrier asked."""
    step = turn.state.step
    if step in ("instead", "redirect") and _refuses(turn):
        return _end(turn, order, _say(order, "kept" if wish == CANCEL else "address_kept"))
    if turn.choice == "instead:intercept":
        note = Note(
            f"Order {order.number}: ask the carrier to stop the parcel and bring it back. {_parcels(order)}",
            CANCEL,
            order.number,
        )
        return _end(turn, order, _say(order, "intercept_noted", choices=(offers.human(turn),)), note)
    if wish == ADDRESS and address and (step in ("instead", "redirect") or turn.choice == "instead:redirect"):
        text = f"Order {order.number}: ask the carrier to bring the parcel to: {address}. {_parcels(order)}"
        said = _say(order, "redirect_noted", {"order.address": address}, (offers.human(turn),))
        return _end(turn, order, said, Note(text, ADDRESS))
    if turn.choice == "instead:redirect":
        return _wait_for(turn, order, ADDRESS, "redirect", _say(order, "ask_redirect"))
    what = "intercept" if wish == CANCEL else "redirect"
    choices = (Choice(f"instead:{what}", turn.phrase(f"orders.instead_{what}")),)
    said = _say(order, "too_late_to_cancel" if wish == CANCEL else "too_late_for_address", {}, choices)
    says = (Say(RULE), said) if wish == CANCEL else (said,)
    came = _wait_for(turn, order, wish, "instead", *says)
    return replace(came, state=came.state.keeping(address=address)) if address else came


def _delivered(turn: Turn, order: Order) -> Step:
    day = shown.day(order.delivered_at or order.created_at, turn.language, turn.zone)
    choices = (*offers.labelled(turn, ("return_request",)), offers.human(turn))
    return _end(turn, order, _say(order, "delivered_already", {"order.delivered": day}, choices))


def _parcels(order: Order) -> str:
    return "Parcels: " + ", ".join(f"{one.carrier} {one.tracking_number}" for one in order.shipments)


# --- saying ------------------------------------------------------------------------------------------------------
def _say(order: Order, phrase: str, fields: dict[str, str] | None = None, choices: tuple[Choice, ...] = ()) -> Say:
    words = {"order.number": order.number, **(fields or {})}
    return Say(f"orders.{phrase}", words, choices, (shown.order_source(order),))


def _yes_no(turn: Turn, yes: str, no: str) -> tuple[Choice, ...]:
    return Choice("agree:yes", turn.phrase(f"orders.{yes}")), Choice("agree:no", turn.phrase(f"orders.{no}"))


def _wait_for(turn: Turn, order: Order, wish: str, step: str, *says: Say) -> Step:
    """Return the step that asks; a person is offered beside all else."""
    *before, last = says
    last = replace(last, choices=(*last.choices, offers.human(turn)))
    waiting = turn.state.waiting(NAME, step, order=order.number, wish=wish)
    return Step((*before, last), waiting, proof.proof_effects(turn, order))


def _end(turn: Turn, order: Order, said: Say, *notes: Note) -> Step:
    return Step((said,), turn.state.idle(), (*proof.proof_effects(turn, order), *notes))


def _do(
    turn: Turn,
    order: Order,
    command: Command,
    done: str,
    pending: str,
    refused: str,
    words: dict[str, str] | None = None,
) -> Step:
    """Have the shop do it, and say what became of it."""
    human = (offers.human(turn),)
    said = {
        Outcome.DONE: _say(order, done, words),
        Outcome.PENDING: _say(order, pending, choices=human),
        Outcome.REFUSED: _say(order, refused, choices=human),
    }
    return Step((), turn.state.idle(), (*proof.proof_effects(turn, order), Do(command, said)))
