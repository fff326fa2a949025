"""The connector for WeChat official accounts and mini-programs: one callback in, several roads out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from wechatpy.messages import BaseMessage  # type: ignore[import-untyped]

from bot.clock import Clock
from bot.connector import Host
from bot.errors import BadCallback, SettingsError
from bot.messages import Event, File, Inbound, Limits, Outbound, Receipt, Report, Road, SendStatus
from connectors.body import TooLong, read_body
from connectors.refusals import refuse
from connectors.wechat.account import Account, Kind, Service
from connectors.wechat.api import Api, NotTaken
from connectors.wechat.client import OFFICIAL_BASE, BoundClient
from connectors.wechat.files import Files
from connectors.wechat.menus import MenuButton, from_wire, to_wire
from connectors.wechat.notices import reports_in
from connectors.wechat.passive import NO_ANSWER, OpenCallbacks, Reply
from connectors.wechat.roads import Roads
from connectors.wechat.seal import RefusedCallback, Seal
from connectors.wechat.sender import Sender
from connectors.wechat.switches import Switches
from connectors.wechat.wire import inbounds

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024

# WeChat: 接收普通消息 / Receiving Messages: only a callback without any answer for 5 s is delivered again.
SILENCE_S = 6.0
PASSIVE_WAIT_S = 1.0
ONLY_PASSIVE_WAIT_S = 4.5

_UNANSWERED = {Event.LEFT, Event.SUBSCRIBED}
_NOT_STARTED = Receipt(SendStatus.TRANSIENT, reason="not started")


@dataclass(frozen=True, slots=True)
class _Running:
    """What a started connector has."""

    host: Host
    api: Api
    files: Files
    sender: Sender


class WeChatConnector:
    """Speaks WeChat for one account: a verified or unverified one in safe mode, a test account, or a mini-program."""

    limits = Limits(counts_windows=True)

    def __init__(
        self,
        account: Account,
        app_secret: str,
        token: str,
        aes_key: str,
        clock: Clock,
        api_base: str = OFFICIAL_BASE,
    ) -> None:
        """Check the settings; nothing is called yet.

        Args:
            account: its channel is `wechat:{name}` or `miniprogram:{name}`; the name is part of the callback's address.
            aes_key: EncodingAESKey, 43 characters; empty for a test account, which alone takes unencrypted messages.
            api_base: another server in place of the official one: https, or http on this machine.

        Raises:
            SettingsError: a secret is empty, the key has a wrong length or is too much, or the address is not safe.
        """
        self._platform, _, self._name = account.channel.partition(":")
        wanted = "miniprogram" if account.kind is Kind.MINI_PROGRAM else "wechat"
        if self._platform != wanted or not self._name or "/" in self._name:
            raise SettingsError(f"WeChat: the channel must be called {wanted}:NAME, not {account.channel!r}.")
        if not app_secret:
            raise SettingsError("WeChat: app_secret must not be empty. Copy it from the account's settings page.")
        self.channel = account.channel
        self._account = account
        self._clock = clock
        self._seal = Seal(account.app_id, token, aes_key, test_account=account.kind is Kind.TEST)
        self._client = BoundClient(account.app_id, app_secret, api_base)
        self._switches = Switches(account, clock)
        self._callbacks = OpenCallbacks()
        self._roads = Roads(account, self._switches, self._callbacks, clock)
        self._running: _Running | None = None
        self._holds = False

    def routes(self) -> Sequence[BaseRoute]:
        """Return `GET` and `POST /wechat/{name}/callback`, or `/miniprogram/{name}/callback`."""
        path = f"/{self._platform}/{self._name}/callback"
        return [Route(path, self._verify, methods=["GET"]), Route(path, self._callback, methods=["POST"])]

    async def start(self, host: Host) -> None:
        """Begin to pass callbacks on. The address itself is entered by hand on the account's settings page."""
        if self._account.kind is Kind.TEST:
            log.warning("wechat_unencrypted", channel=self.channel, reason="a test account: only for trying it out")
        await self._switches.load(host)
        api = Api(self._account, self._client, host, self._switches, self._clock)
        files = Files(self._account, api, host, self._clock)
        sender = Sender(self._account, api, files, host, self._callbacks, self._roads, self._clock)
        self._running = _Running(host, api, files, sender)

    async def hold(self) -> None:
        """Offer passive replies while this process holds the channel: it is the one that sends."""
        if self._running:
            await self._switches.load(self._running.host)
        self._holds = True
        try:
            await asyncio.Event().wait()
        finally:
            self._holds = False

    async def stop(self) -> None:
        """Stop passing callbacks on, wait for sends under way, release connections."""
        running, self._running = self._running, None
        self._callbacks.close_all()
        if running:
            await running.api.close()
        self._client.close()

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return `passive`, `window`, `subscription` and `template`, as far as they are open for `message`."""
        return self._roads.of(message)

    async def send(self, message: Outbound) -> Receipt:
        """Send `message` as one or, if it is long or has a picture, several messages of the platform.

        A message that was cut and failed midway goes on with the piece that failed when it is sent again.
        """
        return await self._running.sender.send(message) if self._running else _NOT_STARTED

    async def fetch(self, ref: str) -> File | None:
        """Return the file that a customer sent, by its MediaId; WeChat keeps it for 3 days.

        Raises:
            OSError: it could not be fetched now.
        """
        if self._running is None:
            raise OSError("WeChat gave no file: the connector is not started")
        return await self._running.files.fetch(ref)

    async def link(self, payload: str) -> str:
        """Return an address to be shown as a QR code; who scans it comes with `payload` (WeChat: 生成带参数的二维码).

        Args:
            payload: 1 to 64 characters; never a secret that lasts. The code ends after 30 days.

        Raises:
            ValueError: the payload is empty or too long.
            NotTaken: WeChat gave no code.
        """
        limits = self._account.rights(self._clock.now().date()).limits
        if not 1 <= len(payload) <= limits["scene_chars"]:
            raise ValueError(f"WeChat: a payload has 1 to {limits['scene_chars']} characters, not {len(payload)}")
        scene = {"scene": {"scene_str": payload}}
        data = {"expire_seconds": limits["scene_s"], "action_name": "QR_STR_SCENE", "action_info": scene}
        answer = await self._started().post(Service.ACCOUNT, "qrcode/create", data)
        return str(answer["url"])

    async def publish_menu(self, tree: Sequence[MenuButton]) -> None:
        """Show `tree` below the chat in place of the menu before.

        Raises:
            SettingsError: it has too many buttons, one that does nothing, or one with a key of more than 64 bytes.
            NotTaken: WeChat refused it.
        """
        data = to_wire(tree, self._account.rights(self._clock.now().date()).limits)
        await self._started().post(Service.ACCOUNT, "menu/create", data)

    async def menu(self) -> tuple[MenuButton, ...]:
        """Return the menu that WeChat shows, empty if there is none.

        Raises:
            NotTaken: WeChat did not tell.
        """
        try:
            return from_wire(await self._started().get(Service.ACCOUNT, "menu/get"))
        except NotTaken as fault:
            if fault.receipt.reason == "wechat 46003":  # WeChat: 全局返回码 / Return Codes: there is no menu
                return ()
            raise

    async def delete_menu(self) -> None:
        """Take the menu away.

        Raises:
            NotTaken: WeChat refused it.
        """
        await self._started().get(Service.ACCOUNT, "menu/delete")

    def _started(self) -> Api:
        if self._running is None:
            raise NotTaken(_NOT_STARTED)
        return self._running.api

    async def _verify(self, request: Request) -> Response:
        try:
            echo = self._seal.echo(request.query_params, self._clock.now())
        except RefusedCallback as refused:
            return self._refused(refused.reason, refused.status)
        return PlainTextResponse(echo, headers={"X-Content-Type-Options": "nosniff"})

    async def _callback(self, request: Request) -> Response:
        try:
            body = await read_body(request, MAX_BODY_BYTES)
            message = self._seal.open(request.query_params, body, self._clock.now())
            found = inbounds(self._account, message, self._account.rights(self._clock.now().date()).grants)
            reports = reports_in(self._account, message)
        except RefusedCallback as refused:
            return self._refused(refused.reason, refused.status)
        except TooLong:
            return self._refused("size", 400)
        except (BadCallback, ClientDisconnect):
            return self._refused("form", 400)
        if not found or not self._waits(found[0]):
            return await self._stored(found, reports) or self._known(found)
        return await self._answered(request, message, found)

    def _waits(self, message: Inbound) -> bool:
        """Return whether the callback stays open for a reply.

        The second delivery of a message waits only where a passive reply is the only road.
        """
        is_new = self._callbacks.known(message.key) is None or not self._account.can_send
        return self._holds and self._account.has_passive_replies and is_new and message.event not in _UNANSWERED

    async def _answered(self, request: Request, message: BaseMessage, found: Sequence[Inbound]) -> Response:
        """Store what came and wait a moment for the reply to it. The callback is open first: the bot may be quick."""
        callback = self._callbacks.open(found[0].user)
        try:
            if unstored := await self._stored(found, ()):
                self._callbacks.close(callback)
                return unstored
            wait_s = PASSIVE_WAIT_S if self._account.can_send else ONLY_PASSIVE_WAIT_S
            return await self._callbacks.respond(
                callback, request, wait_s, lambda reply: self._sealed(message, reply), found[0].key
            )
        except BaseException:
            self._callbacks.close(callback)
            raise

    def _sealed(self, message: BaseMessage, reply: Reply) -> str:
        return self._seal.reply(message, reply.text, reply.media_id, self._clock.now())

    def _known(self, found: Sequence[Inbound]) -> Response:
        """Answer as the first time: WeChat delivers again what it got no answer to."""
        body = self._callbacks.known(found[0].key) if found else None
        return PlainTextResponse(body or NO_ANSWER)

    async def _stored(self, found: Sequence[Inbound], reports: Sequence[Report]) -> Response | None:
        """Store what came; return what to answer if that was not possible."""
        running = self._running
        if running is None:
            return await self._unstored("not started")
        try:
            if found:
                await running.host.receive(found)
            if reports:
                await running.host.report(reports)
        except Exception as fault:  # noqa: BLE001 - whatever kept it from the disk, WeChat must deliver it again
            return await self._unstored(type(fault).__name__)
        for message in found:
            self._callbacks.remember(message.key)
        return None

    def _refused(self, reason: str, status: int) -> Response:
        refuse(self.channel, reason)
        return PlainTextResponse("refused", status)

    async def _unstored(self, reason: str) -> Response:
        """Stay silent until WeChat hangs up, which makes it deliver the message again."""
        log.error("callback_not_stored", channel=self.channel, reason=reason)
        await asyncio.sleep(SILENCE_S)
        return PlainTextResponse("try again", 503)
