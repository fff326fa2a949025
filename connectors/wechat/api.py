"""Calls WeChat's API from asyncio: a token first, then the call in a thread; draws the consequences of a refusal."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import requests
import structlog
from wechatpy.exceptions import WeChatClientException  # type: ignore[import-untyped]

from bot.clock import Clock
from bot.connector import Host
from bot.errors import ZhangguiError
from bot.messages import Receipt, SendStatus
from connectors.wechat.account import Account, Service
from connectors.wechat.answers import PLATFORM_FAULTS, Then, meaning_of, receipt_for, until_midnight_s
from connectors.wechat.client import THREADS, BoundClient, Token
from connectors.wechat.switches import Switches
from connectors.wechat.tokens import STALE_TOKEN, TokenKeeper

log = structlog.get_logger()

_ALERTS = {
    Then.SWITCH_OFF: "WeChat does not let {channel} use {service} ({reason}). Look at the account's rights on "
    "mp.weixin.qq.com. It is tried again after a day.",
    Then.STOP: "WeChat refuses the credentials of {channel} ({reason}). Compare app id, secret and IP white list with "
    "the account's page. It is tried again every five minutes.",
    Then.ALERT: "WeChat refuses every access token of {channel} ({reason}). Look whether another program uses the "
    "account's secret.",
}


class NotTaken(ZhangguiError):
    """WeChat did not take a call. Look up the code in connectors/wechat/README.md.

    Attributes:
        receipt: what it means for a message, if the call carried one.
    """

    code = "wechat_not_taken"

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(f"WeChat did not take a call: {receipt.reason}. See connectors/wechat/README.md, Trouble.")
        self.receipt = receipt


class Api:
    """The API of one account, for one process. Every call raises `NotTaken` if the platform refuses it."""

    def __init__(self, account: Account, client: BoundClient, host: Host, switches: Switches, clock: Clock) -> None:
        self._account = account
        self._client = client
        self._host = host
        self._switches = switches
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=account.channel)
        self._tokens = TokenKeeper(self._fetch_token, host, clock)

    async def get(self, service: Service, path: str, **query: str) -> Any:
        """Return the answer: a dict, or the raw response where it is no JSON."""
        return await self._guarded(service, "get", path, params=query)

    async def post(self, service: Service, path: str, data: dict[str, Any]) -> Any:
        """Post `data` as JSON."""
        return await self._guarded(service, "post", path, data=data)

    async def upload(self, name: str, body: bytes, mime: str) -> Any:
        """Upload a picture as temporary media (WeChat: 新增临时素材 / Temporary Media)."""
        files = {"media": (name, body, mime)}
        return await self._guarded(Service.MEDIA, "post", "media/upload", params={"type": "image"}, files=files)

    async def download(self, url: str) -> requests.Response:
        """Return the file at `url`, which the platform named in an answer.

        Raises:
            OSError: it could not be fetched.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._client.download, url)

    async def close(self) -> None:
        """Wait for the calls under way and end the threads."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _guarded(self, service: Service, method: str, path: str, **content: Any) -> Any:
        if wait_s := self._switches.stopped_s:
            reason = "the credentials were refused a moment ago"
            raise NotTaken(Receipt(SendStatus.TRANSIENT, reason=reason, retry_after_s=wait_s))
        if self._switches.is_paused(service):
            raise NotTaken(Receipt(SendStatus.NOT_ALLOWED, reason="the day's quota is gone"))
        try:
            return await self._with_token(method, path, **content)
        except PLATFORM_FAULTS as fault:
            receipt = receipt_for(fault)
            log.warning("wechat_not_taken", channel=self._account.channel, path=path, reason=receipt.reason)
            await self._conclude(service, meaning_of(fault).then, receipt)
            raise NotTaken(receipt) from fault

    async def _conclude(self, service: Service, then: Then, receipt: Receipt) -> None:
        if then is Then.PAUSE:
            self._switches.pause(service, until_midnight_s(self._clock.now()))
        if then is Then.STOP:
            self._switches.stop(receipt.retry_after_s)
        if then is Then.SWITCH_OFF:
            await self._switches.switch_off(service, self._host)
        if then in _ALERTS:
            text = _ALERTS[then].format(channel=self._account.channel, service=service, reason=receipt.reason)
            key = f"{then}:{service}" if then is Then.SWITCH_OFF else str(then)
            await self._host.alert(key, text)

    async def _with_token(self, method: str, path: str, **content: Any) -> Any:
        token = await self._tokens.current()
        try:
            return await self._in_thread(token, method, path, **content)
        except WeChatClientException as fault:
            if fault.errcode not in STALE_TOKEN:
                raise
        return await self._in_thread(await self._tokens.renew(token), method, path, **content)

    async def _in_thread(
        self, token: str, method: str, path: str, params: dict[str, str] | None = None, **content: Any
    ) -> Any:
        query = {**(params or {}), "access_token": token}
        call = partial(getattr(self._client, method), path, params=query, **content)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def _fetch_token(self) -> Token:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._client.stable_token)
