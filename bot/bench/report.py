"""`bench turns` as a whole: the bare database, the customers, the webhooks, the memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.bench.stand import EchoThinker, fresh_database
from bot.bench.turns import GROUPS, Measured, Percentiles, acknowledged, ceilings, measure, peak_mb
from bot.delivery.turns import Thinks

CEILING_S = 1.0


@dataclass(frozen=True, slots=True)
class Turns:
    """What `bench turns` prints.

    Attributes:
        ceilings: the bare database's turns a second by turns in a commit.
        by_customers: one measurement for each number of customers at once.
        acknowledged_ms: p50, p95 and p99 of a webhook over HTTP, at half of the most that are taken a second.
        peak_mb: the most memory of this process.
    """

    database: str
    mind: str
    cores: int
    ceilings: Mapping[int, float]
    by_customers: tuple[Measured, ...]
    acknowledged_ms: Percentiles
    acknowledged_at_per_s: float
    peak_mb: float

    def lines(self) -> list[str]:
        """Return what does not fit the table, for people."""
        bare = ", ".join(f"{group}: {top:,.0f}" for group, top in self.ceilings.items())
        p50, p95, p99 = self.acknowledged_ms
        half = f"{self.acknowledged_at_per_s:,.0f}/s"
        return [
            f"The bare {self.database}, turns/s by turns in a commit: {bare}",
            f"Webhooks over HTTP at {half}, half of the most: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms",
            f"{self.cores} cores, shared with the bench itself; at most {self.peak_mb:.0f} MB",
        ]


def measured_turns(folder: Path, server: str, real: bool, seconds: float, say: Callable[[str], None]) -> Turns:
    """Measure everything, on SQLite in `folder` or on a fresh database of the PostgreSQL `server`."""
    thinker = _real_mind(folder) if real else EchoThinker()
    with fresh_database(server, folder) as url:
        say("The bare database …")
        tops = ceilings(url, CEILING_S)
        by_customers = []
        for customers in GROUPS:
            say(f"{customers} customers …")
            by_customers.append(asyncio.run(measure(url, thinker, customers, seconds, tops[customers])))
        say("webhooks …")
        half, took_ms = asyncio.run(acknowledged(url, thinker, seconds))
    return Turns(
        database="PostgreSQL" if server else "SQLite",
        mind="real" if real else "echo",
        cores=os.cpu_count() or 1,
        ceilings=tops,
        by_customers=tuple(by_customers),
        acknowledged_ms=took_ms,
        acknowledged_at_per_s=half,
        peak_mb=peak_mb(),
    )


def turn_rows(turns: Turns) -> list[dict[str, Any]]:
    """Return the table for people."""
    return [
        {
            "customers": one.conversations,
            "turns/s": f"{one.turns_per_s:,.0f}",
            "of the bare database": f"{one.of_ceiling:.0%}",
            "stored p50/p95/p99 ms": " / ".join(f"{ms:.0f}" for ms in one.stored_ms),
            "sent p50/p95/p99 ms": " / ".join(f"{ms:.0f}" for ms in one.sent_ms),
            "CPU ms a turn": f"{one.cpu_ms:.2f}",
        }
        for one in turns.by_customers
    ]


def _real_mind(folder: Path) -> Thinks:
    """Return the bot's own mind over the starter set, in a fresh shop."""
    from bot.brain import Brain, read_mind
    from bot.delivery.thinking import Thinker
    from bot.demo.shop import demo_settings
    from bot.shop.sql import SqlShop
    from bot.starter import SHOP_TOML, make_shop

    make_shop(folder / "shop", SHOP_TOML)
    settings = demo_settings()
    return Thinker(Brain(folder / "shop", settings, read_mind(folder / "shop", settings)), settings, SqlShop)
