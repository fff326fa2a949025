"""`sales` from the plan to the report, as somebody types it."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.store.database import Database
from bot.store.tables import claims, conversations, persons, products, sales, variants
from tests.test_command import run
from tests.test_command import shop as small_shop

PLAN = """\
id: december
sku: s1
price: "59.00"
pieces: 3
starts: {starts:%Y-%m-%d %H:%M}
ends: {ends:%Y-%m-%d %H:%M}
audiences:
  - channel: web:shop
    language: zh
texts:
  zh:
    soon: "快来，{{sale.price}}"
"""
shop = small_shop


@pytest.fixture
def plan(shop: Path, tmp_path: Path) -> Path:
    """A plan for a sale of tomorrow, in a shop with a shirt, two people on its page and three of the staff."""
    for login, role in (("ann", "lead"), ("bob", "admin")):
        assert run("agents", "add", login, "--role", role, "--dir", shop).exit_code == 0
    in_shop(shop, fill)
    path = tmp_path / "plan.yml"
    starts = datetime.now(UTC) + timedelta(days=1)
    path.write_text(PLAN.format(starts=starts, ends=starts + timedelta(hours=2)), encoding="utf-8")
    return path


def in_shop(shop: Path, job: Any) -> None:
    with closing(Database(f"sqlite:///{shop / 'data' / 'zhanggui.db'}")) as database:
        asyncio.run(database.write(job))


def fill(connection: Connection) -> None:
    now = datetime.now(UTC)
    connection.execute(products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
    variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
    connection.execute(variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=3))
    talk = {"channel": "web:shop", "created_at": now, "updated_at": now}
    connection.execute(conversations.insert(), [{"id": who, "chat": who, **talk} for who in ("u1", "u2")])


def many_need_two(shop: Path) -> None:
    path = shop / "shop.toml"
    text = path.read_text(encoding="utf-8")
    assert "\nreturn_days =" in text
    path.write_text(text.replace("\nreturn_days =", "\nsale_heard_alone = 1\nreturn_days ="), encoding="utf-8")


def status(shop: Path) -> str:
    (sale,) = json.loads(run("sales", "list", "--json", "--dir", shop).stdout)
    return str(sale["status"])


def test_a_plan_is_checked_previewed_counted_and_planned(shop: Path, plan: Path) -> None:
    assert run("sales", "check", plan, "--dir", shop).exit_code == 0
    texts = json.loads(run("sales", "preview", plan, "--json", "--dir", shop).stdout)
    said = {(row["moment"], row["language"]): row["text"] for row in texts}
    assert said["soon", "zh"] == "快来，¥59.00"
    assert "Shirt" in said["start", "en"]
    (heard,) = json.loads(run("sales", "dry-run", plan, "--json", "--dir", shop).stdout)
    assert (heard["channel"], heard["recipients"]) == ("web:shop", 2)
    assert "2 on web:shop" in run("sales", "dry-run", plan, "--dir", shop).stdout
    assert run("sales", "plan", plan, "--by", "ann", "--dir", shop).exit_code == 0
    assert status(shop) == "planned"


def test_faults_of_a_plan_are_exit_1_with_file_and_line(shop: Path, plan: Path) -> None:
    plan.write_text(plan.read_text(encoding="utf-8").replace("pieces: 3", "pieces: 0"), encoding="utf-8")
    result = run("sales", "check", plan, "--dir", shop)
    assert (result.exit_code, "plan.yml:4: `pieces`" in result.stdout) == (1, True)
    plan.write_text(plan.read_text(encoding="utf-8").replace("pieces: 0", "pieces: 3").replace("s1", "s2"))
    assert "s2" in str(run("sales", "check", plan, "--dir", shop).exception)


def test_above_a_size_a_second_person_has_to_approve(shop: Path, plan: Path) -> None:
    many_need_two(shop)
    planned = run("sales", "plan", plan, "--by", "ann", "--dir", shop)
    assert (planned.exit_code, status(shop)) == (0, "draft")
    assert "sales approve december" in planned.stderr
    assert "Somebody else" in str(run("sales", "start", "december", "--dir", shop).exception)
    assert "Somebody else" in str(run("sales", "approve", "december", "--by", "ann", "--yes", "--dir", shop).exception)
    seen = run("sales", "approve", "december", "--by", "bob", "--dir", shop)
    assert (seen.exit_code, status(shop)) == (1, "draft"), "nobody said yes"
    for part in ("sku: s1", "on web:shop", "[start · en · web]", "Approve this?"):
        assert part in seen.output, part
    assert run("sales", "approve", "december", "--by", "bob", "--yes", "--dir", shop).exit_code == 0
    assert status(shop) == "planned"


def test_a_sale_is_started_paused_resumed_reported_and_cancelled(shop: Path, plan: Path) -> None:
    run("sales", "plan", plan, "--by", "ann", "--dir", shop)
    stands = []
    for act in ("start", "pause", "resume", "cancel"):
        assert run("sales", act, "december", "--dir", shop).exit_code == 0
        stands.append(status(shop))
    assert stands == ["running", "paused", "running", "cancelled"]
    report = json.loads(run("sales", "report", "december", "--json", "--dir", shop).stdout)
    assert report["announced"] == {"web:shop dropped: sale cancelled": 2}
    assert "cancelled, 3 pieces, 3 free" in run("sales", "report", "december", "--dir", shop).stderr
    assert run("sales", "cancel", "december", "--dir", shop).exception is not None


def test_what_is_not_sent_yet_is_said_in_other_words(shop: Path, plan: Path) -> None:
    run("sales", "plan", plan, "--by", "ann", "--dir", shop)
    run("sales", "start", "december", "--dir", shop)
    own = '\n    start: "新的话，{sale.price}"\n'
    plan.write_text(plan.read_text(encoding="utf-8").rstrip() + own, encoding="utf-8")
    in_shop(shop, lambda c: c.execute(update(conversations).values(updated_at=datetime.now(UTC))).rowcount)
    result = run("sales", "reword", plan, "--by", "bob", "--dir", shop)
    assert "2 announcements" in result.stderr
    many_need_two(shop)
    assert "Somebody else" in str(run("sales", "reword", plan, "--by", "ann", "--dir", shop).exception)


@pytest.mark.parametrize(("currency", "paid"), [("CNY", "59.00 CNY"), ("JPY", "5900 JPY"), ("KWD", "5.900 KWD")])
def test_a_report_counts_money_in_the_units_of_its_currency(shop: Path, plan: Path, currency: str, paid: str) -> None:
    run("sales", "plan", plan, "--by", "ann", "--dir", shop)
    run("sales", "start", "december", "--dir", shop)

    def pay(connection: Connection) -> None:
        connection.execute(update(sales).values(currency=currency))
        now = datetime.now(UTC)
        connection.execute(persons.insert().values(id="p", name="", language="zh", created_at=now))
        row = {"id": "c", "sale_id": "december", "person_id": "p", "buyer": "person:p", "piece": 1, "status": "paid"}
        connection.execute(claims.insert().values(**row, claimed_at=now))

    in_shop(shop, pay)
    assert f"1, {paid}" in run("sales", "report", "december", "--dir", shop).stderr
