"""What an agent can do to a conversation. Each action checks the session and the right again, then wakes the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from sqlalchemy import Connection

from bot.errors import NotAllowed, ZhangguiError
from handoff import desk, ownership, tasks
from handoff.console.labels import Labels
from handoff.console.login import PATH
from handoff.console.session import Session, Wiring
from handoff.people import Agent

Job = Callable[[Connection, Agent], Any]


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
        self._new_id = wiring.new_id
        self._labels = labels
        self._after = after
        self._taken = taken

    async def take(self, conversation_id: str) -> bool:
        went = await self._do(lambda c, agent: desk.take(c, conversation_id, agent, self._clock.now()))
        if went:
            await self._taken()
        return went

    async def reply(self, conversation_id: str, text: str) -> bool:
        key = f"console:{self._new_id()}"
        return await self._do(lambda c, agent: desk.reply(c, conversation_id, agent.id, text, key, self._clock.now()))

    async def note(self, conversation_id: str, text: str) -> bool:
        return await self._do(lambda c, agent: desk.note(c, conversation_id, agent.id, text, self._clock.now()))

    async def retry(self, outbox_id: int) -> bool:
        return await self._do(lambda c, agent: desk.retry_send(c, outbox_id, agent.id, self._clock.now()))

    async def finish_task(self, task_id: int) -> bool:
        return await self._do(lambda c, agent: tasks.finish(c, task_id, agent.id, self._clock.now()))

    async def give_back(self, conversation_id: str, reason: str) -> bool:
        return await self._do(
            lambda c, agent: ownership.give_back(c, conversation_id, agent.id, reason, self._clock.now())
        )

    async def close(self, conversation_id: str, reason: str) -> bool:
        return await self._do(lambda c, agent: ownership.close(c, conversation_id, agent.id, reason, self._clock.now()))

    async def transfer(self, conversation_id: str, to_agent_id: str, reason: str) -> bool:
        return await self._do(
            lambda c, agent: ownership.transfer(c, conversation_id, agent.id, to_agent_id, reason, self._clock.now())
        )

    async def _do(self, job: Job) -> bool:
        try:
            await self._session.act(job)
        except NotAllowed:
            ui.navigate.to(f"{PATH}/login")
            return False
        except ZhangguiError as error:
            words = self._labels.get(f"error_{error.code}", self._labels["error_error"])
            ui.notify(words, type="warning", position="top")
            await self._after()
            return False
        await self._after()
        return True
