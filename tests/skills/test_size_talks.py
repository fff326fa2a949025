"""Talks about sizes: slots in any order, corrections, other people, digressions, and what is remembered."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from bot.shop.sql import SqlShop
from bot.store import tables as t
from tests.skills.talk import Customer, Talk, later

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
SIZE = {"zh": "建议选 {} 码", "en": "I'd take size {} in our"}


def size(language: str, name: str) -> str:
    return SIZE[language].format(name)


def kept(customer: Customer) -> dict[str, float] | None:
    """Return the measures that the shop remembers of a customer, None if they were never asked."""
    mine = select(t.person_measures.c.measures).where(t.person_measures.c.person_id == customer.person_id)
    found = customer.talk.read(lambda c: c.execute(mine).scalar_one_or_none())
    return found if found is None else dict(found)


def comes_back_later(customer: Customer, language: str) -> None:
    """Let days go by, and all that was kept of the conversation be gone."""
    later(customer.talk, timedelta(days=30))
    of_chat = t.conversations.c.chat == customer.chat.id
    customer.talk.write(lambda c: c.execute(update(t.conversations).where(of_chat).values(state={})))
    customer.says({"zh": "你好", "en": "hello there"}[language])


@pytest.mark.parametrize(
    ("language", "says", "name"),
    [
        ("zh", ("上衣穿什么码", "170", "62公斤"), "M"),
        ("zh", ("上衣穿什么码", "体重62公斤", "身高170"), "M"),
        ("zh", ("身高170穿什么码", "124"), "M"),
        ("zh", ("我175 60公斤穿什么码", "不对，是170"), "M"),
        ("zh", ("165 60公斤 上衣穿什么码", "不对，身高是168"), "M"),
        ("zh", ("175 58公斤 上衣穿什么码", "说错了，70公斤"), "L"),
        ("zh", ("170 62公斤上衣穿什么码", "那裤子呢"), "M"),
        ("zh", ("170 62公斤上衣穿什么码", "要是喜欢宽松呢"), "L"),
        ("zh", ("上衣穿什么码", "你们几点下班", "170 62公斤"), "M"),
        ("zh", ("165 55公斤穿什么码", "那我男朋友180 80公斤呢"), "XL"),
        ("zh", ("给我儿子买，穿什么码", "身高120", "22公斤"), "120"),
        ("zh", ("孩子身高120 22公斤穿什么码", "我自己170 62公斤"), "M"),
        ("en", ("what size top", "170 cm", "62 kg"), "M"),
        ("en", ("what size top", "I weigh 62 kg", "I'm 170 cm tall"), "M"),
        ("en", ("I'm 170 cm tall, what size?", "62"), "M"),
        ("en", ("175 cm 58 kg, what size top?", "no, 70 kg"), "L"),
        ("en", ("165 cm 60 kg, what size top?", "sorry, I'm 168 cm"), "M"),
        ("en", ("170 cm 62 kg, what size top?", "and in the trousers?"), "M"),
        ("en", ("170 cm 62 kg, what size top?", "and if I like it loose?"), "L"),
        ("en", ("what size top", "when do you close?", "170 cm 62 kg"), "M"),
        ("en", ("165 cm 55 kg, what size top?", "and my boyfriend, 180 cm 80 kg?"), "XL"),
        ("en", ("what size for my son?", "120 cm", "22 kg"), "120"),
        ("en", ("what size for my child, 120 cm 22 kg", "I'm 170 cm and 62 kg"), "M"),
        ("en", ("US 8 shoes, what size should I take?", "men's"), "41"),
    ],
)
def test_the_size_comes_however_it_is_told(talk: Talk, language: str, says: tuple[str, ...], name: str) -> None:
    guest = talk.as_guest(language)
    assert size(language, name) in [guest.says(said) for said in says][-1]


@pytest.mark.parametrize(
    ("language", "says", "name"),
    [
        ("zh", ("165 55公斤穿什么码", "那我男朋友180 80公斤呢", "那我自己的裤子呢"), "S"),
        ("en", ("165 cm 55 kg, what size top?", "and my boyfriend, 180 cm 80 kg?", "and for me in trousers?"), "S"),
    ],
)
def test_someone_elses_measures_do_not_take_the_place_of_ones_own(
    talk: Talk, language: str, says: tuple[str, ...], name: str
) -> None:
    guest = talk.as_guest(language)
    assert size(language, name) in [guest.says(said) for said in says][-1]


@pytest.mark.parametrize(("language", "stop"), [("zh", "算了"), ("en", "never mind")])
def test_a_talk_about_sizes_can_be_broken_off(talk: Talk, language: str, stop: str) -> None:
    guest = talk.as_guest(language)
    guest.says({"zh": "上衣穿什么码", "en": "what size top"}[language])
    guest.says(stop)
    assert guest.state.skill == ""


@pytest.mark.parametrize(
    ("language", "said", "asked", "right", "name"),
    [
        ("zh", "190cm 40公斤 上衣穿什么码", "对不上", "体重90公斤", "XXL"),
        ("zh", "我身高165，身高175，70公斤，穿什么码", "165 和 175", "身高175", "L"),
        ("zh", "身高165体重5公斤穿什么码", "5公斤", "体重55公斤", "S"),
        ("en", "190 cm 40 kg, what size top?", "don't go together", "90 kg", "XXL"),
        ("en", "I'm 165 cm tall, height 175 cm, 70 kg, what size?", "165 and 175", "175 cm", "L"),
        ("en", "165 cm and 5 kg, what size?", '"5 kg"', "55 kg", "S"),
    ],
)
def test_what_cannot_be_is_asked_back_and_can_be_put_right(
    talk: Talk, language: str, said: str, asked: str, right: str, name: str
) -> None:
    guest = talk.as_guest(language)
    answer = guest.says(said)
    assert asked in answer
    assert not any(size(language, any_size) in answer for any_size in ("S", "M", "L", "XL", "XXL"))
    answer = guest.says(right)
    assert size(language, name) in answer or name in answer


@BOTH
def test_an_advice_says_how_sure_it_is_and_why(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    sure = guest.says({"zh": "170 62公斤上衣穿什么码", "en": "170 cm 62 kg, what size top?"}[language])
    rough = guest.says(
        {"zh": "给我爸买，身高175，上衣穿什么码", "en": "for my dad, 175 cm tall, what size top?"}[language]
    )
    assert {"zh": "把握：比较大", "en": "I'm quite sure"}[language] in sure
    assert {"zh": "都落在同一个码里", "en": "points to the same size"}[language] in sure
    assert {"zh": "把握：不大", "en": "rough guess"}[language] in rough
    assert {"zh": "只知道身高", "en": "only know the height"}[language] in rough


# --- what can be had -------------------------------------------------------------------------------------------------
def sells(talk: Talk, product_id: str, stock: dict[str, int]) -> None:
    """Leave so many pieces of each size, in every colour."""

    def put(connection: Connection) -> None:
        for name, pieces in stock.items():
            of_size = (t.variants.c.product_id == product_id) & (t.variants.c.size == name)
            connection.execute(update(t.variants).where(of_size).values(stock=pieces))

    talk.write(put)


@BOTH
def test_a_size_that_is_gone_is_said_to_be_with_the_nearest_and_the_way_to_wait(talk: Talk, language: str) -> None:
    sells(talk, "linen-dress", {"S": 0, "M": 0, "L": 3, "XL": 3})
    guest = talk.as_guest(language)
    said = guest.says({"zh": "亚麻连衣裙 170 62公斤穿什么码", "en": "linen dress, 170 cm 62 kg, what size?"}[language])
    assert size(language, "M") in said
    assert {"zh": "M 码暂时没货", "en": "Size M is out of stock"}[language] in said
    assert {"zh": "最接近的是大一些的 L 码", "en": "nearest size in stock is L"}[language] in said
    assert {"zh": "到货提醒我", "en": "Tell me when it's back"}[language] in guest.choices


@BOTH
def test_a_colour_that_is_gone_in_the_size_is_said_to_be(talk: Talk, language: str) -> None:
    said = talk.as_guest(language).says(
        {"zh": "黑色经典风衣 170 62公斤穿什么码", "en": "classic trench coat in black, 170 cm 62 kg, what size?"}[
            language
        ]
    )
    assert size(language, "M") in said
    gone = {
        "zh": "M 码的黑色暂时没货，有货的颜色：卡其色",
        "en": "Size M is out of stock in black, but there in: khaki",
    }
    assert gone[language] in said


@BOTH
def test_a_piece_that_customers_found_small_is_advised_larger_with_the_count(talk: Talk, language: str) -> None:
    def sells_and_comes_back(connection: Connection) -> None:
        for number in range(30):
            order = {"number": f"F{number}", "customer_id": "lin", "status": "delivered", "total_minor": 1}
            times = {"currency": "CNY", "created_at": talk.now_, "delivered_at": talk.now_}
            connection.execute(t.orders.insert().values(**order, **times))
            line = {"order_number": f"F{number}", "sku": "knit-dress-navy-M", "quantity": 1, "price_minor": 1}
            ids = connection.execute(t.order_lines.insert().values(line).returning(t.order_lines.c.id))
            if number < 9:
                case = {"number": f"C{number}", "order_number": f"F{number}", "kind": "return", "status": "open"}
                opened = {"opened_at": talk.now_, "changed_at": talk.now_, "currency": "CNY", "reason": "small"}
                connection.execute(t.cases.insert().values(**case, **opened))
                part = {"case_number": f"C{number}", "line_id": ids.scalar_one(), "quantity": 1}
                connection.execute(t.case_parts.insert().values(part))

    asked = {"zh": "针织连衣裙 胸围88 穿什么码", "en": "knitted dress, bust 88, what size?"}[language]
    between = talk.as_guest(language).says(asked)
    assert {"zh": "在 S 码和 M 码之间", "en": "between S and M"}[language] in between
    talk.write(sells_and_comes_back)
    guest = talk.as_guest(language)
    said = guest.says(asked)
    assert size(language, "M") in said
    sold = talk.read(lambda c: SqlShop(c).fit_reports("knit-dress"))
    assert sold.small == 9
    every = sold.small + sold.true + sold.large
    assert {"zh": f"{every} 件里有 9 件因为偏小退换", "en": f"Of {every} pieces sold, 9 came back as too small"}[
        language
    ] in said
    assert "fit-reports:knit-dress" in guest.sources


def test_a_talk_that_an_older_version_kept_begins_anew(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    old = {"skill": "sizing", "step": "more", "slots": {"height": 170.0, "product": "", "chart": "tops"}}
    of_chat = t.conversations.c.chat == guest.chat.id
    talk.write(lambda c: c.execute(update(t.conversations).where(of_chat).values(state=old)))
    assert size("zh", "L") in guest.says("体重70公斤")
    assert "包邮" in guest.says("运费多少")


@BOTH
def test_where_no_size_is_left_that_is_said(talk: Talk, language: str) -> None:
    sells(talk, "linen-dress", dict.fromkeys(("XS", "S", "M", "L", "XL"), 0))
    said = talk.as_guest(language).says(
        {"zh": "亚麻连衣裙 170 62公斤穿什么码", "en": "linen dress, 170 cm 62 kg, what size?"}[language]
    )
    assert {"zh": "哪个码都没货", "en": "None of the sizes"}[language] in said


@BOTH
def test_a_size_that_is_not_made_is_never_advised(talk: Talk, language: str) -> None:
    said = talk.as_guest(language).says(
        {"zh": "针织连衣裙 186 90公斤 什么码", "en": "knitted dress, 186 cm 90 kg, what size"}[language]
    )
    assert {"zh": "没有这个码，只有 XS、S、M、L、XL", "en": "only in XS, S, M, L, XL"}[language] in said
    assert size(language, "XXL") not in said


# --- what is remembered ----------------------------------------------------------------------------------------------
YES, NO = {"zh": "好，记住", "en": "Yes, remember"}, {"zh": "不用记", "en": "No, thanks"}
ASKED = {"zh": "要我记住您的尺寸", "en": "Shall I remember your measures"}
MEASURED = {"zh": "170 62公斤上衣穿什么码", "en": "170 cm 62 kg, what size top?"}
AGAIN = {"zh": "裤子穿什么码", "en": "what size trousers should I take?"}
LAST_TIME = {"zh": "上次让我记住的尺寸", "en": "your measures of last time"}


@BOTH
def test_nothing_is_remembered_without_a_yes_and_nobody_is_asked_twice(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    assert ASKED[language] in guest.says(MEASURED[language])
    assert kept(guest) == {}
    comes_back_later(guest, language)
    said = guest.says(MEASURED[language])
    assert ASKED[language] not in said
    assert LAST_TIME[language] not in said
    assert kept(guest) == {}


@BOTH
@pytest.mark.parametrize("typed", [False, True])
def test_with_a_yes_the_measures_serve_in_a_later_talk_and_that_is_said(talk: Talk, language: str, typed: bool) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    said = guest.says({"zh": "好的", "en": "yes please"}[language]) if typed else guest.taps(YES[language])
    assert "170" in said
    assert kept(guest) == {"height": 170.0, "weight": 62.0}
    comes_back_later(guest, language)
    said = guest.says(AGAIN[language])
    assert LAST_TIME[language] in said
    assert size(language, "M") in said


@BOTH
def test_a_no_is_taken_and_the_talk_goes_on(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    assert {"zh": "不记", "en": "won't keep"}[language] in guest.taps(NO[language])
    assert kept(guest) == {}
    assert size(language, "M") in guest.says({"zh": "那裤子呢", "en": "and in the trousers?"}[language])


@BOTH
def test_a_later_yes_is_to_something_else(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    guest.says({"zh": "要是喜欢宽松呢", "en": "and if I like it loose?"}[language])
    guest.says({"zh": "好的", "en": "yes please"}[language])
    assert kept(guest) == {}


@BOTH
def test_a_present_for_another_changes_nothing_of_what_is_remembered(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    guest.taps(YES[language])
    for said in {
        "zh": ("给我男朋友买，180 80公斤，上衣穿什么码", "孩子身高120 22公斤穿什么码", "190 95公斤穿什么码"),
        "en": (
            "for my boyfriend, 180 cm 80 kg, what size top?",
            "my son is 120 cm 22 kg, what size?",
            "190 cm 95 kg, what size?",
        ),
    }[language]:
        comes_back_later(guest, language)
        answer = guest.says(said)
        assert LAST_TIME[language] not in answer
        assert kept(guest) == {"height": 170.0, "weight": 62.0}


@BOTH
def test_a_new_weight_takes_the_place_of_the_old_one_and_that_is_said(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    guest.taps(YES[language])
    comes_back_later(guest, language)
    said = guest.says({"zh": "我现在68公斤了，上衣穿什么码", "en": "I weigh 68 kg now, what size top?"}[language])
    assert {"zh": "也更新了", "en": "I've updated"}[language] in said
    assert kept(guest) == {"height": 170.0, "weight": 68.0}


@BOTH
def test_who_says_forget_is_forgotten_and_not_asked_again(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    guest.taps(YES[language])
    said = guest.says({"zh": "忘掉我的尺寸", "en": "forget my measures"}[language])
    assert {"zh": "已经删掉", "en": "deleted your measures"}[language] in said
    assert kept(guest) == {}
    comes_back_later(guest, language)
    said = guest.says(AGAIN[language])
    assert LAST_TIME[language] not in said
    assert ASKED[language] not in guest.says(MEASURED[language])


@BOTH
def test_who_says_remember_is_remembered(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(MEASURED[language])
    guest.taps(NO[language])
    guest.says({"zh": "记住我的尺寸", "en": "remember my measures"}[language])
    assert kept(guest) == {"height": 170.0, "weight": 62.0}


@pytest.mark.parametrize(
    ("language", "says", "named"),
    [
        ("zh", ("孩子身高125 25公斤穿什么码", "鞋子穿37.5 脚宽"), "鞋子"),
        ("zh", ("我自己穿37.5的鞋，脚宽，选多大",), "鞋子"),
        ("en", ("my son is 125 cm, 25 kg, what size?", "and shoes, US 8 women's"), "our shoes"),
        ("en", ("my son is 125 cm, 25 kg, what size?", "EU 38.5"), "our shoes"),
        ("en", ("165 cm 55 kg, what size top?", "my husband is 6ft1, chest 42in", "I normally wear UK 10"), "165 cm"),
        ("zh", ("165 55公斤上衣穿什么码", "我老公185 90公斤呢", "我平时穿S码"), "165 cm"),
    ],
)
def test_shoes_leave_the_childrens_chart_and_i_leaves_the_other_person(
    talk: Talk, language: str, says: tuple[str, ...], named: str
) -> None:
    guest = talk.as_guest(language)
    assert named in [guest.says(one) for one in says][-1]


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "170 和 400，穿什么码"), ("en", "I am 170 and 400, what size top?")]
)
def test_a_bare_number_that_nobody_has_is_asked_about(talk: Talk, language: str, said: str) -> None:
    guest = talk.as_guest(language)
    assert "400" in guest.says(said)
    assert "sizing.unread" in guest.sources


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("zh", ("我200斤 158 胸围90 穿什么码", "三维 88 66 92", "记住我的尺码")),
        ("en", ("I'm 158 cm, 100 kg, chest 90 cm, what size top?", "remember my measures")),
    ],
)
def test_what_cannot_be_true_is_not_remembered(talk: Talk, language: str, says: tuple[str, ...]) -> None:
    guest = talk.as_guest(language)
    for one in says:
        guest.says(one)
    assert guest.sources == ("sizing.odd",)
    assert not kept(guest)
