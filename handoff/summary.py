"""What the bot had understood when it handed over, in short: read from its turns, written by no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from bot.store.tables import conversations, inbox, notes, outbox

MOST_TURNS = 30
MOST_SHOWN = 6
PASSING = frozenset({"human", "affirm", "deny", "cancel_dialogue", "something_else", "confused", "language_switch"})
"""Labels that say how somebody goes on, not what they want."""
CSAT = "csat"
"""The skill that takes scores: what a digit sounds like otherwise is no wish."""
PRIVATE = frozenset({"phone", "email", "address", "name", "tax", "tax_id", "postcode"})
"""Things named that stay in the customer's own words: a summary does not copy them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a customer wanted since the conversation was opened or closed last.

    Attributes:
        wishes: intents and entries by id, the newest first.
        named: (kind, value) of what they named, e.g. `("order", "QH1")`, `("size", "M")`.
        asked: (slot, value) of what a skill had collected when it stopped.
        skill: that waited for an answer, and `step`: for which; empty if none did.
        tried: ids of the entries that the bot answered with.
        unclear: messages that the bot did not understand.
        messages: of the customer.
        since: when the first of them came.
    """

    wishes: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    asked: tuple[tuple[str, str], ...] = ()
    skill: str = ""
    step: str = ""
    tried: tuple[str, ...] = ()
    unclear: int = 0
    messages: int = 0
    since: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing worth telling."""
        return not (self.wishes or self.named or self.asked or self.tried or self.unclear)


@dataclass(slots=True)
class _Gathered:
    wishes: dict[str, None] = field(default_factory=dict)
    named: dict[tuple[str, str], None] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)


def summary(connection: Connection, conversation_id: str) -> Summary:
    """Return what was understood since the last close. The last 30 messages are looked at."""
    after = _closed_at(connection, conversation_id)
    rows = _messages(connection, conversation_id, after)
    gathered = _Gathered()
    for row in rows:  # the newest first
        _gather(gathered, row.meaning)
    state = connection.execute(select(conversations.c.state).where(conversations.c.id == conversation_id)).scalar()
    state = state if isinstance(state, Mapping) else {}
    last = state.get("last")
    if after is None or (rows and isinstance(last, Mapping)):
        for entity in (last or {}).get("entities", ()):
            _name(gathered, entity)
    return Summary(
        wishes=tuple(gathered.wishes)[:MOST_SHOWN],
        named=tuple(gathered.named)[:MOST_SHOWN],
        asked=tuple(_slots(state.get("slots")))[:MOST_SHOWN],
        skill=str(state.get("skill") or ""),
        step=str(state.get("step") or ""),
        tried=_tried(connection, conversation_id, after)[:MOST_SHOWN],
        unclear=gathered.counted["clarify"],
        messages=len(rows),
        since=rows[-1].received_at if rows else None,
    )


def _closed_at(connection: Connection, conversation_id: str) -> datetime | None:
    closed = notes.c.conversation_id == conversation_id, notes.c.kind == "closed"
    return connection.execute(select(func.max(notes.c.at)).where(*closed)).scalar()


def _messages(connection: Connection, conversation_id: str, after: datetime | None) -> list[Any]:
    query = select(inbox.c.meaning, inbox.c.received_at).where(
        inbox.c.conversation_id == conversation_id, inbox.c.event.is_(None)
    )
    if after is not None:
        query = query.where(inbox.c.received_at > after)
    return list(connection.execute(query.order_by(inbox.c.seq.desc()).limit(MOST_TURNS)))


def _gather(gathered: _Gathered, meaning: Any) -> None:
    if not isinstance(meaning, Mapping):
        return
    decision = str(meaning.get("decision") or "")
    gathered.counted[decision] += 1
    if decision != "clarify" and meaning.get("skill") != CSAT:
        heard = meaning.get("label") or meaning.get("intent")
        for label in (heard, meaning.get("also")):
            if label and label not in PASSING:
                gathered.wishes[str(label)] = None
    for kind, value in meaning.get("named") or ():
        if kind not in PRIVATE:
            gathered.named[str(kind), str(value)] = None


def _name(gathered: _Gathered, entity: Any) -> None:
    """Take over an entity as it is kept in the state: a list that begins with kind and value."""
    if isinstance(entity, list) and len(entity) > 1 and entity[0] not in PRIVATE:
        gathered.named[str(entity[0]), str(entity[1])] = None


def _slots(slots: Any) -> Iterable[tuple[str, str]]:
    """Yield the slots with a plain value; lists and codes of the program are left out."""
    for name, value in (slots if isinstance(slots, Mapping) else {}).items():
        if name in PRIVATE or name == "version" or isinstance(value, bool):
            continue
        if isinstance(value, str | int | float) and value not in ("", 0):
            yield str(name), str(value)


def _tried(connection: Connection, conversation_id: str, after: datetime | None) -> tuple[str, ...]:
    """Return the entries of the bot's answers, the newest first. Phrases (`a.b`) and facts (`a:1`) are none."""
    query = select(outbox.c.sources).where(outbox.c.conversation_id == conversation_id, outbox.c.author == "bot")
    if after is not None:
        query = query.where(outbox.c.created_at > after)
    found: dict[str, None] = {}
    for sources in connection.execute(query.order_by(outbox.c.id.desc()).limit(MOST_TURNS)).scalars():
        for source in sources or ():
            name = str(source.get("id", ""))
            if name and not {".", ":"} & set(name):
                found[name] = None
    return tuple(found)
