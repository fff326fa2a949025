"""Runs turns: takes a conversation under a lease, thinks outside any transaction, commits everything in one.

The commit is fenced twice: by the lease and version (a worker that was paused past its lease changes nothing) and by
the owner's epoch (a human who took over in the meantime is not talked over).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, or_, select, update

from bot.clock import Clock, IdMaker
from bot.delivery.outbox import Draft, put
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker, Thought
from bot.errors import Conflict
from bot.messages import Purpose
from bot.skills.turn import Effect, PersonView, Say
from bot.store.database import AnyRow, Database
from bot.store.tables import conversations, inbox
from bot.voice import Spoken

LEASE_S = 30.0
LOOK_EVERY_S = 1.0
MAX_ATTEMPTS = 3
ToQueue = Callable[[Connection, str, str, int, datetime], Any]
ApplyEffects = Callable[[Connection, Sequence[Effect], PersonView, str, datetime, IdMaker], list[Say]]
"""Does what a turn wants done, in its transaction; returns what is then to be said. See `bot.effects.apply`."""
Reopen = Callable[[Connection, str, datetime], Any]
log = structlog.get_logger()


class Overtaken(Conflict):
    """The conversation changed during the turn. It is thought again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A conversation under lease, with the fences as they were when it was taken."""

    conversation_id: str
    token: str
    seq: int


@dataclass(slots=True)
class TurnRunner:
    """Works through the inbox, one conversation at a time, several conversations side by side."""

    database: Database
    clock: Clock
    new_id: IdMaker
    thinker: Thinker
    apply_effects: ApplyEffects
    to_queue: ToQueue
    reopen: Reopen
    wake: Signal
    done: Signal
    """Told after every turn: something may be in the outbox."""

    async def run(self) -> None:
        while True:
            seen = self.wake.count
            try:
                while await self.run_next():
                    pass
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("turns_interrupted")
            await self.wake.wait(seen, LOOK_EVERY_S)

    async def run_next(self) -> bool:
        """Run the next turn that waits; return False if none does."""
        now = self.clock.now()
        taken = await self.database.write(lambda c: take_next(c, now, self.new_id()))
        if taken is None:
            return False
        try:
            thought = await self.database.read(lambda c: self.thinker.think(c, taken.conversation_id, taken.seq, now))
            await self.database.write(lambda c: self._commit(c, taken, thought, now))
        except asyncio.CancelledError:
            raise
        except Overtaken:
            log.info("turn_overtaken", conversation_id=taken.conversation_id)
            await self.database.write(lambda c: _release(c, taken))
        except Exception as error:  # a message that breaks the bot must not stop the others
            log.exception("turn_failed", conversation_id=taken.conversation_id)
            reason = f"{type(error).__name__}: {error}"
            await self.database.write(lambda c: self._fail(c, taken, reason, now))
        self.done.notify()
        return True

    def _commit(self, connection: Connection, taken: Taken, thought: Thought, now: datetime) -> None:
        """State, effects, handoff and the answer: all of it or nothing."""
        conversation = _fence(connection, taken, thought)
        step = thought.step
        meaning: dict[str, Any] = dict(thought.summary)
        if step is not None:
            if conversation.owner == "closed" or step.leaves_queue:
                self.reopen(connection, taken.conversation_id, now)
            said = self.apply_effects(connection, step.effects, thought.person, conversation.channel, now, self.new_id)
            if step.handoff is not None:
                self.to_queue(connection, taken.conversation_id, step.handoff.reason, step.handoff.priority, now)
            self._answer(connection, taken, thought, [*step.says, *said], now)
        values = {"state": thought.state, "done_seq": taken.seq, "lease_token": None, "lease_until": None}
        connection.execute(update(conversations).where(conversations.c.id == taken.conversation_id).values(**values))
        _mark(connection, taken, status="done", meaning=meaning)

    def _answer(self, connection: Connection, taken: Taken, thought: Thought, says: list[Say], now: datetime) -> None:
        if says:
            spoken = thought.voice.speak(says, thought.language, thought.channel_kind, thought.person.tier)
            _put_answer(connection, taken, spoken, now)

    def _fail(self, connection: Connection, taken: Taken, reason: str, now: datetime) -> None:
        """Count a failed try; after the last one the message goes to the dead letters and a human gets the customer."""
        conversation = connection.execute(
            select(conversations.c.owner)
            .where(conversations.c.id == taken.conversation_id, conversations.c.lease_token == taken.token)
            .with_for_update()
        ).one_or_none()
        if conversation is None:
            return  # another worker has the lease, and its try is the one that counts
        row = connection.execute(
            select(inbox.c.attempts).where(inbox.c.conversation_id == taken.conversation_id, inbox.c.seq == taken.seq)
        ).one()
        attempts = row.attempts + 1
        if attempts < MAX_ATTEMPTS:
            _mark(connection, taken, status="new", attempts=attempts, error=reason)
            retry = now + timedelta(seconds=2.0**attempts)
            _hold(connection, taken, until=retry)
            return
        _mark(connection, taken, status="dead", attempts=attempts, error=reason)
        if conversation.owner not in ("queue", "agent"):
            self.to_queue(connection, taken.conversation_id, "dead_letter", 2, now)
            _put_answer(connection, taken, self.thinker.apology(connection, taken.conversation_id), now)
        values = {"done_seq": taken.seq, "lease_token": None, "lease_until": None}
        connection.execute(update(conversations).where(conversations.c.id == taken.conversation_id).values(**values))


def take_next(connection: Connection, now: datetime, token: str) -> Taken | None:
    """Lease the conversation that waits longest and has no living lease."""
    free = or_(conversations.c.lease_until.is_(None), conversations.c.lease_until <= now)
    row = connection.execute(
        select(conversations.c.id, conversations.c.done_seq)
        .where(conversations.c.last_seq > conversations.c.done_seq, free)
        .order_by(conversations.c.updated_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    taken = Taken(row.id, token, row.done_seq + 1)
    _hold(connection, taken, until=now + timedelta(seconds=LEASE_S))
    return taken


def _hold(connection: Connection, taken: Taken, until: datetime) -> None:
    connection.execute(
        update(conversations)
        .where(conversations.c.id == taken.conversation_id)
        .values(lease_token=taken.token, lease_until=until)
    )


def _release(connection: Connection, taken: Taken) -> None:
    connection.execute(
        update(conversations)
        .where(conversations.c.id == taken.conversation_id, conversations.c.lease_token == taken.token)
        .values(lease_token=None, lease_until=None)
    )


def _fence(connection: Connection, taken: Taken, thought: Thought) -> AnyRow:
    """Lock the conversation and make sure that nothing moved while we thought.

    Raises:
        Overtaken: another worker has the lease, or the owner changed.
    """
    passed = connection.execute(
        update(conversations)
        .where(
            conversations.c.id == taken.conversation_id,
            conversations.c.lease_token == taken.token,
            conversations.c.version == thought.version,
            conversations.c.epoch == thought.epoch,
        )
        .values(version=conversations.c.version + 1)
    ).rowcount
    if passed != 1:
        raise Overtaken
    return connection.execute(
        select(conversations.c.owner, conversations.c.channel).where(conversations.c.id == taken.conversation_id)
    ).one()


def _put_answer(connection: Connection, taken: Taken, spoken: Spoken, now: datetime) -> None:
    """Put the one answer of a turn into the outbox, under the epoch that the turn leaves behind."""
    epoch = connection.execute(
        select(conversations.c.epoch).where(conversations.c.id == taken.conversation_id)
    ).scalar_one()
    draft = Draft(
        key=f"turn:{taken.conversation_id}:{taken.seq}",
        conversation_id=taken.conversation_id,
        purpose=Purpose.REPLY,
        text=spoken.text,
        choices=spoken.choices,
        sources=spoken.sources,
        epoch=epoch,
    )
    put(connection, draft, now)


def _mark(connection: Connection, taken: Taken, **values: Any) -> None:
    of_turn = inbox.c.conversation_id == taken.conversation_id, inbox.c.seq == taken.seq
    connection.execute(update(inbox).where(*of_turn).values(**values))
