"""Flash sales and consent in conversation."""

import pytest

from tests.skills.talk import Talk, order_of

CLAIM = {"zh": "抢", "en": "grab"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_three_pieces_go_to_three_people_once_each(talk: Talk, language: str) -> None:
    talk.starts_the_sale()
    first = talk.as_guest(language)
    assert {"zh": "还剩 2 件", "en": "2 left"}[language] in first.says(CLAIM[language])
    assert {"zh": "您已经抢到一件", "en": "You already have"}[language] in first.says(CLAIM[language])
    for _ in range(2):
        assert "¥199.00" in talk.as_guest(language).says(CLAIM[language])
    assert {"zh": "刚刚被抢完了", "en": "just sold out"}[language] in talk.as_guest(language).says(CLAIM[language])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_sale_there_is_nothing_to_claim(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    none = {"zh": "现在没有秒杀活动", "en": "no flash sale on right now"}[language]
    assert none in guest.says(CLAIM[language])
    assert none in guest.says({"zh": "有秒杀吗", "en": "tell me about the flash sale"}[language])


def test_a_one_takes_part_while_a_sale_runs_and_means_nothing_otherwise(talk: Talk) -> None:
    assert "didn't understand" in talk.as_guest("en").says("1")
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


@pytest.mark.parametrize(("language", "no", "asks"), [("zh", "退订", "我的订单到哪了"), ("en", "STOP", "where is my order")])
def test_consent_and_sale_leave_a_dialogue_as_it_was(talk: Talk, language: str, no: str, asks: str) -> None:
    talk.starts_the_sale()
    guest = talk.as_guest(language)
    guest.says(asks)
    guest.says(order_of("lin", "shipped"))
    guest.says(no)
    guest.says(CLAIM[language])
    assert guest.consents == [False]
    assert "SF13" in guest.says("1001")
