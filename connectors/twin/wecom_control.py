"""What customers and staff do in WeCom, and what goes wrong: for tests and for the panel."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.twin import json_in
from connectors.twin.wecom_answers import Refused, Upload
from connectors.twin.wecom_contacts import Contacts
from connectors.twin.wecom_gate import Gate, Trouble
from connectors.twin.wecom_kf import CLOSED, HUMAN, Desk
from connectors.twin.wecom_kf_api import SCENE, SCENE_PARAM_BYTES, KfApi
from connectors.twin.wecom_media import MediaShelf
from connectors.twin.wecom_people import Content, Customer, People
from connectors.twin.wecom_pushes import FORGERIES, Pushes
from connectors.twin.wecom_tasks import Tasks

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Body = dict[str, Any]
Action = Callable[[Body], Awaitable[object]]


class Control:
    """Turns `POST /control/…` with a JSON object into what happens."""

    def __init__(
        self,
        people: People,
        desk: Desk,
        kf: KfApi,
        contacts: Contacts,
        tasks: Tasks,
        media: MediaShelf,
        pushes: Pushes,
        gate: Gate,
    ) -> None:
        self._people, self._desk, self._kf, self._media = people, desk, kf, media
        self._contacts, self._tasks = contacts, tasks
        self._pushes, self._gate, self._clock = pushes, gate, gate.clock

    def routes(self) -> list[Route]:
        """Return one route for each thing that can be done."""
        actions: list[Action] = [
            *(self.say, self.image, self.enter, self.tap, self.staff_says, self.state, self.close, self.duty),
            *(self.confirm, self.decline, self.tag, self.add_contact, self.del_contact, self.join, self.leave),
            *(self.resend, self.hold, self.release, self.forge, self.verify, self.fail, self.advance),
            *(self.fault, self.slow, self.half, self.html, self.revoke, self.trust, self.page),
        ]
        return [Route(f"/{action.__name__}", _post(action), methods=["POST"]) for action in actions]

    # Customers and servicers in 微信客服

    async def say(self, body: Body) -> object:
        return await self._said(self._customer(body), Content("text", _text(body, "text")))

    async def image(self, body: Body) -> object:
        customer = self._customer(body)
        media_id = self._media.put("image", Upload("picture.png", "image/png", _PIXEL), self._clock.now())
        return await self._said(customer, Content("image", "", media_id=media_id))

    async def tap(self, body: Body) -> object:
        customer, menu_id = self._customer(body), _text(body, "menu_id")
        choices = [choice for line in customer.lines for choice in line.content.choices if choice[0] == menu_id]
        if not choices:
            raise ValueError("no menu with this entry was sent")
        return await self._said(customer, Content("text", choices[-1][1]), menu_id)

    async def enter(self, body: Body) -> object:
        """Open the chat by `url` (of add_contact_way), or with `scene` and `scene_param` as they are."""
        customer = self._customer(body)
        scene, parameter = str(body.get("scene", "")), str(body.get("scene_param", ""))
        if "url" in body:
            scene, parameter = self._kf.scene_of(_text(body, "url"))
        if not SCENE.fullmatch(scene) or len(parameter.encode()) > SCENE_PARAM_BYTES:
            raise ValueError("scene or scene_param is too long")
        self._desk.entered(customer, scene, parameter, self._clock.now())
        return await self._hint()

    async def staff_says(self, body: Body) -> object:
        self._desk.staff_said(self._customer(body), _text(body, "text"), self._clock.now())
        return await self._hint()

    async def state(self, body: Body) -> object:
        """Put a session into `state` (0–4), for 3 with `staff`, as staff or the admin console do."""
        state, staff = _whole(body, "state", CLOSED), str(body.get("staff", ""))
        if state == HUMAN:
            self._people.member(staff)
        self._desk.moved(self._customer(body), state, staff, self._clock.now())
        return await self._hint()

    async def close(self, body: Body) -> object:
        return await self.state({**body, "state": CLOSED})

    async def duty(self, body: Body) -> object:
        self._people.member(_text(body, "staff")).on_duty = body.get("on_duty") is True
        return {}

    async def fail(self, body: Body) -> object:
        """Fail the delivery of `msgid`, by default because the customer refuses messages (10)."""
        self._desk.failed(_text(body, "msgid"), int(body.get("fail_type", 10)), self._clock.now())
        return await self._hint()

    async def page(self, body: Body) -> object:
        self._desk.page = _whole(body, "size", 1000)
        return {}

    async def _said(self, customer: Customer, content: Content, menu_id: str = "") -> object:
        msgid = self._desk.said(customer, content, menu_id, self._clock.now())
        return {"msgid": msgid, **await self._hint()}

    async def _hint(self) -> dict[str, Any]:
        token = self._desk.hint(self._clock.now())
        return await self._pushes.push("kf_msg_or_event", Token=token, OpenKfId=self._desk.open_kfid)

    # Contacts, groups and tasks

    async def add_contact(self, body: Body) -> object:
        customer, staff = self._customer(body), self._staff(body)
        code = self._contacts.meet(customer, staff, self._clock.now())
        return await self._contact("add_external_contact", customer, staff, WelcomeCode=code, State=_state(body))

    async def del_contact(self, body: Body) -> object:
        customer, staff = self._customer(body), self._staff(body)
        customer.contacts = [one for one in customer.contacts if one != staff]
        return await self._contact("del_follow_user", customer, staff)

    async def _contact(self, change: str, customer: Customer, staff: str, **more: str) -> object:
        ids = {"ChangeType": change, "UserID": staff, "ExternalUserID": customer.id}
        return await self._pushes.push("change_external_contact", **ids, **more)

    async def tag(self, body: Body) -> object:
        self._customer(body).tags.add(_text(body, "tag"))
        return {}

    async def join(self, body: Body) -> object:
        customer = self._customer(body)
        if "way" in body:
            group = self._contacts.enter(customer, _text(body, "way"))
        else:
            group = self._people.group(_text(body, "group"))
            group.members.append(customer.id)
        more = {"JoinScene": 3, "MemChangeCnt": 1}
        return await self._chat_changed(group.id, "add_member", **more)

    async def leave(self, body: Body) -> object:
        customer, group = self._customer(body), self._people.group(_text(body, "group"))
        group.members = [one for one in group.members if one != customer.id]
        group.states.pop(customer.id, None)
        return await self._chat_changed(group.id, "del_member", QuitScene=0, MemChangeCnt=1)

    async def _chat_changed(self, chat_id: str, detail: str, **more: int) -> object:
        ids = {"ChatId": chat_id, "ChangeType": "update", "UpdateDetail": detail}
        return await self._pushes.push("change_external_chat", **ids, **more)

    async def confirm(self, body: Body) -> object:
        return {"results": self._tasks.confirm(_text(body, "task"), self._staff(body), self._clock.now())}

    async def decline(self, body: Body) -> object:
        self._tasks.decline(_text(body, "task"), self._staff(body))
        return {}

    # Pushes

    async def resend(self, body: Body) -> object:
        return await self._pushes.deliver(self._last())

    async def hold(self, body: Body) -> object:
        self._pushes.held = self._pushes.held or []
        return {}

    async def release(self, body: Body) -> object:
        """Send what was held back; `{"order": "backwards"}` turns it round."""
        return {"pushes": await self._pushes.release(body.get("order") == "backwards")}

    async def forge(self, body: Body) -> object:
        how = _text(body, "how")
        if how not in FORGERIES:
            raise ValueError(f"how is one of {', '.join(FORGERIES)}")
        return {"status": await self._pushes.forge(how, self._last())}

    async def verify(self, body: Body) -> object:
        return {"verified": await self._pushes.verify()}

    def _last(self) -> dict[str, str | int]:
        if self._pushes.last is None:
            raise ValueError("nothing was pushed yet")
        return self._pushes.last

    # Troubles of the API, and time

    async def fault(self, body: Body) -> object:
        return self._order("fault", body, errcode=int(body["errcode"]))

    async def slow(self, body: Body) -> object:
        return self._order("slow", body, seconds=float(body.get("seconds", 0)))

    async def half(self, body: Body) -> object:
        return self._order("half", body)

    async def html(self, body: Body) -> object:
        return self._order("html", body)

    def _order(self, kind: str, body: Body, errcode: int = 0, seconds: float = 0.0) -> object:
        """Replace the troubles ordered before; no times end them."""
        times = _whole({"times": 1, **body}, "times", 1000)
        trouble = Trouble(kind, times, str(body.get("api", "")), errcode, seconds)
        self._gate.troubles[:] = [trouble] if times else []
        return {}

    async def revoke(self, body: Body) -> object:
        self._gate.tokens.revoke()
        return {}

    async def trust(self, body: Body) -> object:
        self._gate.trusted = body.get("trusted") is True
        return {}

    async def advance(self, body: Body) -> object:
        advance = getattr(self._clock, "advance", None)
        if advance is None:
            raise ValueError("this clock cannot be moved")
        advance(timedelta(seconds=float(body["seconds"])))
        return {"now": self._clock.now().isoformat()}

    def _customer(self, body: Body) -> Customer:
        return self._people.customer(_text(body, "user"))

    def _staff(self, body: Body) -> str:
        """Return the member named in `staff`, the first one if there is none."""
        return self._people.member(str(body.get("staff") or next(iter(self._people.staff), ""))).id


def _post(action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = json_in.read(await request.body() or b"{}")
            result = await action(body if isinstance(body, dict) else {})
        except Refused as fault:
            return JSONResponse({"error": str(fault), "errcode": fault.errcode}, 409)
        except (ValueError, KeyError, TypeError) as fault:
            return JSONResponse({"error": str(fault)}, 400)
        return JSONResponse(result)

    return endpoint


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is needed")
    return value


def _whole(body: Body, name: str, most: int) -> int:
    value = body.get(name)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"{name} is a number from 0 to {most}")
    return value


def _state(body: Body) -> str:
    return str(body.get("state", ""))
