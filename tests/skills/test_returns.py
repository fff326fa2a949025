"""Returns, exchanges and refunds in conversation."""

import pytest
from sqlalchemy import select

from bot.store import tables as t
from tests.skills.talk import Customer, Talk, order_of

DELIVERED = order_of("lin", "delivered")
RETURN = {"zh": f"我要退货 {DELIVERED}", "en": f"I want to return {DELIVERED}"}


def cases(talk: Talk, number: str) -> list[str]:
    """Return the reasons of the cases of an order."""
    mine = select(t.returns.c.reason).where(t.returns.c.order_number == number)
    return list(talk.read(lambda c: c.execute(mine).scalars().all()))


def asked_why(talk: Talk, language: str) -> Customer:
    lin = talk.as_customer("lin", language)
    lin.says(RETURN[language])
    lin.says("1")
    return lin


@pytest.mark.parametrize(
    ("language", "said", "goods"),
    [
        ("zh", "我要退那条蓝色连衣裙", "碎花雪纺连衣裙（蓝色，M）"),
        ("en", "I want to return the blue dress", "Floral Chiffon Dress"),
    ],
)
def test_the_blue_dress_is_the_one_that_was_delivered(talk: Talk, language: str, said: str, goods: str) -> None:
    lin = talk.as_customer("lin", language)
    assert goods in lin.says(said)
    assert "RT26" in lin.says("1")
    assert cases(talk, DELIVERED) == ["size"]


@pytest.mark.parametrize(
    ("language", "said", "goods"),
    [
        ("zh", "我要退那条蓝色连衣裙", "碎花雪纺连衣裙（蓝色，M）"),
        ("zh", "我要退那条白色连衣裙", "亚麻连衣裙（白色，M）"),
        ("en", "I want to return the white dress", "Linen Dress (white, M)"),
    ],
)
def test_of_two_dresses_in_one_order_the_colour_tells_which(talk: Talk, language: str, said: str, goods: str) -> None:
    row = {"order_number": DELIVERED, "sku": "linen-dress-white-M", "quantity": 1, "price_minor": 35900}
    talk.write(lambda c: c.execute(t.order_lines.insert().values(row)))
    lin = talk.as_customer("lin", language)
    assert goods in lin.says(said)
    assert len(lin.choices) == 4


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_guest_returns_a_piece_after_proving_the_order(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says({"zh": "我要退那条蓝色连衣裙", "en": "I want to return the blue dress"}[language])
    guest.says(DELIVERED)
    assert {"zh": "碎花雪纺连衣裙", "en": "Floral Chiffon Dress"}[language] in guest.says("1001")
    guest.says({"zh": "穿着太紧了", "en": "too tight around the arms"}[language])
    assert "RT26" in guest.says("1")
    assert cases(talk, DELIVERED) == [{"zh": "穿着太紧了", "en": "too tight around the arms"}[language]]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_of_two_pieces_the_customer_says_which(talk: Talk, language: str) -> None:
    lin = talk.as_customer("lin", language)
    lin.says(RETURN[language])
    assert len(lin.choices) == 2
    assert {"zh": "连衣裙（蓝色，M）", "en": "Dress (blue, M)"}[language] in lin.says(
        {"zh": "那条连衣裙", "en": "the dress"}[language]
    )


@pytest.mark.parametrize(
    ("pick", "reason"), [("1", "size"), ("质量问题", "quality"), ("第三个", "look"), ("其他原因", "other")]
)
def test_a_reason_is_picked(talk: Talk, pick: str, reason: str) -> None:
    asked_why(talk, "zh").says(pick)
    assert cases(talk, DELIVERED) == [reason]


@pytest.mark.parametrize(
    ("language", "reason"),
    [("zh", "不喜欢"), ("zh", "拉链坏了"), ("zh", "太小了"), ("en", "it has a hole"), ("en", "it is too small")],
)
def test_a_reason_in_the_customers_own_words_is_read_back_and_kept(talk: Talk, language: str, reason: str) -> None:
    lin = asked_why(talk, language)
    assert reason in lin.says(reason)
    assert cases(talk, DELIVERED) == []
    assert "RT26" in lin.says({"zh": "是的", "en": "yes"}[language])
    assert cases(talk, DELIVERED) == [reason]


@pytest.mark.parametrize(("language", "reason", "no"), [("zh", "不喜欢", "不是"), ("en", "it is too small", "no")])
def test_a_reason_that_was_none_is_asked_for_again(talk: Talk, language: str, reason: str, no: str) -> None:
    lin = asked_why(talk, language)
    for again in (no, "2"):
        lin.says(reason)
        assert len(lin.choices) == 3
        lin.says(again)
        assert len(lin.choices) == 4
    lin.says("2")
    assert cases(talk, DELIVERED) == ["quality"]


def test_who_is_read_back_may_have_a_human(talk: Talk) -> None:
    lin = asked_why(talk, "zh")
    lin.says("不喜欢")
    lin.says("3")
    assert lin.waits_for_a_human
    assert cases(talk, DELIVERED) == []


@pytest.mark.parametrize(("language", "said"), [("zh", "你们真没用"), ("en", "u guys are fucking useless")])
def test_an_insult_is_no_reason(talk: Talk, language: str, said: str) -> None:
    lin = asked_why(talk, language)
    lin.says(said)
    assert lin.handed_over_for == "complaint"
    assert cases(talk, DELIVERED) == []


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
    assert len(lin.choices) in (0, 4)  # socks stay; of a dress it is asked why


@pytest.mark.parametrize(("language", "said"), [("zh", "裙子"), ("en", "a dress")])
def test_a_kind_that_fits_several_pieces_narrows_the_choices(talk: Talk, language: str, said: str) -> None:
    row = {"order_number": DELIVERED, "sku": "linen-dress-white-M", "quantity": 3, "price_minor": 35900}
    talk.write(lambda c: c.execute(t.order_lines.insert().values(row)))
    lin = talk.as_customer("lin", language)
    lin.says(RETURN[language])
    assert len(lin.choices) == 3
    lin.says(said)
    assert len(lin.choices) == 2
    assert lin.choices[1].endswith("×3")


@pytest.mark.parametrize(("language", "question"), [("zh", "多久退款？"), ("en", "how long does a refund take?")])
def test_a_question_is_never_taken_for_a_reason(talk: Talk, language: str, question: str) -> None:
    lin = asked_why(talk, language)
    assert "3" in lin.says(question)
    assert cases(talk, DELIVERED) == []
    assert "RT26" in lin.says("2")
    assert cases(talk, DELIVERED) == ["quality"]


def test_another_order_number_is_not_a_reason_but_another_order(talk: Talk) -> None:
    lin = asked_why(talk, "zh")
    assert "已经过了无理由退货的期限" in lin.says(order_of("lin", "delivered_long_ago"))
    assert cases(talk, DELIVERED) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_second_return_of_a_piece_names_the_first_case(talk: Talk, language: str) -> None:
    lin = asked_why(talk, language)
    said = lin.says("1")
    case = said[said.index("RT26") :][:8]
    lin.says(RETURN[language])
    assert case in lin.says("1")
    assert len(cases(talk, DELIVERED)) == 1


@pytest.mark.parametrize(
    ("customer_id", "course", "zh", "en"),
    [
        ("lin", "delivered_long_ago", "已经过了无理由退货的期限", "time for a no-reason return is over"),
        ("lin", "shipped", "没有签收记录", "isn't marked as delivered"),
        ("lin", "paid", "没有签收记录", "isn't marked as delivered"),
        ("lin", "unpaid", "还没付款，不用办退货", "isn't paid yet, so there's nothing to return"),
        ("wang", "cancelled", "已经取消，没有要退的货", "is cancelled, so there's nothing to return"),
        ("chen", "returned", "退件我们已经收到", "We've received the return"),
        ("lin", "refunded", "已经退款", "has been refunded"),
        ("wang", "return_open", "已经在退货中了", "already a return"),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_cannot_be_returned_is_told_why(
    talk: Talk, customer_id: str, course: str, zh: str, en: str, language: str
) -> None:
    customer = talk.as_customer(customer_id, language)
    number = order_of(customer_id, course)
    before = len(cases(talk, number))
    said = customer.says({"zh": f"我要退货 {number}", "en": f"I want to return order {number}"}[language])
    assert {"zh": zh, "en": en}[language] in said
    assert len(cases(talk, number)) == before


@pytest.mark.parametrize(("customer_id", "line"), [("lin", "中筒棉袜五双装"), ("chen", "男士平角裤三条装")])
def test_socks_and_underwear_stay(talk: Talk, customer_id: str, line: str) -> None:
    customer = talk.as_customer(customer_id, "zh")
    customer.says(f"我要退货 {order_of(customer_id, 'delivered')}")
    label = next(label for label in customer.choices if label.startswith(line))
    assert "不支持无理由退货" in customer.says(label)
    assert "returns-exclusions" in customer.sources


def test_only_delivered_orders_are_offered_for_a_return(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    lin.says("我要退货")
    offered = [label[:12] for label in lin.choices]
    assert offered == [DELIVERED, order_of("lin", "delivered_long_ago")]


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "我要换货 {}"), ("en", "I want to exchange {} for a bigger size")]
)
def test_an_exchange_goes_to_a_human_with_its_reason(talk: Talk, language: str, said: str) -> None:
    lin = talk.as_customer("lin", language)
    lin.says(said.format(DELIVERED))
    assert lin.handed_over_for == f"exchange {DELIVERED}"


@pytest.mark.parametrize(
    ("language", "said", "yes"), [("zh", "退款到哪了 {}", "好的"), ("en", "where is my refund for {}", "yes")]
)
def test_asking_for_a_refund_where_there_is_no_return_opens_none_but_offers_one(
    talk: Talk, language: str, said: str, yes: str
) -> None:
    lin = talk.as_customer("lin", language)
    assert {"zh": "没有退货记录", "en": "There's no return"}[language] in lin.says(said.format(DELIVERED))
    assert len(lin.choices) == 1
    assert cases(talk, DELIVERED) == []
    assert DELIVERED in lin.says(yes)
    assert len(lin.choices) == 2
    assert cases(talk, DELIVERED) == []


@pytest.mark.parametrize(
    ("customer_id", "course", "answer"),
    [("wang", "return_open", "RT26"), ("lin", "refunded", "已经退款"), ("chen", "returned", "退件我们已经收到")],
)
def test_a_refund_under_way_is_told(talk: Talk, customer_id: str, course: str, answer: str) -> None:
    customer = talk.as_customer(customer_id, "zh")
    assert answer in customer.says(f"我的退款到哪了 {order_of(customer_id, course)}")
    assert customer.choices == ()


def test_a_refund_of_what_was_not_delivered_offers_no_return(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    assert "没有退货记录" in lin.says(f"我的退款到哪了 {order_of('lin', 'shipped')}")
    assert lin.choices == ()
