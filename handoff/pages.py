"""The lists of conversations, page by page: what is added or moves meanwhile makes no page repeat or skip a row."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Connection, and_, or_, select, true

from bot.errors import ZhangguiError
from bot.store.tables import conversations
from handoff.access import conversation_scope
from handoff.owner import Owner
from handoff.people import Agent
from handoff.precedence import PRECEDENCE
from handoff.talks import Talk, talks_where

Tab = Literal["mine", "waiting", "all"]
_UPDATED = conversations.c.updated_at


class BadCursor(ZhangguiError):
    """This cursor is not one that a page gave, or of another list. Begin again without a cursor."""

    code = "request"


def page_of_talks(
    connection: Connection, tab: Tab, viewer: Agent, cursor: str, limit: int
) -> tuple[tuple[Talk, ...], str]:
    """Return at most `limit` conversations that the viewer may see behind `cursor` (empty: from the start),
    and the cursor of the next page.

    `waiting` has whoever is to be taken first at its start, the others what moved last. The cursor is empty at the end.

    Raises:
        BadCursor: it is none of this list.
    """
    keys = [(PRECEDENCE, False)] if tab == "waiting" else [(_UPDATED, True)]
    place = _read(cursor, tab) if cursor else None
    where = and_(_of(tab, viewer.id), conversation_scope(viewer), _behind(keys, place) if place else true())
    order = [column.desc() if down else column for column, down in keys]
    found = talks_where(connection, where, order, limit + 1)
    shown = found[:limit]
    return shown, _cursor(connection, tab, keys, shown[-1].id) if len(found) > limit else ""


def _of(tab: Tab, agent_id: str) -> ColumnElement[bool]:
    if tab == "waiting":
        return conversations.c.owner == Owner.QUEUE.value
    if tab == "mine":
        return and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id)
    return true()


def _behind(keys: Sequence[tuple[Any, bool]], place: Sequence[Any]) -> ColumnElement[bool]:
    """Return what is after `place`: the values of the keys there and, as the last, the id, which rises."""
    columns = [*keys, (conversations.c.id, False)]
    after = []
    for number, (column, down) in enumerate(columns):
        same = [other == place[i] for i, (other, _) in enumerate(columns[:number])]
        after.append(and_(*same, column < place[number] if down else column > place[number]))
    return or_(*after)


def _cursor(connection: Connection, tab: Tab, keys: Sequence[tuple[Any, bool]], talk_id: str) -> str:
    row = connection.execute(select(*(column for column, _ in keys)).where(conversations.c.id == talk_id)).one()
    return base64.urlsafe_b64encode(orjson.dumps([tab, *row, talk_id])).decode().rstrip("=")


def _read(cursor: str, tab: Tab) -> list[Any]:
    try:
        of, *place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if of != tab or not isinstance(place[-1], str) or "\0" in place[-1]:
            raise BadCursor
        at, talk_id = place
        return [_number(at) if tab == "waiting" else _time(at), talk_id]
    except (binascii.Error, ValueError, TypeError, IndexError, OverflowError):
        raise BadCursor from None


def _number(given: object) -> int:
    if not isinstance(given, int) or abs(given) >= 2**63:
        raise BadCursor
    return given


def _time(text: object) -> datetime:
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise BadCursor
    return at
