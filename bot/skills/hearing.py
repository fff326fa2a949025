"""What a message means in its place: a pick from the choices, a bare number, or words of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.messages import Choice
from bot.skills.choices import chosen, is_question, pointed_at
from bot.skills.goods import kind
from bot.skills.turn import ASKED, Skill, Turn
from bot.understanding.entities import MEASURES, Entity
from bot.understanding.text import normal

BY_ITSELF = {"order": "order_status", "measure": "size_advice", "product": "product_search"}
"""What is wanted by someone who names a thing and says nothing more."""

NAMING = ("product_search", "stock_question", "return_request")
"""What a message seems to want that only says which of the pieces offered is meant."""


def hear(turn: Turn) -> Turn:
    """Settle what the message is before anything is decided.

    A pick and a message that only names things have no wish of their own: the classifier's ranking, which is made of
    words, counts for nothing then.
    """
    picked = chosen(turn.text, turn.choice, turn.state.offered) or _agreed(turn) or _pointed_at(turn)
    if picked is not None:
        turn = replace(turn, choice=picked.token, meaning=replace(turn.meaning, ranked=()))
        return _as_asked(turn) if picked.token.startswith("label:") else turn
    if _names_a_kind(turn):
        return replace(turn, meaning=replace(turn.meaning, ranked=()))
    if names_only(turn) and not _is_phrasing(turn) and not _joins_sale(turn):
        return replace(turn, meaning=replace(turn.meaning, ranked=()))
    return turn


def wish(turn: Turn, by_intent: Mapping[str, Skill]) -> str:
    """Return the label to act on, empty if there is none.

    A label that is only worth asking about is sure enough if the message names what its skill works on.
    """
    meaning = turn.meaning
    if meaning.best:
        return meaning.best
    kinds = _kinds(turn)
    if meaning.possible and meaning.possible[0] in by_intent and kinds & by_intent[meaning.possible[0]].about:
        return meaning.possible[0]
    return next((label for kind, label in BY_ITSELF.items() if kind in kinds), "") if names_only(turn) else ""


def _kinds(turn: Turn) -> set[str]:
    """Return the kinds of things named. A bare number that might be a height is no measure yet."""
    said = normal(turn.text)
    kinds = {entity.kind for entity in turn.meaning.entities}
    measures = [entity for entity in turn.meaning.entities if entity.kind in MEASURES]
    if len(measures) > 1 or any(not said[entity.start : entity.end].isdigit() for entity in measures):
        kinds.add("measure")
    return kinds


def names_only(turn: Turn) -> bool:
    """Return whether nothing is said but digits, signs and names of things."""
    left = normal(turn.text)
    for entity in turn.meaning.entities:
        left = left[: entity.start] + " " * (entity.end - entity.start) + left[entity.end :]
    return bool(left) and not re.search(r"[^\W\d_]", left)


def bare(text: str) -> str:
    """Return the letters and digits of a text."""
    return re.sub(r"[^\w]", "", normal(text))


def _is_phrasing(turn: Turn) -> bool:
    """Return whether an operator wrote exactly this: `88` is a farewell."""
    label = turn.meaning.best
    phrasings = turn.knowledge.intents.get(label, {}).get(turn.language, ())
    return not turn.state.skill and any(normal(turn.text) == normal(phrasing) for phrasing in phrasings)


def _joins_sale(turn: Turn) -> bool:
    """Return whether this is the `1` that people send when something is given away."""
    return turn.sale is not None and not turn.state.skill and turn.meaning.best == "sale_claim"


def _agreed(turn: Turn) -> Choice | None:
    """A plain yes picks the only label there is to pick."""
    labels = [choice for choice in turn.state.offered if choice.token.startswith("label:")]
    return labels[0] if turn.meaning.best == "affirm" and len(labels) == 1 else None


def _pointed_at(turn: Turn) -> Choice | None:
    best = turn.meaning.best
    wishes = best and (best, turn.language) not in turn.knowledge.entries
    if wishes or turn.meaning.value("order") or is_question(turn.text):
        return None
    return pointed_at(turn.text, turn.state.offered)


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
