"""The stand-in platforms as one web app, for this machine only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.twin.wechat import WeChatTwin

if TYPE_CHECKING:
    from connectors.twin.telegram import TelegramTwin
    from connectors.twin.wecom import WeComTwin


def build_twin(
    telegram: TelegramTwin | None,
    wechat: WeChatTwin | None,
    wecom: WeComTwin | None = None,
    miniprogram: WeChatTwin | None = None,
) -> Starlette:
    """Return an app with the Telegram twin under `/telegram`, WeChat's under `/wechat` and WeCom's under `/wecom`.

    `miniprogram` is a WeChat twin of that kind with a `root` of its own.

    Whoever can reach it can speak for every customer, so it answers loopback peers only, and no form or script of
    another web site; others get 403. Its lifespan stops the Telegram twin's deliveries; an outer app that mounts it
    has to run `telegram.close()` itself.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        if telegram is not None:
            await telegram.close()

    routes: list[BaseRoute] = []
    if telegram is not None:
        routes += telegram.routes
    if wechat is not None:
        routes += wechat.routes
    if miniprogram is not None:
        routes += miniprogram.routes
    if wecom is not None:
        routes += wecom.routes
    return Starlette(routes=routes, middleware=[Middleware(_LocalOnly)], lifespan=lifespan)


class _LocalOnly:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (not _is_loopback(scope.get("client")) or _is_foreign_post(scope)):
            await PlainTextResponse("this twin answers its own machine only", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign_post(scope: Scope) -> bool:
    return scope["method"] == "POST" and Headers(scope=scope).get("sec-fetch-site") == "cross-site"


def _is_loopback(peer: tuple[str, int] | None) -> bool:
    if peer is None:
        return False
    try:
        address = ip_address(peer[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback
