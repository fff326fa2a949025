"""Claiming from the shop's own pages: a link for one person, and the button behind it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from bot.campaigns.claim_desk import Asked, ClaimDesk
from bot.campaigns.claiming import Claimed
from bot.campaigns.line import sale_of
from bot.campaigns.links import GOOD_FOR, Link, Links
from bot.campaigns.telling import link_of
from bot.clock import Clock, IdMaker
from bot.pace import SlidingWindow
from bot.shop.bodies import Body, Channel, User
from bot.shop.door import FAULTS, PlainFaults, only_with
from bot.shop.events import person_of
from bot.store.database import Database
from bot.store.tables import sales

A_PERSON, AN_ADDRESS = 10, 60
"""Tries a minute in a process. An address may be a whole office, or a mobile network."""
FROM_ANYWHERE = {"Access-Control-Allow-Origin": "*"}
"""The shop's own pages stand elsewhere. No cookie takes part: the token alone says who claims, and it is good once."""
BUTTON = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


class Whose(Body):
    """Whom a link is for."""

    channel: Channel
    user: User


class Token(BaseModel):
    """A link's token: it claims one piece for one person, once, by POST only."""

    token: str
    expires_at: datetime


class Used(Body):
    """What a button sends."""

    token: Annotated[str, Field(max_length=1000)]


class Got(BaseModel):
    """What came of a claim, see `Claimed`; `pay_url` is where a held piece is paid."""

    outcome: str
    left: int
    expires_at: datetime | None
    claim_id: str
    place: int
    starts_at: datetime | None
    pay_url: str


class FromAnywhere(PlainFaults):
    """Lets pages of other sites read every answer, refusals too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def readable(request: Request) -> Response:
            response = await handle(request)
            response.headers.update(FROM_ANYWHERE)
            return response

        return readable


def claim_routes(database: Database, clock: Clock, api_key: str, links: Links, make_id: IdMaker) -> APIRouter:
    """Return the routes: links need the key, claims a link."""
    router = APIRouter(prefix="/api/shop", tags=["shop"], route_class=PlainFaults)
    desk = ClaimDesk(database, clock, make_id)
    by_person, by_address = SlidingWindow(A_PERSON, clock), SlidingWindow(AN_ADDRESS, clock)

    @router.post("/sales/{sale_id}/links", dependencies=[Depends(only_with(api_key))], responses=FAULTS)
    async def make_link(sale_id: str, whose: Whose) -> Token:
        """Make a token by which this person claims one piece. Make a new one for each piece, and each page shown."""
        expires_at = clock.now() + GOOD_FOR

        def job(connection: Connection) -> str:
            sale_of(connection, sale_id)
            return str(person_of(connection, whose.channel, whose.user).id)

        link = Link(sale_id, await database.read(job), make_id(), expires_at)
        return Token(token=links.sign(link), expires_at=expires_at)

    router.route_class = FromAnywhere

    @router.options("/claims", include_in_schema=False)
    async def may_press() -> Response:
        """Tell browsers that a page of another site may send JSON here."""
        return Response(headers=BUTTON)

    @router.post("/claims", responses={**FAULTS, 429: FAULTS[409]})
    async def use_link(used: Used, request: Request) -> Got:
        """Claim a piece by a link. No cookie takes part: the token alone says who claims, and it is good once."""
        by_address.spend(request.client.host if request.client else "")
        link = links.read(used.token, clock.now())
        by_person.spend(link.bearer)

        claimed = await desk.claim(Asked(link.subject, link.bearer, link.nonce))
        return await database.read(lambda c: _got(c, link, claimed))

    return router


def _got(connection: Connection, link: Link, claimed: Claimed) -> Got:
    pay_url = connection.execute(select(sales.c.pay_url).where(sales.c.id == link.subject)).scalar_one()
    return Got(
        outcome=claimed.outcome,
        left=claimed.left,
        expires_at=claimed.expires_at,
        claim_id=claimed.claim_id,
        place=claimed.place,
        starts_at=claimed.starts_at,
        pay_url=link_of(pay_url, claimed.claim_id) if claimed.expires_at else "",
    )
