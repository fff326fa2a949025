"""Keys by which programs act as an agent. Only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, update

from bot import audit
from bot.audit import What
from bot.errors import NotAllowed, NotFound
from bot.store.desk_tables import agent_keys
from bot.store.tables import agents
from handoff.people import Agent, actor

PREFIX = "zgk_"
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AgentKey:
    """One key. `seen_at` is when it was used last, to the minute; None if never."""

    id: str
    login: str
    name: str
    created_at: datetime
    seen_at: datetime | None


def new_key() -> str:
    """Return 256 random bits as text that says what it is."""
    return PREFIX + secrets.token_urlsafe(32)


def keep_key(connection: Connection, who: str, agent: Agent, key_id: str, key: str, name: str, now: datetime) -> None:
    """Let whoever has `key` act as `agent` until it is revoked or the agent is disabled.

    Args:
        who: makes it, as the audit names them.
        name: what it is for, so that one day somebody dares to revoke it.
    """
    row = {"hash": _hash(key), "id": key_id, "agent_id": agent.id, "name": name, "created_at": now}
    connection.execute(agent_keys.insert().values(row))
    audit.record(connection, who, What.KEY, f"agent:{agent.id}", now, after={"key": key_id})


def agent_of_key(connection: Connection, key: str, see: str) -> Agent:
    """Return whose key this is.

    Args:
        see: the setting `[agents] see`.

    Raises:
        NotAllowed: nobody's, or of an agent who was disabled.
    """
    found = connection.execute(select(agent_keys.c.agent_id).where(agent_keys.c.hash == _hash(key))).scalar()
    try:
        return actor(connection, found or "", see)
    except NotAllowed:
        raise NotAllowed("This key opens nothing (any more). Make one with `zhanggui agents token LOGIN`.") from None


def touch_key(connection: Connection, key: str, now: datetime) -> None:
    """Note that a key was used, at most once a minute."""
    stale = or_(agent_keys.c.seen_at.is_(None), agent_keys.c.seen_at < now - TOUCH_EVERY)
    connection.execute(update(agent_keys).where(agent_keys.c.hash == _hash(key), stale).values(seen_at=now))


def list_keys(connection: Connection) -> tuple[AgentKey, ...]:
    """Return every key, by login and age."""
    query = select(agent_keys, agents.c.login).join(agents, agents.c.id == agent_keys.c.agent_id)
    rows = connection.execute(query.order_by(agents.c.login, agent_keys.c.created_at, agent_keys.c.id))
    return tuple(AgentKey(row.id, row.login, row.name, row.created_at, row.seen_at) for row in rows)


def revoke_key(connection: Connection, who: str, key_id: str, now: datetime) -> None:
    """End a key at once.

    Raises:
        NotFound: there is no key with this id.
    """
    ended = delete(agent_keys).where(agent_keys.c.id == key_id).returning(agent_keys.c.agent_id)
    agent_id = connection.execute(ended).scalar()
    if agent_id is None:
        raise NotFound(f"There is no key {key_id!r}. `zhanggui agents tokens` shows them all.")
    audit.record(connection, who, What.KEY, f"agent:{agent_id}", now, before={"key": key_id})


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
