"""The hands of a test or of the panel: lets users act, makes things go wrong, and tells what was seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.twin.wechat_account import Account
from connectors.twin.wechat_acts import Act, Body, Impossible, acts_of
from connectors.twin.wechat_api import read_json
from connectors.twin.wechat_faults import DEFAULT_API, Fault
from connectors.twin.wechat_follower import Follower, Line
from connectors.twin.wechat_pusher import FORGERIES, Pusher

_Order = Callable[[Body], Awaitable[object]]


class Control:
    """Everything under `/control`. Answers 400 or 409 with `error` where something cannot be done."""

    def __init__(self, account: Account, pusher: Pusher) -> None:
        self._account, self._pusher = account, pusher

    def routes(self) -> list[BaseRoute]:
        orders: dict[str, _Order] = {
            "resend": self._resend,
            "hold": self._hold,
            "release": self._release,
            "forge": self._forge,
            "fault": self._fault,
            "slow": self._slow,
            "half": self._half,
            "html": self._html,
            "quota": self._quota,
            "block": self._block,
            "authorize": self._authorize,
            "advance": self._advance,
        }
        return [
            *(Route(f"/{name}", self._act(act), methods=["POST"]) for name, act in acts_of(self._account.kind).items()),
            *(Route(f"/{name}", _answering(order), methods=["POST"]) for name, order in orders.items()),
            Route("/messages", self._messages),
            Route("/users", self._list_users),
            Route("/refusals", self._refusals),
        ]

    def _act(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            base = str(request.url).split("/control/", maxsplit=1)[0]

            async def order(body: Body) -> object:
                user = self._user(body)
                return await self._pusher.push(user, act(self._account, user, body, base))

            return await _answering(order)(request)

        return answer

    def _user(self, body: Body) -> Follower:
        user = self._account.users.get(str(body.get("user")))
        if user is None:
            raise Impossible("user is needed", 400)
        return user

    # Pushes

    async def _resend(self, body: Body) -> object:
        user = self._user(body)
        if user.last_push is None:
            raise Impossible("nothing was sent yet", 400)
        return await self._pusher.again(user, user.last_push)

    async def _hold(self, body: Body) -> object:
        self._pusher.hold()
        return {"ok": True}

    async def _release(self, body: Body) -> object:
        """Deliver in the `order` given: a list of numbers from 0; without one, as it came."""
        order = body.get("order")
        if order is not None and not (isinstance(order, list) and all(isinstance(number, int) for number in order)):
            raise Impossible("order is a list of numbers", 400)
        try:
            return {"results": await self._pusher.release(order)}
        except IndexError as fault:
            raise Impossible("order names a push that is not held", 400) from fault

    async def _forge(self, body: Body) -> object:
        how = body.get("how")
        if how not in FORGERIES:
            raise Impossible(f"how is one of {', '.join(FORGERIES)}", 400)
        return await self._pusher.forge(self._user(body), how)

    # Faults and conditions

    async def _fault(self, body: Body) -> object:
        return self._plan(body, "errcode", _number(body, "errcode"))

    async def _slow(self, body: Body) -> object:
        return self._plan(body, "slow", _number(body, "seconds"))

    async def _half(self, body: Body) -> object:
        return self._plan(body, "half", 0)

    async def _html(self, body: Body) -> object:
        return self._plan(body, "html", _number(body, "status") if "status" in body else 200)

    def _plan(self, body: Body, how: str, value: float) -> object:
        times, api = body.get("times", 1), body.get("api", DEFAULT_API)
        if not isinstance(times, int) or not 0 <= times <= 1000 or not isinstance(api, str):
            raise Impossible("times is 0 to 1000, api a path after /cgi-bin/ or *", 400)
        self._account.faults.plan(Fault(how, value, api), times)
        return {"ok": True}

    async def _quota(self, body: Body) -> object:
        self._account.quotas.leave(str(body.get("api")), int(_number(body, "left")), self._account.clock.now())
        return {"ok": True}

    async def _block(self, body: Body) -> object:
        self._user(body).blocked = body.get("blocked", True) is True
        return {"ok": True}

    async def _authorize(self, body: Body) -> object:
        """Let the user allow one message on a web page; a scene that was allowed already does not add up."""
        self._user(body).authorised.add((str(body.get("template")), str(body.get("scene"))))
        return {"ok": True}

    async def _advance(self, body: Body) -> object:
        advance = getattr(self._account.clock, "advance", None)
        if advance is None:
            raise Impossible("this clock cannot be moved")
        advance(timedelta(seconds=_number(body, "seconds")))
        return {"ok": True}

    # What was seen

    async def _messages(self, request: Request) -> Response:
        user = self._account.users.get(request.query_params.get("user", ""))
        if user is None:
            return JSONResponse({"error": "unknown user"}, 404)
        typing = user.typing_until is not None and self._account.clock.now() < user.typing_until
        return JSONResponse(
            {
                "follows": user.follows,
                "typing": typing,
                "transferred": user.transferred,
                "menu": self._account.menu,
                "messages": [_line(line) for line in user.lines],
            }
        )

    async def _list_users(self, request: Request) -> Response:
        users = [{"openid": user.openid, "name": user.name} for user in self._account.users.values()]
        return JSONResponse({"account": self._account.name, "kind": self._account.kind, "users": users})

    async def _refusals(self, request: Request) -> Response:
        return JSONResponse({"refusals": self._account.refusals})


def _answering(order: _Order) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await order(await read_json(request) or {}))
        except Impossible as fault:
            return JSONResponse({"error": str(fault)}, fault.status)

    return answer


def _number(body: Body, name: str) -> float:
    number = body.get(name)
    if not isinstance(number, int | float):
        raise Impossible(f"{name} is needed, a number", 400)
    return number


def _line(line: Line) -> dict[str, object]:
    content = line.content
    return {
        **content.details,
        "id": line.id,
        "from": line.side,
        "kind": content.kind,
        "text": content.text,
        "at": line.at.isoformat(),
    }
