"""What a crash run came to, read from the database and from what the platform saw."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from bot.bench.crash_platform import Wire
from bot.bench.crash_worker import EFFECT_EVERY
from bot.bench.stand import seen
from bot.delivery.sender import MAX_FLYING
from bot.store.database import AnyRow
from bot.store.tables import conversations, identities, inbox, outbox, proof_failures

MAX_EXAMPLES = 10


@dataclass(slots=True)
class Found:
    """Faults of one kind: how many, and some of them in words."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, count: int, words: str) -> None:
        if count > 0:
            self.count += count
            if len(self.examples) < MAX_EXAMPLES:
                self.examples.append(words)


@dataclass(slots=True)
class Verdict:
    """The faults, and the repeats that are allowed.

    Attributes:
        lost: messages that are not stored, had no turn or no answer; answers that never came to the platform.
        doubled: messages stored twice, counted twice in a conversation's state, done twice or answered twice.
        disordered: messages out of their order in the inbox, in the state or among the answers on the wire.
        overlaps: answers that left while the one before was unanswered: after a time-out nobody knows, and goes on.
        repeats: answers that the platform saw again, after a send that nobody had reported.
        in_the_air: sends that nobody reported; an answer may come to the platform once more for each of its own.
        most_in_the_air: what it may be: `bot.delivery.sender.MAX_FLYING` for every kill and pause.
        unsure: answers that humans get because nobody knows their fate; each was in the air when its worker died.
        campaigns: messages of campaigns in the outbox; `campaigns_repeated` came to the platform again.
        campaigns_out: those that came to the platform.
        given_up: messages that humans get because more than `bot.delivery.turns.MAX_DEATHS` processes died with them.
    """

    lost: Found = field(default_factory=Found)
    doubled: Found = field(default_factory=Found)
    disordered: Found = field(default_factory=Found)
    overlaps: int = 0
    beyond_bound: Found = field(default_factory=Found)
    campaigns_repeated: Found = field(default_factory=Found)
    campaigns: int = 0
    campaigns_out: int = 0
    unsure: int = 0
    repeats: int = 0
    in_the_air: int = 0
    most_in_the_air: int = 0
    given_up: int = 0

    @property
    def faults(self) -> Mapping[str, Found]:
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "disordered": self.disordered,
            "beyond_bound": self.beyond_bound,
            "campaigns_repeated": self.campaigns_repeated,
        }

    @property
    def passed(self) -> bool:
        return not any(found.count for found in self.faults.values())


def unsettled(connection: Connection) -> int:
    """Return how much is still to be done: turns and sends."""
    behind = select(func.count()).select_from(conversations).where(conversations.c.last_seq > conversations.c.done_seq)
    leaving = select(func.count()).select_from(outbox).where(outbox.c.status.in_(("waiting", "sending")))
    return int(connection.execute(behind).scalar_one() + connection.execute(leaving).scalar_one())


def judge(connection: Connection, said: Mapping[str, int], wire: Wire, interruptions: int) -> Verdict:
    """Return the verdict on a run.

    Args:
        said: how many messages each chat sent, numbered from 1.
        interruptions: kills and pauses.
    """
    verdict = Verdict(most_in_the_air=interruptions * MAX_FLYING)
    stored: defaultdict[str, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(select(inbox).order_by(inbox.c.conversation_id, inbox.c.seq)):
        stored[row.conversation_id].append(row)
    written: defaultdict[str, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(select(outbox).order_by(outbox.c.id)):
        written[row.conversation_id].append(row)
    talks = {row.chat: row for row in connection.execute(select(conversations))}
    done = _effects(connection)
    for chat, count in said.items():
        if (talk := talks.get(chat)) is None:
            verdict.lost.add(count, f"{chat}: all {count} messages")
            continue
        _judge_inbox(verdict, talk, stored[talk.id], count)
        _judge_state(verdict, talk, stored[talk.id], done[chat])
        _judge_outbox(verdict, talk, stored[talk.id], written[talk.id])
    _judge_wire(verdict, [row for rows in written.values() for row in rows], wire)
    return verdict


def _effects(connection: Connection) -> defaultdict[str, Counter[str]]:
    """Return what was done for each chat: how often for each of its messages."""
    done: defaultdict[str, Counter[str]] = defaultdict(Counter)
    query = select(identities.c.user, proof_failures.c.order_number).join(
        identities, proof_failures.c.identity_id == identities.c.id
    )
    for user, order in connection.execute(query):
        done[user][order.rpartition(":")[2]] += 1
    return done


def _judge_inbox(verdict: Verdict, talk: AnyRow, rows: Sequence[AnyRow], count: int) -> None:
    times = Counter(row.text for row in rows)
    for number in range(1, count + 1):
        verdict.lost.add(1 - times[str(number)], f"{talk.chat}: message {number} is not stored")
        verdict.doubled.add(
            times[str(number)] - 1, f"{talk.chat}: message {number} is stored {times[str(number)]} times"
        )
    for place, row in enumerate(rows, start=1):
        right = row.seq == place == int(row.text)
        verdict.disordered.add(int(not right), f"{talk.chat}: message {row.text} is stored at place {row.seq}")
        verdict.lost.add(int(row.status == "new"), f"{talk.chat}: message {row.text} had no turn")
        verdict.given_up += row.status == "dead"


def _judge_state(verdict: Verdict, talk: AnyRow, rows: Sequence[AnyRow], done: Mapping[str, int]) -> None:
    """Ask whether every message that had its turn changed the state once, in order."""
    turned = [row.text for row in rows if row.status == "done"]
    for counted in (talk.version, talk.state.get("turns", 0)):
        verdict.doubled.add(counted - len(turned), f"{talk.chat}: {len(turned)} messages, {counted} turns")
        verdict.lost.add(len(turned) - counted, f"{talk.chat}: {len(turned)} messages, {counted} turns")
    kept = ""
    for text in turned:
        kept = seen(kept, text)
    verdict.disordered.add(int(talk.state.get("seen", "") != kept), f"{talk.chat}: the state saw another order")
    for text in turned:
        due = int(int(text) % EFFECT_EVERY == 0)
        verdict.lost.add(due - done.get(text, 0), f"{talk.chat}: nothing was done for message {text}")
        verdict.doubled.add(done.get(text, 0) - due, f"{talk.chat}: it was done {done.get(text)} times for {text}")


def _judge_outbox(verdict: Verdict, talk: AnyRow, rows: Sequence[AnyRow], written: Sequence[AnyRow]) -> None:
    replies = Counter(row.key for row in written if row.purpose == "reply")
    for row in rows:
        key = f"turn:{talk.id}:{row.seq}"
        verdict.lost.add(1 - replies[key], f"{talk.chat}: message {row.text} has no answer")
    verdict.doubled.add(replies.total() - len(rows), f"{talk.chat}: {len(rows)} messages, {replies.total()} answers")
    wanted = sum(row.status == "done" and int(row.text) % EFFECT_EVERY == 0 for row in rows)
    campaigns = sum(row.purpose == "marketing" for row in written)
    verdict.campaigns += campaigns
    verdict.lost.add(wanted - campaigns, f"{talk.chat}: {campaigns} messages of campaigns in place of {wanted}")
    verdict.doubled.add(campaigns - wanted, f"{talk.chat}: {campaigns} messages of campaigns in place of {wanted}")


def _judge_wire(verdict: Verdict, written: Sequence[AnyRow], wire: Wire) -> None:
    for row in written:
        times = wire.times[row.key]
        may_stay = {"unsure"} | ({"dropped"} if row.purpose == "marketing" else set())  # a human has the customer now
        stayed = times == 0 and row.status not in may_stay
        verdict.lost.add(int(stayed), f"{row.key}, {row.status}, never came to the platform")
        if row.purpose == "marketing":
            verdict.campaigns_out += times > 0
            verdict.campaigns_repeated.add(times - 1, f"{row.key} came to the platform {times} times")
            continue
        verdict.repeats += max(0, times - 1)
        verdict.in_the_air += row.attempts - 1
        verdict.unsure += row.status == "unsure"
        verdict.beyond_bound.add(times - row.attempts, f"{row.key} came {times} times, of {row.attempts} attempts")
    verdict.beyond_bound.add(
        verdict.in_the_air - verdict.most_in_the_air,
        f"{verdict.in_the_air} sends were not reported, {verdict.most_in_the_air} at most could be on their way",
    )
    verdict.beyond_bound.add(
        verdict.unsure - verdict.in_the_air,
        f"{verdict.unsure} answers ended unsure, {verdict.in_the_air} were in the air when a worker died",
    )
    verdict.overlaps = len(wire.overlaps)
    _judge_order(verdict, written, wire)


def _judge_order(verdict: Verdict, written: Sequence[AnyRow], wire: Wire) -> None:
    """Ask whether the answers of each conversation came in order, each at the first time that it came."""
    known = {row.key: row for row in written}
    last: dict[str, int] = {}
    came: set[str] = set()
    for outbound_id, chat, text in wire.sends:
        row: Any = known.get(outbound_id)
        if row is None:
            verdict.doubled.add(1, f"{outbound_id} came to the platform and is not in the outbox")
        elif row.purpose == "reply" and outbound_id not in came:
            came.add(outbound_id)
            early = row.id < last.get(chat, 0)
            verdict.disordered.add(int(early), f"{outbound_id} ({text}) came after a later answer")
            last[chat] = max(row.id, last.get(chat, 0))
