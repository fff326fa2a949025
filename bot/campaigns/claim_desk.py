"""Decides about the claims of one process: those that come at the same time, in one transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection

from bot.campaigns.claiming import Claimed, claim_all
from bot.clock import Clock, IdMaker
from bot.errors import Conflict
from bot.shop.hooks import is_new
from bot.store.database import Database

MAX_AT_ONCE = 128
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim. `nonce` is of the link that it was made by, which is good once; empty for none."""

    sale_id: str
    person_id: str
    nonce: str = ""


_Waiting = tuple[Asked, asyncio.Future[Claimed]]


@dataclass(slots=True)
class ClaimDesk:
    """While one batch is decided the next gathers.

    All claims of a sale want the row of the sale. One by one, each would wait for the commits of all before it.
    """

    database: Database
    clock: Clock
    new_id: IdMaker
    _waiting: list[_Waiting] = field(default_factory=list)
    _deciding: asyncio.Task[None] | None = None

    async def claim(self, asked: Asked) -> Claimed:
        """Return what came of a claim once it is durable.

        Raises:
            NotFound: there is no such sale or person.
            Conflict: the link was used before.
        """
        done: asyncio.Future[Claimed] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, done))
        if self._deciding is None or self._deciding.done():
            self._deciding = asyncio.create_task(self._decide_waiting())
        return await done

    async def _decide_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_AT_ONCE], self._waiting[MAX_AT_ONCE:]
            if len(batch) == 1 or not await self._decide_together(batch):
                for one in batch:
                    await self._decide_alone(one)

    async def _decide_together(self, batch: Sequence[_Waiting]) -> bool:
        """Return False if one of them cannot be decided: the others must not suffer."""
        try:
            await self._decide(batch)
        except Exception as error:  # noqa: BLE001 (each of them will hear of its own)
            log.warning("claims_not_decided_together", claims=len(batch), error=type(error).__name__)
            return False
        return True

    async def _decide_alone(self, one: _Waiting) -> None:
        try:
            await self._decide([one])
        except Exception as error:  # noqa: BLE001 (whatever it is, who claimed hears of it)
            _end(one[1], error)

    async def _decide(self, batch: Sequence[_Waiting]) -> None:
        now = self.clock.now()
        asked = [one for one, _ in batch]
        results = await self.database.write(lambda c: decide(c, asked, now, self.new_id))
        for (_, done), result in zip(batch, results, strict=True):
            _end(done, result)


def decide(connection: Connection, asked: Sequence[Asked], now: datetime, new_id: IdMaker) -> list[Claimed | Conflict]:
    """Decide about claims together, those of one sale in the order in which they came.

    Links and sales are taken in one order by all processes, so that two never wait for each other in a circle.
    """
    used = {
        place
        for place, one in sorted(enumerate(asked), key=lambda numbered: numbered[1].nonce)
        if one.nonce and not is_new(connection, "claim", one.nonce, now)
    }
    results: dict[int, Claimed | Conflict] = {}
    of_sale = defaultdict[str, list[int]](list)
    for place, one in enumerate(asked):
        if place in used:
            results[place] = Conflict("This link was used before. Open the page of the sale again.")
        else:
            of_sale[one.sale_id].append(place)
    for sale_id, places in sorted(of_sale.items()):
        people = [asked[place].person_id for place in places]
        results |= zip(places, claim_all(connection, sale_id, people, now, new_id), strict=True)
    return [results[place] for place in range(len(asked))]


def _end(done: asyncio.Future[Claimed], result: Claimed | Exception) -> None:
    if done.done():  # whoever claimed does not wait any more
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
