"""What WeChat's answers to a send mean for us. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError
from wechatpy.exceptions import WeChatClientException  # type: ignore[import-untyped]

from bot.messages import Receipt, SendStatus
from connectors.wechat.tokens import STALE_TOKEN, TokenUnavailable

_BEIJING = timezone(timedelta(hours=8))

_CLOSED = frozenset({45015, 45047})
_UNREACHABLE = frozenset({40003, 43004, 43019})
_DAY_QUOTA, _TOO_FAST, _BUSY = 45009, 45011, -1
_TOO_FAST_WAIT_S = 60.0


PLATFORM_FAULTS = (WeChatClientException, TokenUnavailable, requests.RequestException)
"""What a send may end in."""


def receipt_for(fault: Exception, now: datetime) -> Receipt:
    """Return the receipt of a send that ended in `fault`, one of `PLATFORM_FAULTS`."""
    if isinstance(fault, TokenUnavailable):
        return Receipt(SendStatus.TRANSIENT, reason="no access token")
    if isinstance(fault, requests.RequestException):
        return _of_network(fault)
    return _of_answer(fault, now)


def _of_answer(fault: WeChatClientException, now: datetime) -> Receipt:
    """Map an error code (WeChat: 全局返回码 / Return Codes)."""
    code = fault.errcode
    reason = f"wechat {code}"
    if code is None:
        return _of_status(fault.response.status_code)
    if code in _CLOSED:
        return Receipt(SendStatus.WINDOW_CLOSED, reason=reason)
    if code in _UNREACHABLE:
        return Receipt(SendStatus.UNREACHABLE, reason=reason)
    if code == _DAY_QUOTA:
        return Receipt(SendStatus.RATE_LIMITED, reason=reason, retry_after_s=until_midnight_s(now))
    if code == _TOO_FAST:
        return Receipt(SendStatus.RATE_LIMITED, reason=reason, retry_after_s=_TOO_FAST_WAIT_S)
    if code == _BUSY or code in STALE_TOKEN:
        return Receipt(SendStatus.TRANSIENT, reason=reason)
    return Receipt(SendStatus.REFUSED, reason=reason)


def _of_status(status: int) -> Receipt:
    known = SendStatus.TRANSIENT if status >= 500 else SendStatus.REFUSED
    return Receipt(known, reason=f"wechat http {status}")


def _of_network(fault: requests.RequestException) -> Receipt:
    """Tell a request that never left from one whose fate nobody knows."""
    cause = fault.args[0] if fault.args else None
    never_left = isinstance(fault, requests.ConnectTimeout) or (
        isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    )
    return Receipt(SendStatus.TRANSIENT if never_left else SendStatus.UNSURE, reason=type(fault).__name__)


def until_midnight_s(now: datetime) -> float:
    """Return the seconds until the day's quotas are counted anew (midnight in Beijing)."""
    local = now.astimezone(_BEIJING)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - local).total_seconds()
