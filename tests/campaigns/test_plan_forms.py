"""A plan as fields of a form and as text, and the picture of how a sale went: no database, no page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.campaigns.course import Point
from bot.campaigns.planfile import plan_in
from bot.knowledge.yamlfile import Reading
from bot.pages.chart import BOTTOM, HEIGHT, LEFT, PIECES, RIGHT, TOP, WIDTH, chart, some_of
from bot.pages.planform import NOT_TOLD, Place, fields_in, filled, places_in, text_of_sale, told_once

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 30, 4, 0, tzinfo=UTC)
CHANNELS = ("web:shop", "telegram:bot")
FIELDS = {
    "id": "december",
    "sku": "s1",
    "price": "199.00",
    "pieces": "300",
    "limit_each": "2",
    "starts": "2026-12-01T20:00",
    "ends": "2026-12-01T22:00",
    "early": "gold：60，silver: 30",
}
GROUP = Place("telegram:bot", "-1001", "a group").value("zh")
EVERYBODY = Place("web:shop", "", "the page").value("")


def read(text: str) -> Any:
    reading = Reading("plan")
    planned = plan_in(text, SHANGHAI, "CNY", CHANNELS, NOW, reading)
    return planned, [str(fault) for fault in reading.faults]


def test_what_is_filled_in_is_a_plan_that_passes() -> None:
    text = filled("", FIELDS, [EVERYBODY, "", GROUP], Reading(""), SHANGHAI)
    planned, faults = read(text)
    assert faults == []
    assert planned.id == "december"
    assert (planned.values["price_minor"], planned.values["total"], planned.values["limit_each"]) == (19900, 300, 2)
    assert planned.values["early"] == {"gold": 3600, "silver": 1800}
    assert planned.values["starts_at"] == datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    assert planned.values["audiences"] == [
        {"channel": "web:shop"},
        {"channel": "telegram:bot", "chat": "-1001", "language": "zh"},
    ]


def test_the_form_shows_what_the_text_says_and_writing_it_again_changes_nothing() -> None:
    text = filled("", FIELDS, [EVERYBODY, GROUP], Reading(""), SHANGHAI)
    fields = fields_in(text, SHANGHAI)
    assert (fields["starts"], fields["early"], fields["hold_min"]) == ("2026-12-01T20:00", "gold: 60, silver: 30", "")
    assert places_in(text) == {EVERYBODY, GROUP}
    assert filled(text, fields, [EVERYBODY, GROUP], Reading(""), SHANGHAI) == text


def test_what_a_form_has_no_field_for_stays_in_the_text() -> None:
    before = "# for the birthday\nid: old\nhold_min: 5\ntexts:\n  zh: {soon: 快来}\n  en: {soon: Come}\n"
    text = filled(before, FIELDS, [EVERYBODY], Reading(""), SHANGHAI)
    assert "# for the birthday" in text
    assert "hold_min" not in text, "an empty field takes its key out"
    planned, faults = read(text)
    assert (faults, planned.id) == ([], "december")
    assert planned.texts == {"zh": {"soon": "快来"}, "en": {"soon": "Come"}}


def test_whom_a_plan_tells_by_a_segment_stays_in_the_text_and_is_not_offered() -> None:
    before = "audiences:\n- channel: telegram:bot\n  segment: {tags: [linen]}\n"
    text = filled(before, FIELDS, [EVERYBODY, Place("telegram:bot", "", "").value(NOT_TOLD)], Reading(""), SHANGHAI)
    assert "segment: {tags: [linen]}" in text
    places = [Place("telegram:bot", "", ""), Place("web:shop", "", "")]
    assert told_once(places, text) == [places[1]]


def test_a_text_that_cannot_be_read_comes_back_as_it_was() -> None:
    reading = Reading("")
    assert filled("id: [", FIELDS, [EVERYBODY], reading, SHANGHAI) == "id: ["
    assert len(reading.faults) == 1
    assert set(fields_in("id: [", SHANGHAI).values()) == {""}
    assert places_in("- a\n- b") == places_in("audiences: 3") == frozenset()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("pieces", "many", "`pieces` does not pass"),
        ("early", "gold", "`early` does not pass"),
        ("price", "1.999", "more than 2 digits"),
        ("ends", "2026-12-01T19:00", "`ends` is not within 7 days"),
    ],
)
def test_what_is_filled_in_wrong_is_named_with_its_line(field: str, value: str, said: str) -> None:
    text = filled("", {**FIELDS, field: value}, [EVERYBODY], Reading(""), SHANGHAI)
    _, faults = read(text)
    line = next(number for number, line in enumerate(text.split("\n"), 1) if line.startswith(f"{field}:"))
    assert [fault.startswith(f"plan:{line}: ") and said in fault for fault in faults] == [True]


def test_the_plan_of_a_sale_in_the_shop_reads_as_it_was_planned() -> None:
    texts = "texts:\n  zh: {soon: '快来：{sale.price}'}\n  en: {soon: Come}\n"
    planned, _ = read(filled(texts, {**FIELDS, "min_age_days": "3"}, [EVERYBODY, GROUP], Reading(""), SHANGHAI))
    sale: Any = SimpleNamespace(id=planned.id, texts=planned.texts, **planned.values)
    again, faults = read(text_of_sale(sale, SHANGHAI))
    assert (again, faults) == (planned, [])


def test_a_time_with_an_offset_is_shown_as_the_shops_and_stays_when_another_field_is_filled_in() -> None:
    text = filled("", FIELDS, [EVERYBODY], Reading(""), SHANGHAI).replace("2026-12-01 20:00", "2026-12-01T12:00Z")
    shown = fields_in(text, SHANGHAI)
    assert shown["starts"] == "2026-12-01T20:00"
    planned, faults = read(filled(text, {**shown, "price": "99.00"}, [EVERYBODY], Reading(""), SHANGHAI))
    assert (faults, planned.values["starts_at"]) == ([], datetime(2026, 12, 1, 12, 0, tzinfo=UTC))
    assert planned.values["price_minor"] == 9900


def test_who_the_form_does_not_offer_still_hears_of_it() -> None:
    text = filled("", FIELDS, [EVERYBODY, GROUP], Reading(""), SHANGHAI)
    not_told = Place("web:shop", "", "the page").value(NOT_TOLD)
    assert places_in(filled(text, FIELDS, [EVERYBODY], Reading(""), SHANGHAI)) == {EVERYBODY, GROUP}
    assert places_in(filled(text, FIELDS, [not_told], Reading(""), SHANGHAI)) == {GROUP}
    twice = text.replace("audiences:\n", "audiences:\n- channel: web:shop\n  language: en\n")
    assert told_once([Place("web:shop", "", ""), Place("telegram:bot", "-1001", "")], twice)[0].chat == "-1001"


def test_what_a_plan_cannot_say_exactly_is_rounded_up_and_marked() -> None:
    planned, _ = read(filled("", FIELDS, [EVERYBODY], Reading(""), SHANGHAI))
    exact = {"hold_s": 119, "offer_s": 300, "min_age_s": 43_200, "early": {"gold": 30, "silver": 60}}
    sale: Any = SimpleNamespace(id=planned.id, texts=planned.texts, **{**planned.values, **exact})
    text = text_of_sale(sale, SHANGHAI)
    again, faults = read(text)
    assert faults == []
    assert (again.values["hold_s"], again.values["min_age_s"]) == (120, 86_400)
    assert again.values["early"] == {"gold": 60, "silver": 60}
    assert [line.split("# ")[1] for line in text.split("\n") if "#" in line] == ["30 s", "43200 s", "119 s"]


def points(*left: int) -> list[Point]:
    total = left[0]
    return [
        Point(NOW + timedelta(minutes=minute), one, total - one, 0, 0, total - one) for minute, one in enumerate(left)
    ]


def test_a_chart_runs_from_edge_to_edge_and_from_all_to_nothing() -> None:
    drawn = chart(points(100, 50, 0), PIECES, SHANGHAI)
    assert drawn is not None
    left, held, paid = ([tuple(map(float, place.split(","))) for place in line.path.split(" ")] for line in drawn.lines)
    bottom = HEIGHT - BOTTOM
    middle = (TOP + bottom) / 2
    assert left == [(LEFT, TOP), ((LEFT + WIDTH - RIGHT) / 2, middle), (WIDTH - RIGHT, bottom)]
    assert [y for _, y in held] == [bottom, middle, TOP]
    assert {y for _, y in paid} == {bottom}
    assert [line.last for line in drawn.lines] == [0, 100, 0]
    assert [tick.label for tick in drawn.up] == ["0", "50", "100"]
    assert drawn.across[0].label == "12:00:00"


def test_of_one_moment_there_is_no_chart_and_of_many_a_dozen_numbers() -> None:
    assert chart(points(3), PIECES, SHANGHAI) is None
    many = points(*range(100, 0, -1))
    some = some_of(many)
    assert (len(some), some[0], some[-1]) == (12, many[0], many[-1])
    assert some_of(many[:5]) == many[:5]
