"""Returns in conversation, as far as the scripts of `talks/returns-*.talk` do not tell it: many variants of one thing."""

from typing import Any

import pytest
from sqlalchemy import select

from bot.store import tables as t
from tests.skills.talk import Customer, Talk, order_of

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
DELIVERED = order_of("lin", "delivered")
RETURN = {"zh": f"我要退货 {DELIVERED}", "en": f"I want to return {DELIVERED}"}
YES = {"zh": "是的", "en": "yes"}
HUMAN = {"zh": "人工客服", "en": "Talk to a person"}


def cases(talk: Talk, number: str) -> list[Any]:
    """Return (reason, words) of the cases of an order."""
    mine = select(t.cases.c.reason, t.cases.c.words).where(t.cases.c.order_number == number)
    return [tuple(row) for row in talk.read(lambda c: c.execute(mine).all())]


def asked_why(talk: Talk, language: str) -> Customer:
    lin = talk.as_customer("lin", language)
    lin.says(RETURN[language])
    lin.says("1")
    assert lin.state.step == "reason"
    return lin


@pytest.mark.parametrize(
    ("language", "said", "goods"),
    [
        ("zh", "我要退那条蓝色连衣裙", "碎花雪纺连衣裙（蓝色，M）"),
        ("zh", "我要退那条白色连衣裙", "亚麻连衣裙（白色，M）"),
        ("en", "I want to return the blue dress", "Floral Chiffon Dress (blue, M)"),
        ("en", "I want to return the white dress", "Linen Dress (white, M)"),
    ],
)
def test_of_two_dresses_in_one_order_the_colour_tells_which(talk: Talk, language: str, said: str, goods: str) -> None:
    row = {"order_number": DELIVERED, "sku": "linen-dress-white-M", "quantity": 1, "price_minor": 35900}
    talk.write(lambda c: c.execute(t.order_lines.insert().values(row)))
    lin = talk.as_customer("lin", language)
    assert goods in lin.says(said)
    assert lin.state.step == "reason"


@pytest.mark.parametrize(("language", "said"), [("zh", "裙子"), ("en", "a dress")])
def test_a_kind_that_fits_several_pieces_narrows_the_choices(talk: Talk, language: str, said: str) -> None:
    row = {"order_number": DELIVERED, "sku": "linen-dress-white-M", "quantity": 3, "price_minor": 35900}
    talk.write(lambda c: c.execute(t.order_lines.insert().values(row)))
    lin = talk.as_customer("lin", language)
    lin.says(RETURN[language])
    assert len(lin.choices) == 5
    lin.says(said)
    assert len(lin.choices) == 4
    assert lin.choices[1].endswith("×3")


@pytest.mark.parametrize(
    ("language", "said", "goods"),
    [
        ("zh", "袜子", "中筒棉袜五双装"),
        ("zh", "那双袜子", "中筒棉袜五双装"),
        ("zh", "裙子", "碎花雪纺连衣裙"),
        ("en", "socks", "Crew Socks"),
        ("en", "the dress please", "Floral Chiffon Dress"),
    ],
)
def test_a_kind_of_garment_tells_the_piece(talk: Talk, language: str, said: str, goods: str) -> None:
    lin = talk.as_customer("lin", language)
    lin.says(RETURN[language])
    assert goods in lin.says(said)
    assert lin.state.step in ("reason", "count")


@pytest.mark.parametrize(
    ("pick", "reason"),
    [("1", "small"), ("太大了", "large"), ("质量问题", "quality"), ("第七个", "look"), ("其他原因", "other")],
)
def test_a_reason_is_picked(talk: Talk, pick: str, reason: str) -> None:
    lin = asked_why(talk, "zh")
    lin.says(pick)
    if reason == "quality":
        lin.says("没有照片")
    lin.says("是的")
    assert [one for one, _ in cases(talk, DELIVERED)] == [reason]


@pytest.mark.parametrize(
    ("language", "words", "reason"),
    [
        ("zh", "不喜欢", "look"),
        ("zh", "穿着勒得慌", "small"),
        ("zh", "妈妈说她有一条一样的", "other"),
        ("zh", "孩子长高了穿不进去", "small"),
        ("zh", "搬家用不上了", "other"),
        ("en", "it is too small", "small"),
        ("en", "it hangs on me like a tent, way too big", "large"),
        ("en", "my sister has the same one already", "other"),
        ("en", "not as described", "look"),
    ],
)
def test_a_reason_in_the_customers_own_words_is_read_back_and_kept(
    talk: Talk, language: str, words: str, reason: str
) -> None:
    lin = asked_why(talk, language)
    assert words in lin.says(words)
    assert cases(talk, DELIVERED) == []
    assert "RT26" in lin.says(YES[language])
    assert cases(talk, DELIVERED) == [(reason, words)]


@pytest.mark.parametrize(("language", "words", "no"), [("zh", "不喜欢", "不是"), ("en", "it is too small", "no")])
def test_a_reason_that_was_none_is_told_anew(talk: Talk, language: str, words: str, no: str) -> None:
    lin = asked_why(talk, language)
    lin.says(words)
    lin.says(no)
    assert lin.state.step == "change"
    lin.taps({"zh": "改原因", "en": "Another reason for it"}[language])
    assert lin.state.step == "reason"
    lin.says("2")
    lin.says(YES[language])
    assert [reason for reason, _ in cases(talk, DELIVERED)] == ["large"]


@LANGUAGES
def test_a_person_is_offered_at_every_question(talk: Talk, language: str) -> None:
    lin = talk.as_customer("lin", language)
    for said in (RETURN[language], "2", "1", "3", "1"):
        lin.says(said)
        assert lin.choices[-1] == HUMAN[language]
    assert lin.state.step == "agree"
    lin.taps(HUMAN[language])
    assert lin.waits_for_a_human
    assert cases(talk, DELIVERED) == []


@pytest.mark.parametrize(("language", "said"), [("zh", "你们真没用"), ("en", "u guys are fucking useless")])
def test_an_insult_is_no_reason(talk: Talk, language: str, said: str) -> None:
    lin = asked_why(talk, language)
    lin.says(said)
    assert lin.handed_over_for == "anger"
    assert cases(talk, DELIVERED) == []


@pytest.mark.parametrize(("language", "question"), [("zh", "多久退款？"), ("en", "how long does a refund take?")])
def test_a_question_is_never_taken_for_a_reason(talk: Talk, language: str, question: str) -> None:
    lin = asked_why(talk, language)
    assert "3" in lin.says(question)
    assert lin.state.step == "reason"


@pytest.mark.parametrize(
    ("customer_id", "course", "zh", "en"),
    [
        ("lin", "delivered_long_ago", "7 天的无理由退货期限", "7 days for a no-reason return are over"),
        ("lin", "shipped", "没有签收记录", "isn't marked as delivered"),
        ("lin", "paid", "没有签收记录", "isn't marked as delivered"),
        ("lin", "unpaid", "还没付款，不用办退货", "isn't paid yet, so there's nothing to return"),
        ("wang", "cancelled", "已经取消，没有要退的货", "is cancelled, so there's nothing to return"),
        ("chen", "returned", "退件我们已经收到", "We've received the return"),
        ("lin", "refunded", "已经退款", "has been refunded"),
        ("wang", "return_open", "已经在办了，编号 RT26", "in a case already: RT26"),
    ],
)
@LANGUAGES
def test_what_cannot_be_returned_is_told_why(
    talk: Talk, customer_id: str, course: str, zh: str, en: str, language: str
) -> None:
    customer = talk.as_customer(customer_id, language)
    number = order_of(customer_id, course)
    before = len(cases(talk, number))
    said = customer.says({"zh": f"我要退货 {number}", "en": f"I want to return order {number}"}[language])
    assert {"zh": zh, "en": en}[language] in said
    assert len(cases(talk, number)) == before


def test_only_delivered_orders_are_offered_for_a_return(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    lin.says("我要退货")
    offered = [label[:12] for label in lin.choices]
    assert offered == [DELIVERED, order_of("lin", "delivered_long_ago")]


@pytest.mark.parametrize(
    ("language", "said", "yes"), [("zh", "退款到哪了 {}", "好的"), ("en", "where is my refund for {}", "yes")]
)
def test_asking_for_a_refund_where_there_is_no_return_opens_none_but_offers_one(
    talk: Talk, language: str, said: str, yes: str
) -> None:
    lin = talk.as_customer("lin", language)
    assert {"zh": "没有退货记录", "en": "There's no return"}[language] in lin.says(said.format(DELIVERED))
    assert len(lin.choices) == 1
    assert DELIVERED in lin.says(yes)
    assert lin.state.step == "line"
    assert cases(talk, DELIVERED) == []


@pytest.mark.parametrize(
    ("customer_id", "course", "answer"),
    [("wang", "return_open", "等同事审核"), ("lin", "refunded", "已经退款"), ("chen", "returned", "已收到您寄回的货")],
)
def test_a_refund_under_way_is_told(talk: Talk, customer_id: str, course: str, answer: str) -> None:
    customer = talk.as_customer(customer_id, "zh")
    said = customer.says(f"我的退款到哪了 {order_of(customer_id, course)}")
    assert answer in said
    assert "RT26" in said


def test_a_refund_of_what_was_not_delivered_offers_no_return(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    assert "没有退货记录" in lin.says(f"我的退款到哪了 {order_of('lin', 'shipped')}")
    assert lin.choices == ()


@pytest.mark.parametrize("token", ["agree:yes", "want:floral-dress-blue-L", "case:RT26110001", "change:line"])
def test_a_forged_button_does_nothing(talk: Talk, token: str) -> None:
    lin = asked_why(talk, "zh")
    lin.taps_token(token)
    assert cases(talk, DELIVERED) == []
    assert lin.state.step == "reason"


def test_a_button_for_a_line_of_another_order_opens_nothing(talk: Talk) -> None:
    lin = asked_why(talk, "zh")
    lin.taps_token("line:1")
    assert lin.state.step == "line"
    assert cases(talk, DELIVERED) == []
