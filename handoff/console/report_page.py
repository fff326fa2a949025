"""The leads' page of day reports, and the same as CSV."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from bot import audit
from bot.audit import What
from bot.errors import NotAllowed
from handoff.console import plain
from handoff.console.labels import reason_words
from handoff.console.session import PATH, Wiring, session_in
from handoff.happened import report_of
from handoff.people import Agent
from handoff.reports import GROUPS, as_csv
from handoff.roles import Right

HERE = f"{PATH}/report"
SPANS = (1, 7, 30)
Day = Annotated[date | None, Query(ge=date(2000, 1, 2), le=date(2999, 1, 1))]
Days = Annotated[int, Query(ge=1, le=92)]


def report_routes(wiring: Wiring) -> APIRouter:
    """Return the page and the file."""
    router = APIRouter()

    def span(day: date | None, days: int) -> tuple[date, date]:
        last = day or wiring.clock.now().astimezone(wiring.standard.zone).date()
        return last - timedelta(days=days - 1), last

    @router.get(HERE, include_in_schema=False)
    async def show(request: Request, day: Day = None, days: Days = 1) -> Response:
        (first, last), now, session = span(day, days), wiring.clock.now(), session_in(request, wiring)
        try:
            lead, found = await session.read(
                lambda c, lead: (lead, report_of(c, first, last, wiring.standard, now)), Right.LEAD
            )
        except NotAllowed as error:
            return await plain.forbidden(session, error)
        labels = plain.labels_in(request)
        values = {
            "report": found,
            "figures": asdict,
            "groups": [(name, getattr(found, f"by_{name}")) for name in GROUPS if name != "day" or days > 1],
            "days": days,
            "spans": SPANS,
            "here": HERE,
            "before": last - timedelta(days=days),
            "after": last + timedelta(days=days),
            "today": now.astimezone(wiring.standard.zone).date(),
            "length": _length,
            "percent": _percent,
            "why": lambda reason: reason_words(reason, labels),
        }
        return plain.page(request, "report", "report", values, lead)

    @router.get(f"{HERE}.csv", include_in_schema=False)
    async def file(request: Request, day: Day = None, days: Days = 1) -> Response:
        (first, last), now, session = span(day, days), wiring.clock.now(), session_in(request, wiring)

        def note(connection: Connection, lead: Agent) -> None:
            audit.record(connection, audit.by(lead.id), What.EXPORT, f"report:{first}:{last}", now)

        try:
            # Read first: a long report must keep nobody from writing. It leaves the house only once it is noted.
            table = await session.read(lambda c, _: as_csv(report_of(c, first, last, wiring.standard, now)), Right.LEAD)
            await session.act(note, Right.LEAD, wake=False)
        except NotAllowed as error:
            return await plain.forbidden(session, error)
        name = f"report-{first}" + (f"-{last}" if first != last else "")
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
        # The mark tells spreadsheets that it is UTF-8.
        return Response("\ufeff" + table, media_type="text/csv; charset=utf-8", headers=headers)

    return router


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d} h"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
