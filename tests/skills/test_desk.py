"""What a person finishes: an account, a cart, complaints; and what nobody is needed for."""

import pytest

from tests.skills.talk import Talk

ERRANDS = [
    ("zh", "购物车结算不了", "payments", "cart_help", "payment-failed"),
    ("zh", "登录不了账号", "account", "account_problem", "account-change-phone"),
    ("en", "I can't log in", "account", "account_problem", "account-change-phone"),
]


@pytest.mark.parametrize(("language", "said", "skill", "intent", "rule"), ERRANDS)
def test_an_errand_gets_the_rule_and_then_a_person(
    talk: Talk, language: str, said: str, skill: str, intent: str, rule: str
) -> None:
    guest = talk.as_guest(language)
    guest.says(said)
    assert guest.last_meaning["skill"] == skill
    assert rule in guest.sources
    assert guest.handed_over_for == intent
    assert guest.priority == 1


FINISHED = [
    ("zh", "我要开发票", "invoices"),
    ("en", "I need an invoice", "invoices"),
    ("zh", "给我一张优惠券", "coupons"),
    ("en", "can I have a coupon", "coupons"),
    ("zh", "付不了款", "payments"),
    ("en", "my payment keeps failing", "payments"),
    ("zh", "降价了 能退差价吗", "price_protection"),
    ("en", "the price dropped, refund the difference", "price_protection"),
    ("zh", "到货了通知我", "restock"),
    ("en", "tell me when it's back", "restock"),
]


@pytest.mark.parametrize(("language", "said", "skill"), FINISHED)
def test_what_can_be_finished_in_the_chat_goes_to_nobody(talk: Talk, language: str, said: str, skill: str) -> None:
    guest = talk.as_guest(language)
    guest.says(said)
    assert guest.last_meaning["skill"] == skill
    assert not guest.waits_for_a_human


COMPLAINTS = [
    ("zh", "我要投诉", "complaint", ""),
    ("en", "I want to make a complaint", "complaint", ""),
    ("zh", "收到的衣服有个洞", "damaged_item", "aftersale-quality"),
    ("en", "I received a broken dress", "damaged_item", "aftersale-quality"),
    ("zh", "裙子破了个洞 这怎么回事", "damaged_item", "aftersale-quality"),
    ("en", "this is shit quality the seam broke", "damaged_item", "aftersale-quality"),
    ("zh", "发错货了", "wrong_item", "aftersale-wrong-item"),
    ("en", "you sent me the wrong item", "wrong_item", "aftersale-wrong-item"),
    ("zh", "少发了一件", "missing_item", "aftersale-missing-item"),
    ("zh", "显示签收了 我没收到", "lost_parcel", ""),
]


@pytest.mark.parametrize(("language", "said", "intent", "rule"), COMPLAINTS)
def test_a_complaint_goes_to_the_front_of_the_queue_with_an_apology(
    talk: Talk, language: str, said: str, intent: str, rule: str
) -> None:
    guest = talk.as_guest(language)
    assert {"zh": "非常抱歉", "en": "very sorry"}[language] in guest.says(said)
    assert guest.last_meaning["skill"] == "complaints"
    assert rule in ("", *guest.sources)
    assert guest.handed_over_for == intent
    assert guest.priority == 2
