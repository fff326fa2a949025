"""Sends one outbound by as many calls as it takes, and remembers how far it got."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from telegram.error import TelegramError

from bot.connector import Host
from bot.messages import Outbound, Receipt, SendStatus
from connectors.telegram import polls
from connectors.telegram.api import Api
from connectors.telegram.parts import Part, keyboard, parts
from connectors.telegram.receipts import receipt_for, receipt_of
from connectors.telegram.topics import change_topic, in_topic, topic_receipt

Sleep = Callable[[float], Awaitable[None]]

_COMES_AGAIN = (SendStatus.RATE_LIMITED, SendStatus.TRANSIENT, SendStatus.MOVED)
_NOT_MODIFIED = "message is not modified"
_ENDED = "poll can't be stopped"
_HAS_CAPTION = "there is no text in the message to edit"

_log = structlog.get_logger(__name__)


class Sending:
    """Sends for one bot.

    Args:
        limits: of rights.toml.
        username: the bot's, for buttons that open its private chat; empty while it is not known.
        pause_s: between two messages to the same chat.
    """

    def __init__(
        self, api: Api, host: Host, limits: Mapping[str, int], username: str, pause_s: float, sleep: Sleep
    ) -> None:
        self._api = api
        self._host = host
        self._limits = limits
        self._username = username
        self._pause_s = pause_s
        self._sleep = sleep

    async def send(self, message: Outbound) -> Receipt:
        """Send `message`; one that stopped half-way goes on with the part that is missing, also after a restart."""
        if message.topic is not None and message.topic.act:
            return await change_topic(self._api, message.chat, message.topic)
        if message.edits:
            return await self._edit(message)
        todo = parts(message, self._limits, self._username)
        receipt = await (self._part(message, todo[0]) if len(todo) == 1 else self._in_parts(message, todo))
        if message.pins and receipt.status is SendStatus.SENT:
            await self._pin(message, receipt)
        return receipt

    async def _in_parts(self, message: Outbound, todo: Sequence[Part]) -> Receipt:
        """Send several; the receipt is the last one's: the poll's, where there is one."""
        name = f"parts:{message.id}"
        done = int(await self._host.recall(name) or 0)
        receipt = await self._part(message, todo[done])
        while receipt.status is SendStatus.SENT and (done := done + 1) < len(todo):
            await self._host.keep(name, str(done))
            await self._sleep(self._pause_s)
            receipt = await self._part(message, todo[done])
        if receipt.status not in _COMES_AGAIN:
            await self._forget(name)
        return receipt

    async def _forget(self, name: str) -> None:
        try:
            await self._host.keep(name, "")
        except Exception:  # noqa: BLE001 (whatever it is, the message is out all the same)
            _log.exception("telegram_parts_not_forgotten", name=name)

    async def _part(self, message: Outbound, part: Part) -> Receipt:
        fields = {"chat_id": message.chat.id, **in_topic(message.topic), **part.fields}
        if part.method != "SendPoll":
            return await self._call(message, part.method, fields)
        receipt: Receipt | None = None
        try:
            async with self._host.alone(polls.LOCK):
                receipt = await self._call(message, part.method, fields)
                await polls.remember(self._host, message, receipt)
        except Exception:
            if receipt is None:
                raise
            # Telegram has answered: that is what came of the message, though its votes may find no poll.
            _log.exception("telegram_poll_not_remembered", channel=message.chat.channel, id=message.id)
        return receipt

    async def _pin(self, message: Outbound, receipt: Receipt) -> None:
        """Pin what was sent (Bot API, pinChatMessage). The bot may lack the right: the message is out all the same."""
        where = {"chat_id": message.chat.id, "message_id": receipt.platform_id.rpartition(":")[2]}
        try:
            await self._api.call("PinChatMessage", {**where, "disable_notification": True})
        except TelegramError as error:
            _log.warning("telegram_not_pinned", channel=message.chat.channel, error=type(error).__name__)

    async def _edit(self, message: Outbound) -> Receipt:
        """Change an earlier message (Bot API, editMessageText; a photo's text is its caption, editMessageCaption)."""
        where = {"chat_id": message.chat.id, "message_id": message.edits.rpartition(":")[2]}
        if message.poll:
            return await self._end_poll(message, where)
        buttons, text = keyboard(message.choices, self._username), message.text.strip()
        receipt = await self._call(message, "EditMessageText", {**where, "text": text, **buttons})
        if _HAS_CAPTION in receipt.reason.lower():
            receipt = await self._call(message, "EditMessageCaption", {**where, "caption": text, **buttons})
        if receipt.status is SendStatus.SENT or _NOT_MODIFIED in receipt.reason.lower():
            return Receipt(SendStatus.SENT, platform_id=message.edits)
        return receipt

    async def _end_poll(self, message: Outbound, where: Mapping[str, Any]) -> Receipt:
        """End a poll (Bot API, stopPoll); one that somebody ended already is ended."""
        receipt = await self._call(message, "StopPoll", where)
        if receipt.status is SendStatus.SENT or _ENDED in receipt.reason.lower():
            return Receipt(SendStatus.SENT, platform_id=message.edits)
        return receipt

    async def _call(self, message: Outbound, method: str, fields: Mapping[str, Any]) -> Receipt:
        try:
            return receipt_for(await self._api.call(method, fields))
        except TelegramError as error:
            receipt = receipt_of(error) if message.topic is None else topic_receipt(error)
            _log.info("telegram_not_sent", channel=message.chat.channel, id=message.id, status=receipt.status.value)
            return receipt
