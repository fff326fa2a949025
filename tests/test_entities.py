"""What a message names: tables of hand-made cases in both languages, and what holds for any text."""

import time
from dataclasses import astuple
from datetime import date
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.catalogue import COLOURS, GARMENTS
from bot.demo.shop import demo_settings
from bot.understanding import fit
from bot.understanding.engine import Meaning, catalogue_of
from bot.understanding.entities import HEIGHT_CM, WEIGHT_KG, Entity, Named, find
from bot.understanding.text import normal

TABLES = Path(__file__).parent / "entities"
TODAY = date(2026, 11, 28)
"""A Saturday."""
CATALOGUE = catalogue_of(
    [(garment.id, {"zh": garment.name_zh, "en": garment.name_en}) for garment in GARMENTS],
    [{"zh": zh, "en": en} for zh, en in COLOURS.values()],
    demo_settings().shop.order_number,
)
SURE = 0.9
KINDS = {
    *("order", "parcel", "phone", "phone_end", "address", "region", "money", "date", "span", "size", "size_label"),
    *("height", "weight", "chest", "waist", "hip", "foot", "length", "colour", "product"),
}


def read(text: str, order_number: str = CATALOGUE.order_number) -> tuple[Entity, ...]:
    return find(text, CATALOGUE.products, CATALOGUE.colours, order_number, TODAY)


def cases(language: str) -> list[tuple[str, list[str]]]:
    """Return (text, things) of a table, a thing as `kind=value`, with `@unit` where it is told and `!` if negated."""
    lines = (TABLES / f"{language}.txt").read_text("utf-8").splitlines()
    rows = (line.split(" =>") for line in lines if not line.startswith("#"))
    return [(text, [thing.strip() for thing in things.split(", ") if thing.strip()]) for text, things in rows]


def as_said(entity: Entity, *, with_unit: bool) -> str:
    unit = f"@{entity.unit}" if with_unit else ""
    return f"{'!' * entity.negated}{entity.kind}={entity.value}{unit}"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_tables_cover_every_kind_and_much_that_is_nothing(language: str) -> None:
    kinds = {thing.lstrip("!").partition("=")[0] for _, things in cases(language) for thing in things}
    assert len(cases(language)) >= 250
    assert sum(not things for _, things in cases(language)) >= 50
    assert kinds >= KINDS


@pytest.mark.parametrize(("text", "things"), cases("zh") + cases("en"))
def test_a_message_names_just_what_it_names(text: str, things: list[str]) -> None:
    found = read(text)
    told = {thing.partition("@")[0] for thing in things if "@" in thing}
    said = [as_said(e, with_unit=as_said(e, with_unit=False) in told) for e in found]
    assert sorted(said) == sorted(things)


# --- any text ------------------------------------------------------------------------------------------------------
PIECES = st.sampled_from(
    ["身高", "体重", "三围", "一百零", "五", "一米", "inch", "脚长", "腰围", "chest", "foot", "cm", "kg", "斤", "公斤", "米", "'", '"', "m", "ft", "lbs", " ", "QH", "尾号", "手机", "单号", "¥", "块", "元", "月", "号", "天前", "周", "岁", "路", "市", "区", "1z", "sf", "usd", "码", "size", "蓝色", "黑", "连衣裙", "trench coat", "of", "，", "/", ".", "-", "+86", "ends in"]
)  # fmt: skip
NUMBERS = st.one_of(st.integers(0, 10**12).map(str), st.floats(0, 999, allow_nan=False).map(lambda x: f"{x:.2f}"))
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.one_of(PIECES, NUMBERS), max_size=14).map("".join))


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_no_character_belongs_to_two_things_with_numbers(text: str) -> None:
    """The last four digits of a phone number are the same thing as the number."""
    taken: dict[int, Entity] = {}
    said = normal(text)
    for entity in read(text):
        if entity.kind in ("product", "colour", "region", "phone_end"):
            continue
        assert 0 <= entity.start < entity.end <= len(said)
        for at in range(entity.start, entity.end):
            assert at not in taken, (taken[at], entity)
            taken[at] = entity


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_an_ending_is_of_a_phone_or_stands_alone(text: str) -> None:
    found = read(text)
    phones = [entity for entity in found if entity.kind == "phone"]
    others = [entity for entity in found if entity.kind not in ("product", "phone", "phone_end", "region")]
    for ending in (entity for entity in found if entity.kind == "phone_end"):
        assert len(ending.value) == 4
        assert ending.value.isascii()
        assert normal(text)[ending.start : ending.end].endswith(ending.value)
        assert all(other.end <= ending.start or other.start >= ending.end for other in others)
        assert all(phone.end == ending.end or not phone.start < ending.end <= phone.end for phone in phones)


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_every_thing_is_within_its_stated_bounds(text: str) -> None:
    for entity in read(text):
        assert 0 <= entity.start <= entity.end <= len(normal(text))
        assert 0.5 <= entity.confidence <= 1
        if entity.kind == "height":
            assert HEIGHT_CM[0] <= float(entity.value) <= HEIGHT_CM[1]
        if entity.kind == "weight":
            assert WEIGHT_KG[0] <= float(entity.value) <= WEIGHT_KG[1]
        if entity.kind == "money":
            assert int(entity.value) > 0
        if entity.kind == "date":
            date.fromisoformat(entity.value)
        if entity.kind == "span":
            first, last = entity.value.split("/")
            assert date.fromisoformat(first) <= date.fromisoformat(last)


@pytest.mark.parametrize("text", [text for language in ("zh", "en") for text, _ in cases(language)][::3])
def test_what_was_read_surely_is_read_the_same_out_of_its_place(text: str) -> None:
    """What is read by its own form alone: an address by its neighbours, a product by several words, three girths by their order, a child's foot by whose it is: these are left out."""
    for entity in read(text):
        if entity.confidence >= SURE and entity.kind not in (
            "address",
            "product",
            "phone_end",
            "chest",
            "waist",
            "hip",
        ):
            again = read(normal(text)[entity.start : entity.end])
            if entity.kind == "foot" and fit.whose(normal(text)) == fit.CHILD:
                again = read(f"my son's {normal(text)[entity.start : entity.end]}")
            assert (entity.kind, entity.value) in [(e.kind, e.value) for e in again]


@settings(deadline=None, max_examples=150)
@given(st.integers(100, 220))
def test_a_height_is_the_same_in_every_unit(height_cm: int) -> None:
    metres, rest = divmod(height_cm, 100)
    forms = [f"{height_cm}cm", f"{height_cm} 厘米", f"{metres}.{rest:02}米", f"{metres}m{rest:02}", f"身高{height_cm}"]
    assert {find(form, (), ())[0].value for form in forms} == {str(height_cm)}
    feet, inches = divmod(round(height_cm / 2.54), 12)
    if feet >= 4:
        assert abs(float(find(f"{feet}'{inches}\"", (), ())[0].value) - height_cm) <= 2


@settings(deadline=None, max_examples=150)
@given(st.integers(30, 150))
def test_a_weight_is_the_same_in_every_unit(weight_kg: int) -> None:
    pounds = round(weight_kg / 0.45359237)
    stone, rest = divmod(pounds, 14)
    forms = [f"{weight_kg}kg", f"{weight_kg}公斤", f"{weight_kg * 2}斤"]
    assert {find(form, (), ())[0].value for form in forms} == {str(weight_kg)}
    for form in (f"{pounds} lbs", f"{stone} stone {rest} lbs"):
        assert abs(float(find(form, (), ())[0].value) - weight_kg) <= 0.3


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 10**7), st.sampled_from([("¥", "CNY"), ("$", "USD"), ("€", "EUR"), ("£", "GBP")]))
def test_money_is_kept_to_the_cent(amount_minor: int, currency: tuple[str, str]) -> None:
    sign, code = currency
    (found,) = find(f"{sign}{amount_minor / 100:.2f}", (), ())
    assert (found.kind, found.value, found.unit) == ("money", str(amount_minor), code)


@settings(deadline=None, max_examples=150)
@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_any_day_is_a_good_today(today: date) -> None:
    for text in (
        "昨天",
        "上周五",
        "春节",
        "中秋",
        "清明",
        "黑五",
        "上个月31号",
        "31号买的",
        "2月29号",
        "last month",
        "下个月",
    ):
        for entity in find(text, (), (), "", today):
            if entity.kind == "date" and text != "下个月":
                assert date.fromisoformat(entity.value) <= today


# --- as skills use it ----------------------------------------------------------------------------------------------
def test_what_is_negated_is_not_among_the_values() -> None:
    text = "不要红色，要蓝色"
    meaning = Meaning(text, "zh", entities=read(text))
    assert meaning.values("colour") == ("蓝色",)
    assert [entity.negated for entity in meaning.entities] == [True, False]


def test_an_entity_is_kept_as_a_row_and_made_again() -> None:
    for entity in read("不是L是XL 175cm 199块"):
        assert Entity(*orjson.loads(orjson.dumps(astuple(entity)))) == entity
    assert Entity(*orjson.loads('["order", "QH1", 0, 3]')).value == "QH1", "as older conversations hold it"


def test_no_day_is_read_without_a_today() -> None:
    assert find("昨天 last Friday 双十一", (), ()) == ()


def test_confidence_tells_how_a_thing_was_read() -> None:
    confidence = {entity.kind: entity.confidence for entity in read("QH2611200086 13812345678 175 70")}
    assert confidence == {"order": 1.0, "phone": 0.9, "phone_end": 0.9, "height": 0.7, "weight": 0.5}


@pytest.mark.parametrize(
    ("order_number", "text", "expected"),
    [
        ("SO-[0-9]{6}", "where is so-100234?", {"order": "SO-100234"}),
        ("SO-[0-9]{6}", "ＳＯ－100234 尾号1001", {"order": "SO-100234", "phone_end": "1001"}),
        ("SO-[0-9]{6}", "QH2611200086", {}),
        ("SO-[0-9]{6}", "SO-1002345", {}),
        ("SO-[0-9]{6}", "also-100234", {}),
        ("#?([0-9]{4}-[0-9]{4})", "#2611-0086", {"order": "2611-0086"}),
        ("(A|B)-?([0-9]+)(X)?", "b-12x", {"order": "B12X"}),
    ],
)
def test_an_order_number_looks_as_the_shop_says(order_number: str, text: str, expected: dict[str, str]) -> None:
    assert {entity.kind: entity.value for entity in find(text, (), (), order_number)} == expected


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("我要天蓝色的", ["天蓝色"]),
        ("sky blue please", ["sky blue"]),
        ("红毛衣", ["红"]),
        ("明白了", []),
        ("I ordered it, delivered already", []),
        ("小红书上看到的", []),
        ("蓝色和黑色", ["蓝色", "黑色"]),
    ],
)
def test_colours_are_words_not_parts_of_words(text: str, colours: list[str]) -> None:
    assert [e.value for e in find(text, (), CATALOGUE.colours) if e.kind == "colour"] == colours


@pytest.mark.parametrize(
    ("text", "products"),
    [
        ("黑色风衣", {"trench-coat"}),
        ("the black trench coat", {"trench-coat"}),
        ("羊毛大衣", {"wool-coat"}),
        ("碎花连衣裙", {"floral-dress"}),
        ("shirts", {"linen-shirt", "oxford-shirt"}),
        ("T恤", {"basic-tee", "stripe-tee", "kids-tee"}),
        ("袜子", set()),
        ("lol lol", set()),
        ("shoes", set()),
        ("oxfrod shirt", {"oxford-shirt"}),
        ("the linnen dres pls", {"linen-dress"}),
        ("can we do this in chinese", set()),
        ("the linen dress or the floral chiffon dress", {"linen-dress", "floral-dress"}),
        ("亚麻连衣裙和碎花雪纺连衣裙哪个好", {"linen-dress", "floral-dress"}),
        ("floral chiffon dress", {"floral-dress"}),
    ],
)
def test_products_are_found_by_the_words_of_their_names(text: str, products: set[str]) -> None:
    found = find(text, CATALOGUE.products, ())
    assert {entity.value for entity in found if entity.kind == "product"} == products


def test_nothing_is_found_in_nothing() -> None:
    assert read("") == ()


# --- speed ---------------------------------------------------------------------------------------------------------
def fastest_ms(texts: list[str], products: tuple[Named, ...], rounds: int = 5) -> float:
    """Return the time for one text, of its processor, in the fastest round: what a busy machine adds is not ours."""
    for text in texts[:3]:
        find(text, products, CATALOGUE.colours, CATALOGUE.order_number, TODAY)
    took = []
    for _ in range(rounds):
        started = time.process_time()
        for text in texts:
            find(text, products, CATALOGUE.colours, CATALOGUE.order_number, TODAY)
        took.append((time.process_time() - started) * 1000 / len(texts))
    return min(took)


def many(count: int) -> tuple[Named, ...]:
    """Return that many products with names that share their words, as those of a big shop do."""
    words = list(dict.fromkeys(garment.name_zh[:2] for garment in GARMENTS))
    english = list(dict.fromkeys(garment.name_en.split()[0] for garment in GARMENTS))
    made = []
    for number in range(count):
        garment, extra = GARMENTS[number % len(GARMENTS)], number // len(GARMENTS)
        first = words[extra % len(words)] + words[extra // len(words) % len(words)]
        name_en = f"{english[extra % len(english)]} {english[extra // 7 % len(english)]} {garment.name_en}"
        made.append(Named(f"product-{number}", (first + garment.name_zh, name_en)))
    return tuple(made)


def usual_messages() -> list[str]:
    return [text for language in ("zh", "en") for text, _ in cases(language)][::7]


def test_a_usual_message_is_read_in_half_a_millisecond() -> None:
    took_ms = fastest_ms(usual_messages(), CATALOGUE.products)
    print(f"{took_ms:.3f} ms a message, {len(CATALOGUE.products)} products")
    assert took_ms <= 0.5


def test_a_message_costs_little_more_in_a_shop_of_2000_products() -> None:
    took_ms = fastest_ms(usual_messages(), many(2_000))
    print(f"{took_ms:.3f} ms a message, 2000 products")
    assert took_ms <= 2


@pytest.mark.parametrize(
    "piece",
    ["一", "1", "a", "红", "市", "路1号", "1z", "连衣裙", "红色不要", "12 high street ", "no ", "¥1", "175 ", "周", "1-", "@a.", "+1 ", "\0", "👗"],
)  # fmt: skip
def test_ten_thousand_characters_are_read_in_50_ms(piece: str) -> None:
    text = (piece * 10_000)[:10_000]
    took_ms = fastest_ms([text], CATALOGUE.products, rounds=3)
    print(f"{piece!r}: {took_ms:.1f} ms")
    assert took_ms <= 50
