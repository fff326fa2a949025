"""Plans of sales are read, and what does not pass is told with file, line and the way out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.campaigns.planfile import HINTS, plan_in, read_plan
from bot.campaigns.planning import Planned
from bot.campaigns.plans import segment_in
from bot.campaigns.segments import Segment, Span
from bot.knowledge.yamlfile import Reading
from bot.pages.faults import in_words

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CHINESE = re.compile("[\u4e00-\u9fff]")
CHANNELS = ("telegram:shopbot", "web:shop", "wecom:corp")
PLAN = """\
id: linen-december
sku: linen-dress-blue-M
price: "199.00"
pieces: 300
limit_each: 2
early: {gold: 60}
min_age_days: 30
starts: 2026-12-01 20:00
ends: 2026-12-01 22:00
pay_url: https://shop.example/pay/{claim}
audiences:
  - channel: telegram:shopbot
    chat: "-1001"
    language: zh
  - channel: web:shop
texts:
  zh:
    soon: "{sale.product} 马上开抢，{sale.starts}！"
    start@web: "开抢啦，还剩 {sale.left} 件"
  en:
    soon: "{sale.product} begins at {sale.starts}!"
    start@web: "Now: {sale.left} left"
"""


WEB = "- channel: web:shop"
TO_GOLD = "- channel: telegram:shopbot\n    segment: {tiers: [gold]}"
EUR = "\ncurrency: EUR"


def read(tmp_path: Path, text: str = PLAN) -> tuple[Planned | None, list[str]]:
    path = tmp_path / "plan.yml"
    path.write_text(text, encoding="utf-8")
    reading = Reading("plan.yml")
    planned = read_plan(path, ZoneInfo("Asia/Shanghai"), "CNY", CHANNELS, NOW, reading)
    return planned, [str(fault) for fault in reading.faults]


def test_a_plan_is_read_in_the_shops_time_and_currency(tmp_path: Path) -> None:
    planned, faults = read(tmp_path)
    assert planned is not None, faults
    assert planned.values["starts_at"] == datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    assert planned.values["length_s"] == 7200
    assert (planned.values["price_minor"], planned.values["currency"]) == (19900, "CNY")
    assert planned.values["early"] == {"gold": 3600}
    assert planned.values["audiences"][1] == {"channel": "web:shop"}
    assert planned.texts["zh"]["start@web"] == "开抢啦，还剩 {sale.left} 件"


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "fix"),
    [
        ("pieces: 300", "pieces: many", 4, "`pieces` does not pass", "pieces: 300"),
        ("pieces: 300\n", "", 1, "`pieces` is missing", "pieces: 300"),
        ("limit_each", "limit_eech", 5, "unknown key `limit_eech`", "`limit_each`"),
        ("20:00", "19:00\nhold_min: 0", 9, "`hold_min` does not pass", "1 to 1440"),
        ("2026-12-01 20:00", "2026-11-01 20:00", 8, "`starts` is over", "time to come"),
        ("2026-12-01 22:00", "2026-12-01 19:00", 9, "`ends` is not within 7 days", "later than `starts`"),
        ("- channel: web:shop", "- channel: web:shup", 15, "no channel `web:shup`", "`web:shop`"),
        ("- channel: web:shop", "- chanel: web:shop", 15, "`audiences.1.channel` is missing", "channel"),
        ('    soon: "{sale.product} 马', '    sooon: "{sale.product} 马', 18, "no moment `sooon`", "`soon`"),
        ("马上开抢，{sale.starts}", "马上开抢，{sale.start}", 18, "no field `{sale.start}`", "`{sale.starts}`"),
        ('    start@web: "Now: {sale.left} left"\n', "", 17, "`start@web` is there in `zh` only", "in `en`, too"),
        ('price: "199.00"', 'price: "199.999"', 3, "`price` has more than 2 digits behind the point", "199.00"),
        ('price: "199.00"', 'price: "199.5"\ncurrency: JPY', 3, "`price` has more than 0 digits", "199.00"),
        (WEB, f"{WEB}\n    segment: {{tags: [linen]}}", 16, "chooses nobody on `web:shop`", "private chats"),
        (WEB, TO_GOLD.replace("tiers: [gold]", "channels: [web:shop]"), 16, "names `channels`", "out"),
        (WEB, TO_GOLD.replace("tiers: [gold]", "tires: [gold]"), 16, "`audiences.1.segment.tires`", "whom you mean"),
        (WEB, TO_GOLD.replace("tiers: [gold]", ""), 16, "`segment` is empty", "whom you mean"),
        (WEB, TO_GOLD.replace("tiers: [gold]", 'spent: {from: "9"}') + EUR, 16, "`spent` is in the shop's", "out"),
        ("sku: linen", "sku：linen", 2, "full-width colon", "half width"),
    ],
)
def test_a_fault_names_its_line_and_the_way_out(
    tmp_path: Path, old: str, new: str, line: int, problem: str, fix: str
) -> None:
    assert old in PLAN
    planned, faults = read(tmp_path, PLAN.replace(old, new))
    assert planned is None
    assert any(f"plan.yml:{line}: " in fault and problem in fault and fix in fault for fault in faults), faults
    reading = Reading("")
    plan_in(PLAN.replace(old, new), ZoneInfo("Asia/Shanghai"), "CNY", CHANNELS, NOW, reading)
    for told in (part for fault in reading.faults for part in (fault.problem, fault.fix)):
        assert CHINESE.search(in_words(told, "zh")), f"nobody has put into Chinese: {told}"
        assert in_words(told, "en") == told


def test_every_way_out_of_a_plan_is_told_in_chinese_too() -> None:
    assert [hint for hint in HINTS.values() if not CHINESE.search(in_words(hint, "zh"))] == []
    assert in_words(HINTS["early"], "zh") == "请按会员等级写分钟数，例如 `early: {gold: 60}`"
    assert in_words("`a.b` has no field `{sale.x}`", "zh") == "`a.b` 里没有字段 `{sale.x}`"


def test_an_audience_may_be_a_segment_of_a_channel(tmp_path: Path) -> None:
    planned, faults = read(tmp_path, PLAN.replace(WEB, TO_GOLD.replace("}", ', spent: {from: "9.50"}}')))
    assert planned is not None, faults
    segment = {"tiers": ["gold"], "spent": {"from": "9.50"}}
    assert planned.values["audiences"][1] == {"channel": "telegram:shopbot", "segment": segment}
    assert segment_in(planned.values["audiences"][1], "CNY") == Segment(
        tiers=frozenset({"gold"}), spent_minor=Span(950)
    )


def test_what_is_sent_by_hand_is_not_planned_for_the_next_two_hours(tmp_path: Path) -> None:
    soon = PLAN.replace("2026-12-01 20:00", "2026-11-23 12:00").replace("2026-12-01 22:00", "2026-11-23 14:00")
    assert read(tmp_path, soon)[0] is not None
    by_hand = soon.replace("- channel: web:shop", '- channel: wecom:corp\n    chat: "owner:li"')
    planned, (fault,) = read(tmp_path, by_hand)
    assert planned is None
    assert "plan.yml:15" in fault and "by hand" in fault
