"""Whether a message answers what was asked last about a return, puts something right, or is about something else."""

from __future__ import annotations

import re

from bot.skills import cases, goods, proof, spared, will
from bot.skills.agreeing import says_no, says_yes
from bot.skills.choices import is_question
from bot.skills.draft import CANCEL, RETURN, SETTLING, WISHES, Draft, counts_only, remedy, swaps
from bot.skills.hearing import FAULTS as FAULTS_TOLD
from bot.skills.refunds import FAULTS
from bot.skills.turn import Turn
from bot.understanding import reasons
from bot.understanding.text import normal

KEEPS = re.compile(r"不退|别退|留着|留下|keep|forget it|never ?mind")
"""Nothing goes back."""
CLEAR = 0.35
"""From this margin on, another wish about a return is no reason for this one."""
OWN_CHOICES = (
    "line:", "pieces:", "want:", "reason:", "condition:", "photo:", "gift:", "agree:", "as:", "change:", "case:"
)  # fmt: skip


def answers(turn: Turn, draft: Draft) -> bool:
    """Return whether the message is for this skill while it waits. A question is never taken for an answer."""
    step, best = turn.state.step, turn.meaning.best
    if turn.choice:
        return turn.choice.startswith((*OWN_CHOICES, *proof.CHOICES))
    if step == "again" or turn.meaning.value("order") or turn.pictures:
        return True
    said = normal(turn.text)
    if best == "cancel_dialogue" and step != "reason":
        return _is_reason_already(draft, said)
    if step in ("order", "phone"):
        return proof.answers(turn) or best in WISHES or _tells_why(turn, said) or _only_names(turn)
    if draft.reason in FAULTS and reasons.has_no_photo(said):
        return True
    if step == "reason" and will.waits(said) and not reasons.reason_in(said):
        return False
    if remedy(turn, draft, said) or counts_only(said) or spared.spans(turn) or swaps(turn, said):
        return True
    if draft.wanted and best == "stock_question" and not turn.meaning.value("product"):
        return True  # the summary tells it
    if step == "reason":
        return _is_reason(turn)
    if best in WISHES and (turn.meaning.margin > CLEAR or step != "phone"):
        return True
    if step == cases.ASKED:
        return cases.agrees(turn) or says_no(turn, "") or will.denies(said, CANCEL)
    if step == "case":
        return bool(cases.named(turn))
    if is_question(turn.text) and step == "agree" and _asks_for_another(turn, draft):
        return True
    if is_question(turn.text) and (step != "want" or goods.garments(turn) or turn.meaning.value("product")):
        return False
    return _fits_step(turn, draft, said)


def _fits_step(turn: Turn, draft: Draft, said: str) -> bool:
    step, best = turn.state.step, turn.meaning.best
    yes_or_no = best in ("affirm", "deny")
    entities = turn.meaning
    names = bool(entities.values("product") or entities.values("colour") or goods.garments(turn))
    wants = draft.is_exchange and bool(entities.values("size") or entities.values("colour") or reasons.shift_in(said))
    tells = _tells_why(turn, said)
    if step in SETTLING and reasons.wanted_in(said):
        return True
    if step == "agree" and says_yes(turn, ""):
        return True
    match step:
        case "line":
            return names or tells or reasons.means_all(said) or bool(reasons.count_in(said))
        case "count":
            counted = bool(reasons.count_in(said)) or said.isdigit() or reasons.means_all(said)
            return counted or tells or bool(reasons.condition_in(said))
        case "want":
            return wants or names
        case "photo":
            return best == "deny" or reasons.has_no_photo(said) or bool(reasons.count_in(said))
        case "condition":
            return yes_or_no or bool(reasons.condition_in(said) or reasons.count_in(said))
        case "gift":
            return yes_or_no or bool(reasons.count_in(said))
        case "agree" | "change":
            return yes_or_no or wants or names or tells or bool(reasons.count_in(said))
        case "more":
            return wants or reasons.reason_in(said) in FAULTS
    return False


def _tells_why(turn: Turn, said: str) -> bool:
    """Return whether a message says why a piece goes back: before it was asked why, and after."""
    best = turn.meaning.best
    told = bool(reasons.reason_in(said)) and not is_question(turn.text)
    return told and (not best or best in _labels_of_reasons(turn))


def _only_names(turn: Turn) -> bool:
    """Return whether a piece is told by its kind where an order was asked for: alone it looks like a search."""
    searches = turn.meaning.best == "product_search" and not is_question(turn.text)
    return turn.state.step == "order" and searches and bool(goods.garments(turn))


def _asks_for_another(turn: Turn, draft: Draft) -> bool:
    """Return whether another size or colour than the one agreed on is asked about: `XL呢`."""
    named = turn.meaning.value("size") or turn.meaning.value("colour")
    return draft.is_exchange and bool(named) and not turn.meaning.value("product")


def _is_reason_already(draft: Draft, said: str) -> bool:
    """Return whether `I changed my mind` is why a piece goes back; once a reason is known it ends the return."""
    return draft.wish == RETURN and not draft.reason and reasons.reason_in(said) == "other" and not KEEPS.search(said)


def _labels_of_reasons(turn: Turn) -> frozenset[str]:
    """Return the labels under which a reason may come: entries, wishes of this skill, complaints."""
    return (
        frozenset(WISHES) | FAULTS_TOLD | {one for one, language in turn.knowledge.entries if language == turn.language}
    )


def _is_reason(turn: Turn) -> bool:
    """`too small` looks like an exchange, `I don't like it` like an entry: only a clear wish is more than a reason."""
    best = turn.meaning.best
    if best in FAULTS_TOLD:
        return True
    if best == "cancel_dialogue":  # `I changed my mind` is a reason when one was asked for
        return bool(reasons.reason_in(normal(turn.text)))
    if is_question(turn.text) or not any(character.isalpha() for character in turn.text):
        return False
    if best in WISHES or reasons.reason_in(normal(turn.text)):
        return True
    return not best or (best, turn.language) in turn.knowledge.entries
