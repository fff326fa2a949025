"""The small pure parts that both adapters stand on, and the choice of the platform."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.settings import parse_settings
from bot.shop.addresses import Address, region_code, split_address
from bot.shop.amounts import minor_of, sum_minor, written_of
from bot.shop.bodies import OrderLineBody
from bot.shop.parts import Look, joined, look_of, marks_of, phone_of
from bot.shop.platforms import make_platform
from bot.shop.port import Money
from bot.shop.wire import moment, text
from handoff.console.look import money


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [("199.00", "CNY", 19900), ("0.1", "USD", 10), ("1999", "JPY", 1999), ("1.234", "KWD", 1234), ("0.005", "USD", 1),
     ("-5.50", "EUR", -550), ("1e2", "USD", 10000)],
)  # fmt: skip
def test_amounts_become_minor_units_of_their_currency(written: str, currency: str, minor: int) -> None:
    assert minor_of(written, currency) == minor


@pytest.mark.parametrize("written", ["", "a lot", "NaN", "Infinity", "1e99"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        minor_of(written, "USD")


@given(st.integers(0, 10**11), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_an_amount_comes_back_as_it_went(amount_minor: int, currency: str) -> None:
    assert minor_of(written_of(amount_minor, currency), currency) == amount_minor


@given(st.lists(st.decimals(0, 1000, places=4), min_size=1, max_size=5))
def test_a_sum_is_rounded_once(parts: list[Decimal]) -> None:
    assert abs(Decimal(sum_minor(map(str, parts), "USD")) - sum(parts) * 100) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("written", "country", "parts"),
    [
        ("浙江省杭州市西湖区文三路1号 310012", "CN", Address("西湖区文三路1号", "杭州市", "浙江省", "310012")),
        ("张三 13800000000 北京市朝阳区建国路1号", "CN", Address("朝阳区建国路1号 张三 13800000000", "北京市", "北京市", "")),
        ("广西壮族自治区南宁市青秀区民族大道1号", "CN", Address("青秀区民族大道1号", "南宁市", "广西壮族自治区", "")),
        ("12 High St, Leeds, LS1 4AP, UK", "GB", Address("12 High St", "Leeds", "", "LS1 4AP")),
        ("1 Main St, Apt 4, San Francisco, CA 94107", "US", Address("1 Main St, Apt 4", "San Francisco", "CA", "94107")),
        ("Hauptstr. 5, 10115 Berlin", "DE", Address("Hauptstr. 5", "Berlin", "", "10115")),
        ("杭州文三路", "CN", None),
        ("1 Main St, Springfield", "US", None),
        ("Springfield, 62701", "US", None),
        ("12 Rue X, 1000 Tunis", "TN", None),
        ("", "US", None),
    ],
)  # fmt: skip
def test_an_address_is_split_only_where_it_is_certain(written: str, country: str, parts: Address | None) -> None:
    assert split_address(written, country) == parts


@given(st.text(max_size=200), st.sampled_from(["CN", "US", "GB", "DE", "NL", "XX"]))
def test_no_text_breaks_the_splitting_and_nothing_is_invented(written: str, country: str) -> None:
    found = split_address(written, country)
    if found is not None:
        assert found.line
        parts = f"{found.line}{found.city}{found.region}{found.postcode}"
        assert set(parts.upper()) <= set(written.upper() + ", ")


def test_every_province_has_a_code_and_states_are_codes_already() -> None:
    names = ["安徽省", "北京市", "内蒙古自治区", "新疆维吾尔自治区", "浙江省"]
    assert [region_code(name, "CN") for name in names] == ["AH", "BJ", "NM", "XJ", "ZJ"]
    assert (region_code("CA", "US"), region_code("火星", "CN")) == ("CA", "")


@pytest.mark.parametrize(
    ("options", "look"),
    [
        ([("Color", "Blue"), ("Size", "M")], Look("Blue", "M")),
        ([("尺码", "L"), ("颜色", "蓝色")], Look("蓝色", "L")),
        ([("Length", "long"), ("pa_colour", "red"), ("pa_size", "38")], Look("red / long", "38")),
        ([], Look("", "-")),
    ],
)
def test_options_are_sorted_into_size_and_colour(options: list[tuple[str, str]], look: Look) -> None:
    assert look_of(options) == look


def test_tags_say_what_does_not_go_back() -> None:
    marks = marks_of(["Final Sale", "hygiene", "new"])
    assert (marks.returnable, marks.hygiene, marks.cross_border) == (False, True, False)
    assert marks_of([]).returnable


def test_lines_of_one_sku_keep_what_was_paid_exactly() -> None:
    one = OrderLineBody(sku="a", quantity=2, price_minor=1000, paid_minor=1799)
    free = OrderLineBody(sku="a", quantity=1, price_minor=0, paid_minor=0, gift=True)
    (line,) = joined([one, free])
    assert (line.quantity, line.price_minor, line.paid_minor, line.gift) == (3, 666, 1799, False)


def test_the_first_telephone_with_four_digits_proves() -> None:
    assert phone_of(None, "-", "12", "+86 138 0000 1234", "999999") == "+86 138 0000 1234"
    assert phone_of(None, 12345) == ""


@given(st.text(max_size=400))
def test_every_text_of_a_shop_becomes_one_that_can_be_stored(written: str) -> None:
    line = text(written + "\ud800\0", 50)
    assert len(line) <= 50
    assert "\0" not in line
    assert "\n" not in line
    line.encode()


def test_times_without_a_zone_are_gmt_and_what_is_no_time_is_none() -> None:
    assert str(moment("2026-11-22T02:00:00")) == "2026-11-22 02:00:00+00:00"
    assert str(moment("2026-11-22T10:00:00+08:00")) == "2026-11-22 02:00:00+00:00"
    assert [moment(value) for value in ("", None, "soon", 12)] == [None] * 4


# --- the choice ------------------------------------------------------------------------------------------------------
CLOCK = SystemClock()
NAME = {"name": {"zh": "店", "en": "shop"}}
WOO = {"url": "https://shop.example", "key": {"file": "k"}, "secret": {"file": "k"}, "webhook_secret": {"file": "k"}}
SHOPIFY = {"shop": "little-shop.myshopify.com", "client_id": "c", "secret": {"file": "k"}}


async def test_shop_toml_chooses_the_platform(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("hush", encoding="utf-8")
    for name, section in (("woocommerce", WOO), ("shopify", SHOPIFY)):
        settings = parse_settings({"shop": {**NAME, "platform": name, name: section}}, "shop.toml")
        made = make_platform(settings, tmp_path, CLOCK)
        assert made is not None
        assert made.name == name
        await made.close()
    assert make_platform(parse_settings({"shop": NAME}, "shop.toml"), tmp_path, CLOCK) is None
    idle = parse_settings({"shop": {**NAME, "woocommerce": WOO}}, "shop.toml")
    assert make_platform(idle, tmp_path, CLOCK) is None


@pytest.mark.parametrize(
    ("shop", "says"),
    [
        ({"platform": "shopify"}, r"section \[shop.shopify\] is missing"),
        ({"platform": "shopify", "shopify": {**SHOPIFY, "shop": "https://x"}}, "myshopify.com"),
        ({"platform": "shopify", "shopify": {"shop": SHOPIFY["shop"], "secret": {"file": "k"}}}, "client_id"),
        ({"platform": "woocommerce", "woocommerce": {**WOO, "key": "ck_hush"}}, "must say where the secret is"),
        ({"platform": "magento"}, "embedded"),
    ],
)
def test_what_is_missing_for_a_platform_is_named(shop: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as told:
        parse_settings({"shop": {**NAME, **shop}}, "shop.toml")
    assert "hush" not in str(told.value)


def test_an_address_that_keys_must_not_travel_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("hush", encoding="utf-8")
    section = {**WOO, "url": "http://shop.example"}
    settings = parse_settings({"shop": {**NAME, "platform": "woocommerce", "woocommerce": section}}, "shop.toml")
    with pytest.raises(SettingsError, match="https"):
        make_platform(settings, tmp_path, CLOCK)


def test_the_console_writes_amounts_in_their_currency() -> None:
    amounts = [Money(1990000, "CNY"), Money(19900, "JPY"), Money(1234567, "KWD")]
    assert [money(amount) for amount in amounts] == ["¥19,900.00", "JPY 19,900", "KWD 1,234.567"]
