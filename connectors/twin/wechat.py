"""A stand-in for WeChat's official-account and mini-program platform: its API, its pushes, and a chat by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.clock import Clock
from connectors.twin.wechat_account import Account
from connectors.twin.wechat_api import Api
from connectors.twin.wechat_control import Control
from connectors.twin.wechat_follower import Follower
from connectors.twin.wechat_kinds import ALLOWED, CALLS_PER_MINUTE, calls_per_day
from connectors.twin.wechat_pusher import Pusher
from connectors.twin.wechat_quotas import Quotas

STATIC = Path(__file__).parent / "static"
ANSWER_LIMIT_S = 5.0

_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}


class WeChatTwin:
    """One account with its users, in memory.

    Attributes:
        routes: everything under `root`, to be put into a Starlette app.
        pusher: its `callback_url` and `answer_limit_s` may be changed.
        fetches: how many access tokens were asked for.
    """

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        token: str,
        aes_key: str,
        account_name: str,
        users: Sequence[tuple[str, str]],
        callback_url: str,
        clock: Clock,
        kind: str = "verified_service",
        root: str = "/wechat",
        answer_limit_s: float = ANSWER_LIMIT_S,
    ) -> None:
        """Set the account up.

        Args:
            aes_key: EncodingAESKey, 43 characters; empty for a test account, which sends plain text.
            users: openid and name; they follow it already but have opened no window.
            kind: `verified_service`, `verified_subscription`, `unverified`, `test` or `miniprogram`.
            answer_limit_s: how long a push waits for its answer.

        Raises:
            ValueError: there is no such kind.
        """
        if kind not in ALLOWED:
            raise ValueError(f"kind is one of {', '.join(ALLOWED)}, not {kind!r}")
        followers = {openid: Follower(openid, name) for openid, name in users}
        quotas = Quotas(calls_per_day(kind), CALLS_PER_MINUTE)
        self._account = Account(app_id, app_secret, token, aes_key, account_name, kind, clock, followers, quotas)
        self.pusher = Pusher(self._account, callback_url, answer_limit_s)
        self.routes: list[BaseRoute] = [Mount(root, routes=self._all_routes())]

    @property
    def fetches(self) -> int:
        return self._account.tokens.fetches

    def _all_routes(self) -> list[BaseRoute]:
        """Return the API, the control interface and the panel."""
        return [
            Mount("/cgi-bin", routes=Api(self._account, self.pusher).routes()),
            Mount("/control", routes=Control(self._account, self.pusher).routes()),
            Route("/file/{media_id}", self._file),
            Route("/panel", self._panel),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    async def _file(self, request: Request) -> Response:
        stored = self._account.files.get(request.path_params["media_id"])
        if stored is None:
            return Response(status_code=404)
        return Response(stored.body, media_type=stored.mime, headers=_SECURITY)

    async def _panel(self, request: Request) -> Response:
        return FileResponse(STATIC / "wechat.html", headers=_SECURITY)
