"""A small rush for a flash sale, with workers that are killed: nothing is oversold, and without the guard it would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot.bench.flash import FAULTS, Plan, rush
from bot.bench.stand import fresh_database
from tests.needs import postgresql_url


@pytest.fixture(params=["sqlite", "postgresql"])
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plan]:
    """A rush of 600 accounts for 20 pieces on an empty database."""
    several = request.param == "postgresql"
    with fresh_database(postgresql_url() if several else "", tmp_path) as address:
        yield Plan(address, people=600, pieces=20, workers=3 if several else 1, kill_every_s=0.7, hold_s=2, offer_s=2)


async def test_in_a_rush_with_dying_workers_nothing_is_oversold_and_the_line_is_kept(
    plan: Plan, tmp_path: Path
) -> None:
    verdict = await rush(plan, tmp_path, Random(1))

    assert {fault: getattr(verdict, fault) for fault in FAULTS} == dict.fromkeys(FAULTS, 0), verdict
    assert verdict.paid == plan.pieces
    assert verdict.held >= plan.pieces - verdict.kills  # an answer that a kill swallowed is "again" the second time
    assert verdict.waiting > 400
    assert verdict.kills >= 2
    assert verdict.instants > 20


async def test_without_the_condition_of_the_update_the_rush_shows_it(plan: Plan, tmp_path: Path) -> None:
    verdict = await rush(replace(plan, people=200, without="stock"), tmp_path, Random(1))

    assert verdict.wrong
    assert not verdict.holds
