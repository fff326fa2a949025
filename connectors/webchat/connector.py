"""The shop's own web page as a channel: the reference connector, with no limits but those that keep strangers out."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.clock import Clock, IdMaker
from bot.connector import Host
from bot.messages import OPEN, Chat, Event, Inbound, Limits, Media, Outbound, Receipt, Road, SendStatus
from bot.pace import DayBudget, SlidingWindow
from connectors.refusals import refuse
from connectors.webchat.cards import Cards
from connectors.webchat.intake import Refused, new_key, new_message, new_picture, new_session, seen_id
from connectors.webchat.page import page, static_file
from connectors.webchat.pictures import PictureLinks, picture_answer
from connectors.webchat.stream import Streams
from connectors.webchat.tokens import VisitorTokens
from connectors.webchat.transcript import Transcript

log = structlog.get_logger()

MESSAGES_A_MINUTE_A_VISITOR = 20
MESSAGES_A_MINUTE_AN_ADDRESS = 60
PICTURES_A_MINUTE_A_VISITOR = 6
PICTURES_A_MINUTE_AN_ADDRESS = 18
SESSIONS_A_MINUTE_AN_ADDRESS = 30
KEYS_A_MINUTE_A_VISITOR = 30
KEYS_A_MINUTE_AN_ADDRESS = 120
PICTURE_BYTES_A_DAY_A_VISITOR = 20 * 1024 * 1024
PICTURE_BYTES_A_DAY_AN_ADDRESS = 100 * 1024 * 1024
STREAMS_A_VISITOR = 8
STREAMS_AN_ADDRESS = 40
HEARTBEAT_S = 15.0
BUSY_RETRY_S = 5.0

Endpoint = Callable[[Request], Awaitable[Response]]


class WebChatConnector:
    """Speaks with browsers. What the shop says is read from the transcript, so `send` has nothing left to do."""

    limits = Limits(own_page=True, takes_key=True)

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
        self._host: Host | None = None
        self._links = PictureLinks(channel, secret)
        self._streams = Streams(
            channel, self._shop, transcript, self._links, Cards(channel, transcript, clock), heartbeat_s
        )
        self._by_visitor = SlidingWindow(MESSAGES_A_MINUTE_A_VISITOR, clock)
        self._by_address = SlidingWindow(MESSAGES_A_MINUTE_AN_ADDRESS, clock)
        self._pictures_by_visitor = SlidingWindow(PICTURES_A_MINUTE_A_VISITOR, clock)
        self._pictures_by_address = SlidingWindow(PICTURES_A_MINUTE_AN_ADDRESS, clock)
        self._keys_by_visitor = SlidingWindow(KEYS_A_MINUTE_A_VISITOR, clock)
        self._keys_by_address = SlidingWindow(KEYS_A_MINUTE_AN_ADDRESS, clock)
        self._bytes_by_visitor = DayBudget(PICTURE_BYTES_A_DAY_A_VISITOR, clock)
        self._bytes_by_address = DayBudget(PICTURE_BYTES_A_DAY_AN_ADDRESS, clock)
        self._sessions = SlidingWindow(SESSIONS_A_MINUTE_AN_ADDRESS, clock)

    async def start(self, host: Host) -> None:
        """Take messages from now on; until then browsers are told to come back."""
        self._host = host

    async def hold(self) -> None:
        """Return at once: every process serves its own browsers, none has to hold the channel."""

    async def stop(self) -> None:
        """Take no more messages."""
        self._host = None

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return the one road: the page shows everything, and nothing is counted."""
        return [OPEN]

    async def send(self, message: Outbound) -> Receipt:
        """Report `message` as sent: its row in the outbox is what the page reads."""
        return Receipt(SendStatus.SENT, platform_id=message.id)

    def routes(self) -> Sequence[BaseRoute]:
        """Return everything under `/webchat/{name}`."""
        routes = [
            Route("/session", self._guarded(self._session), methods=["POST"]),
            Route("/messages", self._guarded(self._message), methods=["POST"]),
            Route("/typing", self._guarded(self._typing), methods=["POST"]),
            Route("/images", self._guarded(self._image), methods=["POST"]),
            Route("/pictures/{id}", self._guarded(self._picture), methods=["GET"]),
            Route("/events", self._guarded(self._events), methods=["GET"]),
            Route("/page", self._page, methods=["GET"]),
            *(
                _static_route(name, media_type)
                for name, media_type in (
                    ("element.js", "text/javascript"),
                    ("sales.js", "text/javascript"),
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
            key=f"{self.channel}:{visitor}",
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
            key=f"{self.channel}:{visitor}:{message.client_id}",
            chat=Chat(self.channel, visitor),
            user=visitor,
            sent_at=self._clock.now(),
            text=message.text.strip(),
            language=message.lang,
            choice=message.choice,
        )
        await self._store(said)
        return JSONResponse({"client_id": message.client_id}, 202)

    async def _typing(self, request: Request) -> Response:
        self._pace(self._keys_by_address, _address(request))
        visitor = self._visitor((await new_key(request)).token)
        self._pace(self._keys_by_visitor, visitor)
        await self._transcript.types(Chat(self.channel, visitor))
        return Response(status_code=204)

    async def _image(self, request: Request) -> Response:
        self._pace(self._pictures_by_address, _address(request))
        picture = await new_picture(request)
        visitor = self._visitor(picture.token)
        self._pace(self._pictures_by_visitor, visitor)
        file = picture.file()
        self._budget(visitor, _address(request), len(file.body))
        sent = Inbound(
            key=f"{self.channel}:{visitor}:{picture.client_id}",
            chat=Chat(self.channel, visitor),
            user=visitor,
            sent_at=self._clock.now(),
            text=picture.text.strip(),
            language=picture.lang,
            event=Event.MEDIA,
            media=Media("image", file=file),
        )
        await self._store(sent)
        return JSONResponse({"client_id": picture.client_id}, 202)

    async def _picture(self, request: Request) -> Response:
        shown_id = request.path_params["id"]
        visitor = self._links.visitor(shown_id, request.query_params.get("token", ""))
        if visitor is None:
            raise Refused(403, "token")
        try:
            file = await self._transcript.picture(Chat(self.channel, visitor), int(shown_id))
        except Exception as fault:  # whatever it was, the picture is still there: come back for it
            log.exception("webchat_not_read", channel=self.channel)
            raise Refused(503, "not_read", BUSY_RETRY_S) from fault
        return picture_answer(file)

    async def _events(self, request: Request) -> Response:
        visitor = self._visitor(request.query_params.get("token", ""))
        seen = seen_id(request)
        address = _address(request)
        if self._streams.open[visitor] >= STREAMS_A_VISITOR or self._streams.open_at[address] >= STREAMS_AN_ADDRESS:
            raise Refused(429, "streams", BUSY_RETRY_S)
        return self._streams.answer(visitor, address, seen)

    async def _page(self, request: Request) -> Response:
        lang = request.query_params.get("lang") or request.headers.get("accept-language", "")[:2].lower()
        return page(self._shop, "en" if lang == "en" else "zh", self._origins)

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
        if self._host is None:
            raise Refused(503, "not_started", BUSY_RETRY_S)
        try:
            await self._host.receive([message])
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

    def _budget(self, visitor: str, address: str, size: int) -> None:
        wait_s = self._bytes_by_visitor.take(visitor, size) or self._bytes_by_address.take(address, size)
        if wait_s:
            raise Refused(429, "bytes", wait_s)


def _static_route(name: str, media_type: str) -> Route:
    async def answer(_: Request) -> Response:
        return static_file(name, media_type)

    return Route(f"/{name}", answer, methods=["GET"])


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
