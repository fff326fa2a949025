"""One process of the flash-sale run: it decides about claims and payments, and ends holds, until it is killed.

What the driver has read was committed, whatever happens to the worker then: see `bot.bench.pool`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from bot.bench.pool import Said, serve_orders
from bot.campaigns import claiming, line, paying
from bot.campaigns.claim_desk import Asked, ClaimDesk
from bot.campaigns.telling import Telling
from bot.clock import SystemClock, new_id
from bot.delivery.signal import Signal
from bot.delivery.timers import TimerRunner
from bot.skills.turn import Say
from bot.store.database import Database
from bot.store.tables import sales
from bot.voice import Listener, Spoken

SALE = "rush"


@dataclass(frozen=True, slots=True)
class Orders:
    """How a worker works: the driver's `socket`, the database, and the guard that is taken away, `stock` or none."""

    socket: str
    url: str
    without: str = ""


class PlainVoice:
    """Says only what kind of message it is."""

    def speak(self, says: Sequence[Say], language: str, to: Listener | None = None) -> Spoken:
        return Spoken(says[0].id, (), ())


def release(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    line.release_due(connection, payload["sale_id"], now)


class Worker:
    """Claims, payments and timers of one process, put together as in `bot.app`."""

    def __init__(self, orders: Orders, writer: asyncio.StreamWriter) -> None:
        self.writer, self.clock = writer, SystemClock()
        self.database = Database(orders.url)
        self.desk = ClaimDesk(self.database, self.clock, new_id)
        self.asked: set[asyncio.Task[None]] = set()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Work until the driver hangs up."""
        telling = Telling(PlainVoice, "zh")  # type: ignore[arg-type]
        handlers = {line.LOOK: release, line.TELL: telling.fire}
        timers = TimerRunner(self.database, self.clock, handlers, wake=Signal(), fired=Signal(), urgent=(line.LOOK,))
        self.asked.add(asyncio.create_task(timers.run()))
        self._tell(hello=os.getpid())
        async for said in reader:
            task = asyncio.create_task(self._answer(json.loads(said)))
            self.asked.add(task)
            task.add_done_callback(self.asked.discard)
        os._exit(0)

    async def _answer(self, asked: Mapping[str, Any]) -> None:
        acts = {"claim": self._claim, "pay": self._pay, "paying": self._paying}
        try:
            self._tell(number=asked["number"], outcome=await acts[asked["do"]](asked["person"]))
        except Exception as error:
            self._tell(failed=f"{asked['do']}: {error!r}")
            raise

    async def _claim(self, person_id: str) -> str:
        return (await self.desk.claim(Asked(SALE, person_id))).outcome

    async def _pay(self, person_id: str) -> str:
        return await self.database.write(lambda c: paying.pay(c, SALE, person_id, self.clock.now()).status)

    async def _paying(self, person_id: str) -> str:
        return str(await self.database.write(lambda c: paying.extend(c, SALE, person_id, self.clock.now())))

    def _tell(self, **said: Any) -> None:
        self.writer.write(json.dumps(said).encode() + b"\n")


def break_guard(guard: str) -> None:
    """Take the conditions away without which no piece is taken, so that a run can show what they are for."""
    if guard == "stock":
        blind = update(sales).where(sales.c.id == bindparam("sale"))
        moved = {
            "available": sales.c.available - bindparam("held"),
            "last_place": sales.c.last_place + bindparam("queued"),
        }
        vars(claiming).update(_is_free=lambda _: True, _TAKE=blind.values(moved))


async def work(orders: Orders) -> None:
    reader, writer = await asyncio.open_unix_connection(orders.socket)
    await Worker(orders, writer).run(reader)


def begin(said: Said) -> None:
    """Be one worker."""
    orders = Orders(**said)
    break_guard(orders.without)
    asyncio.run(work(orders))


if __name__ == "__main__":
    serve_orders(begin)
