"""What can be seen of WeCom from outside: for tests and for the panel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.twin.wecom_answers import Refused
from connectors.twin.wecom_gate import Gate
from connectors.twin.wecom_kf import Desk
from connectors.twin.wecom_notices import Notices
from connectors.twin.wecom_people import Line, People
from connectors.twin.wecom_tasks import Tasks


class Looks:
    """Answers `GET /control/…`."""

    def __init__(self, people: People, desk: Desk, tasks: Tasks, notices: Notices, gate: Gate) -> None:
        self._people, self._desk, self._tasks, self._notices = people, desk, tasks, notices
        self._gate, self._clock = gate, gate.clock

    def routes(self) -> list[Route]:
        looks = (self.messages, self.users, self.groups, self.tasks, self.robots, self.refusals)
        return [Route(f"/{look.__name__}", _get(look), methods=["GET"]) for look in looks]

    def messages(self, request: Request) -> object:
        customer = self._people.customer(request.query_params.get("user", ""))
        session = self._desk.session(customer)
        state = {"state": session.now_in(self._clock.now()), "servicer": session.servicer, "left": session.left}
        return {**state, "messages": _lines(customer.lines)}

    def users(self, request: Request) -> object:
        customers = [{"id": one.id, "name": one.name} for one in self._people.customers.values()]
        staff = [
            {"id": one.id, "name": one.name, "on_duty": one.on_duty, "messages": _lines(one.lines)}
            for one in self._people.staff.values()
        ]
        return {"account": self._desk.name, "users": customers, "staff": staff}

    def groups(self, request: Request) -> object:
        groups = self._people.groups.values()
        rows = [
            {"id": one.id, "name": one.name, "owner": one.owner, "members": one.members, "messages": _lines(one.lines)}
            for one in groups
        ]
        return {"groups": rows}

    def tasks(self, request: Request) -> object:
        rows = [
            {
                "id": task.id,
                "chat_type": task.chat_type,
                "text": task.content.text,
                "cancelled": task.cancelled,
                "reminders": len(task.reminders),
                "staff": {
                    staff: {"sent": share.sent_at is not None, "declined": share.declined, "results": share.results}
                    for staff, share in task.shares.items()
                },
            }
            for task in self._tasks.all.values()
        ]
        return {"tasks": rows}

    def robots(self, request: Request) -> object:
        return {"robots": {key: _lines(robot.lines) for key, robot in self._notices.robots.items()}}

    def refusals(self, request: Request) -> object:
        rows = [
            {"api": one.api, "errcode": one.errcode, "errmsg": one.errmsg, "at": one.at.isoformat()}
            for one in self._gate.refusals
        ]
        return {"refusals": rows}


def _get(look: Callable[[Request], object]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(look(request))
        except Refused as fault:
            return JSONResponse({"error": str(fault)}, 404)

    return endpoint


def _lines(lines: list[Line]) -> list[dict[str, object]]:
    return [
        {
            "id": number,
            "from": line.side,
            "type": line.content.kind,
            "text": line.content.text,
            "choices": [{"id": own_id, "text": text} for own_id, text in line.content.choices],
            "url": line.content.url,
            "media_id": line.content.media_id,
            "msgid": line.msgid,
            "at": line.at.isoformat(),
        }
        for number, line in enumerate(lines, 1)
    ]
