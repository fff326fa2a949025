"""The address that WeCom calls, always encrypted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.clock import Clock
from connectors.body import TooLong, read_body
from connectors.refusals import refuse
from connectors.wecom.seal import RefusedCallback, Seal

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024

Take = Callable[[Mapping[str, str]], Awaitable[None]]


class Callback:
    """Checks what comes and passes its fields on; any other answer than 200 makes WeCom come again, three times."""

    def __init__(self, channel: str, path: str, seal: Seal, clock: Clock, take: Take) -> None:
        self._channel = channel
        self._path = path
        self._seal = seal
        self._clock = clock
        self._take = take

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(self._path, self._verify, methods=["GET"]),
            Route(self._path, self._callback, methods=["POST"]),
        ]

    async def _verify(self, request: Request) -> Response:
        """Answer WeCom's check of the address (WeCom: 回调配置 / Callback Configuration)."""
        try:
            echo = self._seal.echo(request.query_params, self._clock.now())
        except RefusedCallback as refused:
            return self._refused(refused.reason, refused.status)
        return PlainTextResponse(echo, headers={"X-Content-Type-Options": "nosniff"})

    async def _callback(self, request: Request) -> Response:
        try:
            fields = self._seal.open(request.query_params, await read_body(request, MAX_BODY_BYTES), self._clock.now())
        except RefusedCallback as refused:
            return self._refused(refused.reason, refused.status)
        except TooLong:
            return self._refused("size", 400)
        except ClientDisconnect:
            return self._refused("form", 400)
        try:
            await self._take(fields)
        except Exception as fault:  # noqa: BLE001 - whatever kept it from the disk, WeCom must come again
            log.warning("callback_not_stored", channel=self._channel, reason=type(fault).__name__)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("success")

    def _refused(self, reason: str, status: int) -> Response:
        refuse(self._channel, reason)
        return PlainTextResponse("refused", status)
