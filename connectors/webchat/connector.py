"""The shop's own web page as a channel: the reference connector, with no limits but those that keep strangers out."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import anyio
import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.clock import Clock, IdMaker
from bot.messages import Chat, Event, Inbound, Limits, Outbound, Receipt, Receive, SendStatus
from connectors.refusals import refuse
from connectors.webchat.intake import Refused, new_message, new_session, seen_id
from connectors.webchat.pace import SlidingWindow
from connectors.webchat.page import page, static_file
from connectors.webchat.tokens import VisitorTokens
from connectors.webchat.transcript import ShownMessage, Transcript

log = structlog.get_logger()

MESSAGES_A_MINUTE_A_VISITOR = 20
MESSAGES_A_MINUTE_AN_ADDRESS = 60
SESSIONS_A_MINUTE_AN_ADDRESS = 30
STREAMS_A_VISITOR = 8
READ_AT_ONCE = 100
LOOK_AGAIN_S = 10.0
SHUTDOWN_GRACE_S = 1.0
SEND_TIMEOUT_S = 30.0
HEARTBEAT_S = 15.0
BUSY_RETRY_S = 5.0

Endpoint = Callable[[Request], Awaitable[Response]]


class WebChatConnector:
    """Speaks with browsers. What the shop says is read from the transcript, so `send` has nothing left to do."""

    limits = Limits(own_page=True, takes_key=True, counts_windows=False)

    def __init__(
        self,
        channel: str,
        *,
        secret: str,
        shop: Mapping[str, str],
        transcript: Transcript,
        clock: Clock,
        new_id: IdMaker,
        origins: tuple[str, ...] = (),
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        """Prepare the channel.

        Args:
            channel: `web:{name}`; the name is part of the address.
            secret: signs visitor tokens, 16 characters or more; a new one makes every browser a new visitor.
            shop: the shop's name by language, `zh` and `en`.
            origins: other sites that may embed the chat, e.g. `https://shop.example`; none = only this one.
            heartbeat_s: seconds between signs of life on an open stream.

        Raises:
            SettingsError: `secret` is too short.
        """
        self.channel = channel
        self._name = channel.partition(":")[2]
        self._tokens = VisitorTokens(channel, secret)
        self._shop = {"zh": shop["zh"], "en": shop["en"]}
        self._transcript = transcript
        self._clock = clock
        self._new_id = new_id
        self._origins = origins
        self._heartbeat_s = heartbeat_s
        self._receive: Receive | None = None
        self._by_visitor = SlidingWindow(MESSAGES_A_MINUTE_A_VISITOR, clock)
        self._by_address = SlidingWindow(MESSAGES_A_MINUTE_AN_ADDRESS, clock)
        self._sessions = SlidingWindow(SESSIONS_A_MINUTE_AN_ADDRESS, clock)
        self._streams: Counter[str] = Counter()

    async def start(self, receive: Receive) -> None:
        """Take messages from now on; until then browsers are told to come back."""
        self._receive = receive

    async def stop(self) -> None:
        """Take no more messages."""
        self._receive = None

    def cost(self, message: Outbound) -> int:
        """Return 1: nothing is counted here."""
        return 1

    async def send(self, message: Outbound) -> Receipt:
        """Report `message` as sent: its row in the outbox is what the page reads."""
        return Receipt(SendStatus.SENT, platform_id=message.id)

    def routes(self) -> Sequence[BaseRoute]:
        """Return everything under `/webchat/{name}`."""
        routes = [
            Route("/session", self._guarded(self._session), methods=["POST"]),
            Route("/messages", self._guarded(self._message), methods=["POST"]),
            Route("/events", self._guarded(self._events), methods=["GET"]),
            Route("/page", self._page, methods=["GET"]),
            *(
                _static_route(name, media_type)
                for name, media_type in (
                    ("element.js", "text/javascript"),
                    ("element.css", "text/css"),
                    ("page.css", "text/css"),
                    ("icon.svg", "image/svg+xml"),
                )
            ),
        ]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=self._origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "Last-Event-ID"],
            expose_headers=["Retry-After"],
        )
        return [Mount(f"/webchat/{self._name}", routes=routes, middleware=[cors] if self._origins else [])]

    # --- answers ---------------------------------------------------------------------------------------------------
    async def _session(self, request: Request) -> Response:
        self._pace(self._sessions, _address(request))
        wanted = await new_session(request)
        visitor = self._new_id()
        opened = Inbound(
            key=f"web:{self._name}:{visitor}",
            chat=Chat(self.channel, visitor),
            user=visitor,
            sent_at=self._clock.now(),
            language=wanted.lang,
            event=Event.STARTED,
        )
        await self._store(opened)
        return JSONResponse({"token": self._tokens.sign(visitor)}, 201, {"Cache-Control": "no-store"})

    async def _message(self, request: Request) -> Response:
        self._pace(self._by_address, _address(request))
        message = await new_message(request)
        visitor = self._visitor(message.token)
        self._pace(self._by_visitor, visitor)
        said = Inbound(
            key=f"{self._key_prefix(visitor)}{message.client_id}",
            chat=Chat(self.channel, visitor),
            user=visitor,
            sent_at=self._clock.now(),
            text=message.text.strip(),
            language=message.lang,
            choice=message.choice,
        )
        await self._store(said)
        return JSONResponse({"client_id": message.client_id}, 202)

    async def _events(self, request: Request) -> Response:
        visitor = self._visitor(request.query_params.get("token", ""))
        seen = seen_id(request)
        if self._streams[visitor] >= STREAMS_A_VISITOR:
            raise Refused(429, "streams", BUSY_RETRY_S)
        closing = anyio.Event()  # set when the server is asked to stop: the stream ends itself, and cleanly
        return EventSourceResponse(
            self._stream(visitor, seen, closing),
            shutdown_event=closing,
            shutdown_grace_period=SHUTDOWN_GRACE_S,
            sep="\n",
            ping=self._heartbeat_s,
            ping_message_factory=lambda: ServerSentEvent(comment="", sep="\n"),
            send_timeout=SEND_TIMEOUT_S,
        )

    async def _page(self, request: Request) -> Response:
        lang = request.query_params.get("lang") or request.headers.get("accept-language", "")[:2].lower()
        return page(self._shop, "en" if lang == "en" else "zh", self._origins)

    # --- the stream ------------------------------------------------------------------------------------------------
    async def _stream(self, visitor: str, seen: int, closing: anyio.Event) -> AsyncIterator[ServerSentEvent]:
        """Send the shop's name, what was said since `seen`, `live` once all of that is out, then whatever comes."""
        self._streams[visitor] += 1
        closed = asyncio.create_task(closing.wait())
        try:
            yield _event("shop", self._shop)
            live = False
            while not closing.is_set():
                # Begin to wait before reading: what is stored in between wakes us instead of being missed.
                news = asyncio.create_task(self._transcript.wait(LOOK_AGAIN_S))
                try:
                    for shown in await self._unread(visitor, seen):
                        seen = shown.id
                        yield self._shown(shown, visitor)
                    if not live:
                        live = True
                        yield _event("live", {})
                    done, _ = await asyncio.wait((news, closed), return_when=asyncio.FIRST_COMPLETED)
                    if news in done:
                        await news  # raises what it met
                finally:
                    news.cancel()
        except Exception as fault:  # noqa: BLE001 - the answer has begun: end it, and the page comes back
            log.warning("webchat stream ended", channel=self.channel, fault=type(fault).__name__)
        finally:
            closed.cancel()
            self._streams[visitor] -= 1
            if not self._streams[visitor]:
                del self._streams[visitor]

    async def _unread(self, visitor: str, seen: int) -> list[ShownMessage]:
        chat = Chat(self.channel, visitor)
        unread: list[ShownMessage] = []
        while True:
            some = await self._transcript.after(chat, unread[-1].id if unread else seen, READ_AT_ONCE)
            unread.extend(some)
            if len(some) < READ_AT_ONCE:
                return unread

    def _shown(self, message: ShownMessage, visitor: str) -> ServerSentEvent:
        prefix = self._key_prefix(visitor)
        data = {
            "id": message.id,
            "mine": message.mine,
            "author": message.author,
            "name": message.author_name,
            "text": message.text,
            "choices": [{"token": choice.token, "label": choice.label} for choice in message.choices],
            "at": message.at.isoformat(),
            "client_id": message.key.removeprefix(prefix) if message.key.startswith(prefix) else "",
        }
        return _event("message", data, str(message.id))

    # --- guards ----------------------------------------------------------------------------------------------------
    def _guarded(self, answer: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            try:
                return await answer(request)
            except Refused as refused:
                refuse(self.channel, refused.reason)
                wait = {"Retry-After": str(math.ceil(refused.retry_after_s))} if refused.retry_after_s else {}
                return JSONResponse({"error": refused.reason}, refused.status, wait)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is left to read it

        return guarded

    async def _store(self, message: Inbound) -> None:
        if self._receive is None:
            raise Refused(503, "not_started", BUSY_RETRY_S)
        try:
            await self._receive([message])
        except Exception as fault:  # whatever it was, nothing is stored, and the page must keep the message and retry
            log.exception("webchat_not_stored", channel=self.channel)
            raise Refused(503, "not_stored", BUSY_RETRY_S) from fault

    def _visitor(self, token: str) -> str:
        visitor = self._tokens.read(token)
        if visitor is None:
            raise Refused(403, "token")
        return visitor

    def _pace(self, window: SlidingWindow, key: str) -> None:
        wait_s = window.take(key)
        if wait_s:
            raise Refused(429, "rate", wait_s)

    def _key_prefix(self, visitor: str) -> str:
        return f"web:{self._name}:{visitor}:"


def _event(kind: str, data: object, message_id: str | None = None) -> ServerSentEvent:
    words = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return ServerSentEvent(words, event=kind, id=message_id, sep="\n")


def _static_route(name: str, media_type: str) -> Route:
    async def answer(_: Request) -> Response:
        return static_file(name, media_type)

    return Route(f"/{name}", answer, methods=["GET"])


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
