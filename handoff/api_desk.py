"""The rest of an agent's desk for programs: tasks, search, a send that failed, a masked field."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy import Connection, select

from bot.errors import Conflict
from bot.messages import Purpose
from bot.store.tables import outbox
from handoff import desk, tasks
from handoff.access import access_outbound
from handoff.api import NO_NUL, PREFIX, Body, Said
from handoff.api_door import PROBLEMS, Caller, Problems, caller_in
from handoff.console.session import Wiring
from handoff.people import Agent
from handoff.reveal import reveal
from handoff.search import MOST_CHARACTERS, Hit, search
from handoff.tasks import Task
from handoff.transcript import RETRYABLE

Number = Annotated[int, Path(ge=1, le=2**62)]


class Masked(Body):
    """A masked field, as of `subject` and `field` in what is shown, and why it is needed."""

    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL, examples=["person:ID", "inbound:7"])]
    field: Annotated[str, Field(min_length=1, max_length=20, pattern=NO_NUL, examples=["phone", "address", "text"])]
    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=NO_NUL)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as it is."""

    value: str


def desk_routes(wiring: Wiring) -> APIRouter:
    """Return the routes."""
    Who = Annotated[Caller, Depends(caller_in(wiring))]  # noqa: N806 (a type)
    router = APIRouter(prefix=PREFIX, tags=["console"], route_class=Problems, responses=PROBLEMS)

    @router.get("/tasks")
    async def list_tasks(who: Who, *, mine: bool = False) -> tuple[Task, ...]:
        """Return the open tasks, newest first; with `mine` only those that are yours."""
        return await who.read(lambda c, agent: tasks.open_tasks(c, agent, agent.id if mine else None))

    @router.put("/tasks/{task_id}/done", status_code=204)
    async def finish_task(who: Who, task_id: Number) -> None:
        """Mark a task done. One that is done already stays so."""
        await who.act(lambda c, agent: _finish(c, task_id, agent, wiring))

    @router.get("/search")
    async def find(
        who: Who, q: Annotated[str, Query(min_length=1, max_length=MOST_CHARACTERS, pattern=NO_NUL)]
    ) -> tuple[Hit, ...]:
        """Find conversations by a person, the beginning of an order's number, or words that were said."""
        return await who.read(lambda c, agent: search(c, agent, q))

    @router.post("/messages/{number}/retry")
    async def retry(who: Who, number: Number) -> Said:
        """Send an agent's message again that did not arrive (`outbox_id` of its line); the conversation has to be
        yours. One that is on its way again, or has arrived, is left alone, and the answer says what became of it.
        """
        return await who.act(lambda c, agent: _retry(c, agent, number, wiring))

    @router.post("/reveal")
    async def show(who: Who, masked: Masked, response: Response) -> Shown:
        """Return a masked field as it is. Who saw it, and why, is written down each time."""
        response.headers["Cache-Control"] = "no-store"
        now, asked = wiring.clock.now(), (masked.subject, masked.field, masked.reason)
        return Shown(await who.act(lambda c, agent: reveal(c, agent, wiring.shop_of(c), *asked, now)))

    return router


def _finish(connection: Connection, task_id: int, agent: Agent, wiring: Wiring) -> None:
    if not tasks.is_done(connection, task_id, agent):
        tasks.finish(connection, task_id, agent, wiring.clock.now())


def _retry(connection: Connection, agent: Agent, outbox_id: int, wiring: Wiring) -> Said:
    access_outbound(connection, agent, outbox_id)
    which = select(outbox).where(outbox.c.id == outbox_id)
    row = connection.execute(which).one()
    if row.purpose != Purpose.HUMAN.value:
        raise Conflict("Only what an agent has said is sent again by hand.")
    if row.status in RETRYABLE:
        desk.retry_send(connection, outbox_id, agent.id, wiring.clock.now())
        row = connection.execute(which).one()
    return Said(f"out:{row.id}", row.status, row.created_at)
