"""One Telegram bot as a channel."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError

from bot.clock import Clock
from bot.connector import Host
from bot.errors import ZhangguiError
from bot.messages import OPEN, Event, File, Inbound, Limits, Outbound, Receipt, Road, SendStatus
from connectors.body import TooLong, read_body
from connectors.refusals import refuse
from connectors.rights import rights_on
from connectors.telegram import polls, updates
from connectors.telegram.account import Account, check
from connectors.telegram.api import Api
from connectors.telegram.fields import a_text
from connectors.telegram.receipts import receipt_of
from connectors.telegram.sending import Sending, Sleep
from connectors.telegram.topics import staff_group_faults

OFFICIAL_API = "https://api.telegram.org"
BODY_LIMIT = 256 * 1024
POLL_S = 25
RIGHTS = Path(__file__).parent / "rights.toml"
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONFLICTS_TO_ALERT = 3

_log = structlog.get_logger(__name__)


class LinkNotMade(ZhangguiError):
    """The bot's name is not known: Telegram has not answered since the channel was set up. Check the token."""

    code = "link"


class TelegramConnector:
    """Speaks the Bot API for one bot.

    Args:
        channel: `telegram:{name}`; the name is part of the webhook's address.
        token: from BotFather.
        webhook_secret: 1 to 256 of `A-Za-z0-9_-`; Telegram repeats it in a header of each call (Bot API, setWebhook).
        mode: `webhook` needs a public https address, `polling` needs only the way out.
        public_url: address of the web app without the path, e.g. `https://shop.example`; used in webhook mode.
        api_base: address of the Bot API without the path; another one than the official for a local Bot API server.
        staff_group: id of the group with topics in which the staff answer customers; empty for none.
        timeout_s: how long Telegram may take for an answer; a send without one is unsure.
        sleep: waits that many seconds, between the parts of a long message and between tries.

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
        staff_group: str = "",
        timeout_s: float = 10.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        check(channel, token, webhook_secret, mode, public_url, api_base)
        rights = rights_on(clock.now().date(), RIGHTS)
        self.channel = channel
        self.limits = Limits(rights.rates["overall"], rights.rates["per_chat"], rights.rates["per_group"])
        self._numbers = rights.limits
        self._pause_s = rights.rates["per_chat"].per_s
        self._secret = webhook_secret.encode()
        self._mode = mode
        self._path = f"/telegram/{channel.partition(':')[2]}/webhook"
        self._url = public_url.rstrip("/") + self._path
        self._clock = clock
        self._sleep = sleep
        self._account = Account(channel, token.partition(":")[0], staff_group=staff_group)
        self._api = Api(token, api_base, timeout_s)
        self._host: Host | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's route; none when polling, so that an unsigned post finds nothing."""
        if self._mode == "polling":
            return []
        return [Route(self._path, self._webhook, methods=["POST"])]

    async def start(self, host: Host) -> None:
        """Get ready to send and to take what Telegram posts."""
        self._name(await host.recall("username"))
        self._host = host

    async def hold(self) -> None:
        """Register the webhook, or take it away and poll for ever. Telegram being away only makes it take longer."""
        await self._register()
        if self._mode == "polling":
            await self._poll()

    async def stop(self) -> None:
        """Close the connections. The webhook stays: Telegram keeps updates for 24 hours (Bot API, getting updates)."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._host = None
        await self._api.close()

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return the one road: nothing is counted here, only paced."""
        return [OPEN]

    async def send(self, message: Outbound) -> Receipt:
        """Send one message, in several parts if it is long, or change an earlier one."""
        sending = Sending(self._api, self._shop, self._numbers, self._account.username, self._pause_s, self._sleep)
        return await sending.send(message)

    async def fetch(self, ref: str) -> File | None:
        """Return a customer's file of up to 20 MB (Bot API, getFile); None if Telegram does not hand it out.

        Raises:
            OSError: it could not be fetched now.
        """
        return await self._api.fetch(ref, self._numbers["file_bytes"])

    async def link(self, payload: str) -> str:
        """Return the address that opens the bot; pressing Start there brings `payload` (Bot API, deep linking).

        Raises:
            ValueError: the payload is not 1 to 64 of `A-Za-z0-9_-`.
            LinkNotMade: nobody knows yet how the bot is called.
        """
        if not _PAYLOAD.fullmatch(payload):
            raise ValueError(f"the payload of a link is 1 to 64 of A-Z, a-z, 0-9, _ and -, not {payload!r}")
        if not self._account.username:
            self._name(await self._shop.recall("username"))
        if not self._account.username:
            raise LinkNotMade
        return f"https://t.me/{self._account.username}?start={payload}"

    @property
    def _shop(self) -> Host:
        if self._host is None:
            raise RuntimeError(f"{self.channel} is not started")
        return self._host

    def _name(self, username: str) -> None:
        self._account = replace(self._account, username=username)

    async def staff_group_faults(self) -> Sequence[str]:
        """Ask Telegram whether the bot can work in the staff's group. Return what is wrong and what to do."""
        return await staff_group_faults(self._api, self._account)

    # What comes in.

    async def _webhook(self, request: Request) -> Response:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(given.encode(), self._secret):
            return self._refuse("secret", 403)
        try:
            body = await read_body(request, BODY_LIMIT)
        except TooLong:
            return self._refuse("size", 413)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            return self._refuse("form", 400)
        if updates.update_id(update) is None:
            return self._refuse("form", 400)
        try:
            await self._take([update])
        except Exception as error:  # noqa: BLE001  whatever the store raises, Telegram must bring the update again
            _log.error("telegram_update_not_stored", channel=self.channel, error=type(error).__name__)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("ok")

    def _refuse(self, reason: str, status: int) -> Response:
        refuse(self.channel, reason)
        return PlainTextResponse("refused", status)

    async def _take(self, found: Sequence[object]) -> None:
        """Store updates, then tell the customers' apps that their taps were seen."""
        if not self._account.username:
            self._name(await self._shop.recall("username"))
        messages = [message for update in found if (message := await self._understood(update))]
        if messages:
            await self._shop.receive(messages)
        for update in found:
            if callback_id := updates.callback_id(update):
                self._spawn(callback_id)

    async def _understood(self, update: object) -> Inbound | None:
        now = self._clock.now()
        poll_id = updates.poll_id(update)
        if not poll_id:
            message = updates.parse(update, self._account, now)
            if message is not None and message.event is Event.MOVED:
                await polls.follow(self._shop, message)
            return message
        poll = await polls.find(self._shop, self.channel, poll_id)
        if poll is None:  # of another program, or its id was lost with the answer to the send
            refuse(self.channel, "poll")
            return None
        return updates.vote(update, poll, self._account, now)

    def _spawn(self, callback_id: str) -> None:
        task = asyncio.create_task(self._answer(callback_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, callback_id: str) -> None:
        try:
            await self._api.call("AnswerCallbackQuery", {"callback_query_id": callback_id})
        except TelegramError as error:  # best effort: the button only stops to spin
            _log.info("telegram_tap_not_answered", channel=self.channel, error=type(error).__name__)

    # What only one process does.

    async def _register(self) -> None:
        attempt, error = 0, None
        while True:
            try:
                if isinstance(error, (InvalidToken, BadRequest)):
                    await self._alert("registration", f"Telegram refuses {self.channel}: {error.message}. "
                                      "Check its token and the public address in shop.toml.")  # fmt: skip
                await self._tell_telegram()
            except Exception as caught:  # noqa: BLE001  must outlive both a bad network and a database that is away
                attempt, error = attempt + 1, caught
                _log.warning("telegram_not_registered", channel=self.channel, error=type(error).__name__)
                await self._sleep(_pause_s(error, attempt))
            else:
                _log.info("telegram_registered", channel=self.channel, mode=self._mode)
                return

    async def _tell_telegram(self) -> None:
        username = a_text(await self._api.call("GetMe"), "username")
        if username != self._account.username:
            await self._shop.keep("username", username)
            self._name(username)
        if self._mode == "polling":
            await self._api.call("DeleteWebhook")
            return
        hook = {"url": self._url, "secret_token": self._secret.decode()}
        await self._api.call("SetWebhook", {**hook, "allowed_updates": list(updates.ALLOWED_UPDATES)})

    async def _poll(self) -> None:
        """Fetch updates for ever; they are confirmed by the next offset, so only once they are stored."""
        offset, attempt, error = 0, 0, None
        while True:
            try:
                if isinstance(error, Conflict):
                    await self._mend(attempt)
                found = await self._fetch(offset)
                await self._take(found)
                offset = max([offset, *((updates.update_id(update) or 0) + 1 for update in found)])
                attempt, error = 0, None
            except Exception as caught:  # noqa: BLE001  must outlive both a bad network and a database that is away
                attempt, error = attempt + 1, caught
                _log.warning("telegram_poll_failed", channel=self.channel, error=type(error).__name__)
                await self._sleep(_pause_s(error, attempt))

    async def _fetch(self, offset: int) -> list[object]:
        query = {"offset": offset, "timeout": POLL_S, "allowed_updates": list(updates.ALLOWED_UPDATES)}
        found: Any = await self._api.call("GetUpdates", query, wait_s=POLL_S)
        return list(found)

    async def _mend(self, attempt: int) -> None:
        """Somebody set a webhook or polls as well (409): take the webhook away; if that is not it, people must look."""
        await self._register()
        if attempt >= _CONFLICTS_TO_ALERT:
            await self._alert("conflict", f"Another program takes the messages of {self.channel} from Telegram. "
                              "Stop it, or give it a bot of its own.")  # fmt: skip

    async def _alert(self, what: str, text: str) -> None:
        await self._shop.alert(f"{self.channel}:{what}:{self._clock.now().date()}", text)


def _pause_s(error: Exception, attempt: int) -> float:
    asked = receipt_of(error) if isinstance(error, TelegramError) else None
    if asked is not None and asked.status is SendStatus.RATE_LIMITED:
        return asked.retry_after_s
    return float(min(0.25 * 2.0 ** min(attempt, 10), 30.0))
