"""From one message to what is done about it: the one function that decides, for live turns and for previews alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rapidfuzz import fuzz, process

from bot.knowledge.entries import Knowledge
from bot.messages import Event
from bot.settings import Settings
from bot.shop.port import Shop
from bot.skills.ballot import typed
from bot.skills.dialogue import greet, take_turn
from bot.skills.eligibility import ReturnPolicy
from bot.skills.in_group import answer_in_group
from bot.skills.turn import PersonView, SaleView, State, Step, Turn
from bot.skills.vote_effects import PollVote, VoteView
from bot.skills.waiting import while_agent_talks, while_queued
from bot.understanding.engine import Catalogue, Engine, Meaning
from bot.understanding.orders import example

SILENT = frozenset(
    {
        Event.LEFT,
        Event.JOINED,
        Event.ARRIVED,
        Event.DEPARTED,
        Event.MOVED,
        Event.EDITED,
        Event.SUBSCRIBED,
    }
)
"""Events that want no answer."""
PRIVATE = frozenset({"phone", "phone_end", "address"})
"""What a customer names and what stays in their own words: a summary does not repeat it."""
LIKE_ENOUGH = 50
"""From this similarity on (0 to 100) a phrasing is named as the nearest."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message, with all that the decision depends on beside the knowledge and the settings.

    Attributes:
        default_language: where neither the text nor the conversation tells.
        language: where it is known for sure, else empty.
        owner, event: as of the conversation and of the message, see `bot.store.tables`.
        sales: returns the running flash sales as shown in a language.
        votes: the trial votes that are on or were lately, by id.
        asked_vote: the vote whose question is the last that was said in the chat; empty if it is none.
        payload: of the event.
        popular: labels that are asked for most, by what was counted.
        pictures: ids of the pictures that came with it.
        addressed: how it speaks to the bot in a group, see `bot.messages.Inbound`.
        carries: the payload that carries it from there into the private chat; empty where nothing does.
        said_at: when the customer said it; None: now.
    """

    text: str
    person: PersonView
    state: State
    shop: Shop
    catalogue: Catalogue
    now: datetime
    default_language: str
    language: str = ""
    choice: str = ""
    owner: str = "bot"
    event: str | None = None
    is_group: bool = False
    sales: Callable[[str], Mapping[str, SaleView]] = field(default=lambda _: {})
    votes: Mapping[str, VoteView] = field(default_factory=dict)
    asked_vote: str = ""
    payload: str = ""
    popular: Sequence[str] = ()
    pictures: tuple[str, ...] = ()
    addressed: str = ""
    carries: str = ""
    said_at: datetime | None = None


def decide(engine: Engine, knowledge: Knowledge, settings: Settings, said: Said) -> tuple[Turn, Step | None]:
    """Return the turn as it was understood and what it comes to; None to keep silent. Pure but for reads of the shop.

    The same message under the same knowledge, settings and data gives the same step, wherever it is asked.
    """
    turn = _understood(engine, knowledge, settings, said)
    if said.event == Event.VOTED:
        return turn, Step((), said.state, (PollVote(said.payload, said.text, said.said_at or said.now),))
    if said.event in SILENT:
        return turn, None
    if turn.is_group:
        return (turn, None) if said.owner in ("queue", "agent") else answer_in_group(turn)
    if said.owner == "agent":
        return turn, while_agent_talks(turn)
    if said.owner == "queue":
        return turn, while_queued(turn)
    return turn, greet(turn) if said.event == Event.STARTED and not (turn.text or turn.choice) else take_turn(turn)


def _understood(engine: Engine, knowledge: Knowledge, settings: Settings, said: Said) -> Turn:
    meaning = engine.understand(
        said.text,
        said.state.language or said.default_language,
        said.catalogue,
        today=said.now.astimezone(settings.shop.zone).date(),
        language=said.language,
        before=None if said.is_group else said.state.before(said.now),  # somebody else may have asked there
    )
    meaning = _of_this_minute(meaning, knowledge, said.now.astimezone(settings.shop.zone))
    if said.state.skill:  # what answers a question is short: its place tells more than how odd it sounds by itself
        meaning = replace(meaning, bounds=meaning.bounds.usual)
    asked = said.votes.get(said.asked_vote)
    choice = said.choice or (
        typed(said.text, asked) if asked is not None and asked.takes(said.said_at or said.now) else ""
    )
    return Turn(
        text=meaning.text,
        meaning=meaning,
        state=said.state,
        person=said.person,
        shop=said.shop,
        knowledge=knowledge,
        now=said.now,
        zone=settings.shop.zone,
        return_policy=return_policy(settings),
        order_closes_after=timedelta(hours=settings.policy.order_close_h),
        price_protection_days=settings.policy.price_protection_days,
        complaint_answer_h=settings.policy.complaint_answer_h,
        complaint_solve_h=settings.policy.complaint_solve_h,
        people_answer=settings.shop.is_open(said.now),
        choice=choice,
        sales=said.sales(meaning.language),
        votes=said.votes,
        is_group=said.is_group,
        order_example=example(settings.shop.order_number),
        popular=tuple(dict.fromkeys((*said.popular, *settings.shop.popular))),
        pictures=said.pictures,
        addressed=said.addressed,
        carries=said.carries,
        said_at=said.said_at,
        stuck_after=timedelta(hours=settings.policy.stuck_h),
        sends_codes=settings.codes is not None,
        dispatch_within=timedelta(hours=settings.policy.dispatch_h),
    )


def return_policy(settings: Settings) -> ReturnPolicy:
    """Return the rules of returns as they stand in shop.toml."""
    policy, returns = settings.policy, settings.returns
    return ReturnPolicy(
        return_days=policy.return_days,
        exchange_days=policy.exchange_days,
        fault_days=returns.fault_days,
        send_days=returns.send_days,
        custom_made=frozenset(returns.custom_made),
        final_sale=frozenset(returns.final_sale),
        hygiene=frozenset(returns.hygiene),
        gift_from_minor=returns.gift_from_minor,
        shipping_back=returns.shipping_back,
    )


def _of_this_minute(meaning: Meaning, knowledge: Knowledge, now_local: datetime) -> Meaning:
    """Leave out entries that are not said now, so that they do not stand in the way of the next best.

    What comes after a best label that is left out has to be sure by itself: it leads nobody.
    """

    def over(label: str) -> bool:
        entry = knowledge.entries.get((label, meaning.language))
        return entry is not None and not entry.is_valid_at(now_local)

    gone = dict.fromkeys(label for label, _ in (*meaning.ranked, *meaning.parts, *meaning.heard) if over(label))
    if not gone:
        return meaning
    ranked = tuple(one for one in meaning.ranked if one[0] not in gone)
    parts = tuple(one for one in meaning.parts if one[0] not in gone)
    heard = tuple(one for one in meaning.heard if one[0] not in gone)
    why = (*meaning.why, f"not said at this time: {', '.join(gone)}")
    bounds = replace(meaning.bounds, lead=math.inf) if meaning.ranked[0][0] in gone else meaning.bounds
    return replace(meaning, ranked=ranked, parts=parts if len(parts) > 1 else (), heard=heard, why=why, bounds=bounds)


def summary(turn: Turn, step: Step | None) -> dict[str, Any]:
    """Return what is kept beside a message and shown to agents: intent, confidence, decision, what is named, why."""
    meaning = turn.meaning
    return {
        "intent": meaning.ranked[0][0] if meaning.ranked else None,
        "confidence": round(meaning.margin, 3) if meaning.ranked else None,
        "decision": step.decision if step else None,
        "entry": step.entry if step else None,
        "skill": step.skill if step else None,
        "label": step.label if step else "",
        "also": step.also if step else "",
        "named": [[e.kind, e.value] for e in meaning.entities if not e.negated and e.kind not in PRIVATE],
        "why": why(turn, step),
    }


def why(turn: Turn, step: Step | None) -> list[str]:
    """Return why it was decided so, in lines: scores and bounds, the nearest phrasing, context and clauses."""
    lines = list(turn.meaning.why)
    if turn.meaning.follows:
        lines.append(f"read as the end of the message before it ({turn.meaning.follows})")
    if turn.meaning.parts:
        lines.append("sure clauses: " + ", ".join(f"{label} {margin:+.2f}" for label, margin in turn.meaning.parts))
    if step is not None:
        lines += step.why
        label = step.label or (turn.meaning.ranked[0][0] if turn.meaning.ranked else "")
        nearest = _nearest_phrasing(turn, label)
        lines += [f"nearest phrasing of {label}: {nearest}"] if nearest else []
    return lines


def _nearest_phrasing(turn: Turn, label: str) -> str:
    """Return the phrasing of `label` that is most like what was said, empty if none is."""
    entry = turn.knowledge.entry(label, turn.language) or turn.knowledge.entry_for_intent(label, turn.language)
    phrasings = (*turn.knowledge.intents.get(label, {}).get(turn.language, ()), *(entry.ask if entry else ()))
    found = process.extractOne(turn.text.casefold(), phrasings, scorer=fuzz.ratio, score_cutoff=LIKE_ENOUGH)
    return found[0] if found else ""
