"""The console for programs: `/console/api/…`, with the same doors and the same rules as the pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from bot.errors import Conflict, NotFound
from bot.store.tables import notes, outbox
from handoff import answering, desk, ownership, people, presence, typed
from handoff.access import access_conversation
from handoff.api_door import PROBLEMS, Caller, Problems, caller_in
from handoff.console.session import PATH, Wiring
from handoff.desk import Conversation
from handoff.owner import Ownership
from handoff.pages import Tab, page_of_talks
from handoff.people import Agent
from handoff.persons import FoundPerson, search_persons
from handoff.talks import Talk

PREFIX = f"{PATH}/api"
MOST_A_PAGE, MOST_LINES = 100, 500
NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps every character but this one
ONCE = Header(max_length=100, pattern=r"^[^\x00~]*$")  # behind a `~` the number of a reply that is sent again is kept
Ident = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL)]
Words = Annotated[str, Field(min_length=1, max_length=4000, pattern=NO_NUL)]
Why = Annotated[str, Field(max_length=500, pattern=NO_NUL)]


class Body(BaseModel):
    """A typing error in a field's name is an error, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Body):
    """What is said or noted."""

    text: Words


class Reason(Body):
    """Why, as colleagues read it."""

    reason: Why = ""


class Transfer(Body):
    """To whom, by login, and why."""

    to: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
    reason: Why = ""


class Snooze(Body):
    """Until when, with its offset from UTC."""

    until: AwareDatetime


class Status(Body):
    """Whether an agent takes conversations."""

    status: Literal["on", "away", "off"]


@dataclass(frozen=True, slots=True)
class TalkPage:
    """One page of a list. `next` is the cursor of the following one, empty at the end."""

    conversations: tuple[Talk, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Said:
    """A reply in the outbox. `key` finds its line in the conversation; `status` is as in `outbox.status`."""

    key: str
    status: str
    created_at: datetime


class KeyUsed(Conflict):
    """This Idempotency-Key came before with other words or for another conversation. Take a new key for new words."""


def api_routes(wiring: Wiring) -> APIRouter:
    """Return the routes."""
    Who = Annotated[Caller, Depends(caller_in(wiring))]  # noqa: N806 (a type)
    router = APIRouter(prefix=PREFIX, tags=["console"], route_class=Problems, responses=PROBLEMS)

    @router.get("/me")
    async def who_am_i(who: Who) -> Agent:
        """Return the agent that the key or session acts as."""
        return await who.read(lambda _, agent: agent)

    @router.put("/me/status", status_code=204)
    async def set_status(who: Who, given: Status) -> None:
        """Say whether you take conversations: `on`, `away` (you keep what you have) or `off`."""
        await who.act(lambda c, agent: presence.set_status(c, agent.id, given.status, wiring.clock.now()))

    @router.get("/agents")
    async def list_agents(who: Who) -> list[Agent]:
        """Return the agents who answer customers, by login."""
        return await who.read(lambda c, _: [agent for agent in people.list_agents(c) if agent.answers])

    @router.get("/people")
    async def find_people(
        who: Who, q: Annotated[str, Query(min_length=1, max_length=100, pattern=NO_NUL)]
    ) -> list[FoundPerson]:
        """Find customers by a part of their name, by their id on a platform or by the number of a proven order."""
        return await who.read(lambda c, agent: search_persons(c, agent, q))

    @router.get("/conversations")
    async def list_conversations(
        who: Who,
        tab: Tab = "waiting",
        cursor: Annotated[str, Query(max_length=500)] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_A_PAGE)] = 50,
    ) -> TalkPage:
        """Return one of the console's lists, page by page."""
        return await who.read(lambda c, agent: TalkPage(*page_of_talks(c, tab, agent, cursor, limit)))

    @router.get("/conversations/{ident}")
    async def read_conversation(
        who: Who, ident: Ident, lines: Annotated[int, Query(ge=1, le=MOST_LINES)] = 100
    ) -> Conversation:
        """Return one conversation with its newest lines, the customer, and what may still be sent."""
        return await who.read(lambda c, agent: _conversation(c, wiring, agent, ident, lines))

    @router.post("/conversations/{ident}/replies", status_code=201)
    async def reply(
        who: Who,
        ident: Ident,
        said: Text,
        response: Response,
        idempotency_key: Annotated[str, ONCE] = "",
    ) -> Said:
        """Answer the customer; the conversation has to be yours.

        Send the same `Idempotency-Key` when you repeat a request whose answer you did not get: it is said once, and
        the repeat is answered with 200 and what became of it.
        """
        word = idempotency_key or wiring.new_id()
        stored, new = await who.act(lambda c, agent: _reply(c, agent, ident, said.text, word, wiring.clock.now()))
        response.status_code = 201 if new else 200
        return stored

    @router.post("/conversations/{ident}/notes", status_code=204)
    async def note(
        who: Who,
        ident: Ident,
        said: Text,
        idempotency_key: Annotated[str, ONCE] = "",
    ) -> None:
        """Keep a private note, seen by agents only; with the same `Idempotency-Key` it is kept once."""
        word = idempotency_key or wiring.new_id()
        now = wiring.clock.now()
        await who.act(lambda c, agent: _note(c, agent, ident, said.text, word, now))

    async def move(who: Caller, ident: str, job: Callable[[Connection, Agent, datetime], object]) -> Ownership:
        def moved(connection: Connection, agent: Agent) -> Ownership:
            access_conversation(connection, agent, ident)
            job(connection, agent, wiring.clock.now())
            return ownership.current(connection, ident)

        return await who.act(moved)

    @router.post("/conversations/{ident}/take")
    async def take(who: Who, ident: Ident) -> Ownership:
        """Take a conversation; a lead may take it from another agent."""
        return await move(who, ident, lambda c, agent, now: desk.take(c, ident, agent, now))

    @router.post("/conversations/{ident}/give-back")
    async def give_back(who: Who, ident: Ident, why: Reason) -> Ownership:
        """Hand your conversation back to the bot."""
        return await move(who, ident, lambda c, agent, now: ownership.give_back(c, ident, agent.id, why.reason, now))

    @router.post("/conversations/{ident}/close")
    async def close(who: Who, ident: Ident, why: Reason) -> Ownership:
        """Close your conversation, with what it came to."""
        return await move(who, ident, lambda c, agent, now: ownership.close(c, ident, agent.id, why.reason, now))

    @router.post("/conversations/{ident}/snooze")
    async def snooze(who: Who, ident: Ident, given: Snooze) -> Ownership:
        """Put your conversation off: it comes back by itself then, or when the customer writes."""
        return await move(who, ident, lambda c, agent, now: answering.snooze(c, ident, agent.id, given.until, now))

    @router.post("/conversations/{ident}/transfer")
    async def transfer(who: Who, ident: Ident, given: Transfer) -> Ownership:
        """Pass your conversation to a colleague."""

        def pass_on(connection: Connection, agent: Agent, now: datetime) -> None:
            to = people.find_agent(connection, given.to)
            if not to.answers:
                raise NotFound(f"{given.to} does not answer customers. GET {PREFIX}/agents lists who does.")
            ownership.transfer(connection, ident, agent.id, to.id, given.reason, now)

        return await move(who, ident, pass_on)

    return router


def _conversation(connection: Connection, wiring: Wiring, agent: Agent, ident: str, lines: int) -> Conversation:
    now = wiring.clock.now()
    return desk.conversation(connection, wiring.shop_of(connection), ident, agent, now, wiring.counting, lines)


def _reply(connection: Connection, agent: Agent, ident: str, text: str, word: str, now: datetime) -> tuple[Said, bool]:
    key = f"api:{agent.id}:{word}"
    known = desk.came_before(connection, key)
    if known is None:
        access_conversation(connection, agent, ident)
        desk.reply(connection, ident, agent.id, text, key, now)
        known = connection.execute(select(outbox).where(outbox.c.key == key)).one()
        return Said(f"out:{known.id}", known.status, known.created_at), True
    if (known.conversation_id, known.text) != (ident, typed.message(text)):
        raise KeyUsed
    return Said(f"out:{known.id}", known.status, known.created_at), False


def _note(connection: Connection, agent: Agent, ident: str, text: str, word: str, now: datetime) -> None:
    key = f"api:{agent.id}:{word}"
    if desk.note(connection, ident, agent, text, key, now):
        return
    known = connection.execute(select(notes).where(notes.c.key == key)).one()
    if (known.conversation_id, known.text) != (ident, typed.message(text)):
        raise KeyUsed
