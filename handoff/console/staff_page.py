"""The admins' page of agents: add, give a role, let in by link, shut out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import AfterValidator
from sqlalchemy import Connection

from bot import audit
from bot.errors import NotAllowed, NotFound, ZhangguiError
from bot.storable import storable
from handoff import people, staffing
from handoff.console import plain
from handoff.console.session import PATH, Wiring, session_in
from handoff.people import Agent
from handoff.roles import ROLES, Right

HERE = f"{PATH}/agents"
Words = Annotated[str, Form(max_length=1000), AfterValidator(storable)]
Job = Callable[[Connection, Agent], None]


def staff_routes(wiring: Wiring) -> APIRouter:
    """Return the page and what its forms post."""
    router = APIRouter()

    @router.get(HERE, include_in_schema=False)
    async def agents(request: Request) -> Response:
        return await _show(wiring, request, {})

    @router.post(HERE, include_in_schema=False)
    async def add(request: Request, login: Words, role: Words, name: Words = "", email: Words = "") -> Response:
        agent_id, token, now = wiring.new_id(), people.new_token(), wiring.clock.now()

        def job(connection: Connection, actor: Agent) -> None:
            who = audit.by(actor.id)
            staffing.add(connection, who, agent_id, login, name, role, email, now)
            staffing.make_link(connection, who, agent_id, token, now)

        return await _do(wiring, request, job, token)

    @router.post(f"{HERE}/{{agent_id}}", include_in_schema=False)
    async def change(request: Request, agent_id: str, act: Words, value: Words = "") -> Response:
        token, now = people.new_token(), wiring.clock.now()

        def job(connection: Connection, actor: Agent) -> None:
            who = audit.by(actor.id)
            acts: dict[str, Callable[[], None]] = {
                "role": lambda: staffing.change_role(connection, who, agent_id, value, now),
                "email": lambda: staffing.change_email(connection, who, agent_id, value, now),
                "link": lambda: staffing.make_link(connection, who, agent_id, token, now),
                "reset": lambda: staffing.reset_second_factor(connection, who, agent_id, now),
                "sessions": lambda: staffing.end_sessions(connection, who, agent_id, now),
                "disable": lambda: staffing.disable(connection, who, agent_id, now),
                "enable": lambda: staffing.enable(connection, who, agent_id, now),
            }
            if act not in acts:
                raise NotFound
            acts[act]()

        return await _do(wiring, request, job, token if act == "link" else "")

    return router


async def _do(wiring: Wiring, request: Request, job: Job, token: str) -> Response:
    labels, session = plain.labels_in(request), session_in(request, wiring)
    try:
        await session.read(lambda _, agent: agent, Right.ADMIN)
    except NotAllowed as error:
        return plain.refused(error)
    try:
        await session.act(job, Right.ADMIN)
    except ZhangguiError as error:
        return await _show(wiring, request, {"problem": plain.error_words(error, labels)}, 409)
    base = wiring.safety.public_url or str(request.base_url).rstrip("/")
    link = f"{base}{PATH}/login?token={token}" if token else ""
    return await _show(wiring, request, {"link": link, "done": labels["saved"]})


async def _show(wiring: Wiring, request: Request, values: Mapping[str, Any], status: int = 200) -> Response:
    session = session_in(request, wiring)
    try:
        agent, staff = await session.read(lambda c, agent: (agent, staffing.everybody(c)), Right.ADMIN)
    except NotAllowed as error:
        return plain.refused(error)
    found = {"staff": staff, "roles": ROLES, "link": "", "moment": plain.moments(wiring.standard.zone)}
    return plain.page(request, "agents", "agents", {**found, **values}, agent, status)
