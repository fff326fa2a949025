"""What all routes under `/api/shop` have in common: the key, and one line of JSON for every refusal."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from bot.errors import NotAllowed, ZhangguiError

_HTTP_STATUS = {"request": 422, "rights": 401, "callback": 401, "missing": 404, "conflict": 409, "pace": 429}
MOST_TOLD = 20
"""Faults of one request."""
_bearer = HTTPBearer(auto_error=False, description="The API key of the shop.")


class Fault(BaseModel):
    """Why a request was refused, and what to do, in one line."""

    error: str
    message: str


class Recorded(BaseModel):
    """`changed` is False for an event that was recorded before, or that asks for nothing."""

    changed: bool


class PlainFaults(APIRoute):
    """Answers every refusal as one `Fault`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:MOST_TOLD]]
                return _fault(422, "request", f"{'; '.join(said)}. Correct it and send the request again.")
            except ZhangguiError as error:
                return _fault(_HTTP_STATUS.get(error.code, 500), error.code, str(error))

        return guarded


def _fault(status: int, code: str, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": code, "message": message}, status, headers)


def only_with(api_key: str) -> Callable[..., None]:
    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        # An empty key opens nothing: a shop that has set none takes no events.
        if given is None or not api_key or not hmac.compare_digest(given.credentials.encode(), api_key.encode()):
            raise NotAllowed("The API key is missing or wrong. Send it as the header 'Authorization: Bearer KEY'.")

    return check


FAULTS: dict[int | str, dict[str, Any]] = {code: {"model": Fault} for code in (401, 404, 409, 422)}
"""How a route describes its refusals."""
