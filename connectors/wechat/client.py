"""wechatpy's client with the things it lacks: time-outs everywhere, another host, no token of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from wechatpy.client import WeChatClient  # type: ignore[import-untyped]
from wechatpy.exceptions import APILimitedException, WeChatClientException  # type: ignore[import-untyped]

from bot.errors import SettingsError, ZhangguiError

OFFICIAL_BASE = "https://api.weixin.qq.com"
THREADS = 4
TIMEOUT_S = 5.0


class TokenUnavailable(ZhangguiError):
    """WeChat gave no access token. Look at the network and at the account's app id, secret and IP white list."""

    code = "wechat_token"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as the platform gave it."""

    text: str
    expires_in_s: int


class BoundClient(WeChatClient):  # type: ignore[misc]
    """A WeChat client that several threads may share. Every call names its token: `params={"access_token": …}`."""

    def __init__(self, app_id: str, app_secret: str, api_base: str) -> None:
        # wechatpy's own `auto_retry` recurses without end while the platform refuses the token.
        super().__init__(app_id, app_secret, timeout=TIMEOUT_S, auto_retry=False)
        self._http.trust_env = False
        base = checked_base(api_base)
        adapter = _OtherHost(base) if base != OFFICIAL_BASE else HTTPAdapter(pool_maxsize=THREADS)
        self._http.mount("https://", adapter)
        self._http.mount("http://", adapter)

    def stable_token(self) -> Token:
        """Ask for the stable token, which is the same for every process that asks (WeChat: getStableAccessToken).

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
        text = answer.get("access_token") if isinstance(answer, Mapping) else None
        expires_in_s = answer.get("expires_in") if isinstance(answer, Mapping) else None
        if not isinstance(text, str) or not text or not isinstance(expires_in_s, int):
            raise TokenUnavailable
        return Token(text, expires_in_s)

    def download(self, url: str) -> requests.Response:
        """Return the file at `url`, an address that the platform gave for a video. It lies on another host.

        Raises:
            requests.RequestException: it could not be fetched.
        """
        with requests.Session() as http:
            http.trust_env = False
            response = http.get(url, timeout=self.timeout)
        response.raise_for_status()
        return response

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
