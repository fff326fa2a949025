"""What follow-ups do: the interval beside published numbers, and a true lift that is found again."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from bot.campaigns.effect import Group, effect, lift, wilson
from bot.cli import app
from bot.store.database import Database
from bot.store.tables import persons, touches

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_the_interval_of_a_difference_is_the_published_one() -> None:
    """Newcombe 1998, table II, (a) 56/70 against 48/80: 0.0524 to 0.3339; (g) 10/10 against 0/10: 0.6075 to 1."""
    found = lift(Group(70, 56), Group(80, 48))
    assert found is not None
    assert (found.points, found.low, found.high) == pytest.approx((20.0, 5.24, 33.39), abs=0.005)
    extreme = lift(Group(10, 10), Group(10, 0))
    assert extreme is not None
    assert (extreme.low, extreme.high) == pytest.approx((60.75, 100.0), abs=0.005)


def test_the_interval_of_a_share_never_leaves_what_is_possible() -> None:
    for paid in (0, 1, 19, 20):
        low, high = wilson(Group(20, paid))
        assert -1e-9 <= low <= paid / 20 <= high <= 1 + 1e-9


def test_without_a_second_group_nothing_is_claimed() -> None:
    assert lift(Group(100, 10), Group(0, 0)) is None


def test_a_true_lift_of_three_points_is_found_within_one_point_at_95_percent() -> None:
    """In 50,000 carts with a tenth held out the ends of the interval stand about a point away, and hold the truth."""
    rng = random.Random(7)
    held = widths = 0.0
    rounds = 400
    for _ in range(rounds):
        touched = Group(45_000, round(rng.gauss(45_000 * 0.13, (45_000 * 0.13 * 0.87) ** 0.5)))
        control = Group(5_000, round(rng.gauss(5_000 * 0.10, (5_000 * 0.10 * 0.90) ** 0.5)))
        found = lift(touched, control)
        assert found is not None
        held += found.low <= 3.0 <= found.high
        widths = max(widths, found.high - found.low)
    assert widths / 2 < 1.0
    assert 0.92 < held / rounds < 0.98


def touch(
    person: str, status: str, paid_minor: int | None = None, episode: str = "", days_ago: int = 1
) -> dict[str, object]:
    at = NOW - timedelta(days=days_ago)
    episode = episode or person
    return {
        "key": f"touch:{episode}", "campaign": "cart", "person_id": person, "episode": episode, "step": 1,
        "subject": "c", "value_minor": 9900, "currency": "CNY", "status": status, "planned_at": at,
        "reason": "no_consent" if status == "dropped" else "",
        "paid_at": at if paid_minor else None, "paid_minor": paid_minor,
    }  # fmt: skip


def fill(connection: Connection) -> None:
    for name in "abcdefg":
        connection.execute(persons.insert().values(id=name, created_at=NOW))
    book = [touch("a", "sent", 9900), touch("b", "task"), touch("c", "sent"), touch("d", "withheld", 5000)]
    book += [touch("e", "withheld"), touch("f", "dropped"), touch("g", "sent", 100, days_ago=40)]
    book += [touch("c", "sent", 7000, episode="c again", days_ago=0)]
    connection.execute(touches.insert(), book)


async def test_a_person_counts_once_by_the_first_episode_of_the_time(database: Database) -> None:
    await database.write(fill)
    found = await database.read(lambda c: effect(c, NOW - timedelta(days=28), NOW + timedelta(seconds=1)))

    assert (found.touched, found.held_out) == (Group(3, 1), Group(2, 1))
    assert found.gross_minor == {"CNY": 9900}
    assert found.stopped == {"no_consent": 1}


def test_the_command_prints_what_programs_and_people_read(tmp_path: Path) -> None:
    tmp_path = tmp_path / "shop"
    assert CliRunner().invoke(app, ["init", str(tmp_path)]).exit_code == 0
    printed = CliRunner().invoke(app, ["carts", "report", "--json", "--dir", str(tmp_path)])
    assert json.loads(printed.stdout)["touched"] == {"people": 0, "paid": 0}
    assert json.loads(printed.stdout)["lift"] is None
    said = CliRunner().invoke(app, ["carts", "report", "--dir", str(tmp_path)])
    assert "not known" in said.stderr
