"""What happened in some days, read from clocks, waits, marks, messages and ratings, for `handoff.reports`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from bot.delivery.clocks import RESPONSES, Kind
from bot.messages import Event
from bot.store.tables import agents, clocks, conversations, inbox, notes, ratings, waits
from handoff.reports import Fact, Report, Sort, Standard, bounds, report

PAUSE = timedelta(hours=1)
"""After so long a silence a customer's next message is a new contact."""
SETTLED = timedelta(hours=24)
"""The bot's help was enough if so long no human had to do with it and the customer did not come back with it."""
HELPED = frozenset({"answer", "skill"})
"""What the bot decided where it had something to say."""
_CODE = re.compile(r"[a-z_]+")


def report_of(connection: Connection, first: date, last: date, standard: Standard, now: datetime) -> Report:
    """Return the report of the days from `first` to `last`."""
    names = {row.id: row.login for row in connection.execute(select(agents.c.id, agents.c.login))}
    start, end = bounds(first, last, standard.zone)
    return report(facts(connection, start, end, standard, now), first, last, standard, names)


def facts(connection: Connection, start: datetime, end: datetime, standard: Standard, now: datetime) -> list[Fact]:
    """Return what happened from `start` to before `end`."""
    reader = _Reader(connection, start, end, standard, now, _messages(connection, start, end))
    return [*reader.contacts(), *reader.handoffs(), *reader.waits(), *reader.answers(), *reader.turns(),
            *reader.handled(), *reader.ratings()]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer wrote: when, what it was about (empty: not understood), and whether the bot could help."""

    at: datetime
    label: str
    helped: bool


@dataclass(frozen=True, slots=True)
class _Reader:
    connection: Connection
    start: datetime
    end: datetime
    standard: Standard
    now: datetime
    messages: Mapping[str, list[Message]]

    def contacts(self) -> Iterable[Fact]:
        private = select(conversations.c.id, conversations.c.channel).where(conversations.c.chat_kind == "private")
        channels = {row.id: row.channel for row in self.connection.execute(private)}
        with_human = self._with_human()
        for talk_id, said in self.messages.items():
            runs = _runs(said)
            for run, following in zip(runs, [*runs[1:], None], strict=True):
                if talk_id not in channels or not self.start <= run[0].at < self.end:
                    continue
                good = enough(run, following, with_human.get(talk_id, ()), self.now)
                yield Fact(Sort.CONTACT, run[0].at, channels[talk_id], label=_newest(run), good=good)

    def handoffs(self) -> Iterable[Fact]:
        by_bot = notes.c.kind == "handoff", ~notes.c.author.startswith("agent:")
        of_days = notes.c.at >= self.start, notes.c.at < self.end
        query = select(notes, conversations.c.channel).join(
            conversations, conversations.c.id == notes.c.conversation_id
        )
        for row in self.connection.execute(query.where(*by_bot, *of_days)):
            label = self._label(row.conversation_id, row.at)
            yield Fact(Sort.HANDOFF, row.at, row.channel, label=label, reason=reason_code(row.text))

    def waits(self) -> Iterable[Fact]:
        query = select(waits, conversations.c.channel).join(
            conversations, conversations.c.id == waits.c.conversation_id
        )
        for row in self.connection.execute(query.where(waits.c.ended_at >= self.start, waits.c.ended_at < self.end)):
            seconds = (row.ended_at - row.began_at).total_seconds()
            label = self._label(row.conversation_id, row.ended_at)
            yield Fact(Sort.WAIT, row.ended_at, row.channel, "", label, seconds, row.result == "taken")

    def answers(self) -> Iterable[Fact]:
        answered = clocks.c.kind == Kind.FIRST.value, clocks.c.result == "answered"
        return self._ended(Sort.FIRST, *answered)

    def handled(self) -> Iterable[Fact]:
        return self._ended(Sort.HANDLED, clocks.c.kind == Kind.RESOLUTION.value, clocks.c.agent_id.is_not(None))

    def turns(self) -> Iterable[Fact]:
        begun = clocks.c.started_at >= self.start, clocks.c.started_at < self.end
        for row in self._clocks(clocks.c.kind.in_(RESPONSES), *begun):
            if not self.standard.hours.is_open(row.started_at):
                continue
            seconds = ((row.ended_at or self.now) - row.started_at).total_seconds()
            in_time = seconds <= self.standard.response_s
            if in_time and row.result != "answered":
                continue  # the time is not over yet, or somebody ended it before it was
            label = self._label(row.conversation_id, row.started_at)
            yield Fact(Sort.TURN, row.started_at, row.channel, row.agent_id or "", label, seconds, in_time)

    def ratings(self) -> Iterable[Fact]:
        query = select(ratings, conversations.c.channel)
        query = query.join(conversations, conversations.c.id == ratings.c.conversation_id)
        for row in self.connection.execute(query.where(ratings.c.at >= self.start, ratings.c.at < self.end)).all():
            closed = select(clocks.c.agent_id).where(
                clocks.c.conversation_id == row.conversation_id,
                clocks.c.kind == Kind.RESOLUTION.value,
                clocks.c.result == "closed",
                clocks.c.ended_at <= row.at,
            )
            agent = self.connection.execute(closed.order_by(clocks.c.ended_at.desc()).limit(1)).scalar() or ""
            label = self._label(row.conversation_id, row.at)
            yield Fact(Sort.RATING, row.at, row.channel, agent, label, score=row.score)

    def _ended(self, sort: Sort, *where: ColumnElement[bool]) -> Iterable[Fact]:
        for row in self._clocks(clocks.c.ended_at >= self.start, clocks.c.ended_at < self.end, *where):
            seconds = (row.ended_at - row.started_at).total_seconds()
            label = self._label(row.conversation_id, row.ended_at)
            yield Fact(sort, row.ended_at, row.channel, row.agent_id or "", label, seconds)

    def _clocks(self, *where: ColumnElement[bool]) -> Sequence[Row[Any]]:
        query = select(clocks, conversations.c.channel)
        query = query.join(conversations, conversations.c.id == clocks.c.conversation_id)
        return self.connection.execute(query.where(*where).order_by(clocks.c.id)).all()

    def _label(self, talk_id: str, at: datetime) -> str:
        """Return what a conversation was about at a time, as far as the bot had understood it in the days before."""
        return _newest([message for message in self.messages.get(talk_id, ()) if message.at <= at])

    def _with_human(self) -> Mapping[str, list[tuple[datetime, datetime]]]:
        """Return from when to when conversations were in human hands."""
        near = clocks.c.started_at < self.end + 2 * SETTLED
        over = or_(clocks.c.ended_at.is_(None), clocks.c.ended_at >= self.start - SETTLED)
        spans: defaultdict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        for row in self.connection.execute(select(clocks).where(clocks.c.kind == Kind.RESOLUTION.value, near, over)):
            spans[row.conversation_id].append((row.started_at, row.ended_at or self.now))
        return spans


def enough(
    run: Sequence[Message],
    following: Sequence[Message] | None,
    with_human: Iterable[tuple[datetime, datetime]],
    now: datetime,
) -> bool | None:
    """Return whether the bot alone was enough for a contact; None while that is not known yet.

    It was not if it never had anything to say; if a human had the conversation meanwhile, shortly before, or within
    24 hours; or if the customer came back in that time with the same, or with what was not understood.
    """
    begins, settled = run[0].at, run[-1].at + SETTLED
    if not any(message.helped for message in run):
        return False
    if any(since <= settled and until >= begins - PAUSE for since, until in with_human):
        return False
    if following is not None and following[0].at <= settled:
        labels = {message.label for message in run if message.label}
        again = {message.label for message in following if message.label}
        if labels & again or not again:
            return False
    return None if now < settled else True


def reason_code(text: str) -> str:
    """Return the code of a stored reason (`exchange QH1` is `exchange`); words of people as they are."""
    code = text.partition(" ")[0]
    return code if _CODE.fullmatch(code) else text[:80]


def _messages(connection: Connection, start: datetime, end: datetime) -> Mapping[str, list[Message]]:
    label, decision, skill = (inbox.c.meaning[name].as_string() for name in ("label", "decision", "skill"))
    said = or_(inbox.c.event.is_(None), inbox.c.event == Event.MEDIA.value)
    no_score = or_(skill.is_(None), skill != "csat")  # a score is no new wish
    near = inbox.c.received_at >= start - 2 * SETTLED, inbox.c.received_at < end + 2 * SETTLED
    columns = inbox.c.conversation_id, inbox.c.received_at, label, decision
    query = select(*columns).where(said, no_score, *near).order_by(inbox.c.received_at, inbox.c.id)
    found: defaultdict[str, list[Message]] = defaultdict(list)
    for talk_id, at, about, decided in connection.execute(query):
        found[talk_id].append(Message(at, about or "", decided in HELPED))
    return found


def _runs(said: Sequence[Message]) -> list[list[Message]]:
    """Cut what a customer wrote into contacts."""
    runs = [[said[0]]]
    for before, message in pairwise(said):
        if message.at - before.at > PAUSE:
            runs.append([])
        runs[-1].append(message)
    return runs


def _newest(said: Sequence[Message]) -> str:
    return next((message.label for message in reversed(said) if message.label), "")
