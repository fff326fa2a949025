"""`votes` from the plan to the winners, as somebody types it, and what a plan is refused for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from bot.campaigns.ballots import Voter, cast
from bot.campaigns.votefile import PlannedVote, read_vote
from bot.errors import Conflict, NotAllowed
from bot.knowledge.yamlfile import Reading
from bot.store.tables import identities, persons
from tests.campaigns.test_sales_command import fill, in_shop, many_need_two
from tests.test_command import run
from tests.test_command import shop as small_shop

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CHANNELS = ("telegram:shopbot", "web:shop", "wecom:corp")
PLAN = """\
id: fabric
question: {zh: 用哪种面料？, en: Which fabric?}
options:
  - {id: linen, zh: 亚麻, en: Linen, tag: likes-linen}
  - {id: silk, zh: 真丝, en: Silk}
prize: {zh: 试用装, en: a trial piece}
winners: 1
starts: 2026-12-01 10:00
ends: 2026-12-03 20:00
audiences:
  - channel: web:shop
"""
shop = small_shop


@pytest.fixture
def plan(shop: Path, tmp_path: Path) -> Path:
    for login, role in (("ann", "lead"), ("bob", "admin")):
        assert run("agents", "add", login, "--role", role, "--dir", shop).exit_code == 0
    in_shop(shop, fill)
    path = tmp_path / "plan.yml"
    starts = datetime.now(UTC) + timedelta(days=1)
    text = PLAN.replace("2026-12-01 10:00", f"{starts:%Y-%m-%d %H:%M}")
    path.write_text(text.replace("2026-12-03 20:00", f"{starts + timedelta(days=2):%Y-%m-%d %H:%M}"), encoding="utf-8")
    return path


def test_a_vote_is_planned_started_closed_drawn_and_reported(shop: Path, plan: Path) -> None:
    assert run("votes", "check", plan, "--dir", shop).exit_code == 0
    planned = run("votes", "plan", plan, "--by", "ann", "--dir", shop)
    assert planned.exit_code == 0
    told = planned.stderr.rpartition(": ")[2].strip()
    assert isinstance(run("votes", "draw", "fabric", "--by", "ann", "--dir", shop).exception, Conflict)
    started = run("votes", "start", "fabric", "--dir", shop)
    assert "2 announcements" in started.stderr

    def vote(connection: Connection) -> None:
        now = datetime.now(UTC)
        connection.execute(persons.insert().values(id="li", created_at=now))
        account = {"id": "i", "person_id": "li", "channel": "web:shop", "user": "u1", "created_at": now}
        connection.execute(identities.insert().values(account))
        cast(connection, "fabric", "silk", Voter("li", "i"), now)

    in_shop(shop, vote)
    assert run("votes", "close", "fabric", "--dir", shop).exit_code == 0
    assert isinstance(run("votes", "close", "fabric", "--dir", shop).exception, Conflict)
    drawn = run("votes", "draw", "fabric", "--by", "bob", "--dir", shop)
    assert "Drawn: 1" in drawn.stderr
    found = json.loads(run("votes", "report", "fabric", "--json", "--dir", shop).stdout)
    assert (found["status"], found["total"]) == ("drawn", 1)
    assert [(one["id"], one["tag"], one["votes"]) for one in found["options"]] == [
        ("linen", "likes-linen", 0),
        ("silk", "fabric:silk", 1),
    ]
    assert (found["draw"]["commitment"], found["draw"]["winners"]) == (told, [1])
    assert found["announced"] == {"web:shop dropped: vote closed": 2}
    (listed,) = json.loads(run("votes", "list", "--json", "--dir", shop).stdout)
    assert listed["status"] == "drawn"


def test_what_many_would_hear_is_approved_by_a_second_person(shop: Path, plan: Path) -> None:
    many_need_two(shop)
    assert "not approved" in run("votes", "plan", plan, "--by", "ann", "--dir", shop).stderr
    assert isinstance(run("votes", "start", "fabric", "--dir", shop).exception, NotAllowed)
    assert isinstance(run("votes", "approve", "fabric", "--by", "ann", "--yes", "--dir", shop).exception, NotAllowed)
    seen = run("votes", "approve", "fabric", "--by", "bob", "--dir", shop)
    assert seen.exit_code == 1, "nobody said yes"
    for part in ("web:shop", "linen: 亚麻 / Linen, tag likes-linen", "[zh] ", "用哪种面料？", "Approve this?"):
        assert part in seen.output, part
    assert "draft" in run("votes", "list", "--json", "--dir", shop).stdout
    assert run("votes", "approve", "fabric", "--by", "bob", "--yes", "--dir", shop).exit_code == 0
    assert isinstance(run("votes", "plan", plan, "--by", "ann", "--dir", shop).exception, Conflict)
    assert "planned" in run("votes", "list", "--json", "--dir", shop).stdout


def read(tmp_path: Path, text: str = PLAN) -> tuple[PlannedVote | None, list[str]]:
    path = tmp_path / "plan.yml"
    path.write_text(text, encoding="utf-8")
    reading = Reading("plan.yml")
    return read_vote(path, ZoneInfo("Asia/Shanghai"), CHANNELS, NOW, reading), [str(one) for one in reading.faults]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("id: fabric", "id: Fabric!", 1, "a-z"),
        ("en: Which fabric?", "de: Stoff?", 2, "question"),
        ("id: silk", "id: linen", 5, "two options"),
        ("winners: 1", "winners: 0", 6, "go together"),
        ("2026-12-03 20:00", "2027-12-03 20:00", 9, "28 days"),
        ("2026-12", "2026-11", 9, "is over"),
        ("web:shop", "wecom:corp", 11, "vote-fabric"),
        ("web:shop", "web:shp", 11, "web:shop"),
        ("winners", "winers", 7, "winners"),
    ],
)
def test_a_fault_names_the_line_and_the_way_out(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    planned, faults = read(
        tmp_path, PLAN.replace("2026-12-0", "2026-11-0") if old == "2026-12" else PLAN.replace(old, new)
    )
    assert planned is None
    assert any(fault.startswith(f"plan.yml:{line}") and words in fault for fault in faults), faults


def test_a_plan_is_read_in_the_shops_time(tmp_path: Path) -> None:
    planned, faults = read(tmp_path)
    assert planned is not None, faults
    assert planned.values["starts_at"] == datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
    assert planned.values["audiences"] == [{"channel": "web:shop"}]
