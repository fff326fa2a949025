"""One process of the broadcast run: it may hold the channel, send and answer, until it is killed."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace

from bot.bench.crash_worker import look_often
from bot.bench.pool import Link, Said, serve_orders
from bot.bench.stand import RULES, EchoThinker, Line
from bot.clock import SystemClock, new_id
from bot.delivery import receipts
from bot.delivery.bell import ring_and_listen
from bot.delivery.claims import Desk
from bot.delivery.host import ChannelHost
from bot.delivery.leases import Leases
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.messages import Rate
from bot.store.database import Database
from connectors.telegram.connector import TelegramConnector

CHANNEL = "telegram:bench"
TOKEN = "1000002:bench-token-of-the-twin-0123456789abcdef"  # noqa: S105 (it opens nothing but the twin)
SENDS = 4
"""The lease of a send is so many times as long as that of the channel, as in a shop."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How a worker works.

    Attributes:
        socket: the driver's.
        base: address of the stand-in Telegram.
        per_s: messages in any second that the platform takes.
        lease_s: of the channel and of turns.
        without: the guard that is taken away: `unsure`, or nothing.
    """

    socket: str
    url: str
    base: str
    per_s: int
    lease_s: float
    without: str = ""


class Worker:
    """Intake, turns, the connector and its sender of one process, put together as in `bot.app`."""

    def __init__(self, orders: Orders, writer: asyncio.StreamWriter) -> None:
        self.orders, self.driver, self.clock = orders, Link(writer), SystemClock()
        self.database = Database(orders.url)
        api = f"{orders.base}/telegram"
        self.connector = TelegramConnector(CHANNEL, TOKEN, "unused", "polling", orders.base, self.clock, api_base=api)
        self.connector.limits = replace(self.connector.limits, overall=Rate(orders.per_s, 1.0))
        self.line = Line(self.database, self.clock, new_id, EchoThinker(), self.connector)
        self.line.turns.lease_s = orders.lease_s
        self.leases = Leases(self.database, self.clock, new_id, orders.lease_s)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Work until the driver hangs up."""
        line = self.line
        host = ChannelHost(CHANNEL, self.database, self.clock, line.intake, self.leases, line.arrived, line.changes)
        await self.connector.start(host)
        loops = [line.turns.run(), self.leases.while_held(f"channel:{CHANNEL}", self._hold)]
        if not self.database.is_sqlite:
            loops.append(ring_and_listen(self.orders.url, new_id(), (line.arrived, line.changes)))
        _running = [asyncio.create_task(loop) for loop in loops]
        self.driver.tell(hello=os.getpid())
        await reader.read()
        os._exit(0)

    async def _hold(self) -> None:
        self.driver.tell(holds=True)
        lease_s = SENDS * self.orders.lease_s
        desk = Desk(self.connector, RULES, Pacer(self.connector.limits), lease_s=lease_s)
        sender = Sender(self.database, self.clock, desk, self.line.changes, self.line.changes)
        async with asyncio.TaskGroup() as together:
            together.create_task(self.connector.hold())
            together.create_task(sender.run())


async def work(orders: Orders) -> None:
    reader, writer = await asyncio.open_unix_connection(orders.socket)
    await Worker(orders, writer).run(reader)


def break_guard(guard: str) -> None:
    """Send again what nobody knows the fate of, so that a run can show what the guard is for."""
    if guard == "unsure":
        again = {"status": "waiting", "lease_until": None}
        vars(receipts)["unsure"] = lambda connection, row, *_: receipts.mark_all(connection, [row], **again)


def begin(said: Said) -> None:
    """Be one worker."""
    orders = Orders(**said)
    look_often(orders.lease_s)
    break_guard(orders.without)
    asyncio.run(work(orders))


if __name__ == "__main__":
    serve_orders(begin)
