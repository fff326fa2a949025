"""Whatever happens to a queue in whatever order, nobody is forgotten, overtaken or spoken to by two."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from bot.bench.queue_events import ACTS, EVENTS, KINDS, Act, Events, run
from bot.bench.queue_rules import Broken
from bot.bench.queue_shop import Mortal, QueueShop
from bot.delivery import claims
from bot.delivery.gate import judge
from handoff import assigning, ownership, people
from handoff.arrivals import Arrivals
from handoff.routing import pairs
from tests.conftest import postgresql_address, postgresql_database

Fresh = Callable[[], AbstractContextManager[str]]
NUMBERS = st.integers(0, 999)


class Machine(RuleBasedStateMachine):
    """Each example has a queue of its own."""

    fresh: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        url = self.opened.enter_context(type(self).fresh())
        self.runner = self.opened.enter_context(asyncio.Runner())
        database = Mortal(url)
        self.opened.callback(database.close)
        self.events = Events(QueueShop(database))
        self.runner.run(self.events.shop.open())

    @rule(what=st.sampled_from((*KINDS, *EVENTS)), one=NUMBERS, two=NUMBERS, three=NUMBERS)
    def something_happens(self, what: str, one: int, two: int, three: int) -> None:
        self.runner.run(self.events.happens(what, one, two, three))

    def teardown(self) -> None:
        self.opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    if request.param == "sqlite":
        return lambda: _file(request.getfixturevalue("migrated_file"))
    return lambda: _on_the_server(request.getfixturevalue("migrated_template"))


@contextmanager
def _file(empty: Path) -> Iterator[str]:
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{shutil.copy(empty, Path(folder) / 'queue.db')}"


@contextmanager
def _on_the_server(template: str) -> Iterator[str]:
    with postgresql_database(template) as name:
        yield postgresql_address(name)


def test_whatever_happens_everything_holds(fresh: Fresh) -> None:
    few = settings(
        max_examples=4,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    here = type("Here", (Machine,), {"fresh": staticmethod(fresh)})
    run_state_machine_as_test(here, settings=few)


def test_a_queue_goes_on_for_days(migrated_file: Path) -> None:
    with _file(migrated_file) as url:
        outcome = asyncio.run(run(url, 150, seed=3))
    assert outcome.broken == ""
    assert outcome.events == 150
    assert outcome.given > 0
    assert outcome.sent > 20


def test_whatever_people_do_at_the_same_moment_everything_holds(migrated_template: str) -> None:
    """Where a race was found, `test_queue_races.py` stages it; this looks for others."""
    random = Random(5)

    number = partial(random.randrange, 1000)

    def acts(how_many: int) -> list[Act]:
        return [(random.choice(ACTS), number(), number(), number()) for _ in range(how_many)]

    async def happen(url: str) -> None:
        database = Mortal(url)
        try:
            events = Events(QueueShop(database))
            await events.shop.open()
            for number in range(8):
                await events.happens("comes", number, 0, 0)
                await events.happen_at_once(acts(4), acts(4))
        finally:
            database.close()

    with _on_the_server(migrated_template) as url:
        asyncio.run(happen(url))


def _last_come_first_served(waiting: list[Any], seats: Any, now: Any) -> Any:
    latest = {one.place_at: other.place_at for one, other in zip(waiting, reversed(waiting), strict=True)}
    turned = {one.id: one for one in waiting}
    swapped = [replace(one, place_at=latest[one.place_at], last_agent_id="") for one in waiting]
    return [(turned[one.id], seat) for one, seat in pairs(swapped, seats, now)]


MISTAKES = {
    "nobody looks when something changed": (ownership, "look_through", lambda *_: None, "has room|waits"),
    "the last come are served first": (assigning, "pairs", _last_come_first_served, "overtook|starves"),
    "who may answer no more keeps what they have": (people, "leave_crew", lambda *_: None, "may not answer"),
    "an agent may hold on for ever": (ownership, "_let_answer", lambda *_: None, "owes nothing"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, instead, told = MISTAKES[mistake]
    monkeypatch.setattr(module, name, instead)
    with _file(migrated_file) as url:
        outcome = asyncio.run(run(url, 300, seed=4))
    assert outcome.broken, "a check that cannot fail"
    assert re.search(told, outcome.broken), outcome.broken


RARE: dict[str, tuple[Any, str, Any, str, list[Act]]] = {
    "the gate forgets who owns": (
        claims,
        "judge",
        lambda facts, rules, now: judge(replace(facts, epoch=None), rules, now),
        "the bot spoke",
        [("writes", 0, 0, 4), ("takes", 0, 0, 1)],
    ),
    "the queue does not close": (
        Arrivals,
        "close",
        lambda *_: None,
        "while nobody answers",
        [("asks", 1, 0, 4), ("night", 1, 0, 0)],
    ),
}
"""Mistakes that show seldom by chance, with what brings them out."""


@pytest.mark.parametrize("mistake", RARE)
def test_a_rare_mistake_is_found_too(mistake: str, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, instead, told, acts = RARE[mistake]

    async def happen(url: str) -> None:
        database = Mortal(url)
        try:
            events = Events(QueueShop(database))
            await events.shop.open()
            for act in acts:
                await events.happens(*act)
        finally:
            database.close()

    with _file(migrated_file) as url:
        asyncio.run(happen(url))
    monkeypatch.setattr(module, name, instead)
    with _file(migrated_file) as url, pytest.raises(Broken, match=told):
        asyncio.run(happen(url))
