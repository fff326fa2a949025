"""Pages that are read for together: what they share is read once, and nobody sees more than alone. On both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from bot.clock import IdMaker
from bot.delivery import clocks
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database
from handoff import ownership, people
from handoff.console.ask import Ask
from handoff.console.reading import Found, Reader, Wish, read_all
from handoff.console.session import Safety, Session, Wiring
from handoff.console.view import View
from handoff.lookout import Lookout
from tests.conftest import StandingClock
from tests.starter_advice import starter_advice
from tests.test_access import ALL, NOW, a_shop

STAFF = ("li", "wang", "zhao")
LATER = NOW + timedelta(minutes=1)


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
    moved = await reader.read(Wish(session, ask, first.view, None))
    assert moved.view.around is not first.view.around


@pytest.mark.parametrize("others", ["", "zhao", "wang zhao"])
async def test_who_is_alone_at_work_has_no_colleague(wiring: Wiring, others: str) -> None:
    gone = t.agents.c.id.not_in(["li", *others.split()])
    await wiring.database.write(lambda c: c.execute(t.agents.update().where(gone).values(disabled=True)))
    found = await Reader(wiring).read(wish(wiring, "li", "mine", "with_li"))
    assert found.view.has_colleagues == bool(others)


async def _whole_and_again(wiring: Wiring, change: Callable[[Connection], object], changed: set[str]) -> list[View]:
    """Return what li's page shows when it reads all, after a change, and when it reads only what has changed."""
    whole, changes = wish(wiring, "li", "mine", "with_li"), frozenset(changed)
    first = await Reader(wiring).read(whole)
    await wiring.database.write(change)
    again = replace(whole, kept=first.view, state=first.state, changed=changes)
    found = await wiring.database.read(lambda c: read_all(c, [whole, again], wiring))
    return [one.view for one in found if isinstance(one, Found)]


def _says(connection: Connection, talk: str) -> None:
    said = {"id": 50, "key": f"{talk}:2", "conversation_id": talk, "seq": 2, "text": "and now?"}
    connection.execute(t.inbox.insert().values(**said, sent_at=LATER, received_at=LATER))
    connection.execute(t.conversations.update().where(t.conversations.c.id == talk).values(last_seq=2))
    clocks.customer_wrote(connection, talk, 2)


def _takes_and_hears(connection: Connection) -> None:
    ownership.take(connection, "waiting", "li", LATER)
    _says(connection, "with_li")


CHANGES: dict[str, tuple[Callable[[Connection], object], set[str]]] = {
    "nothing": (lambda _: None, set()),
    "a message in the open one": (lambda c: _says(c, "with_li"), {"with_li"}),
    "one more": (lambda c: ownership.take(c, "waiting", "li", LATER), {"waiting"}),
    "one more, and a message": (_takes_and_hears, {"with_li", "waiting"}),
    "one less": (lambda c: ownership.close(c, "with_li", "li", "solved", LATER), {"with_li"}),
    "another agent's": (lambda c: _says(c, "with_wang"), {"with_wang"}),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_who_reads_only_what_has_changed_lists_the_same_as_who_reads_all(wiring: Wiring, change: str) -> None:
    whole, again = await _whole_and_again(wiring, *CHANGES[change])
    assert whole.talks == again.talks
    assert whole.counts == again.counts
    assert [whole.ends.get(talk.id) for talk in whole.talks] == [again.ends.get(talk.id) for talk in again.talks]
    assert whole.conversation == again.conversation


async def test_a_page_that_knows_what_has_changed_reads_nothing_else(wiring: Wiring) -> None:
    said: list[str] = []

    def again(connection: Connection, changed: frozenset[str] | None) -> None:
        whole = wish(wiring, "li", "mine", "with_li")
        first = read_all(connection, [whole], wiring)[0]
        assert isinstance(first, Found)
        with counted(connection) as heard:
            read_all(connection, [replace(whole, kept=first.view, state=first.state, changed=changed)], wiring)
        said[:] = heard

    await wiring.database.read(lambda c: again(c, None))
    everything = len(said)
    await wiring.database.read(lambda c: again(c, frozenset({"waiting"})))
    assert len(said) <= everything - 7  # the state of the open one, and all that are held
    assert not any("row_number" in statement for statement in said)


async def test_whose_session_has_ended_is_told_of_no_change(wiring: Wiring) -> None:
    reader, whole = Reader(wiring), wish(wiring, "li", "mine", "with_li")
    first = await reader.read(whole)
    await wiring.database.write(lambda c: people.revoke(c, "session-li"))
    with pytest.raises(NotAllowed):
        await reader.read(replace(whole, kept=first.view, state=first.state, changed=frozenset({"with_li"})))
