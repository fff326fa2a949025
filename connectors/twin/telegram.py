"""A stand-in Telegram: the Bot API over HTTP, a control interface for tests, and a page to chat on. For development."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.clock import Clock
from connectors.twin.telegram_api import BotApi
from connectors.twin.telegram_control import Control
from connectors.twin.telegram_push import Push
from connectors.twin.telegram_views import Views
from connectors.twin.telegram_world import build_world

_STATIC = Path(__file__).parent / "static"
_FILES = {"telegram.js": "text/javascript", "telegram.css": "text/css"}


class TelegramTwin:
    """One bot with its users and groups.

    Args:
        token: what the bot must show, `123456:ABC`; its first part is the bot's id.
        bot_username: without `@`.
        users: id and name of each person; none has started the bot yet.
        groups: id (negative) and title of each group; the bot is in all of them.
        forums: groups with topics (-100…), of which the bot is an admin who manages topics.
        privacy: Telegram's privacy mode: in groups the bot gets commands, mentions and replies only.

    Attributes:
        routes: everything under `/telegram`, for a Starlette app. `Control` and `Views` list the control routes.
    """

    def __init__(
        self,
        token: str,
        bot_username: str,
        users: Sequence[tuple[int, str]],
        groups: Sequence[tuple[int, str]],
        clock: Clock,
        privacy: bool = True,
        forums: Sequence[tuple[int, str]] = (),
    ) -> None:
        world = build_world(token, bot_username, users, groups, clock, privacy, forums)
        self._push = Push(world)
        api = BotApi(token, world, self._push)
        self.routes: list[BaseRoute] = [
            Mount(
                "/telegram",
                routes=[
                    Route("/bot{token}/{method}", api.endpoint, methods=["GET", "POST"]),
                    Route("/file/bot{token}/{path:path}", api.download),
                    *Control(world, self._push, api).routes(),
                    *Views(world, api).routes(),
                    Route("/panel", _panel),
                    Route("/static/{name}", _static),
                ],
            )
        ]

    async def close(self) -> None:
        """Stop delivering updates; call it when the app ends."""
        await self._push.close()


async def _panel(request: Request) -> Response:
    return FileResponse(_STATIC / "telegram.html", media_type="text/html; charset=utf-8")


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        return Response("not found", 404)
    return FileResponse(_STATIC / name, media_type=f"{_FILES[name]}; charset=utf-8")
