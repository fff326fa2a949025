"""The cards of sales for all open streams of a channel: who looks at the same moment shares one read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from bot.clock import Clock
from bot.messages import Chat
from connectors.webchat.transcript import SaleCard, Transcript

LOOK_AGAIN_S = 1.0
"""How often a stream looks while it shows a sale: a number on the page is as old as that and what the line takes."""

ASK_AGAIN_S = 10.0
"""How often it is asked whether a customer still hears offers, while nothing is said in their chat."""


class Cards:
    """Use it from the event loop's own thread only."""

    def __init__(self, channel: str, transcript: Transcript, clock: Clock) -> None:
        self._channel = channel
        self._transcript = transcript
        self._clock = clock
        self._reading = asyncio.Lock()
        self._found: Sequence[SaleCard] = ()
        self._began_s = -math.inf

    async def now(self) -> Sequence[SaleCard]:
        """Return the cards for who hears offers."""
        time = asyncio.get_running_loop().time
        asked_s = time()
        async with self._reading:
            if self._began_s <= asked_s:  # what was read before this was asked may not have what woke it
                began_s = time()
                self._found = await self._transcript.sales(self._channel)
                self._began_s = began_s  # only now: a read that failed is no news for those who waited for it
        return self._found

    def of(self, chat: Chat) -> OfOne:
        """Return what shows one customer the cards."""
        return OfOne(self, self._transcript, chat)

    def told(self, cards: Sequence[SaleCard]) -> dict[str, Any]:
        """Return what a page is told of cards, with the time here, by which it counts down."""
        return {"now": self._clock.now().isoformat(), "cards": [_told(card) for card in cards]}


class OfOne:
    """The cards as one open page shows them: none to who said no to offers."""

    def __init__(self, cards: Cards, transcript: Transcript, chat: Chat) -> None:
        self._cards = cards
        self._transcript = transcript
        self._chat = chat
        self._hears = False
        self._ask_at_s = -math.inf

    async def now(self, *, said: bool) -> Sequence[SaleCard]:
        """Return the cards of this moment.

        Args:
            said: whether something was said in the chat since the last look: it may have been a no.
        """
        found = await self._cards.now()
        time_s = asyncio.get_running_loop().time()
        if found and (said or time_s >= self._ask_at_s):
            self._hears = await self._transcript.hears_offers(self._chat)
            self._ask_at_s = time_s + ASK_AGAIN_S
        return found if found and self._hears else ()


def _told(card: SaleCard) -> dict[str, Any]:
    return {
        "id": card.id,
        "product": card.product,
        "price": card.price,
        "left": card.left,
        "total": card.total,
        "state": card.state,
        "starts_at": card.starts_at.isoformat(),
        "ends_at": card.ends_at.isoformat(),
    }
