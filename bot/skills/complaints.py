"""Complaints: sorry first, the rule if there is one, a case with its clocks, and a human with everything known."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.shop.port import Order
from bot.skills import orders, proof, shown
from bot.skills.choices import is_question
from bot.skills.goods import named, of_kind
from bot.skills.turn import Complain, Effect, FailProof, Handoff, Say, Skill, Step, Turn, phrases
from bot.understanding import reasons
from bot.understanding.text import normal

WORDS = re.compile(
    r"投诉|差评|举报|12315|曝光|(?:客服|你们).{0,4}(?:死了|死光|死哪|干嘛吃|干什么吃|垃圾)"
    r"|(?:什么|啥|这)态度"
    r"|(?:服务|态度).{0,4}(?:恶劣|极差|太差|垃圾|差劲)"
    r"|\b(?:complain(?:t|ing)?|report you|bad review|one star|sue you|rip[- ]?off|scam(?:mers)?)\b"
    r"|\b(?:service|staff|shop|company|support) (?:is|are) "
    r"(?:a joke|awful|terrible|useless|disgusting|rubbish|the worst)\b"
)
"""What people say who complain of the shop, whatever else they say."""
UNHEARD = re.compile(
    r"没人[理回](?:我(?!家)|复|$|[,，。!！])|没[理回]我(?:消息|$|[,，。!！])"
    r"|(?:客服|你们|消息).{0,6}(?:一直|都|半天|[几\d三四五六七]天)(?:没人|不|没)[理回]"
    r"|(?:一直|都|半天|[几\d三四五六七]天)(?:没人|不|没)[理回]我?(?:的)?(?:消息|信息|咨询)"
    r"|\b(?:nobody|no one|no-one) (?:has |ever |even )*(?:answer|repl|respond|helps?)[a-z]*"
    r"(?: (?:to )?(?:me|my|messages?|chats?|emails?|customers?|here|anymore|any more)\b| *$| *[,.!])"
    r"|\bkeep (?:being )?ignor"
)
"""What people say whom nobody answers."""
AT_THE_DOOR = re.compile(r"敲门|门铃|按铃|快递员|\b(?:door(?:bell)?|intercom)\b")
"""Where it was the customer who did not answer."""
ASKS_HOW = re.compile(r"怎么投诉|如何投诉|投诉电话|哪里投诉|\bhow (?:do|can|to|would)\b")
TORN_BY_DESIGN = re.compile(
    r"破洞(?:款|风|的)*(?=[^,，。]{0,3}[裤衫衣恤])"
    r"|\b(?:ripped|distressed) (?=(?:[a-z]+ )?(?:jeans|pants|trousers|shorts|denim))"
)
NOT_OURS = re.compile(
    r"想买|要买|想要|[找求]|同款|类似|推荐|洗|自己|不小心|[洒撒溅]了"
    r"|\b(?:looking for|similar|want to buy|where can i (?:buy|get)|wash|clean|remove|get (?:it |the \w+ )?out)\b"
    r"|\bi (?:accidentally )?(?:spil(?:led|t)|stained|ripped|tore|burn(?:ed|t)|dropped|cut)\b|\bmy old\b"
)
"""Beside a picture of something torn or stained: goods are looked for, or it was the customer's own doing."""
DELIVERED = re.compile(r"签收|已送达|妥投|送到了|\b(?:delivered|signed for)\b")
"""A parcel that is said to have come: how a courier rings is no help then."""
LOST = "lost_parcel"
NAME, COMPLAINT, ANGER = "complaints", "complaint", "anger"
RULES = {
    "complaint": "",
    "damaged_item": "aftersale-quality",
    "wrong_item": "aftersale-wrong-item",
    "missing_item": "aftersale-missing-item",
    LOST: "shipping-nobody-home",
}
"""Intents, and the entry that tells what is done in such a case."""
MOST_NOTED = 500
PRIORITY = 2
ANGER_FIRST = 3
"""Priority in the queue: in front of complaints."""
PHRASES = phrases(desk="complaint; clocks; pictures", dialogue="anger")


def run(turn: Turn) -> Step:
    """Say sorry, tell what is done in such a case and by when, and put the conversation at the front of the queue."""
    reason = turn.meaning.best
    delivered = reason == LOST and DELIVERED.search(normal(turn.text))
    proven, effects = _proven_now(turn)
    told = proven is not None and reason == LOST
    rule = "" if delivered or told else RULES.get(reason, "")
    stands = tuple(replace(say, choices=()) for say in orders.status(turn, proven)) if told and proven else ()
    effects = (*effects, *orders.tasks_of(turn, proven)) if told and proven else effects
    seen = (Say("desk.pictures"),) if turn.pictures else ()
    says = (Say("desk.complaint"), *((Say(rule),) if rule else ()), *seen, *stands, Say("desk.clocks"))
    return Step(says, turn.state.idle(), (*effects, case_of(turn, reason, proven)), Handoff(reason, PRIORITY))


def _proven_now(turn: Turn) -> tuple[Order | None, tuple[Effect, ...]]:
    """Return the order that is named and proven in this message, with what is to be kept of the proof."""
    if not turn.meaning.value("order"):
        return None, ()
    found = proof.find_order(turn, NAME, lambda _: True)
    if isinstance(found, Step):  # nothing is asked of somebody who complains; a wrong answer counts
        return None, tuple(effect for effect in found.effects if isinstance(effect, FailProof))
    return found, proof.proof_effects(turn, found)


def sounds(turn: Turn) -> bool:
    """Return whether a message complains by its words, and does not merely ask how that is done."""
    said = normal(turn.text)
    unheard = UNHEARD.search(said) is not None and AT_THE_DOOR.search(said) is None
    return (WORDS.search(said) is not None or unheard) and ASKS_HOW.search(said) is None


def _settles(turn: Turn) -> str:
    """Return the intent of someone who complains in so many words, where nothing else is sure."""
    if turn.state.skill or turn.choice:
        return ""
    if turn.meaning.best in ("", orders.STATUS) and _tells_of_damage(turn):
        return "damaged_item"
    return COMPLAINT if not turn.meaning.best and sounds(turn) else ""


def _tells_of_damage(turn: Turn) -> bool:
    """Return whether an order is named, or a picture sent, only to say what is faulty: `my order … is torn`."""
    said = normal(turn.text)
    if reasons.reason_in(TORN_BY_DESIGN.sub(" ", said)) not in ("damaged", "quality") or is_question(turn.text):
        return False
    shown_only = bool(turn.pictures) and "damaged_item" in (turn.meaning.best, *turn.meaning.possible)
    return turn.meaning.value("order") is not None or (shown_only and NOT_OURS.search(said) is None)


def case_of(turn: Turn, reason: str, proven: Order | None = None) -> Complain:
    """Return the case with everything that is known: the words, order and goods, pictures, what was spoken of."""
    order = proven or _order(turn)
    before = turn.state.before(turn.now)
    told = (
        f"{reason}: {turn.text[:MOST_NOTED]}",
        f"order {order.number} ({order.status}): {_goods(turn, order)}" if order else _said_number(turn),
        f"pictures in the chat: {len(turn.pictures)}" if turn.pictures else "",
        f"before: {before.text}" if before and before.text != turn.text else "",
    )
    return Complain("\n".join(filter(None, told)), turn.complaint_answer_h, turn.complaint_solve_h)


def _order(turn: Turn) -> Order | None:
    """Return the order that is meant, if it is shown to be theirs: the one named, else the only one."""
    number = turn.meaning.value("order") or turn.state.slots.get("order")
    if number:
        order = turn.shop.order(str(number))
        return order if order is not None and turn.may_see(order) else None
    own = turn.shop.orders_of(turn.person.customer_id) if turn.person.customer_id else ()
    goods = named(turn)
    fitting = [order for order in own if any(goods.means(line) for line in order.lines) or of_kind(turn, order.lines)]
    return fitting[0] if len(fitting) == 1 else None


def _goods(turn: Turn, order: Order) -> str:
    goods = named(turn)
    lines = tuple(line for line in order.lines if goods.means(line)) or of_kind(turn, order.lines) or order.lines
    return shown.lines(lines, turn.language)


def _said_number(turn: Turn) -> str:
    number = turn.meaning.value("order")
    return f"order {number}, not shown to be theirs" if number else ""


SKILL = Skill(
    NAME,
    frozenset(RULES),
    run,
    PHRASES,
    frozenset(filter(None, RULES.values())),
    about=frozenset({"order"}),
    settles=_settles,
)
