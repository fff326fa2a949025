"""One look for all open pages of a process: what changed, and which of them it concerns.

Two hundred pages that each asked the database after every message would keep it busy with nothing but answers of "no".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from sqlalchemy import CompoundSelect, Connection, Integer, bindparam, literal, select, union_all
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import Clock
from bot.delivery.signal import Signal
from bot.store.database import Database
from bot.store.tables import conversations, inbox, notes, outbox
from handoff import people
from handoff.people import Agent
from handoff.pulse import State, Totals, states, totals

LOOK_EVERY_S = 1.0
"""A net: whoever changes something wakes us, in this process or by the bell."""
LEAST_PAUSE_S = 0.08
WHOLE_EVERY_S = 0.5
"""How often the fate of sends is asked of open conversations where nothing was said, and late rows are looked for."""
CHECK_EVERY_S = 2.0
"""How often it is looked whether the sessions of the open pages have changed."""
LATE_IDS = 200
"""The most that is looked at, and how many rows are looked at again with the whole: on PostgreSQL a smaller id can
become visible after a larger one."""
WATCHED = inbox, outbox, notes
"""Tables in which everything that is said, and every change of owner, leaves a row."""
REMEMBERED = 100
"""Looks: a page that was reading meanwhile is told what it may have missed."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """Whose a conversation is now. `agent_id` is None unless an agent has it."""

    owner: str
    agent_id: str | None


Touched = Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    Attributes:
        flooded: whether more came than was looked at (a campaign was written): everything may have changed.
        states: of the open conversations that were asked about.
    """

    flooded: bool
    touched: Touched
    states: Mapping[str, State]
    totals: Totals


@dataclass(eq=False)
class Watch:
    """What one page shows. It is woken by what concerns that.

    Attributes:
        tab: `mine`, `waiting`, `all` or `tasks`.
        shown: ids of the conversations in its list.
        selected, state: the open conversation, and its state as the page shows it.
        stale: whether it has to read again.
        changed: which conversations of its list have changed since it read; None: nobody knows, all may have.
        totals: the numbers of all agents as they are now. A change of who waits, alone, needs no reading.
        token: of the page's session, empty for none.
        who: whose that session is, as it was looked up last; None before that, and once it has ended.
        moved: whether `who` is another one than when the page asked last: it has to ask again.
    """

    viewer_id: str
    tab: str = ""
    shown: frozenset[str] = frozenset()
    selected: str | None = None
    state: State | None = None
    stale: bool = False
    changed: frozenset[str] | None = frozenset()
    totals: Totals | None = None
    told: Totals | None = None
    token: str = field(default="", repr=False)
    who: Agent | None = None
    moved: bool = False
    wake: Signal = field(default_factory=Signal)

    def concerning(self, touched: Touched) -> frozenset[str]:
        """Return those of the conversations that are in this page's list, or belong there now."""
        if self.tab == "all":
            return frozenset(touched)
        if self.tab == "waiting":
            belong = (talk for talk, place in touched.items() if place.owner == "queue")
        else:
            belong = (talk for talk, place in touched.items() if place.agent_id == self.viewer_id)
        return self.shown.intersection(touched).union(belong)

    def outdate(self, changed: frozenset[str] | None) -> None:
        """Let the page read again: these conversations, or everything where it is not known which."""
        self.stale = True
        self.changed = None if changed is None or self.changed is None else self.changed | changed

    def reads(self) -> frozenset[str] | None:
        """Return what has changed, see the attribute, and note from here on what changes while the page reads."""
        changed = self.changed
        self.stale, self.changed = False, frozenset()
        return changed

    def hear(self, look: Look) -> None:
        """Take what a look found."""
        before, self.totals = self.told, look.totals
        state = look.states.get(self.selected) if self.selected else None
        news = before != look.totals
        tasks_moved = news and before is not None and replace(before, waiting=look.totals.waiting) != look.totals
        if look.flooded or tasks_moved:
            self.outdate(None)
        if look.touched and (concerning := self.concerning(look.touched)):
            self.outdate(concerning)
        if self.selected and state is not None and state != self.state:
            self.outdate(frozenset({self.selected}))
        if self.stale or news:
            self.wake.notify()

    def is_of(self, who: Agent | None) -> None:
        """Take whose the session is now."""
        if who != self.who or who is None:
            self.who, self.moved = who, True
            self.wake.notify()


class Lookout:
    """Looks while at least one page is open."""

    def __init__(self, database: Database, changes: Signal, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._changes = changes
        self._watches: set[Watch] = set()
        self._recent: deque[tuple[int, Touched]] = deque(maxlen=REMEMBERED)
        self._known: dict[str, set[int]] = {}
        self._behind: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._whole_at = self._checked_at = 0.0
        self.looks = 0

    def add(self, watch: Watch) -> None:
        """Begin to wake `watch`."""
        self._watches.add(watch)
        if self._task is None or self._task.done():
            self._known, self._task = {}, asyncio.create_task(self._run(), name="console lookout")

    def remove(self, watch: Watch) -> None:
        """Wake it no more."""
        self._watches.discard(watch)

    def missed(self, watch: Watch, since: int) -> None:
        """Mark `watch` stale if looks after number `since` found what concerns what it shows only now."""
        for number, touched in reversed(self._recent):
            if number <= since:
                return
            if concerning := watch.concerning(touched):
                watch.outdate(concerning)
                watch.wake.notify()

    async def _run(self) -> None:
        while self._watches:
            seen = self._changes.count
            try:
                await self._look()
            except SQLAlchemyError as error:  # a database that is away for a moment must not leave pages stale
                log.warning("console.cannot_look", error=type(error).__name__)
            await asyncio.sleep(LEAST_PAUSE_S)
            await self._changes.wait(seen, LOOK_EVERY_S)

    async def _look(self) -> None:
        opened = {watch.selected for watch in self._watches if watch.selected}
        time = asyncio.get_running_loop().time()
        if whole := time >= self._whole_at + WHOLE_EVERY_S:
            self._whole_at = time
        look = await self._database.read(lambda c: self._read(c, opened, whole))
        self.looks += 1
        if look.touched:
            self._recent.append((self.looks, look.touched))
        for watch in self._watches:
            watch.hear(look)
        if time >= self._checked_at + CHECK_EVERY_S:
            self._checked_at = time
            await self._check()

    async def _check(self) -> None:
        """Look up all sessions at once. It only wakes: the page's own door lets in or out."""
        watched = [watch for watch in self._watches if watch.token]
        tokens, now = {watch.token for watch in watched}, self._clock.now()
        found = await self._database.read(lambda c: people.agents_of(c, tokens, now)) if tokens else {}
        for watch in watched:
            watch.is_of(found.get(watch.token))

    def _read(self, connection: Connection, opened: set[str], whole: bool) -> Look:
        new = self._new(connection, whole)
        ids = set(new or ())
        asked = opened if whole else opened & ids
        moved = sorted(ids | self._done(connection))
        places = connection.execute(_PLACES, {"ids": moved}) if moved else ()
        touched = {row.id: Place(row.owner, row.agent_id) for row in places}
        return Look(new is None, touched, states(connection, asked) if asked else {}, totals(connection))

    def _done(self, connection: Connection) -> set[str]:
        """Return where a turn has ended: it may leave no row, but by when an agent has to answer."""
        before, self._behind = self._behind, set(connection.execute(_BEHIND).scalars())
        return before - self._behind

    def _new(self, connection: Connection, whole: bool) -> list[str] | None:
        """Return the conversations of the rows that came since the last look, None if there are too many.

        At the first look there are none: whoever opens a page reads everything.
        """
        first = not self._known
        after = {name: max(ids, default=0) for name, ids in self._known.items()} if not whole else {}
        found: dict[str, dict[int, str]] = {table.name: {} for table in WATCHED}
        for name, row_id, talk_id in connection.execute(_NEWEST, {n: after.get(n, 0) for n in found}):
            found[name][row_id] = talk_id
        new = {
            name: [talk for row, talk in rows.items() if row not in self._known.get(name, ())]
            for name, rows in found.items()
        }
        for name, rows in found.items():
            self._known[name] = set(rows) if whole or first else {*self._known[name], *rows}
        if first:
            return []
        return None if any(len(one) == LATE_IDS for one in new.values()) else [t for one in new.values() for t in one]


def _newest() -> CompoundSelect[Any]:
    """Return the newest rows of all tables that say something, each behind an id, by one statement."""
    parts = []
    for table in WATCHED:
        rows = select(literal(table.name).label("name"), table.c.id, table.c.conversation_id)
        rows = rows.where(table.c.id > bindparam(table.name, type_=Integer))
        parts.append(select(rows.order_by(table.c.id.desc()).limit(LATE_IDS).subquery()))
    return union_all(*parts)


_NEWEST = _newest()
_PLACES = select(conversations.c.id, conversations.c.owner, conversations.c.agent_id).where(
    conversations.c.id.in_(bindparam("ids", expanding=True))
)
_BEHIND = (
    select(conversations.c.id)
    .where(conversations.c.last_seq > conversations.c.done_seq)
    .order_by(conversations.c.updated_at)
    .limit(LATE_IDS)
)
