"""Sends one message on the road that the gate chose."""

from __future__ import annotations

from typing import Any

from bot.clock import Clock
from bot.connector import Host
from bot.messages import File, Outbound, Receipt, SendStatus
from connectors.rights import Rights
from connectors.wechat.account import Account, Service
from connectors.wechat.api import Api, NotTaken
from connectors.wechat.files import DEAD_MEDIA, Files
from connectors.wechat.notices import values
from connectors.wechat.passive import OpenCallbacks, Outcome, Reply
from connectors.wechat.roads import Roads
from connectors.wechat.texts import parts

_PASSIVE = {
    Outcome.WRITTEN: Receipt(SendStatus.SENT),
    Outcome.ENDED: Receipt(SendStatus.NOT_ALLOWED, reason="the callback had ended"),
    Outcome.UNSURE: Receipt(SendStatus.UNSURE, reason="the callback broke off"),
}


class Sender:
    """Sends for one account in one process."""

    def __init__(
        self,
        account: Account,
        api: Api,
        files: Files,
        host: Host,
        callbacks: OpenCallbacks,
        roads: Roads,
        clock: Clock,
    ) -> None:
        self._account = account
        self._api = api
        self._files = files
        self._host = host
        self._callbacks = callbacks
        self._roads = roads
        self._clock = clock

    async def send(self, message: Outbound) -> Receipt:
        """Send `message` on its road."""
        try:
            if message.road == "passive":
                return await self._passively(message)
            if message.road == "window":
                return await self._by_window(message)
            if message.road in ("subscription", "template"):
                return await self._by_form(message)
        except NotTaken as fault:
            return fault.receipt
        return Receipt(SendStatus.REFUSED, reason=f"WeChat has no road {message.road!r}")

    async def _passively(self, message: Outbound) -> Receipt:
        pieces = self._parts(message)
        if len(pieces) != 1:
            return Receipt(SendStatus.REFUSED, reason="a passive reply is one text or one picture")
        piece = pieces[0]
        reply = Reply(piece) if isinstance(piece, str) else Reply(media_id=await self._files.media_id(piece))
        return _PASSIVE[await self._callbacks.answer(message.chat.id, reply)]

    async def _by_window(self, message: Outbound) -> Receipt:
        """Send the parts one after the other, beginning with the one that failed last time, whoever tried it."""
        pieces = self._parts(message)
        if not pieces:
            return Receipt(SendStatus.REFUSED, reason="nothing to send")
        fact = f"sent:{message.id}"
        done = int(await self._host.recall(fact) or 0) if len(pieces) > 1 else 0
        for index in range(done, len(pieces)):
            await self._send_part(message.chat.id, pieces[index])
            if index + 1 < len(pieces):
                await self._host.keep(fact, str(index + 1))
        if len(pieces) > 1:
            await self._host.keep(fact, "")
        return Receipt(SendStatus.SENT)

    async def _send_part(self, openid: str, part: File | str) -> None:
        if isinstance(part, str):
            await self._post(openid, "text", content=part)
            return
        try:
            await self._post(openid, "image", media_id=await self._files.media_id(part))
        except NotTaken as fault:
            if fault.receipt.reason == DEAD_MEDIA:
                await self._files.forget(part)
            raise

    async def _post(self, openid: str, kind: str, **content: str) -> None:
        """Send a customer-service message (WeChat: 发送客服消息 / Send Customer Service Message)."""
        data = {"touser": openid, "msgtype": kind, kind: content}
        await self._deliver(Service.MESSAGES, "message/custom/send", data)

    async def _by_form(self, message: Outbound) -> Receipt:
        """Send a notice by its template (WeChat: 模板消息 / Template Messages, 订阅通知 / Subscription Notices)."""
        form = self._roads.form_of(message)
        if form is None or message.notice is None:
            return Receipt(SendStatus.REFUSED, reason="no template says this notice")
        fields = values(form, message.notice, self._rights())
        data: dict[str, Any] = {"touser": message.chat.id, "template_id": form.template, "data": fields}
        if form.road == "template":
            data["client_msg_id"] = message.id  # the platform drops a repeated one
            answer = await self._deliver(Service.TEMPLATE, "message/template/send", data)
        else:
            answer = await self._deliver(Service.SUBSCRIPTION, "message/subscribe/bizsend", data)
        return Receipt(SendStatus.SENT, platform_id=str(answer.get("msgid", "")))

    async def _deliver(self, service: Service, path: str, data: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._api.post(service, path, data)
        except NotTaken as fault:
            if fault.receipt.status is SendStatus.SENT:  # the platform had this message already
                return {}
            raise
        if not isinstance(answer, dict) or answer.get("errcode") != 0:
            # Some box between answered 200 with a page of its own.
            raise NotTaken(Receipt(SendStatus.UNSURE, reason="answer is not WeChat's"))
        return answer

    def _parts(self, message: Outbound) -> list[File | str]:
        return parts(message, self._rights().limits["text_bytes"])

    def _rights(self) -> Rights:
        return self._account.rights(self._clock.now().date())
