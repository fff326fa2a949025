"""What a person finishes: invoices, coupons, payments, price protection, restock, complaints."""

import pytest

from tests.skills.talk import Talk

ERRANDS = [
    ("zh", "我要开发票", "invoices", "invoice_request", "invoice-how"),
    ("en", "I need an invoice", "invoices", "invoice_request", "invoice-how"),
    ("zh", "给我一张优惠券", "coupons", "coupon_request", "coupon-new-customer"),
    ("en", "can I have a coupon", "coupons", "coupon_request", "coupon-new-customer"),
    ("zh", "付不了款", "payments", "payment_trouble", "payment-failed"),
    ("en", "my payment keeps failing", "payments", "payment_trouble", "payment-failed"),
    ("zh", "降价了 能退差价吗", "price_protection", "price_protection_request", "price-protection"),
    (
        "en",
        "the price dropped, refund the difference",
        "price_protection",
        "price_protection_request",
        "price-protection",
    ),
    ("zh", "到货了通知我", "restock", "restock_notice", "stock-restock"),
    ("en", "tell me when it's back", "restock", "restock_notice", "stock-restock"),
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


COMPLAINTS = [
    ("zh", "我要投诉", "complaint", ""),
    ("en", "I want to make a complaint", "complaint", ""),
    ("zh", "收到的衣服有个洞", "damaged_item", "aftersale-quality"),
    ("en", "I received a broken dress", "damaged_item", "aftersale-quality"),
    ("zh", "裙子破了个洞 我要退款", "damaged_item", "aftersale-quality"),
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
