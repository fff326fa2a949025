"""What an agent can do to a conversation. Each action checks the session and the right again, then wakes the others."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from nicegui import ui
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import Conflict, NotAllowed, NotFound, ZhangguiError
from bot.messages import File
from handoff import answering, dead, desk, drafts, ownership, presence, tasks
from handoff.access import access_conversation
from handoff.console import later
from handoff.console.labels import Labels
from handoff.console.session import Session, Wiring
from handoff.drafts import Draft
from handoff.people import Agent
from handoff.reveal import ReasonMissing, reveal
from handoff.seats import Seat, seats

Job = Callable[[Connection, Agent], Any]
_KEY = re.compile(r"[0-9a-f]{32}")
"""Of words on their way, made by unsent.js."""


class Actions:
    """The actions of one page; each returns whether it went through, and says why if it did not.

    `after` redraws the page, `taken` shows what is mine.
    """

    def __init__(
        self,
        session: Session,
        wiring: Wiring,
        labels: Labels,
        after: Callable[[], Awaitable[None]],
        taken: Callable[[], Awaitable[None]],
    ) -> None:
        self._session = session
        self._clock = wiring.clock
        self._shop = wiring.advice.settings.shop
        self._woke = wiring.outbox_signal.notify
        self._shop_of = wiring.shop_of
        self._labels = labels
        self._after = after
        self._taken = taken

    async def take(self, conversation_id: str) -> bool:
        return await self._do(lambda c, agent: desk.take(c, conversation_id, agent, self._clock.now()), self._taken)

    async def reply(self, conversation_id: str, text: str, picture: File | None, key: str) -> bool:
        now = self._clock.now()

        def say(connection: Connection, agent: Agent) -> None:
            desk.reply(connection, conversation_id, agent.id, text, _key(agent, key), now, picture)
            drafts.drop(connection, conversation_id, agent.id)

        return await self._do(say)

    async def keep_draft(self, conversation_id: str, draft: Draft) -> bool:
        """Keep what is being written. Nothing is redrawn, and nothing said if it fails: the words are still there."""
        now = self._clock.now()

        def keep(connection: Connection, agent: Agent) -> None:
            access_conversation(connection, agent, conversation_id)
            drafts.keep(connection, conversation_id, agent.id, draft, now)

        with suppress(ZhangguiError):
            await self._session.act(keep, wake=False)
            return True
        return False

    async def types(self, conversation_id: str) -> None:
        """Let the customer see that somebody is writing. Nothing is redrawn, and nothing said if it fails."""
        with suppress(ZhangguiError):
            await self._session.act(lambda c, agent: desk.types(c, conversation_id, agent.id, self._clock.now()))

    async def note(self, conversation_id: str, text: str, key: str) -> bool:
        def keep(connection: Connection, agent: Agent) -> None:
            desk.note(connection, conversation_id, agent, text, _key(agent, key), self._clock.now())
            drafts.drop(connection, conversation_id, agent.id)

        return await self._do(keep)

    async def had(self, made: Sequence[str]) -> tuple[str, ...]:
        """Return which of these keys of a browser came with words that were stored."""
        keys = [key for key in made if _KEY.fullmatch(key)]
        with suppress(NotAllowed, SQLAlchemyError):  # the page finds out by itself
            return await self._session.read(
                lambda c, agent: tuple(key for key in keys if desk.was_said(c, _key(agent, key)))
            )
        return ()

    async def retry(self, outbox_id: int) -> bool:
        return await self._do(lambda c, agent: desk.retry_send(c, outbox_id, agent.id, self._clock.now()))

    async def finish_task(self, task_id: int) -> bool:
        return await self._do(lambda c, agent: tasks.finish(c, task_id, agent, self._clock.now()))

    async def handle_dead(self, inbox_id: int) -> bool:
        return await self._do(lambda c, agent: dead.handle(c, inbox_id, _lead(agent).id, self._clock.now()))

    async def retry_dead(self, key: str) -> bool:
        def again(connection: Connection, agent: Agent) -> str:
            _lead(agent)
            return dead.retry(connection, key, self._clock.now())

        return await self._do(again)

    async def give_back(self, conversation_id: str, reason: str) -> bool:
        return await self._do(
            lambda c, agent: ownership.give_back(c, conversation_id, agent.id, reason, self._clock.now())
        )

    async def close(self, conversation_id: str, reason: str) -> bool:
        return await self._do(lambda c, agent: ownership.close(c, conversation_id, agent.id, reason, self._clock.now()))

    async def snooze(self, conversation_id: str, until: datetime) -> bool:
        now = self._clock.now()
        return await self._do(lambda c, agent: answering.snooze(c, conversation_id, agent.id, until, now))

    async def set_status(self, status: str) -> bool:
        return await self._do(lambda c, agent: presence.set_status(c, agent.id, status, self._clock.now()))

    async def beat(self, *, opens: bool) -> None:
        """Tell the queue that the page is open, or opens now; wake it if that is news."""
        now = self._clock.now()
        back = await self._session.act(
            lambda c, agent: presence.beat(c, agent.id, now, opens=opens), wake=False, by_hand=False
        )
        if back:
            self._woke()

    def later(self) -> Mapping[str, datetime]:
        """Return until when a conversation can be put off."""
        return later.times(self._clock.now(), self._shop.zone, self._shop.opens)

    async def transfer(self, conversation_id: str, to_agent_id: str, reason: str) -> bool:
        return await self._do(
            lambda c, agent: ownership.transfer(c, conversation_id, agent.id, to_agent_id, reason, self._clock.now())
        )

    async def seats(self, agent_id: str) -> tuple[Seat, ...]:
        """Return the others who answer customers, as they are now."""
        return await self._session.read(lambda c, _: tuple(one for one in seats(c) if one.id != agent_id))

    async def release(self, conversation_id: str, topic: str | None, reason: str) -> bool:
        """Put it back into the queue, for who does `topic`; None: as it was."""

        def put(connection: Connection, agent: Agent) -> None:
            ownership.release(connection, conversation_id, agent.id, self._clock.now(), reason, topic)

        return await self._do(put)

    async def reveal(self, subject: str, field: str, reason: str) -> str | None:
        """Return a masked field as it is, None if it was refused. Arguments as of `handoff.reveal.reveal`."""
        found: list[str] = []

        def show(connection: Connection, agent: Agent) -> None:
            shop = self._shop_of(connection)
            found.append(reveal(connection, agent, shop, subject, field, reason, self._clock.now()))

        return found[-1] if await self._do(show) else None

    async def _do(self, job: Job, after: Callable[[], Awaitable[None]] | None = None) -> bool:
        try:
            await self._session.act(job)
        except ReasonMissing:
            ui.notify(self._labels["error_reason"], type="warning", position="top")
            return False
        except NotAllowed:
            ui.navigate.to("/login")
            return False
        except ZhangguiError as error:
            words = self._labels.get(f"error_{error.code}", self._labels["error_error"])
            ui.notify(words, type="warning", position="top")
            await self._after()
            return False
        await (after or self._after)()
        return True


def _key(agent: Agent, made: str) -> str:
    """Return the key under which words are kept once, however often a browser brings them."""
    if not _KEY.fullmatch(made):
        raise Conflict("The browser gave these words no key. Load the page again.")
    return f"console:{agent.id}:{made}"


def _lead(agent: Agent) -> Agent:
    if not agent.leads:
        raise NotFound("Only leads see the messages that broke the bot.")
    return agent
