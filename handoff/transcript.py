"""One conversation as agents read it: inbox, outbox and notes in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from bot.messages import Purpose, Source
from bot.store.tables import agents, identities, inbox, notes, outbox

RETRYABLE = frozenset({"failed", "unsure", "task", "dropped"})
"""States in which a message of an agent did not, or not surely, reach the customer."""


class Side(StrEnum):
    """Who speaks in a line."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    CAMPAIGN = "campaign"
    NOTE = "note"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the bot understood and decided. `confidence` is its score, higher is surer, None if it did not measure."""

    intent: str
    confidence: float | None
    entry: str
    skill: str
    decision: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript.

    Attributes:
        key: stable over reloads, e.g. `in:7`, `out:3`, `note:1`.
        author: the human's name; empty for the bot.
        event: what an inbound reports (`started`, `media` …) or the kind of a mark (`taken`, `closed` …).
        status: of an outbound: waiting | sending | sent | unsure | failed | task | dropped; of an inbound
            that the bot gave up on: dead; else empty.
        reason: why an outbound did not go out; the first line of the error of a dead inbound.
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


def transcript(
    connection: Connection, conversation_id: str, limit: int = 100, errors: bool = False
) -> tuple[Line, ...]:
    """Return the newest `limit` lines, oldest first.

    Args:
        errors: whether the errors of dead inbounds are told; they may hold more than every agent should see.
    """
    names = {row.id: row.name for row in connection.execute(select(agents.c.id, agents.c.name))}
    lines = [
        *_inbound(connection, conversation_id, limit, errors),
        *_outbound(connection, conversation_id, limit, names),
        *_notes(connection, conversation_id, limit, names),
    ]
    lines.sort(key=lambda line: (line.at, _RANK[line.key.partition(":")[0]], line.key))
    return tuple(_with_meaning(lines[-limit:]))


_RANK = {"in": 0, "out": 1, "note": 2}


def _inbound(connection: Connection, conversation_id: str, limit: int, errors: bool) -> Iterable[Line]:
    query = (
        select(inbox, identities.c.name.label("sender"))
        .outerjoin(identities, identities.c.id == inbox.c.identity_id)
        .where(inbox.c.conversation_id == conversation_id)
        .order_by(inbox.c.seq.desc())
        .limit(limit)
    )
    for row in connection.execute(query):
        dead = row.status == "dead"
        yield Line(
            key=f"in:{row.id}",
            side=Side.CUSTOMER,
            at=row.received_at,
            text=row.text or row.choice or "",
            author=row.sender or "",
            event=row.event or "",
            status="dead" if dead else "",
            reason=row.error.strip().partition("\n")[0] if dead and errors else "",
            meaning=_meaning(row.meaning),
        )


def _outbound(connection: Connection, conversation_id: str, limit: int, names: Mapping[str, str]) -> Iterable[Line]:
    query = select(outbox).where(outbox.c.conversation_id == conversation_id).order_by(outbox.c.id.desc()).limit(limit)
    for row in connection.execute(query):
        side, author = _speaker(row.author, names)
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
        )


def _notes(connection: Connection, conversation_id: str, limit: int, names: Mapping[str, str]) -> Iterable[Line]:
    query = select(notes).where(notes.c.conversation_id == conversation_id).order_by(notes.c.id.desc()).limit(limit)
    for row in connection.execute(query):
        yield Line(
            key=f"note:{row.id}",
            side=Side.NOTE if row.kind == "note" else Side.MARK,
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


def _meaning(stored: Any) -> Meaning | None:
    if not isinstance(stored, dict) or not (stored.get("intent") or stored.get("entry") or stored.get("skill")):
        return None
    score = stored.get("confidence")
    why = stored.get("why") or ()
    return Meaning(
        intent=str(stored.get("intent") or ""),
        confidence=float(score) if isinstance(score, int | float) else None,
        entry=str(stored.get("entry") or ""),
        skill=str(stored.get("skill") or ""),
        decision=str(stored.get("decision") or ""),
        why=tuple(str(w) for w in why) if isinstance(why, list | tuple) else (str(why),),
    )


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


def last_texts(connection: Connection, conversation_ids: list[str]) -> dict[str, Any]:
    """Return the newest outbox row (text, author, created_at) of each conversation that has one."""
    newest = (
        select(func.max(outbox.c.id))
        .where(outbox.c.conversation_id.in_(conversation_ids))
        .group_by(outbox.c.conversation_id)
    )
    columns = outbox.c.conversation_id, outbox.c.text, outbox.c.author, outbox.c.created_at
    return {row.conversation_id: row for row in connection.execute(select(*columns).where(outbox.c.id.in_(newest)))}
