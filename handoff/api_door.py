"""Who may come in by the JSON API, and one form for every refusal: RFC 9457, problem details."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Connection

from bot.errors import NotAllowed, ZhangguiError
from handoff import agent_keys
from handoff.access import require
from handoff.console.session import Session, Wiring, session_in, token_in
from handoff.people import Agent
from handoff.roles import Right

T = TypeVar("T")
MOST_TOLD = 20
"""Faults of one request."""
BEARER = HTTPBearer(auto_error=False, description="A key of `zhanggui agents token LOGIN`.")
_STATUS = {"request": 422, "rights": 403, "login": 401, "missing": 404, "conflict": 409}


class NoLogin(ZhangguiError):
    """Say who you are: the header 'Authorization: Bearer KEY', or a session of the console. `zhanggui agents token
    LOGIN` makes a key.
    """

    code = "login"


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). `detail` says what happened and what to do."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[str] = []


class Problems(APIRoute):
    """Answers every refusal as `application/problem+json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:MOST_TOLD]]
                return problem("request", "The request is not as the schema says. Correct it and send it again.", said)
            except ZhangguiError as error:
                return problem(error.code, " ".join(str(error).split()), status=_status_of(error))

        return guarded


def _status_of(error: ZhangguiError) -> int:
    """Return what a kind of error is answered with; one with a code of its own is still of its kind."""
    kinds = (getattr(kind, "code", "") for kind in type(error).__mro__)
    return next((_STATUS[code] for code in kinds if code in _STATUS), 500)


def problem(code: str, detail: str, errors: list[str] | None = None, status: int = 422) -> JSONResponse:
    """Return a refusal. `type` is `urn:zhanggui:problem:CODE`, the codes of `bot.errors`."""
    body = Problem(
        type=f"urn:zhanggui:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=errors or [],
    )
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Bearer"} if status == 401 else {})
    return JSONResponse(body.model_dump(), status, headers, media_type="application/problem+json")


_SCHEMA = Problem.model_json_schema()
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {
        "description": HTTPStatus(code).phrase,
        "content": {"application/problem+json": {"schema": _SCHEMA}},
    }
    for code in (401, 403, 404, 409, 422)
}
"""How a route describes its refusals."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A program that acts as an agent by a key, which is checked in every transaction."""

    wiring: Wiring
    key: str

    async def read(self, job: Callable[[Connection, Agent], T], right: Right = Right.ANSWER) -> T:
        """Run `job` on a consistent view.

        Args:
            right: what the role must allow.

        Raises:
            NoLogin: the key opens nothing.
            NotAllowed: the role does not have the right.
        """
        return await self.wiring.database.read(lambda connection: job(connection, self._agent(connection, right)))

    async def act(self, job: Callable[[Connection, Agent], T], right: Right = Right.ANSWER, *, wake: bool = True) -> T:
        """Run `job` in a transaction, then wake the outbox and every open console. Arguments as of `Session.act`, and
        raises like `read`.
        """

        def checked(connection: Connection) -> T:
            agent = self._agent(connection, right)
            agent_keys.touch_key(connection, self.key, self.wiring.clock.now())
            return job(connection, agent)

        result = await self.wiring.database.write(checked)
        if wake:
            self.wiring.outbox_signal.notify()
            self.wiring.changes.notify()
        return result

    def _agent(self, connection: Connection, right: Right) -> Agent:
        try:
            agent = agent_keys.agent_of_key(connection, self.key, self.wiring.safety.see)
        except NotAllowed as error:
            raise NoLogin(str(error)) from None
        require(agent, right)
        return agent


Caller = KeyHolder | Session


def caller_in(wiring: Wiring) -> Callable[..., Caller]:
    """Return what tells a route who called it."""

    def caller(request: Request, _: Annotated[Any, Depends(BEARER)]) -> Caller:
        return caller_of(request, wiring)

    return caller


def caller_of(request: Request, wiring: Wiring) -> Caller:
    """Return who sent `request`; whether they may do anything is asked in the transaction.

    Raises:
        NoLogin: there is neither key nor session.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return KeyHolder(wiring, key.strip())
    if scheme or not token_in(request, wiring.safety):
        raise NoLogin
    return session_in(request, wiring)
