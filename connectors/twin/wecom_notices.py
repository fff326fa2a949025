"""WeCom's ways to the shop's own people: the group robot (消息推送) and messages of the app (发送应用消息)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.routing import Route

from connectors.twin.wecom_answers import Call, Refused
from connectors.twin.wecom_content import words
from connectors.twin.wecom_gate import Gate
from connectors.twin.wecom_people import Content, Line, People

ROBOT_COUNT, ROBOT_SPAN = 20, timedelta(minutes=1)
ROBOT_BYTES = {"text": 2048, "markdown": 4096}
_ROBOT_KINDS = ("text", "markdown", "image", "news", "file", "template_card")
_APP_KINDS = ("text", "markdown", "textcard", "image", "news")
_APP_BYTES = 2048


@dataclass(slots=True)
class Robot:
    """One robot in a group of staff; its key opens it, no token is needed."""

    lines: list[Line] = field(default_factory=list)
    sent: list[datetime] = field(default_factory=list)


@dataclass(slots=True)
class Notices:
    """Attributes: robots by their key."""

    agent_id: int
    people: People
    robots: dict[str, Robot]

    def routes(self, gate: Gate) -> list[Route]:
        return [
            gate.route("message/send", self._send),
            gate.route("webhook/send", self._robot_says, by=frozenset()),
        ]

    def _send(self, call: Call) -> dict[str, Any]:
        if call.body.get("agentid") != self.agent_id:
            raise Refused(40056)
        content = _content(call, _APP_KINDS, {"text": _APP_BYTES, "markdown": _APP_BYTES})
        asked = call.text("touser").split("|")
        found = [one for one in self.people.staff.values() if one.id in asked or asked == ["@all"]]
        if not found:
            raise Refused(81013)
        msgid = secrets.token_urlsafe(24)
        for member in found:
            member.lines.append(Line("account", content, call.now, msgid))
        unknown = [one for one in asked if one != "@all" and one not in self.people.staff]
        return {"invaliduser": "|".join(unknown), "msgid": msgid}

    def _robot_says(self, call: Call) -> dict[str, Any]:
        robot = self.robots.get(call.query.get("key", ""))
        if robot is None:
            raise Refused(93000)
        content = _content(call, _ROBOT_KINDS, ROBOT_BYTES)
        robot.sent = [at for at in robot.sent if call.now < at + ROBOT_SPAN]
        if len(robot.sent) >= ROBOT_COUNT:
            raise Refused(45009)
        robot.sent.append(call.now)
        robot.lines.append(Line("account", content, call.now))
        return {}


def _content(call: Call, kinds: tuple[str, ...], max_bytes: dict[str, int]) -> Content:
    kind = call.text("msgtype")
    if kind not in kinds:
        raise Refused(40008, kind)
    part = call.body.get(kind)
    if not isinstance(part, dict):
        raise Refused(40058, f"missing {kind}")
    return Content(kind, words(part.get("content"), max_bytes[kind]) if kind in max_bytes else kind)
