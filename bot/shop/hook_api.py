"""The door for signed events of the shop: `POST /api/shop/hooks`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from bot.clock import Clock, IdMaker
from bot.errors import BadCallback, Conflict, NotAllowed
from bot.shop.door import FAULTS, PlainFaults, Recorded
from bot.shop.event_bodies import Event, ShopEvent
from bot.shop.events import answered, said_against
from bot.shop.hooks import LARGEST_BYTES, delivery_of, is_new
from bot.store.database import Database

_EVENT: TypeAdapter[Event] = TypeAdapter(ShopEvent)


def hook_routes(database: Database, clock: Clock, secret: str, make_id: IdMaker) -> APIRouter:
    """Return the route. Without a secret it refuses everything."""
    router = APIRouter(prefix="/api/shop", tags=["shop"], route_class=PlainFaults)

    @router.post("/hooks", responses=FAULTS, openapi_extra=_described())
    async def take_hook(request: Request) -> Recorded:
        """Tell the bot, signed, what happened in the shop. A delivery that comes again changes nothing.

        What names something that is not there yet is refused and not remembered: send it again later.
        """
        if not secret:
            raise NotAllowed("This shop takes no signed events. Set server.hook_secret in shop.toml.")
        body = await request.body()
        if len(body) > LARGEST_BYTES:
            raise BadCallback(f"the body has more than {LARGEST_BYTES} bytes. Send one event at a time.")
        ident = delivery_of(request.headers, body, secret, clock.now())
        event = event_of(body)

        def job(connection: Connection) -> tuple[bool, str]:
            now = clock.now()
            if not is_new(connection, "hook", ident, now):
                return False, said_against(connection, event)
            return answered(connection, event, now, make_id)

        changed, refused = await database.write(job)
        if refused:
            raise Conflict(refused)
        return Recorded(changed=changed)

    return router


def event_of(body: bytes) -> Event:
    """Return the event that a body says.

    Raises:
        RequestValidationError: it says none.
    """
    try:
        return _EVENT.validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _described() -> dict[str, object]:
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    schema = {"type": "object", "description": "As for /api/shop/events."}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers
        ],
    }
