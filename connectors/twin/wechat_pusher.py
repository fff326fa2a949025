"""Pushes to the shop, signed and sealed, with the platform's patience (接收普通消息 / Receiving Messages)."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from connectors.twin.wechat_account import Account
from connectors.twin.wechat_cipher import Fields, encrypt, sign, to_xml
from connectors.twin.wechat_follower import Follower
from connectors.twin.wechat_replies import TRANSFER, read_reply

DELIVERIES = 4  # the first and three retries
UNAVAILABLE = "该公众号提供的服务出现故障，请稍后再试"
FORGERIES = ("signature", "stale", "app_id", "oversize", "plain")
_STALE_S = 600
_OVERSIZE = 100 * 1024
_TLS = ssl.create_default_context()  # once: building one takes longer than a push


@dataclass(frozen=True, slots=True)
class _Envelope:
    query: dict[str, str]
    body: str


class Pusher:
    """Delivers what users do to the shop's callback.

    Attributes:
        callback_url: where the shop listens.
        answer_limit_s: how long the platform waits for an answer.
    """

    def __init__(self, account: Account, callback_url: str, answer_limit_s: float) -> None:
        self.callback_url, self.answer_limit_s = callback_url, answer_limit_s
        self._account = account
        self._held: list[tuple[Follower, Fields]] | None = None

    async def push(self, user: Follower, fields: Fields) -> dict[str, object]:
        """Push one message or event and return how it went; while `hold` lasts it waits."""
        created = int(self._account.clock.now().timestamp())
        head: Fields = {"ToUserName": "gh_twin", "FromUserName": user.openid, "CreateTime": created}
        user.last_push = {**head, **fields}
        if self._held is not None:
            self._held.append((user, user.last_push))
            return {"held": len(self._held)}
        return await self._deliver(user, user.last_push)

    async def again(self, user: Follower, fields: Fields) -> dict[str, object]:
        """Push what was pushed before, unchanged."""
        return await self._deliver(user, fields)

    def hold(self) -> None:
        """Keep pushes back until `release`."""
        self._held = self._held or []

    async def release(self, order: Sequence[int] | None) -> list[dict[str, object]]:
        """Deliver what was held, by its numbers from 0, or as it came.

        Raises:
            IndexError: there is no such number.
        """
        held = self._held or []
        chosen = held if order is None else [held[number] for number in order]
        self._held = None
        return [await self._deliver(user, fields) for user, fields in chosen]

    async def forge(self, user: Follower, how: str) -> dict[str, object]:
        """Push one message that the shop has to refuse, see `FORGERIES`, and return what it answered."""
        now, content = int(self._account.clock.now().timestamp()), "伪造"
        fields: Fields = {
            "ToUserName": "gh_twin",
            "FromUserName": user.openid,
            "CreateTime": now,
            "MsgType": "text",
            "Content": content * _OVERSIZE if how == "oversize" else content,
            "MsgId": self._account.number(),
        }
        envelope = self._wrap(
            to_xml(fields),
            user,
            timestamp=now - _STALE_S if how == "stale" else now,
            token="guessed" if how == "signature" else self._account.token,
            app_id="wx0000000000000000" if how == "app_id" else self._account.app_id,
            aes_key="" if how == "plain" else self._account.aes_key,
        )
        answer = await self._post(envelope)
        return {"status": answer and answer.status_code, "text": answer and answer.text}

    async def _deliver(self, user: Follower, fields: Fields) -> dict[str, object]:
        """Push until something answers in time."""
        for attempt in range(1, DELIVERIES + 1):
            now = int(self._account.clock.now().timestamp())
            account = self._account
            answer = await self._post(
                self._wrap(to_xml(fields), user, now, account.token, account.app_id, account.aes_key)
            )
            if answer is not None:
                fine = answer.status_code == 200 and self._reply(user, fields, answer.text)
                self._notify(user, fine)
                return {"delivered": fine, "attempts": attempt, "status": answer.status_code}
        self._notify(user, fine=False)
        return {"delivered": False, "attempts": DELIVERIES, "status": None}

    def _reply(self, user: Follower, fields: Fields, body: str) -> bool:
        """Take a passive reply; return whether it is one. It costs nothing from a window."""
        try:
            content = read_reply(self._account, user, body)
        except ValueError as fault:
            self._account.refusals.append(
                {"api": "passive reply", "code": 0, "message": str(fault), "user": user.openid}
            )
            return False
        if content is None:
            return True
        if content.kind == TRANSFER:
            # WeChat: 转发客服消息 / Forward the message to customer service: messages only, never events
            user.transferred = fields["MsgType"] != "event"
            return user.transferred
        user.show("account", content, self._account.clock.now())
        return True

    def _notify(self, user: Follower, fine: bool) -> None:
        if not fine and user.follows:
            user.add("notice", UNAVAILABLE, self._account.clock.now())

    def _wrap(self, text: str, user: Follower, timestamp: int, token: str, app_id: str, aes_key: str) -> _Envelope:
        when, nonce = str(timestamp), str(secrets.randbelow(10**10))
        query = {"signature": sign(token, when, nonce), "timestamp": when, "nonce": nonce, "openid": user.openid}
        if not aes_key:
            return _Envelope(query, text)
        sealed = encrypt(aes_key, app_id, text, secrets.token_bytes(16))
        query |= {"encrypt_type": "aes", "msg_signature": sign(token, when, nonce, sealed)}
        return _Envelope(query, to_xml({"ToUserName": "gh_twin", "Encrypt": sealed}))

    async def _post(self, envelope: _Envelope) -> httpx.Response | None:
        async with httpx.AsyncClient(trust_env=False, timeout=self.answer_limit_s, verify=_TLS) as client:
            try:
                return await client.post(
                    self.callback_url,
                    params=envelope.query,
                    content=envelope.body.encode(),
                    headers={"Content-Type": "text/xml"},
                )
            except httpx.TransportError:
                return None
