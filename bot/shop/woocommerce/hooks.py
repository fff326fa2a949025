"""WooCommerce's webhooks. Source: developer.woocommerce.com, REST API v3, webhooks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.errors import BadCallback
from bot.shop.wire import Json, signed_json

_PING = re.compile(rb"webhook_id=\d{1,20}")
PING = "ping"


def opened(headers: Mapping[str, str], body: bytes, secret: str) -> tuple[str, str, Json]:
    """Return (delivery id, topic, the thing it is about) of a webhook.

    A new webhook is tried with a form that holds only its id, unsigned: that is answered and tells nothing.

    Raises:
        BadCallback: the signature is wrong, or it says nothing of what it is about.
    """
    topic = headers.get("x-wc-webhook-topic", "")
    if not topic and _PING.fullmatch(body):
        return PING, PING, {}
    found = signed_json(body, headers.get("x-wc-webhook-signature", ""), secret, "WooCommerce")
    delivery = headers.get("x-wc-webhook-delivery-id", "")
    if not topic or not delivery:
        raise BadCallback("A webhook of WooCommerce has no topic or no delivery id.")
    return delivery[:200], topic, found
