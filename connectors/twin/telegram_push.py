"""Brings updates to the bot: pushed to its webhook in order per chat, or fetched by long polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from connectors.twin.telegram_world import Json, Refused, chat_of

_PATIENCE_S = 10.0
_MOST_WAIT_S = 5.0


@dataclass(slots=True)
class Hook:
    url: str = ""
    secret: str = ""
    error: str = ""
    error_at: int = 0


class Push:
    """Delivers `pending` until the bot has taken each update. Use it inside one event loop."""

    def __init__(self, pending: list[Json], seconds: Callable[[], int]) -> None:
        self.hook = Hook()
        self._pending = pending
        self._seconds = seconds
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._arrival = asyncio.Event()
        self._poll = 0
        self._client: httpx.AsyncClient | None = None

    def wake(self) -> None:
        """Tell whoever waits that there may be something new to deliver."""
        self._arrival.set()
        if self.hook.url:
            for chat in {chat_of(update) for update in self._pending} - self._workers.keys():
                self._workers[chat] = asyncio.create_task(self._drain(chat))

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
        while True:
            if self.hook.url:
                raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
            if mine != self._poll:
                raise Refused(409, "Conflict: terminated by other getUpdates request")
            self._pending[:] = [u for u in self._pending if u["update_id"] >= offset]
            if self._pending or loop.time() >= until:
                return sorted(self._pending, key=lambda u: int(u["update_id"]))[:limit]
            self._arrival = asyncio.Event() if self._arrival.is_set() else self._arrival
            try:
                await asyncio.wait_for(self._arrival.wait(), until - loop.time())
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Stop delivering."""
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
            while self.hook.url and (update := self._first(chat)) is not None:
                if await self._deliver(update):
                    self._pending[:] = [u for u in self._pending if u is not update]
                    failures = 0
                else:
                    failures += 1
                    await asyncio.sleep(min(0.1 * 2 ** min(failures, 10), _MOST_WAIT_S))
        finally:
            self._workers.pop(chat, None)

    def _first(self, chat: int) -> Json | None:
        return next((update for update in self._pending if chat_of(update) == chat), None)

    async def _deliver(self, update: Json) -> bool:
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_S)
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.hook.secret} if self.hook.secret else {}
        try:
            answer = await self._client.post(self.hook.url, json=update, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.hook.error, self.hook.error_at = type(error).__name__, self._seconds()
            return False
        if not answer.is_success:
            self.hook.error = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
            self.hook.error_at = self._seconds()
        return answer.is_success
