"""A return or an exchange as far as it is told: what the customer said so far, in any order. Kept as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bot.skills import goods, spared, will
from bot.skills.agreeing import says_yes
from bot.skills.choices import is_question
from bot.skills.refunds import FAULTS
from bot.skills.spared import BLANK
from bot.skills.turn import Say, Turn
from bot.understanding import reasons
from bot.understanding.entities import without
from bot.understanding.lexicon import garment_spans
from bot.understanding.text import normal

VERSION = 3
"""Of the slots. A conversation with slots of another version begins anew with its wish and its order."""
RETURN, EXCHANGE, CANCEL, STATUS = "return_request", "exchange_request", "return_cancel", "refund_status"
WISHES = (RETURN, EXCHANGE, CANCEL, STATUS)
SHORT_NUMBER = re.compile(r"[0-9]{1,3}")
MOST_KEPT = 200
"""Characters of a reason."""
MOST_PICTURES = 9
SETTLING = frozenset({"line", "want", "reason", "agree", "change", "more"})
"""Steps at which a return may still become an exchange, or the other way."""
ASIDE = frozenset({"reason", "photo", "condition", "gift", "phone"})
"""Steps at which words for goods are no choice of pieces."""
COUNTING = re.compile(
    r"(?:不对|不是|是|只|就|我|想|要|退|换|其中|里面|的|吧|行|好|了|可以|那|[一两二三四五六七八九1-9][件条双个套只包盒]"
    r"|\b(?:no|sorry|just|only|one|two|three|four|five|\d|of|them|these|those|the|pairs?|pieces?|items?|packs?|please|actually"
    r"|return|i|want|to|it'?s)\b|[\s,，。.!！])+"
)
BARE_SIZE = re.compile(
    r"(?<![\d.:/-])(?:3[4-9]|4[0-8]|[89]0|1[0-7]0)(?:\.5)?(?![\d.:/%-])"
    r"(?! ?(?:元|块|塊|cm|kg|斤|公斤|厘米|件|双|雙|天|号楼|yuan|days?))"
)
"""A shoe's or a child's size without a word for it."""
AFTER_SIZE = re.compile(r"^[\s码号的]*[吧了呗啊呀]*[。.!！]*$|\b(?:instead|please|then|rather)\b")
"""What may follow a bare size and tells of no other number."""
INSTEAD_LAST = re.compile(r"\b(?:instead|rather)(?: (?:please|then|thanks))?[\s.!?]*$")
"""At the end it leads to no wish: `for 37 instead`."""
LONGEST_WISH = 20
"""Characters."""
CLAUSE = re.compile(r"[,，。;；!！?？\n]+|(?<=[\u3400-\u9fff]) +| +(?=[\u3400-\u9fff])|\. +")
SWAP = re.compile(
    r"(?<!不)(?<!不要)(?<!不想)换(?!货)|\b(?:exchange|swap|instead(?! of)|replace|change (?:it|them|this|these|that))\b"
)
A_RETURN = re.compile(r"\b(?:the|my|a|that) [a-z -]{0,20}return\b(?! (?:address|label))")
"""The noun, of which `reasons.wanted_in` knows nothing: `and the chinos return`."""
MONEY = re.compile(r"退[款钱錢]|\brefund|\bmoney back\b")
AGAIN = re.compile(
    r"[补補重再][发發寄]|\b(?:resend|re-send|replacement)\b"
    r"|\bsend (?:it|them|one|another|the missing [a-z]+)(?: again)?\b"
)
POINTING = re.compile(r"[^,，。]{0,8}(?:那|这)一?[件条双个套款](?:的?吧)?|(?:the |that |this )[a-z -]{2,24} one")
"""Words for one of several pieces: `碎花的那条`, `the floral one`."""
PASSING = frozenset({"agreed", "changing", "notes"})
"""Fields of this turn only."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a return.

    Attributes:
        parts: (line id, pieces); no pieces: to be asked.
        products, colours, garments: what the pieces that go back were called; of products, which each word may name.
        every: whether all that was named, or all of the order, goes back.
        stays: words for what the customer keeps.
        count: pieces, 0 if no number was said.
        size, colour, shift, sku: what is wanted instead; `shift` in sizes up or down, `sku` if it was picked.
        wanted: (line id, sku that comes instead), once that is settled.
        asking: the line for which `what instead?` was asked last; empty: the wish is for all of them.
        reason: a code as in `OpenCase.reason`, or `size`: which way is to be asked.
        gift: `back` or `keep`.
        agreed, changing: what was said to the summary just now.
        notes: what is to be said before the next question.
    """

    wish: str = RETURN
    parts: tuple[tuple[str, int], ...] = ()
    products: tuple[tuple[str, ...], ...] = ()
    colours: tuple[str, ...] = ()
    garments: tuple[str, ...] = ()
    every: bool = False
    stays: tuple[str, ...] = ()
    count: int = 0
    size: str = ""
    colour: str = ""
    shift: int = 0
    sku: str = ""
    wanted: tuple[tuple[str, str], ...] = ()
    asking: str = ""
    reason: str = ""
    words: str = ""
    condition: str = ""
    photos: tuple[str, ...] = ()
    no_photo: bool = False
    gift: str = ""
    agreed: bool = False
    changing: bool = False
    notes: tuple[Say, ...] = ()

    @property
    def is_exchange(self) -> bool:
        return self.wish == EXCHANGE

    @property
    def pieces(self) -> dict[str, int]:
        return dict(self.parts)

    @property
    def instead(self) -> dict[str, str]:
        """By line, the sku that comes instead."""
        return dict(self.wanted)

    def without_wish(self) -> Draft:
        """Return the draft without what is wanted for the pieces that are not settled."""
        return replace(self, size="", colour="", shift=0, sku="", asking="")

    @property
    def names_goods(self) -> bool:
        return bool(self.products or self.colours or self.garments)

    @property
    def wants(self) -> bool:
        return bool(self.size or self.colour or self.shift or self.sku)

    def slots(self) -> dict[str, Any]:
        """Return the slots that keep it, plain values."""
        kept = asdict(replace(self, notes=())).items()
        return {"version": VERSION} | {name: _plain(value) for name, value in kept if name not in PASSING}


def draft_of(slots: Mapping[str, Any]) -> Draft:
    """Return the draft that `slots` keep; of slots of another version only the wish."""
    if slots.get("version") != VERSION:
        return Draft(wish=slots.get("wish", RETURN))
    known = {field.name for field in fields(Draft)} - PASSING
    return Draft(**{name: _frozen(value) for name, value in slots.items() if name in known})


def _frozen(value: Any) -> Any:
    """Return lists as tuples, all the way down."""
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """Return tuples as lists, all the way down: as they come back from JSON."""
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value


def heard(turn: Turn, draft: Draft) -> Draft:
    """Return the draft with what this message adds to it or puts right."""
    step, before = turn.state.step, draft
    draft = replace(draft, photos=(*draft.photos, *turn.pictures)[:MOST_PICTURES])
    said = normal(turn.text)
    if turn.choice:
        return _told_with(turn, _picked(draft, turn.choice), said)
    draft = replace(draft, wish=_wish(turn, draft, said))
    draft = _reasoned(turn, draft, said, step)
    draft = replace(draft, condition=reasons.condition_in(said) or draft.condition)
    draft = _kept(turn, draft)
    going = spared.without(turn)
    draft = _named(going, draft, normal(going.text), step)
    if (step == "photo" and turn.meaning.best == "deny") or (draft.reason in FAULTS and reasons.has_no_photo(said)):
        draft = replace(draft, no_photo=True)
    if step == "condition" and not reasons.condition_in(said) and turn.meaning.best in ("affirm", "deny"):
        draft = replace(draft, condition="unopened" if turn.meaning.best == "affirm" else "opened")
    if step == "gift" and turn.meaning.best in ("affirm", "deny"):
        draft = replace(draft, gift="back" if turn.meaning.best == "affirm" else "keep")
    if step == "agree" and draft == before:  # `no, XL` puts right what it names
        agreed = says_yes(turn, "agree:yes")
        draft = replace(draft, agreed=agreed, changing=turn.meaning.best == "deny")
    return draft


def _wish(turn: Turn, draft: Draft, said: str) -> str:
    """Return what is wanted: by meaning, or, where a return or an exchange is under way, in so many words.

    A reason for a return sounds like the wish for an exchange: `too small`.
    """
    if draft.wish in (RETURN, EXCHANGE) and swaps(turn, said):
        return EXCHANGE
    names_one = turn.meaning.best != CANCEL and A_RETURN.search(said)
    if draft.is_exchange and turn.state.step in SETTLING and names_one and not SWAP.search(said):
        return RETURN
    if told := remedy(turn, draft, said):
        return told
    if turn.state.step and turn.meaning.best == CANCEL and spared.spans(turn):  # of one piece only
        return draft.wish
    told_why = bool(reasons.reason_in(said)) and turn.meaning.best in (RETURN, EXCHANGE) and not reasons.wanted_in(said)
    only_why = (
        told_why and bool(turn.state.step) and turn.state.step not in ("order", "phone") and not SWAP.search(said)
    )
    if turn.meaning.best in WISHES and turn.state.step != "reason" and not only_why:
        return turn.meaning.best
    wanted = reasons.wanted_in(said) if turn.state.step in SETTLING and draft.wish in (RETURN, EXCHANGE) else ""
    return f"{wanted}_request" if wanted and not will.denies(said, f"{wanted}_request") else draft.wish


def remedy(turn: Turn, draft: Draft, said: str) -> str:
    """Return what a customer chooses to have for a fault of the shop's, the money or the same again; empty: neither."""
    if draft.reason not in FAULTS or draft.wish not in (RETURN, EXCHANGE) or turn.choice:
        return ""
    money, again = MONEY.search(said), AGAIN.search(said)
    return "" if bool(money) == bool(again) or is_question(turn.text) else RETURN if money else EXCHANGE


def swaps(turn: Turn, said: str) -> bool:
    """Return whether another size or colour is asked for instead, as a question too: `能不能换成XL`."""
    if turn.state.step in ("", "order", "phone"):  # the first words are read as a whole
        return False
    named = bool(turn.meaning.values("size") or turn.meaning.values("colour") or reasons.shift_in(said))
    return named and SWAP.search(said) is not None


def _picked(draft: Draft, token: str) -> Draft:
    """Return the draft with what was picked; a token that was never offered changes nothing."""
    kind, _, value = token.partition(":")
    match kind:
        case "line":
            fresh = replace(draft, products=(), colours=(), garments=(), count=0)
            return replace(fresh, every=True) if value == "all" else replace(fresh, parts=((value, 0),), every=False)
        case "pieces":
            return replace(draft, count=int(value)) if SHORT_NUMBER.fullmatch(value) else draft
        case "want":
            return replace(draft, sku=value)
        case "reason" if value in reasons.REASONS:
            return replace(draft, reason=value, words="", no_photo=False)
        case "condition" if value in reasons.CONDITIONS:
            return replace(draft, condition=value)
        case "photo":
            return replace(draft, no_photo=True)
        case "gift" if value in ("back", "keep"):
            return replace(draft, gift=value)
        case "agree":
            return replace(draft, agreed=value == "yes", changing=value == "no")
        case "as" if value in WISHES:
            return replace(draft, wish=value)
        case "change":
            return _forgotten(draft, value)
    return draft


def _told_with(turn: Turn, draft: Draft, said: str) -> Draft:
    """Take in how many pieces are meant where a piece was picked by words: `both pairs of socks`."""
    by_words = turn.choice.startswith("line:") and said not in (normal(c.label) for c in turn.state.offered)
    if not by_words or turn.choice == "line:all":
        return draft
    return replace(draft, every=draft.every or reasons.means_all(said), count=reasons.count_in(said))


def _forgotten(draft: Draft, what: str) -> Draft:
    """Return the draft without what the customer wants to say anew."""
    match what:
        case "line":
            draft = replace(draft, parts=(), products=(), colours=(), garments=(), every=False, count=0)
            return _forgotten(draft, "want")
        case "want":
            return replace(draft.without_wish(), wanted=())
        case "reason":
            return replace(draft, reason="", words="", condition="", no_photo=False)
    return draft


def _reasoned(turn: Turn, draft: Draft, said: str, step: str) -> Draft:
    """At the question for it every answer is a reason; elsewhere only what clearly is one."""
    if draft.reason in FAULTS and reasons.has_no_photo(said):  # a broken camera is no reason
        return draft
    code = reasons.reason_in(without("order", said, turn.meaning.entities))
    if (
        step == "reason"
        and said
        and (code or not (_is_beside(turn, said) or _only_wishes(said) or _names_another(turn, draft, said)))
    ):
        return replace(draft, reason=code or draft.reason or "other", words=turn.text[:MOST_KEPT])
    if not code or (code == "other" and draft.reason):
        return draft
    return replace(draft, reason=code, words=_words_of(turn, code))


def _words_of(turn: Turn, code: str) -> str:
    """Return the words that tell the reason, without an order's number and what else is wanted in the same breath."""
    text = turn.text
    for number in (*turn.meaning.values("order"), *turn.meaning.values("phone_end")):
        text = re.sub(re.escape(number), " ", text, flags=re.IGNORECASE)
    parts = [part.strip() for part in CLAUSE.split(text) if part.strip()]
    telling = [part for part in parts if code and reasons.reason_in(normal(part)) == code]
    return (telling[0] if telling else text.strip())[:MOST_KEPT]


def _only_wishes(said: str) -> bool:
    """Return whether the wish is said once more, without why: `那退吧`, `ok return it then`."""
    return len(said) <= LONGEST_WISH and bool(reasons.wanted_in(said))


def _is_beside(turn: Turn, said: str) -> bool:
    """Return whether an answer to `why?` tells something else of the piece: how many, whether opened, which one."""
    tells = counts_only(said) or bool(reasons.condition_in(said)) or bool(spared.spans(turn))
    return tells or POINTING.fullmatch(said) is not None


def _kept(turn: Turn, draft: Draft) -> Draft:
    """Take in what is to stay; which pieces go back is settled anew."""
    stays = spared.words(turn)
    return replace(draft, stays=stays, parts=(), wanted=()) if stays else draft


def _named(turn: Turn, draft: Draft, said: str, step: str) -> Draft:
    """Take in which pieces are meant, and what is wanted for them."""
    if step in ASIDE and not swaps(turn, said) and not (step == "reason" and _names_another(turn, draft, said)):
        return _counted(draft, said)
    shift = reasons.shift_in(said) if draft.is_exchange else 0
    owned, wanted, size = _colours(turn, draft, said, step)
    if size or wanted or shift:
        anew = replace(draft, size=size or draft.size, colour=wanted or draft.colour, shift=shift, sku="")
        draft = replace(anew, size="" if shift and not size else anew.size)
        if step != "want" or reasons.means_all(said):  # at that question it is for the piece that was asked about
            draft = replace(draft, wanted=(), asking="")
    products, garments = goods.products(turn), goods.garments(turn)
    every, count = reasons.means_all(said), reasons.count_in(said)
    if step == "count" and not count and said.isdigit():
        count = int(said)
    if products or garments or owned:
        draft = replace(draft, parts=(), products=products, garments=garments, colours=owned, every=every, count=0)
        draft = replace(draft, stays=draft.stays if BLANK in said else ())
    elif every and not (draft.is_exchange and draft.parts):
        draft = replace(draft, parts=tuple((line, 0) for line, _ in draft.parts), every=True)
    if count:
        draft = replace(draft, count=count, parts=tuple((line, 0) for line, _ in draft.parts))
    return draft


def _names_another(turn: Turn, draft: Draft, said: str) -> bool:
    """Return whether other pieces than those settled are to go back: `那T恤退两件`, `no, return the shirt`."""
    named = {one for group in goods.products(turn) for one in group}
    before = {one for group in draft.products for one in group}
    garments = set(goods.garments(turn))
    other = (named or garments) and not named & before and not garments & set(draft.garments)
    wants = bool(reasons.wanted_in(said)) or turn.meaning.best in (RETURN, EXCHANGE)
    return bool(other and draft.parts and wants) and not is_question(turn.text)


def _counted(draft: Draft, said: str) -> Draft:
    """Take in a mere number of pieces where something else was asked."""
    if not counts_only(said):
        return draft
    parts = tuple((line, 0) for line, _ in draft.parts)
    return replace(draft, count=reasons.count_in(said), every=False, parts=parts)


def counts_only(said: str) -> bool:
    """Return whether a message (normal form) says how many pieces and nothing more: `only one pair`, `只退一双就行`."""
    left = said
    for start, end in garment_spans(said):
        left = left[:start] + " " * (end - start) + left[end:]
    return bool(reasons.count_in(said)) and COUNTING.fullmatch(left) is not None


def _colours(turn: Turn, draft: Draft, said: str, step: str) -> tuple[tuple[str, ...], str, str]:
    """Return the colours of what the customer has, and the colour and size that are wanted.

    In an exchange what stands behind `换` or `for` is wanted, and so is all that answers the question for it. What was
    put right (`M换L`) is what the customer has.
    """
    if not draft.is_exchange:
        return turn.meaning.values("colour"), "", ""
    meant = [entity for entity in turn.meaning.entities if entity.kind in ("colour", "size")]
    border = -1 if step in ("want", "agree", "change", "more") else _border(said)
    after = [e for e in meant if not e.negated and e.start >= border]
    colour = next((e.value for e in after if e.kind == "colour"), "")
    sizes = [e.value for e in meant if e.kind == "size" and not e.negated]
    size = next((e.value for e in after if e.kind == "size"), sizes[-1] if sizes else "")
    size = size or _bare_size(turn, said, border)
    owned = tuple(e.value for e in meant if e.kind == "colour" and e.value != colour and e not in after)
    return owned, colour, size


def _bare_size(turn: Turn, said: str, border: int) -> str:
    """Return a size that is written as a mere number, by itself or right behind a colour: `红色43`, `red 43`."""
    left = without("order", said, turn.meaning.entities)
    ends = {e.end for e in turn.meaning.entities if e.kind == "colour"}
    for match in BARE_SIZE.finditer(left):
        behind = any(not left[end : match.start()].strip(" 的,，") for end in ends if end <= match.start())
        alone = border >= 0 or not re.search(r"[^\W\d_]", AFTER_SIZE.sub(" ", left[match.end() :]))
        if match.start() >= border and (behind or alone):
            return match[0]
    return ""


def _border(said: str) -> int:
    """Return where the wish begins in `said`: behind the last `换`, or the last `for`, `to` or `into`."""
    said = INSTEAD_LAST.sub("", said)
    places = [said.rfind(word) for word in ("换", " for ", " into ", " to ", "instead", "rather")]
    return max(places)
