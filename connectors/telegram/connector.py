"""One Telegram bot as a channel. python-telegram-bot carries the requests; nothing else of it is used."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from bot.clock import Clock
from bot.errors import SettingsError
from bot.messages import Limits, Outbound, Receipt, Receive, SendStatus
from connectors.refusals import refuse
from connectors.telegram import wire
from connectors.telegram.receipts import receipt_of

# RetryAfter.retry_after as a timedelta, which becomes the only form.
os.environ.setdefault("PTB_TIMEDELTA", "1")
# httpx logs every address at INFO, and a Bot API address holds the token.
logging.getLogger("httpx").setLevel(logging.WARNING)
# Asked for as raw JSON on purpose: Bot.get_updates fails as a whole, and logs the texts, when one update is new to it.
warnings.filterwarnings("ignore", message="Please use 'Bot.getUpdates'")

OFFICIAL_API = "https://api.telegram.org"
BODY_LIMIT = 256 * 1024
POLL_S = 25
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOKEN = re.compile(r"(\d+):\S+")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REMEMBERED = 1_000

_log = structlog.get_logger(__name__)


class TelegramConnector:
    """Speaks the Bot API for one bot.

    Args:
        channel: `telegram:{name}`; the name is part of the webhook's address.
        token: from BotFather.
        webhook_secret: 1 to 256 of `A-Za-z0-9_-`; Telegram repeats it in a header of each call (Bot API, setWebhook).
        mode: `webhook` needs a public https address, `polling` needs only the way out.
        public_url: address of the web app without the path, e.g. `https://shop.example`; used in webhook mode.
        api_base: address of the Bot API without the path; another one than the official for a local Bot API server.

    Attributes:
        registered: set once Telegram has taken the webhook, or its removal in polling mode.

    Raises:
        SettingsError: the secret is empty or has other characters, or an address or the token cannot be right.
    """

    def __init__(
        self,
        channel: str,
        token: str,
        webhook_secret: str,
        mode: Literal["webhook", "polling"],
        public_url: str,
        clock: Clock,
        api_base: str = OFFICIAL_API,
    ) -> None:
        _check(channel, token, webhook_secret, mode, public_url, api_base)
        self.channel = channel
        self.limits = Limits(per_second=25, per_chat_s=1.0, per_group_s=3.4, counts_windows=False)
        self.registered = asyncio.Event()
        self._secret = webhook_secret.encode()
        self._mode = mode
        self._path = f"/telegram/{channel.partition(':')[2]}/webhook"
        self._url = public_url.rstrip("/") + self._path
        self._clock = clock
        self._account = wire.Account(channel, token.partition(":")[0])
        local = urlsplit(api_base).hostname in _LOOPBACK
        self._requests = [HTTPXRequest(httpx_kwargs={"trust_env": False} if local else {}) for _ in range(2)]
        base = api_base.rstrip("/")
        self._bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            get_updates_request=self._requests[0],
            request=self._requests[1],
        )
        self._receive: Receive | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._progress: OrderedDict[str, int] = OrderedDict()

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's route; none when polling, so that an unsigned post finds nothing."""
        if self._mode == "polling":
            return []
        return [Route(self._path, self._webhook, methods=["POST"])]

    async def start(self, receive: Receive) -> None:
        """Begin to receive. Registration goes on in the background until Telegram answers, see `registered`."""
        self._receive = receive
        self._spawn(self._run())

    async def stop(self) -> None:
        """Stop receiving and close the connections. The webhook stays: Telegram keeps updates for 24 hours."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._receive = None
        for request in self._requests:
            await request.shutdown()

    def cost(self, message: Outbound) -> int:
        """Return 1: nothing is counted here."""
        return 1

    async def send(self, message: Outbound) -> Receipt:
        """Send one message, in several parts if it is long.

        A message that stopped half-way goes on with the part that is missing when it is sent again.
        """
        parts = wire.parts(message)
        receipt = Receipt(SendStatus.SENT)
        done = self._progress.pop(message.id, 0)
        for index, part in enumerate(parts[done:], start=done):
            if index > done:
                await asyncio.sleep(self.limits.per_chat_s)
            receipt = await self._send_part(message, part)
            if receipt.status is not SendStatus.SENT:
                self._remember(message.id, index)
                break
        return receipt

    async def _send_part(self, message: Outbound, part: wire.Part) -> Receipt:
        rows = [[InlineKeyboardButton(c.label, callback_data=c.token) for c in row] for row in part.rows]
        try:
            sent = await self._bot.send_message(
                message.chat.id, part.text, reply_markup=InlineKeyboardMarkup(rows) if rows else None
            )
        except TelegramError as error:
            receipt = receipt_of(error)
            _log.info("telegram_not_sent", channel=self.channel, id=message.id, status=receipt.status.value)
            return receipt
        except (TypeError, KeyError, ValueError, AttributeError):
            # Telegram took the message, but its answer has a shape that the library does not know.
            return Receipt(SendStatus.SENT, reason="answer not understood")
        return Receipt(SendStatus.SENT, platform_id=str(sent.message_id))

    def _remember(self, message_id: str, parts_done: int) -> None:
        if parts_done:
            self._progress[message_id] = parts_done
            while len(self._progress) > _REMEMBERED:
                self._progress.popitem(last=False)

    async def _webhook(self, request: Request) -> Response:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(given.encode(), self._secret):
            return self._refuse("secret", 403)
        body = await _read(request, BODY_LIMIT)
        if body is None:
            return self._refuse("size", 413)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            return self._refuse("form", 400)
        if wire.update_id(update) is None:
            return self._refuse("form", 400)
        try:
            await self._take(update)
        except Exception as error:  # noqa: BLE001  whatever the store raises, Telegram must bring the update again
            _log.error("telegram_update_not_stored", channel=self.channel, error=type(error).__name__)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("ok")

    def _refuse(self, reason: str, status: int) -> Response:
        refuse(self.channel, reason)
        return PlainTextResponse("refused", status)

    async def _take(self, update: object) -> None:
        """Store one update, then tell the customer's app that a tap was seen."""
        if self._receive is None:
            raise RuntimeError("not started")
        if found := wire.parse(update, self._account, self._clock.now()):
            await self._receive(found)
        if callback_id := wire.callback_id(update):
            self._spawn(self._answer(callback_id))

    async def _answer(self, callback_id: str) -> None:
        try:
            await self._bot.answer_callback_query(callback_id)
        except TelegramError as error:  # best effort: the button only stops to spin
            _log.info("telegram_tap_not_answered", channel=self.channel, error=type(error).__name__)

    async def _run(self) -> None:
        attempt = 0
        while not self.registered.is_set():
            try:
                await self._register()
            except TelegramError as error:
                attempt += 1
                _log.warning("telegram_not_registered", channel=self.channel, error=type(error).__name__)
                await asyncio.sleep(_backoff_s(attempt))
        if self._mode == "polling":
            await self._poll()

    async def _register(self) -> None:
        me: Any = await self._bot.get_me()
        self._account = wire.Account(self.channel, self._account.bot_id, me.username or "")
        if self._mode == "webhook":
            await self._bot.set_webhook(
                self._url, secret_token=self._secret.decode(), allowed_updates=wire.ALLOWED_UPDATES
            )
        else:
            await self._bot.delete_webhook()
        self.registered.set()
        _log.info("telegram_registered", channel=self.channel, mode=self._mode)

    async def _poll(self) -> None:
        """Fetch updates for ever; an update is confirmed by the next offset, so only once it is stored."""
        offset, attempt = 0, 0
        while True:
            try:
                for update in await self._fetch(offset):
                    await self._take(update)
                    offset = max(offset, (wire.update_id(update) or 0) + 1)
                attempt = 0
            except Exception as error:  # noqa: BLE001  must outlive both a bad network and a database that is away
                attempt += 1
                _log.warning("telegram_poll_failed", channel=self.channel, error=type(error).__name__)
                await asyncio.sleep(_backoff_s(attempt))

    async def _fetch(self, offset: int) -> list[object]:
        query = {"offset": offset, "timeout": POLL_S, "allowed_updates": list(wire.ALLOWED_UPDATES)}
        found: Any = await self._bot.do_api_request("getUpdates", api_kwargs=query, read_timeout=POLL_S + 5)
        return list(found)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check(channel: str, token: str, secret: str, mode: str, public_url: str, api_base: str) -> None:
    if not re.fullmatch(r"telegram:[A-Za-z0-9_-]+", channel):
        raise SettingsError(f"The channel {channel!r} must be telegram: and a name of letters, digits, _ or -.")
    if not _TOKEN.fullmatch(token):
        raise SettingsError(f"The token of {channel} is not one that BotFather gives: 123456:ABC….")
    if mode not in ("webhook", "polling"):
        raise SettingsError(f"The mode of {channel} must be webhook or polling, not {mode!r}.")
    if mode == "webhook" and not _SECRET.fullmatch(secret):
        raise SettingsError(f"The webhook secret of {channel} must be 1 to 256 characters of A-Z, a-z, 0-9, _ and -.")
    if mode == "webhook" and not urlsplit(public_url).hostname:
        raise SettingsError(f"{channel} needs the public address of this server for its webhook, or polling mode.")
    address = urlsplit(api_base)
    if not address.hostname or (address.scheme != "https" and address.hostname not in _LOOPBACK):
        raise SettingsError(f"The API address of {channel} must be https: the token travels in it.")


async def _read(request: Request, limit: int) -> bytes | None:
    """Return the body, or None once it is longer than `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _backoff_s(attempt: int) -> float:
    return float(min(0.25 * 2**attempt, 30.0)) if attempt < 10 else 30.0
