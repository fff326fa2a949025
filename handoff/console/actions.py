"""What an agent can do to a conversation. Each action checks the session and the right again, then wakes the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from nicegui import ui
from sqlalchemy import Connection

from bot.errors import NotAllowed, NotFound, ZhangguiError
from bot.messages import File
from handoff import dead, desk, ownership, tasks
from handoff.console.labels import Labels
from handoff.console.session import PATH, Session, Wiring
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

    async def reply(self, conversation_id: str, text: str, picture: File | None) -> bool:
        key, now = f"console:{self._new_id()}", self._clock.now()
        return await self._do(lambda c, agent: desk.reply(c, conversation_id, agent.id, text, key, now, picture))

    async def types(self, conversation_id: str) -> None:
        """Let the customer see that somebody is writing. Nothing is redrawn, and nothing said if it fails."""
        with suppress(ZhangguiError):
            await self._session.act(lambda c, agent: desk.types(c, conversation_id, agent.id, self._clock.now()))

    async def note(self, conversation_id: str, text: str) -> bool:
        return await self._do(lambda c, agent: desk.note(c, conversation_id, agent.id, text, self._clock.now()))

    async def retry(self, outbox_id: int) -> bool:
        return await self._do(lambda c, agent: desk.retry_send(c, outbox_id, agent.id, self._clock.now()))

    async def finish_task(self, task_id: int) -> bool:
        return await self._do(lambda c, agent: tasks.finish(c, task_id, agent.id, self._clock.now()))

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


def _lead(agent: Agent) -> Agent:
    if not agent.leads:
        raise NotFound("Only leads see the messages that broke the bot.")
    return agent
