"""What is a plain wish, what is denied, and what only speaks of something."""

import pytest

from bot.skills.will import denies, is_hedged, tells_of_the_past
from bot.understanding.text import normal

CANCEL, ADDRESS, RETURN = "order_cancel", "address_change", "return_request"


@pytest.mark.parametrize(
    ("words", "intent"),
    [
        ("pls dont cancel it", CANCEL),
        ("please don't cancel my order", CANCEL),
        ("I never said to cancel", CANCEL),
        ("i do not want to cancel", CANCEL),
        ("dont change the address", ADDRESS),
        ("don't return it", RETURN),
        ("千万别取消", CANCEL),
        ("不要取消我的订单", CANCEL),
        ("我没有让你取消", CANCEL),
        ("不是取消", CANCEL),
        ("地址不用改", ADDRESS),
        ("别改地址", ADDRESS),
        ("别退了", RETURN),
    ],
)
def test_what_is_denied_is_heard_as_a_no(words: str, intent: str) -> None:
    assert denies(normal(words), intent)


@pytest.mark.parametrize(
    "words",
    [
        "cancel it",
        "I would like to cancel my order",
        "i don't want it, cancel",
        "i dont want it anymore cancel it",
        "取消订单 谢谢",
        "要不取消吧",
        "不要了 取消吧",
        "不想要了，取消订单",
        "取消了吧",
    ],
)
def test_a_plain_wish_is_neither_denied_nor_hedged(words: str) -> None:
    assert not denies(normal(words), CANCEL)
    assert not is_hedged(words)


@pytest.mark.parametrize(
    "words",
    [
        "can i cancel",
        "what happens if I cancel",
        "my friend wants to cancel",
        "maybe cancel it",
        "why was it not cancelled",
        "i cancelled it yesterday",
        "能不能取消",
        "如果取消会怎么样",
        "我朋友说要取消",
        "我在考虑取消",
        "为什么不取消",
        "我昨天取消了",
    ],
)
def test_what_asks_supposes_or_tells_is_no_plain_wish(words: str) -> None:
    assert not denies(normal(words), CANCEL)
    assert is_hedged(words)


@pytest.mark.parametrize(
    ("words", "past"),
    [
        ("我昨天取消了", True),
        ("I cancelled it", True),
        ("取消吧", False),
        ("can it be cancelled", False),
        ("it was cancelled", True),
    ],
)
def test_what_was_done_is_told_from_what_is_wanted(words: str, past: bool) -> None:
    assert tells_of_the_past(normal(words)) is past
