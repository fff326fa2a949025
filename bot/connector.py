"""What a platform's code has to do, and what it may ask of the shop. All that connectors share with the web is here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from starlette.routing import BaseRoute

from bot.messages import File, Inbound, Limits, Outbound, Receipt, Report, Road


class Host(Protocol):
    """The shop, as a connector sees it. One for each channel; the small facts are shared by all its processes."""

    async def receive(self, messages: Sequence[Inbound]) -> None:
        """Store messages, each once. Returns when they are on disk: acknowledge the platform only after it."""
        ...

    async def report(self, reports: Sequence[Report]) -> None:
        """Store what became of messages that the platform had taken."""
        ...

    async def alert(self, key: str, text: str) -> None:
        """Make a task for the shop's own people; one for each `key`."""
        ...

    async def recall(self, name: str) -> str:
        """Return the fact kept under `name` (a cursor, a token), or an empty text."""
        ...

    async def keep(self, name: str, value: str) -> None:
        """Keep a fact for every process and after a restart."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Let one process at a time in, for a few seconds; the others wait."""
        ...


class Connector(Protocol):
    """Speaks one platform for one channel account. Knows nothing of intents, skills or the database."""

    channel: str
    limits: Limits

    def routes(self) -> Sequence[BaseRoute]:
        """Return the web routes the platform calls, mounted at the root of the web app."""
        ...

    async def start(self, host: Host) -> None:
        """Get ready to receive by the routes and to send. Called once in each process, before anything else."""
        ...

    async def hold(self) -> None:
        """Do what only one process may do for the channel: register the webhook, poll. Cancelled when it must end.

        Returning early is fine: it means that there is nothing to do.
        """
        ...

    async def stop(self) -> None:
        """Stop receiving and release connections."""
        ...

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return the ways that the platform leaves open for `message`, best first, none if it can never be sent.

        Answers from memory, at once. The gate takes the first whose right is there.
        """
        ...

    async def send(self, message: Outbound) -> Receipt:
        """Send one message on `message.road`. Never raises for what a platform answers: the receipt tells."""
        ...


@runtime_checkable
class MediaSource(Protocol):
    """A connector whose platform keeps customers' files until they are fetched."""

    async def fetch(self, ref: str) -> File | None:
        """Return the file behind `Media.ref`, None if the platform has it no more.

        Raises:
            OSError: it could not be fetched now; worth trying again.
        """
        ...
