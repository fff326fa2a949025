"""Calls of the WooCommerce REST API v3.

Source: developer.woocommerce.com, REST API v3: authentication, pagination, errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx

from bot.shop.http import TIMEOUT_S, Line, Sleep, object_of
from bot.shop.platform import PlatformDown, PlatformRefuses

PER_PAGE = 100
"""The most that a page may hold (REST API v3, pagination)."""
Fields = Mapping[str, str | int]


class Client:
    """The API of one shop.

    Args:
        base: address of the shop, without a slash at the end.
        key: consumer key; `secret` belongs to it. Both go as Basic authentication, which is for https.
    """

    def __init__(
        self, base: str, key: str, secret: str, timeout_s: float = TIMEOUT_S, sleep: Sleep = asyncio.sleep
    ) -> None:
        fix = "Make a key with the right Read/Write in WooCommerce, Settings, Advanced, REST API"
        self._root = f"{base}/wp-json/wc/v3"
        self._line = Line("WooCommerce", fix, httpx.BasicAuth(key, secret), timeout_s, sleep)

    async def close(self) -> None:
        """Release the connections."""
        await self._line.close()

    async def find(self, path: str) -> Mapping[str, Any] | None:
        """Return one thing, or None if there is none."""
        answer = await self._line.call("GET", f"{self._root}/{path}", again=True)
        return None if answer.status_code == 404 else _told(answer)

    async def pages(self, path: str, fields: Fields | None = None) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Yield a list page by page, in the order of ids: what is changed meanwhile shifts no page away."""
        page, last = 1, 1
        while page <= last:
            query = {"orderby": "id", "order": "asc", **(fields or {}), "per_page": PER_PAGE, "page": page}
            answer = await self._line.call("GET", f"{self._root}/{path}", again=True, params=query)
            rows = _rows(answer)
            total = answer.headers.get("x-wp-totalpages", "")
            last = int(total) if total.isdecimal() else page + (len(rows) == PER_PAGE)
            if rows:
                yield rows
            page += 1

    async def all(self, path: str, fields: Fields | None = None) -> list[Mapping[str, Any]]:
        """Return a list that is known to be short."""
        return [row async for rows in self.pages(path, fields) for row in rows]

    async def change(self, method: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | str:
        """Send a change once. Return what the shop has now, or in its own words why it refuses."""
        answer = await self._line.call(method, f"{self._root}/{path}", again=False, json=body)
        if answer.is_success:
            return _told(answer)
        said = object_of(answer).get("message")
        return said[:500] if isinstance(said, str) and said else f"HTTP {answer.status_code}"


def _told(answer: httpx.Response) -> Mapping[str, Any]:
    found = object_of(answer)
    if not answer.is_success:
        raise PlatformRefuses(f"WooCommerce refused: HTTP {answer.status_code} ({str(found.get('message', ''))[:200]})")
    if not found:  # a page of a cache or of maintenance, with 200
        raise PlatformDown("WooCommerce answered something that is not its API")
    return found


def _rows(answer: httpx.Response) -> list[Mapping[str, Any]]:
    if not answer.is_success:
        _told(answer)
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise PlatformDown("WooCommerce answered something that is not its API")
    return [row for row in found if isinstance(row, dict)]
