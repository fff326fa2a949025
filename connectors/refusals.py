"""Counts the callbacks that were refused, for every connector. Nothing of the request itself is kept or logged."""

from __future__ import annotations

import structlog
from prometheus_client import Counter

_log = structlog.get_logger(__name__)

REFUSED = Counter(
    "zhanggui_callbacks_refused_total",
    "Callbacks of a platform that were refused, by channel and reason.",
    ("channel", "reason"),
)


def refuse(channel: str, reason: str) -> None:
    """Count one refused callback.

    Args:
        channel: name of the channel as in shop.toml, e.g. `telegram:shopbot`.
        reason: one of a few fixed words (`secret`, `signature`, `stale`, `size`, `form`), never text of the request.
    """
    REFUSED.labels(channel=channel, reason=reason).inc()
    _log.warning("callback_refused", channel=channel, reason=reason)
