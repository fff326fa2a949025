"""Whoever has not shown an order to be theirs learns nothing of it, not even that it exists."""

import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.catalogue import GARMENTS
from bot.demo.orders import PLANS
from bot.shop.sql import SqlShop
from bot.skills import shown
from tests.skills.talk import MORNING, PHONE_ENDS, Talk, later

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
