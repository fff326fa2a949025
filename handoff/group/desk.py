"""Works for the staff's group: does what was written there, then tells it what is new. One process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, select, update

from bot.clock import Clock
from bot.delivery.signal import Signal
from bot.delivery.tasks import alert
from bot.messages import Topic
from bot.store.database import AnyRow, Database
from bot.store.tables import conversations, inbox
from handoff.group.acts import Later, act
from handoff.group.mirror import failures, mirror, tell_failures, wanting
from handoff.group.staff import Group, id_of, tell

LOOK_EVERY_S = 5.0
"""A net: whoever changes something wakes us, in this process or by the bell."""
PAUSE_S = 0.3
"""What happens meanwhile is told together."""
MOST_AT_ONCE = 20
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GroupDesk:
    """The console of agents who answer in the staff's group.

    Attributes:
        wake: hears of everything that changes.
        written: told when something may have to be sent.
    """

    database: Database
    clock: Clock
    group: Group
    wake: Signal
    written: Signal

    async def run(self) -> None:
        """Work for ever."""
        while True:
            seen = self.wake.count
            try:
                await self.step()
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("staff_group_interrupted", channel=self.group.channel)
            await asyncio.sleep(PAUSE_S)
            await self.wake.wait(seen, LOOK_EVERY_S)

    async def step(self) -> bool:
        """Do what was written and tell what is new, once. Return whether there was anything."""
        group_id = await self.database.read(lambda c: id_of(c, self.group))
        acted = await self._act(group_id)
        told = await self._tell(group_id)
        if acted or told:
            self.written.notify()
        return acted or told

    # --- what the staff wrote ------------------------------------------------------------------------------------
    async def _act(self, group_id: str) -> bool:
        rows = await self.database.read(lambda c: _unread(c, group_id))
        for done, row in enumerate(rows):
            try:
                await self.database.write(lambda c, row=row: self._take(c, group_id, row.id))  # type: ignore[misc]
            except Later:
                return done > 0
            except Exception as error:  # a message that breaks this must not stop the others
                log.exception("staff_message_failed", inbox_id=row.id)
                reason = f"{type(error).__name__}: {error}"
                await self.database.write(lambda c, row=row, why=reason: self._give_up(c, group_id, row, why))  # type: ignore[misc]
        return bool(rows)

    def _take(self, connection: Connection, group_id: str, inbox_id: int) -> None:
        """Do one message once: whoever comes later finds it done."""
        row = connection.execute(select(inbox).where(inbox.c.id == inbox_id).with_for_update()).one()
        if row.status != "new":
            return
        now = self.clock.now()
        answer = act(connection, self.group, group_id, row, now)
        self._answer(connection, group_id, row, answer, now)
        _finish(connection, group_id, row, "")

    def _give_up(self, connection: Connection, group_id: str, row: AnyRow, why: str) -> None:
        now = self.clock.now()
        self._answer(connection, group_id, row, self.group.labels["error_error"], now)
        _finish(connection, group_id, row, why)
        alert(connection, f"{self.group.channel}:staff_message", f"A message of the staff's group failed: {why}", now)

    def _answer(self, connection: Connection, group_id: str, row: AnyRow, text: str, now: datetime) -> None:
        if text:
            topic = row.topic or {}
            where = Topic(topic.get("id", ""), topic.get("message", ""))
            tell(connection, group_id, f"staff-answer:{row.key}", text, where, now)

    # --- what the staff hear -------------------------------------------------------------------------------------
    async def _tell(self, group_id: str) -> bool:
        now = self.clock.now()
        if await self.database.read(lambda c: _is_unreachable(c, group_id)):
            text = "The staff's group cannot be reached: add the bot to it again, as an admin who manages topics."
            await self.database.write(lambda c: alert(c, f"{self.group.channel}:staff_group", text, now))
            return False
        failed = await self.database.read(lambda c: failures(c, group_id, now))
        if failed:
            await self.database.write(lambda c: tell_failures(c, self.group, group_id, failed, now))
        told = bool(failed)
        for conversation_id in await self.database.read(lambda c: wanting(c, group_id)):
            told |= await self.database.write(
                lambda c, which=conversation_id: mirror(c, self.group, group_id, which, now)  # type: ignore[misc]
            )
        return told


def _unread(connection: Connection, group_id: str) -> Sequence[AnyRow]:
    done = select(conversations.c.done_seq).where(conversations.c.id == group_id).scalar_subquery()
    new = inbox.c.conversation_id == group_id, inbox.c.seq > done, inbox.c.status == "new"
    return connection.execute(select(inbox).where(*new).order_by(inbox.c.seq).limit(MOST_AT_ONCE)).all()


def _finish(connection: Connection, group_id: str, row: AnyRow, error: str) -> None:
    connection.execute(update(inbox).where(inbox.c.id == row.id).values(status="done", error=error))
    connection.execute(update(conversations).where(conversations.c.id == group_id).values(done_seq=row.seq))


def _is_unreachable(connection: Connection, group_id: str) -> bool:
    return bool(connection.execute(select(conversations.c.unreachable).where(conversations.c.id == group_id)).scalar())
