"""Empties the outbox of one channel: gate, pace, send, receipt. The only caller of `Connector.send`.

A row goes waiting → sending → sent. Asking the gate, taking the right and marking the row happen in one transaction;
the receipt is another. What is still `sending` after its lease was interrupted mid-air: nobody knows, so it is
`unsure`, and only repeated where the platform drops repeats by itself. Many messages are on their way at once, of one
conversation never more than one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, or_, select

from bot.clock import Clock
from bot.connector import Connector
from bot.delivery.claims import Claims, Desk, claim
from bot.delivery.receipts import Claimed, Landed, give_up_interrupted, record_all
from bot.delivery.signal import Signal
from bot.delivery.whole import FINISH_S, whole
from bot.messages import ChatKind, Outbound, Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import conversations, outbox

MAX_FLYING = 128
LOOK_EVERY_S = 5.0
"""A net: whoever writes something wakes us, in this process or by the bell."""
AHEAD = timedelta(milliseconds=100)
"""How long before it may leave a message is decided about."""
SHORTEST_REST_S = 0.001
REPORT_S = 5.0
"""What is left of a lease for recording the receipt."""
log = structlog.get_logger()


@dataclass(slots=True)
class Sender:
    """Sends for one channel. Only one process may run it at a time, see `bot.delivery.leases`."""

    database: Database
    clock: Clock
    desk: Desk
    wake: Signal
    done: Signal
    """Told after every receipt: someone may want to show it."""
    _landing: Signal = field(default_factory=Signal)
    _flying: set[asyncio.Task[None]] = field(default_factory=set)
    _landed: list[Landed] = field(default_factory=list)
    _looked_at: datetime | None = None

    @property
    def connector(self) -> Connector:
        return self.desk.connector

    async def run(self) -> None:
        """Send for ever. Cancelled, first wait `FINISH_S` for what is on its way, or nobody would know its fate."""
        try:
            await self.database.read(self._remember_pace)
            await self.database.write(self._take_over)
            while True:
                seen, landings = self.wake.count, self._landing.count
                rest_s = LOOK_EVERY_S
                try:
                    rest_s = await self._step_through()
                except Exception:  # the database is away for a moment; the loop looks again
                    log.exception("sender_interrupted", channel=self.connector.channel)
                await _first_of(self.wake.wait(seen, rest_s), self._landing.wait(landings, rest_s))
        finally:
            await asyncio.shield(self._finish())

    async def _step_through(self) -> float:
        """Decide about all that is due. Return for how many seconds nothing can become due by itself.

        What may leave in a moment is decided now, and leaves in that moment: deciding takes nothing off the pace.
        """
        pacer = self.desk.pacer
        while True:
            now = self.clock.now()
            soon = now + AHEAD
            room = pacer.room(soon, MAX_FLYING - len(self._flying))
            claims = await whole(self.step(room, pacer.campaign_room(now, soon, room), now))
            if room <= 0:  # full where it depends on no time: an answer wakes us
                free_at = pacer.free_at(now)
                return self._until(free_at - AHEAD if free_at > now else None, now)
            if claims.decided < room:
                held_until = pacer.campaign_at(now) - AHEAD if claims.held_back else None
                return self._until(min((t for t in (claims.next_at, held_until) if t), default=None), now)

    async def send_next(self) -> bool:
        """Decide about what is due now and wait for the receipts; return False if nothing was due."""
        now, pacer = self.clock.now(), self.desk.pacer
        room = pacer.room(now, MAX_FLYING)
        claims = await self.step(room, pacer.campaign_room(now, now, room), now)
        await self._finish()
        return claims.decided > 0

    async def step(self, room: int, campaigns: int, now: datetime) -> Claims:
        """Record what landed and let leave what may, in one transaction."""
        landed, self._landed = self._landed, []
        if not landed and room <= 0:
            return Claims()
        try:
            claims = await self.database.write(lambda c: self._record_and_claim(c, landed, room, campaigns, now))
        except Exception:
            self._landed = landed + self._landed  # their leases run on: recorded at the next look, if that is in time
            raise
        if self._looks_back(now):
            self._looked_at = now
        for claimed in claims.messages:
            self._let_leave(claimed)
        if landed or claims.decided:
            self.done.notify()
        return claims

    def _looks_back(self, now: datetime) -> bool:
        """Return whether it is time again to look for sends that were interrupted."""
        return self._looked_at is None or now >= self._looked_at + timedelta(seconds=LOOK_EVERY_S)

    def _record_and_claim(
        self, connection: Connection, landed: Sequence[Landed], room: int, campaigns: int, now: datetime
    ) -> Claims:
        if landed:
            record_all(connection, landed, self.connector, now)
        if self._looks_back(now):
            give_up_interrupted(connection, self.connector, now, now)
        return claim(connection, self.desk, room, campaigns, now) if room > 0 else Claims()

    def _let_leave(self, claimed: Claimed) -> None:
        chat = claimed.message.chat
        now = self.clock.now()
        leaves_at = self.desk.pacer.leave(chat.id, chat.kind, now, claimed.is_campaign)
        task = asyncio.create_task(self._fly(claimed, (leaves_at - now).total_seconds()))
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)

    async def _fly(self, claimed: Claimed, wait_s: float) -> None:
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        left_s = (claimed.lease_until - self.clock.now()).total_seconds() - REPORT_S
        receipt = await self._send(claimed.message, left_s)
        now, chat = self.clock.now(), claimed.message.chat
        self.desk.pacer.landed(chat.id, chat.kind, now)
        if receipt.status is SendStatus.RATE_LIMITED:
            self.desk.pacer.refused(chat.id, now, now + timedelta(seconds=receipt.retry_after_s))
        self._landed.append((claimed, receipt))
        self._landing.notify()

    async def _send(self, message: Outbound, left_s: float) -> Receipt:
        """Send within `left_s`: later the row is no longer ours, and its conversation may have gone on."""
        if left_s <= 0:
            return Receipt(SendStatus.TRANSIENT, reason="its turn came too late")
        try:
            async with asyncio.timeout(left_s):
                return await self.connector.send(message)
        except asyncio.CancelledError:
            raise
        except TimeoutError:
            return Receipt(SendStatus.UNSURE, reason="no answer in time")
        except Exception as error:  # a connector must not raise; if it does, nobody knows what went out
            log.exception("connector_raised", channel=self.connector.channel)
            return Receipt(SendStatus.UNSURE, reason=type(error).__name__)

    async def _finish(self) -> None:
        """Wait for what is on its way and record it. What takes longer is cut off: whoever comes next gives it up."""
        if self._flying:
            _, late = await asyncio.wait(self._flying, timeout=FINISH_S)
            for flight in late:
                flight.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        landed, self._landed = self._landed, []
        if not landed:
            return
        now = self.clock.now()
        try:
            await self.database.write(lambda c: record_all(c, landed, self.connector, now))
        except Exception:  # the loop ends, whatever came of its last sends
            log.exception("sends_not_recorded", channel=self.connector.channel)
        self.done.notify()

    def _remember_pace(self, connection: Connection) -> None:
        """Count what another process sent here a moment ago, so that the platform sees one pace."""
        limits, now = self.connector.limits, self.clock.now()
        rates = [rate for rate in (limits.overall, limits.per_chat, limits.per_group) if rate is not None]
        if not rates:
            return
        since = now - timedelta(seconds=max(rate.per_s for rate in rates))
        recent = connection.execute(
            select(conversations.c.chat, conversations.c.chat_kind)
            .join(outbox, outbox.c.conversation_id == conversations.c.id)
            .where(
                outbox.c.channel == self.connector.channel,
                or_(outbox.c.sent_at > since, outbox.c.status == "sending"),
            )
        )
        for row in recent:
            self.desk.pacer.left_before(row.chat, ChatKind(row.chat_kind), now)

    def _take_over(self, connection: Connection) -> None:
        """Give up what is on its way: the channel is ours, so whoever sent that sends no more."""
        now = self.clock.now()
        give_up_interrupted(connection, self.connector, now + timedelta(seconds=self.desk.lease_s), now)

    def _until(self, at: datetime | None, now: datetime) -> float:
        """Return the seconds until `at`, with a little for a pace that depends on what is on its way."""
        if at is None:
            return LOOK_EVERY_S
        return min(LOOK_EVERY_S, max(SHORTEST_REST_S, (at - now).total_seconds()))


async def _first_of(*waits: object) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
