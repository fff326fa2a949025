"""What a turn wants a remote shop to do: kept with the turn, carried out by a loop until the shop's system answers.

The key of an errand goes with every try, so that a try whose answer was lost is not done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, and_, select, update

from bot.clock import Clock
from bot.delivery.outbox import Draft, put
from bot.delivery.signal import Signal
from bot.messages import Purpose
from bot.shop import embedded
from bot.shop.commands import Command, OpenCase, Outcome, RefundDifference, UnwatchPrices, WatchPrice, WatchStock
from bot.shop.embedded import Asked, Carried
from bot.shop.mirror import copy
from bot.shop.platform import Answer, Platform, PlatformDown, PlatformRefuses, Told
from bot.shop.refunds import difference_paid, is_lowered
from bot.shop.todo import leave
from bot.shop.wording import command_from, command_to, described, say_from, says_to, to_settle
from bot.store.database import AnyRow, Database
from bot.store.tables import conversations, errands, identities, order_lines, persons
from bot.voice import Listener, Voice

OPEN = ("waiting", "sent")
LOOK_EVERY_S = 5.0
LONGEST_TRY_S = 60.0
ASK_AGAIN = timedelta(minutes=10)
"""After this the shop's system is asked what came of what it has not decided."""
LONGEST_REST = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(hours=24)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entrust:
    """Has a remote shop do what turns want: the `Carry` of a shop with a platform."""

    platform: Platform

    def __call__(self, connection: Connection, command: Command, asked: Asked) -> Carried:
        if isinstance(command, WatchStock | WatchPrice | UnwatchPrices):  # the copy knows stock and prices
            return embedded.carry_out(connection, command, asked)
        if isinstance(command, RefundDifference) and is_lowered(connection, command.line_id):
            return Carried(Outcome.REFUSED)
        stored = command_to(_in_the_shops_words(connection, command))
        if isinstance(command, RefundDifference) and _is_asked(connection, stored, asked.conversation_id):
            return Carried(Outcome.REFUSED)
        if type(command) not in self.platform.can:
            key = f"errand:{asked.new_id()}"
            leave(connection, key, "errand", asked.conversation_id, described(command), asked.now)
            return Carried(Outcome.PENDING)
        under_way = select(errands.c.command).where(
            errands.c.status.in_(OPEN), errands.c.conversation_id == asked.conversation_id
        )
        if stored not in connection.execute(under_way).scalars().all():
            row = {"command": stored, "conversation_id": asked.conversation_id, "says": says_to(asked.said)}
            times = {"not_before": asked.now, "created_at": asked.now}
            key = asked.new_id()
            connection.execute(errands.insert().values(key=key, status="waiting", **row, **times))
            if isinstance(command, OpenCase) and command.to_pay is not None:
                text = f"Exchange, order {command.order_number}. {to_settle(command.to_pay)}"
                leave(connection, f"pay:{key}", "case", asked.conversation_id, text, asked.now)
        return Carried(Outcome.PENDING)


@dataclass(frozen=True, slots=True)
class ErrandRunner:
    """Carries out errands, one after the other, those of one conversation in their order."""

    database: Database
    clock: Clock
    platform: Platform
    voice: Callable[[], Voice]
    default_language: str
    wake: Signal
    said: Signal
    """Told when something is in the outbox."""

    async def run(self) -> None:
        while True:
            seen = self.wake.count
            try:
                while await self.run_next():
                    self.said.notify()
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("errands_interrupted")
            await self.wake.wait(seen, LOOK_EVERY_S)

    async def run_next(self) -> bool:
        """Try the errand that is due longest; return False if none is."""
        now = self.clock.now()
        row = await self.database.write(lambda c: _take(c, now))
        if row is None:
            return False
        command = command_from(row.command)
        await self.database.write(await self._tried(row, command))
        return True

    async def _tried(self, row: AnyRow, command: Command) -> Callable[[Connection], None]:
        """Ask the shop's system; return what is to be recorded."""
        try:
            async with asyncio.timeout(LONGEST_TRY_S):
                answer = await self.platform.do(command, row.key)
                told = await self._as_it_is_now(command) if answer.outcome is Outcome.DONE else ()
        except PlatformRefuses as error:
            return partial(self._give_up, row=row, why=str(error))
        except PlatformDown as error:
            return partial(self._later, row=row, why=str(error), rest_s=error.retry_after_s)
        except TimeoutError:
            return partial(self._later, row=row, why="no answer", rest_s=0.0)
        except Exception as error:  # a fault of the adapter must not stop the other errands
            log.exception("errand_failed", errand=row.key)
            return partial(self._later, row=row, why=f"{type(error).__name__}: {error}", rest_s=0.0)
        return partial(self._answered, row=row, command=command, answer=answer, told=told)

    async def _as_it_is_now(self, command: Command) -> Sequence[Told]:
        """Read the order that was changed, so that the bot does not speak of it as it was."""
        number = getattr(command, "order_number", "")
        try:
            return await self.platform.order(number) if number else ()
        except (PlatformDown, PlatformRefuses):
            return ()  # it was done all the same; the change is told later

    def _answered(
        self, connection: Connection, row: AnyRow, command: Command, answer: Answer, told: Sequence[Told]
    ) -> None:
        now = self.clock.now()
        if answer.outcome is Outcome.PENDING:
            if now - row.created_at >= GIVE_UP_AFTER:
                self._give_up(connection, row, answer.why or "it was not decided")
            else:
                self._rest(connection, row, answer.why, ASK_AGAIN)
            return
        if isinstance(command, RefundDifference) and answer.outcome is Outcome.DONE:
            what = command.order_number, command.line_id, command.amount
            difference_paid(connection, *what, answer.reference, now)
        copy(connection, told, now)
        ended = {"status": answer.outcome.value, "reference": answer.reference, "why": answer.why, "done_at": now}
        if _end(connection, row, ended):
            self._say(connection, row, command, answer)

    def _say(self, connection: Connection, row: AnyRow, command: Command, answer: Answer) -> None:
        """Tell the customer what came of it."""
        say = say_from(row.says, answer.outcome)
        if say is None or row.conversation_id is None:
            return
        talk = connection.execute(_LISTENER.where(conversations.c.id == row.conversation_id)).one()
        fields = {"case.number": answer.reference} if isinstance(command, OpenCase) and answer.reference else {}
        language = talk.language or self.default_language
        spoken = self.voice().speak(
            [replace(say, fields={**say.fields, **fields})], language, Listener(talk.channel.partition(":")[0])
        )
        draft = Draft(
            key=f"errand:{row.key}",
            conversation_id=row.conversation_id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            choices=spoken.choices,
            sources=spoken.sources,
        )
        put(connection, draft, self.clock.now())

    def _later(self, connection: Connection, row: AnyRow, why: str, rest_s: float) -> None:
        if self.clock.now() - row.created_at >= GIVE_UP_AFTER:
            self._give_up(connection, row, why)
            return
        doubled = timedelta(seconds=5 * 2 ** min(row.attempts, 10))
        self._rest(connection, row, why, max(timedelta(seconds=rest_s), min(doubled, LONGEST_REST)))

    def _rest(self, connection: Connection, row: AnyRow, why: str, rest: timedelta) -> None:
        later = {"status": "sent", "why": why, "not_before": self.clock.now() + rest}
        connection.execute(update(errands).where(_still(row)).values(later))

    def _give_up(self, connection: Connection, row: AnyRow, why: str) -> None:
        """Leave to the staff what the shop's system does not do, or never answered about."""
        now = self.clock.now()
        if _end(connection, row, {"status": "unsure", "why": why, "done_at": now}):
            text = f"{described(command_from(row.command))}. The shop's system did not do it, or did not say so: {why}"
            leave(connection, f"errand:{row.key}", "errand", row.conversation_id, text, now)


def _is_asked(connection: Connection, stored: Mapping[str, Any], talk_id: str | None) -> bool:
    """Return whether a line's difference is asked for already, and not refused: each line has it back once.

    The same again in the same conversation is one errand.
    """
    of = errands.c.command["of"]
    asked = (
        select(errands)
        .where(errands.c.command["name"].as_string() == stored["name"], errands.c.status != Outcome.REFUSED.value)
        .where(of["order_number"].as_string() == stored["of"]["order_number"])
        .where(of["line_id"].as_string() == stored["of"]["line_id"])
    )
    rows = connection.execute(asked).all()
    return any(not (row.status in OPEN and row.command == stored and row.conversation_id == talk_id) for row in rows)


def _in_the_shops_words(connection: Connection, command: Command) -> Command:
    """Name lines by their sku: ids of lines are our own, and an order holds a sku once."""
    match command:
        case OpenCase():
            lines = (replace(line, line_id=_sku(connection, line.line_id)) for line in command.lines)
            return replace(command, lines=tuple(lines))
        case RefundDifference():
            return replace(command, line_id=_sku(connection, command.line_id))
        case _:
            return command


def _sku(connection: Connection, line_id: str) -> str:
    of_line = select(order_lines.c.sku).where(order_lines.c.id == int(line_id))
    return str(connection.execute(of_line).scalar_one())


_LISTENER = (
    select(conversations.c.channel, persons.c.language)
    .outerjoin(identities, conversations.c.identity_id == identities.c.id)
    .outerjoin(persons, identities.c.person_id == persons.c.id)
)


def _take(connection: Connection, now: datetime) -> AnyRow | None:
    """Return the errand to try now, marked as sent: whatever happens, it is tried with the same key again."""
    before = errands.alias()
    earlier = select(before.c.key).where(
        before.c.conversation_id == errands.c.conversation_id,
        before.c.status.in_(OPEN),
        before.c.created_at < errands.c.created_at,
    )
    due = (
        select(errands)
        .where(errands.c.status.in_(OPEN), errands.c.not_before <= now, ~earlier.exists())
        .order_by(errands.c.not_before, errands.c.created_at)
        .limit(1)
    )
    row = connection.execute(due).one_or_none()
    if row is not None:
        tried = {
            "status": "sent",
            "attempts": errands.c.attempts + 1,
            "not_before": now + timedelta(seconds=LONGEST_TRY_S),
        }
        connection.execute(update(errands).where(errands.c.key == row.key).values(tried))
    return row


def _still(row: AnyRow) -> ColumnElement[bool]:
    return and_(errands.c.key == row.key, errands.c.status.in_(OPEN))


def _end(connection: Connection, row: AnyRow, values: dict[str, object]) -> bool:
    """Record how an errand ended, once."""
    return bool(connection.execute(update(errands).where(_still(row)).values(values)).rowcount)
