"""Whoever has not shown an order to be theirs learns nothing of it, not even that it exists."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from bot.demo.catalogue import GARMENTS
from bot.demo.orders import PLANS
from bot.shop.sql import SqlShop
from bot.skills import shown
from bot.skills.turn import Turn
from tests.skills.talk import MORNING, PHONE_ENDS, Talk, back_to_the_bot, later, order_of

FAKE = "QH2611259999"
WISHES = {
    "zh": (
        "我的订单 {} 到哪了",
        "我要退货 {}",
        "我要换货 {}",
        "取消订单 {}",
        "我的退款到哪了 {}",
        "改收货地址 {}",
        "催一下发货 {}",
        "{}",
    ),
    "en": (
        "where is my order {}",
        "I want to return {}",
        "please cancel my order {}",
        "where is my refund for {}",
        "{}",
    ),
}
FOLLOW_UPS = {
    "zh": (
        "{}",
        "{} 4321",
        "尾号是4321",
        "4321",
        "1",
        "2",
        "那件连衣裙",
        "里面有什么",
        "我是林悦",
        "好的",
        "谢谢",
        "质量问题",
        "运费多少",
    ),
    "en": (
        "{}",
        "{} 4321",
        "it ends in 4321",
        "4321",
        "1",
        "the dress",
        "what is in it",
        "I am Wang Lei",
        "ok",
        "quality problem",
    ),
}


def secrets(talk: Talk, number: str) -> list[str]:
    """Return every text that tells something of an order."""

    order = talk.read(lambda c: SqlShop(c).order(number))
    assert order
    customer = talk.read(lambda c: SqlShop(c).customer(order.customer_id))
    assert customer
    told = [customer.name, customer.phone, *(shown.line(line, lang) for line in order.lines for lang in ("zh", "en"))]
    for parcel in order.shipments:
        told += [parcel.carrier, parcel.tracking_number, *(place for e in parcel.events for place in e.place.values())]
    if order.total.amount_minor not in {garment.price_yuan * 100 for garment in GARMENTS}:  # a price is no secret
        told.append(shown.money(order.total, "zh"))
    told += ["签收：", "已发货", "on its way", "was delivered on", "已经打包", "is packed"]
    return told


@st.composite
def tries(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    language = draw(st.sampled_from(["zh", "en"]))
    plan = draw(st.sampled_from(PLANS))
    more = draw(st.lists(st.sampled_from(FOLLOW_UPS[language]), max_size=5))
    return language, plan.number(MORNING), [draw(st.sampled_from(WISHES[language])), *more]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tries())
def test_an_order_that_is_not_proven_is_as_good_as_one_that_does_not_exist(
    talk: Talk, tried: tuple[str, str, list[str]]
) -> None:
    language, number, messages = tried
    later(talk, timedelta(days=2))  # wrong answers of the examples before are forgotten
    curious, control = talk.as_guest(language), talk.as_guest(language)
    hidden = secrets(talk, number)
    for message in messages:
        said = curious.says(message.format(number))
        assert not [word for word in hidden if word in said], (message, said)
        assert said.replace(number, FAKE) == control.says(message.format(FAKE)), message
        assert curious.choices == control.choices
        assert not any(source.startswith("order:") for source in curious.sources)


def test_the_secrets_are_what_the_owner_is_told(talk: Talk) -> None:
    """The property above means something only if the owner does hear these words."""
    number = PLANS[2].number(MORNING)
    said = talk.as_guest("zh").says(f"{number} {PHONE_ENDS['lin']}")
    assert len([word for word in secrets(talk, number) if word in said]) >= 4


# --- two persons, each with orders, who say whatever comes to their minds of their own and of the other's ------------
MIXED = {
    "zh": (
        "{theirs} 到哪了",
        "{mine}到哪了",
        "取消订单{theirs}",
        "取消订单{mine}",
        "确定",
        "是的",
        "不对，是{theirs}",
        "不对，是{mine}",
        "改地址 {theirs}",
        "把{theirs}的地址改成上海市浦东新区世纪大道100号2栋301",
        "上海市浦东新区世纪大道100号2栋301",
        "我要退货 {theirs}",
        "换货 {mine}",
        "我的退款到哪了 {theirs}",
        "包裹不动了 {theirs}",
        "我要开发票 {theirs}",
        "价保 {theirs}",
        "上一单到哪了",
        "取消我的订单",
        "{their_goods}到哪了",
        "退{their_goods}",
        "{theirs} 0000",
        "4321",
        "1",
        "2",
        "太大了",
        "人工客服在吗",
        "算了",
        "双十一买的到哪了",
    ),
    "en": (
        "where is {theirs}",
        "where is {mine}",
        "cancel {theirs}",
        "cancel {mine}",
        "yes",
        "no, {theirs}",
        "no, {mine}",
        "change the address of {theirs} to 12 Baker Street, London, NW1 6XE",
        "12 Baker Street, London, NW1 6XE",
        "return {theirs}",
        "exchange {mine}",
        "where is my refund for {theirs}",
        "my parcel {theirs} is stuck",
        "i need an invoice for {theirs}",
        "price protection for {theirs}",
        "where is my last order",
        "cancel my order",
        "where is my {their_goods}",
        "i want to return the {their_goods}",
        "{theirs} 0000",
        "4321",
        "1",
        "2",
        "too large",
        "never mind",
    ),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One message: by whom, of which of the orders, in which words."""

    by: str
    mine: str
    theirs: str
    words: str


@st.composite
def mixed(draw: st.DrawFn) -> tuple[str, list[Said]]:
    language = draw(st.sampled_from(["zh", "en"]))
    own = {who: [plan for plan in PLANS if plan.customer_id == who] for who in PAIR}
    messages = []
    for _ in range(draw(st.integers(2, 9))):
        by = draw(st.sampled_from(PAIR))
        (other,) = set(PAIR) - {by}
        mine, theirs = draw(st.sampled_from(own[by])), draw(st.sampled_from(own[other]))
        sku = theirs.lines[0][0]
        goods = next(g for g in GARMENTS if any(one == sku for one, _, _ in g.skus()))
        named = goods.name_zh if language == "zh" else goods.name_en
        words = draw(st.sampled_from(MIXED[language]))
        numbers = {"mine": mine.number(MORNING), "theirs": theirs.number(MORNING), "their_goods": named}
        messages.append(Said(by, numbers["mine"], numbers["theirs"], words.format(**numbers)))
    return language, messages


PAIR = ("lin", "wang")


def numbers_of(customer_id: str) -> list[str]:
    return [plan.number(MORNING) for plan in PLANS if plan.customer_id == customer_id]


def private(talk: Talk, customer_id: str, other: str) -> set[str]:
    """Return what only this customer may hear: of their orders, and not of the other's."""
    told: dict[str, set[str]] = {}
    for who in (customer_id, other):
        customer = talk.read(lambda c, who=who: SqlShop(c).customer(who))  # type: ignore[misc]
        assert customer
        words = {customer.phone}
        for number in numbers_of(who):
            order = talk.read(lambda c, number=number: SqlShop(c).order(number))  # type: ignore[misc]
            assert order
            words |= {shown.line(line, language) for line in order.lines for language in ("zh", "en")}
            words |= {parcel.tracking_number for parcel in order.shipments}
        told[who] = words
    return told[customer_id] - told[other]


def stands(talk: Talk, customer_id: str) -> list[tuple[object, ...]]:
    """Return how a customer's orders stand in the shop, with their cases."""

    def read(connection: Connection) -> list[tuple[object, ...]]:
        shop = SqlShop(connection)
        return [
            (order.number, order.status, order.address, order.lines, len(shop.cases_of(order.number)))
            for number in numbers_of(customer_id)
            if (order := shop.order(number))
        ]

    return talk.read(read)


def peeks(talk: Talk, language: str, messages: list[Said]) -> list[str]:
    """Play the messages; return everything that one was told, or did, of the other's orders."""
    people = {who: talk.as_customer(who, language) for who in PAIR}
    found: list[str] = []
    for message in messages:
        (other,) = set(PAIR) - {message.by}
        hidden, before = private(talk, other, message.by), stands(talk, other)
        back_to_the_bot(people[message.by])
        said = people[message.by].says(message.words)
        heard = said + " ".join(people[message.by].choices)
        sources = {source for source in people[message.by].sources if source.startswith("order:")}
        found += [f"{message.words}: {word}" for word in hidden if word in heard]
        found += [f"{message.words}: {one}" for one in sources if one.removeprefix("order:") in numbers_of(other)]
        if stands(talk, other) != before:
            found.append(f"{message.words}: changed an order of {other}")
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mixed())
def test_whatever_two_customers_say_neither_hears_of_or_changes_the_others_orders(
    talk: Talk, said: tuple[str, list[Said]]
) -> None:
    later(talk, timedelta(days=2))
    assert peeks(talk, *said) == []


@pytest.mark.parametrize("words", ["{} 到哪了", "取消订单{}", "改地址 {}", "我要退货 {}", "包裹不动了 {}"])
def test_without_the_check_of_the_proof_the_others_orders_are_seen(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """The property above can fail: with the one check taken away, it does."""
    theirs = order_of("wang", "shipped")
    message = Said("lin", order_of("lin", "paid"), theirs, words.format(theirs))
    assert peeks(talk, "zh", [message]) == []
    monkeypatch.setattr(Turn, "may_see", lambda *_: True)
    assert peeks(talk, "zh", [message]) != []


def test_naming_goods_finds_no_order_of_somebody_else(talk: Talk) -> None:
    for garment in GARMENTS[:6]:
        guest = talk.as_guest("zh")
        assert not re.search(r"QH\d", guest.says(f"我买的{garment.name_zh}订单到哪了"))


@pytest.mark.parametrize("token", ["order:QH2611200086", "line:1", "label:order_status"])
def test_a_forged_button_opens_nothing(talk: Talk, token: str) -> None:
    guest = talk.as_guest("zh")
    guest._tokens = {"看订单": token}
    said = guest.taps("看订单")
    assert not [word for word in secrets(talk, "QH2611200086") if word in said]
