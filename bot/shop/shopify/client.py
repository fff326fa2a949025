"""Calls of Shopify's Admin GraphQL API that never take more from the bucket than is in it.

Source: shopify.dev, GraphQL Admin API: authentication, rate limits; client credentials grant.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from bot.shop.http import TIMEOUT_S, TRIES, Line, Sleep, object_of
from bot.shop.platform import PlatformDown, PlatformRefuses
from bot.shop.shopify.documents import VERSION, Ask
from bot.shop.wire import member, members, text

_FIX = "Give the app its access scopes, and access to customer data, in the Dev Dashboard, and install it again"
_EARLY_S = 300.0
LONGEST_WAIT_S = 30.0
Monotonic = Callable[[], float]


class Client:
    """The API of one shop.

    Args:
        base: root of the API, `https://my-shop.myshopify.com`, without a slash at the end.
        token: access token; empty: one is got for `client_id` and `secret`, and again before it expires.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        base: str,
        client_id: str,
        secret: str,
        token: str = "",
        timeout_s: float = TIMEOUT_S,
        sleep: Sleep = asyncio.sleep,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._base = base
        self._credentials = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self._token, self._is_given, self._good_until_s = token, bool(token), 0.0
        self._line = Line("Shopify", _FIX, None, timeout_s, sleep)
        self._monotonic = monotonic
        self._bucket = Bucket()
        self._one = asyncio.Lock()  # two requests at once would both count on the same points

    async def close(self) -> None:
        """Release the connections."""
        await self._line.close()

    async def ask(self, ask: Ask) -> Mapping[str, Any]:
        """Return the data of an answer. A change is sent once, unless it certainly was not carried out.

        Raises:
            PlatformDown: no answer, busy, or still throttled after waiting.
            PlatformRefuses: the token has no right to it, or the request is not understood.
        """
        async with self._one:
            for _ in range(TRIES):
                await self._wait_for(ask.document.cost)
                answer = await self._post(ask)
                self._bucket = bucket_of(answer, self._monotonic(), self._bucket)
                codes = [text(member(error, "extensions").get("code")) for error in members(answer, "errors")]
                if "THROTTLED" not in codes:
                    return _data(answer, codes)
                self._bucket = self._bucket.emptied(ask.document.cost)
        raise PlatformDown("Shopify throttles whatever is asked: something else empties its bucket", LONGEST_WAIT_S)

    async def _wait_for(self, cost: int) -> None:
        wait_s = self._bucket.wait_s(cost, self._monotonic())
        if wait_s > LONGEST_WAIT_S:
            raise PlatformDown("Shopify's bucket of points is empty, and fills too slowly to wait for it", wait_s)
        if wait_s > 0:
            await self._line.sleep(wait_s)

    async def _post(self, ask: Ask) -> Mapping[str, Any]:
        document = ask.document
        body = {"query": document.text, "variables": {**document.sizes, **ask.variables}}
        url, again = f"{self._base}/admin/api/{VERSION}/graphql.json", not document.is_change
        try:
            answer = await self._line.call("POST", url, again, json=body, headers=await self._headers())
        except PlatformRefuses:
            if self._is_given:
                raise
            self._token = ""  # it may have been revoked before its time
            answer = await self._line.call("POST", url, again, json=body, headers=await self._headers())
        if not answer.is_success:
            raise PlatformRefuses(f"Shopify refused: HTTP {answer.status_code}. Is `shop` in shop.toml right?")
        return object_of(answer)

    async def _headers(self) -> dict[str, str]:
        if not self._token or (not self._is_given and self._monotonic() >= self._good_until_s):
            url = f"{self._base}/admin/oauth/access_token"
            answer = object_of(await self._line.call("POST", url, again=True, data=self._credentials))
            self._token = text(answer.get("access_token"))
            lasts_s = answer.get("expires_in")
            self._good_until_s = self._monotonic() + (lasts_s if isinstance(lasts_s, int) else 0) - _EARLY_S
        if not self._token:
            raise PlatformRefuses(f"Shopify gave no access token for `client_id` and `secret`. {_FIX}")
        return {"X-Shopify-Access-Token": self._token}


class Bucket:
    """What is known of the points: how many there were at a time (seconds, monotonic), and how they come back."""

    def __init__(self, available: float = 0, at_s: float = 0, per_s: float = 0, most: float = 0) -> None:
        self._available, self._at_s, self._per_s, self._most = available, at_s, per_s, most

    def wait_s(self, cost: float, now_s: float) -> float:
        """Return the seconds until `cost` points are there; 0 while nothing is known."""
        if not self._per_s:
            return 0
        there = min(self._most, self._available + (now_s - self._at_s) * self._per_s)
        # A request that may cost more than the whole bucket goes when it is full: it mostly costs less.
        return max(0.0, (min(cost, self._most) - there) / self._per_s)

    def emptied(self, cost: float) -> Bucket:
        """Return the bucket after "throttled": whatever it says it holds is not enough."""
        return Bucket(min(self._available, cost - self._per_s), self._at_s, self._per_s, self._most)


def bucket_of(answer: Mapping[str, Any], now_s: float, before: Bucket) -> Bucket:
    """Read `extensions.cost.throttleStatus`; `before` where there is none."""
    status = member(member(member(answer, "extensions"), "cost"), "throttleStatus")
    numbers = [status.get(name) for name in ("currentlyAvailable", "restoreRate", "maximumAvailable")]
    if not all(isinstance(number, (int, float)) and number >= 0 for number in numbers):
        return before
    available, per_s, most = (float(number or 0) for number in numbers)
    return Bucket(available, now_s, per_s, most)


def _data(answer: Mapping[str, Any], codes: list[str]) -> Mapping[str, Any]:
    said = "; ".join(text(error.get("message")) for error in members(answer, "errors"))[:300]
    if "INTERNAL_SERVER_ERROR" in codes:
        raise PlatformDown(f"Shopify is in trouble: {said}")
    if answer.get("errors"):
        raise PlatformRefuses(f"Shopify refused: {said}.{f' {_FIX}' if 'ACCESS_DENIED' in codes else ''}")
    data = answer.get("data")
    if not isinstance(data, Mapping):
        raise PlatformDown("Shopify answered something that is not its API")
    return data
