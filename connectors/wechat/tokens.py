"""Keeps the one access token that all processes of the shop use."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.connector import Host
from connectors.wechat.client import Token

STALE_TOKEN = frozenset({40001, 40014, 42001})
"""WeChat: 全局返回码 / Return Codes: wrong, unacceptable and expired access token."""

# WeChat hands out the next token from 300 s before the end on; asking a little later never gets the old one again.
_RENEW_BEFORE = timedelta(seconds=240)
_FACT = "token"


@dataclass(frozen=True, slots=True)
class _Held:
    text: str
    renew_at: datetime


class TokenKeeper:
    """Fetches a token when none is left, one process at a time, and shares it through the shop's facts."""

    def __init__(self, fetch: Callable[[], Awaitable[Token]], host: Host, clock: Clock) -> None:
        self._fetch = fetch
        self._host = host
        self._clock = clock
        self._held: _Held | None = None

    async def current(self) -> str:
        """Return a token that is valid now, as far as we know.

        Raises:
            WeChatClientException, TokenUnavailable: there is none, and the platform gives none.
        """
        return (self._usable(self._held) or await self._agree("")).text

    async def renew(self, stale: str) -> str:
        """Return another token than `stale`, which the platform refused, or the same if it insists on it."""
        return (await self._agree(stale)).text

    async def _agree(self, stale: str) -> _Held:
        """Take the token that somebody fetched while we waited, else fetch one."""
        async with self._host.alone(_FACT):
            for known in (self._held, _read(await self._host.recall(_FACT))):
                if (usable := self._usable(known)) and usable.text != stale:
                    self._held = usable
                    return usable
            fetched = await self._fetch()
            renew_at = self._clock.now() + timedelta(seconds=fetched.expires_in_s) - _RENEW_BEFORE
            self._held = _Held(fetched.text, renew_at)
            await self._host.keep(_FACT, json.dumps({"text": fetched.text, "renew_at": renew_at.isoformat()}))
            return self._held

    def _usable(self, held: _Held | None) -> _Held | None:
        return held if held and self._clock.now() < held.renew_at else None


def _read(fact: str) -> _Held | None:
    if not fact:
        return None
    kept = json.loads(fact)
    return _Held(kept["text"], datetime.fromisoformat(kept["renew_at"]))
