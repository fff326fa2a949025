"""Asks once, after an agent has closed a conversation, how it was; keeps what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.delivery.outbox import Draft, put
from bot.delivery.outgoing import Happened, tell
from bot.delivery.thinking import state_to
from bot.messages import Purpose
from bot.shop.todo import leave
from bot.skills.csat import asking
from bot.skills.turn import Rate
from bot.store.insert import insert_once
from bot.store.tables import conversations, identities, persons, ratings, tasks
from bot.voice import Listener, Voice

FEEDBACK_CLOSED_WITHIN = timedelta(hours=48)
"""From a bad score to the end of what comes of it, as shops' service standards ask."""


@dataclass(frozen=True, slots=True)
class AskCsat:
    """Handles the timer `csat`: asks for a score, unless the customer has written again or was asked already."""

    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        talk_id, epoch = payload["conversation_id"], payload["epoch"]
        row = connection.execute(
            select(conversations, persons.c.language)
            .outerjoin(identities, conversations.c.identity_id == identities.c.id)
            .outerjoin(persons, identities.c.person_id == persons.c.id)
            .where(conversations.c.id == talk_id)
        ).one()
        if row.owner != "closed" or row.epoch != epoch or row.chat_kind != "private" or row.last_seq > row.done_seq:
            return
        voice, language = self.voice(), row.state.get("language") or row.language or self.default_language
        say, state = asking(voice.knowledge, language, epoch)
        spoken = voice.speak([say], language, Listener(row.channel.partition(":")[0]))
        draft = Draft(
            key=f"csat:{talk_id}:{epoch}",
            conversation_id=talk_id,
            purpose=Purpose.SERVICE,
            text=spoken.text,
            choices=spoken.choices,
            sources=spoken.sources,
            epoch=epoch,
            guard={"csat": epoch},
        )
        if put(connection, draft, now):
            mine = conversations.c.id == talk_id, conversations.c.epoch == epoch
            connection.execute(update(conversations).where(*mine).values(state=state_to(state)))


def keep(connection: Connection, conversation_id: str, rate: Rate, now: datetime) -> bool:
    """Keep a score, once for each close, or the words that came after it. Return False if there was a score before."""
    key = ratings.c.conversation_id == conversation_id, ratings.c.epoch == rate.epoch
    if rate.comment:
        connection.execute(update(ratings).where(*key).values(comment=rate.comment))
        _tell(connection, conversation_id, rate, now)
        return True
    row = {"conversation_id": conversation_id, "epoch": rate.epoch, "score": rate.score, "at": now}
    if not insert_once(connection, ratings, row):
        return False
    _tell(connection, conversation_id, rate, now)
    return True


def look_into(connection: Connection, conversation_id: str, rate: Rate, now: datetime) -> None:
    """Leave a task for a low score; words that come after it stand in the same one, until that is done."""
    key, words = f"csat:{conversation_id}:{rate.epoch}", f"{rate.score}/5"
    if rate.comment:
        words = f"{words} · {rate.comment}"
        open_one = tasks.c.key == key, tasks.c.done.is_(False)
        if connection.execute(update(tasks).where(*open_one).values(text=words)).rowcount:
            return
        key = f"{key}:comment"
    leave(connection, key, "csat", conversation_id, words, now, now + FEEDBACK_CLOSED_WITHIN)


def _tell(connection: Connection, conversation_id: str, rate: Rate, now: datetime) -> None:
    """Tell of the score, and once more when words follow it."""
    data = {"conversation_id": conversation_id, "score": rate.score, "comment": rate.comment}
    words = "comment" if rate.comment else "score"
    tell(connection, [Happened("csat.rated", f"{conversation_id}:{rate.epoch}:{words}", data)], now)
