"""When the shop's system is slow or down, the bot says how old what it knows is, and comes back to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.shop.promises import GIVE_UP_AFTER, LOOK_AGAIN, LookingAgain
from bot.shop.sql import SqlShop
from bot.shop.sync import note
from bot.store import tables as t
from tests.skills.talk import MORNING, Talk, order_of

ASKS = {"zh": "我的订单到哪了 {}", "en": "where is my order {}"}
FROM = {"zh": "更新于 11月23日 10:40", "en": "from 23 Nov, 10:40"}
STILL = {"zh": "（11月23日 10:40 的信息，系统还没恢复。）", "en": "(As of 23 Nov, 10:40; our system is still down.)"}
WILL_LOOK = {"zh": "恢复后", "en": "as soon as it does"}
OLD = MORNING - timedelta(minutes=20)


def told(talk: Talk, told_at: datetime, down_since: datetime | None = None) -> None:
    talk.write(lambda c: note(c, "remote", told_at=told_at, down_since=down_since))


def timers(talk: Talk) -> list[Any]:
    return list(
        talk.read(
            lambda c: c.execute(t.timers.select().where(t.timers.c.kind == LOOK_AGAIN).order_by(t.timers.c.id)).all()
        )
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_old_copy_is_named_with_its_time_where_an_answer_rests_on_it(talk: Talk, language: str) -> None:
    number = order_of("lin", "shipped")
    lin = talk.as_customer("lin", language)
    assert FROM[language] not in lin.says(ASKS[language].format(number)), "the embedded shop knows at once"
    told(talk, MORNING - timedelta(minutes=14))
    assert FROM[language] not in lin.says(ASKS[language].format(number))
    told(talk, OLD)
    said = lin.says(ASKS[language].format(number))
    assert FROM[language] in said
    assert WILL_LOOK[language] not in said
    assert FROM[language] not in lin.says({"zh": "运费多少", "en": "how much is shipping"}[language])
    assert timers(talk) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_shop_that_is_down_is_said_with_a_promise_that_is_kept_when_it_is_back(talk: Talk, language: str) -> None:
    number = order_of("lin", "shipped")
    lin = talk.as_customer("lin", language)
    told(talk, OLD, down_since=MORNING - timedelta(minutes=1))
    said = lin.says(ASKS[language].format(number))
    assert FROM[language] in said and WILL_LOOK[language] in said
    for asked in (number, order_of("lin", "paid")):
        said = lin.says(ASKS[language].format(asked))
        assert WILL_LOOK[language] not in said, "it is not promised at every message"
        assert STILL[language] in said, "nor is it passed over that the copy is old"
    timer, other = timers(talk)
    assert other.payload["order_number"] == order_of("lin", "paid"), "the other order is looked at again, too"
    handler = LookingAgain(SqlShop, lambda: talk.mind.voice, "zh")

    def fire(after: timedelta) -> list[str]:
        before = len(talk.read(lambda c: c.execute(t.outbox.select()).all()))
        talk.write(lambda c: handler.fire(c, timer.payload, MORNING + after))
        rows = talk.read(lambda c: c.execute(t.outbox.select().order_by(t.outbox.c.id)).all())
        return [row.text for row in rows[before:]]

    assert fire(timedelta(minutes=2)) == []
    assert timers(talk)[0].due_at == MORNING + timedelta(minutes=4)
    told(talk, MORNING + timedelta(minutes=5))
    (text,) = fire(timedelta(minutes=6))
    assert number in text
    assert fire(timedelta(minutes=8)) == [], "once"


def test_who_cannot_prove_an_order_that_may_be_newer_than_the_copy_is_promised_to_hear(talk: Talk) -> None:
    told(talk, OLD, down_since=OLD)
    guest = talk.as_guest("en")
    assert WILL_LOOK["en"] in guest.says("where is my order QH26112399")
    said = guest.says("1234")
    assert "don't match" in said and STILL["en"] in said
    existing = talk.as_guest("en")
    existing.says(f"where is my order {order_of('lin', 'shipped')}")
    assert existing.says("1234") == said, "an order that exists is as good as one that does not"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_another_outage_is_another_promise(talk: Talk, language: str) -> None:
    lin, asked = talk.as_customer("lin", language), ASKS[language].format(order_of("lin", "shipped"))
    for since in (1, 5):
        told(talk, OLD, down_since=MORNING - timedelta(minutes=since))
        assert WILL_LOOK[language] in lin.says(asked)
        assert WILL_LOOK[language] not in lin.says(asked)


def test_a_promise_that_cannot_be_kept_within_a_day_is_left_to_the_staff(talk: Talk) -> None:
    told(talk, OLD, down_since=OLD)
    talk.as_customer("lin", "en").says(ASKS["en"].format(order_of("lin", "shipped")))
    (timer,) = timers(talk)
    handler = LookingAgain(SqlShop, lambda: talk.mind.voice, "zh")
    talk.write(lambda c: handler.fire(c, timer.payload, MORNING + GIVE_UP_AFTER))
    (task,) = talk.read(lambda c: c.execute(t.tasks.select()).all())
    assert order_of("lin", "shipped") in task.text and task.conversation_id is not None
