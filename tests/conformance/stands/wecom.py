"""微信客服 of WeCom, against its twin."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import BaseRoute

from bot.clock import SystemClock
from bot.connector import Connector
from bot.messages import Chat, ChatKind, Purpose
from connectors.twin.wechat_cipher import encrypt, sign, to_xml
from connectors.twin.wecom import WeComTwin
from connectors.wecom.groups import GroupsConnector
from connectors.wecom.kf import KfConnector
from tests.conformance.stand import Can, Forgery, Ground, Shop, Shown, Trouble

CORP_ID, KFID, LI, STAFF = "ww1234567890", "wkQinghe", "wmLi", "ai"
APP_SECRET, KF_SECRET, TOKEN = "secret-of-the-app", "secret-of-the-kf", "token-of-the-hook"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
ERRCODES = {Trouble.PAUSE: 45009, Trouble.WINDOW: 95001}


_MUTE = "a mass message is one text, to groups that say nothing to a bot"


class Company:
    """The twin with one customer, one member of the staff and one customer group."""

    def __init__(self, ground: Ground) -> None:
        self.clock, self._http = SystemClock(), ground.http
        self.twin = WeComTwin(
            CORP_ID, 1000002, APP_SECRET, TOKEN, AES_KEY, f"{ground.base}/kf/shop/callback", [(LI, "李雷")],
            [(STAFF, "爱")], [("wrOne", "一群", STAFF)], self.clock, kf_secret=KF_SECRET, open_kfid=KFID,
        )  # fmt: skip
        self.api_base = f"{ground.line.base}/twin/wecom"

    async def does(self, action: str, **body: Any) -> None:
        answer = await self._http.post(f"/twin/wecom/control/{action}", json=body)
        assert answer.status_code == 200, answer.text

    async def sees(self, what: str, **query: str) -> Any:
        return (await self._http.get(f"/twin/wecom/control/{what}", params=query)).json()


class KfStand:
    """One account of 微信客服 and one customer."""

    lacks: ClassVar[Mapping[Can, str]] = {
        Can.LEAVE: "nobody follows a customer service account",
        Can.WORDS: "its callback is only a hint, the words are fetched",
        Can.BLOCK: "that a message was not delivered is told only later",
    }
    long_text_characters: ClassVar[int] = 1_800
    purpose: ClassVar[Purpose] = Purpose.REPLY
    sample = b"<xml><MsgType>event</MsgType><Event>kf_msg_or_event</Event><Token>t</Token><OpenKfId>wk</OpenKfId></xml>"

    def __init__(self, ground: Ground) -> None:
        self.chat, self.line = Chat("kf:shop", LI), ground.line
        self.secrets = (KF_SECRET, TOKEN, AES_KEY)
        self._ground, self._company = ground, Company(ground)
        self.shop = Shop(self._make)

    def routes(self) -> Sequence[BaseRoute]:
        return self._company.twin.routes

    def _make(self) -> Connector:
        return KfConnector(
            "kf:shop",
            CORP_ID,
            KF_SECRET,
            KFID,
            TOKEN,
            AES_KEY,
            self._company.clock,
            self._company.api_base,
            look_s=0.02,
        )

    async def say(self, text: str) -> None:
        await self._company.does("say", user=LI, text=text)

    async def tap(self, label: str) -> None:
        for line in reversed(await self._lines()):
            for choice in line["choices"]:
                if choice["text"] == label:
                    await self._company.does("tap", user=LI, menu_id=choice["id"])
                    return
        raise LookupError(label)

    async def follow(self) -> None:
        await self._company.does("enter", user=LI, scene="shop", scene_param="shoes")

    async def leave(self) -> None:
        raise NotImplementedError

    async def picture(self) -> None:
        await self._company.does("image", user=LI)

    async def unknown(self) -> None:
        assert await self.push(to_xml({"MsgType": "event", "Event": "hologram", "Beam": "1"}).encode()) == 200

    async def again(self) -> None:
        await self._company.does("resend")

    async def hold_back(self) -> None:
        await self._company.does("hold")

    async def let_go(self) -> None:
        await self._company.does("release", order="backwards")

    async def push(self, body: bytes) -> int:
        return await self._post(body, TOKEN)

    async def forge(self, how: Forgery) -> int:
        body = to_xml({"MsgType": "event", "Event": "kf_msg_or_event", "Token": "t", "OpenKfId": KFID}).encode()
        if how is Forgery.SIGNATURE:
            return await self._post(body, "guessed")
        return await self._post(body, TOKEN, age_s=3600)

    async def shown(self) -> Sequence[Shown]:
        return [
            Shown(line["text"], tuple(choice["text"] for choice in line["choices"]), line["type"] == "image")
            for line in await self._lines()
            if line["from"] == "account"
        ]

    async def make_trouble(self, trouble: Trouble) -> None:
        await self._company.does("fault", errcode=ERRCODES[trouble], api="kf/send_msg")

    async def close(self) -> None: ...

    async def _lines(self) -> list[dict[str, Any]]:
        return list((await self._company.sees("messages", user=LI))["messages"])

    async def _post(self, body: bytes, token: str, age_s: int = 0) -> int:
        stamp = str(int(self._company.clock.now().timestamp()) - age_s)
        sealed = encrypt(AES_KEY, CORP_ID, body.decode("utf-8", "replace"), secrets.token_bytes(16))
        query = {"timestamp": stamp, "nonce": "7", "msg_signature": sign(token, stamp, "7", sealed)}
        content = to_xml({"ToUserName": CORP_ID, "Encrypt": sealed}).encode()
        return (await self._ground.http.post("/kf/shop/callback", params=query, content=content)).status_code


class GroupsStand:
    """The customer groups of one member of the staff, who confirms at once."""

    lacks: ClassVar[Mapping[Can, str]] = {
        **{can: _MUTE for can in Can if can not in {Can.CARRY, Can.API, Can.PAUSE}},
        Can.PICTURES_OUT: "its twin does not show what is attached to a text",
    }
    long_text_characters: ClassVar[int] = 0
    purpose: ClassVar[Purpose] = Purpose.SERVICE
    sample = b""

    def __init__(self, ground: Ground) -> None:
        self.chat, self.line = Chat("wecom:shop", f"owner:{STAFF}", ChatKind.GROUP), ground.line
        self.secrets = (APP_SECRET,)
        self._company = Company(ground)
        self.shop = Shop(self._make)

    def routes(self) -> Sequence[BaseRoute]:
        return self._company.twin.routes

    def _make(self) -> Connector:
        return GroupsConnector(
            "wecom:shop", CORP_ID, APP_SECRET, self._company.clock, self._company.api_base, look_s=0.05
        )

    async def say(self, text: str) -> None:
        raise NotImplementedError

    tap = say

    async def follow(self) -> None:
        raise NotImplementedError

    leave = picture = unknown = again = hold_back = let_go = follow

    async def push(self, body: bytes) -> int:
        raise NotImplementedError

    async def forge(self, how: Forgery) -> int:
        raise NotImplementedError

    async def shown(self) -> Sequence[Shown]:
        for task in (await self._company.sees("tasks"))["tasks"]:
            if not task["staff"][STAFF]["sent"]:
                await self._company.does("confirm", task=task["id"], staff=STAFF)
        groups = (await self._company.sees("groups"))["groups"]
        return [Shown(line["text"], picture=bool(line["media_id"])) for line in groups[0]["messages"]]

    async def make_trouble(self, trouble: Trouble) -> None:
        await self._company.does("fault", errcode=45009, api="externalcontact/add_msg_template")

    async def close(self) -> None: ...
