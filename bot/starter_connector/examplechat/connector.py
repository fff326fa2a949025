"""One account of the platform as a channel of Zhanggui."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from pathlib import Path

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.clock import Clock
from bot.connector import Host
from bot.errors import SettingsError
from bot.messages import WINDOW, Inbound, Limits, Outbound, Receipt, Road, SendStatus
from connectors.refusals import refuse
from connectors.rights import rights_on

from . import wire

BODY_LIMIT = 64 * 1024
STALE_S = 300
TIMEOUT_S = 10.0
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_log = structlog.get_logger(__name__)


class ExampleChat:
    """Takes signed JSON from the platform and posts JSON to it.

    Args:
        channel: `other:{name}`; the name is part of the webhook's address.
        secret: what the platform signs its requests with.
        token: what the platform wants to see from us.
        api_base: root of the platform's API, without a slash at the end.

    Raises:
        SettingsError: secret or token is empty: everybody could sign then.
    """

    def __init__(self, channel: str, *, clock: Clock, secret: str, token: str, api_base: str) -> None:
        if not secret or not token:
            raise SettingsError(f"{channel} needs `secret` and `token`. Put both under `secrets` in shop.toml")
        rights = rights_on(clock.now().date(), Path(__file__).with_name("rights.toml"))
        self.channel = channel
        self.limits = Limits(
            overall=rights.rates["overall"], per_chat=rights.rates["per_chat"], counts_windows=True, takes_key=True
        )
        self._account = wire.Account(channel, rights.grants["said"])
        self._text_limit = rights.limits["text_characters"]
        self._clock = clock
        self._secret = secret.encode()
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=api_base, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        self._host: Host | None = None

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's route."""
        return [Route(f"/other/{self.channel.partition(':')[2]}/webhook", self._webhook, methods=["POST"])]

    async def start(self, host: Host) -> None:
        """Begin to receive."""
        self._host = host

    async def hold(self) -> None:
        """Return at once: the webhook's address is set by hand on the platform's page."""

    async def stop(self) -> None:
        """Stop receiving and close the connections."""
        self._host = None
        await self._http.aclose()

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return the window that the customer opened; it counts each piece of a long text."""
        return [Road("window", cost=len(wire.pieces(message.text, self._text_limit)), needs=WINDOW)]

    async def send(self, message: Outbound) -> Receipt:
        """Post the message piece by piece; the platform drops a piece whose key it knows, so all may be repeated."""
        receipt = Receipt(SendStatus.SENT)
        for number, body in enumerate(wire.requests(message, self._text_limit)):
            key = {"Idempotency-Key": f"{message.id}-{number}"}
            try:
                answer = await self._http.post("/messages", json=body, headers=key)
            except _NEVER_LEFT as error:
                return Receipt(SendStatus.TRANSIENT, reason=type(error).__name__)
            except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: closed by `stop` meanwhile
                return Receipt(SendStatus.UNSURE, reason=type(error).__name__)
            receipt = wire.receipt_of(answer)
            if receipt.status is not SendStatus.SENT:
                break
        return receipt

    async def _webhook(self, request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return self._refuse("size", 413)
        given, timestamp = request.headers.get("x-signature", ""), request.headers.get("x-timestamp", "")
        if not hmac.compare_digest(given.encode(), wire.signature(self._secret, timestamp, body).encode()):
            return self._refuse("signature", 403)
        if not self._is_fresh(timestamp):
            return self._refuse("stale", 403)
        found = wire.parse(body, self._account)
        if found is None:
            return self._refuse("form", 400)
        try:
            await self._take(found)
        except Exception as error:  # noqa: BLE001  whatever the store raises, the platform must bring it again
            _log.error("examplechat_not_stored", channel=self.channel, error=type(error).__name__)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("ok")

    async def _take(self, found: Sequence[Inbound]) -> None:
        if self._host is None:
            raise RuntimeError("not started")
        if found:
            await self._host.receive(found)

    def _is_fresh(self, timestamp: str) -> bool:
        if not re.fullmatch(r"[0-9]{1,12}", timestamp):
            return False
        return abs(self._clock.now().timestamp() - int(timestamp)) <= STALE_S

    def _refuse(self, reason: str, status: int) -> Response:
        refuse(self.channel, reason)
        return PlainTextResponse("refused", status)


async def _read(request: Request) -> bytes | None:
    """Return the body, or None once it is longer than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)
