"""After an agent has closed a conversation the customer is asked once how it was."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from bot.csat import AskCsat
from bot.store import tables as t
from handoff.ownership import close, take
from tests.skills.talk import Customer, Talk

WORDS = {
    "zh": ("满意吗", "5 非常满意", "谢谢您的评价", "没让您满意", "记下了", "发货太慢了真的等很久", "2分"),
    "en": ("How was our service", "5 very good", "Thank you!", "let you down", "noted that", "Nobody ever wrote", "2"),
}
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


def closed(talk: Talk, language: str) -> Customer:
    """Return a guest whose conversation an agent took and closed, and who was asked then."""
    guest = talk.as_guest(language)
    _close_again(talk)
    asks(talk)
    return guest


def _close_again(talk: Talk) -> None:
    def take_and_close(c: Any) -> None:
        if c.execute(select(t.agents.c.id)).first() is None:
            c.execute(t.agents.insert().values(id="a", login="a", name="A", created_at=talk.now()))
        (talk_id,) = c.execute(select(t.conversations.c.id).where(t.conversations.c.chat.startswith("guest"))).scalars()
        take(c, talk_id, "a", talk.now())
        close(c, talk_id, "a", "", talk.now())

    talk.write(take_and_close)


def asks(talk: Talk) -> None:
    """Fire the timers that ask."""
    handler = AskCsat(lambda: talk.mind.voice, "zh")
    for row in talk.read(lambda c: c.execute(select(t.timers).where(t.timers.c.kind == "csat")).all()):
        talk.write(partial(handler.fire, payload=row.payload, now=talk.now()))


def asked(talk: Talk) -> list[Any]:
    """Return what asked for a score so far."""
    return list(talk.read(lambda c: c.execute(select(t.outbox).where(t.outbox.c.key.startswith("csat:"))).all()))


def rated(talk: Talk) -> list[tuple[int, str]]:
    return [(row.score, row.comment) for row in talk.read(lambda c: c.execute(select(t.ratings)).all())]


def tasks(talk: Talk) -> list[str]:
    of_kind = select(t.tasks.c.text).where(t.tasks.c.kind == "csat").order_by(t.tasks.c.id)
    return list(talk.read(lambda c: c.execute(of_kind).scalars().all()))


@LANGUAGES
def test_a_score_is_asked_for_with_five_buttons_in_the_customers_language(talk: Talk, language: str) -> None:
    closed(talk, language)
    (row,) = asked(talk)
    assert WORDS[language][0] in row.text
    assert [choice["label"] for choice in row.choices][-1] == WORDS[language][1]
    assert len(row.choices) == 5


@pytest.mark.parametrize(
    ("language", "said", "score"),
    [
        ("zh", "4 还不错 但是太慢", 4),
        ("zh", "给你们2分吧，包装有点简单", 2),
        ("en", "4 stars, nice but slow", 4),
        ("en", "1 - nobody helped me", 1),
    ],
)
def test_a_score_with_words_is_both(talk: Talk, language: str, said: str, score: int) -> None:
    guest = closed(talk, language)
    assert WORDS[language][2 if score > 2 else 3] in guest.says(said)
    assert rated(talk) == [(score, said)]
    assert tasks(talk) == ([f"{score}/5 · {said}"] if score <= 2 else [])


@pytest.mark.parametrize(("language", "said"), [("zh", "2 天了还没发货"), ("en", "3 days and still no parcel")])
def test_a_number_of_days_is_no_score(talk: Talk, language: str, said: str) -> None:
    closed(talk, language).says(said)
    assert rated(talk) == []


@LANGUAGES
def test_a_digit_is_the_score_and_what_follows_the_comment(talk: Talk, language: str) -> None:
    guest = closed(talk, language)
    assert WORDS[language][2] in guest.says("4")
    assert rated(talk) == [(4, "")]
    guest.says(WORDS[language][5])
    assert rated(talk) == [(4, WORDS[language][5])]
    assert tasks(talk) == []


@LANGUAGES
def test_a_low_score_is_one_task_with_what_is_said_after_it(talk: Talk, language: str) -> None:
    guest = closed(talk, language)
    assert WORDS[language][3] in guest.says(WORDS[language][6])
    assert tasks(talk) == ["2/5"]
    assert WORDS[language][4] in guest.says(WORDS[language][5])
    assert tasks(talk) == [f"2/5 · {WORDS[language][5]}"]


def test_words_after_the_task_of_a_score_is_done_are_a_new_one(talk: Talk) -> None:
    guest = closed(talk, "en")
    guest.says("1")
    talk.write(lambda c: c.execute(t.tasks.update().values(done=True)))
    guest.says(WORDS["en"][5])
    assert tasks(talk) == ["1/5", f"1/5 · {WORDS['en'][5]}"]


def test_a_button_tapped_later_still_counts_and_only_once(talk: Talk) -> None:
    guest = closed(talk, "en")
    (row,) = asked(talk)
    guest.says("how much is shipping?")
    assert guest.sources[0] == "shipping-fee"
    guest.taps_token(row.choices[0]["token"])
    guest.taps_token(row.choices[4]["token"])
    assert rated(talk) == [(1, "")]
    assert tasks(talk) == ["1/5"]


def test_nobody_is_asked_twice_for_one_close(talk: Talk) -> None:
    closed(talk, "en")
    asks(talk)
    assert len(asked(talk)) == 1


def test_who_has_written_again_is_not_asked(talk: Talk) -> None:
    guest = talk.as_guest("en")
    _close_again(talk)
    guest.says("how much is shipping?")
    asks(talk)
    assert asked(talk) == []


def test_a_question_instead_of_a_score_is_just_answered(talk: Talk) -> None:
    guest = closed(talk, "en")
    guest.says("how much is shipping?")
    assert "dialogue.go_on" not in guest.sources
    assert rated(talk) == []


@pytest.mark.parametrize(("language", "words"), [("en", "the colleague was great"), ("zh", "这位客服小姐姐很耐心")])
def test_words_about_the_people_are_a_comment_and_call_for_nobody(talk: Talk, language: str, words: str) -> None:
    guest = closed(talk, language)
    guest.says("5")
    guest.says(words)
    assert rated(talk) == [(5, words)]
    assert not guest.waits_for_a_human


def test_a_person_can_be_asked_for_after_a_score_as_well(talk: Talk) -> None:
    guest = closed(talk, "en")
    guest.says("5")
    guest.says("talk to a human")
    assert guest.handed_over_for == "asked"


def test_a_person_can_be_asked_for_at_that_moment(talk: Talk) -> None:
    guest = closed(talk, "en")
    guest.says("human")
    assert guest.handed_over_for == "asked"
