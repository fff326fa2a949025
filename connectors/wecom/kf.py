"""The connector of 微信客服, WeCom's customer service inside WeChat: `kf/sync_msg` in, `kf/send_msg` out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from starlette.routing import BaseRoute

from bot.clock import Clock
from bot.connector import Host
from bot.errors import SettingsError
from bot.messages import WINDOW, ChatKind, File, Limits, Outbound, Receipt, Road, SendStatus
from connectors.rights import Rights
from connectors.wecom.answers import WRONG_STATE, NoAnswer, RefusedCall, receipt_for
from connectors.wecom.api import OFFICIAL_BASE, Corp, NotStarted
from connectors.wecom.callback import Callback
from connectors.wecom.puller import Puller
from connectors.wecom.rights import rights_of
from connectors.wecom.seal import Seal
from connectors.wecom.wire import Welcome, bodies, message_id

log = structlog.get_logger()

RIGHTS = Path(__file__).with_name("rights.toml")
LINK_SCENE = "zhanggui"

_CLOSED, _STAFF = 4, frozenset({2, 3})
"""WeCom: 微信客服 分配客服会话 / Session States: closed; in the waiting pool or with a member of the staff."""

_PAYLOAD = re.compile(r"[A-Za-z0-9_.~-]+")
_OFF_FOR = timedelta(hours=1)
_MEDIA_LIFE = timedelta(days=3) - timedelta(hours=1)
_MAX_REMEMBERED = 1000


class KfConnector:
    """Speaks WeCom for one account of 微信客服."""

    limits = Limits(counts_windows=True, takes_key=True)

    def __init__(
        self,
        channel: str,
        corp_id: str,
        secret: str,
        open_kfid: str,
        token: str,
        aes_key: str,
        clock: Clock,
        api_base: str = OFFICIAL_BASE,
        look_s: float = 1.0,
    ) -> None:
        """Check the settings; nothing is called yet.

        Args:
            channel: `kf:{name}`; the name is part of the callback's address.
            secret: of the app that may call the account's API.
            token, aes_key: of the app's "receive messages" page.
            api_base: another server in place of the official one: https, or http on this machine.
            look_s: how often to look whether another process received a hint.

        Raises:
            SettingsError: an id or secret is empty, the key has a wrong length, or the address is not safe.
        """
        platform, _, name = channel.partition(":")
        if platform != "kf" or not name or "/" in name:
            raise SettingsError(f"WeCom: the channel must be called kf:NAME, not {channel!r}.")
        if not open_kfid:
            raise SettingsError("WeCom: open_kfid must not be empty. `kf/account/list` and the admin console show it.")
        self.channel = channel
        self._open_kfid = open_kfid
        self._clock = clock
        seal = Seal(corp_id, token, aes_key)
        self._callback = Callback(channel, f"/kf/{name}/callback", seal, clock, self._take)
        self._corp = Corp(channel, corp_id, secret, api_base, clock)
        self._puller = Puller(channel, open_kfid, self._corp, lambda: self._rights, clock, self._welcomed, look_s)
        self._host: Host | None = None
        self._welcomes: dict[str, Welcome] = {}
        self._pictures: dict[str, tuple[str, datetime]] = {}
        self._off_until: datetime | None = None

    def routes(self) -> Sequence[BaseRoute]:
        """Return `GET` and `POST /kf/{name}/callback`."""
        return self._callback.routes()

    @property
    def _rights(self) -> Rights:
        return rights_of(RIGHTS, self._clock.now().date())

    async def start(self, host: Host) -> None:
        self._host = host
        self._corp.start(host)

    async def hold(self) -> None:
        """Pull what customers say, for ever."""
        if self._host is not None:
            await self._puller.run(self._host)

    async def stop(self) -> None:
        self._host = None
        await self._corp.stop()

    async def fetch(self, ref: str) -> File | None:
        """Return a customer's file; WeCom has it for three days."""
        return await self._corp.download(ref)

    async def link(self, payload: str) -> str:
        """Return an address that opens the chat; the customer's first event has `payload`.

        WeCom: 获取客服账号链接 / add_contact_way.

        Raises:
            ValueError: `payload` is longer than 128 characters or has others than letters, digits and `_.~-`.
            RefusedCall, NoAnswer: WeCom gave no address.
        """
        if not _PAYLOAD.fullmatch(payload) or len(payload) > self._rights.limits["link_payload_bytes"]:
            raise ValueError("a payload has 1 to 128 letters, digits and _.~- only")
        answer = await self._corp.call("kf/add_contact_way", {"open_kfid": self._open_kfid, "scene": LINK_SCENE})
        url = str(answer.get("url", ""))
        return f"{url}{'&' if '?' in url else '?'}scene_param={payload}"

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return `passive`, the answer to a customer who just opened the chat, and `window`."""
        if message.chat.kind is not ChatKind.PRIVATE or (self._off_until and self._clock.now() < self._off_until):
            return []
        parts = len(bodies(message, self._rights.limits))
        window = Road("window", cost=max(1, parts + (message.picture is not None)), needs=WINDOW)
        passive = self._welcome(message.chat.id) and parts == 1 and message.picture is None
        return [Road("passive"), window] if passive else [window]

    async def send(self, message: Outbound) -> Receipt:
        """Send `message` in one or several parts, each under an id of its own that WeCom takes only once."""
        try:
            receipt = await self._send(message)
        except RefusedCall as fault:
            receipt = await self._refusal(fault, message)
        except NoAnswer as fault:
            receipt = receipt_for(fault)
        if receipt.status is not SendStatus.SENT:
            log.warning("kf_send_failed", channel=self.channel, status=receipt.status, reason=receipt.reason)
        return receipt

    async def _send(self, message: Outbound) -> Receipt:
        sent_as = message_id(message.id)
        parts = bodies(message, self._rights.limits)
        if not parts and message.picture is None:
            return Receipt(SendStatus.REFUSED, reason="nothing to send")
        if message.road == "passive":
            return await self._send_welcome(message.chat.id, sent_as, parts[0])
        if message.picture is not None:
            if len(message.picture.body) > self._rights.limits["picture_bytes"]:
                return Receipt(SendStatus.REFUSED, reason="the picture is larger than 10 MB")
            parts = [{"msgtype": "image", "image": {"media_id": await self._upload(message.picture)}}, *parts]
        for number, part in enumerate(parts):
            head = {"touser": message.chat.id, "open_kfid": self._open_kfid, "msgid": f"{sent_as}_{number}"}
            await self._once("kf/send_msg", head | part)
        return Receipt(SendStatus.SENT, platform_id=sent_as)

    async def _send_welcome(self, user: str, sent_as: str, part: dict[str, Any]) -> Receipt:
        """Answer with the welcome code; if it is worth no more, the sender is to ask for the roads again."""
        welcome = self._welcome(user)
        if welcome is None:
            return Receipt(SendStatus.TRANSIENT, reason="the welcome code has ended")
        del self._welcomes[user]
        try:
            await self._once("kf/send_msg_on_event", {"code": welcome.code, "msgid": f"{sent_as}_0"} | part)
        except RefusedCall as fault:
            return Receipt(SendStatus.TRANSIENT, reason=f"wecom {fault.errcode}: the welcome code was not taken")
        return Receipt(SendStatus.SENT, platform_id=sent_as)

    async def _once(self, api: str, body: dict[str, Any]) -> None:
        """Call `api`; an id that WeCom has seen is a message that it has sent."""
        try:
            await self._corp.call(api, body)
        except RefusedCall as fault:
            if not fault.repeated:
                raise

    async def _upload(self, picture: File) -> str:
        now = self._clock.now()
        key = hashlib.sha256(picture.body).hexdigest()
        media_id, ends = self._pictures.get(key, ("", now))
        if now >= ends:
            media_id = await self._corp.upload(picture)
            self._pictures[key] = (media_id, now + _MEDIA_LIFE)
            _forget_oldest(self._pictures)
        return media_id

    async def _refusal(self, fault: RefusedCall, message: Outbound) -> Receipt:
        if fault.errcode == WRONG_STATE:
            return await self._wrong_state(message.chat.id)
        await self._corp.tell(fault)
        receipt = receipt_for(fault)
        if receipt.status is SendStatus.NOT_ALLOWED:
            self._off_until = self._clock.now() + _OFF_FOR
        return receipt

    async def _wrong_state(self, user: str) -> Receipt:
        """Ask who has the chat: in WeCom only the bot's own and new chats may be answered by the API."""
        try:
            answer = await self._corp.call(
                "kf/service_state/get", {"open_kfid": self._open_kfid, "external_userid": user}
            )
        except (RefusedCall, NoAnswer):
            return Receipt(SendStatus.TRANSIENT, reason=f"wecom {WRONG_STATE}")
        state = answer.get("service_state")
        if state == _CLOSED:
            return Receipt(SendStatus.WINDOW_CLOSED, reason="the chat is closed in WeCom")
        if state not in _STAFF:
            return Receipt(SendStatus.TRANSIENT, reason=f"wecom {WRONG_STATE}, state {state}")
        staff = answer.get("servicer_userid") or "the waiting pool"
        if self._host is not None:
            await self._host.alert(
                f"kf-staff-{self.channel}-{user}",
                f"{self.channel}: {staff} has the chat of {user} in WeCom. Answer it there; from here nobody can.",
            )
        return Receipt(SendStatus.REFUSED, reason=f"the chat is with {staff} in WeCom, state {state}")

    def _welcomed(self, welcome: Welcome) -> None:
        self._welcomes[welcome.user] = welcome
        _forget_oldest(self._welcomes)

    def _welcome(self, user: str) -> Welcome | None:
        """Return the welcome code of `user` if it still holds (WeCom: 发送欢迎语等事件响应消息 / send_msg_on_event)."""
        welcome = self._welcomes.get(user)
        lasts = timedelta(seconds=self._rights.limits["welcome_s"])
        return welcome if welcome and self._clock.now() < welcome.at + lasts else None

    async def _take(self, fields: Mapping[str, str]) -> None:
        """Take the hint that there is something to pull."""
        if fields.get("Event") != "kf_msg_or_event" or fields.get("OpenKfId", self._open_kfid) != self._open_kfid:
            return
        if self._host is None:
            raise NotStarted
        await self._puller.hint(self._host, fields.get("Token", ""))


def _forget_oldest(remembered: dict[str, Any]) -> None:
    while len(remembered) > _MAX_REMEMBERED:
        remembered.pop(next(iter(remembered)))
