"""Pages that are read for together: what they share is read once, and nobody sees more than alone. On both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event

from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.sql import SqlShop
from bot.store.database import Database
from handoff import people
from handoff.console.ask import Ask
from handoff.console.reading import Found, Reader, Wish, read_all
from handoff.console.session import Safety, Session, Wiring
from handoff.lookout import Lookout
from tests.conftest import StandingClock
from tests.starter_advice import starter_advice
from tests.test_access import ALL, NOW, a_shop

STAFF = ("li", "wang", "zhao")


@pytest.fixture
async def wiring(database: Database, clock: StandingClock, new_id: IdMaker) -> Wiring:
    def fill(connection: Connection) -> None:
        a_shop(connection)
        for login in STAFF:
            people.start_session(connection, login, f"session-{login}", clock.now())

    await database.write(fill)
    changes = Signal()
    lookout, see = Lookout(database, changes, clock), Safety(see="own")
    told = starter_advice(), lookout, see
    return Wiring(database, SqlShop, clock, new_id, Signal(), changes, list, frozenset(), *told)


def wish(wiring: Wiring, login: str, tab: str, selected: str | None = None) -> Wish:
    return Wish(Session(wiring, f"session-{login}"), Ask(tab, "all", selected, 100))


@contextmanager
def counted(connection: Connection) -> Iterator[list[str]]:
    """Collect the statements of a connection."""
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(connection, "before_cursor_execute", hear)
    yield said
    event.remove(connection, "before_cursor_execute", hear)


async def test_nobody_gets_a_list_that_was_read_for_somebody_who_sees_more(wiring: Wiring) -> None:
    wishes = [wish(wiring, login, "all") for login in ("zhao", "li", "wang")]
    found = await wiring.database.read(lambda c: read_all(c, wishes, wiring))
    lists = [{talk.id for talk in one.view.talks} for one in found if isinstance(one, Found)]
    assert lists == [ALL, ALL - {"with_wang"}, ALL - {"with_li"}]


async def test_each_page_has_the_talks_and_numbers_of_its_own_agent(wiring: Wiring) -> None:
    wishes = [wish(wiring, login, "mine") for login in STAFF]
    found = await wiring.database.read(lambda c: read_all(c, wishes, wiring))
    views = [one.view for one in found if isinstance(one, Found)]
    assert [[talk.id for talk in view.talks] for view in views] == [["with_li"], ["with_wang"], []]
    assert [(view.counts["mine"], view.counts["waiting"]) for view in views] == [(1, 1), (1, 1), (0, 1)]
    assert [view.counts["tasks"] for view in views] == [4, 4, 5]


async def test_a_page_more_costs_no_statement_more(wiring: Wiring) -> None:
    def statements(connection: Connection, *wishes: Wish) -> int:
        with counted(connection) as said:
            read_all(connection, wishes, wiring)
        return len(said)

    def both(connection: Connection) -> tuple[int, int]:
        lead = wish(wiring, "zhao", "waiting")
        return statements(connection, lead), statements(connection, *[lead] * 20)

    alone, together = await wiring.database.read(both)
    assert together == alone


async def test_of_pages_that_ask_together_the_one_without_a_session_is_shut_out(wiring: Wiring) -> None:
    reader = Reader(wiring)
    asked = [reader.read(wish(wiring, login, "waiting")) for login in ("nobody", "li")]
    nobody, li = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(nobody, NotAllowed)
    assert isinstance(li, Found)
    assert [talk.id for talk in li.view.talks] == ["waiting"]


async def test_a_page_that_cannot_be_read_for_stops_no_other(wiring: Wiring) -> None:
    reader = Reader(wiring)
    broken = wish(wiring, "li", "no such tab", "\0")
    other = wish(wiring, "wang", "mine")
    _, wang = await asyncio.gather(reader.read(broken), reader.read(other), return_exceptions=True)
    assert isinstance(wang, Found)
    assert [talk.id for talk in wang.view.talks] == ["with_wang"]


async def test_an_open_conversation_that_has_not_moved_is_kept_and_one_that_has_is_read_again(wiring: Wiring) -> None:
    reader = Reader(wiring)
    first = await reader.read(wish(wiring, "li", "mine", "with_li"))
    session, ask = Session(wiring, "session-li"), first.view.ask
    again = await reader.read(Wish(session, ask, first.view, first.state))
    assert again.view.around is first.view.around
    await wiring.database.write(lambda c: people.add_agent(c, "new", "new", "New", "agent", NOW))
    moved = await reader.read(Wish(session, ask, first.view, None))
    assert moved.view.around is not first.view.around
    assert {agent.id for agent in moved.view.colleagues} == {"wang", "zhao", "chen", "new"}
