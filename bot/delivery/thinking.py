"""The reading half of turns: loads what skills may look at, for many turns at once, and asks the dialogue.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, and_, bindparam, func, select

from bot.brain import Brain, Mind
from bot.deciding import Said, decide, summary
from bot.delivery.people import Known, known_people
from bot.delivery.wishes import Wishes
from bot.messages import Choice, Event, Topic
from bot.settings import Settings
from bot.shop.port import Money, Shop
from bot.skills import shown
from bot.skills.ballot import VOTE, VOTE_LINK
from bot.skills.sales import CLAIM, CLAIM_LINK
from bot.skills.turn import PersonView, SaleView, Say, State, Step
from bot.skills.vote_effects import VoteView
from bot.store.database import AnyRow
from bot.store.tables import conversations, inbox, media, outbox, products, sales, variants, votes
from bot.understanding.engine import Catalogue
from bot.voice import Listener, Spoken, Voice, listener

ShopOf = Callable[[Connection], Shop]
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
    listener: Listener
    voice: Voice
    summary: Mapping[str, Any]
    topic: Topic | None = None
    """Where in a group it is said, and what it answers there."""
    wish: str = ""
    """What the person had asked in a group, where the message opens their private chat."""

    def speak(self, says: Sequence[Say]) -> Spoken:
        """Return what is said to this customer."""
        return self.voice.speak(says, self.language, self.listener)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the turns of one batch have in common, read on one snapshot."""

    mind: Mind
    shop: Shop
    catalogue: Catalogue
    known: Known
    sales: Sequence[Row[Any]]
    now: datetime
    votes: Mapping[str, VoteView] = field(default_factory=dict)
    asked_votes: Mapping[str, str] = field(default_factory=dict)
    """By conversation: the vote whose question is the last that was said there."""
    pictures: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By message: ids of the pictures that came with it."""
    wishes: Mapping[int, str] = field(default_factory=dict)
    """By message that opened a chat: what the person had asked in a group."""


@dataclass(frozen=True, slots=True)
class Thinker:
    """Everything the reading half needs."""

    brain: Brain
    settings: Settings
    shop_of: ShopOf
    popular: Callable[[], Sequence[str]] = tuple
    """Returns the labels that were asked for most in the last days."""
    wishes: Wishes | None = None
    """Carries what is asked in a group into the private chat; without it nothing is carried."""

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> dict[str, Thought | Exception]:
        """Return what the bot makes of the next message of each conversation; what a message broke, by its side."""
        rows = connection.execute(_NEXT_MESSAGES, {"talks": conversation_ids}).all()
        shop, votes_on = self.shop_of(connection), late_votes(connection, now)
        around = Surroundings(
            mind=self.brain.mind,
            shop=shop,
            catalogue=self.brain.catalogue(shop.names()),
            known=known_people(connection, [row.identity_id for row in rows], shop, now),
            sales=running_sales(connection, now),
            votes=votes_on,
            asked_votes=asked_last(connection, conversation_ids) if votes_on else {},
            now=now,
            pictures=pictures_of(connection, rows),
            wishes=self.wishes.carried(connection, rows, now) if self.wishes else {},
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
        turn, step = decide(
            around.mind.engine, around.mind.knowledge, self.settings, self._said(row, person, state, around)
        )
        return Thought(
            step=step,
            state=state_to(step.state if step else state),
            version=row.version,
            epoch=row.epoch,
            person=person,
            language=turn.language,
            listener=listener(turn, row.channel.partition(":")[0]),
            voice=around.mind.voice,
            summary=summary(turn, step),
            topic=Topic(**row.topic) if row.topic and row.chat_kind == "group" else None,
            wish=around.wishes.get(row.inbox_id, ""),
        )

    def _said(self, row: AnyRow, person: PersonView, state: State, around: Surroundings) -> Said:
        is_group = row.chat_kind == "group"
        spoken = "" if is_group else person.language  # a group has a language of its own
        wish = around.wishes.get(row.inbox_id, "")
        return Said(
            text=wish or row.text,
            person=person,
            state=state,
            shop=around.shop,
            catalogue=around.catalogue,
            now=around.now,
            default_language=spoken or self.settings.shop.language,
            choice=row.choice or linked_choice(row.event, row.payload),
            owner=row.owner,
            event=None if wish else row.event,
            is_group=is_group,
            addressed=row.addressed,
            said_at=min(row.sent_at, row.received_at),
            carries=self.wishes.payload(row.inbox_id) if is_group and self.wishes else "",
            sales=lambda language: sale_views(around.sales, language),
            votes=around.votes,
            asked_vote=around.asked_votes.get(row.conversation_id, ""),
            payload=row.payload,
            popular=self.popular(),
            pictures=around.pictures.get(row.inbox_id, ()),
        )

    def apology(self, connection: Connection, conversation_id: str) -> Spoken:
        """Return what is said when a message broke the bot."""
        return self.unasked(connection, conversation_id, Say("handoff.dead_letter"))

    def unasked(self, connection: Connection, conversation_id: str, say: Say) -> Spoken:
        """Return what is said in a conversation without a turn, in its language."""
        stored = connection.execute(
            select(conversations.c.state).where(conversations.c.id == conversation_id)
        ).scalar_one()
        language = state_from(stored).language or self.settings.shop.language
        return self.brain.mind.voice.speak([say], language)


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
        inbox.c.id.label("inbox_id"),
        inbox.c.identity_id,
        inbox.c.text,
        inbox.c.event,
        inbox.c.payload,
        inbox.c.choice,
        inbox.c.topic,
        inbox.c.addressed,
        inbox.c.sent_at,
        inbox.c.received_at,
    )
    .join(inbox, and_(inbox.c.conversation_id == conversations.c.id, inbox.c.seq == conversations.c.done_seq + 1))
    .where(conversations.c.id.in_(bindparam("talks", expanding=True)))
)


def asked_last(connection: Connection, conversation_ids: Sequence[str]) -> dict[str, str]:
    """Return by conversation the vote whose options the last message that was sent there offers."""
    found: dict[str, str] = {}
    for row in connection.execute(_LAST_SENT, {"talks": conversation_ids}):
        token = row.choices[0]["token"] if row.choices else ""
        if token.startswith(VOTE) and token.count(":") == VOTE.count(":") + 1:
            found[row.conversation_id] = token.split(":")[1]
    return found


# By when it was sent: a question is stored when the vote opens, and may wait for the morning.
_LATEST = func.row_number().over(
    partition_by=outbox.c.conversation_id, order_by=(outbox.c.sent_at.desc(), outbox.c.id.desc())
)
_SENT = (
    select(outbox.c.id, _LATEST.label("nth"))
    .where(outbox.c.conversation_id.in_(bindparam("talks", expanding=True)), outbox.c.status == "sent")
    .subquery()
)
_LAST_SENT = select(outbox.c.conversation_id, outbox.c.choices).join(
    _SENT, and_(outbox.c.id == _SENT.c.id, _SENT.c.nth == 1)
)
VOTES_SHOWN_FOR = timedelta(days=30)
"""So long after its end people can ask how their vote stands."""
_VOTES = (
    select(votes)
    .where(votes.c.ends_at > bindparam("since"), votes.c.status.in_(("open", "closed", "drawn")))
    .order_by(votes.c.ends_at, votes.c.id)
)
_RUNNING_SALES = (
    select(sales, products.c.name_zh, products.c.name_en)
    .join(variants, sales.c.sku == variants.c.sku)
    .join(products, variants.c.product_id == products.c.id)
    .where(sales.c.status == "running", sales.c.ends_at > bindparam("now"))
    .order_by(sales.c.ends_at, sales.c.id)
)


_PICTURES = (
    select(media.c.id, media.c.inbox_id)
    .where(media.c.inbox_id.in_(bindparam("messages", expanding=True)), media.c.kind == "image")
    .order_by(media.c.id)
)


def pictures_of(connection: Connection, rows: Sequence[AnyRow]) -> dict[int, tuple[str, ...]]:
    """Return the ids of the pictures that came with each of these messages; most batches have none and ask nothing."""
    messages = [row.inbox_id for row in rows if row.event == Event.MEDIA]
    found: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(_PICTURES, {"messages": messages}) if messages else ():
        found[row.inbox_id] = (*found.get(row.inbox_id, ()), row.id)
    return found


def linked_choice(event: str | None, payload: str) -> str:
    """Return the choice that a link to the chat stands for: `claim-SALE` claims a piece, `vote-ID` shows a vote."""
    for begins, token in ((CLAIM_LINK, CLAIM), (VOTE_LINK, VOTE)):
        named = payload.removeprefix(begins)
        if event == Event.STARTED and named not in ("", payload):
            return f"{token}{named}"
    return ""


def late_votes(connection: Connection, now: datetime) -> dict[str, VoteView]:
    """Return the trial votes that are on or ended lately, by id, the one that ends first in front."""
    return {
        row.id: VoteView(
            row.id,
            row.question,
            {one["id"]: {language: one[language] for language in ("zh", "en")} for one in row.options},
            row.status == "open",
            row.ends_at,
            row.prize,
            row.winners,
        )
        for row in connection.execute(_VOTES, {"since": now - VOTES_SHOWN_FOR})
    }


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
            row.limit_each,
            row.starts_at,
            row.early,
            row.pay_url,
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
        "last": dict(state.last),
        "later": state.later,
        "promised": state.promised,
        "parked": dict(state.parked),
    }
