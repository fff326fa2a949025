"""WeCom's API for one secret: the access token, one bounded repeat, and answers that can be trusted.

Plain httpx: wechatpy's client for WeCom knows no 微信客服, blocks a thread for each call, and repeats without end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.clock import Clock
from bot.connector import Host
from bot.errors import SettingsError
from bot.messages import File
from connectors.wecom.answers import ACCOUNT, STALE_TOKEN, NoAnswer, RefusedCall

OFFICIAL_BASE = "https://qyapi.weixin.qq.com"
TIMEOUT_S = 5.0
INVALID_MEDIA = 40007

# Long enough that a wrong secret makes no storm (WeCom blocks a secret that is asked too often).
_PAUSE = timedelta(seconds=60)


class NotStarted(NoAnswer):
    """The connector was not started."""

    def __init__(self) -> None:
        super().__init__("not started", arrived=False)


class Corp:
    """Calls WeCom with the token of one secret, which all processes of the channel share."""

    def __init__(self, channel: str, corp_id: str, secret: str, api_base: str, clock: Clock) -> None:
        """Check the settings; nothing is called yet.

        Raises:
            SettingsError: an id or secret is empty, or the address is not safe.
        """
        if not corp_id or not secret:
            raise SettingsError("WeCom: corp_id and secret must not be empty. Copy them from the admin console.")
        self._channel = channel
        self._corp_id = corp_id
        self._secret = secret
        self._clock = clock
        self._http = httpx.AsyncClient(base_url=checked_base(api_base), timeout=TIMEOUT_S, trust_env=False)
        self._host: Host | None = None
        self._token = ""
        self._token_ends = datetime.min.replace(tzinfo=UTC)
        self._refused: RefusedCall | None = None
        self._ask_again_at = self._token_ends

    def start(self, host: Host) -> None:
        self._host = host

    async def stop(self) -> None:
        await self._http.aclose()

    async def call(self, api: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post `body` to `api` (`kf/send_msg`) and return the answer.

        Raises:
            RefusedCall: WeCom answered with an error code.
            NoAnswer: there was no answer, or none that is WeCom's.
        """
        return answer_of(api, await self._authorized("POST", api, json=body))

    async def upload(self, picture: File) -> str:
        """Return the media id of a picture, good for three days (WeCom: 上传临时素材 / Upload Temporary Media).

        Raises:
            RefusedCall, NoAnswer: as `call`; a picture that did not arrive is never a message that may have.
        """
        name = picture.name or "picture"
        form = {"media": (name, picture.body, picture.mime)}
        try:
            response = await self._authorized("POST", "media/upload", params={"type": "image"}, files=form)
            media_id = answer_of("media/upload", response).get("media_id")
        except NoAnswer as fault:
            raise NoAnswer(fault.reason, arrived=False) from None
        if not isinstance(media_id, str):
            raise NoAnswer("answer", arrived=False)
        return media_id

    async def download(self, media_id: str) -> File | None:
        """Return a customer's file, None if WeCom has it no more (WeCom: 获取临时素材 / Get Temporary Media).

        Raises:
            OSError: it could not be had now.
        """
        try:
            response = await self._authorized("GET", "media/get", params={"media_id": media_id})
            if "content-disposition" not in response.headers:  # no file, but the reason why not
                answer_of("media/get", response)
        except RefusedCall as fault:
            if fault.errcode == INVALID_MEDIA:
                return None
            raise OSError(str(fault)) from fault
        except NoAnswer as fault:
            raise OSError(str(fault)) from fault
        if response.status_code != httpx.codes.OK:
            raise OSError(f"WeCom gave no file: http {response.status_code}")
        return File(response.content, response.headers.get("content-type", "application/octet-stream"))

    async def _authorized(self, method: str, api: str, params: Mapping[str, str] | None = None, **more: Any) -> Any:
        """Call with the token; with a new one, once, if WeCom says that it is stale."""
        token = await self._fresh_token(stale="")
        response = await self._request(method, api, {**(params or {}), "access_token": token}, **more)
        if _fields(response).get("errcode") not in STALE_TOKEN:
            return response
        token = await self._fresh_token(stale=token)
        return await self._request(method, api, {**(params or {}), "access_token": token}, **more)

    async def _fresh_token(self, stale: str) -> str:
        """Return a token that is valid now and is not `stale`."""
        if self._is_good(stale):
            return self._token
        if self._host is None:
            raise NotStarted
        async with self._host.alone("token"):
            if not self._is_good(stale):
                self._remember(await self._host.recall("token"))
            if not self._is_good(stale):
                await self._fetch_token(self._host)
            return self._token

    def _is_good(self, stale: str) -> bool:
        return self._token not in {"", stale} and self._clock.now() < self._token_ends

    def _remember(self, kept: str) -> None:
        token, _, ends = kept.partition(" ")
        if ends:
            self._token, self._token_ends = token, datetime.fromtimestamp(int(ends), UTC)

    async def _fetch_token(self, host: Host) -> None:
        """Ask for the token (WeCom: 获取access_token / Get Access Token) and keep it for every process.

        WeCom gives the same token until it has ended, so there is no use in asking before.
        """
        if self._refused and self._clock.now() < self._ask_again_at:
            raise self._refused
        wanted = {"corpid": self._corp_id, "corpsecret": self._secret}
        try:
            answer = answer_of("gettoken", await self._request("GET", "gettoken", wanted))
        except RefusedCall as fault:
            self._refused, self._ask_again_at = fault, self._clock.now() + _PAUSE
            await self.tell(fault)
            raise
        except NoAnswer as fault:
            raise NoAnswer("no access token", arrived=False) from fault
        token, lasts_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(lasts_s, int):
            raise NoAnswer("no access token", arrived=False)
        ends = int(self._clock.now().timestamp()) + lasts_s
        self._refused = None
        self._remember(f"{token} {ends}")
        await host.keep("token", f"{token} {ends}")

    async def tell(self, fault: RefusedCall) -> None:
        """Make a task for the shop's people if `fault` is theirs to mend."""
        if self._host is not None and fault.errcode in ACCOUNT:
            await self._host.alert(f"wecom-{self._channel}-{fault.errcode}", f"{self._channel}: {fault}")

    async def _request(self, method: str, api: str, params: Mapping[str, str], **more: Any) -> httpx.Response:
        return await request(self._http, method, f"/cgi-bin/{api}", params, **more)


async def request(
    http: httpx.AsyncClient, method: str, path: str, params: Mapping[str, str], **more: Any
) -> httpx.Response:
    """Send one request.

    Raises:
        NoAnswer: it was not answered. The exception's text never has the address, which holds secrets.
    """
    try:
        return await http.request(method, path, params=params, **more)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
        raise NoAnswer(type(fault).__name__, arrived=False) from None
    except httpx.HTTPError as fault:
        raise NoAnswer(type(fault).__name__, arrived=True) from None


def answer_of(api: str, response: httpx.Response) -> dict[str, Any]:
    """Return the fields of an answer.

    Raises:
        RefusedCall: it says why not.
        NoAnswer: it is not WeCom's: some box between answered with a page of its own, or it was cut.
    """
    if response.status_code != httpx.codes.OK:
        raise NoAnswer(f"http {response.status_code}", arrived=response.status_code >= 500)
    fields = _fields(response)
    errcode = fields.get("errcode")
    if not isinstance(errcode, int):
        raise NoAnswer("answer is not WeCom's", arrived=True)
    if errcode:
        raise RefusedCall(errcode, api, str(fields.get("errmsg", "")))
    return fields


def _fields(response: httpx.Response) -> dict[str, Any]:
    try:
        fields = response.json()
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def checked_base(api_base: str) -> str:
    """Return `api_base` without its trailing slash.

    Raises:
        SettingsError: it is not https and not on this machine, so the secret would travel in the clear.
    """
    parts = urlsplit(api_base)
    host = parts.hostname or ""
    safe = parts.scheme == "https" or (parts.scheme == "http" and (host == "localhost" or _is_loopback(host)))
    if not host or parts.query or not safe:
        raise SettingsError("WeCom: api_base must be an https address, or http on this machine.")
    return api_base.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
