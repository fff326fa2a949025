"""Plans of recalls: read with line and fix, counted by road, moved to the shop's own cycle, run by the command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from bot.campaigns.campaignfile import read_campaign
from bot.campaigns.counting import Count, count, in_words
from bot.campaigns.cycle import ENOUGH_BUYERS, Cycle, cycle_of, moved_to
from bot.campaigns.plans import CampaignBody, Plan, plan_of, stored
from bot.campaigns.recall import meant
from bot.campaigns.segments import Language, Segment, Span
from bot.cli import app
from bot.commands.people import in_database
from bot.delivery.complaints import Clocks, complain
from bot.delivery.gate import held_out
from bot.delivery.ledger import open_grants
from bot.knowledge.yamlfile import Reading
from bot.messages import Grant, Rate
from bot.store.database import Database
from bot.store.tables import customers
from tests.campaigns.people import NOW, TELEGRAM, WEB, WECHAT, customer, goods, order, person

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
CHANNELS = (TELEGRAM, WEB)
PLAN = """\
id: recall-30
kind: recall
segment:
  tiers: [gold, silver]
  spent: {from: "300.00", to: "5000.00"}
  last_purchase_days: {from: 30, to: 59}
  products: [shirt]
  channels: [telegram:shopbot]
  languages: [zh, en]
  tags: [linen]
cycle: true
coupon:
  code: BACK20
  amount: "20.00"
  least: "99.00"
  days: 7
texts:
  zh:
    first: "{customer.name}，想您了"
  en:
    first: "{customer.name}, we miss you"
"""


def read(tmp_path: Path, text: str = PLAN) -> tuple[CampaignBody | None, list[str]]:
    path = tmp_path / "plan.yml"
    path.write_text(text, encoding="utf-8")
    reading = Reading("plan.yml")
    return read_campaign(path, "CNY", CHANNELS, reading), [str(fault) for fault in reading.faults]


def test_a_plan_becomes_filters_and_money(tmp_path: Path) -> None:
    body, faults = read(tmp_path)
    assert body is not None, faults
    plan = plan_of(body, "CNY")
    assert plan.segment == Segment(
        tiers=frozenset({"gold", "silver"}),
        spent_minor=Span(30_000, 500_000),
        bought_days=Span(30, 59),
        products=frozenset({"shirt"}),
        channels=frozenset({TELEGRAM}),
        languages=frozenset({Language.ZH, Language.EN}),
        tags=frozenset({"linen"}),
    )
    assert plan.offer is not None
    assert (plan.offer.amount.amount_minor, plan.offer.least.amount_minor) == (2000, 9900)
    assert plan_of(CampaignBody.model_validate(json.loads(json.dumps(stored(body)))), "CNY") == plan


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "fix"),
    [
        ("kind: recall", "kind: recal", 2, "`kind` does not pass", "kind: recall"),
        ("kind: recall\n", "", 1, "`kind` is missing", "kind: recall"),
        ("id: recall-30", "id: Recall 30", 1, "`id` does not pass", "id: recall-30"),
        ("  tiers: [", "  tierz: [", 4, "unknown key `tierz`", "`tiers`"),
        ("{from: 30, to: 59}", "{form: 30, to: 59}", 6, "unknown key `form`", "`from`"),
        ("{from: 30, to: 59}", "{from: thirty}", 6, "does not pass", "whole days"),
        ("{from: 30, to: 59}", "{to: 59}", 3, "for how many days", "from: 30"),
        ("{from: 30, to: 59}", "{from: 0}", 6, "less than a day", "from: 30"),
        ("{from: 30, to: 59}", "{from: 30, to: 29}", 6, "`to` of `last_purchase_days` is less", "Change the two"),
        ('{from: "300.00"', '{from: "300.005"', 5, "`spent` has more than 2 digits", "spent: {from"),
        ("[telegram:shopbot]", "[telegram:shopbt]", 8, "no channel `telegram:shopbt`", "`telegram:shopbot`"),
        ("[zh, en]", "[fr]", 9, "`segment.languages.0` does not pass", "[zh, en]"),
        ("cycle: true", "cycle: perhaps", 11, "`cycle` does not pass", "cycle: true"),
        ("  days: 7", "  days: 3", 16, "`coupon.days` does not pass", "at least 5 days"),
        ("  code: BACK20", "  cod: BACK20", 13, "unknown key `cod`", "`code`"),
        ('least: "99.00"', 'least: "9.00"', 14, "takes off more than", "at least as high"),
        ("，想您了", "，{recall.bougt}", 19, "no field `{recall.bougt}`", "`{recall.bought}`"),
        ('  en:\n    first: "{customer.name}, we miss you"\n', "", 18, "`first` is there in `zh` only", "in `en`, too"),
        ('    first: "{customer.name}，', '    frist: "{customer.name}，', 19, "does not pass", "first, second and last"),
        ("segment:\n", "segment：\n", 3, "full-width colon", "half width"),
    ],
)  # fmt: skip
def test_a_fault_names_its_line_and_the_way_out(
    tmp_path: Path, old: str, new: str, line: int, problem: str, fix: str
) -> None:
    assert old in PLAN
    body, faults = read(tmp_path, PLAN.replace(old, new))
    assert body is None
    assert any(f"plan.yml:{line}: " in fault and problem in fault and fix in fault for fault in faults), faults


FESTIVAL = """\
id: mid-autumn
kind: festival
lunar: 8-15
segment:
  languages: [zh]
texts:
  zh:
    greeting: "{customer.name}，中秋快乐"
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "fix"),
    [
        ("lunar: 8-15\n", "", 2, "a festival has one day", "date: 12-25"),
        ("lunar: 8-15\n", "lunar: 8-15\ndate: 10-01\n", 3, "a festival has one day", "date: 12-25"),
        ("lunar: 8-15", "lunar: 8-31", 3, "`lunar` does not pass", "lunar: 8-15"),
        ("lunar: 8-15", "date: 02-30", 3, "`date` does not pass", "date: 12-25"),
        ("kind: festival", "kind: birthday", 3, "`lunar` is for `kind: festival`", "Take it out"),
        ("[zh]", "[zh, en]", 6, "`greeting` is not there in `en`", "Write it"),
        ("    greeting:", "    first:", 8, "`first` is no text of `kind: festival`", "Write greeting"),
        ("{customer.name}", "{recall.bought}", 8, "no field `{recall.bought}`", "Did you mean"),
        ("segment:\n", "cycle: true\nsegment:\n", 4, "`cycle` is for `kind: recall`", "Take it out"),
    ],
)  # fmt: skip
def test_a_fault_of_a_greeting_names_its_line_and_the_way_out(
    tmp_path: Path, old: str, new: str, line: int, problem: str, fix: str
) -> None:
    body, faults = read(tmp_path, FESTIVAL)
    assert body is not None, faults
    assert old in FESTIVAL
    body, faults = read(tmp_path, FESTIVAL.replace(old, new))
    assert body is None
    assert any(f"plan.yml:{line}: " in fault and problem in fault and fix in fault for fault in faults), faults


def test_an_operator_tries_and_starts_greetings(tmp_path: Path) -> None:
    shop, plan = tmp_path / "shop", tmp_path / "plan.yml"

    def fill(connection: Connection, now: datetime) -> None:
        for name, birthday in (("lin", "11-26"), ("wu", "")):
            customer(connection, name)
            connection.execute(customers.update().where(customers.c.id == name).values(birthday=birthday))
            person(connection, f"p-{name}", customer=name, created_at=now)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--dir", str(shop)])
        assert done.exit_code == 0, done.output
        return done.output

    assert CliRunner().invoke(app, ["init", str(shop)]).exit_code == 0
    run("agents", "add", "ann", "--role", "lead")
    in_database(shop, lambda c, _: fill(c, datetime.now(UTC)))
    plan.write_text(FESTIVAL, encoding="utf-8")
    run("campaigns", "check", str(plan))
    tried = json.loads(run("campaigns", "dry-run", str(plan), "--json"))
    assert tried["count"]["people"] == 2
    assert tried["day"] in {"2026-09-25", "2027-09-15", "2028-10-03", "2029-09-22", "2030-09-12"}
    assert tried["texts"][0]["text"].startswith("，中秋快乐\n")
    plan.write_text("id: birthday\nkind: birthday\n", encoding="utf-8")
    assert json.loads(run("campaigns", "count", str(plan), "--json"))["people"] == 1, "whose birthday is known"
    assert "Day:        everybody's own" in run("campaigns", "dry-run", str(plan))
    assert "may write to 1 people, once a year each" in run("campaigns", "start", str(plan), "--by", "ann")


def came_again(connection: Connection, customers: int, sku: str = "shirt-1", first: int = 0) -> None:
    """Put customers who bought twice, the n-th n days apart, and once more on the last day."""
    for number in range(customers):
        name = f"{sku}-{number}"
        customer(connection, name)
        for times in range(2):
            order(connection, name, 1 + times * (first + number + 1), sku=sku)
        order(connection, name, 0.9, sku=sku)


async def test_the_cycle_is_the_third_quartile_of_what_each_customer_usually_waits(database: Database) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        came_again(connection, 61)
        customer(connection, "once")
        order(connection, "once", 5)

    await database.write(fill)
    found = await database.read(lambda c: cycle_of(c, (), NOW))
    assert (found.buyers, found.overdue_days) == (61, 46)
    assert found.median_days == pytest.approx(31, abs=0.1)
    assert found.is_known


@on_sqlite
async def test_of_one_product_its_own_buyers_count(database: Database) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        came_again(connection, 50)
        came_again(connection, 3, "dress-1", first=99)

    await database.write(fill)
    dress = await database.read(lambda c: cycle_of(c, ("dress",), NOW))
    assert (dress.buyers, dress.is_known) == (3, False)
    assert await database.read(lambda c: cycle_of(c, ("shirt",), NOW).is_known)


def test_the_days_of_a_plan_move_to_the_cycle_as_soon_as_enough_is_known() -> None:
    segment = Segment(bought_days=Span(30, 59))
    assert moved_to(segment, Cycle(ENOUGH_BUYERS, 30.0, 46)).bought_days == Span(46, 75)
    assert moved_to(segment, Cycle(ENOUGH_BUYERS - 1, 30.0, 46)) == segment
    assert moved_to(Segment(bought_days=Span(30)), Cycle(99, 30.0, 46)).bought_days == Span(46)


async def test_people_are_counted_by_road_and_the_left_out_by_reason(database: Database) -> None:
    drawn = next(f"q{n}" for n in range(1000) if held_out(f"q{n}", 10))
    others = [f"a{n}" for n in range(100) if not held_out(f"a{n}", 10)]
    said = [(TELEGRAM, True), (TELEGRAM, True), (WEB, None), (WEB, False), (TELEGRAM, None)]
    said += [(WECHAT, True), (WECHAT, True), (WECHAT, True), (TELEGRAM, True)]
    names = {**dict(zip(others, said, strict=False)), drawn: (TELEGRAM, True)}
    with_window, with_credit, cross = others[5], others[6], others[8]

    def fill(connection: Connection) -> None:
        goods(connection)
        for name, (channel, agreed) in names.items():
            customer(connection, f"c-{name}")
            person(connection, name, customer=f"c-{name}", channel=channel, agreed=agreed)
            order(connection, f"c-{name}", 40)
        customer(connection, "nobody")
        order(connection, "nobody", 40)
        complain(connection, "k", f"talk-{cross}", "坏了", Clocks(24, 48), NOW)
        window = Grant(5, 172_800)
        credit = Grant(1, None, right="credit:recall")
        open_grants(connection, [(f"talk-{with_window}", window, NOW, 0), (f"talk-{with_credit}", credit, NOW, 0)])

    await database.write(fill)
    segment = {"last_purchase_days": {"from": 30}}
    plan = plan_of(CampaignBody.model_validate({"id": "r", "kind": "recall", "segment": segment}), "CNY")

    def job(connection: Connection) -> list[str]:
        found = count(connection, meant(connection, plan, NOW), plan.segment, 10, NOW)
        assert found.people == 10
        assert found.may_hear == 8, "who has no window today may have one tomorrow: another looks at these, too"
        assert found.written_to == {
            f"{TELEGRAM} open": 2,
            f"{WEB} open": 1,
            f"{WECHAT} window": 1,
            f"{WECHAT} subscription": 1,
        }
        assert found.left_out == {
            "refused_by_customer": 1, "no_consent": 1, "no_window": 1, "complaint_open": 1, "held_out": 1
        }  # fmt: skip
        return in_words(found, {TELEGRAM: Rate(1, 3600.0)})

    words = await database.read(job)
    assert "Written to: 2 on telegram:shopbot open" in words
    assert words[-1].startswith("A wave takes 2.0 h")


@on_sqlite
async def test_only_on_the_channels_of_the_segment_somebody_is_written_to(database: Database) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        customer(connection, "lin")
        person(connection, "p1", customer="lin", created_at=NOW - timedelta(days=1))
        person(connection, "p2", customer="lin", channel=WEB)
        order(connection, "lin", 40)

    await database.write(fill)
    for channel in (TELEGRAM, WEB):
        body = {"id": "r", "kind": "recall", "segment": {"channels": [channel]}}
        plan = plan_of(CampaignBody.model_validate(body), "CNY")

        def job(connection: Connection, plan: Plan = plan) -> Count:
            return count(connection, meant(connection, plan, NOW), plan.segment, 0, NOW)

        assert (await database.read(job)).written_to == {f"{channel} open": 1}


def test_an_operator_checks_counts_tries_and_starts_a_recall(tmp_path: Path) -> None:
    shop = tmp_path / "shop"

    def run(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, [*words, "--dir", str(shop)])
        return done.exit_code, done.stdout, done.stderr

    assert CliRunner().invoke(app, ["init", str(shop)]).exit_code == 0
    plan = tmp_path / "plan.yml"
    plan.write_text("id: recall-30\nkind: recall\nsegment: {last_purchase_days: {from: 30, to: 20}}\n")
    assert run("campaigns", "check", str(plan))[:2] == (
        1, f"{plan}:3: `to` of `last_purchase_days` is less than `from`. Change the two\n"
    )  # fmt: skip
    plan.write_text(
        'id: recall-30\nkind: recall\nsegment: {last_purchase_days: {from: 30}}\n'
        'coupon: {code: BACK20, amount: "20.00", least: "99.00", days: 7}\n'
    )  # fmt: skip
    assert run("campaigns", "check", str(plan))[0] == 0
    counted = json.loads(run("campaigns", "count", str(plan), "--json")[1])
    assert counted == {"people": 0, "written_to": {}, "left_out": {}, "hours": 0.0}
    tried = json.loads(run("campaigns", "dry-run", str(plan), "--json")[1])
    assert [(one["wave"], one["language"]) for one in tried["texts"]][:2] == [("first", "en"), ("first", "zh")]
    assert "BACK20" in tried["texts"][2]["text"]
    assert "not known" in run("campaigns", "dry-run", str(plan))[1]

    assert run("campaigns", "start", str(plan), "--by", "ann")[0] == 1, "nobody of that name"
    run("agents", "add", "ann", "--role", "lead")
    assert "Started: recall-30" in run("campaigns", "start", str(plan), "--by", "ann")[2]
    run("agents", "add", "bob", "--role", "lead")
    code, shown, asked = run("campaigns", "approve", "recall-30", "--by", "bob")
    assert (code, "Approve this?" in asked, "BACK20" in shown, "[last · zh]" in shown) == (1, True, True, True)
    assert run("campaigns", "approve", "recall-30", "--by", "ann", "--yes")[0] == 1, "she has planned it"
    assert "is approved" in run("campaigns", "approve", "recall-30", "--by", "bob", "--yes")[2]
    assert run("campaigns", "pause", "recall-30")[0] == 0
    assert run("campaigns", "resume", "recall-30")[0] == 0
    (row,) = json.loads(run("campaigns", "list", "--json")[1])
    assert (row["id"], row["status"]) == ("recall-30", "running")
    assert "not known" in run("campaigns", "report", "recall-30")[2]
    assert json.loads(run("campaigns", "report", "recall-30", "--json")[1])["waves"] == {}
    assert run("campaigns", "end", "recall-30")[0] == 0


def test_who_has_no_window_today_counts_for_whether_somebody_else_has_to_start_it(tmp_path: Path) -> None:
    """Regression: planned and started alone while windows were closed, it wrote to thousands the next day."""
    shop, plan = tmp_path / "shop", tmp_path / "plan.yml"

    def fill(connection: Connection, now: datetime) -> None:
        goods(connection)
        customer(connection, "lin")
        person(connection, "p-lin", customer="lin", channel=WECHAT)
        order(connection, "lin", 40, now=now)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--dir", str(shop)])
        assert done.exit_code == 0, done.output
        return done.output

    assert CliRunner().invoke(app, ["init", str(shop)]).exit_code == 0
    settings = shop / "shop.toml"
    of_shop = settings.read_text(encoding="utf-8").replace("\nreturn_days", "\nsale_heard_alone = 0\nreturn_days")
    settings.write_text(of_shop, encoding="utf-8")
    plan.write_text("id: recall-30\nkind: recall\nsegment: {last_purchase_days: {from: 30}}\n", encoding="utf-8")
    for login in ("ann", "bob"):
        run("agents", "add", login, "--role", "lead")
    in_database(shop, lambda c, _: fill(c, datetime.now(UTC)))
    assert '"no_window": 1' in run("campaigns", "count", str(plan), "--json")
    assert "Planned, not started. 1 people" in run("campaigns", "start", str(plan), "--by", "ann")
    assert "Started: recall-30" in run("campaigns", "start", str(plan), "--by", "bob")
