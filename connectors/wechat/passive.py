"""Passive replies: messages that go out in the answer to a callback, and cost nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

_WRITE_S = 5.0
_MAX_REMEMBERED = 1000

NO_ANSWER = "success"
"""WeChat: 被动回复用户消息 / Passive Replies: "no message", and no second delivery."""


class Outcome(StrEnum):
    """What became of a passive reply."""

    WRITTEN = "written"
    ENDED = "ended"
    """There was no callback left to write it to: not sent, for certain."""
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a callback is answered with: a text, or a picture that WeChat has already."""

    text: str = ""
    media_id: str = ""


@dataclass(slots=True, eq=False)
class OpenCallback:
    """One callback whose answer has not been written yet."""

    user: str
    reply: asyncio.Future[Reply] = field(default_factory=asyncio.Future)
    outcome: asyncio.Future[Outcome] = field(default_factory=asyncio.Future)

    def end(self, outcome: Outcome) -> None:
        """Tell whoever gave a reply what became of it. The first word counts."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class OpenCallbacks:
    """The callbacks of this process that can still be answered, by user, oldest first."""

    def __init__(self) -> None:
        self._open: defaultdict[str, list[OpenCallback]] = defaultdict(list)
        self._answers: OrderedDict[str, str] = OrderedDict()

    def has(self, user: str) -> bool:
        """Return whether a reply to `user` would find a callback now."""
        return bool(self._open.get(user))

    def open(self, user: str) -> OpenCallback:
        """Offer a callback to whoever has a reply for `user`; `close` it in the end."""
        callback = OpenCallback(user)
        self._open[user].append(callback)
        return callback

    def close(self, callback: OpenCallback) -> None:
        """Offer the callback no more. A reply that it has and did not write was not sent."""
        self._withdraw(callback)
        callback.end(Outcome.ENDED)

    def close_all(self) -> None:
        """End every wait: the shop stops."""
        for callback in [callback for waiting in self._open.values() for callback in waiting]:
            callback.reply.cancel()
            self._withdraw(callback)

    async def answer(self, user: str, reply: Reply) -> Outcome:
        """Give `reply` to the oldest open callback of `user` and return what became of it."""
        waiting = self._open.get(user)
        if not waiting:
            return Outcome.ENDED
        callback = waiting[0]
        self._withdraw(callback)
        callback.reply.set_result(reply)
        try:
            return await asyncio.wait_for(asyncio.shield(callback.outcome), _WRITE_S)
        except TimeoutError:
            return Outcome.UNSURE

    async def respond(
        self, callback: OpenCallback, request: Request, wait_s: float, render: Callable[[Reply], str], key: str
    ) -> Response:
        """Wait up to `wait_s` for a reply, or until the platform hangs up; return what to answer."""
        gone: asyncio.Future[Message] = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait((gone, callback.reply), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hung_up = gone.done() or await _cancelled(gone)
        if hung_up or not callback.reply.done() or callback.reply.cancelled():
            self.close(callback)
            return PlainTextResponse(NO_ANSWER)
        body = render(callback.reply.result())
        self._remember(key, body)
        return _Answer(body, callback)

    def known(self, key: str) -> str | None:
        """Return what a callback with this key was answered with, None if there was none lately."""
        return self._answers.get(key)

    def remember(self, key: str) -> None:
        """Note that the message of `key` is stored; nothing has been answered yet."""
        self._remember(key, self._answers.get(key, NO_ANSWER))

    def _remember(self, key: str, body: str) -> None:
        self._answers[key] = body
        while len(self._answers) > _MAX_REMEMBERED:
            self._answers.popitem(last=False)

    def _withdraw(self, callback: OpenCallback) -> None:
        waiting = self._open.get(callback.user, [])
        if callback in waiting:
            waiting.remove(callback)
        if not waiting:
            self._open.pop(callback.user, None)


async def _cancelled(gone: asyncio.Future[Message]) -> bool:
    """End the watch for a hang-up; return whether there was one in the last moment."""
    gone.cancel()
    await asyncio.wait({gone})
    return not gone.cancelled()


class _Answer(Response):
    """Writes a passive reply and tells whether it was written."""

    media_type = "text/xml"

    def __init__(self, body: str, callback: OpenCallback) -> None:
        super().__init__(body)
        self._callback = callback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
            self._callback.end(Outcome.WRITTEN)
        finally:
            self._callback.end(Outcome.UNSURE)
