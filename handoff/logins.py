"""From a right password, link or sign-on to a session: the second factor between them, and sessions seen and ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from bot import audit
from bot.audit import What
from bot.errors import NotAllowed, NotFound
from bot.store.tables import agents, logins
from handoff import people, presence
from handoff.people import Agent

HALFWAY_LASTS = timedelta(minutes=5)
"""How long the second factor may take."""
KEY_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody acts. `browser` is what it says of itself."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session of an agent. `key` names it and opens nothing."""

    key: str
    way: str
    address: str
    browser: str
    created_at: datetime
    seen_at: datetime


def enter(connection: Connection, agent: Agent, way: str, token: str, device: Device, now: datetime) -> bool:
    """Begin a session, or only go halfway if the agent's second factor is still to come. Return whether it is whole.

    Args:
        way: `link`, `password` or `sso`; with `sso` the provider has asked for what it wants already.
        token: from `people.new_token`, new for each.
    """
    connection.execute(delete(logins).where(logins.c.expires_at <= now))
    whole = way == "sso" or not agent.second_factor
    lasts = people.SESSION_LASTS if whole else HALFWAY_LASTS
    kind, came = "session" if whole else "halfway", (way, device.address, device.browser)
    people.store_login(connection, agent.id, kind, token, now, now + lasts, came)
    if whole:
        _begun(connection, agent, way, device, now)
    return whole


def halfway(connection: Connection, token: str, now: datetime) -> tuple[Agent, str]:
    """Return who has to show the second factor, and which way they came.

    Raises:
        NotAllowed: nobody; or it took too long.
    """
    of_token = logins.c.hash == people.hash_token(token), logins.c.kind == "halfway", logins.c.expires_at > now
    found = connection.execute(select(logins.c.agent_id, logins.c.way).where(*of_token)).first()
    if found is None:
        raise NotAllowed("That took too long. Log in again.")
    return people.actor(connection, found.agent_id, "own"), str(found.way)


def complete(connection: Connection, halfway_token: str, token: str, device: Device, now: datetime) -> Agent:
    """Begin the session of who has shown the second factor, under a new token.

    Raises:
        NotAllowed: it took too long.
    """
    agent, way = halfway(connection, halfway_token, now)
    people.revoke(connection, halfway_token)
    ends_at = now + people.SESSION_LASTS
    people.store_login(connection, agent.id, "session", token, now, ends_at, (way, device.address, device.browser))
    _begun(connection, agent, way, device, now)
    return agent


def failed(connection: Connection, login: str, device: Device, now: datetime) -> None:
    """Write down a login that failed. What was typed is not kept unless it is an agent's: it may be a password."""
    known = connection.execute(select(agents.c.id).where(agents.c.login == login)).scalar()
    subject = f"agent:{known}" if known else ""
    audit.record(connection, audit.NOBODY, What.LOGIN_FAILED, subject, now, address=device.address)


def leave(connection: Connection, token: str, device: Device, now: datetime) -> None:
    """Log out."""
    of_token = logins.c.hash == people.hash_token(token), logins.c.kind == "session"
    whose = connection.execute(select(logins.c.agent_id).where(*of_token)).scalar()
    if whose is None:
        return
    people.revoke(connection, token)
    audit.record(connection, audit.by(whose), What.LOGOUT, f"agent:{whose}", now, address=device.address)


def begun_at(connection: Connection, token: str) -> datetime:
    """Return when a session, which has just been asked for, began."""
    of_token = logins.c.hash == people.hash_token(token), logins.c.kind == "session"
    began: datetime = connection.execute(select(logins.c.created_at).where(*of_token)).scalar_one()
    return began


def open_sessions(connection: Connection, agent_id: str, now: datetime) -> tuple[OpenSession, ...]:
    """Return an agent's sessions, the one last used first."""
    live = logins.c.expires_at > now, logins.c.seen_at > now - people.SESSION_IDLE
    query = select(logins).where(logins.c.agent_id == agent_id, logins.c.kind == "session", *live)
    rows = connection.execute(query.order_by(logins.c.seen_at.desc(), logins.c.hash))
    return tuple(
        OpenSession(key_of_hash(row.hash), row.way, row.address, row.browser, row.created_at, row.seen_at)
        for row in rows
    )


def key_of(token: str) -> str:
    """Return the key of the session of this token."""
    return key_of_hash(people.hash_token(token))


def key_of_hash(stored: str) -> str:
    return stored[:KEY_CHARACTERS]


def end_session(connection: Connection, actor: Agent, agent_id: str, key: str, now: datetime) -> None:
    """End one session of an agent.

    Raises:
        NotFound: it is over already.
    """
    if len(key) != KEY_CHARACTERS or not key.isalnum():
        raise NotFound
    which = logins.c.agent_id == agent_id, logins.c.kind == "session", logins.c.hash.startswith(key)
    if connection.execute(delete(logins).where(*which)).rowcount != 1:
        raise NotFound
    audit.record(connection, audit.by(actor.id), What.SESSION_ENDED, f"agent:{agent_id}", now)


def end_others(connection: Connection, actor: Agent, agent_id: str, but_token: str, now: datetime) -> int:
    """End every session and link of an agent but the one of `but_token`. Return how many there were."""
    others = logins.c.agent_id == agent_id, logins.c.hash != people.hash_token(but_token)
    ended = connection.execute(delete(logins).where(*others)).rowcount
    audit.record(connection, audit.by(actor.id), What.SESSION_ENDED, f"agent:{agent_id}", now, after={"ended": ended})
    return ended


def _begun(connection: Connection, agent: Agent, way: str, device: Device, now: datetime) -> None:
    presence.comes_to_work(connection, agent.id)
    audit.record(
        connection, audit.by(agent.id), What.LOGIN, f"agent:{agent.id}", now, after={"way": way}, address=device.address
    )
