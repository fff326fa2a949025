"""Flash sales and consent in conversation."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.demo.seed import DEMO_SALE
from bot.store import tables as t
from tests.skills.talk import Customer, Talk, later, order_of

CLAIM = {"zh": "抢", "en": "grab"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_three_pieces_go_to_three_people_once_each(talk: Talk, language: str) -> None:
    talk.starts_the_sale()
    first = talk.as_guest(language)
    assert {"zh": "还剩 2 件", "en": "2 left"}[language] in first.says(CLAIM[language])
    assert {"zh": "您已经抢到", "en": "You already have"}[language] in first.says(CLAIM[language])
    for _ in range(2):
        assert "¥199.00" in talk.as_guest(language).says(CLAIM[language])
    assert {"zh": "候补，您排在第 1 位", "en": "in line now, at place 1"}[language] in talk.as_guest(language).says(
        CLAIM[language]
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_link_to_the_chat_claims_a_piece_and_another_link_greets(talk: Talk, language: str) -> None:
    talk.starts_the_sale()
    guest = talk.as_stranger()
    assert "¥199.00" in guest.opens_the_chat(language, payload=f"claim-{DEMO_SALE}")
    assert claimed(guest) == [DEMO_SALE]
    other = talk.as_stranger()
    for payload in ("", "claim-", "poster-7"):
        assert "¥199.00" not in other.opens_the_chat(language, payload=payload)
    other.opens_the_chat(language, payload="claim-no-such-sale")
    assert other.sources == ("sales.not_running",)
    assert claimed(other) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_sale_there_is_nothing_to_claim(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    none = {"zh": "现在没有秒杀活动", "en": "no flash sale on right now"}[language]
    assert none in guest.says(CLAIM[language])
    assert none in guest.says({"zh": "有秒杀吗", "en": "tell me about the flash sale"}[language])


def claimed(customer: Customer) -> list[str]:
    """Return the sales of which this customer holds a piece."""
    mine = select(t.claims.c.sale_id).where(t.claims.c.person_id == customer.person_id)
    return list(customer.talk.read(lambda c: c.execute(mine).scalars().all()))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_of_two_sales_the_one_that_was_tapped_is_claimed_and_told(talk: Talk, language: str) -> None:
    talk.starts_the_sale()
    second = talk.starts_a_second_sale()
    guest = talk.as_guest(language)
    said = guest.taps_token(f"claim:{DEMO_SALE}")
    assert {"zh": "亚麻连衣裙", "en": "Linen Dress"}[language] in said
    assert "¥199.00" in said
    assert f"sale:{DEMO_SALE}" in guest.sources
    said = guest.taps_token(f"claim:{second}")
    assert {"zh": "经典风衣", "en": "Trench Coat"}[language] in said
    assert "¥299.00" in said
    assert f"sale:{second}" in guest.sources
    assert sorted(claimed(guest)) == sorted([DEMO_SALE, second])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_of_two_sales_a_word_asks_which_and_the_answer_claims_it(talk: Talk, language: str) -> None:
    talk.starts_the_sale()
    talk.starts_a_second_sale()
    guest = talk.as_guest(language)
    guest.says(CLAIM[language])
    assert guest.sources == ("sales.which",)
    assert ["¥299.00" in guest.choices[0], "¥199.00" in guest.choices[1]] == [True, True]
    assert claimed(guest) == []
    assert "¥199.00" in guest.says("2")
    assert claimed(guest) == [DEMO_SALE]


def test_both_sales_are_told_of(talk: Talk) -> None:
    talk.starts_the_sale()
    talk.starts_a_second_sale()
    said = talk.as_guest("zh").says("有秒杀吗")
    assert "还剩 3 件" in said
    assert "还剩 1 件" in said


def test_a_question_that_was_open_keeps_its_choices_through_a_claim(talk: Talk) -> None:
    talk.starts_the_sale()
    talk.starts_a_second_sale()
    lin = talk.as_customer("lin", "zh")
    lin.says("我的订单到哪了")
    lin.says("抢")
    lin.says("1")
    assert len(claimed(lin)) == 1
    assert order_of("lin", "paid") in lin.says("2")
    assert len(claimed(lin)) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("sale", ["no-such-sale", DEMO_SALE])
def test_a_tap_on_a_sale_that_is_over_or_unknown_says_so(talk: Talk, language: str, sale: str) -> None:
    talk.starts_the_sale()
    talk.starts_a_second_sale()
    later(talk, timedelta(hours=2))
    guest = talk.as_guest(language)
    guest.taps_token(f"claim:{sale}")
    assert guest.sources == ("sales.not_running",)
    assert claimed(guest) == []


def test_what_becomes_of_a_claim_names_the_sale_in_what_was_said_of_it(talk: Talk) -> None:
    second = talk.starts_a_second_sale()
    first, other = talk.as_guest("zh"), talk.as_guest("zh")
    for guest, outcome in ((first, "held"), (first, "again"), (other, "waiting")):
        guest.says("抢")
        assert guest.sources == (f"sales.{outcome}", f"sale:{second}")
    told = first.version_of(f"sale:{second}")
    talk.write(lambda c: c.execute(t.sales.update().values(price_minor=28800)))
    first.says("抢")
    assert first.version_of(f"sale:{second}") != told


def test_the_source_of_a_sale_changes_with_the_pieces_left(talk: Talk) -> None:
    talk.starts_the_sale()
    guest = talk.as_guest("zh")
    guest.says("有秒杀吗")
    told = guest.version_of(f"sale:{DEMO_SALE}")
    guest.says("有秒杀吗")
    assert guest.version_of(f"sale:{DEMO_SALE}") == told
    guest.says("抢")
    guest.says("有秒杀吗")
    assert guest.version_of(f"sale:{DEMO_SALE}") != told


@pytest.mark.parametrize(("price", "same"), [(29900, True), (28800, False)])
def test_the_source_of_an_announcement_changes_with_what_it_says(talk: Talk, price: int, same: bool) -> None:
    talk.write(lambda c: c.execute(t.sales.update().values(price_minor=29900)))
    first = announced(talk)
    talk.write(lambda c: c.execute(t.sales.update().values(price_minor=price, status="draft")))
    talk.write(lambda c: c.execute(t.outbox.delete()))
    assert (announced(talk) == first) is same


def announced(talk: Talk) -> str:
    """Start the sale; return the version of it that the announcement names."""
    talk.starts_the_sale()
    told = select(t.outbox.c.sources).where(t.outbox.c.author == f"campaign:sale:{DEMO_SALE}").limit(1)
    sources = talk.read(lambda c: c.execute(told).scalar_one())
    return str(next(source["version"] for source in sources if source["id"] == f"sale:{DEMO_SALE}"))


def test_a_one_takes_part_while_a_sale_runs_and_means_nothing_otherwise(talk: Talk) -> None:
    guest = talk.as_guest("en")
    guest.says("thanks")
    assert "didn't understand" in guest.says("1")
    talk.starts_the_sale()
    assert "¥199.00" in talk.as_guest("en").says("1")


def test_a_one_is_an_answer_first_even_while_a_sale_runs(talk: Talk) -> None:
    talk.starts_the_sale()
    lin = talk.as_customer("lin", "en")
    lin.says("where is my order")
    assert order_of("lin", "unpaid") in lin.says("1")


def test_what_is_on_is_told_with_the_pieces_left(talk: Talk) -> None:
    talk.starts_the_sale()
    assert "还剩 3 件" in talk.as_guest("zh").says("有秒杀吗")


@pytest.mark.parametrize(("language", "yes", "no"), [("zh", "订阅", "退订"), ("en", "subscribe", "STOP")])
def test_a_yes_and_a_no_to_offers_are_kept(talk: Talk, language: str, yes: str, no: str) -> None:
    guest = talk.as_guest(language)
    guest.says(yes)
    guest.says(no)
    assert guest.consents == [True, False]


@pytest.mark.parametrize(
    ("language", "no", "asks"), [("zh", "退订", "我的订单到哪了"), ("en", "STOP", "where is my order")]
)
def test_consent_and_sale_leave_a_dialogue_as_it_was(talk: Talk, language: str, no: str, asks: str) -> None:
    talk.starts_the_sale()
    guest = talk.as_guest(language)
    guest.says(asks)
    guest.says(order_of("lin", "shipped"))
    guest.says(no)
    guest.says(CLAIM[language])
    assert guest.consents == [False]
    assert "SF13" in guest.says("1001")
