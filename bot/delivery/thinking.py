"""The reading half of turns: loads what skills may look at, for many turns at once, and asks the dialogue.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, and_, bindparam, select

from bot.brain import Brain, Mind
from bot.delivery.people import Known, known_people
from bot.messages import Choice, Event
from bot.settings import Settings
from bot.shop.port import Money, Shop
from bot.skills import shown
from bot.skills.dialogue import take_turn
from bot.skills.turn import PersonView, SaleView, Say, State, Step, Turn
from bot.skills.waiting import while_agent_talks, while_queued
from bot.store.database import AnyRow
from bot.store.tables import conversations, inbox, products, sales, variants
from bot.understanding.engine import Catalogue, Meaning
from bot.voice import Spoken, Voice

ShopOf = Callable[[Connection], Shop]
SILENT = frozenset({Event.LEFT, Event.JOINED, Event.MOVED, Event.EDITED, Event.VOTED, Event.SUBSCRIBED})
"""Events that want no answer."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Thought:
    """What a turn came to, with the fences under which it holds.

    Attributes:
        step: None if the bot has nothing to say (a human has the conversation, an event that wants no answer).
    """

    step: Step | None
    state: Mapping[str, Any]
    version: int
    epoch: int
    person: PersonView
    language: str
    channel_kind: str
    voice: Voice
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the turns of one batch have in common, read on one snapshot."""

    mind: Mind
    shop: Shop
    catalogue: Catalogue
    known: Known
    sales: Sequence[Row[Any]]
    now: datetime


@dataclass(frozen=True, slots=True)
class Thinker:
    """Everything the reading half needs."""

    brain: Brain
    settings: Settings
    shop_of: ShopOf

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> dict[str, Thought | Exception]:
        """Return what the bot makes of the next message of each conversation; what a message broke, by its side."""
        rows = connection.execute(_NEXT_MESSAGES, {"talks": conversation_ids}).all()
        shop = self.shop_of(connection)
        around = Surroundings(
            mind=self.brain.mind,
            shop=shop,
            catalogue=self.brain.catalogue(shop.names()),
            known=known_people(connection, [row.identity_id for row in rows], shop, now),
            sales=running_sales(connection, now),
            now=now,
        )
        thoughts: dict[str, Thought | Exception] = {}
        for row in rows:
            try:
                thoughts[row.conversation_id] = self.think(row, around)
            except Exception as error:  # a message that breaks the bot must not stop the others
                log.exception("turn_failed", conversation_id=row.conversation_id)
                thoughts[row.conversation_id] = error
        return thoughts

    def think(self, row: AnyRow, around: Surroundings) -> Thought:
        """Return what the bot makes of one message (a row of `_NEXT_MESSAGES`)."""
        state = state_from(row.state)
        person = around.known.person(row.identity_id)
        turn = self._turn(row, person, state, around)
        step = _step(row.owner, row.event, turn)
        return Thought(
            step=step,
            state=state_to(step.state if step else state),
            version=row.version,
            epoch=row.epoch,
            person=person,
            language=turn.language,
            channel_kind=row.channel.partition(":")[0],
            voice=around.mind.voice,
            summary=summary(turn.meaning, step),
        )

    def _turn(self, row: AnyRow, person: PersonView, state: State, around: Surroundings) -> Turn:
        is_group = row.chat_kind == "group"
        spoken = "" if is_group else person.language  # a group has a language of its own
        default = state.language or spoken or self.settings.shop.language
        meaning = around.mind.engine.understand(row.text, default, around.catalogue)
        return Turn(
            text=row.text,
            meaning=meaning,
            state=state,
            person=person,
            shop=around.shop,
            knowledge=around.mind.knowledge,
            now=around.now,
            zone=self.settings.shop.zone,
            return_days=self.settings.policy.return_days,
            order_closes_after=timedelta(hours=self.settings.policy.order_close_h),
            people_answer=self.settings.shop.is_open(around.now),
            choice=row.choice or "",
            sales=sale_views(around.sales, meaning.language),
            is_group=is_group,
        )

    def apology(self, connection: Connection, conversation_id: str) -> Spoken:
        """Return what is said when a message broke the bot."""
        stored = connection.execute(
            select(conversations.c.state).where(conversations.c.id == conversation_id)
        ).scalar_one()
        language = state_from(stored).language or self.settings.shop.language
        return self.brain.mind.voice.speak([Say("handoff.dead_letter")], language)


# Statements are made once: making one takes longer than running it.
_NEXT_MESSAGES = (
    select(
        conversations.c.id.label("conversation_id"),
        conversations.c.channel,
        conversations.c.chat_kind,
        conversations.c.owner,
        conversations.c.version,
        conversations.c.epoch,
        conversations.c.state,
        inbox.c.identity_id,
        inbox.c.text,
        inbox.c.event,
        inbox.c.choice,
    )
    .join(inbox, and_(inbox.c.conversation_id == conversations.c.id, inbox.c.seq == conversations.c.done_seq + 1))
    .where(conversations.c.id.in_(bindparam("talks", expanding=True)))
)
_RUNNING_SALES = (
    select(sales, products.c.name_zh, products.c.name_en)
    .join(variants, sales.c.sku == variants.c.sku)
    .join(products, variants.c.product_id == products.c.id)
    .where(sales.c.status == "running", sales.c.ends_at > bindparam("now"))
    .order_by(sales.c.ends_at, sales.c.id)
)


def _step(owner: str, event: str | None, turn: Turn) -> Step | None:
    """Return what the bot does, None to keep silent."""
    if turn.is_group:  # there the bot speaks only when a piece of a sale is claimed
        claims = turn.choice.startswith("claim:") or (bool(turn.sales) and turn.meaning.best == "sale_claim")
        return take_turn(turn) if claims and owner not in ("queue", "agent") and event is None else None
    if event in SILENT:
        return None
    if owner == "agent":
        return while_agent_talks(turn)
    if owner == "queue":
        return while_queued(turn)
    return _greet(turn) if event == Event.STARTED and not turn.text else take_turn(turn)


def _greet(turn: Turn) -> Step:
    entry = turn.knowledge.entry_for_intent("greeting", turn.language)
    says = (Say(entry.id),) if entry else ()
    return Step(says, State(language=turn.state.language), decision="smalltalk", entry=entry.id if entry else None)


def running_sales(connection: Connection, now: datetime) -> Sequence[Row[Any]]:
    """Return the flash sales that are running, the one that ends first in front."""
    return connection.execute(_RUNNING_SALES, {"now": now}).all()


def sale_views(rows: Sequence[Row[Any]], language: str) -> dict[str, SaleView]:
    """Return sales by id, as they are shown in a language."""
    return {
        row.id: SaleView(
            row.id,
            {"zh": row.name_zh, "en": row.name_en},
            shown.money(Money(row.price_minor, row.currency), language),
            row.available,
        )
        for row in rows
    }


def state_from(stored: Mapping[str, Any]) -> State:
    offered = tuple(Choice(**choice) for choice in stored.get("offered", ()))
    return State(**{**stored, "offered": offered})


def state_to(state: State) -> dict[str, Any]:
    return {
        "skill": state.skill,
        "step": state.step,
        "slots": dict(state.slots),
        "offered": [{"token": choice.token, "label": choice.label} for choice in state.offered],
        "unclear": state.unclear,
        "language": state.language,
    }


def summary(meaning: Meaning, step: Step | None) -> dict[str, Any]:
    """Return what agents see beside a message: intent, confidence, entry or skill, why."""
    return {
        "intent": meaning.ranked[0][0] if meaning.ranked else None,
        "confidence": round(meaning.margin, 3) if meaning.ranked else None,
        "decision": step.decision if step else None,
        "entry": step.entry if step else None,
        "skill": step.skill if step else None,
        "why": list(meaning.why),
    }
