"""Nothing is lost and nothing done twice, whenever a worker dies or stands still; and what it takes for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import bot.bench.crash as crash_module
from bot.bench.crash import Outcome, Plan, crash, crash_at_steps
from bot.bench.stand import fresh_database
from tests.needs import postgresql_url

WORKERS = {"sqlite": 1, "postgresql": 3}
MESSAGES = 3000
OFF_THE_WAY = {
    "Sender._remember_pace",
    "Sender._take_over",
    "Sender._finish",
    "TurnRunner._untake",
    "TurnRunner._release",
    "TurnRunner._fail",
    "Leases.while_held",
}
"""Run when a worker begins or ends, or loses a lease on a slow machine: it may never come to them with a message."""


@pytest.fixture
def url(kind: str, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    with fresh_database(postgresql_url() if kind == "postgresql" else "", tmp_path) as address:
        yield address


def faults(outcome: Outcome) -> dict[str, list[str]]:
    return {what: found.examples for what, found in outcome.verdict.faults.items() if found.count}


def quiet(_: str) -> None:
    pass


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_nothing_is_lost_or_doubled_while_workers_are_killed_and_stopped(
    kind: str, url: str, tmp_path: Path
) -> None:
    plan = Plan(url, MESSAGES, WORKERS[kind], kill_every_s=0.7, lease_s=1.0)

    outcome = await crash(plan, tmp_path, Random(1), quiet)

    assert faults(outcome) == {}
    assert outcome.messages == MESSAGES
    assert outcome.deliveries > 1.5 * MESSAGES
    assert outcome.kills >= 5
    assert outcome.pauses >= 2
    assert outcome.verdict.campaigns >= MESSAGES / 10 - outcome.verdict.given_up
    assert outcome.verdict.campaigns_out >= 0.9 * outcome.verdict.campaigns
    assert outcome.verdict.unsure <= outcome.verdict.in_the_air
    assert 0 < outcome.verdict.repeats <= outcome.verdict.in_the_air <= outcome.verdict.most_in_the_air
    assert outcome.verdict.given_up <= MESSAGES / 100, (
        "a message is given up only if it met more than MAX_DEATHS deaths"
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_worker_may_die_at_any_step(kind: str, url: str, tmp_path: Path) -> None:
    plan = Plan(url, messages=0, workers=1, kill_every_s=0, lease_s=0.4)

    outcome = await crash_at_steps(plan, tmp_path, Random(1), quiet)

    assert faults(outcome) == {}
    assert {step.partition(" ")[2] for step in outcome.missed} <= OFF_THE_WAY
    assert outcome.kills >= 20
    assert outcome.verdict.given_up == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_without_the_fence_a_worker_that_stood_still_does_it_again(kind: str, url: str, tmp_path: Path) -> None:
    plan = Plan(url, MESSAGES // 2, WORKERS[kind], kill_every_s=0.7, lease_s=1.0, without="fence")

    outcome = await crash(plan, tmp_path, Random(1), quiet)

    assert outcome.verdict.doubled.count > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_without_the_key_a_message_is_stored_as_often_as_it_is_delivered(
    kind: str, url: str, tmp_path: Path
) -> None:
    plan = Plan(url, MESSAGES // 10, WORKERS[kind], kill_every_s=0.7, lease_s=1.0, without="key")

    outcome = await crash(plan, tmp_path, Random(1), quiet)

    assert outcome.verdict.doubled.count > MESSAGES / 100
    assert outcome.verdict.disordered.count > 0


@pytest.mark.timeout(300)
async def test_without_the_fence_of_receipts_a_late_one_ends_the_send_of_another_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is taken for sent, and the next answer leaves while it is still on its way.

    With the guard there are none but after time-outs, a few on a busy machine; without it about 145. Beside busy
    neighbours the pauses fall badly and show 2 or 27: then it is tried again.
    """
    monkeypatch.setattr(crash_module, "PAUSES_OF_KILLS", 1)
    most = 0
    for attempt in range(4):
        with fresh_database(postgresql_url(), tmp_path) as url:
            plan = Plan(
                url, MESSAGES * 3 // 10, workers=2, kill_every_s=0.7, lease_s=1.0, without="receipt", answer_s=0.6
            )
            outcome = await crash(plan, tmp_path, Random(attempt + 1), quiet)
        most = max(most, outcome.verdict.overlaps)
        if most >= 40:
            break

    assert most >= 40
