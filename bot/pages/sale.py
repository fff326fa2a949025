"""The page of one sale: how it stands and went, who was told, and what a lead does to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection, select

from bot import audit
from bot.campaigns import flash, planning, steering
from bot.campaigns.announcing import authors_of
from bot.campaigns.course import Point, course, stand
from bot.campaigns.line import OVER, sale_of
from bot.campaigns.outcome import Announced, Outcome, announced, outcome
from bot.campaigns.told import STATUSES, Told, by_hand, told
from bot.errors import NotAllowed, NotFound
from bot.pages import chart
from bot.pages.desk import HERE, Desk, Job, Words, found, reasons_like
from bot.pages.shared import Shared
from bot.shop.amounts import written_of
from bot.store.database import AnyRow
from bot.store.tables import agents, products, variants
from handoff.console import plain
from handoff.console.session import session_in
from handoff.hiding import may_find
from handoff.people import Agent
from handoff.roles import Right

A_PAGE = 100
MOST_BY_HAND = 200
ACTS = {
    "draft": ("start", "cancel"),
    "planned": ("start", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
}
"""What can be done to a sale, beside approving it."""


@dataclass(frozen=True, slots=True)
class Course:
    """A sale as its page shows it; `points` ends with how it stands `at` this moment, while it goes on.

    Attributes:
        stands: how it is `at` this moment.
        people: logins by how the audit names them, of who planned and approved it.
    """

    sale: AnyRow
    product: AnyRow
    outcome: Outcome
    announced: list[Announced]
    stands: Point
    points: tuple[Point, ...]
    staff: tuple[Told, ...]
    people: dict[str, str]
    at: datetime


def read_course(connection: Connection, sale_id: str, now: datetime) -> Course:
    """Return everything that the page of a sale shows.

    Raises:
        NotFound: there is no such sale.
    """
    sale = sale_of(connection, sale_id)
    names = select(products.c.name_zh, products.c.name_en, variants.c.colour_zh, variants.c.colour_en, variants.c.size)
    product = connection.execute(
        names.join(variants, variants.c.product_id == products.c.id).where(variants.c.sku == sale.sku)
    ).one()
    ids = [who.removeprefix("agent:") for who in (sale.made_by, sale.approved_by)]
    who = connection.execute(select(agents.c.id, agents.c.login).where(agents.c.id.in_(ids)))
    points, now_at = course(connection, sale_id), stand(connection, sale_id, now)
    if now_at is None:
        raise NotFound
    told_so_far = announced(connection, authors_of(sale_id))
    goes_on = sale.status not in OVER or now_at.held > 0
    return Course(
        sale,
        product,
        outcome(connection, sale_id, told_so_far),
        told_so_far,
        now_at,
        (*points, now_at) if goes_on or not points else points,
        by_hand(connection, sale_id, MOST_BY_HAND),
        {f"agent:{row.id}": row.login for row in who},
        now,
    )


def sale_routes(desk: Desk) -> APIRouter:
    """Return the page, its live part, the list of who was told, and what its buttons post."""
    router, wiring = APIRouter(), desk.wiring

    async def read(sale_id: str) -> Course:
        now = wiring.clock.now()
        return await wiring.database.read(lambda c: read_course(c, sale_id, now))

    courses = Shared(read)

    async def show(
        request: Request, sale_id: str, name: str, *, fresh: bool, problem: str = "", done: str = ""
    ) -> Response:
        try:
            viewer = await desk.viewer(request)
            seen = await courses.get(sale_id, fresh=fresh)
        except NotAllowed as error:
            return await desk.refuse(request, error)
        except NotFound as error:
            return plain.refused(error)
        values = {**_values(desk, seen, viewer), "problem": problem, "done": done}
        return desk.page(request, name, "campaigns", values, viewer, 409 if problem else 200)

    @router.get(f"{HERE}/sales/{{sale_id}}", include_in_schema=False)
    async def sale(request: Request, sale_id: str, done: str = "") -> Response:
        said = plain.labels_in(request).get(f"sale_done_{done}", "") if done else ""
        return await show(request, sale_id, "sale", fresh=True, done=said)

    @router.get(f"{HERE}/sales/{{sale_id}}/live", include_in_schema=False)
    async def live(request: Request, sale_id: str) -> Response:
        return await show(request, sale_id, "sale_live", fresh=False)

    @router.get(f"{HERE}/sales/{{sale_id}}/told", include_in_schema=False)
    async def who(
        request: Request,
        sale_id: str,
        find: Annotated[str, Query(max_length=200)] = "",
        status: str = "",
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    ) -> Response:
        wanted = find.strip().replace("\0", "")
        chosen = status if status in STATUSES else ""
        like = reasons_like(wanted, plain.labels_in(request))

        def job(connection: Connection, agent: Agent) -> tuple[Agent, str, tuple[Told, ...]]:
            rows = told(
                connection,
                sale_id,
                find=wanted,
                reasons=like,
                may_find=may_find,
                status=chosen,
                before_id=before,
                limit=A_PAGE + 1,
            )
            return agent, sale_of(connection, sale_id).id, rows

        try:
            viewer, known_id, rows = await session_in(request, wiring).read(job, Right.LEAD)
        except NotAllowed as error:
            return await desk.refuse(request, error)
        except NotFound as error:
            return plain.refused(error)
        shown = rows[:A_PAGE]
        more = shown[-1].id if len(rows) > A_PAGE else 0
        values: dict[str, Any] = {"sale_id": known_id, "rows": shown, "more": more}
        values |= {"find": wanted, "chosen": chosen, "statuses": STATUSES}
        return desk.page(request, "told", "campaigns", values, viewer)

    @router.post(f"{HERE}/sales/{{sale_id}}", include_in_schema=False)
    async def act(request: Request, sale_id: str, act: Words, seen: Words = "") -> Response:
        try:
            problem = await desk.act(request, _jobs(desk, sale_id, seen).get(act))
        except NotAllowed as error:
            return await desk.refuse(request, error)
        if problem:
            return await show(request, sale_id, "sale", fresh=True, problem=problem)
        return found(f"{HERE}/sales/{sale_id}?done={act}")

    return router


def _jobs(desk: Desk, sale_id: str, seen: str) -> dict[str, Job]:
    now = desk.wiring.clock.now()
    return {
        "approve": lambda c, lead: steering.approve(c, sale_id, lead.login, now, seen),
        "start": lambda c, lead: steering.start(c, sale_id, audit.by(lead.id), desk.most_alone, desk.say(), now),
        "pause": lambda c, lead: flash.pause(c, sale_id, audit.by(lead.id), now),
        "resume": lambda c, lead: flash.resume(c, sale_id, audit.by(lead.id), now),
        "cancel": lambda c, lead: steering.call_off(c, sale_id, audit.by(lead.id), now),
    }


def _values(desk: Desk, seen: Course, viewer: Agent) -> dict[str, Any]:
    sale, zone = seen.sale, desk.settings.shop.zone
    may_approve = sale.status == "draft" and not sale.approved_by and sale.made_by != audit.by(viewer.id)
    return {
        "seen": seen,
        "sale": sale,
        "digest": planning.digest(sale),
        "point": seen.stands,
        "price": f"{written_of(sale.price_minor, sale.currency)} {sale.currency}",
        "revenue": f"{written_of(seen.outcome.revenue_minor, sale.currency)} {sale.currency}",
        "acts": (*(("approve",) if may_approve else ()), *ACTS.get(sale.status, ())),
        "pieces": chart.chart(seen.points, chart.PIECES, zone),
        "people": chart.chart(seen.points, chart.PEOPLE, zone),
        "rows": chart.some_of(seen.points),
        "size": (chart.WIDTH, chart.HEIGHT),
        "edges": (chart.LEFT, chart.WIDTH - chart.RIGHT, chart.HEIGHT - chart.BOTTOM),
        "unconfirmed": sum(one.status != "sent" for one in seen.staff),
        "now_ms": round(seen.at.timestamp() * 1000),
        "ms": lambda at: round(at.timestamp() * 1000),
        "time": partial(_time, zone=zone),
    }


def _time(at: datetime, zone: Any) -> str:
    return f"{at.astimezone(zone):%m-%d %H:%M:%S}"
