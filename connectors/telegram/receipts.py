"""What an error of the Bot API means for a message: the one place that knows."""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.messages import Receipt, SendStatus

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_TOKEN_PAUSE_S = 60.0


def receipt_of(error: TelegramError) -> Receipt:
    """Tell what came of a send that ended in `error`. Whatever cannot be told is unsure, never "not sent"."""
    if isinstance(error, RetryAfter):
        return Receipt(SendStatus.RATE_LIMITED, retry_after_s=_seconds(error.retry_after))
    if isinstance(error, Forbidden):
        return Receipt(SendStatus.UNREACHABLE, reason=error.message)
    if isinstance(error, ChatMigrated):
        return Receipt(SendStatus.REFUSED, reason=f"migrated to {error.new_chat_id}")
    if isinstance(error, BadRequest):
        return Receipt(SendStatus.REFUSED, reason=error.message)
    if isinstance(error, InvalidToken):  # not the message's fault: it can go once the token is right again
        return Receipt(SendStatus.TRANSIENT, reason="token refused", retry_after_s=_TOKEN_PAUSE_S)
    if isinstance(error, NetworkError) and isinstance(error.__cause__, _NEVER_LEFT):
        return Receipt(SendStatus.TRANSIENT, reason=type(error.__cause__).__name__)
    return Receipt(SendStatus.UNSURE, reason=type(error).__name__)


def _seconds(pause: int | timedelta) -> float:
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)
