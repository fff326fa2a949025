"""Words typed by their sound are put right; ordinary words that hold the same signs stay as they are."""

import pytest

from bot.understanding.text import normal

SLIPS = {
    "发漂": "发票",
    "开发飘": "开发票",
    "补张发漂": "补张发票",
    "电子发票": "电子发票",
    "我要退伙": "我要退货",
    "换获": "换货",
    "快弟到哪了": "快递到哪了",
    "优惠卷": "优惠券",
    "优慧劵": "优惠券",
}
WORDS = (
    "这裤子穿着发飘",
    "秀发飘扬",
    "沙发飘窗垫",
    "出发漂流",
    "发漂过了",
    "积分兑换获得的券",
    "兑换获取",
    "我想换获取方式",
    "交换获得",
    "换伙伴",
    "退伙食费",
    "退获得的积分",
    "撤退获胜",
    "优惠卷尺",
    "优惠卷发棒",
    "优惠卷帘",
    "快弟弟生日了",
)


@pytest.mark.parametrize("typed", SLIPS)
def test_a_word_typed_by_its_sound_is_put_right(typed: str) -> None:
    assert normal(typed) == SLIPS[typed]


@pytest.mark.parametrize("word", WORDS)
def test_an_ordinary_word_stays_as_it_is(word: str) -> None:
    assert normal(word) == word
