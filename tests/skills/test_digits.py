"""The end of a telephone number proves an order however the shop wrote it, and only so many answers are heard."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select, update

from bot.delivery.inbox import store
from bot.messages import Inbound
from bot.skills.proof import MAX_TRIES, MOST_WRONG, phone_end
from bot.store import tables as t
from tests.skills.talk import PHONE_ENDS, Talk, later, order_of
from tests.skills.test_no_peeking import FAKE


def wrong_answers(talk: Talk) -> int:
    return talk.read(lambda c: c.execute(select(func.count()).select_from(t.proof_failures)).scalar_one())


@pytest.mark.parametrize(
    ("phone", "end"),
    [
        ("06 12 34 56 78", "5678"),
        ("+33 6 12 34 56 78", "5678"),
        ("138-0013-80-00", "8000"),
        ("１３８００１３８０００", "8000"),
        ("13800138000 ", "8000"),
        ("+1 (555) 123-4567 ext. 2", "4567"),
        ("010-8765 4321 转 208", "4321"),
        ("123", ""),
        ("", ""),
    ],
)
def test_the_end_of_a_number_is_its_last_digits_however_it_is_written(phone: str, end: str) -> None:
    assert phone_end(phone) == end


def test_a_number_with_blanks_proves_its_order(talk: Talk) -> None:
    number = order_of("lin", "delivered")
    of_lin = update(t.customers).where(t.customers.c.id == "lin").values(phone="06 12 34 56 78")
    talk.write(lambda c: c.execute(of_lin))
    guest = talk.as_guest("zh")
    guest.says(f"我的订单 {number} 到哪了，尾号5678")
    assert f"order:{number}" in guest.sources
    assert wrong_answers(talk) == 0


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh", "{} 1001 退款到哪了"), ("en", "{}, 1001 where is my parcel?"), ("zh", "到哪了 {} 1001")],
)
def test_digits_right_behind_the_number_are_those_of_the_phone(talk: Talk, language: str, said: str) -> None:
    number = order_of("lin", "delivered")
    guest = talk.as_guest(language)
    guest.says(said.format(number))
    assert talk.read(lambda c: c.execute(select(t.proofs.c.order_number)).scalars().all()) == [number]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "我的订单 {} 1299 元，到哪了"),
        ("zh", "我的订单 {} 花了1299元，到哪了"),
        ("zh", "我2025年买的订单 {} 到哪了"),
        ("en", "where is my order {}, I paid 1299 for it"),
    ],
)
def test_digits_that_are_something_else_are_no_answer(talk: Talk, language: str, said: str) -> None:
    talk.as_guest(language).says(said.format(order_of("lin", "delivered")))
    assert wrong_answers(talk) == 0


def test_strangers_who_guess_at_once_are_not_heard_more_often_than_one_after_the_other(talk: Talk) -> None:
    number = order_of("lin", "delivered")
    guesses = [f"{number} {7000 + place}" for place in range(30)] + [f"{number} {PHONE_ENDS['lin']}"]
    said = [(talk.as_stranger().chat, guess) for guess in guesses]

    def arrive(connection: Connection) -> None:
        messages = [
            Inbound(key=f"m{place}", chat=chat, user=chat.id, sent_at=talk.now(), text=text)
            for place, (chat, text) in enumerate(said)
        ]
        store(connection, messages, talk.now(), talk.new_id)

    talk.write(arrive)
    talk.runs()
    assert wrong_answers(talk) == MOST_WRONG
    assert talk.read(lambda c: c.execute(select(t.proofs)).all()) == []


def guessed_at(talk: Talk, number: str, language: str) -> None:
    """Let strangers guess at an order until the next one is slowed."""
    for _ in range(MOST_WRONG // MAX_TRIES):
        stranger = talk.as_guest(language)
        for digits in range(MAX_TRIES):
            stranger.says(f"{number} {7000 + digits}")


@pytest.mark.parametrize(("language", "wrong"), [("zh", "对不上"), ("en", "don't match")])
def test_guessing_slows_the_next_stranger_for_an_hour_and_shuts_nobody_out(
    talk: Talk, language: str, wrong: str
) -> None:
    number, fake = order_of("lin", "delivered"), FAKE
    for guessed in (number, fake):
        guessed_at(talk, guessed, language)
    slowed = talk.as_guest(language).says(f"{number} {PHONE_ENDS['lin']}")
    assert slowed == talk.as_guest(language).says(f"{fake} {PHONE_ENDS['lin']}")
    assert talk.read(lambda c: c.execute(select(t.proofs)).all()) == []
    later(talk, timedelta(hours=1))
    assert wrong in talk.as_guest(language).says(f"{number} 7999")
    assert slowed == talk.as_guest(language).says(f"{number} {PHONE_ENDS['lin']}"), "one an hour"
    later(talk, timedelta(hours=1))
    owner = talk.as_guest(language)
    owner.says(f"{number} {PHONE_ENDS['lin']}")
    assert f"order:{number}" in owner.sources


@pytest.mark.parametrize("language", ["zh", "en"])
def test_whoever_has_proven_an_order_is_never_slowed_on_any_account_of_theirs(talk: Talk, language: str) -> None:
    number = order_of("lin", "delivered")
    phone, page = talk.as_guest(language), talk.as_guest(language)
    phone.says(f"{number} {PHONE_ENDS['lin']}")
    own = update(t.identities).where(t.identities.c.user == page.chat.id).values(person_id=phone.person_id)
    talk.write(lambda c: c.execute(own))
    guessed_at(talk, number, language)
    page.says(f"{number} 7999")
    page.says(f"{number} {PHONE_ENDS['lin']}")
    for customer in (phone, talk.as_customer("lin", language)):
        customer.says(number)
        assert f"order:{number}" in customer.sources
    assert f"order:{number}" in page.sources


@pytest.mark.parametrize(
    "token", ["pieces:99", "pieces:abc", "reason:bogus", "condition:bogus", "gift:bogus", "as:bogus"]
)
def test_a_made_up_token_is_nothing_to_go_by(talk: Talk, token: str) -> None:
    lin, number = talk.as_customer("lin", "en"), order_of("lin", "delivered")
    lin.says(f"I want to return order {number}")
    if token.startswith("pieces"):
        lin.says("the socks")
    said = lin.taps_token(token)
    assert "×99" not in said
    assert "bogus" not in said
    assert not lin.waits_for_a_human, "the turn did not fail"
