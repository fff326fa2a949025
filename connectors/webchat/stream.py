"""What a browser hears on its open stream: the shop's name, everything said since it last listened, and what comes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import anyio
import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent

from bot.messages import Chat
from connectors.webchat.cards import LOOK_AGAIN_S as CARDS_AGAIN_S
from connectors.webchat.cards import Cards
from connectors.webchat.pictures import PictureLinks
from connectors.webchat.transcript import SaleCard, ShownMessage, Transcript, Typist

log = structlog.get_logger()

READ_AT_ONCE = 100
LOOK_AGAIN_S = 10.0
LOOK_AGAIN_WHILE_TYPING_S = 2.0
SHUTDOWN_GRACE_S = 1.0
SEND_TIMEOUT_S = 30.0


class Streams:
    """The open streams of one channel, counted by visitor in `open` and by address in `open_at`."""

    def __init__(
        self,
        channel: str,
        shop: Mapping[str, str],
        transcript: Transcript,
        links: PictureLinks,
        cards: Cards,
        heartbeat_s: float,
    ) -> None:
        self.open: Counter[str] = Counter()
        self.open_at: Counter[str] = Counter()
        self._channel = channel
        self._shop = shop
        self._transcript = transcript
        self._links = links
        self._cards = cards
        self._heartbeat_s = heartbeat_s

    def answer(self, visitor: str, address: str, seen: int) -> EventSourceResponse:
        """Return a stream for `visitor` at `address` that begins after the message `seen`."""
        closing = anyio.Event()  # set when the server is asked to stop: the stream ends itself, and cleanly
        return EventSourceResponse(
            self._counted(visitor, address, seen, closing),
            shutdown_event=closing,
            shutdown_grace_period=SHUTDOWN_GRACE_S,
            sep="\n",
            ping=self._heartbeat_s,
            ping_message_factory=lambda: ServerSentEvent(comment="", sep="\n"),
            send_timeout=SEND_TIMEOUT_S,
        )

    async def _counted(
        self, visitor: str, address: str, seen: int, closing: anyio.Event
    ) -> AsyncIterator[ServerSentEvent]:
        counts = ((self.open, visitor), (self.open_at, address))
        for count, key in counts:
            count[key] += 1
        try:
            async with aclosing(self._events(visitor, seen, closing)) as events:
                async for event in events:
                    yield event
        finally:
            for count, key in counts:
                count[key] -= 1
                if not count[key]:
                    del count[key]

    async def _events(self, visitor: str, seen: int, closing: anyio.Event) -> AsyncGenerator[ServerSentEvent]:
        """Send the shop's name, what was said since `seen`, `live` once all of that is out, then whatever comes.

        `typing` comes whenever somebody begins or ends it, `sales` at first and whenever a card of a sale changed; they
        have no id, so a resumed stream never repeats them.
        """
        closed = asyncio.create_task(closing.wait())
        chat, live, typing = Chat(self._channel, visitor), False, ""
        of_one = self._cards.of(chat)
        on_sale: Sequence[SaleCard] | None = None  # a page that comes back may show what is gone
        try:
            yield _event("shop", self._shop)
            while not closing.is_set():
                # Begin to wait before reading: what is stored in between wakes us instead of being missed.
                again_s = LOOK_AGAIN_WHILE_TYPING_S if typing else LOOK_AGAIN_S
                again_s = CARDS_AGAIN_S if on_sale else again_s
                news = asyncio.create_task(self._transcript.wait(again_s))
                try:
                    unread, typist = await self._unread(chat, seen)
                    for shown in unread:
                        seen = shown.id
                        yield self._shown(shown, visitor)
                    if not live:
                        live = True
                        yield _event("live", {})
                    if typist != typing:
                        typing = typist
                        yield _event("typing", {"who": typing})
                    if (cards := await of_one.now(said=bool(unread))) != on_sale:
                        on_sale = cards
                        yield _event("sales", self._cards.told(cards))
                    await asyncio.wait((news, closed), return_when=asyncio.FIRST_COMPLETED)
                    if news.done():
                        await news  # raises what it met
                finally:
                    news.cancel()
        except Exception as fault:  # noqa: BLE001 - the answer has begun: end it, and the page comes back
            log.warning("webchat stream ended", channel=self._channel, fault=type(fault).__name__)
        finally:
            closed.cancel()

    async def _unread(self, chat: Chat, seen: int) -> tuple[list[ShownMessage], Typist]:
        unread: list[ShownMessage] = []
        while True:
            some, typist = await self._transcript.after(chat, unread[-1].id if unread else seen, READ_AT_ONCE)
            unread.extend(some)
            if len(some) < READ_AT_ONCE:
                return unread, typist

    def _shown(self, message: ShownMessage, visitor: str) -> ServerSentEvent:
        prefix = f"{self._channel}:{visitor}:"
        data = {
            "id": message.id,
            "mine": message.mine,
            "author": message.author,
            "name": message.author_name,
            "text": message.text,
            "choices": [{"token": choice.token, "label": choice.label} for choice in message.choices],
            "at": message.at.isoformat(),
            "client_id": message.key.removeprefix(prefix) if message.key.startswith(prefix) else "",
            "picture": self._links.link(visitor, message.id) if message.picture else "",
        }
        return _event("message", data, str(message.id))


def _event(kind: str, data: object, message_id: str | None = None) -> ServerSentEvent:
    words = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return ServerSentEvent(words, event=kind, id=message_id, sep="\n")
