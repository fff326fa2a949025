"""What holds across skills: a human at any time, cancel, digressions, clarifying, languages, wordless messages."""

import re
from pathlib import Path

import pytest
from sqlalchemy import update

from bot import skills
from bot.delivery.thinking import state_to
from bot.skills.turn import OPTIONAL
from bot.store import tables as t
from tests.skills.talk import Customer, Talk, order_of

ORDER = order_of("lin", "delivered")
STEPS: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {  # what leads there, in zh and en
    ("orders", "order"): (("我的订单到哪了",), ("where is my order",)),
    ("orders", "phone"): (
        ("我的订单到哪了", order_of("wang", "paid_overdue")),
        ("where is my order", order_of("wang", "paid_overdue")),
    ),
    ("returns", "order"): (("我要退货",), ("I want to return something",)),
    ("returns", "phone"): (
        ("我要退货", order_of("wang", "delivered")),
        ("I want to return something", order_of("wang", "delivered")),
    ),
    ("returns", "line"): (
        (f"我要退货 {order_of('lin', 'delivered')}",),
        (f"I want to return {order_of('lin', 'delivered')}",),
    ),
    ("returns", "reason"): (
        (f"我要退货 {order_of('lin', 'delivered')}", "1"),
        (f"I want to return {order_of('lin', 'delivered')}", "1"),
    ),
    ("returns", "count"): (
        (f"我要退货 {order_of('lin', 'delivered')}", "2"),
        (f"I want to return {order_of('lin', 'delivered')}", "2"),
    ),
    ("returns", "condition"): (
        (f"我要退货 {order_of('lin', 'delivered')}", "2", "1", "太大了"),
        (f"I want to return {order_of('lin', 'delivered')}", "2", "1", "too large"),
    ),
    ("orders", "cancel"): ((f"取消订单{order_of('lin', 'paid')}",), (f"cancel {order_of('lin', 'paid')}",)),
    ("orders", "part"): (
        (f"取消{order_of('zhao', 'paid')}里的卫衣", "4034"),
        (f"cancel only the hoodie from {order_of('zhao', 'paid')}", "4034"),
    ),
    ("orders", "address"): ((f"改地址 {order_of('lin', 'paid')}",), (f"wrong address on {order_of('lin', 'paid')}",)),
    ("orders", "agree_address"): (
        (f"改地址 {order_of('lin', 'paid')}", "上海市浦东新区世纪大道100号2栋301"),
        (f"wrong address on {order_of('lin', 'paid')}", "12 Baker Street, London, NW1 6XE"),
    ),
    ("orders", "instead"): ((f"取消订单{order_of('lin', 'shipped')}",), (f"cancel {order_of('lin', 'shipped')}",)),
    ("orders", "redirect"): (
        (f"改地址 {order_of('lin', 'shipped')}", "请快递转寄"),
        (f"wrong address on {order_of('lin', 'shipped')}", "Ask the courier to redirect it"),
    ),
    ("returns", "photo"): (
        (f"我要退货 {order_of('lin', 'delivered')}", "1", "质量问题"),
        (f"I want to return {order_of('lin', 'delivered')}", "1", "quality problem"),
    ),
    ("returns", "want"): (
        (f"我要换货 {order_of('lin', 'delivered')}", "1"),
        (f"I want to exchange {order_of('lin', 'delivered')}", "1"),
    ),
    ("returns", "agree"): (
        (f"我要退货 {order_of('lin', 'delivered')}", "1", "不喜欢"),
        (f"I want to return {order_of('lin', 'delivered')}", "1", "it is too small"),
    ),
    ("returns", "change"): (
        (f"我要退货 {order_of('lin', 'delivered')}", "1", "不喜欢", "不是"),
        (f"I want to return {order_of('lin', 'delivered')}", "1", "it is too small", "no"),
    ),
    ("returns", OPTIONAL): (
        (f"我要退货 {order_of('lin', 'delivered_long_ago')}",),
        (f"I want to return {order_of('lin', 'delivered_long_ago')}",),
    ),
    ("sizing", "measures"): (("我穿什么码",), ("what size am I",)),
    ("sizing", OPTIONAL): (("我身高175穿什么码",), ("what size am I, 175 cm tall",)),
    ("invoices", "kind"): ((f"我要开发票 {ORDER}",), (f"I need an invoice for {ORDER}",)),
    ("invoices", "title"): ((f"我要开发票 {ORDER} 个人",), (f"I need a personal invoice for {ORDER}",)),
    ("invoices", "tax"): (
        (f"我要开发票 {ORDER} 抬头上海青禾贸易有限公司",),
        (f"I need an invoice for {ORDER}, made out to Bluebird Trading Ltd",),
    ),
    ("invoices", "email"): (
        (f"我要开发票 {ORDER} 个人抬头林悦",),
        (f"I need an invoice for {ORDER}, personal, made out to Emma Clarke",),
    ),
    ("invoices", "agree"): (
        (f"我要开发票 {ORDER} 个人抬头林悦 邮箱a@qq.com",),
        (f"I need an invoice for {ORDER}, personal, made out to Emma Clarke, a@b.com",),
    ),
    ("invoices", OPTIONAL): (
        (f"我要开发票 {ORDER} 个人抬头林悦 邮箱a@qq.com", "对", f"我要开发票 {ORDER}"),
        (
            f"I need an invoice for {ORDER}, personal, made out to Emma Clarke, a@b.com",
            "yes",
            f"I need an invoice for {ORDER}",
        ),
    ),
    ("coupons", OPTIONAL): (("我有什么优惠券",), ("can I have a coupon",)),
    ("payments", "details"): (
        (f"钱扣了但订单还是待付款 {order_of('lin', 'unpaid')}",),
        (f"I was charged but my order {order_of('lin', 'unpaid')} still says unpaid",),
    ),
    ("price_protection", "agree"): (
        (f"降价了 能退差价吗 {ORDER}",),
        (f"the price dropped, refund the difference for {ORDER}",),
    ),
    ("price_drop", "product"): (("降价了告诉我",), ("let me know when it gets cheaper",)),
    ("restock", "product"): (("到货了通知我",), ("let me know when it's back in stock",)),
    ("restock", "variant"): (("粉色的经典风衣到货了通知我",), ("tell me when the pink trench coat is back",)),
    ("products", "compare"): (("这两款哪个好",), ("which of the two is better",)),
    ("products", "product"): (("黑色M码还有货吗",), ("is it in stock in black M",)),
}
FALLEN = "floral-dress-blue-M"
"""Has become cheaper since it was ordered."""
AGREES = ("condition", "agree", "change", "cancel", "agree_address")
"""Steps in which a yes is an answer."""
HUMAN = ("人工", "转人工", "我要找人工客服", "human", "HUMAN!", "I want to talk to a human")
EVERYWHERE = pytest.mark.parametrize(
    ("skill", "step", "language"), [(*key, language) for key in STEPS for language in ("zh", "en")]
)


def at(talk: Talk, skill: str, step: str, language: str) -> Customer:
    """Return a linked customer in whose conversation this skill waits in this step."""
    lin = talk.as_customer("lin", language)
    talk.write(lambda c: c.execute(update(t.variants).where(t.variants.c.sku == FALLEN).values(price_minor=100)))
    for said in STEPS[skill, step][language == "en"]:
        lin.says(said)
    assert (lin.state.skill, lin.state.step) == (skill, step)
    return lin


def test_every_step_in_which_a_skill_waits_is_tried() -> None:
    found = set()
    for path in Path(skills.__path__[0]).glob("*.py"):
        text = path.read_text("utf-8")
        for owner, step in re.findall(r'\.waiting\((\w+), (?:"(\w+)"|OPTIONAL)', text):
            names = ("orders", "returns") if owner == "skill" else ("returns" if path.stem == "cases" else path.stem,)
            found |= {(name, step or OPTIONAL) for name in names}
        found |= {("orders", step) for step in re.findall(r'_wait_for\(turn, order, \w+, "(\w+)"', text)}
        found |= {
            ("returns", step or OPTIONAL) for step in re.findall(r'ask\(turn, \w+, \w+, (?:"(\w+)"|OPTIONAL)', text)
        }
        found |= {("invoices", step) for step in re.findall(r'_question\(turn, \w+, \w+, "(\w+)"', text)}
    scripted = {
        ("returns", "gift"),
        ("returns", "case"),
        ("payments", "order"),
        ("csat", OPTIONAL),
    }  # tried in the scripts in talks/
    assert found - scripted == set(STEPS)


@EVERYWHERE
def test_a_human_is_called_in_every_step_in_both_languages(talk: Talk, skill: str, step: str, language: str) -> None:
    lin = at(talk, skill, step, language)
    state = state_to(lin.state)
    for said in HUMAN:
        lin.says(said)
        assert lin.handed_over_for == "asked", said
        talk.write(lambda c: c.execute(update(t.conversations).values(owner="bot", state=state)))


@EVERYWHERE
def test_never_mind_ends_every_step(talk: Talk, skill: str, step: str, language: str) -> None:
    lin = at(talk, skill, step, language)
    lin.says({"zh": "算了", "en": "never mind"}[language])
    assert lin.state.skill == ""
    assert lin.sources[0] in ("dialogue.cancelled", "orders.kept", "orders.address_kept")


@EVERYWHERE
def test_a_question_in_between_is_answered_and_the_skill_goes_on(
    talk: Talk, skill: str, step: str, language: str
) -> None:
    lin = at(talk, skill, step, language)
    offered = lin.choices
    lin.says({"zh": "运费多少", "en": "how much is shipping?"}[language])
    assert lin.sources[0] == "shipping-fee"
    if step != OPTIONAL:
        assert (lin.state.skill, lin.state.step) == (skill, step)
        assert "dialogue.go_on" in lin.sources
        assert lin.choices == offered


@EVERYWHERE
def test_thanks_and_yes_do_not_lose_the_thread(talk: Talk, skill: str, step: str, language: str) -> None:
    lin = at(talk, skill, step, language)
    thanks, yes = {"zh": ("谢谢", "好的"), "en": ("thanks", "ok")}[language]
    for said in (thanks,) if step in AGREES else (thanks, yes):
        lin.says(said)
        assert (lin.state.skill, lin.state.step) == ((skill, step) if step != OPTIONAL else ("", ""))


@EVERYWHERE
def test_a_clear_other_wish_is_served_at_once(talk: Talk, skill: str, step: str, language: str) -> None:
    lin = at(talk, skill, step, language)
    lin.says({"zh": "我要投诉", "en": "I want to make a complaint"}[language])
    assert lin.handed_over_for == "complaint"


def test_an_english_digression_in_a_chinese_dialogue_goes_on_with_the_order(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    guest.says("我的订单到哪了")
    assert "ship free" in guest.says("how much is shipping?")
    assert "four digits" in guest.says(order_of("lin", "shipped"))
    assert "on its way" in guest.says("1001")
    assert "包邮" in guest.says("那运费多少呢")


@pytest.mark.parametrize("wordless", ["2", "②", "😀", "M"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_wordless_message_keeps_the_language(talk: Talk, wordless: str, language: str) -> None:
    lin = talk.as_customer("lin", language)
    lin.says({"zh": "我的订单到哪了", "en": "where is my order"}[language])
    said = lin.says(wordless)
    assert bool(re.search(r"[。，？]", said)) == (language == "zh")


def test_numbers_mean_nothing_of_their_own(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    assert "没看懂" in guest.says("1001")
    assert "再见" in talk.as_guest("zh").says("88")


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [("zh", "175cm 70kg", "选 L 码"), ("zh", "风衣", "经典风衣"), ("en", "QH2611200086", "last four digits")],
)
def test_a_thing_named_alone_is_taken_up(talk: Talk, language: str, said: str, answer: str) -> None:
    assert answer in talk.as_guest(language).says(said)


VAGUE = {"zh": "买的东西不对劲想问问", "en": "size change question"}


def vague(talk: Talk, language: str) -> tuple[Customer, str]:
    """Say something of this language's training that is worth asking about; return who said it and what."""
    for said in {
        "zh": ("退", "想换", "衣服问题", "快递费退", "退换", "单子问题"),
        "en": ("refund return", "order change", "size question", "delivery question", "parcel thing", "coat shipping"),
    }[language]:
        guest = talk.as_guest(language)
        guest.says(said)
        if guest.last_meaning["decision"] == "clarify" and len(guest.choices) > 1:
            return guest, said
    raise AssertionError("nothing vague is left: choose other words")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_vague_is_asked_back_with_choices_and_a_human(talk: Talk, language: str) -> None:
    guest, _ = vague(talk, language)
    assert guest.choices[-1] == {"zh": "人工客服", "en": "Talk to a person"}[language]
    guest.says("1")
    assert guest.last_meaning["decision"] != "clarify"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_was_named_before_the_question_back_is_not_lost(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    number = order_of("lin", "delivered")
    guest.says(
        {"zh": f"{number} 1001 退款到哪了", "en": f"where is my refund for {number}, my phone ends in 1001"}[language]
    )
    guest.taps({"zh": "办退货", "en": "Start a return"}[language])
    assert number in str(guest.state.slots)
    assert len(guest.choices) == 4


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh", ("今天股票会涨吗", "谁是世界首富")), ("en", ("who won the football", "what is the capital of Peru"))],
)
def test_two_messages_nobody_understands_lead_to_a_human(talk: Talk, language: str, said: tuple[str, str]) -> None:
    guest = talk.as_guest(language)
    guest.says(said[0])
    assert not guest.waits_for_a_human
    assert len(guest.choices) == 1
    guest.says(said[1])
    assert guest.handed_over_for == "unclear"


@pytest.mark.parametrize(("language", "unclear"), [("zh", "谁是世界首富"), ("en", "who won the football")])
def test_emoji_do_not_count_as_unclear(talk: Talk, language: str, unclear: str) -> None:
    guest = talk.as_guest(language)
    guest.says(unclear)
    for emoji in ("🐙", "🌈🦄"):
        guest.says(emoji)
        assert not guest.waits_for_a_human
    guest.says(unclear)
    assert guest.handed_over_for == "unclear"


def test_an_answer_in_between_forgives_what_was_unclear(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    guest.says("谁是世界首富")
    guest.says("运费多少")
    guest.says("谁是世界首富")
    assert not guest.waits_for_a_human


def test_what_is_unclear_in_a_dialogue_offers_its_choices_again(talk: Talk) -> None:
    lin = talk.as_customer("lin", "zh")
    lin.says("我的订单到哪了")
    offered = lin.choices
    lin.says("谁是世界首富")
    assert lin.choices == (*offered, "人工客服")
    assert order_of("lin", "paid") in lin.says("2")


def test_who_opens_the_chat_is_greeted(talk: Talk) -> None:
    stranger = talk.as_stranger()
    assert "青禾" in stranger.opens_the_chat()
    assert stranger.last_meaning["decision"] == "smalltalk"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_picture_without_words_is_not_called_unclear_words(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    assert {"zh": "图片", "en": "pictures"}[language] in guest.sends_a_picture()
    assert guest.choices == ({"zh": "人工客服", "en": "Talk to a person"}[language],)
    guest.sends_a_picture()
    assert guest.handed_over_for == "unclear"


def test_a_picture_with_a_caption_is_read_by_its_caption(talk: Talk) -> None:
    assert "包邮" in talk.as_guest("zh").sends_a_picture("运费多少")


def test_after_closing_time_it_is_said_when_people_answer(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    talk.now_ = talk.now_.replace(hour=18)  # 02:00 in Shanghai
    assert "09:00–23:00" in guest.says("人工")
    assert guest.waits_for_a_human
