"""Where one request ends and another begins; and messages that go on from the one before."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.brain import read_mind
from bot.demo.catalogue import COLOURS, GARMENTS
from bot.demo.shop import demo_settings
from bot.starter import starter_folder
from bot.understanding.clauses import MOST, clauses
from bot.understanding.engine import Engine, Meaning, catalogue_of
from bot.understanding.following import Before, elliptic

CATALOGUE = catalogue_of(
    [(garment.id, {"zh": garment.name_zh, "en": garment.name_en}) for garment in GARMENTS],
    [{"zh": zh, "en": en} for zh, en in COLOURS.values()],
    demo_settings().shop.order_number,
)


@cache
def engine() -> Engine:
    return read_mind(starter_folder(), demo_settings()).engine


def understood(text: str, before: Before | None = None) -> Meaning:
    return engine().understand(text, "zh", CATALOGUE, before=before)


def after(*messages: str) -> Meaning:
    """Return what the last of these messages means, each read with the one before."""
    before, meaning = None, understood(messages[0])
    for text in messages:
        meaning = understood(text, before)
        before = Before(meaning.best, meaning.text, meaning.entities) if meaning.best else before
    return meaning


@pytest.mark.parametrize(
    ("text", "parts", "strong"),
    [
        ("想退货 另外运费谁出", ("想退货", "运费谁出"), True),
        ("我的订单到哪了？还有怎么开发票", ("我的订单到哪了", "怎么开发票"), True),
        ("我要退货，运费谁出", ("我要退货", "运费谁出"), False),
        ("那个码还有黑色吗", ("那个码还有黑色吗",), False),
        ("退款到了没 还有发票呢", ("退款到了没", "发票呢"), True),
        ("where's my order and can I change the address", ("where's my order", "can I change the address"), True),
        ("price of the parka + do you have it in L", ("price of the parka", "do you have it in L"), True),
        ("is it 3.5 cm? also, does it shrink", ("is it 3.5 cm", "does it shrink"), True),
        ("my sandals arrived", ("my sandals arrived",), False),
        ("运费多少", ("运费多少",), False),
    ],
)
def test_a_message_is_cut_at_connectives_and_punctuation(text: str, parts: tuple[str, ...], strong: bool) -> None:
    assert clauses(text) == (parts, strong)


@given(st.text(max_size=300))
def test_any_text_is_cut_into_a_few_parts_of_it(text: str) -> None:
    parts, _ = clauses(text)
    assert len(parts) <= MOST
    assert all(part in text for part in parts)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("想退货 另外运费谁出", ("return_request", "returns-freight")),
        ("我的订单到哪了，能改地址吗", ("order_status", "address_change")),
        ("where's my order and can I change the address", ("order_status", "address_change")),
        ("is it true to size and does it shrink?", ("sizing-true-to-size", "care-shrinking")),
        ("几点上班，怎么成为会员", ("contact-hours", "membership-join")),
    ],
)
def test_two_requests_in_one_message_are_both_found(text: str, labels: tuple[str, str]) -> None:
    assert tuple(label for label, _ in understood(text).parts) == labels


@pytest.mark.parametrize(
    "text",
    [
        "我的订单到哪了，谁是世界首富",
        "where is my order and who won the football",
        "black and white shirts",
    ],
)
def test_a_clause_that_is_not_sure_on_its_own_makes_no_second_request(text: str) -> None:
    assert understood(text).parts == ()


@pytest.mark.parametrize(
    ("messages", "label"),
    [
        (("运费多少", "香港呢"), "shipping-hk-macau-taiwan"),
        (("how much is shipping", "and to Hong Kong?"), "shipping-hk-macau-taiwan"),
        (("黑色风衣还有货吗", "那白色呢"), "stock_question"),
        (("is the trench coat in stock?", "and in black?"), "stock_question"),
        (("可以开发票吗", "公司的呢"), "invoice-company"),
        (("黑色风衣还有货吗", "那白色呢", "M码呢"), "stock_question"),
    ],
)
def test_a_message_that_goes_on_is_read_with_the_one_before(messages: tuple[str, ...], label: str) -> None:
    meaning = after(*messages)
    assert (meaning.best, meaning.follows != "") == (label, True)


@pytest.mark.parametrize(
    ("messages", "labels"),
    [
        (("怎么退货", "运费呢"), {"returns-freight", "shipping-fee"}),
        (("how do exchanges work", "and the postage?"), {"exchange-freight", "shipping-fee"}),
        (("how do exchanges work", "how long?"), {"exchange-time"}),
    ],
)
def test_what_may_go_on_or_stand_by_itself_is_asked_about(messages: tuple[str, ...], labels: set[str]) -> None:
    meaning = after(*messages)
    assert meaning.best == ""
    assert labels <= set(meaning.possible)


def test_what_is_named_anew_takes_the_place_of_what_was_named_before() -> None:
    meaning = after("黑色风衣还有货吗", "那白色呢", "M码呢")
    assert (meaning.values("product"), meaning.values("colour"), meaning.values("size")) == (
        ("trench-coat",),
        ("白色",),
        ("M",),
    )


@pytest.mark.parametrize(
    ("messages", "label"),
    [
        (("运费多少", "那天气呢"), ""),
        (("how much is shipping", "what about the weather?"), ""),
        (("运费多少", "我要退货"), "return_request"),
        (("how much is shipping", "where is my order"), "order_status"),
    ],
)
def test_a_message_of_its_own_is_not_read_with_the_one_before(messages: tuple[str, ...], label: str) -> None:
    meaning = after(*messages)
    assert (meaning.best, meaning.follows) == (label, "")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("那运费呢", "运费"),
        ("多久呢？", "多久"),
        ("香港呢", "香港"),
        ("and in blue?", "in blue"),
        ("what about returns", "returns"),
        ("how long?", "how long"),
        ("白色", "白色"),
        ("我的订单到哪了", ""),
        ("that is fine", ""),
        ("android app?", ""),
        ("and I would like to know whether you ship to Hong Kong at all", ""),
        ("呢", ""),
        ("?", ""),
    ],
)
def test_the_rule_for_messages_that_go_on(text: str, rest: str) -> None:
    entities = understood(text).entities
    assert elliptic(text, entities) == rest


@given(st.text(max_size=200))
def test_any_text_may_follow(text: str) -> None:
    understood(text, Before("shipping-fee", "运费多少"))
