"""What was said and noted in a conversation, as the staff's group hears it: in order, each line once.

What tells who a customer is is hidden as in the console; the words as they were said are shown there, for a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bot.messages import Event, File
from bot.store.database import AnyRow
from bot.store.tables import agents, inbox, media, notes, outbox
from handoff.console.labels import Labels, wrap_up_words
from handoff.files import Attachment, Shape, attachments, file_of
from handoff.hiding import hidden
from handoff.transcript import WHISPER

OWN = "staff:"
"""How the keys of messages begin that were written in the group: it has seen them."""
MOST_LINES = 50
MOST_CHARACTERS, MOST_BESIDE_PICTURE = 3000, 900
"""Of one message of the group; a longer line leaves alone, and the connector cuts it."""
FETCHED_WITHIN = timedelta(seconds=30)
"""How long a line waits for its picture."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `shown` or `note_id` says which; the other is 0. An empty text is passed over."""

    at: datetime
    text: str
    shown: int = 0
    note_id: int = 0
    picture: str = ""
    """Id of the picture that is shown with it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What goes into one message, and how far it is told after it."""

    text: str
    picture: File | None
    seen: int
    note_id: int


def next_chunk(connection: Connection, topic: AnyRow, labels: Labels, now: datetime) -> Chunk | None:
    """Return the next lines that fit into one message, None if there is nothing new."""
    said = lines_after(connection, topic.conversation_id, topic.seen, labels, now)
    noted = notes_after(connection, topic.conversation_id, topic.note_id, labels)
    taken = fitting(merged(said, noted))
    if not taken:
        return None
    return Chunk(
        text="\n".join(line.text for line in taken if line.text),
        picture=file_of(connection, taken[-1].picture) if taken[-1].picture else None,
        seen=max((line.shown for line in taken), default=0) or topic.seen,
        note_id=max((line.note_id for line in taken), default=0) or topic.note_id,
    )


def fitting(lines: Iterable[Line]) -> list[Line]:
    """Return the first lines that fit into one message: a picture is the last of its own."""
    taken: list[Line] = []
    length = 0
    for line in lines:
        length += len(line.text) + 1
        if taken and length > (MOST_BESIDE_PICTURE if line.picture else MOST_CHARACTERS):
            break
        taken.append(line)
        if line.picture:
            break
    return taken


def merged(said: Sequence[Line], noted: Sequence[Line]) -> list[Line]:
    """Return both in the order of time, neither out of its own order."""
    rest, all_lines = list(noted), []
    for line in said:
        while rest and rest[0].at <= line.at:
            all_lines.append(rest.pop(0))
        all_lines.append(line)
    return [*all_lines, *rest]


def lines_after(
    connection: Connection, conversation_id: str, seen: int, labels: Labels, now: datetime, limit: int = MOST_LINES
) -> list[Line]:
    """Return what both sides have seen after the `seen`th, in order; what waits for its picture ends it."""
    heard, sent = _heard(connection, conversation_id, seen, limit), _sent(connection, conversation_id, seen, limit)
    theirs = attachments(connection, media.c.inbox_id, [row.id for row in heard])
    ours = attachments(connection, media.c.outbox_id, [row.id for row in sent])
    rows = [(row, row.received_at, theirs.get(row.id, ()), _said(row, labels)) for row in heard]
    rows += [(row, row.sent_at, ours.get(row.id, ()), _answered(row)) for row in sent]
    lines: list[Line] = []
    for row, at, files, (who, name, text) in sorted(rows, key=lambda one: one[0].shown)[:limit]:
        if any(file.status == "new" and now - at < FETCHED_WITHIN for file in files):
            break
        if row.key.startswith(OWN):
            lines.append(Line(at, "", row.shown))
            continue
        picture = next((file.id for file in files if _is_picture(file)), "")
        words = " ".join([*(_in_words(file, labels) for file in files), hidden(text)]).strip()
        line = labels[f"group_{who}"].format(name=name, text=words) if words else ""
        lines.append(Line(at, line, row.shown, picture=picture))
    return lines


def notes_after(connection: Connection, conversation_id: str, note_id: int, labels: Labels) -> list[Line]:
    """Return the notes and marks after one; what leads whisper is for one agent only."""
    query = select(notes, agents.c.name.label("name")).outerjoin(agents, notes.c.author == "agent:" + agents.c.id)
    of_talk = notes.c.conversation_id == conversation_id, notes.c.id > note_id, notes.c.kind != WHISPER
    rows = connection.execute(query.where(*of_talk).order_by(notes.c.id).limit(MOST_LINES))
    return [Line(row.at, _note_words(row, labels), note_id=row.id) for row in rows]


def _note_words(row: AnyRow, labels: Labels) -> str:
    name = row.name or labels["bot"]
    if row.kind == "note":
        return labels["group_note"].format(name=name, text=hidden(row.text))
    mark = labels.get(f"mark_{row.kind}", row.kind).format(name=name)
    said = row.text if row.kind == "snoozed" else hidden(wrap_up_words(row.text, labels))
    return labels["group_mark"].format(text=f"{mark} {said}".strip())


def _heard(connection: Connection, conversation_id: str, seen: int, limit: int) -> Sequence[AnyRow]:
    query = select(inbox).where(inbox.c.conversation_id == conversation_id, inbox.c.shown > seen)
    return connection.execute(query.order_by(inbox.c.shown).limit(limit)).all()


def _sent(connection: Connection, conversation_id: str, seen: int, limit: int) -> Sequence[AnyRow]:
    query = select(outbox, agents.c.name.label("agent_name"))
    query = query.outerjoin(agents, outbox.c.author == "agent:" + agents.c.id)
    of_talk = outbox.c.conversation_id == conversation_id, outbox.c.shown > seen
    return connection.execute(query.where(*of_talk).order_by(outbox.c.shown).limit(limit)).all()


def _said(row: AnyRow, labels: Labels) -> tuple[str, str, str]:
    """Return who speaks, their name and the words of an inbound: media speaks for itself."""
    event = "" if row.event in (None, Event.MEDIA.value) else labels.get(f"event_{row.event}", row.event)
    return "customer", "", " ".join(part for part in (event, row.text or row.choice) if part)


def _answered(row: AnyRow) -> tuple[str, str, str]:
    kind = row.author.partition(":")[0]
    who = kind if kind in ("agent", "campaign") else "bot"
    choices = " ".join(f"[{choice['label']}]" for choice in row.choices)
    return who, row.agent_name or "", f"{row.text}\n{choices}".strip()


def _is_picture(file: Attachment) -> bool:
    return file.status == "kept" and file.shape is Shape.PICTURE


def _in_words(file: Attachment, labels: Labels) -> str:
    if _is_picture(file):
        return labels["group_picture"]
    return labels["group_picture_later"] if file.kind == "image" else labels["group_file"].format(kind=file.kind)
