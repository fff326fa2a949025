"""Wishes beside the great skills: parcels that stand still, accounts, opinions, calls, anger, and being lost."""

import pytest
from sqlalchemy import select, update

from bot.store import tables as t
from tests.skills.said import NEW
from tests.skills.talk import Customer, Talk, order_of
from tests.skills.test_dialogue import EVERYWHERE, at

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
HUMAN = {"zh": "人工客服", "en": "Talk to a person"}


def said(intent: str, language: str, place: int = 0) -> str:
    return NEW[intent][language == "en"][place]


@LANGUAGES
def test_who_has_a_parcel_that_stands_still_hears_where_it_is_and_is_offered_a_person(
    talk: Talk, language: str
) -> None:
    lin = talk.as_customer("lin", language)
    answer = lin.says(f"{said('parcel_stuck', language)} {order_of('lin', 'shipped')}")
    assert order_of("lin", "shipped") in answer
    assert "orders.stuck" in lin.sources
    assert lin.choices[-1] == HUMAN[language]


@LANGUAGES
def test_another_day_of_delivery_is_passed_on_with_the_order(talk: Talk, language: str) -> None:
    lin = talk.as_customer("lin", language)
    answer = lin.says(f"{said('delivery_reschedule', language)} {order_of('lin', 'shipped')}")
    assert order_of("lin", "shipped") in answer
    assert lin.handed_over_for == f"delivery_reschedule {order_of('lin', 'shipped')}"


@LANGUAGES
def test_a_return_is_called_off_with_its_case(talk: Talk, language: str) -> None:
    lin = talk.as_customer("lin", language)
    number = order_of("lin", "delivered")
    lin.says({"zh": f"我要退货 {number}", "en": f"I want to return {number}"}[language])
    lin.says("1")
    lin.taps(lin.choices[0])
    lin.taps(lin.choices[0])
    of_order = select(t.cases.c.number, t.cases.c.status).where(t.cases.c.order_number == number)
    ((case, status),) = talk.read(lambda c: c.execute(of_order).all())
    assert status == "open"
    assert case in lin.says(f"{said('return_cancel', language)} {number}")
    assert talk.read(lambda c: c.execute(of_order).all()) == [(case, "cancelled")]


@LANGUAGES
def test_where_no_return_is_open_there_is_none_to_call_off(talk: Talk, language: str) -> None:
    lin = talk.as_customer("lin", language)
    lin.says(f"{said('return_cancel', language)} {order_of('lin', 'delivered')}")
    assert lin.sources[0] == "returns.nothing_to_cancel"
    assert not lin.waits_for_a_human


@pytest.mark.parametrize(("language", "name"), [("zh", "经典风衣"), ("en", "trench coat")])
def test_a_price_is_told_from_the_catalogue(talk: Talk, language: str, name: str) -> None:
    guest = talk.as_guest(language)
    assert "¥" in guest.says(f"{said('price_question', language)} {name}")
    assert "product:trench-coat" in guest.sources


@pytest.mark.parametrize(
    ("intent", "rule"),
    [
        ("account_problem", "account-change-phone"),
        ("points_balance", "membership-tiers"),
        ("data_erasure", "privacy-data"),
    ],
)
@LANGUAGES
def test_what_concerns_the_account_gets_the_rule_first_and_then_a_person(
    talk: Talk, language: str, intent: str, rule: str
) -> None:
    guest = talk.as_guest(language)
    guest.says(said(intent, language))
    assert guest.sources[0] == rule
    assert guest.handed_over_for == intent
    assert guest.last_meaning["skill"] == "account"


@LANGUAGES
def test_an_opinion_is_thanked_for_and_left_to_the_staff_as_a_task(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    words = said("feedback", language)
    guest.says(words)
    assert guest.sources == ("desk.feedback",)
    assert not guest.waits_for_a_human
    (task,) = talk.read(lambda c: c.execute(select(t.tasks).where(t.tasks.c.kind == "feedback")).all())
    assert task.text == words
    assert task.conversation_id == guest._conversation.id


@LANGUAGES
def test_who_wants_a_call_is_passed_on_with_that_reason(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(said("callback_request", language))
    assert guest.handed_over_for == "callback_request"


@EVERYWHERE
def test_anger_goes_to_a_person_at_once_in_every_step(talk: Talk, skill: str, step: str, language: str) -> None:
    lin = at(talk, skill, step, language)
    lin.says(said("anger", language))
    assert (lin.handed_over_for, lin.priority) == ("anger", 3)
    assert lin.sources[0] == "dialogue.anger"


@EVERYWHERE
def test_two_unclear_messages_lead_to_a_human_in_every_step(talk: Talk, skill: str, step: str, language: str) -> None:
    lin = at(talk, skill, step, language)
    for words in {
        "zh": ("今天股票会涨吗", "谁是世界首富"),
        "en": ("who won the football", "what is the capital of Peru"),
    }[language]:
        lin.says(words)
    assert lin.handed_over_for == "unclear"


@LANGUAGES
def test_who_has_another_question_is_offered_what_is_asked_most(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    offered = guest.choices
    assert len(offered) == 4
    guest.says(said("something_else", language))
    assert guest.choices == offered
    guest.says("2")
    assert guest.sources[0] == "shipping-fee"


@LANGUAGES
def test_who_is_lost_is_told_what_to_do_and_offered_a_person(talk: Talk, language: str) -> None:
    guest = talk.as_guest(language)
    guest.says(said("confused", language))
    assert guest.sources[0] == "dialogue.confused"
    assert guest.choices[-1] == HUMAN[language]


@LANGUAGES
@pytest.mark.parametrize("intent", sorted(NEW))
def test_every_new_wish_is_understood_in_other_words_too(talk: Talk, language: str, intent: str) -> None:
    guest: Customer = talk.as_guest(language)
    for place in (1, 2):
        guest.says(said(intent, language, place))
        assert guest.last_meaning["label"] == intent or guest.handed_over_for == intent, said(intent, language, place)
        talk.write(lambda c: c.execute(update(t.conversations).values(owner="bot", state={"language": language})))
