"""What WeChat's answers mean for us. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError
from wechatpy.exceptions import WeChatClientException  # type: ignore[import-untyped]

from bot.messages import Receipt, SendStatus
from connectors.wechat.client import TokenUnavailable

_BEIJING = timezone(timedelta(hours=8))
_STOP_S = 300.0

PLATFORM_FAULTS = (WeChatClientException, TokenUnavailable, requests.RequestException)
"""What a call of the API may end in."""


class Then(StrEnum):
    """What the connector does beside telling the sender."""

    NOTHING = "nothing"
    PAUSE = "pause"
    """Offer no road that needs this service until midnight in Beijing, when its day's quota is counted anew."""
    SWITCH_OFF = "switch_off"
    """Offer no road that needs this service for a day, and tell the shop."""
    STOP = "stop"
    """Call nothing for `retry_after_s`, and tell the shop: only people can mend it."""
    ALERT = "alert"
    """Tell the shop."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error code means for the message, and for the connector."""

    status: SendStatus
    then: Then = Then.NOTHING
    retry_after_s: float = 0.0


MEANINGS: Mapping[int, Meaning] = {
    -1: Meaning(SendStatus.TRANSIENT),
    40001: Meaning(SendStatus.TRANSIENT, Then.ALERT),  # these three come here only after the token was renewed
    40014: Meaning(SendStatus.TRANSIENT, Then.ALERT),
    42001: Meaning(SendStatus.TRANSIENT, Then.ALERT),
    40003: Meaning(SendStatus.UNREACHABLE),
    43004: Meaning(SendStatus.UNREACHABLE),
    43019: Meaning(SendStatus.UNREACHABLE),
    40007: Meaning(SendStatus.TRANSIENT),  # the picture died before its time: the next try uploads it again
    40013: Meaning(SendStatus.TRANSIENT, Then.STOP, _STOP_S),
    40125: Meaning(SendStatus.TRANSIENT, Then.STOP, _STOP_S),
    40164: Meaning(SendStatus.TRANSIENT, Then.STOP, _STOP_S),
    40243: Meaning(SendStatus.TRANSIENT, Then.STOP, _STOP_S),
    43101: Meaning(SendStatus.WINDOW_CLOSED),
    45002: Meaning(SendStatus.REFUSED),
    45008: Meaning(SendStatus.REFUSED),
    45009: Meaning(SendStatus.NOT_ALLOWED, Then.PAUSE),  # of this API alone: another road may be open
    45011: Meaning(SendStatus.RATE_LIMITED, retry_after_s=60.0),
    45015: Meaning(SendStatus.WINDOW_CLOSED),
    45028: Meaning(SendStatus.WINDOW_CLOSED),
    45047: Meaning(SendStatus.WINDOW_CLOSED),
    45065: Meaning(SendStatus.SENT),
    48001: Meaning(SendStatus.NOT_ALLOWED, Then.SWITCH_OFF),
}
"""WeChat: 全局返回码 / Return Codes. A code that is not here is a refusal of the message."""


def receipt_for(fault: Exception) -> Receipt:
    """Return the receipt of a send that ended in `fault`, one of `PLATFORM_FAULTS`."""
    if isinstance(fault, TokenUnavailable):
        return Receipt(SendStatus.TRANSIENT, reason="no access token")
    if isinstance(fault, requests.RequestException):
        return _of_network(fault)
    if fault.errcode is None:  # type: ignore[attr-defined]
        return _of_status(fault.response.status_code)  # type: ignore[attr-defined]
    meaning = meaning_of(fault)
    reason = f"wechat {fault.errcode}"  # type: ignore[attr-defined]
    return Receipt(meaning.status, reason=reason, retry_after_s=meaning.retry_after_s)


def meaning_of(fault: Exception) -> Meaning:
    """Return what the error code of `fault` means; without a code nothing is to be done."""
    return MEANINGS.get(getattr(fault, "errcode", None) or 0, Meaning(SendStatus.REFUSED))


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
