"""WeCom's customer contact (客户联系): contacts, their welcome, customer groups and the codes that lead into them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.routing import Route

from connectors.twin.wecom_answers import Call, Refused
from connectors.twin.wecom_content import words
from connectors.twin.wecom_gate import Gate
from connectors.twin.wecom_people import Content, Customer, Group, Line, People

CODE_LIFE = timedelta(seconds=20)
WELCOME_BYTES = 4000
STATE_CHARS = 30
WAY_CHATS = 5
ATTACHMENTS = 9
_PAGE = 1000


@dataclass(slots=True)
class WelcomeCode:
    """The right to greet a new contact once (发送新客户欢迎语)."""

    customer: Customer
    ends: datetime
    used: bool = False


@dataclass(slots=True)
class Contacts:
    """Who is whose contact, and the groups."""

    people: People
    _codes: dict[str, WelcomeCode] = field(default_factory=dict)
    _ways: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self, gate: Gate) -> list[Route]:
        handlers = {
            "send_welcome_msg": self._welcome,
            "groupchat/list": self._list_groups,
            "groupchat/get": self._group,
            "groupchat/add_join_way": self._add_join_way,
            "groupchat/update_join_way": self._update_join_way,
            "groupchat/get_join_way": self._join_way,
        }
        return [gate.route(f"externalcontact/{api}", handler) for api, handler in handlers.items()]

    def meet(self, customer: Customer, staff: str, now: datetime) -> str:
        """Make `customer` a contact of `staff` and return the code for the welcome."""
        if staff in customer.contacts:
            customer.contacts.remove(staff)
        customer.contacts.append(staff)
        code = secrets.token_urlsafe(24)
        self._codes[code] = WelcomeCode(customer, now + CODE_LIFE)
        return code

    def _welcome(self, call: Call) -> dict[str, Any]:
        code = self._codes.get(call.text("welcome_code"))
        if code is None or call.now >= code.ends:
            raise Refused(41050)
        if code.used:
            raise Refused(41051)
        content = read_template(call.body)
        code.used = True
        code.customer.lines.append(Line("staff", content, call.now))
        return {}

    def _list_groups(self, call: Call) -> dict[str, Any]:
        limit = call.body.get("limit")
        if not isinstance(limit, int) or not 1 <= limit <= _PAGE:
            raise Refused(40058, "limit")
        chosen = call.body.get("owner_filter", {})
        if not isinstance(chosen, dict):
            raise Refused(40058, "owner_filter")
        owners = chosen.get("userid_list", [])
        groups = [group for group in self.people.groups.values() if not owners or group.owner in owners]
        start = _place(call.text("cursor"))
        page = [{"chat_id": group.id, "status": 0} for group in groups[start : start + limit]]
        more = start + limit < len(groups)
        return {"group_chat_list": page, "next_cursor": str(start + limit) if more else ""}

    def _group(self, call: Call) -> dict[str, Any]:
        group = self.people.group(call.text("chat_id"))
        members: list[dict[str, object]] = [{"userid": group.owner, "type": 1}]
        members += [
            {"userid": one, "type": 2, "join_scene": 3, **({"state": group.states[one]} if one in group.states else {})}
            for one in group.members
        ]
        return {
            "group_chat": {
                "chat_id": group.id,
                "name": group.name,
                "owner": group.owner,
                "create_time": int(group.created.timestamp()),
                "member_list": members,
                "admin_list": [],
            }
        }

    def _add_join_way(self, call: Call) -> dict[str, Any]:
        config_id = secrets.token_hex(16)
        self._ways[config_id] = self._checked_way(config_id, call)
        return {"config_id": config_id}

    def _update_join_way(self, call: Call) -> dict[str, Any]:
        config_id = call.text("config_id")
        if config_id not in self._ways:
            raise Refused(40058, "config_id")
        self._ways[config_id] = self._checked_way(config_id, call)
        return {}

    def _checked_way(self, config_id: str, call: Call) -> dict[str, Any]:
        chat_ids, state = call.texts("chat_id_list"), call.text("state")
        if call.body.get("scene") not in (1, 2) or not 1 <= len(chat_ids) <= WAY_CHATS or len(state) > STATE_CHARS:
            raise Refused(40058)
        for chat_id in chat_ids:
            self.people.group(chat_id)
        return {"config_id": config_id, "chat_id_list": chat_ids, "state": state}

    def enter(self, customer: Customer, config_id: str) -> Group:
        """Let a customer scan a code: they are in its first group then. Raises ValueError for a code there is not."""
        if config_id not in self._ways:
            raise ValueError("there is no such code")
        way = self._ways[config_id]
        group = self.people.group(way["chat_id_list"][0])
        group.members.append(customer.id)
        group.states[customer.id] = way["state"]
        return group

    def _join_way(self, call: Call) -> dict[str, Any]:
        way = self._ways.get(call.text("config_id"))
        if way is None:
            raise Refused(40058, "config_id")
        return {"join_way": {**way, "qr_code": f"https://work.weixin.qq.com/gm/{way['config_id']}"}}


def read_template(body: dict[str, Any]) -> Content:
    """Return the text and the attachments of a welcome or a mass message, at least one of them.

    Raises:
        Refused: 40058 or 44004.
    """
    text, attachments = body.get("text", {}), body.get("attachments", [])
    if not isinstance(text, dict) or not isinstance(attachments, list):
        raise Refused(40058)
    if len(attachments) > ATTACHMENTS:
        raise Refused(40058, "attachments")
    kinds = [str(one.get("msgtype")) if isinstance(one, dict) else "" for one in attachments]
    if set(kinds) - {"image", "link", "miniprogram", "video", "file"}:
        raise Refused(40058, "attachments")
    if kinds and not text.get("content"):
        return Content("attachments", "", tuple((kind, "") for kind in kinds))
    return Content("text", words(text.get("content"), WELCOME_BYTES), tuple((kind, "") for kind in kinds))


def _place(cursor: str) -> int:
    if not cursor:
        return 0
    if not cursor.isdecimal():
        raise Refused(40058, "cursor")
    return int(cursor)
