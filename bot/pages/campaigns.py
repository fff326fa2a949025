"""The page of all campaigns: the sales with how they stand, and what the follow-ups of carts do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bot.campaigns.effect import Effect, effect
from bot.campaigns.outcome import listed
from bot.errors import NotAllowed
from bot.messages import Rate
from bot.pages.desk import HERE, Desk
from bot.pages.plan import plan_routes
from bot.pages.sale import sale_routes
from bot.pages.shared import Shared
from bot.shop.amounts import written_of
from handoff.console.session import Wiring

DAYS = 28
"""How far back the effect of follow-ups is looked at."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All sales, and the effect of the last days' follow-ups."""

    sales: list[dict[str, Any]]
    effect: Effect
    at: datetime


def campaign_routes(wiring: Wiring, rates: Callable[[date], Mapping[str, Rate]]) -> APIRouter:
    """Return the operators' pages of campaigns.

    Args:
        rates: see `bot.pages.desk.Desk`.
    """
    desk, router = Desk(wiring, rates), APIRouter()

    async def read(_: str) -> Overview:
        now = wiring.clock.now()
        return await wiring.database.read(
            lambda c: Overview(listed(c), effect(c, now - timedelta(days=DAYS), now), now)
        )

    overviews = Shared(read)

    async def show(request: Request, name: str, *, fresh: bool) -> Response:
        try:
            viewer = await desk.viewer(request)
        except NotAllowed as error:
            return await desk.refuse(request, error)
        overview = await overviews.get("", fresh=fresh)
        values = {
            "overview": overview,
            "days": DAYS,
            "gross": [
                f"{written_of(minor, currency)} {currency}"
                for currency, minor in sorted(overview.effect.gross_minor.items())
            ],
            "now_ms": round(overview.at.timestamp() * 1000),
        }
        return desk.page(request, name, "campaigns", values, viewer)

    @router.get(HERE, include_in_schema=False)
    async def campaigns(request: Request) -> Response:
        return await show(request, "campaigns", fresh=True)

    @router.get(f"{HERE}/live", include_in_schema=False)
    async def live(request: Request) -> Response:
        return await show(request, "campaigns_live", fresh=False)

    router.include_router(plan_routes(desk))
    router.include_router(sale_routes(desk))
    return router
