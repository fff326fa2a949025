"""A trial vote from the first question to the winners, in a group and in private chats on Telegram."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import String, select, update

from bot.campaigns import voting
from bot.campaigns.ballots import locked_vote
from bot.campaigns.draw import ranges
from bot.campaigns.vote_report import VoteReport, report
from bot.demo.seed import TELEGRAM
from bot.errors import Conflict
from bot.store import tables as t
from bot.store.tables import identities
from tests.skills.group_stand import CHEN, LIN, Group
from tests.skills.talk import later
from tests.skills.telegram import GROUP, GUEST

SEED = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
OPTIONS = [
    {"id": "linen", "tag": "likes-linen", "zh": "亚麻", "en": "Linen"},
    {"id": "cotton", "tag": "likes-cotton", "zh": "纯棉", "en": "Cotton"},
    {"id": "silk", "tag": "likes-silk", "zh": "真丝", "en": "Silk"},
]


class Vote:
    """A vote of this group, as the shop's people look after it."""

    def __init__(self, group: Group) -> None:
        self.group, self.talk = group, group.talk
        self.poll = 0

    def opens(self, winners: int = 2) -> None:
        now = self.talk.now()
        values = {
            "question": {"zh": "下一批连衣裙用哪种面料？", "en": "Which fabric next?"},
            "options": OPTIONS,
            "prize": {"zh": "新品试用装", "en": "a trial piece"} if winners else {},
            "winners": winners,
            "audiences": [{"channel": TELEGRAM, "chat": str(GROUP), "language": "zh"}],
            "starts_at": now + timedelta(minutes=5),
            "ends_at": now + timedelta(hours=5),
        }
        self.group.hears(LIN, "大家好")  # now the bot has met the group
        self.talk.write(lambda c: voting.put_plan(c, "fabric", values, SEED, "agent:ann", now))
        self.talk.write(lambda c: voting.schedule(c, locked_vote(c, "fabric"), "agent:ann", now))
        assert self.group.waits(timedelta(minutes=4)) == []
        self.group.waits(timedelta(minutes=1))
        self.poll = self.group.said()[-1]["id"]

    def takes(self, user: int, *options: int) -> None:
        self.talk.hears("vote", user=user, message_id=self.poll, options=list(options))

    def draws(self) -> list[int]:
        entries: list[int] = self.talk.write(
            lambda c: voting.draw(c, "fabric", self.talk.words, "agent:ann", "zh", self.talk.now())
        )
        return entries

    @property
    def report(self) -> VoteReport:
        return self.talk.read(lambda c: report(c, "fabric"))

    @property
    def tally(self) -> dict[str, int]:
        return {option["id"]: option["votes"] for option in self.report.options if option["votes"]}

    @property
    def tags(self) -> list[str]:
        rows = self.talk.read(lambda c: c.execute(t.person_tags.select()).all())
        assert {row.source for row in rows} <= {"vote:fabric"}
        return sorted(row.tag for row in rows)


def test_the_numbers_in_a_draw_are_told_in_few_words() -> None:
    assert [ranges(entries) for entries in ([], [3], [1, 2, 3, 5, 7, 8])] == ["", "3", "1–3, 5, 7–8"]


@pytest.fixture
def vote(group: Group) -> Vote:
    return Vote(group)


@pytest.fixture
def privately(group: Group) -> Callable[..., str]:
    """What somebody does in the private chat, and what the bot says then."""

    def does(user: int, action: str = "say", **body: Any) -> str:
        before = len(group.said(user))
        group.talk.hears(action, user=user, **body)
        return "\n".join(message["text"] for message in group.said(user)[before:])

    return does


def test_a_group_is_asked_by_a_pinned_poll_and_its_votes_are_counted_changed_and_taken_back(vote: Vote) -> None:
    vote.opens(winners=0)
    shown = vote.group.said()[-1]
    assert [option["text"] for option in shown["poll"]["options"]] == ["亚麻", "纯棉", "真丝"]
    assert vote.talk.telegram.shows("messages", chat=GROUP)["pinned"] == vote.poll
    vote.takes(LIN, 0)
    vote.takes(CHEN, 0)
    assert (vote.tally, vote.tags) == ({"linen": 2}, ["likes-linen", "likes-linen"])
    vote.takes(LIN, 2)
    vote.takes(CHEN)
    assert (vote.tally, vote.tags, vote.report.taken_back) == ({"silk": 1}, ["likes-silk"], 1)


def test_who_votes_in_the_group_and_in_private_has_one_vote_and_the_later_one_counts(
    vote: Vote, privately: Callable[..., str]
) -> None:
    vote.opens()
    vote.takes(LIN, 0)
    assert "亚麻" in privately(LIN, text="投票")
    said = privately(LIN, "start", payload="vote-fabric")
    assert "亚麻" in said
    assert "号码是 1" in said
    said = privately(CHEN, text="我要投票")
    (row,) = [message for message in vote.group.said(CHEN) if message["buttons"]][-1:]
    assert [button["text"] for line in row["buttons"] for button in line] == ["亚麻", "纯棉", "真丝"]
    assert "号码是 2" in privately(CHEN, "tap", message_id=row["id"], data="vote:fabric:cotton")
    vote.takes(CHEN, 2)
    assert vote.tally == {"linen": 1, "silk": 1}
    assert vote.report.total == 2


def test_who_was_overtaken_by_their_own_later_vote_hears_what_stands(vote: Vote, privately: Callable[..., str]) -> None:
    vote.opens(winners=0)
    privately(LIN, text="投票")
    vote.takes(LIN, 0)
    later_than_all = {"voted_at": vote.talk.now() + timedelta(minutes=1)}
    vote.talk.write(lambda c: c.execute(t.ballots.update().values(later_than_all)).rowcount)
    assert "亚麻" in privately(LIN, text="2")
    assert vote.tally == {"linen": 1}


def test_an_option_may_be_typed_by_its_number_or_its_name(vote: Vote, privately: Callable[..., str]) -> None:
    vote.opens(winners=0)
    privately(LIN, text="2")
    assert vote.tally == {}, "nobody has asked them yet"
    privately(LIN, text="投票")
    assert "纯棉" in privately(LIN, text="2")
    privately(LIN, text="3")
    assert vote.tally == {"cotton": 1}, "it was answered"
    privately(CHEN, text="投票")
    assert "真丝" in privately(CHEN, text="真丝")
    privately(GUEST, text="投票")
    privately(GUEST, text="4")
    assert vote.tally == {"cotton": 1, "silk": 1}


def test_a_vote_is_changed_by_typing_in_the_way_the_bot_says(vote: Vote, privately: Callable[..., str]) -> None:
    vote.opens(winners=0)
    privately(LIN, text="投票")
    assert "投票" in privately(LIN, text="2")
    assert "纯棉" in privately(LIN, text="投票")
    assert "真丝" in privately(LIN, text="3")
    assert vote.tally == {"silk": 1}


def test_a_question_that_waited_is_the_last_that_was_said_though_a_reply_was_stored_later(
    vote: Vote, privately: Callable[..., str]
) -> None:
    vote.opens(winners=0)
    privately(LIN, text="投票")
    privately(LIN, text="你好")
    asked = t.outbox.c.choices.cast(String).contains("vote:fabric:")
    vote.talk.write(lambda c: c.execute(t.outbox.update().where(asked).values(sent_at=vote.talk.now())))
    privately(LIN, text="2")
    assert vote.tally == {"cotton": 1}


def test_at_its_end_the_poll_is_ended_and_the_group_hears_the_result_and_nobody_votes_any_more(
    vote: Vote, privately: Callable[..., str]
) -> None:
    vote.opens(winners=0)
    vote.takes(LIN, 0)
    vote.takes(CHEN, 1)
    vote.takes(GUEST, 1)
    (result,) = vote.group.waits(timedelta(hours=5))
    assert [line.split("：")[-1] for line in result.splitlines()[1:]] == ["2 票，67%", "1 票，33%", "0 票，0%"]
    assert next(m for m in vote.group.said() if m["id"] == vote.poll)["poll"]["closed"]
    assert "没能记上" in privately(LIN, "start", payload="vote-unknown")
    assert "亚麻" in privately(LIN, "start", payload="vote-fabric")
    assert vote.tally == {"linen": 1, "cotton": 2}


def test_a_vote_that_was_given_in_time_counts_though_its_turn_comes_after_the_end(
    vote: Vote, privately: Callable[..., str]
) -> None:
    vote.opens(winners=0)
    privately(LIN, text="投票")
    later(vote.talk, timedelta(hours=4, minutes=54))
    vote.talk.stores("say", user=LIN, text="2")
    vote.talk.stores("vote", user=CHEN, message_id=vote.poll, options=[0])
    assert vote.group.waits(timedelta(minutes=2)) == [], "the result waits for them"
    privately(GUEST, text="你好")
    assert any("纯棉" in message["text"] for message in vote.group.said(LIN)), "and they hear that it counts"
    vote.takes(GUEST, 1)
    (result,) = vote.group.waits(timedelta(minutes=1))
    assert "共 2 票" in result
    assert vote.tally == {"linen": 1, "cotton": 1}, "what was given later does not"


def test_a_vote_is_closed_in_the_end_whatever_waits(vote: Vote) -> None:
    vote.opens(winners=0)
    vote.takes(CHEN, 0)
    later(vote.talk, timedelta(hours=4, minutes=54))
    vote.talk.stores("say", user=LIN, text="你好")
    assert vote.group.waits(timedelta(minutes=2)) == []
    (result,) = vote.group.waits(voting.WAITS_FOR)
    assert "共 1 票" in result


def test_winners_are_drawn_so_that_anybody_can_draw_them_again(vote: Vote) -> None:
    vote.opens(winners=2)
    announced = vote.group.said()[-1]["poll"]["question"]
    assert hashlib.sha256(SEED.encode()).hexdigest() in announced
    assert SEED not in announced
    for user, option in ((LIN, 0), (CHEN, 1), (GUEST, 1)):
        vote.takes(user, option)
    vote.takes(CHEN)
    vote.takes(CHEN, 0)
    (result,) = vote.group.waits(timedelta(hours=5))
    assert "参加抽签的号码：1–3" in result, "told before the seed is"
    assert "seed" not in vote.report.draw
    before = len(vote.group.said())
    entries = vote.draws()
    vote.talk.runs_timers()
    draw = vote.report.draw
    again = sorted(draw["entries"], key=lambda e: hashlib.sha256(f"{draw['seed']}:{e}".encode()).hexdigest())[:2]
    assert entries == draw["winners"] == again
    assert draw["entries"] == [1, 2, 3]
    (said,) = vote.group.said()[before:]
    assert SEED in said["text"]
    assert "、".join(map(str, entries)) in said["text"]
    users = {1: LIN, 2: CHEN, 3: GUEST}
    won = [user for user in (LIN, CHEN) if any("恭喜" in m["text"] for m in vote.group.said(user))]
    assert won == [users[entry] for entry in sorted(entries) if users[entry] != GUEST]
    tasks = vote.talk.read(lambda c: c.execute(t.tasks.select().filter_by(kind="no_chat")).all())
    assert len(tasks) == (3 in entries), "who has no private chat is told by people"
    with pytest.raises(Conflict):
        vote.draws()


def test_who_proves_to_be_the_same_customer_after_the_end_wins_once_and_hears_of_it_in_their_chat(
    vote: Vote, privately: Callable[..., str]
) -> None:
    vote.opens(winners=2)
    vote.takes(GUEST, 0)
    vote.takes(LIN, 1)
    vote.group.waits(timedelta(hours=5))
    accounts = identities.c.user.in_([str(LIN), str(GUEST)])
    theirs = select(identities.c.person_id).where(identities.c.channel == TELEGRAM, accounts)
    same = update(t.persons).where(t.persons.c.id.in_(theirs)).values(customer_id="c-lin")
    vote.talk.write(lambda c: c.execute(same).rowcount)
    assert vote.draws() == [1], "what the guest voted, who has no private chat of their own"
    vote.talk.runs_timers()
    draw = vote.report.draw
    assert (draw["entries"], draw["winners"], draw["passed_over"]) == ([1, 2], [1], [2])
    assert "跳过的号码：2" in vote.group.said()[-1]["text"]
    assert "恭喜" in vote.group.said(LIN)[-1]["text"]
    assert "恭喜" in privately(LIN, "start", payload="vote-fabric")
