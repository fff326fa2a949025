"""A stand-in for WeChat's official-account platform: its API, its pushes, and a chat to try them by hand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.clock import Clock
from connectors.twin.wechat_cipher import decrypt, encrypt, from_xml, sign, to_xml
from connectors.twin.wechat_rules import Follower, Tokens

STATIC = Path(__file__).parent / "static"
ANSWER_LIMIT_S = 5.0
DELIVERIES = 4  # the first and three retries
MAX_TEXT_BYTES = 2048
UNAVAILABLE = "该公众号提供的服务出现故障，请稍后再试"

_ERRORS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40125: "invalid appsecret",
    41001: "access_token missing",
    42001: "access_token expired",
    43004: "require subscribe",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45072: "invalid typing command",
    45080: "no message from the user in the last 30 seconds",
    47001: "data format error",
    48001: "api unauthorized",
}
_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}


class WeChatTwin:
    """One official account with its followers, in memory.

    Attributes:
        routes: everything under `/wechat`, to be put into a Starlette app.
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
    ) -> None:
        """Set the account up.

        Args:
            aes_key: EncodingAESKey, 43 characters; empty for a test account, which sends plain text.
            users: openid and name; they follow it already but have opened no window.
        """
        self._app_id, self._app_secret = app_id, app_secret
        self._token, self._aes_key = token, aes_key
        self._account_name = account_name
        self._users = {openid: Follower(openid, name) for openid, name in users}
        self._callback_url = callback_url
        self._clock = clock
        self._tokens = Tokens()
        self._faults: list[int] = []
        self._last_number = 0
        self.routes: list[BaseRoute] = [Mount("/wechat", routes=self._all_routes())]

    @property
    def fetches(self) -> int:
        return self._tokens.fetches

    def _all_routes(self) -> list[BaseRoute]:
        """Return the API, the control interface and the panel."""
        control = [
            Route("/say", self._say, methods=["POST"]),
            Route("/follow", self._follow, methods=["POST"]),
            Route("/unfollow", self._unfollow, methods=["POST"]),
            Route("/click", self._click, methods=["POST"]),
            Route("/resend", self._resend, methods=["POST"]),
            Route("/fault", self._fault, methods=["POST"]),
            Route("/messages", self._messages),
            Route("/users", self._list_users),
        ]
        return [
            Route("/cgi-bin/stable_token", self._stable_token, methods=["POST"]),
            Route("/cgi-bin/token", self._plain_token, methods=["GET"]),
            Route("/cgi-bin/message/custom/send", self._custom_send, methods=["POST"]),
            Route("/cgi-bin/message/custom/typing", self._typing, methods=["POST"]),
            Route("/cgi-bin/user/info", self._user_info, methods=["GET"]),
            Mount("/control", routes=control),
            Route("/panel", self._panel),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    # The API that the shop calls

    async def _stable_token(self, request: Request) -> Response:
        body = await _json(request)
        if body is None:
            return _error(47001)
        code = self._check_app(body.get("grant_type"), body.get("appid"), body.get("secret"))
        if code:
            return _error(code)
        token, left_s = self._tokens.stable(self._clock.now(), body.get("force_refresh") is True)
        return JSONResponse({"access_token": token, "expires_in": left_s})

    async def _plain_token(self, request: Request) -> Response:
        query = request.query_params
        code = self._check_app(query.get("grant_type"), query.get("appid"), query.get("secret"))
        if code:
            return _error(code)
        token, left_s = self._tokens.plain(self._clock.now())
        return JSONResponse({"access_token": token, "expires_in": left_s})

    def _check_app(self, grant_type: object, app_id: object, secret: object) -> int:
        if grant_type != "client_credential":
            return 40002
        if app_id != self._app_id:
            return 40013
        return 0 if secret == self._app_secret else 40125

    async def _custom_send(self, request: Request) -> Response:
        if self._faults:
            return _error(self._faults.pop(0))
        now = self._clock.now()
        body = await _json(request)
        code = self._tokens.check(request.query_params.get("access_token", ""), now)
        if code or body is None:
            return _error(code or 47001)
        user = self._users.get(str(body.get("touser")))
        text = body.get("text")
        content = text.get("content") if isinstance(text, dict) else None
        if user is None:
            return _error(40003)
        if body.get("msgtype") != "text":
            return _error(40008)
        if not isinstance(content, str) or not content:
            return _error(44004)
        if len(content.encode()) > MAX_TEXT_BYTES:
            return _error(45002)
        code = user.spend(now)
        if not code:
            user.typing_until = None
            user.add("account", content, now)
        return _error(code)

    async def _typing(self, request: Request) -> Response:
        now = self._clock.now()
        body = await _json(request)
        code = self._tokens.check(request.query_params.get("access_token", ""), now)
        if code or body is None:
            return _error(code or 47001)
        user = self._users.get(str(body.get("touser")))
        if user is None:
            return _error(40003)
        if body.get("command") not in ("Typing", "CancelTyping"):
            return _error(45072)
        if user.last_said is None or now - user.last_said > timedelta(seconds=30):
            return _error(45080)
        user.typing_until = now + timedelta(seconds=15) if body["command"] == "Typing" else None
        return _error(0)

    async def _user_info(self, request: Request) -> Response:
        code = self._tokens.check(request.query_params.get("access_token", ""), self._clock.now())
        user = self._users.get(request.query_params.get("openid", ""))
        if code or user is None:
            return _error(code or 40003)
        if not user.follows:
            return JSONResponse({"subscribe": 0, "openid": user.openid})
        return JSONResponse(
            {
                "subscribe": 1,
                "openid": user.openid,
                "language": "zh_CN",
                "nickname": "",
                "remark": "",
            }
        )

    # What a user does, for tests and for the panel

    async def _say(self, request: Request) -> Response:
        body, user = await self._acting(request)
        text = body.get("text")
        if user is None or not isinstance(text, str) or not text:
            return _wrong("user and text are needed")
        if not user.follows:
            return _wrong("does not follow the account", 409)
        user.said(self._clock.now())
        user.add("user", text, self._clock.now())
        return await self._push(user, {"MsgType": "text", "Content": text, "MsgId": self._number()})

    async def _follow(self, request: Request) -> Response:
        body, user = await self._acting(request)
        if user is None:
            return _wrong("user is needed")
        scene = body.get("scene")
        scanned_before = user.follows and isinstance(scene, str)
        user.follows = True
        user.acted(self._clock.now())
        if scanned_before:
            return await self._push(
                user,
                {
                    "MsgType": "event",
                    "Event": "SCAN",
                    "EventKey": str(scene),
                    "Ticket": "t",
                },
            )
        key = f"qrscene_{scene}" if isinstance(scene, str) else ""
        return await self._push(user, {"MsgType": "event", "Event": "subscribe", "EventKey": key})

    async def _unfollow(self, request: Request) -> Response:
        _, user = await self._acting(request)
        if user is None:
            return _wrong("user is needed")
        user.left()
        return await self._push(user, {"MsgType": "event", "Event": "unsubscribe", "EventKey": ""})

    async def _click(self, request: Request) -> Response:
        body, user = await self._acting(request)
        key = body.get("key")
        if user is None or not isinstance(key, str):
            return _wrong("user and key are needed")
        if not user.follows:
            return _wrong("does not follow the account", 409)
        user.acted(self._clock.now())
        return await self._push(user, {"MsgType": "event", "Event": "CLICK", "EventKey": key})

    async def _resend(self, request: Request) -> Response:
        _, user = await self._acting(request)
        if user is None or user.last_push is None:
            return _wrong("nothing was sent yet")
        return await self._deliver(user, user.last_push)

    async def _fault(self, request: Request) -> Response:
        body = await _json(request) or {}
        code, times = body.get("errcode"), body.get("times", 1)
        if not isinstance(code, int) or not isinstance(times, int) or not 0 <= times <= 1000:
            return _wrong("errcode and times are needed")
        self._faults = [code] * times
        return JSONResponse({"ok": True})

    async def _messages(self, request: Request) -> Response:
        user = self._users.get(request.query_params.get("user", ""))
        if user is None:
            return _wrong("unknown user", 404)
        lines = [{"id": n.id, "from": n.side, "text": n.text, "at": n.at.isoformat()} for n in user.lines]
        typing = user.typing_until is not None and self._clock.now() < user.typing_until
        return JSONResponse({"follows": user.follows, "typing": typing, "messages": lines})

    async def _list_users(self, request: Request) -> Response:
        users = [{"openid": user.openid, "name": user.name} for user in self._users.values()]
        return JSONResponse({"account": self._account_name, "users": users})

    async def _panel(self, request: Request) -> Response:
        return FileResponse(STATIC / "wechat.html", headers=_SECURITY)

    async def _acting(self, request: Request) -> tuple[dict[str, Any], Follower | None]:
        body = await _json(request) or {}
        return body, self._users.get(str(body.get("user")))

    # Pushing to the shop

    def _number(self) -> int:
        """Return the next message number: never used before, also not by a twin that ran earlier."""
        self._last_number = max(self._last_number + 1, int(self._clock.now().timestamp() * 1_000_000))
        return self._last_number

    async def _push(self, user: Follower, fields: dict[str, str | int]) -> Response:
        created = int(self._clock.now().timestamp())
        user.last_push = {
            "ToUserName": "gh_twin",
            "FromUserName": user.openid,
            "CreateTime": created,
            **fields,
        }
        return await self._deliver(user, user.last_push)

    async def _deliver(self, user: Follower, fields: dict[str, str | int]) -> Response:
        """Push until something answers within 5 s (WeChat: 接收普通消息 / Receiving Messages)."""
        for attempt in range(1, DELIVERIES + 1):
            answer = await self._post(user, fields)
            if answer is not None:
                fine = answer.status_code == 200 and self._reply(user, answer.text)
                if not fine and user.follows:
                    user.add("notice", UNAVAILABLE, self._clock.now())
                return JSONResponse(
                    {
                        "delivered": fine,
                        "attempts": attempt,
                        "status": answer.status_code,
                    }
                )
        if user.follows:
            user.add("notice", UNAVAILABLE, self._clock.now())
        return JSONResponse({"delivered": False, "attempts": DELIVERIES, "status": None})

    async def _post(self, user: Follower, fields: dict[str, str | int]) -> httpx.Response | None:
        timestamp, nonce = (
            str(int(self._clock.now().timestamp())),
            str(secrets.randbelow(10**10)),
        )
        query = {
            "signature": sign(self._token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": user.openid,
        }
        body = to_xml(fields)
        if self._aes_key:
            sealed = encrypt(self._aes_key, self._app_id, body, secrets.token_bytes(16))
            query |= {"encrypt_type": "aes", "msg_signature": sign(self._token, timestamp, nonce, sealed)}
            body = to_xml({"ToUserName": "gh_twin", "Encrypt": sealed})
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_LIMIT_S) as client:
            try:
                return await client.post(
                    self._callback_url,
                    params=query,
                    content=body.encode(),
                    headers={"Content-Type": "text/xml"},
                )
            except httpx.TransportError:
                return None

    def _reply(self, user: Follower, body: str) -> bool:
        """Take a passive reply; return whether it is one. It costs nothing from a window."""
        if body in ("", "success"):
            return True
        try:
            inner = from_xml(self._unsealed(body) if self._aes_key else body)
            if inner["MsgType"] != "text" or inner["ToUserName"] != user.openid:
                return False
            user.add("account", inner["Content"], self._clock.now())
        except (ValueError, KeyError):
            return False
        return True

    def _unsealed(self, body: str) -> str:
        """Return the text inside an encrypted reply.

        Raises:
            ValueError, KeyError: it is not one, or its signature is wrong.
        """
        outer = from_xml(body)
        if outer["MsgSignature"] != sign(self._token, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"]):
            raise ValueError("wrong signature")
        return decrypt(self._aes_key, self._app_id, outer["Encrypt"])


async def _json(request: Request) -> dict[str, Any] | None:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _error(code: int) -> Response:
    """Answer as WeChat does: status 200 and a code, 0 for success."""
    return JSONResponse({"errcode": code, "errmsg": "ok" if code == 0 else _ERRORS.get(code, "error")})


def _wrong(what: str, status: int = 400) -> Response:
    return JSONResponse({"error": what}, status)
