"""What is asked most is offered first: by what was really said in the last days, before that as the operator says."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.delivery.volume import DAYS, ENOUGH, Volume, most_asked
from bot.demo.shop import demo_settings
from bot.store import tables as t
from tests.skills.talk import Talk, later

ZONE = demo_settings().shop.zone


def volume(talk: Talk) -> Volume:
    return Volume(talk._database, talk, ZONE)


def counted(talk: Talk) -> Volume:
    made = volume(talk)
    talk._loop.run(made.count_once())
    talk._loop.run(made.look_once())
    return made


def pretend(talk: Talk, days_ago: int, **counts: int) -> None:
    day = talk.now().astimezone(ZONE).date() - timedelta(days=days_ago)
    rows = [{"day": day, "label": label.replace("__", "-"), "count": count} for label, count in counts.items()]
    talk.write(lambda c: c.execute(t.label_counts.insert(), rows))


def test_what_was_said_is_counted_by_what_was_done_about_it(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    for words in ("运费多少", "运费多少钱", "我的订单到哪了", "谁是世界首富", "谢谢"):
        guest.says(words)
    counted(talk)
    rows = talk.read(lambda c: c.execute(select(t.label_counts.c.label, t.label_counts.c.count)).all())
    assert dict(map(tuple, rows)) == {"shipping-fee": 2, "order_status": 1}
    counted(talk)  # again: nothing counts twice
    assert talk.read(lambda c: c.execute(select(t.label_counts.c.label, t.label_counts.c.count)).all()) == rows


def test_a_tapped_choice_does_not_make_itself_more_popular(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    guest.taps(guest.choices[0])
    counted(talk)
    assert talk.read(lambda c: c.execute(select(t.label_counts)).all()) == []


def test_the_last_days_rank_and_older_days_do_not(talk: Talk) -> None:
    pretend(talk, 2, refund_status=ENOUGH, shipping__fee=ENOUGH - 1)
    pretend(talk, DAYS, size_advice=1000)
    assert counted(talk).popular() == ("refund_status", "shipping-fee")


def test_too_few_messages_say_nothing(talk: Talk) -> None:
    pretend(talk, 0, refund_status=ENOUGH - 1)
    today = talk.now().astimezone(ZONE).date()
    assert talk.read(lambda c: most_asked(c, today)) == ()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_greeting_offers_what_is_asked_most_before_what_the_operator_named(talk: Talk, language: str) -> None:
    assert talk.as_guest(language).choices[0] == {"zh": "查订单", "en": "Track my order"}[language]
    talk.popular = ("refund_status", "no-such-entry")
    guest = talk.as_guest(language)
    assert guest.choices[0] == {"zh": "查退款进度", "en": "Where's my refund?"}[language]
    assert len(guest.choices) == 4
    stranger = talk.as_stranger()
    assert stranger.opens_the_chat()
    assert len(stranger.choices) == 4
    stranger.says("1")
    assert stranger.last_meaning["label"] == "refund_status"


def test_yesterday_is_counted_to_its_end(talk: Talk) -> None:
    talk.as_guest("zh").says("运费多少")
    later(talk, timedelta(days=1))
    counted(talk)
    (row,) = talk.read(lambda c: c.execute(select(t.label_counts)).all())
    assert row.day == talk.now().astimezone(ZONE).date() - timedelta(days=1)
