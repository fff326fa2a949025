"""The clocks of a complaint: warned before and at the end, until a human has answered and the task is done."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from bot.delivery import complaints
from bot.delivery.outbox import Draft, put
from bot.messages import Purpose
from bot.staff import Told, news_since, words
from bot.store import tables as t
from handoff.people import Agent
from handoff.tasks import open_tasks
from tests.skills.talk import MORNING, Customer, Talk, back_to_the_bot, later

LEAD = Agent("zhao", "zhao", "Zhao", "lead")


def kinds(talk: Talk) -> list[str]:
    """Return the kinds of all tasks, oldest first."""
    return list(talk.read(lambda c: c.execute(select(t.tasks.c.kind).order_by(t.tasks.c.id)).scalars().all()))


def fires(talk: Talk) -> None:
    """Fire every timer of complaints that is due."""
    due = t.timers.c.kind == complaints.TIMER, t.timers.c.due_at <= talk.now()

    def fire(connection: Connection) -> None:
        for row in connection.execute(select(t.timers).where(*due).order_by(t.timers.c.due_at)).all():
            connection.execute(t.timers.delete().where(t.timers.c.id == row.id))
            complaints.warn(connection, row.payload, talk.now())

    talk.write(fire)


def complains(talk: Talk) -> Customer:
    guest = talk.as_guest("en")
    guest.says("I want to make a complaint")
    return guest


def answered(talk: Talk) -> None:
    """Have an agent write in every conversation."""

    def answer(connection: Connection) -> None:
        for talk_id in connection.execute(select(t.conversations.c.id)).scalars().all():
            put(connection, Draft(f"a:{talk_id}", talk_id, Purpose.HUMAN, "hello", "agent:a"), talk.now())

    talk.write(answer)


def test_the_staff_see_until_when_a_complaint_wants_an_answer_and_an_end(talk: Talk) -> None:
    complains(talk)
    (task,) = talk.read(lambda c: open_tasks(c, LEAD))
    assert (task.kind, task.answer_by, task.due_at) == (
        "complaint",
        MORNING + timedelta(hours=24),
        MORNING + timedelta(hours=48),
    )


@pytest.mark.parametrize(
    ("hours", "warned"),
    [
        (19, []),
        (20, ["complaint_soon"]),
        (24, ["complaint_soon", "complaint_late"]),
        (44, ["complaint_soon", "complaint_late", "complaint_soon"]),
        (48, ["complaint_soon", "complaint_late", "complaint_soon", "complaint_late"]),
    ],
)
def test_warnings_come_before_and_at_the_end_of_each_clock(talk: Talk, hours: int, warned: list[str]) -> None:
    complains(talk)
    for _ in range(hours):
        later(talk, timedelta(hours=1))
        fires(talk)
    assert kinds(talk) == ["complaint", *warned]


def test_who_was_answered_by_a_human_waits_only_for_the_end(talk: Talk) -> None:
    complains(talk)
    later(talk, timedelta(hours=1))
    answered(talk)
    later(talk, timedelta(hours=24))
    fires(talk)
    assert kinds(talk) == ["complaint"]
    later(talk, timedelta(hours=24))
    fires(talk)
    assert kinds(talk) == ["complaint", "complaint_soon", "complaint_late"]


def test_a_complaint_that_is_done_warns_nobody(talk: Talk) -> None:
    complains(talk)
    talk.write(lambda c: c.execute(update(t.tasks).values(done=True)))
    later(talk, timedelta(hours=50))
    fires(talk)
    assert kinds(talk) == ["complaint"]


def test_a_second_complaint_in_the_same_conversation_adds_to_the_first(talk: Talk) -> None:
    guest = complains(talk)
    back_to_the_bot(guest)
    later(talk, timedelta(hours=2))
    guest.says("you sent me the wrong item")
    (task,) = talk.read(lambda c: open_tasks(c, LEAD))
    assert "I want to make a complaint" in task.text
    assert "you sent me the wrong item" in task.text
    assert task.due_at == MORNING + timedelta(hours=48)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "complaints nearly out of time: 1 · complaints out of time: 1"),
        ("zh", "1 件投诉快到时限 · 1 件投诉已超时限"),
    ],
)
def test_the_staff_group_hears_of_it(talk: Talk, language: str, said: str) -> None:
    complains(talk)
    (task,) = talk.read(lambda c: open_tasks(c, LEAD))
    later(talk, timedelta(hours=24))
    fires(talk)
    news = talk.read(lambda c: news_since(c, Told(task.id, MORNING), talk.now()))
    assert words(news, language) == said
