"""One conversation as agents read it: inbox, outbox and notes in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BindParameter, Connection, Integer, bindparam, select

from bot.messages import Purpose, Source
from bot.store.tables import agents, identities, inbox, media, notes, outbox
from handoff.dead import AGAIN
from handoff.files import Attachment, attachments
from handoff.hiding import hidden
from handoff.meaning import Meaning, meaning_of

RETRYABLE = frozenset({"failed", "unsure", "task", "dropped"})
"""States in which a message of an agent did not, or not surely, reach the customer."""

WHISPER = "whisper"
"""The kind of a note that only the conversation's agent and leads read."""


class Side(StrEnum):
    """Who speaks in a line."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    CAMPAIGN = "campaign"
    NOTE = "note"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript.

    Attributes:
        key: stable over reloads, e.g. `in:7`, `out:3`, `note:1`.
        author: the human's name; empty for the bot.
        event: what an inbound reports (`started`, `media` …; `retried` for a dead letter that the bot gets again) or
            the kind of a mark (`taken`, `closed` …).
        status: of an outbound, as in `outbox.status`; of an inbound that the bot gave up on: dead; else empty.
        reason: why an outbound went or did not go; the first line of the error of a dead inbound.
        hidden: whether something in `text` is masked, see `handoff.hiding`; `subject` names it for `handoff.reveal`.
        road: on which it was sent, see `bot.messages.Road`.
        until: for what waits on purpose: when it may go.
        outbox_id: for `retry_send`, None where a retry makes no sense.
    """

    key: str
    side: Side
    at: datetime
    text: str
    author: str = ""
    event: str = ""
    status: str = ""
    reason: str = ""
    choices: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    meaning: Meaning | None = None
    outbox_id: int | None = None
    road: str = ""
    until: datetime | None = None
    files: tuple[Attachment, ...] = ()
    hidden: bool = False

    @property
    def subject(self) -> str:
        """How the door to what is masked calls it."""
        kind, _, number = self.key.partition(":")
        return f"{_SUBJECTS[kind]}:{number}"


_SUBJECTS = {"in": "inbound", "out": "outbound", "note": "note"}


def transcript(
    connection: Connection,
    conversation_id: str,
    now: datetime,
    limit: int = 100,
    errors: bool = False,
    whispers: bool = False,
) -> tuple[Line, ...]:
    """Return the newest `limit` lines, oldest first.

    Args:
        errors: whether the errors of dead inbounds are told; they may hold more than every agent should see.
        whispers: whether what leads whispered to the conversation's agent is told.
    """
    names = {row.id: row.name for row in connection.execute(_NAMES)}
    lines = [
        *_inbound(connection, conversation_id, limit, errors),
        *_outbound(connection, conversation_id, limit, names, now),
        *_notes(connection, conversation_id, limit, names, whispers),
    ]
    lines.sort(key=_place)
    return tuple(_hidden(line) for line in _with_meaning(lines[-limit:]))


def _hidden(line: Line) -> Line:
    if line.event == "snoozed":  # a time, and no words
        return line
    words = hidden(line.text)
    return replace(line, text=words, hidden=words != line.text, choices=tuple(hidden(one) for one in line.choices))


# Made once: the console asks all of them whenever something moves in the open conversation.
_MOST: BindParameter[int] = bindparam("most", type_=Integer)
_NAMES = select(agents.c.id, agents.c.name)
_INBOUND = (
    select(inbox, identities.c.name.label("sender"))
    .outerjoin(identities, identities.c.id == inbox.c.identity_id)
    .where(inbox.c.conversation_id == bindparam("talk"))
    .order_by(inbox.c.seq.desc())
    .limit(_MOST)
)
_OUTBOUND = (
    select(outbox).where(outbox.c.conversation_id == bindparam("talk")).order_by(outbox.c.id.desc()).limit(_MOST)
)
_NOTES = select(notes).where(notes.c.conversation_id == bindparam("talk")).order_by(notes.c.id.desc()).limit(_MOST)
_NOTES_FOR_ALL = _NOTES.where(notes.c.kind != WHISPER)
_RANK = {"in": 0, "out": 1, "note": 2}


def _place(line: Line) -> tuple[datetime, int, int]:
    kind, _, number = line.key.partition(":")
    return line.at, _RANK[kind], int(number)


def _inbound(connection: Connection, conversation_id: str, limit: int, errors: bool) -> Iterable[Line]:
    rows = connection.execute(_INBOUND, {"talk": conversation_id, "most": limit}).all()
    files = attachments(connection, media.c.inbox_id, (row.id for row in rows))
    for row in rows:
        dead = row.status == "dead"
        yield Line(
            key=f"in:{row.id}",
            side=Side.CUSTOMER,
            at=row.received_at,
            text=row.text or row.choice or "",
            author=row.sender or "",
            event="retried" if row.key.startswith(AGAIN) else row.event or "",
            status="dead" if dead else "",
            reason=row.error.strip().partition("\n")[0] if dead and errors else "",
            meaning=meaning_of(row.meaning),
            files=tuple(files.get(row.id, ())),
        )


def _outbound(
    connection: Connection, conversation_id: str, limit: int, names: Mapping[str, str], now: datetime
) -> Iterable[Line]:
    rows = connection.execute(_OUTBOUND, {"talk": conversation_id, "most": limit}).all()
    files = attachments(connection, media.c.outbox_id, (row.id for row in rows))
    for row in rows:
        side, author = _speaker(row.author, names)
        put_off = row.status == "waiting" and row.not_before > now
        again = row.status in RETRYABLE and row.purpose == Purpose.HUMAN.value
        yield Line(
            key=f"out:{row.id}",
            side=side,
            at=row.created_at,
            text=row.text,
            author=author,
            status=row.status,
            reason=row.reason,
            choices=tuple(str(choice.get("label", "")) for choice in row.choices),
            sources=tuple(Source(str(s.get("id", "")), str(s.get("version", ""))) for s in row.sources),
            outbox_id=row.id if again else None,
            road=row.road,
            until=row.not_before if put_off else None,
            files=tuple(files.get(row.id, ())),
        )


def _notes(
    connection: Connection, conversation_id: str, limit: int, names: Mapping[str, str], whispers: bool
) -> Iterable[Line]:
    query = _NOTES if whispers else _NOTES_FOR_ALL
    for row in connection.execute(query, {"talk": conversation_id, "most": limit}):
        yield Line(
            key=f"note:{row.id}",
            side=Side.NOTE if row.kind in ("note", WHISPER) else Side.MARK,
            at=row.at,
            text=row.text,
            author=_speaker(row.author, names)[1],
            event=row.kind,
        )


def _speaker(author: str, names: Mapping[str, str]) -> tuple[Side, str]:
    kind, _, name = author.partition(":")
    if kind == "agent":
        return Side.AGENT, names.get(name, name)
    if kind == "campaign":
        return Side.CAMPAIGN, name
    return Side.BOT, ""


def _with_meaning(lines: list[Line]) -> list[Line]:
    """Move what was understood from the question to the bot's answer to it, where there is one."""
    asked: int | None = None
    for index, line in enumerate(lines):
        if line.side is Side.CUSTOMER:
            asked = index
        elif line.side is Side.BOT and asked is not None:
            lines[index] = replace(line, meaning=lines[asked].meaning)
            lines[asked] = replace(lines[asked], meaning=None)
            asked = None
    return lines
