"""The reading half of a turn: loads what a skill may look at and asks the dialogue. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from bot.brain import Brain, Mind
from bot.messages import Choice, Event
from bot.settings import Settings
from bot.shop.port import Money, Shop
from bot.skills import shown
from bot.skills.dialogue import take_turn
from bot.skills.turn import PersonView, SaleView, Say, State, Step, Turn
from bot.skills.waiting import while_agent_talks, while_queued
from bot.store.tables import (
    conversations,
    identities,
    inbox,
    persons,
    products,
    proof_failures,
    proofs,
    sales,
    variants,
)
from bot.understanding.engine import Meaning
from bot.voice import Spoken, Voice

FAILURES_COUNT_FOR = timedelta(days=1)
ShopOf = Callable[[Connection], Shop]


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
class Thinker:
    """Everything the reading half needs."""

    brain: Brain
    settings: Settings
    shop_of: ShopOf

    def think(self, connection: Connection, conversation_id: str, seq: int, now: datetime) -> Thought:
        """Return what the bot makes of the message `seq` of a conversation."""
        mind = self.brain.mind
        conversation = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
        message = connection.execute(
            select(inbox).where(inbox.c.conversation_id == conversation_id, inbox.c.seq == seq)
        ).one()
        person = person_view(connection, message.identity_id, self.shop_of(connection), now)
        state = state_from(conversation.state)
        turn = self._turn(connection, mind, conversation, message, person, state, now)
        step = _step(conversation.owner, message, turn)
        return Thought(
            step=step,
            state=state_to(step.state if step else state),
            version=conversation.version,
            epoch=conversation.epoch,
            person=person,
            language=turn.language,
            channel_kind=conversation.channel.partition(":")[0],
            voice=mind.voice,
            summary=summary(turn.meaning, step),
        )

    def _turn(
        self,
        connection: Connection,
        mind: Mind,
        conversation: Row[Any],
        message: Row[Any],
        person: PersonView,
        state: State,
        now: datetime,
    ) -> Turn:
        shop = self.shop_of(connection)
        spoken = "" if conversation.chat_kind == "group" else person.language  # a group has a language of its own
        default = state.language or spoken or self.settings.shop.language
        meaning = mind.engine.understand(message.text, default, self.brain.catalogue(shop.products()))
        return Turn(
            text=message.text,
            meaning=meaning,
            state=state,
            person=person,
            shop=shop,
            knowledge=mind.knowledge,
            now=now,
            zone=self.settings.shop.zone,
            return_days=self.settings.policy.return_days,
            order_closes_after=timedelta(hours=self.settings.policy.order_close_h),
            people_answer=self.settings.shop.is_open(now),
            choice=message.choice or "",
            sales=running_sales(connection, now, meaning.language),
            is_group=conversation.chat_kind == "group",
        )

    def apology(self, connection: Connection, conversation_id: str) -> Spoken:
        """Return what is said when a message broke the bot."""
        stored = connection.execute(
            select(conversations.c.state).where(conversations.c.id == conversation_id)
        ).scalar_one()
        language = state_from(stored).language or self.settings.shop.language
        return self.brain.mind.voice.speak([Say("handoff.dead_letter")], language)


def _step(owner: str, message: Row[Any], turn: Turn) -> Step | None:
    """Return what the bot does, None to keep silent."""
    if turn.is_group:  # there the bot speaks only when a piece of a sale is claimed
        claims = turn.choice.startswith("claim:") or (bool(turn.sales) and turn.meaning.best == "sale_claim")
        return take_turn(turn) if claims and owner not in ("queue", "agent") else None
    if message.event in (Event.LEFT, Event.JOINED):
        return None
    if owner == "agent":
        return while_agent_talks(turn)
    if owner == "queue":
        return while_queued(turn)
    return _greet(turn) if message.event == Event.STARTED and not message.text else take_turn(turn)


def _greet(turn: Turn) -> Step:
    entry = turn.knowledge.entry_for_intent("greeting", turn.language)
    says = (Say(entry.id),) if entry else ()
    return Step(says, State(language=turn.state.language), decision="smalltalk", entry=entry.id if entry else None)


def person_view(connection: Connection, identity_id: str, shop: Shop, now: datetime) -> PersonView:
    """Return what a skill may know of the person behind an identity."""
    row = connection.execute(
        select(identities.c.name, persons.c.id, persons.c.customer_id, persons.c.language)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(identities.c.id == identity_id)
    ).one()
    customer = shop.customer(row.customer_id) if row.customer_id else None
    proven = connection.execute(select(proofs.c.order_number).where(proofs.c.identity_id == identity_id)).scalars()
    recent = proof_failures.c.at > now - FAILURES_COUNT_FOR
    own = select(func.count()).where(proof_failures.c.identity_id == identity_id, recent)
    by_order = select(proof_failures.c.order_number, func.count()).where(recent).group_by(proof_failures.c.order_number)
    return PersonView(
        identity_id=identity_id,
        person_id=row.id,
        name=customer.name if customer else row.name,
        language=row.language,
        customer_id=row.customer_id,
        tier=customer.tier if customer else "regular",
        proven=frozenset(proven),
        failed_proofs=connection.execute(own).scalar_one(),
        failed_by_order=dict(connection.execute(by_order).all()),
    )


def running_sales(connection: Connection, now: datetime, language: str) -> dict[str, SaleView]:
    """Return the flash sales that are running by id, the one that ends first in front."""
    rows = connection.execute(
        select(sales, products.c.name_zh, products.c.name_en)
        .join(variants, sales.c.sku == variants.c.sku)
        .join(products, variants.c.product_id == products.c.id)
        .where(sales.c.status == "running", sales.c.ends_at > now)
        .order_by(sales.c.ends_at, sales.c.id)
    ).all()

    def view(row: Row[Any]) -> SaleView:
        price = shown.money(Money(row.price_minor, row.currency), language)
        return SaleView(row.id, {"zh": row.name_zh, "en": row.name_en}, price, row.available)

    return {row.id: view(row) for row in rows}


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
