"""wechatpy's client with the things it lacks: a stable token under a lock, one bounded retry, another host."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from wechatpy.client import WeChatClient  # type: ignore[import-untyped]
from wechatpy.exceptions import APILimitedException, WeChatClientException  # type: ignore[import-untyped]

from bot.clock import Clock
from bot.errors import SettingsError, ZhangguiError

OFFICIAL_BASE = "https://api.weixin.qq.com"
THREADS = 4
TIMEOUT_S = 5.0

STALE_TOKEN = frozenset({40001, 40014, 42001})
"""WeChat: 全局返回码 / Return Codes: wrong, unacceptable and expired access token."""

# WeChat hands out the next token from 300 s before the end on; asking a little later never gets the old one again.
_RENEW_BEFORE = timedelta(seconds=240)


class TokenUnavailable(ZhangguiError):
    """WeChat gave no access token. Look at the network and at the account's app id, secret and IP white list."""

    code = "wechat_token"


class StableTokenClient(WeChatClient):  # type: ignore[misc]
    """A WeChat client that several threads may share.

    It asks for `stable_token`, which other processes may ask for too without killing ours, and repeats a call at
    most once when the platform says that the token is wrong (wechatpy's own `auto_retry` recurses without end).
    """

    def __init__(self, app_id: str, app_secret: str, api_base: str, clock: Clock) -> None:
        super().__init__(app_id, app_secret, timeout=TIMEOUT_S, auto_retry=False)
        self._clock = clock
        self._lock = threading.Lock()
        self._held = ""
        self._renew_at: datetime | None = None
        self._http.trust_env = False
        base = checked_base(api_base)
        adapter = _OtherHost(base) if base != OFFICIAL_BASE else HTTPAdapter(pool_maxsize=THREADS)
        self._http.mount("https://", adapter)
        self._http.mount("http://", adapter)

    @property
    def access_token(self) -> str:
        """Return a token that is valid now, fetching one if need be. May block for the time-out."""
        with self._lock:
            if self._renew_at is None or self._clock.now() >= self._renew_at:
                self.fetch_access_token()
            return self._held

    def renew(self, stale: str) -> None:
        """Fetch a token unless another thread has already replaced `stale`."""
        with self._lock:
            if self._held == stale:
                self.fetch_access_token()

    def fetch_access_token(self) -> None:
        """Ask WeChat for the stable token (WeChat: getStableAccessToken). Call it with the lock held.

        Raises:
            WeChatClientException: the platform answered with an error code.
            TokenUnavailable: there was no answer, or none that can be read.
        """
        wanted = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        try:
            response = self._http.post(f"{self.API_BASE_URL}stable_token", json=wanted, timeout=self.timeout)
            response.raise_for_status()
            answer: Any = response.json()
        except requests.RequestException as fault:
            # The exception's text may carry the address with its secrets: name its kind only.
            raise TokenUnavailable(f"WeChat gave no access token: {type(fault).__name__}") from None
        if isinstance(answer, dict) and answer.get("errcode"):
            limited = answer["errcode"] == 45009
            kind = APILimitedException if limited else WeChatClientException
            raise kind(answer["errcode"], answer.get("errmsg"), self, response.request, response)
        self._keep(answer)

    def _keep(self, answer: Any) -> None:
        token = answer.get("access_token") if isinstance(answer, Mapping) else None
        expires_in_s = answer.get("expires_in") if isinstance(answer, Mapping) else None
        if not isinstance(token, str) or not token or not isinstance(expires_in_s, int):
            raise TokenUnavailable
        self._held = token
        self._renew_at = self._clock.now() + timedelta(seconds=expires_in_s) - _RENEW_BEFORE

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        params = kwargs.pop("params", {})
        token = self.access_token
        try:
            return super()._request(method, url_or_endpoint, params={**params, "access_token": token}, **kwargs)
        except WeChatClientException as fault:
            if fault.errcode not in STALE_TOKEN:
                raise
        self.renew(token)
        params = {**params, "access_token": self.access_token}
        return super()._request(method, url_or_endpoint, params=params, **kwargs)

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()


class _OtherHost(HTTPAdapter):
    """Sends every request to another host: wechatpy has absolute addresses in many places."""

    def __init__(self, base: str) -> None:
        super().__init__(pool_maxsize=THREADS)
        self._base = urlsplit(base)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        asked = urlsplit(request.url or "")
        path = self._base.path + str(asked.path)
        request.url = urlunsplit((self._base.scheme, self._base.netloc, path, str(asked.query), ""))
        return super().send(request, *args, **kwargs)


def checked_base(api_base: str) -> str:
    """Return `api_base` without its trailing slash.

    Raises:
        SettingsError: it is not https and not on this machine, so the account's secret would travel in the clear.
    """
    parts = urlsplit(api_base)
    local = parts.hostname == "localhost" or _is_loopback(parts.hostname or "")
    if not parts.hostname or parts.query or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise SettingsError("WeChat: api_base must be an https address, or http on this machine.")
    return api_base.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
