"""Pulls `kf/sync_msg` page by page. The cursor moves only when a page is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.connector import Host
from bot.errors import BadCallback
from connectors.refusals import refuse
from connectors.rights import Rights
from connectors.wecom.answers import RefusedCall, reason_of
from connectors.wecom.api import Corp
from connectors.wecom.wire import Said, Welcome, said

log = structlog.get_logger()

NET = timedelta(seconds=60)
"""How often to pull without any hint: one may be lost, and calls without its token are throttled."""

MAX_WAIT_S = 30.0
BAD_HINT = 95007


class Puller:
    """Reads what customers of one account say.

    WeCom's callback only hints that there is something; any process may receive it, the one that holds the channel
    pulls (WeCom: 微信客服 接收消息和事件 / Receiving Messages).
    """

    def __init__(
        self,
        channel: str,
        open_kfid: str,
        corp: Corp,
        rights: Callable[[], Rights],
        clock: Clock,
        welcomed: Callable[[Welcome], None],
        look_s: float,
    ) -> None:
        self._channel = channel
        self._open_kfid = open_kfid
        self._corp = corp
        self._rights = rights
        self._clock = clock
        self._welcomed = welcomed
        self._look_s = look_s
        self._woken = asyncio.Event()

    async def hint(self, host: Host, token: str) -> None:
        """Keep a hint for whichever process holds the channel, and wake this one."""
        await host.keep("hint", f"{self._clock.now().isoformat()} {token}")
        self._woken.set()

    async def run(self, host: Host) -> None:
        """Pull on every hint and once in a while, for ever; what fails is tried again, more and more slowly."""
        pulled, pulled_at, wait_s = "", None, self._look_s
        while True:
            self._woken.clear()
            try:
                hint = await host.recall("hint")
                if hint != pulled or pulled_at is None or self._clock.now() >= pulled_at + NET:
                    await self._pull(host, self._token_of(hint))
                    pulled, pulled_at = hint, self._clock.now()
                wait_s = self._look_s
            except Exception as fault:  # noqa: BLE001 - the page was not stored: it is pulled again
                wait_s = min(MAX_WAIT_S, 2 * wait_s)
                log.warning("kf_pull_failed", channel=self._channel, reason=reason_of(fault))
            await self._wait(wait_s)

    async def _wait(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            return

    def _token_of(self, hint: str) -> str:
        """Return the token of `hint` while it is good."""
        at, _, token = hint.partition(" ")
        lasts = timedelta(seconds=self._rights().limits["hint_s"])
        return token if at and self._clock.now() < datetime.fromisoformat(at) + lasts else ""

    async def _pull(self, host: Host, token: str) -> None:
        """Store page after page until there is no more."""
        more = True
        while more:
            cursor = await host.recall("cursor")
            page = await self._page(cursor, token)
            await self._store(host, page.get("msg_list"))
            next_cursor = page.get("next_cursor")
            if not isinstance(next_cursor, str) or not next_cursor or next_cursor == cursor:
                return
            await host.keep("cursor", next_cursor)
            more = bool(page.get("has_more"))  # a page may be short, or empty, and not the last

    async def _page(self, cursor: str, token: str) -> dict[str, Any]:
        wanted = {"cursor": cursor, "open_kfid": self._open_kfid, "limit": self._rights().limits["page"]}
        try:
            return await self._corp.call("kf/sync_msg", wanted | {"token": token} if token else wanted)
        except RefusedCall as fault:
            await self._corp.tell(fault)
            if fault.errcode != BAD_HINT or not token:
                raise
        return await self._corp.call("kf/sync_msg", wanted)

    async def _store(self, host: Host, items: object) -> None:
        found = [self._said(item) for item in items] if isinstance(items, list) else []
        for item in found:
            if item.welcome:
                self._welcomed(item.welcome)
        if inbounds := [item.inbound for item in found if item.inbound]:
            await host.receive(inbounds)
        if reports := [item.report for item in found if item.report]:
            await host.report(reports)

    def _said(self, item: object) -> Said:
        try:
            if not isinstance(item, dict):
                raise BadCallback
            return said(self._channel, self._open_kfid, item, self._rights().grants)
        except BadCallback:
            refuse(self._channel, "form")
            return Said()
