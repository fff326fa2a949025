"""The door for the webhooks of the shop's own system: `POST /api/shop/platform/hook`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from bot.clock import Clock
from bot.errors import BadCallback
from bot.shop.door import FAULTS, PlainFaults, Recorded
from bot.shop.hooks import LARGEST_BYTES, is_new
from bot.shop.mirror import copy
from bot.shop.platform import Platform
from bot.shop.sync import note
from bot.store.database import Database


def platform_routes(database: Database, clock: Clock, platform: Platform) -> APIRouter:
    """Return the route; it answers when what was told is stored."""
    router = APIRouter(prefix="/api/shop/platform", tags=["shop"], route_class=PlainFaults)

    @router.post("/hook", responses=FAULTS)
    async def take_hook(request: Request) -> Recorded:
        """Take a webhook of the shop's system. A delivery that comes again changes nothing."""
        body = await request.body()
        if len(body) > LARGEST_BYTES:
            raise BadCallback(f"the body has more than {LARGEST_BYTES} bytes.")
        ident, told = platform.hook({name.lower(): value for name, value in request.headers.items()}, body)

        def job(connection: Connection) -> bool:
            now = clock.now()
            if ident and not is_new(connection, platform.name, ident, now):
                return False
            found = copy(connection, told, now)
            note(connection, platform.name, told_at=now)
            return bool(found.news)

        return Recorded(changed=await database.write(job))

    return router
