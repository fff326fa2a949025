"""The API of WeCom's customer service (微信客服), under `/cgi-bin/kf`."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.routing import Route

from connectors.twin.wecom_answers import Call, Refused
from connectors.twin.wecom_content import read_content
from connectors.twin.wecom_gate import Gate
from connectors.twin.wecom_kf import PAGE, Desk
from connectors.twin.wecom_media import MediaShelf
from connectors.twin.wecom_people import Customer

SCENE = re.compile(r"[0-9a-zA-Z_-]{0,32}")
SCENE_PARAM_BYTES = 128
_BATCH = 100


class KfApi:
    """Reads the calls and lets the desk decide."""

    def __init__(self, desk: Desk, media: MediaShelf) -> None:
        self._desk = desk
        self._media = media
        self._scenes: dict[str, str] = {}

    def routes(self, gate: Gate) -> list[Route]:
        handlers = {
            "sync_msg": self._sync,
            "send_msg": self._send,
            "send_msg_on_event": self._send_on_event,
            "service_state/get": self._state,
            "service_state/trans": self._transfer,
            "account/list": self._accounts,
            "add_contact_way": self._add_contact_way,
            "customer/batchget": self._customers,
        }
        by = frozenset({"app", "kf"})
        posts = [gate.route(f"kf/{api}", handler, by=by) for api, handler in handlers.items()]
        return [*posts, gate.route("kf/servicer/list", self._servicers, "GET", by)]

    def scene_of(self, url: str) -> tuple[str, str]:
        """Return the scene and the parameter of an entry link as the customer's WeChat reads them.

        Raises:
            Refused: 40058, the link is none of ours or its parameter is too long.
        """
        query = parse_qs(urlsplit(url).query)
        code, parameter = query.get("enc_scene", [""])[0], query.get("scene_param", [""])[0]
        if code not in self._scenes or len(parameter.encode()) > SCENE_PARAM_BYTES:
            raise Refused(40058, "url")
        return self._scenes[code], parameter

    def _sync(self, call: Call) -> dict[str, Any]:
        if call.body.get("open_kfid", self._desk.open_kfid) != self._desk.open_kfid:
            raise Refused(95000)
        limit = call.body.get("limit", PAGE)
        if not isinstance(limit, int) or limit < 1:
            raise Refused(40058, "limit")
        records, cursor, more = self._desk.sync(call.text("token"), call.text("cursor"), limit, call.now)
        return {"next_cursor": cursor, "has_more": int(more), "msg_list": [record.fields for record in records]}

    def _send(self, call: Call) -> dict[str, Any]:
        customer = self._customer(call, "touser")
        content = read_content(call.body, self._media, call.now)
        return {"msgid": self._desk.send(customer, content, call.text("msgid"), call.now)}

    def _send_on_event(self, call: Call) -> dict[str, Any]:
        if call.body.get("msgtype") not in ("text", "msgmenu"):
            raise Refused(40008)
        content = read_content(call.body, self._media, call.now)
        return {"msgid": self._desk.welcome(call.text("code"), content, call.text("msgid"), call.now)}

    def _state(self, call: Call) -> dict[str, Any]:
        session = self._desk.session(self._customer(call, "external_userid"))
        return {"service_state": session.now_in(call.now), "servicer_userid": session.servicer}

    def _transfer(self, call: Call) -> dict[str, Any]:
        customer = self._customer(call, "external_userid")
        state = call.body.get("service_state")
        if not isinstance(state, int):
            raise Refused(40058, "service_state")
        self._desk.transfer(customer, state, call.text("servicer_userid"), call.now)
        return {}

    def _accounts(self, call: Call) -> dict[str, Any]:
        return {"account_list": [{"open_kfid": self._desk.open_kfid, "name": self._desk.name, "avatar": ""}]}

    def _servicers(self, call: Call) -> dict[str, Any]:
        self._check_account(call.query.get("open_kfid", ""))
        staff = self._desk.people.staff.values()
        return {"servicer_list": [{"userid": one.id, "status": 0 if one.on_duty else 1} for one in staff]}

    def _add_contact_way(self, call: Call) -> dict[str, Any]:
        self._check_account(call.text("open_kfid"))
        scene = call.text("scene")
        if not SCENE.fullmatch(scene):
            raise Refused(40058, "scene")
        code = "ENC" + secrets.token_urlsafe(12)
        self._scenes[code] = scene
        return {"url": f"https://work.weixin.qq.com/kfid/{self._desk.open_kfid}?enc_scene={code}"}

    def _customers(self, call: Call) -> dict[str, Any]:
        asked = call.texts("external_userid_list")
        if not 1 <= len(asked) <= _BATCH:
            raise Refused(40058, "external_userid_list")
        known = self._desk.people.customers
        found = [known[one] for one in asked if one in known]
        profiles = [{"external_userid": one.id, "nickname": one.name, "avatar": "", "gender": 0} for one in found]
        return {"customer_list": profiles, "invalid_external_userid": [one for one in asked if one not in known]}

    def _customer(self, call: Call, name: str) -> Customer:
        self._check_account(call.text("open_kfid"))
        return self._desk.people.customer(call.text(name))

    def _check_account(self, open_kfid: str) -> None:
        if open_kfid != self._desk.open_kfid:
            raise Refused(95000)
