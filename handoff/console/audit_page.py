"""The admins' page of who did what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from bot import audit
from bot.audit import Entry, What
from bot.errors import NotAllowed
from handoff import people
from handoff.console import plain
from handoff.console.labels import Labels
from handoff.console.session import PATH, Wiring, session_in
from handoff.people import Agent
from handoff.roles import Right

HERE = f"{PATH}/audit"
A_PAGE = 100


def audit_routes(wiring: Wiring) -> APIRouter:
    """Return the page."""
    router = APIRouter()

    @router.get(HERE, include_in_schema=False)
    async def show(
        request: Request, what: str = "", before: Annotated[int | None, Query(ge=1, le=2**62)] = None
    ) -> Response:
        kind = What(what) if what in set(What) else None
        labels = plain.labels_in(request)
        nobodies = {who: labels[f"who_{who}"] for who in (audit.COMMAND, audit.SYSTEM, audit.NOBODY)}

        def read(connection: Connection, agent: Agent) -> tuple[Agent, tuple[Entry, ...], dict[str, str]]:
            names = {f"agent:{one.id}": one.login for one in people.list_agents(connection)} | nobodies
            return agent, audit.entries(connection, what=kind, before_id=before, limit=A_PAGE + 1), names

        try:
            agent, found, names = await session_in(request, wiring).read(read, Right.ADMIN)
        except NotAllowed as error:
            return plain.refused(error)
        shown = found[:A_PAGE]
        values = {
            "entries": shown,
            "kinds": list(What),
            "chosen": kind.value if kind else "",
            "more": shown[-1].id if len(found) > A_PAGE else 0,
            "named": lambda said: names.get(said, said),
            "facts": lambda value: _facts(value, labels, names),
            "moment": plain.moments(wiring.standard.zone),
        }
        return plain.page(request, "audit", "audit", values, agent)

    return router


_NAMES = {"agent": "role_agent", "login": "login_name", "way": "way_in"}
"""Labels of facts that are called otherwise there."""
_VALUES = {"role": "role_", "status": "on_", "way": "way_"}
"""How the labels of a fact's values begin."""


def _facts(value: Any, labels: Labels, names: Mapping[str, str]) -> str:
    """Return what was, or is from then on, in the reader's words; what has none stays as it was written down."""
    said = (
        f"{labels.get(_NAMES.get(name, name), name)}{labels['colon']}{_fact(name, fact, labels, names)}"
        for name, fact in (value or {}).items()
    )
    return labels["comma"].join(said)


def _fact(name: str, fact: Any, labels: Labels, names: Mapping[str, str]) -> str:
    if isinstance(fact, list):
        return labels["list_comma"].join(map(str, fact)) or "–"
    if name == "agent":
        return names.get(f"agent:{fact}", str(fact)) or labels["waiting"]
    return labels.get(f"{_VALUES[name]}{fact}", str(fact)) if name in _VALUES else str(fact)
