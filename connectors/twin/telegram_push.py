"""Brings updates to the bot: pushed to its webhook in order per chat, or fetched by long polling."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from connectors.twin.telegram_world import Json, Refused, World, chat_of

_PATIENCE_S = 10.0
_MOST_WAIT_S = 5.0


@dataclass(slots=True)
class Hook:
    url: str = ""
    secret: str = ""
    error: str = ""
    error_at: int = 0


class Push:
    """Delivers what is pending until the bot has taken each update. Use it inside one event loop.

    Attributes:
        held: nothing is delivered meanwhile.
    """

    def __init__(self, world: World) -> None:
        self.hook = Hook()
        self.held = False
        self._world = world
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._arrival = asyncio.Event()
        self._poll = 0
        self._client: httpx.AsyncClient | None = None

    def wake(self) -> None:
        """Tell whoever waits that there may be something new to deliver."""
        self._arrival.set()
        if self.hook.url and not self.held:
            for chat in {chat_of(update) for update in self._world.pending} - self._workers.keys():
                self._workers[chat] = asyncio.create_task(self._drain(chat))

    def release(self, backwards: bool, twice: bool) -> None:
        """Deliver what was held back, in the order of arrival or the other way round, once or twice."""
        pending = self._world.pending
        if twice:
            pending[:] = [dict(update) for update in pending for _ in range(2)]
        if backwards:
            pending.reverse()
        self.held = False
        self.wake()

    async def fetch(self, offset: int, limit: int, timeout_s: float) -> list[Json]:
        """Answer getUpdates: forget what is confirmed by `offset`, wait for more if there is none.

        Raises:
            Refused: 409 while a webhook is set, or when another getUpdates came meanwhile.
        """
        self._poll += 1
        mine = self._poll
        self._arrival.set()
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        pending = self._world.pending
        while True:
            if self.hook.url:
                raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; "
                              "use deleteWebhook to delete the webhook first")  # fmt: skip
            if mine != self._poll:
                raise Refused(409, "Conflict: terminated by other getUpdates request; "
                              "make sure that only one bot instance is running")  # fmt: skip
            self._world.forget_old()
            pending[:] = pending[offset:] if offset < 0 else [u for u in pending if u["update_id"] >= offset]
            if self.held and loop.time() >= until:
                return []
            if not self.held and (pending or loop.time() >= until):
                return sorted(pending, key=lambda u: int(u["update_id"]))[:limit]
            self._arrival = asyncio.Event() if self._arrival.is_set() else self._arrival
            try:
                await asyncio.wait_for(self._arrival.wait(), until - loop.time())
            except TimeoutError:
                continue

    async def forge(self, update: Json, secret: str | None) -> int:
        """Post an update as somebody else would, with any secret or none; return the status of the answer."""
        return await self._post(update, secret)

    async def close(self) -> None:
        """Stop delivering; whoever waits in getUpdates is told that another one came."""
        self._poll += 1
        self._arrival.set()
        for task in list(self._workers.values()):
            task.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _drain(self, chat: int) -> None:
        """Deliver the updates of one chat, each until it is answered with 2xx, before the next."""
        failures = 0
        try:
            while self.hook.url and not self.held and (update := self._first(chat)) is not None:
                if await self._deliver(update):
                    self._world.pending[:] = [u for u in self._world.pending if u is not update]
                    failures = 0
                else:
                    failures += 1
                    await asyncio.sleep(min(0.1 * 2 ** min(failures, 10), _MOST_WAIT_S))
        finally:
            self._workers.pop(chat, None)

    def _first(self, chat: int) -> Json | None:
        self._world.forget_old()
        return next((update for update in self._world.pending if chat_of(update) == chat), None)

    async def _deliver(self, update: Json) -> bool:
        try:
            status = await self._post(update, self.hook.secret or None)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.hook.error, self.hook.error_at = type(error).__name__, self._world.seconds()
            return False
        if not 200 <= status < 300:
            self.hook.error, self.hook.error_at = f"Wrong response from the webhook: {status}", self._world.seconds()
            return False
        return True

    async def _post(self, update: Json, secret: str | None) -> int:
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_S)
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        return (await self._client.post(self.hook.url, json=update, headers=headers)).status_code
