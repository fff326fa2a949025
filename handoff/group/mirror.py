"""What the staff's group hears: one topic for each customer in human hands.

Of each topic one message is on its way at a time; what comes meanwhile goes into the next. So the less the group may
be told, the more a message holds, and nobody else has to wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from bot.delivery.tasks import alert
from bot.messages import TOPIC_GONE, ChatKind, File, Purpose, Topic
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import conversations, inbox, notes, outbox, topics
from handoff.console.labels import reason_words
from handoff.group.card import card, talk_of, topic_name
from handoff.group.staff import Group, tell
from handoff.group.told import OWN, Chunk, lines_after, next_chunk
from handoff.transcript import RETRYABLE

SAME_TOPIC_FOR = timedelta(hours=24)
"""How long after its end a conversation that comes back gets its old topic."""
SHOWN_SO_FAR = 10
"""Lines of the conversation under a new card."""
AGAIN_AFTER = timedelta(minutes=10)
"""Until a topic that could not be made is tried again."""
UNSURE_FOR = timedelta(seconds=30)
"""The same for one of which nobody knows whether it was made."""
TOLD_FOR = timedelta(days=1)
"""How long after it was written it is told that a message did not arrive."""
MOST_AT_ONCE = 50
HUMAN = ("queue", "agent")
FAILED = "staff-failed:"
"""How the keys of messages begin that tell of a failure."""


def wanting(connection: Connection, group_id: str) -> Sequence[str]:
    """Return the conversations whose topic may have to hear something: who is waiting comes first."""
    here = and_(topics.c.conversation_id == conversations.c.id, topics.c.group_id == group_id)
    new = conversations.c.owner.in_(HUMAN), or_(topics.c.conversation_id.is_(None), topics.c.open.is_(False))
    begin = select(conversations.c.id).outerjoin(topics, here).where(*new)
    noted = exists().where(notes.c.conversation_id == topics.c.conversation_id, notes.c.id > topics.c.note_id)
    behind = or_(
        topics.c.carded.is_(False),
        conversations.c.shown > topics.c.seen,
        conversations.c.owner.not_in(HUMAN),
        noted,
        _last_was("failed", "dropped"),
    )
    go_on = select(conversations.c.id).join(topics, here).where(topics.c.open, behind)
    waiting_first = conversations.c.priority.desc(), conversations.c.updated_at, conversations.c.id
    found: list[str] = []
    for query in (go_on.where(~_last_was("waiting", "sending")), begin):
        customers = query.where(conversations.c.chat_kind != ChatKind.STAFF.value).order_by(*waiting_first)
        found += connection.execute(customers.limit(MOST_AT_ONCE)).scalars()
    return found


def _last_was(*statuses: str) -> ColumnElement[bool]:
    return exists().where(outbox.c.key == topics.c.last_key, outbox.c.status.in_(statuses))


def mirror(connection: Connection, group: Group, group_id: str, conversation_id: str, now: datetime) -> bool:
    """Write what the topic of a conversation has to hear next. Return whether that was anything."""
    insert_once(connection, topics, {"conversation_id": conversation_id, "group_id": group_id, "at": now})
    of_talk = topics.c.conversation_id == conversation_id
    topic = connection.execute(select(topics).where(of_talk).with_for_update()).one()
    talk = talk_of(connection, conversation_id)
    return _Writer(connection, group, group_id, topic, talk, now).write()


def failures(connection: Connection, group_id: str, now: datetime) -> Sequence[AnyRow]:
    """Return the words of agents that did not arrive, or not surely, and of which that is not told yet."""
    told = outbox.alias("told")
    query = (
        select(outbox.c.key, outbox.c.status, outbox.c.reason, topics.c.thread, inbox.c.topic)
        .join(topics, topics.c.conversation_id == outbox.c.conversation_id)
        .outerjoin(inbox, outbox.c.key == OWN + inbox.c.key)
        .where(
            topics.c.group_id == group_id,
            topics.c.thread != "",
            or_(topics.c.open, topics.c.at > now - TOLD_FOR),
            outbox.c.created_at > now - TOLD_FOR,
            outbox.c.purpose == Purpose.HUMAN.value,
            outbox.c.status.in_(sorted(RETRYABLE)),
            ~exists().where(told.c.key == FAILED + outbox.c.key),
        )
        .order_by(outbox.c.id)
    )
    return connection.execute(query.limit(MOST_AT_ONCE)).all()


def tell_failures(connection: Connection, group: Group, group_id: str, failed: Sequence[AnyRow], now: datetime) -> None:
    """Tell under an agent's own words that they did not arrive, and why."""
    labels = group.labels
    for row in failed:
        status, why = labels.get(f"status_{row.status}", row.status), reason_words(row.reason, labels)
        text = labels["group_not_sent"].format(status=status, reason=why)
        where = Topic(row.thread, (row.topic or {}).get("message", ""))
        tell(connection, group_id, f"{FAILED}{row.key}", text, where, now)


class _Writer:
    """Writes for one topic, in one transaction."""

    def __init__(
        self, connection: Connection, group: Group, group_id: str, topic: AnyRow, talk: AnyRow, now: datetime
    ) -> None:
        self._connection, self._group, self._group_id = connection, group, group_id
        self._topic, self._talk, self._now = topic, talk, now
        self._is_human = talk.owner in HUMAN

    def write(self) -> bool:
        last = self._last()
        if last is not None and last.status in ("waiting", "sending"):
            return False
        if last is not None and last.status == "failed" and last.reason == TOPIC_GONE:
            self._keep(thread="", carded=False, open=self._is_human, last_key="", seen=0)
        elif last is not None and last.status == "dropped":  # the group was not to be reached: told anew
            self._keep(carded=False, last_key="", seen=0)
        if not self._topic.thread:
            return self._made(last) or self._make(last)
        if self._is_human and not self._topic.open:
            return self._reopen()
        if self._is_human and not self._topic.carded:
            return self._card()
        if (chunk := next_chunk(self._connection, self._topic, self._group.labels, self._now)) is not None:
            return self._say(chunk)
        return not self._is_human and self._topic.open and self._close()

    def _last(self) -> AnyRow | None:
        if not self._topic.last_key:
            return None
        return self._connection.execute(select(outbox).where(outbox.c.key == self._topic.last_key)).first()

    # --- topics --------------------------------------------------------------------------------------------------
    def _made(self, last: AnyRow | None) -> bool:
        """Take over the id of a topic that was made."""
        if last is None or last.status != "sent" or (last.topic or {}).get("act") != "open" or not last.platform_id:
            return False
        self._keep(thread=last.platform_id)
        return self._card() if self._is_human else self._close()

    def _make(self, last: AnyRow | None) -> bool:
        """Have a topic made; one whose fate nobody knows too: an empty topic harms less than none."""
        if not self._is_human:
            self._keep(open=False)
            return False
        if last is not None and self._topic.last_key:
            if self._now < last.not_before + (UNSURE_FOR if last.status == "unsure" else AGAIN_AFTER):
                return False
            if last.status != "unsure":
                key, fix = f"{self._group.channel}:staff_group", "`zhanggui doctor` says what is missing."
                text = f"No topic can be made in the staff's group: {last.reason}. {fix}"
                alert(self._connection, key, text, self._now)
        name, priority = topic_name(self._talk, self._group.labels), self._talk.priority
        self._put("", Topic(act="open", name=name, priority=priority))
        self._keep(open=True, carded=False, at=self._now)
        return True

    def _reopen(self) -> bool:
        if self._now - self._topic.at > SAME_TOPIC_FOR:
            self._keep(thread="", last_key="", seen=0)
            return self._make(None)
        self._put("", Topic(self._topic.thread, act="reopen"))
        self._keep(open=True, carded=False, at=self._now)
        return True

    def _close(self) -> bool:
        self._put("", Topic(self._topic.thread, act="close"))
        self._keep(open=False, at=self._now)
        return True

    # --- words ---------------------------------------------------------------------------------------------------
    def _card(self) -> bool:
        """Write the card, with the newest lines where the topic is new."""
        seen, labels = max(self._topic.seen, self._talk.shown - SHOWN_SO_FAR), self._group.labels
        lines = [line for line in lines_after(self._connection, self._talk.id, seen, labels, self._now) if line.text]
        pictures = [line for line in lines if line.picture]
        if pictures:  # it comes by itself in the next message
            lines = lines[: lines.index(pictures[0])]
        so_far = [f"\n{labels['group_so_far']}", *(line.text for line in lines)] if lines else []
        text = "\n".join([card(self._connection, self._group, self._talk, self._now), *so_far])
        newest = select(func.coalesce(func.max(notes.c.id), 0)).where(notes.c.conversation_id == self._talk.id)
        note_id = self._connection.execute(newest).scalar_one()
        told = max([seen, *(line.shown for line in lines)])
        self._put(text, Topic(self._topic.thread))
        self._keep(carded=True, seen=told, note_id=note_id)
        return True

    def _say(self, chunk: Chunk) -> bool:
        if chunk.text:
            self._put(chunk.text, Topic(self._topic.thread), chunk.picture)
        self._keep(seen=chunk.seen, note_id=chunk.note_id)
        return bool(chunk.text)

    def _put(self, text: str, topic: Topic, picture: File | None = None) -> None:
        number = self._topic.told + 1
        key = f"staff-topic:{self._talk.id}:{number}"
        tell(self._connection, self._group_id, key, text, topic, self._now, picture)
        self._keep(last_key=key, told=number)

    def _keep(self, **values: Any) -> None:
        of_talk = topics.c.conversation_id == self._talk.id
        self._connection.execute(update(topics).where(of_talk).values(values))
        self._topic = self._connection.execute(select(topics).where(of_talk)).one()
