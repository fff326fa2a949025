"""What an answer of the Bot API means for a message: the one place that knows."""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.messages import Receipt, SendStatus
from connectors.telegram.fields import a_number, a_text, an_object

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_TOKEN_PAUSE_S = 60.0
_CLOSED_CHAT = ("chat not found", "not enough rights", "have no rights", "chat_write_forbidden", "user not found")
_TOO_LARGE = "request entity too large"


def receipt_of(error: TelegramError) -> Receipt:
    """Tell what came of a send that ended in `error`. Whatever cannot be told is unsure, never "not sent"."""
    if isinstance(error, RetryAfter):
        return Receipt(SendStatus.RATE_LIMITED, retry_after_s=_seconds(error.retry_after))
    if isinstance(error, Forbidden):
        return Receipt(SendStatus.UNREACHABLE, reason=error.message)
    if isinstance(error, ChatMigrated):
        return Receipt(SendStatus.MOVED, reason=error.message, moved_to=str(error.new_chat_id))
    if isinstance(error, BadRequest):
        closed = any(words in error.message.lower() for words in _CLOSED_CHAT)
        return Receipt(SendStatus.UNREACHABLE if closed else SendStatus.REFUSED, reason=error.message)
    if isinstance(error, InvalidToken):  # not the message's fault: it can go once the token is right again
        return Receipt(SendStatus.TRANSIENT, reason="token refused", retry_after_s=_TOKEN_PAUSE_S)
    if isinstance(error, NetworkError) and isinstance(error.__cause__, _NEVER_LEFT):
        return Receipt(SendStatus.TRANSIENT, reason=type(error.__cause__).__name__)
    if isinstance(error, NetworkError) and error.message.lower().startswith(_TOO_LARGE):
        return Receipt(SendStatus.REFUSED, reason=error.message)
    return Receipt(SendStatus.UNSURE, reason=type(error).__name__)


def receipt_for(result: object) -> Receipt:
    """Read what Telegram made of a message it took: it is sent, whatever else the answer says or leaves out.

    `platform_id` is the number of the message; of a poll `{poll id}:{message id}`.
    """
    number = a_number(result, "message_id")
    if number is None:
        return Receipt(SendStatus.SENT, reason="answer not understood")
    poll = a_text(an_object(result, "poll"), "id")
    return Receipt(SendStatus.SENT, platform_id=f"{poll}:{number}" if poll else str(number))


def _seconds(pause: int | timedelta) -> float:
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)
