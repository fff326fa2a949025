"""What leads see of the whole team, for programs: the board and the day reports."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from bot import audit
from bot.audit import What
from handoff.api import PREFIX
from handoff.api_door import PROBLEMS, Caller, Problems, caller_in
from handoff.board import Board, board
from handoff.console.session import Wiring
from handoff.ends import terms_of
from handoff.happened import report_of
from handoff.people import Agent
from handoff.reports import Report
from handoff.roles import Right

Day = Annotated[date | None, Query(ge=date(2000, 1, 2), le=date(2999, 1, 1))]
Days = Annotated[int, Query(ge=1, le=92)]


def team_routes(wiring: Wiring) -> APIRouter:
    """Return the routes."""
    Who = Annotated[Caller, Depends(caller_in(wiring))]  # noqa: N806 (a type)
    router = APIRouter(prefix=PREFIX, tags=["console"], route_class=Problems, responses=PROBLEMS)

    @router.get("/board")
    async def see_board(who: Who) -> Board:
        """Return how the team stands now: who waits, what is late or soon will be, and the agents. For leads."""
        terms = terms_of(wiring.advice.settings)
        return await who.read(lambda c, _: board(c, wiring.clock.now(), terms), Right.LEAD)

    @router.get("/report")
    async def see_report(who: Who, day: Day = None, days: Days = 1) -> Report:
        """Return what happened in `days` days up to `day` (today) in the shop's zone. For leads; it is written down."""
        now = wiring.clock.now()
        last = day or now.astimezone(wiring.standard.zone).date()
        first = last - timedelta(days=days - 1)

        def note(connection: Connection, lead: Agent) -> None:
            audit.record(connection, audit.by(lead.id), What.EXPORT, f"report:{first}:{last}", now)

        # Read first: a long report must keep nobody from writing. It leaves the house only once it is noted.
        found = await who.read(lambda c, _: report_of(c, first, last, wiring.standard, now), Right.LEAD)
        await who.act(note, Right.LEAD, wake=False)
        return found

    return router
