"""What a platform's code has to do. The only word shared with connectors that knows of the web."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.routing import BaseRoute

from bot.messages import Limits, Outbound, Receipt, Receive


class Connector(Protocol):
    """Speaks one platform for one channel account. Knows nothing of intents, skills or the database."""

    channel: str
    limits: Limits

    def routes(self) -> Sequence[BaseRoute]:
        """Return the web routes the platform calls, mounted at the root of the web app."""
        ...

    async def start(self, receive: Receive) -> None:
        """Begin to receive (register a webhook, start polling). Called once, before any `send`."""
        ...

    async def stop(self) -> None:
        """Stop receiving and release connections."""
        ...

    def cost(self, message: Outbound) -> int:
        """Return how many messages of a window `message` takes, at least 1: more where a long text is cut. Pure."""
        ...

    async def send(self, message: Outbound) -> Receipt:
        """Send one message. Never raises for what a platform answers: the receipt tells."""
        ...
