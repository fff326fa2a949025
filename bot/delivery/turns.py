"""Runs turns: takes conversations under a lease, thinks outside any writing transaction, commits everything in one.

Many conversations are taken, thought and committed together; one whose turn does something (an effect, a handoff), or
that failed before, is committed alone. The commit is fenced twice: by the lease and version (a worker that was paused
past its lease changes nothing) and by the owner's epoch (a human who took over in the meantime is not talked over).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import Clock, IdMaker
from bot.delivery import clocks
from bot.delivery.outbox import Draft, put_all
from bot.delivery.people import is_outguessed
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thought
from bot.delivery.whole import whole
from bot.messages import ChatKind, Purpose
from bot.skills.turn import Effect, PersonView, Say, Step
from bot.store.database import AnyRow, Database
from bot.store.tables import conversations, inbox
from bot.voice import Speak, Spoken

LEASE_S = 30.0
LOOK_EVERY_S = 5.0
"""A net: whoever stores a message wakes us, in this process or by the bell."""
LOCKED_S = 0.005
MAX_AT_ONCE = 128
MAX_TRIES = 3
"""How often a message may fail before it is a dead letter."""
MAX_DEATHS = 6
"""In how many tries the process may die: more, as a message can be innocent of that."""
ToQueue = Callable[[Connection, str, str, int, datetime], Any]
ApplyEffects = Callable[[Connection, Sequence[Effect], PersonView, str, datetime, IdMaker, Speak], list[Say]]
"""Does what a turn wants done, in its transaction; returns what is then to be said. See `bot.effects.apply`."""
Reopen = Callable[[Connection, str, datetime], Any]
Heard = Callable[[Connection, str, int, datetime], object]
log = structlog.get_logger()


class Thinks(Protocol):
    """The reading half of turns, see `bot.delivery.thinking.Thinker`."""

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, Thought | Exception]: ...

    def apology(self, connection: Connection, conversation_id: str) -> Spoken: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A conversation under lease.

    Attributes:
        seq: of the message whose turn it is.
        tries: of this message, this one included.
    """

    conversation_id: str
    token: str
    seq: int
    tries: int


@dataclass(slots=True)
class TurnRunner:
    """Works through the inbox: in each conversation in order, many conversations side by side."""

    database: Database
    clock: Clock
    new_id: IdMaker
    thinker: Thinks
    apply_effects: ApplyEffects
    to_queue: ToQueue
    reopen: Reopen
    wake: Signal
    done: Signal
    """Told after a batch: something may be in the outbox."""
    lease_s: float = LEASE_S
    heard: Heard = lambda connection, conversation_id, seq, _: clocks.customer_wrote(connection, conversation_id, seq)
    """Told of every message of a customer who is in human hands."""
    listened: Signal = field(default_factory=Signal)
    """Told instead of `done` after a batch to which the bot had nothing to say: what was heard may have set a timer."""
    _ahead: list[Taken] = field(default_factory=list)
    """Taken in the transaction that committed the last batch: that saves every second transaction."""
    _looked_ahead: bool = False

    async def run(self) -> None:
        """Run turns for ever. Cancelled, first end the batch that is being thought, and give back what is leased."""
        try:
            while True:
                seen = self.wake.count
                rest_s = LOOK_EVERY_S
                try:
                    rest_s = await self._run_through()
                except Exception:  # the database is away for a moment; the loop looks again
                    log.exception("turns_interrupted")
                await self.wake.wait(seen, rest_s)
        finally:
            await asyncio.shield(self._untake(self._ahead))

    async def _run_through(self) -> float:
        """Run every turn that waits. Return for how many seconds to rest."""
        while await whole(self.run_next()) and (self._ahead or not self._looked_ahead):
            pass
        if self.database.is_sqlite or not await self.database.read(self._any_behind):
            return LOOK_EVERY_S
        return LOCKED_S  # another transaction had a conversation locked at that moment

    async def run_next(self) -> bool:
        """Run the turns that wait longest; return False if none does."""
        now = self.clock.now()
        taken, self._ahead = self._ahead or await self.database.write(lambda c: self._take(c, now)), []
        self._looked_ahead = False
        if not taken:
            return False
        if taken[0].tries > MAX_DEATHS:
            await self._fail(taken[0], "the process died each time it was tried")
            said = True
        else:
            said = await self._turn(taken, now)
        (self.done if said else self.listened).notify()
        return True

    def _take(self, connection: Connection, now: datetime) -> list[Taken]:
        return take_next(connection, now, self.new_id(), now + timedelta(seconds=self.lease_s))

    def _any_behind(self, connection: Connection) -> bool:
        return connection.execute(_ANY_BEHIND, {"by": self.clock.now()}).first() is not None

    async def _turn(self, taken: Sequence[Taken], now: datetime) -> bool:
        """Do these turns. Return whether one of them may have said something."""
        thoughts = await self._think(taken, now)
        good = [(one, t) for one in taken if isinstance(t := thoughts.get(one.conversation_id), Thought)]
        for one, thought in good:
            if _does_something(thought.step):
                await self._commit_one(one, thought, now)
        for one in taken:
            if not isinstance(error := thoughts.get(one.conversation_id), Thought):
                await self._fail(one, f"{type(error).__name__}: {error}")
        # Last, because it looks for what waits now: the next messages of all of these are then among it.
        await self._commit_all([(one, thought) for one, thought in good if not _does_something(thought.step)], now)
        return len(good) < len(taken) or any(thought.step is not None for _, thought in good)

    async def _think(self, taken: Sequence[Taken], now: datetime) -> Mapping[str, Thought | Exception]:
        ids = [one.conversation_id for one in taken]
        try:
            return await self.database.read(lambda c: self.thinker.think_all(c, ids, now))
        except SQLAlchemyError:  # no message's fault: none of them was tried
            await self._untake(taken)
            raise
        except Exception as error:  # one of them, who knows which: each is tried alone
            log.exception("batch_not_thought", turns=len(taken))
            return dict.fromkeys(ids, error)

    async def _untake(self, taken: Sequence[Taken]) -> None:
        """Give back leases as if they had never been taken."""

        def let_go(connection: Connection) -> None:
            for one in taken:
                _let_go(connection, one, one.tries - 1, until=None)

        if taken:
            await self.database.write(let_go)

    async def _commit_all(self, turns: Sequence[tuple[Taken, Thought]], now: datetime) -> None:
        if not turns:
            return

        def commit_and_take(connection: Connection) -> tuple[list[Taken], list[Taken]]:
            return self._commit(connection, turns, now), self._take(connection, now)

        try:
            overtaken, self._ahead = await self.database.write(commit_and_take)
            self._looked_ahead = not overtaken
        except asyncio.CancelledError:
            raise
        except Exception:  # one of them cannot be committed: the others must not suffer
            log.exception("batch_not_committed", turns=len(turns))
            for taken, thought in turns:
                await self._commit_one(taken, thought, now)
            return
        await self._release(overtaken)

    async def _commit_one(self, taken: Taken, thought: Thought, now: datetime) -> None:
        try:
            overtaken = await self.database.write(lambda c: self._commit(c, [(taken, thought)], now))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a message that breaks the bot must not stop the others
            log.exception("turn_failed", conversation_id=taken.conversation_id)
            await self._fail(taken, f"{type(error).__name__}: {error}")
            return
        await self._release(overtaken)

    def _commit(self, connection: Connection, turns: Sequence[tuple[Taken, Thought]], now: datetime) -> list[Taken]:
        """State, effects, handoff and the answers: all of it or nothing. Return what moved while we thought."""
        rows = locked(connection, [taken.conversation_id for taken, _ in turns])
        standing = [
            (taken, t)
            for taken, t in turns
            if passes_fence(rows.get(taken.conversation_id), taken, t)
            and not (t.step and is_outguessed(connection, t.step, t.person, now))
        ]
        drafts: list[tuple[Draft, str]] = []
        for taken, thought in standing:
            row = rows[taken.conversation_id]
            if row.owner in clocks.HUMAN:
                self.heard(connection, taken.conversation_id, taken.seq, now)
            says = self._do(connection, taken, thought, row, now)
            if says:
                spoken = thought.speak(says)
                drafts.append((_answer(connection, taken, thought, spoken, row), row.channel))
        put_all(connection, drafts, now)
        _finish(connection, standing)
        done = {taken.conversation_id for taken, _ in standing}
        return [taken for taken, _ in turns if taken.conversation_id not in done]

    def _do(self, connection: Connection, taken: Taken, thought: Thought, row: AnyRow, now: datetime) -> list[Say]:
        """Do what the step wants done; return what is to be said."""
        step = thought.step
        if step is None:
            return []
        if row.owner == "closed" or step.leaves_queue:
            self.reopen(connection, taken.conversation_id, now)
        said: list[Say] = []
        if step.effects:
            whom = thought.person, row.channel
            said = self.apply_effects(connection, step.effects, *whom, now, self.new_id, thought.speak)
        if step.handoff is not None:
            self.to_queue(connection, taken.conversation_id, step.handoff.reason, step.handoff.priority, now)
        return [*step.says, *said]

    async def _release(self, overtaken: Sequence[Taken]) -> None:
        for taken in overtaken:
            log.info("turn_overtaken", conversation_id=taken.conversation_id)
            await self.database.write(lambda c, taken=taken: _let_go(c, taken, tries=0, until=None))  # type: ignore[misc]

    async def _fail(self, taken: Taken, reason: str) -> None:
        now = self.clock.now()
        await self.database.write(lambda c: self._count_failure(c, taken, reason, now))

    def _count_failure(self, connection: Connection, taken: Taken, reason: str, now: datetime) -> None:
        """Try again later; after the last try the message is a dead letter and a human gets the customer."""
        row = locked(connection, [taken.conversation_id]).get(taken.conversation_id)
        if row is None or row.lease_token != taken.token:
            return  # another worker has the lease, and its try is the one that counts
        of_turn = inbox.c.conversation_id == taken.conversation_id, inbox.c.seq == taken.seq
        failed_before = bool(connection.execute(select(inbox.c.error).where(*of_turn)).scalar())
        if taken.tries < MAX_TRIES or (not failed_before and taken.tries <= MAX_DEATHS):
            connection.execute(update(inbox).where(*of_turn).values(error=reason))
            _let_go(connection, taken, taken.tries, until=now + timedelta(seconds=2.0**taken.tries))
            return
        connection.execute(update(inbox).where(*of_turn).values(status="dead", error=reason))
        if row.owner not in ("queue", "agent"):
            self.to_queue(connection, taken.conversation_id, "dead_letter", 2, now)
            spoken = self.thinker.apology(connection, taken.conversation_id)
            put_all(connection, [(_draft(taken, spoken, _epoch(connection, taken)), row.channel)], now)
        _let_go(connection, taken, tries=0, until=None, done_seq=taken.seq)


# Statements are made once: making one takes longer than running it.
_BEHIND = (
    select(conversations.c.id, conversations.c.done_seq, conversations.c.tries)
    .where(
        conversations.c.last_seq > conversations.c.done_seq,
        conversations.c.chat_kind != ChatKind.STAFF.value,  # see `handoff.group`
        or_(conversations.c.lease_until.is_(None), conversations.c.lease_until <= bindparam("by")),
    )
    .order_by(conversations.c.updated_at)
)
_ANY_BEHIND = _BEHIND.limit(1)
_BEHIND_LOCKED = _BEHIND.limit(MAX_AT_ONCE).with_for_update(skip_locked=True, key_share=True)
_LEASE = (
    update(conversations)
    .where(conversations.c.id.in_(bindparam("talks", expanding=True)))
    .values(lease_token=bindparam("token"), lease_until=bindparam("until"), tries=conversations.c.tries + 1)
)
_LOCKED = (
    select(
        conversations.c.id,
        conversations.c.channel,
        conversations.c.owner,
        conversations.c.version,
        conversations.c.epoch,
        conversations.c.lease_token,
    )
    .where(conversations.c.id.in_(bindparam("talks", expanding=True)))
    .order_by(conversations.c.id)  # two processes that lock several never wait in a circle
    .with_for_update(key_share=True)  # nor with a changed row of the outbox, which asks whether its conversation exists
)
_FINISH_TALKS = (
    update(conversations)
    .where(conversations.c.id == bindparam("talk"))
    .values(
        state=bindparam("kept"),
        done_seq=bindparam("seq"),
        version=conversations.c.version + 1,
        lease_token=None,
        lease_until=None,
        tries=0,
    )
)
_FINISH_MESSAGES = (
    update(inbox)
    .where(inbox.c.conversation_id == bindparam("talk"), inbox.c.seq == bindparam("number"))
    .values(status="done", meaning=bindparam("meant"))
)
_CARRY = (
    update(inbox)
    .where(inbox.c.conversation_id == bindparam("talk"), inbox.c.seq == bindparam("number"))
    .values(text=bindparam("said"))
)


def take_next(connection: Connection, now: datetime, token: str, until: datetime) -> list[Taken]:
    """Lease the conversations that wait longest and have no living lease.

    One whose last try did not end is taken alone: if it kills the process, it takes no other along.
    """
    rows = connection.execute(_BEHIND_LOCKED, {"by": now}).all()
    if rows:
        rows = rows[:1] if rows[0].tries else [row for row in rows if not row.tries]
        connection.execute(_LEASE, {"talks": [row.id for row in rows], "token": token, "until": until})
    return [Taken(row.id, token, row.done_seq + 1, row.tries + 1) for row in rows]


def _does_something(step: Step | None) -> bool:
    return step is not None and bool(step.effects or step.handoff or step.leaves_queue)


def locked(connection: Connection, conversation_ids: Sequence[str]) -> dict[str, AnyRow]:
    """Return what the fences ask for, by id, locked until the transaction ends."""
    return {row.id: row for row in connection.execute(_LOCKED, {"talks": conversation_ids})}


def passes_fence(row: AnyRow | None, taken: Taken, thought: Thought) -> bool:
    """Return whether nothing moved while we thought: the lease is still ours, and nobody else owns the talk."""
    return (
        row is not None
        and row.lease_token == taken.token
        and row.version == thought.version
        and row.epoch == thought.epoch
    )


def _answer(connection: Connection, taken: Taken, thought: Thought, spoken: Spoken, row: AnyRow) -> Draft:
    """Return the one answer of a turn, under the epoch that the turn leaves behind."""
    moved = _does_something(thought.step) or row.owner == "closed"
    draft = _draft(taken, spoken, _epoch(connection, taken) if moved else row.epoch)
    return replace(draft, topic=thought.topic)


def _draft(taken: Taken, spoken: Spoken, epoch: int) -> Draft:
    return Draft(
        key=f"turn:{taken.conversation_id}:{taken.seq}",
        conversation_id=taken.conversation_id,
        purpose=Purpose.REPLY,
        text=spoken.text,
        choices=spoken.choices,
        sources=spoken.sources,
        epoch=epoch,
    )


def _epoch(connection: Connection, taken: Taken) -> int:
    of_talk = conversations.c.id == taken.conversation_id
    return int(connection.execute(select(conversations.c.epoch).where(of_talk)).scalar_one())


def _finish(connection: Connection, turns: Sequence[tuple[Taken, Thought]]) -> None:
    if not turns:
        return
    connection.execute(
        _FINISH_TALKS,
        [{"talk": taken.conversation_id, "kept": thought.state, "seq": taken.seq} for taken, thought in turns],
    )
    connection.execute(
        _FINISH_MESSAGES,
        [
            {"talk": taken.conversation_id, "number": taken.seq, "meant": dict(thought.summary)}
            for taken, thought in turns
        ],
    )
    carried = [
        {"talk": taken.conversation_id, "number": taken.seq, "said": thought.wish}
        for taken, thought in turns
        if thought.wish
    ]
    if carried:  # whoever takes the conversation over reads what was asked
        connection.execute(_CARRY, carried)


def _let_go(
    connection: Connection, taken: Taken, tries: int, until: datetime | None, **values: Mapping[str, Any] | int
) -> None:
    """End our lease on a conversation; `until` keeps everybody from it for a while."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == taken.conversation_id, conversations.c.lease_token == taken.token)
        .values(lease_token=None, lease_until=until, tries=tries, **values)
    )
