"""Order status in conversation: which order, is it theirs, where it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from bot.demo.shop import demo_settings
from bot.store import tables as t
from bot.understanding.orders import example
from tests.skills.talk import MORNING, Shop, Talk, order_of

STATES = {  # what is said of each course of an order, zh and en
    ("lin", "unpaid"): ("还没付款", "isn't paid yet"),
    ("lin", "paid"): ("已付款", "is paid"),
    ("chen", "packed"): ("已经打包好", "is packed"),
    ("lin", "shipped"): ("上海转运中心", "Shanghai sorting centre"),
    ("lin", "out_for_delivery"): ("上海派送站", "Shanghai delivery station"),
    ("lin", "delivered"): ("11月21日 签收", "delivered on 21 Nov"),
    ("chen", "returned"): ("退件我们已经收到", "received the return"),
    ("lin", "refunded"): ("已经退款", "has been refunded"),
    ("wang", "cancelled"): ("已经取消", "is cancelled"),
}
ASKS = {"zh": "我的订单到哪了", "en": "where is my order"}
ENDS = {"lin": "1001", "wang": "2012", "chen": "3023"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("customer_id", "course"), STATES)
def test_a_guest_who_knows_number_and_phone_hears_where_the_order_stands(
    talk: Talk, customer_id: str, course: str, language: str
) -> None:
    guest = talk.as_guest(language)
    number = order_of(customer_id, course)
    assert {"zh": "订单号", "en": "order number"}[language] in guest.says(ASKS[language])
    assert number in guest.says(number)
    assert STATES[customer_id, course][language == "en"] in guest.says(ENDS[customer_id])
    assert f"order:{number}" in guest.sources


def test_a_parcel_comes_with_carrier_number_and_day(talk: Talk) -> None:
    said = talk.as_customer("lin", "zh").says(f"查一下订单 {order_of('lin', 'shipped')}")
    assert "顺丰" in said
    assert "SF13" in said
    assert "预计 11月24日 送到" in said
    assert said.count("百褶半身裙") == 1


def test_two_parcels_name_the_goods_once_and_each_trail(talk: Talk) -> None:
    number = order_of("lin", "shipped")

    def second_parcel(c: Connection) -> None:
        parcel = {"id": f"{number}-2", "order_number": number, "carrier": "中通 ZTO", "tracking_number": "7810001"}
        c.execute(t.shipments.insert().values(**parcel))
        place = {"place_zh": "杭州分拨", "place_en": "Hangzhou hub", "status": "in_transit"}
        c.execute(t.tracking.insert().values(shipment_id=f"{number}-2", at=MORNING, **place))

    talk.write(second_parcel)
    said = talk.as_customer("lin", "en").says(f"where is my order {number}")
    assert said.count("Linen Dress") == 1
    assert "Shanghai sorting centre" in said
    assert "Hangzhou hub" in said
    assert "7810001" in said


def test_a_parcel_without_a_trail_says_so_beside_one_that_has_one(talk: Talk) -> None:
    number = order_of("lin", "shipped")
    parcel = {"id": f"{number}-2", "order_number": number, "carrier": "中通 ZTO", "tracking_number": "7810001"}
    talk.write(lambda c: c.execute(t.shipments.insert().values(**parcel)))
    assert "7810001，还没有物流更新" in talk.as_customer("lin", "zh").says(f"查一下订单 {number}")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "查一下订单 {} 手机尾号1001"),
        ("zh", "{} 1001"),
        ("zh", "{}　１００１"),
        ("en", "where is my order {}? my phone number ends in 1001"),
        ("en", "{} 1001"),
    ],
)
def test_number_and_phone_may_come_in_one_message(talk: Talk, language: str, said: str) -> None:
    assert "SF13" in talk.as_guest(language).says(said.format(order_of("lin", "shipped")))


@pytest.mark.parametrize("phone", ["1001", "１００１", "尾号1001", "19900001001", "+86 199 0000 1001"])
def test_the_end_of_the_phone_number_may_be_written_in_many_ways(talk: Talk, phone: str) -> None:
    guest = talk.as_guest("zh")
    guest.says(order_of("lin", "shipped"))
    assert "SF13" in guest.says(phone)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_after_a_wrong_phone_the_right_one_still_opens_the_order(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(order_of("lin", "shipped"))
    assert {"zh": "对不上", "en": "don't match"}[language] in guest.says("2012")
    assert "SF13" in guest.says("1001")


def test_a_number_that_was_wrong_can_be_corrected(talk: Talk) -> None:
    guest = talk.as_guest("en")
    guest.says(order_of("wang", "shipped"))
    guest.says("1001")
    guest.says(order_of("lin", "shipped"))
    assert "Linen Dress" in guest.says("1001")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_five_wrong_phones_end_at_a_human_even_if_the_sixth_is_right(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(order_of("lin", "shipped"))
    for wrong in ("1111", "1112", "1113", "1114"):
        guest.says(wrong)
        assert not guest.waits_for_a_human
    guest.says("1115")
    assert guest.handed_over_for == "proof_failed"
    guest.says("1001")
    assert set(guest.sources) <= {"handoff.still_waiting"}


def test_once_proven_an_order_is_not_asked_for_again(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    guest.says(f"{order_of('lin', 'shipped')} 1001")
    assert "SF13" in guest.says("我的订单到哪了")


@pytest.mark.parametrize("pick", ["2", "２", "二", "②", "第二个", "QH2611220049 麻花针织毛衣（奶油白，M）", "麻花毛衣"])
def test_a_customer_with_several_orders_picks_one_by_number_or_by_words(talk: Talk, pick: str) -> None:
    lin = talk.as_customer("lin", "zh")
    lin.says("我的订单到哪了")
    assert [label[:12] for label in lin.choices][:2] == [order_of("lin", "unpaid"), order_of("lin", "paid")]
    assert "麻花针织毛衣" in lin.says(pick)


def test_a_tap_is_as_good_as_words(talk: Talk) -> None:
    wang = talk.as_customer("wang", "en")
    wang.says("where is my order")
    assert "Trench Coat (navy, L)" in wang.taps(wang.choices[1])


@pytest.mark.parametrize(
    ("customer_id", "language", "said", "goods"),
    [
        ("wang", "en", "where is my trench coat", "Classic Trench Coat (navy, L)"),
        ("lin", "zh", "我买的大衣快递到哪了", "双面羊毛大衣（米色，M）"),
    ],
)
def test_an_order_may_be_named_by_what_is_in_it(
    talk: Talk, customer_id: str, language: str, said: str, goods: str
) -> None:
    assert goods in talk.as_customer(customer_id, language).says(said)


def test_cancelled_orders_are_not_among_those_offered(talk: Talk) -> None:
    wang = talk.as_customer("wang", "en")
    wang.says("where is my order")
    assert not any(order_of("wang", "cancelled") in label for label in wang.choices)


def test_an_order_that_is_over_needs_no_human_to_be_cancelled(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    assert "已经退款" in lin.says(f"取消订单 {order_of('lin', 'refunded')}")
    assert not lin.waits_for_a_human


@pytest.mark.parametrize(("language", "said"), [("zh", "催一下发货"), ("en", "please hurry up my order")])
def test_urging_tells_where_the_order_stands(talk: Talk, language: str, said: str) -> None:
    lin = talk.as_customer("lin", language)
    lin.says(said)
    assert order_of("lin", "paid") in lin.says("2")


def test_a_number_of_somebody_else_asks_a_linked_customer_for_proof_too(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    said = lin.says(f"查一下订单 {order_of('wang', 'shipped')}")
    assert "手机号的后四位" in said
    assert "风衣" not in said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "我的羊毛大衣到哪了"),
        ("zh", "我那件羽绒服发货没"),
        ("zh", "我的羊绒毛衣现在在哪里"),
        ("en", "where is my wool coat"),
        ("en", "where has my down jacket got to"),
        ("en", "my cashmere sweater, where is it"),
    ],
)
def test_where_my_piece_is_asks_for_an_order_and_not_for_care(talk: Talk, language: str, said: str) -> None:
    guest = talk.as_guest(language)
    assert {"zh": "订单号", "en": "order number"}[language] in guest.says(said)
    assert guest.last_meaning["intent"] == "order_status"


# --- a shop whose order numbers are of its own kind -----------------------------------------------------------------
@pytest.fixture(params=["SO-100234", "SO-1234"])
def numbered(request: pytest.FixtureRequest, shop: Shop, tmp_path: Path) -> Iterator[tuple[Talk, str]]:
    """A shop with `order_number` set, where Lin's parcel has such a number."""
    settings = demo_settings()
    own = settings.model_copy(update={"shop": settings.shop.model_copy(update={"order_number": "SO-[0-9]{4,6}"})})
    talk = Talk(shop, tmp_path, own)
    talk.write(lambda c: renumber(c, order_of("lin", "shipped"), request.param))
    yield talk, request.param
    talk.close()


def renumber(connection: Connection, old: str, new: str) -> None:
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = on")
    for table in t.metadata.tables.values():
        if "order_number" in table.c:
            connection.execute(update(table).where(table.c.order_number == old).values(order_number=new))
    connection.execute(update(t.orders).where(t.orders.c.number == old).values(number=new))


@pytest.mark.parametrize(("language", "said"), [("zh", "查一下订单{}"), ("en", "where is my order {}"), ("zh", "{}")])
def test_an_order_number_of_another_kind_is_asked_for_its_phone_and_found(
    numbered: tuple[Talk, str], language: str, said: str
) -> None:
    talk, number = numbered
    guest = talk.as_guest(language)
    assert {"zh": "手机号的后四位", "en": "last four digits"}[language] in guest.says(said.format(number.lower()))
    assert "SF13" in guest.says("1001")
    assert f"order:{number}" in guest.sources


def test_the_digits_of_an_order_number_are_no_phone(numbered: tuple[Talk, str]) -> None:
    talk, number = numbered
    assert "SF13" in talk.as_guest("zh").says(f"{number} 1001")


def test_the_numbers_of_other_shops_are_no_order_numbers(numbered: tuple[Talk, str]) -> None:
    talk, _ = numbered
    guest = talk.as_guest("zh")
    guest.says("我的订单到哪了")
    assert "手机号的后四位" not in guest.says("QH2611200086")


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh", "订单 12345"), ("zh", "我要退货，订单号 9988"), ("en", "my order #A-99-1"), ("en", "#A-99-1")],
)
def test_who_sends_a_number_in_another_form_is_shown_the_shops(talk: Talk, language: str, said: str) -> None:
    guest = talk.as_guest(language)
    assert "QH12345678" in guest.says(said)
    assert guest.sources == ("proof.other_form",)
    number = order_of("lin", "shipped")
    assert number in guest.says(number)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_bare_number_that_is_none_of_the_shops_is_an_answer_to_the_question_for_it(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(ASKS[language])
    guest.says("7788990")
    assert guest.sources == ("proof.other_form",)
    assert guest.state.skill == "orders"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("(QH)[ -]?([0-9]{8,12})", "QH12345678"),
        ("SO-[0-9]{6}", "SO-123456"),
        (r"A\d+", "A12345678"),
        ("(?:AB|CD)[0-9]{4}", ""),
    ],
)
def test_an_example_of_an_order_number_is_made_up_from_its_form(form: str, shown: str) -> None:
    assert example(form) == shown
