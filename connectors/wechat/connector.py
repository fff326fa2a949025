"""The WeChat Official Account connector: one callback in, `custom/send` out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.clock import Clock
from bot.errors import BadCallback, SettingsError
from bot.messages import Limits, Outbound, Receipt, Receive, SendStatus
from connectors.refusals import refuse
from connectors.wechat.answers import PLATFORM_FAULTS, receipt_for
from connectors.wechat.seal import RefusedCallback, Seal
from connectors.wechat.tokens import OFFICIAL_BASE, THREADS, StableTokenClient
from connectors.wechat.wire import inbounds, texts

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024
MAX_HALF_SENT = 1000

# WeChat: 接收普通消息 / Receiving Messages: only a callback without any answer for 5 s is delivered again.
SILENCE_S = 6.0


class WeChatConnector:
    """Speaks WeChat for one verified service account in safe mode, or for one test account in plain text."""

    limits = Limits(counts_windows=True)

    def __init__(
        self,
        channel: str,
        app_id: str,
        app_secret: str,
        token: str,
        aes_key: str,
        clock: Clock,
        api_base: str = OFFICIAL_BASE,
        test_account: bool = False,
    ) -> None:
        """Check the settings; nothing is called yet.

        Args:
            channel: `wechat:{name}`; the name is part of the callback's address.
            aes_key: EncodingAESKey, 43 characters; empty for a test account.
            api_base: another server in place of the official one: https, or http on this machine.
            test_account: take unencrypted messages, and no others.

        Raises:
            SettingsError: a secret is empty, the key has a wrong length or is too much, or the address is not safe.
        """
        platform, _, self._name = channel.partition(":")
        if platform != "wechat" or not self._name or "/" in self._name:
            raise SettingsError(f"WeChat: the channel must be called wechat:NAME, not {channel!r}.")
        if not app_secret:
            raise SettingsError("WeChat: app_secret must not be empty. Copy it from the account's settings page.")
        self.channel = channel
        self._app_id = app_id
        self._seal = Seal(app_id, token, aes_key, test_account)
        self._test_account = test_account
        self._client = StableTokenClient(app_id, app_secret, api_base, clock)
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=channel)
        self._receive: Receive | None = None
        self._half_sent: dict[str, int] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """Return `GET` and `POST /wechat/{name}/callback`."""
        path = f"/wechat/{self._name}/callback"
        return [Route(path, self._verify, methods=["GET"]), Route(path, self._callback, methods=["POST"])]

    async def start(self, receive: Receive) -> None:
        """Begin to pass callbacks on. The address itself is entered by hand on the account's settings page."""
        if self._test_account:
            log.warning("wechat_unencrypted", channel=self.channel, reason="test_account: only for trying it out")
        self._receive = receive

    async def stop(self) -> None:
        """Stop passing callbacks on, wait for sends under way, release connections."""
        self._receive = None
        await asyncio.to_thread(self._pool.shutdown)
        self._client.close()

    def cost(self, message: Outbound) -> int:
        """Return the number of texts `message` is cut into: each takes one of the window's messages."""
        return max(1, len(texts(message)))

    async def send(self, message: Outbound) -> Receipt:
        """Send `message` as one or, if it is long, several texts.

        A message that was cut and failed midway goes on with the piece that failed when it is sent again.
        """
        pieces = texts(message)
        if not pieces:
            return Receipt(SendStatus.REFUSED, reason="nothing to send")
        for index in range(self._half_sent.get(message.id, 0), len(pieces)):
            receipt = await self._send_text(message.chat.id, pieces[index])
            if receipt.status is not SendStatus.SENT:
                self._remember(message.id, index)
                log.warning("wechat_send_failed", channel=self.channel, status=receipt.status, reason=receipt.reason)
                return receipt
        self._half_sent.pop(message.id, None)
        return Receipt(SendStatus.SENT)

    async def _send_text(self, openid: str, text: str) -> Receipt:
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._pool, self._client.message.send_text, openid, text)
        except PLATFORM_FAULTS as fault:
            return receipt_for(fault, self._clock.now())
        if not isinstance(answer, dict):  # some box between answered 200 with a page of its own
            return Receipt(SendStatus.UNSURE, reason="answer is not WeChat's")
        return Receipt(SendStatus.SENT)

    def _remember(self, message_id: str, sent: int) -> None:
        if sent:
            self._half_sent[message_id] = sent
        while len(self._half_sent) > MAX_HALF_SENT:
            self._half_sent.pop(next(iter(self._half_sent)))

    async def _verify(self, request: Request) -> Response:
        try:
            echo = self._seal.echo(request.query_params, self._clock.now())
        except RefusedCallback as refused:
            return self._refused(refused.reason, refused.status)
        return PlainTextResponse(echo, headers={"X-Content-Type-Options": "nosniff"})

    async def _callback(self, request: Request) -> Response:
        try:
            body = await _read(request)
            message = self._seal.open(request.query_params, body, self._clock.now())
            found = inbounds(self.channel, self._app_id, message)
        except RefusedCallback as refused:
            return self._refused(refused.reason, refused.status)
        except (BadCallback, ClientDisconnect):
            return self._refused("form", 400)
        receive = self._receive
        if receive is None:
            return await self._unstored("not started")
        if found:
            try:
                await receive(found)
            except Exception as fault:  # noqa: BLE001 - whatever kept it from the disk, WeChat must deliver it again
                return await self._unstored(type(fault).__name__)
        return PlainTextResponse("success")

    def _refused(self, reason: str, status: int) -> Response:
        refuse(self.channel, reason)
        return PlainTextResponse("refused", status)

    async def _unstored(self, reason: str) -> Response:
        """Stay silent until WeChat hangs up, which makes it deliver the message again."""
        log.error("callback_not_stored", channel=self.channel, reason=reason)
        await asyncio.sleep(SILENCE_S)
        return PlainTextResponse("try again", 503)


async def _read(request: Request) -> bytes:
    """Return the body.

    Raises:
        RefusedCallback: it is longer than `MAX_BODY_BYTES`; the rest is not read.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RefusedCallback("size", 400)
    return bytes(body)
