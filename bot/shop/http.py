"""The way to a shop's system over HTTP: a deadline, reads tried again, and faults in the words of the port."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.errors import SettingsError
from bot.shop.platform import PlatformDown, PlatformRefuses

TIMEOUT_S = 10.0
TRIES = 3
PAUSE_S = 1.0
LONGEST_PAUSE_S = 10.0
Sleep = Callable[[float], Awaitable[None]]
_BUSY = (408, 429, 430, 500, 502, 503, 504, 520, 521, 522, 523, 524)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def checked_base(url: str, setting: str) -> str:
    """Return `url` without a slash at its end.

    Raises:
        SettingsError: it is not https (or this machine): keys travel in the requests.
    """
    address = urlsplit(url)
    if not address.hostname or (address.scheme != "https" and address.hostname not in _LOOPBACK):
        raise SettingsError(f"shop.toml: {setting} = {url!r} must begin with https://: keys travel in the requests")
    return url.rstrip("/")


class Line:
    """One platform's HTTP.

    Args:
        name: how the platform is called in errors.
        refused: what to do about 401 and 403.
        timeout_s: how long one answer may take, from the first byte sent to the last received.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        name: str,
        refused: str,
        auth: httpx.Auth | None = None,
        timeout_s: float = TIMEOUT_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._name = name
        self._refused = refused
        self._timeout_s = timeout_s
        self.sleep = sleep
        self._http = httpx.AsyncClient(auth=auth, timeout=timeout_s, trust_env=False, verify=_tls())

    async def close(self) -> None:
        """Release the connections."""
        await self._http.aclose()

    async def call(self, method: str, url: str, again: bool, **options: Any) -> httpx.Response:
        """Send one request and return the answer, whatever a 2xx, 400, 404, 409 or 422 says.

        Args:
            again: whether it may be sent again at once when the platform is busy: reads may, changes may not.

        Raises:
            PlatformDown: no answer, a broken one, or "busy", also after trying again.
            PlatformRefuses: the key has no right to it, or the address is another's.
        """
        for attempt in range(1, TRIES + 1):
            last = not again or attempt == TRIES
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await self._http.request(method, url, **options)
            except (httpx.HTTPError, TimeoutError) as error:
                if last:
                    raise PlatformDown(f"{self._name} did not answer: {type(error).__name__}") from error
                await self.sleep(PAUSE_S * attempt)
                continue
            if answer.status_code not in _BUSY or _is_verdict(answer):
                return self._judged(answer)
            pause_s = pause_of(answer.headers)
            if last or pause_s > LONGEST_PAUSE_S:
                raise PlatformDown(f"{self._name} is busy: HTTP {answer.status_code}", pause_s)
            await self.sleep(pause_s or PAUSE_S * attempt)
        raise AssertionError("unreachable")

    def _judged(self, answer: httpx.Response) -> httpx.Response:
        status = answer.status_code
        if status in (401, 403):
            raise PlatformRefuses(f"{self._name} refused the key: HTTP {status}{_words(answer)}. {self._refused}")
        if answer.is_redirect:
            target = answer.headers.get("location", "elsewhere")[:200]
            raise PlatformRefuses(f"{self._name} points to {target}. Write that address into shop.toml")
        return answer


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)


def pause_of(headers: Mapping[str, str]) -> float:
    """Return the seconds that `Retry-After` asks for; 0 where it says nothing that can be read."""
    given = headers.get("retry-after", "")
    return float(given) if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", given) else 0.0


def object_of(answer: httpx.Response) -> Mapping[str, Any]:
    """Return the JSON object of an answer, or an empty one."""
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_verdict(answer: httpx.Response) -> bool:
    """Whether a 500 is the shop's own judgement: WooCommerce says so of a refund that the gateway refuses."""
    return str(object_of(answer).get("code", "")).startswith("woocommerce_rest_cannot_create")


def _words(answer: httpx.Response) -> str:
    said = object_of(answer).get("message")
    return f" ({said[:200]})" if isinstance(said, str) else ""
