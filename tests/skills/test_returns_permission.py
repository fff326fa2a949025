"""No sequence of messages about returns tells anything of an order, or of a case, that was not proven."""

import re
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.demo.orders import COURSES, PLANS
from bot.shop.sql import SqlShop
from bot.store import tables as t
from tests.skills.talk import MORNING, PHONE_ENDS, Talk, later
from tests.skills.test_no_peeking import FAKE, secrets

FAKE_CASE = "RT26119999"
DELIVERED = [plan for plan in PLANS if COURSES[plan.course].trail and COURSES[plan.course].status != "shipped"]
SAID = {
    "zh": (
        "我要退货 {order}", "{order} 裙子太小了换L", "退款到哪了 {order}", "我的退货 {case} 到哪了", "取消退货 {case}",
        "取消退货 {order}", "{order} 全部都退 质量问题", "裙子和袜子都退", "换L码", "换大一码", "太小了", "没有照片",
        "还没拆封", "好的", "办吧", "不对，是XL", "1", "2", "4321", "尾号4321", "{order} 4321", "{case}", "{order}",
    ),
    "en": (
        "I want to return {order}", "swap the dress from {order} for L", "where is my refund for {order}",
        "where is my refund {case}", "cancel my return {case}", "cancel my return request {order}", "all of them",
        "the dress and the socks", "size L", "one size up", "too small", "no photo", "unopened", "yes", "no, the blue one",
        "1", "2", "4321", "it ends in 4321", "{order} 4321", "{case}", "{order}",
    ),
}  # fmt: skip
TAPS = (
    "agree:yes",
    "line:{line}",
    "line:all",
    "pieces:1",
    "case:{case}",
    "reason:quality",
    "photo:none",
    "as:exchange_request",
)


@st.composite
def tries(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    language = draw(st.sampled_from(["zh", "en"]))
    plan = draw(st.sampled_from(DELIVERED))
    words = st.sampled_from(SAID[language])
    taps = st.sampled_from(TAPS).map(lambda token: f"tap {token}")
    return language, plan.number(MORNING), draw(st.lists(words | taps, min_size=2, max_size=8))


def case_of(talk: Talk, number: str) -> str:
    """Return the number of a case of this order, of another order's if it has none."""
    cases = talk.read(lambda c: SqlShop(c).cases_of(number))
    if cases:
        return cases[0].number
    return str(talk.read(lambda c: c.execute(select(t.cases.c.number).limit(1)).scalar_one()))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tries())
def test_a_stranger_hears_the_same_of_an_order_as_of_one_that_does_not_exist(
    talk: Talk, tried: tuple[str, str, list[str]]
) -> None:
    language, number, messages = tried
    later(talk, timedelta(days=2))  # wrong answers of the examples before are forgotten
    case = case_of(talk, number)
    order = talk.read(lambda c: SqlShop(c).order(number))
    assert order
    line = order.lines[0].id
    curious, control = talk.as_guest(language), talk.as_guest(language)
    cases_before = talk.read(lambda c: c.execute(select(t.cases.c.number, t.cases.c.status)).all())
    hidden = [*secrets(talk, number), "wrong size", "尺码不合适 / wrong size"]
    real = {"order": number, "case": case, "line": line}
    fake = {"order": FAKE, "case": FAKE_CASE, "line": "999999"}
    for message in messages:
        said, same = (
            one.taps_token(message[4:].format(**names))
            if message.startswith("tap ")
            else one.says(message.format(**names))
            for one, names in ((curious, real), (control, fake))
        )
        assert not [word for word in hidden if word in said], (message, said)
        assert said.replace(number, FAKE).replace(case, FAKE_CASE) == same, message
        assert curious.choices == control.choices
        assert not any(source.startswith(("order:", "case:")) for source in curious.sources)
    assert talk.read(lambda c: c.execute(select(t.cases.c.number, t.cases.c.status)).all()) == cases_before


def test_the_owner_does_hear_of_the_case(talk: Talk) -> None:
    """The property above means something only if who proves the order is told."""
    plan = next(plan for plan in PLANS if plan.course == "return_open")
    number = plan.number(MORNING)
    said = talk.as_guest("zh").says(f"退款到哪了 {number} {PHONE_ENDS[plan.customer_id]}")
    assert re.search(r"RT26\d+", said)


def test_a_customer_does_not_call_off_another_ones_case(talk: Talk) -> None:
    theirs = next(plan for plan in PLANS if plan.course == "return_open" and plan.customer_id == "wang")
    case = case_of(talk, theirs.number(MORNING))
    lin = talk.as_customer("lin", "zh")
    lin.says(f"取消退货 {case}")
    lin.taps_token(f"case:{case}")
    status = select(t.cases.c.status).where(t.cases.c.number == case)
    assert talk.read(lambda c: c.execute(status).scalar_one()) == "open"
