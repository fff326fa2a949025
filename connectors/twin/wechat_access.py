"""Access tokens over HTTP (获取接口调用凭据 / Get Access Token), and the addresses WeChat pushes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.twin.wechat_account import Account, Call
from connectors.twin.wechat_errors import Refused


def plain_token(account: Account, call: Call) -> dict[str, object]:
    _check_app(account, call.query)
    token, left_s = account.tokens.plain(call.now)
    return {"access_token": token, "expires_in": left_s}


def stable_token(account: Account, call: Call) -> dict[str, object]:
    _check_app(account, call.body)
    token, left_s = account.tokens.stable(call.now, call.body.get("force_refresh") is True)
    return {"access_token": token, "expires_in": left_s}


def callback_addresses(account: Account, call: Call) -> dict[str, object]:
    return {"ip_list": ["127.0.0.1"]}


def _check_app(account: Account, given: Mapping[str, Any]) -> None:
    if given.get("grant_type") != "client_credential":
        raise Refused(40002)
    if given.get("appid") != account.app_id:
        raise Refused(40013)
    if given.get("secret") != account.app_secret:
        raise Refused(40125)
