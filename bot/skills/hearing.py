"""What a message means in its place: a pick from the choices, a bare number, or words of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from bot.messages import Choice
from bot.skills import codes, looks, lost, proof, spared, will
from bot.skills.asked_on import asks_on
from bot.skills.choices import chosen, is_question, pointed_at
from bot.skills.coupons import bare_code
from bot.skills.draft import counts_only
from bot.skills.goods import kind
from bot.skills.turn import ASKED, HUMAN, Skill, Turn
from bot.skills.which import picks
from bot.understanding import fit
from bot.understanding.entities import ACTED_ON, MEASURES, Entity
from bot.understanding.fabrics import wished_in
from bot.understanding.orders import OTHER, WORDS_AROUND
from bot.understanding.reasons import means_all, only_no_photo
from bot.understanding.text import CJK, letters, normal

BY_ITSELF = {"order": "order_status", OTHER: "order_status", "measure": "size_advice", "product": "product_search"}
"""What is wanted by someone who names a thing and says nothing more."""

FAULTS = frozenset({"damaged_item", "wrong_item", "missing_item"})
"""Complaints that give a reason to someone who asks for a return in the same message."""
ASKS_SIZE = re.compile(r"码|多大|几号|什么号|哪个号|\bsizes?\b|\b(?:what|how) about\b")
"""Beside a body's measures, or a size of another system, this asks for a size, if nothing else is understood."""
INSTEAD = {
    "return_request": re.compile(r"\b(?:instead of|rather than|not) (?:a |to )?(?:return|refund)"),
    "exchange_request": re.compile(r"\b(?:instead of|rather than|not) (?:an? |to )?(?:exchange|swap)"),
    "price_drop_notice": re.compile(
        r"^(?!.*(?:通知|提醒|告诉|告訴|\btell me\b|\blet me know\b|\bnotify\b))"
        r".*(?:退[^,，。]{0,3}差|差[价價]|\brefund (?:of )?(?:me )?the difference\b|\bprice difference\b)"
    ),
    "wrong_item": re.compile(
        r"[拍买下选点订]错|\b(?:ordered|bought|picked|chose|selected|clicked) (?:on )?(?:the |a )?wrong\b"
    ),
}
"""Words for what is not wanted, or was the customer's own mistake and not the shop's, beside `bot.skills.will`."""
CRISIS = "crisis"
STATUS, HISTORY = "order_status", "order-history"
"""An order told by its day sounds like the entry on old orders."""
OF_AN_ORDER = (STATUS, "order_cancel", "address_change")
"""What is done with an order, which may be named by what is in it."""
TOLD_BY_DAY = 0.3
"""An order told by its day, or as the last one, says less than its number: what is wanted of it has to be likelier."""
ODD = 0.35
"""What is acted on so much later sounds too odd for a rule of words to settle it."""
NAMED = frozenset({"order", OTHER, "product"})
"""Things of a shop, beside fabrics and cases."""
CASE = re.compile(r"(?<![a-z0-9])rt ?-?\d{6}")
UNHEARD = -math.inf
"""The margin of what the classifier did not think of."""
LIKELY = 0.2
"""So far above what is worth asking about a wish speaks against a skill that has answered."""
LONG_ZH, LONG_EN = 9, 8
"""Signs and words from which a message says by itself what it is about."""
ALONE = frozenset({"sale_claim"})
"""A piece is claimed by a word or a number, which elsewhere means something else: `M or L?`, `one piece`."""
SIZES = frozenset({"size", "size_label", *MEASURES})
ORDER_WORD = re.compile(r"[单單]|\border")
NAMING = ("product_search", "stock_question", "return_request")
"""What a message seems to want that only says which of the pieces offered is meant."""


def hear(turn: Turn, skills: Sequence[Skill] = ()) -> Turn:
    """Settle what the message is before anything is decided.

    Args:
        skills: whose rules of words are asked, see `Skill.settles`.

    A pick and a message that only names things have no wish of their own: the classifier's ranking, which is made of
    words, counts for nothing then.
    """
    if (code := codes.heard(turn)) is not None:
        return code
    if (without := lost.heard(turn)) is not None:
        return without
    turn = _counts_nothing_missing(_without_denied(_without_photo(turn)))
    if asks_on(turn):
        return replace(turn, meaning=replace(turn.meaning, ranked=((STATUS, 1.0),), parts=()))
    if turn.meaning.follows:
        return _not_again(turn)
    if turn.meaning.best == HISTORY and picks(turn):
        return replace(turn, meaning=replace(turn.meaning, ranked=((STATUS, 1.0),), parts=()))
    trusted = () if _is_odd(turn) else skills
    asked, skill = next(((label, one) for one in trusted if one.settles and (label := one.settles(turn))), ("", None))
    if skill and _is_heard(turn, asked, skill):
        parts = _with_others(turn, asked, skill, skills)
        return replace(turn, meaning=replace(turn.meaning, ranked=((asked, 1.0),), parts=parts))
    if _joins_sale(turn) and ASKED not in turn.state.slots and not turn.choice:
        return turn
    picked = chosen(turn.text, turn.choice, turn.state.offered) or _agreed(turn) or _pointed_at(turn)
    if picked is not None:
        turn = replace(turn, choice=picked.token, meaning=replace(turn.meaning, ranked=()))
        return _as_asked(turn) if picked.token.startswith("label:") else turn
    if _names_a_kind(turn):
        return replace(turn, meaning=replace(turn.meaning, ranked=()))
    if names_only(turn) and not _is_phrasing(turn) and not _joins_sale(turn):
        return replace(turn, meaning=replace(turn.meaning, ranked=()))
    return turn


def _with_others(turn: Turn, label: str, skill: Skill, skills: Sequence[Skill]) -> tuple[tuple[str, float], ...]:
    """Return what a rule of words found and what clauses of the message want of other skills; none without those."""
    own = skill.intents | skill.hears | ALONE
    others = {intent for one in skills for intent in one.intents} - own
    wanted = tuple(part for part in (*turn.meaning.parts, *turn.meaning.alone) if part[0] in others)
    return ((label, 1.0), *wanted) if wanted else ()


def _is_odd(turn: Turn) -> bool:
    """Return whether a first message speaks of things that no shop does: `the gym charged me twice`."""
    return not turn.state.skill and turn.meaning.bounds.later >= ODD and turn.meaning.value("order") is None


def _is_heard(turn: Turn, label: str, skill: Skill) -> bool:
    """Return whether a message sounds like what `skill` takes it for, goes on with a talk, or names a thing.

    Of messages without a talk before them, rules of words choose among what is worth asking: alone they took
    `"i want a refund", said my ex` for a return.
    """
    goes_on = bool(turn.state.skill or turn.state.last)
    heard = (margin for one, margin in (*turn.meaning.ranked, *turn.meaning.parts) if one == label)
    likely = max(heard, default=UNHEARD) >= turn.meaning.bounds.ask
    best = turn.knowledge.entry(turn.meaning.best, turn.language)
    leads_there = best is not None and f"skill:{skill.name}" in best.next
    return goes_on or likely or leads_there or _names_a_thing(turn)


def _names_a_thing(turn: Turn) -> bool:
    said = normal(turn.text)
    kinds = {entity.kind for entity in turn.meaning.entities}
    told = wished_in(said) or CASE.search(said) or bare_code(turn) or looks.points_at_picture(turn)
    return bool(kinds & NAMED or told)


def _without_photo(turn: Turn) -> Turn:
    """Leave out the worry about somebody who says but that they `can't take a photo`."""
    meaning = turn.meaning
    if CRISIS not in dict(meaning.ranked) or not only_no_photo(normal(turn.text)):
        return turn
    ranked = tuple(one for one in meaning.ranked if one[0] != CRISIS)
    return replace(turn, meaning=replace(meaning, ranked=ranked, parts=()))


def _without_denied(turn: Turn) -> Turn:
    """Leave out what is named as not wanted, or as a slip: `我不是要退货，我要换货`, `拍错了，取消吧`."""
    said = normal(turn.text)
    denied = {label for label in will.VERBS if will.denies(said, label)}
    denied |= {label for label, pattern in INSTEAD.items() if pattern.search(said)}
    parts = tuple(part for part in turn.meaning.parts if part[0] not in denied)
    if len(parts) == len(turn.meaning.parts) or not parts:
        return turn
    ranked = (parts[0], *(one for one in turn.meaning.ranked if one[0] not in denied and one[0] != parts[0][0]))
    return replace(turn, meaning=replace(turn.meaning, ranked=ranked, parts=parts if len(parts) > 1 else ()))


def _counts_nothing_missing(turn: Turn) -> Turn:
    """Ask about a mere number of pieces: `only one pair` may be what is missing, or what goes back."""
    meaning = turn.meaning
    if meaning.best not in FAULTS or meaning.is_sure or not counts_only(normal(turn.text)):
        return turn
    either = (("return_request", meaning.margin), meaning.ranked[0])
    return replace(turn, meaning=replace(meaning, ranked=(), parts=(), heard=either))


def _not_again(turn: Turn) -> Turn:
    """Leave out the entry that was just said where another region is asked about, unless it tells them apart."""
    meaning = turn.meaning
    entry = turn.knowledge.entry(meaning.follows, turn.language)
    if entry is None or not meaning.value("region") or any(variant.region for variant in entry.variants):
        return turn
    ranked = tuple(scored for scored in meaning.ranked if scored[0] != meaning.follows)
    return replace(turn, meaning=replace(meaning, ranked=ranked))


def wish(turn: Turn, by_intent: Mapping[str, Skill]) -> str:
    """Return the label to act on, empty if there is none.

    A label that is only worth asking about is sure enough if the message names what its skill works on, unless it
    may have to be refused.
    """
    meaning = turn.meaning
    if meaning.best:
        return meaning.best
    if meaning.ranked and meaning.is_in_doubt:
        return ""
    kinds = _kinds(turn)
    first = meaning.ranked[0][0] if meaning.margin >= meaning.bounds.ask else ""
    if first == "address_change" and will.tells_where_it_went(normal(turn.text)):
        return ""
    odd = 2 * max(0.0, meaning.bounds.later)
    if first in by_intent and kinds & by_intent[first].about and meaning.margin >= meaning.bounds.ask + odd:
        return first
    if first in OF_AN_ORDER and _names_own_goods(turn):
        return first
    if picks(turn) and (first in (STATUS, HISTORY) or (not meaning.possible and ORDER_WORD.search(normal(turn.text)))):
        return STATUS
    elsewhere = first in by_intent and first != BY_ITSELF["measure"]
    if not elsewhere and kinds & {"measure", "size_label"} and ASKS_SIZE.search(normal(turn.text)):
        return BY_ITSELF["measure"]
    if names_only(turn) or (OTHER in kinds and not meaning.possible):
        return next((label for kind, label in BY_ITSELF.items() if kind in kinds), "")
    return ""


def wants_else(turn: Turn, skill: Skill, by_intent: Mapping[str, Skill], neutral: frozenset[str]) -> bool:
    """Return whether a message after an answer of `skill`, which would hear more, asks for something else.

    What tells of a body or a size goes on; what names but a piece does, unless another skill is likely meant.
    """
    meaning, own = turn.meaning, skill.intents | skill.hears | skill.adds_to | neutral
    if turn.choice or any(entity.kind in SIZES for entity in meaning.entities) or ASKS_SIZE.search(normal(turn.text)):
        return wish(turn, by_intent) in by_intent.keys() - own
    likely = meaning.ranked[0][0] if meaning.margin >= meaning.bounds.ask + LIKELY and _says_more(turn) else ""
    label = wish(turn, by_intent) or (likely if likely in by_intent else "")
    return bool(label) and label not in own


def _says_more(turn: Turn) -> bool:
    """Return whether more is said than how something should fit, whom, or `and the trousers?`."""
    said = normal(turn.text)
    is_long = len(said) >= LONG_ZH if CJK.search(said) else len(said.split()) >= LONG_EN
    return is_long and not fit.wishes(said) and not fit.whose(said)


def _names_own_goods(turn: Turn) -> bool:
    """Return whether a piece is named that is in one of the orders shown to be theirs: `when does the coat arrive`."""
    named = set(turn.meaning.values("product"))
    return bool(named) and any(line.product_id in named for order in proof.own(turn) for line in order.lines)


def _kinds(turn: Turn) -> set[str]:
    """Return the kinds of things named. A bare number that might be a height is no measure yet."""
    said = normal(turn.text)
    meant = [entity for entity in turn.meaning.entities if not entity.negated]
    kinds = {entity.kind for entity in meant}
    measures = [entity for entity in meant if entity.kind in MEASURES]
    if picks(turn) and turn.meaning.margin >= turn.meaning.bounds.ask + TOLD_BY_DAY:
        kinds.add("order")
    if OTHER in kinds:  # meant as an order's number all the same
        kinds.add("order")
    if len(measures) > 1 or any(not said[entity.start : entity.end].isdigit() for entity in measures):
        kinds.add("measure")
    return kinds


def names_only(turn: Turn) -> bool:
    """Return whether nothing is said but digits, signs and names of things."""
    left = normal(turn.text)
    for entity in turn.meaning.entities:
        if entity.kind in ACTED_ON:
            left = left[: entity.start] + " " * (entity.end - entity.start) + left[entity.end :]
    if {"order", OTHER} & {entity.kind for entity in turn.meaning.entities}:
        left = WORDS_AROUND.sub("", left)
    return bool(left) and not re.search(r"[^\W\d_]", left)


@lru_cache(maxsize=256)
def bare_forms(phrasings: tuple[str, ...]) -> frozenset[str]:
    """Return the letters of each of an intent's phrasings that has letters or digits."""
    return frozenset(map(letters, phrasings)) - {""}


def _is_phrasing(turn: Turn) -> bool:
    """Return whether an operator wrote exactly this: `88` is a farewell."""
    label = turn.meaning.best
    phrasings = turn.knowledge.intents.get(label, {}).get(turn.language, ())
    return not turn.state.skill and any(normal(turn.text) == normal(phrasing) for phrasing in phrasings)


def _joins_sale(turn: Turn) -> bool:
    """Return whether this is the `1` that people send when something is given away.

    It counts before the questions that a greeting offers; not before an answer to what was asked.
    """
    return turn.sale is not None and not turn.state.skill and turn.meaning.best == "sale_claim"


def _agreed(turn: Turn) -> Choice | None:
    """A plain yes picks the only label there is to pick."""
    offered = [choice for choice in turn.state.offered if choice.token != HUMAN]
    labels = [choice for choice in offered if choice.token.startswith("label:")]
    if turn.state.skill and len(labels) < len(offered):  # beside a question that waits it says too little
        return None
    return labels[0] if turn.meaning.best == "affirm" and len(labels) == 1 else None


def _pointed_at(turn: Turn) -> Choice | None:
    best = turn.meaning.best
    wishes = best and (best, turn.language) not in turn.knowledge.entries
    if wishes or turn.meaning.value("order") or is_question(turn.text) or _tells_more(turn):
        return None
    return pointed_at(turn.text, turn.state.offered)


def _tells_more(turn: Turn) -> bool:
    """Return whether more is said than which of the things offered is meant: that both are, or which is not."""
    lines = any(choice.token.startswith("line:") for choice in turn.state.offered)
    return lines and (means_all(normal(turn.text)) or bool(spared.spans(turn)))


def _names_a_kind(turn: Turn) -> bool:
    """Return whether one of the pieces offered is told by its kind: `the socks`, which alone looks like a search."""
    if turn.choice or not any(choice.token.startswith("line:") for choice in turn.state.offered):
        return False
    best = turn.meaning.best
    wishes = best not in ("", *NAMING) and (best, turn.language) not in turn.knowledge.entries
    return not (wishes or turn.meaning.value("order") or is_question(turn.text)) and kind(turn) is not None


def _as_asked(turn: Turn) -> Turn:
    """Return the turn with the message that led to the question, as if it had been clear at once."""
    asked = turn.state.slots.get(ASKED)
    if asked is None:
        return turn
    entities = tuple(Entity(*values) for values in asked["entities"])
    return replace(turn, text=asked["text"], meaning=replace(turn.meaning, text=asked["text"], entities=entities))
