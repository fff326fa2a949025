"""WeCom's callbacks: sealed, signed, three tries of 5 s each (回调配置); and wrong ones, for tests."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.clock import Clock
from connectors.twin.wechat_cipher import encrypt, sign, to_xml

ANSWER_LIMIT_S = 5.0
VERIFY_LIMIT_S = 1.0
DELIVERIES = 3
FORGERIES = ("signature", "stale", "corp", "oversize", "plain", "garbage")

Fields = dict[str, str | int]


@dataclass(slots=True)
class Pushes:
    """Pushes events to one callback address.

    Attributes:
        held: events that wait for `release`; None while nothing is held back.
    """

    corp_id: str
    agent_id: int
    token: str
    aes_key: str
    callback_url: str
    clock: Clock
    last: Fields | None = None
    held: list[Fields] | None = field(default=None)

    async def push(self, event: str, **fields: str | int) -> dict[str, Any]:
        """Send an event and tell how it went; every try has the same content."""
        whole: Fields = {
            "ToUserName": self.corp_id,
            "FromUserName": "sys",
            "CreateTime": int(self.clock.now().timestamp()),
            "MsgType": "event",
            "Event": event,
            **fields,
        }
        self.last = whole
        if self.held is not None:
            self.held.append(whole)
            return {"delivered": False, "attempts": 0, "status": None}
        return await self.deliver(whole)

    async def deliver(self, fields: Fields) -> dict[str, Any]:
        """Try until it is answered with 200."""
        status = None
        for attempt in range(1, DELIVERIES + 1):
            status = await self._post(*self._sealed(to_xml(fields)))
            if status == 200:
                return {"delivered": True, "attempts": attempt, "status": status}
        return {"delivered": False, "attempts": DELIVERIES, "status": status}

    async def release(self, backwards: bool) -> list[dict[str, Any]]:
        """Send what was held back, in its order or the other way round."""
        waiting, self.held = self.held or [], None
        return [await self.deliver(fields) for fields in (waiting[::-1] if backwards else waiting)]

    async def forge(self, how: str, fields: Fields) -> int | None:
        """Send an event as WeCom never does and return the status of the answer."""
        query, body = self._sealed(to_xml(fields), age_s=600 if how == "stale" else 0)
        if how == "signature":
            query["msg_signature"] = "0" * 40
        elif how == "corp":
            query, body = self._sealed(to_xml(fields), corp_id="wwsomebodyelse")
        elif how == "oversize":
            query, body = self._sealed(to_xml({**fields, "Filler": "x" * 2**20}))
        elif how == "plain":
            body = to_xml(fields)
        elif how == "garbage":
            body = "<xml><Encrypt"
        return await self._post(query, body)

    async def verify(self) -> bool:
        """Ask as WeCom does when the address is saved: the plain text has to come back within 1 s, nothing else."""
        plain = str(secrets.randbelow(10**16))
        query, _ = self._sealed(plain)
        query["echostr"] = encrypt(self.aes_key, self.corp_id, plain, secrets.token_bytes(16))
        query["msg_signature"] = sign(self.token, query["timestamp"], query["nonce"], query["echostr"])
        async with httpx.AsyncClient(trust_env=False, timeout=VERIFY_LIMIT_S) as client:
            try:
                answer = await client.get(self.callback_url, params=query)
            except httpx.HTTPError:
                return False
        return answer.status_code == 200 and answer.content == plain.encode()

    def _sealed(self, text: str, age_s: int = 0, corp_id: str = "") -> tuple[dict[str, str], str]:
        timestamp, nonce = str(int(self.clock.now().timestamp()) - age_s), str(secrets.randbelow(10**10))
        sealed = encrypt(self.aes_key, corp_id or self.corp_id, text, secrets.token_bytes(16))
        query = {
            "msg_signature": sign(self.token, timestamp, nonce, sealed),
            "timestamp": timestamp,
            "nonce": nonce,
        }
        return query, to_xml({"ToUserName": self.corp_id, "Encrypt": sealed, "AgentID": str(self.agent_id)})

    async def _post(self, query: dict[str, str], body: str) -> int | None:
        headers = {"Content-Type": "text/xml"}
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_LIMIT_S) as client:
            try:
                answer = await client.post(self.callback_url, params=query, content=body.encode(), headers=headers)
            except httpx.HTTPError:
                return None
        return answer.status_code
