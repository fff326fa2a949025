"""Agents, and how they prove that they are: one-time links, passwords, sessions. Only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, Select, bindparam, delete, or_, select, update

from bot.errors import Conflict, NotAllowed, NotFound
from bot.store.tables import agent_keys, agents, conversations, logins
from handoff import ownership
from handoff.roles import ROLES, ROLES_WITH, Right

LINK_LASTS = timedelta(minutes=15)
SESSION_IDLE = timedelta(hours=3)
SESSION_LASTS = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
PASSWORD_LEAST = 12
NAME_LEAST = 3
"""Characters from which on a name counts as guessable."""
DIFFERENT_LEAST = 5
"""Different characters of a password."""


AgentRow = Row[Any]
_OF_AGENT = tuple(agents.c[name] for name in ("id", "login", "name", "role", "disabled", "totp_secret"))
"""What an `Agent` is made of; other columns take time to read, which tells with hundreds of agents."""
_ALL = select(*_OF_AGENT).order_by(agents.c.login)


@dataclass(frozen=True, slots=True)
class Agent:
    """A human behind the console. `role` is one of `handoff.roles.ROLES`.

    Attributes:
        see: for agents: `all` conversations, or only their `own`, what waits and what no human has.
        second_factor: whether a code from the phone is asked for at login.
    """

    id: str
    login: str
    name: str
    role: str
    disabled: bool = False
    see: str = "own"
    second_factor: bool = False

    @property
    def answers(self) -> bool:
        """Whether this agent may see and answer conversations."""
        return self.role in ROLES_WITH[Right.ANSWER] and not self.disabled

    @property
    def leads(self) -> bool:
        """Whether this agent may act on other agents' conversations."""
        return self.role in ROLES_WITH[Right.LEAD] and not self.disabled


def new_token() -> str:
    """Return 256 random bits as text that fits into an address."""
    return secrets.token_urlsafe(32)


class NoSuchRole(NotAllowed):
    """There is no such role. Choose one of: agent, lead, editor, admin."""

    code = "no_such_role"


class LoginTaken(Conflict):
    """This login is taken. Choose another one."""

    code = "login_taken"


# --- agents --------------------------------------------------------------------------------------------------------
def add_agent(
    connection: Connection,
    agent_id: str,
    login: str,
    name: str,
    role: str,
    now: datetime,
) -> Agent:
    """Store a new agent. Until a password is set only one-time links let them in.

    Raises:
        Conflict: the login is taken.
        NotAllowed: there is no such role.
    """
    if role not in ROLES:
        raise NoSuchRole
    if connection.execute(select(agents.c.id).where(agents.c.login == login)).first():
        raise LoginTaken
    connection.execute(agents.insert().values(id=agent_id, login=login, name=name, role=role, created_at=now))
    return Agent(agent_id, login, name, role)


def list_agents(connection: Connection) -> tuple[Agent, ...]:
    """Return every agent, disabled ones too, by login."""
    return tuple(agent_in(row) for row in connection.execute(_ALL))


def find_agent(connection: Connection, login: str) -> Agent:
    """Return the agent with this login.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(select(agents).where(agents.c.login == login)).first()
    if row is None:
        raise NotFound(f"There is no agent with the login {login!r}. `zhanggui agents list` shows them all.")
    return agent_in(row)


def disable_agent(connection: Connection, agent_id: str, now: datetime) -> None:
    """Shut an agent out at once: sessions and keys of programs end, their conversations go back to the queue."""
    changed = connection.execute(update(agents).where(agents.c.id == agent_id).values(disabled=True))
    if changed.rowcount != 1:
        raise NotFound
    revoke_all(connection, agent_id)
    connection.execute(delete(agent_keys).where(agent_keys.c.agent_id == agent_id))
    leave_crew(connection, agent_id, now)


def leave_crew(connection: Connection, agent_id: str, now: datetime) -> None:
    """Take an agent off duty who may answer no more: their conversations go back into the queue, where they were."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(status="off"))
    held = select(conversations.c.id).where(conversations.c.agent_id == agent_id).order_by(conversations.c.id)
    for conversation_id in connection.execute(held.with_for_update(key_share=True)).scalars().all():
        ownership.lose(connection, conversation_id, agent_id, now)
    ownership.look_through(connection, f"agent:{agent_id}:{now.isoformat()}", now)


def actor(connection: Connection, agent_id: str, see: str) -> Agent:
    """Return an agent as one who acts, for those known by other means than a session.

    Args:
        see: the setting `[agents] see`.

    Raises:
        NotAllowed: there is no such agent at work.
    """
    row = connection.execute(select(agents).where(agents.c.id == agent_id, agents.c.disabled.is_(False))).first()
    if row is None:
        raise NotAllowed
    return agent_in(row, see)


def agent_in(row: AgentRow, see: str = "own") -> Agent:
    """Return the agent of a row of `agents`."""
    return Agent(row.id, row.login, row.name, row.role, row.disabled, see, bool(row.totp_secret))


# --- passwords -----------------------------------------------------------------------------------------------------
class WeakPassword(NotAllowed):
    """A password needs at least 12 characters, not always the same ones, and not your name. A sentence is good."""

    code = "weak_password"


def hash_password(password: str, own_names: Iterable[str]) -> str:
    """Return the Argon2id hash of a new password. Takes tens of milliseconds: not inside a transaction.

    Args:
        own_names: of the account: what others try first.

    Raises:
        WeakPassword: it is short, holds one of the names, or always the same few characters.
    """
    said = password.casefold()
    words = {word for name in own_names for word in name.casefold().split() if len(word) >= NAME_LEAST}
    if len(password) < PASSWORD_LEAST or len(set(said)) < DIFFERENT_LEAST or any(word in said for word in words):
        raise WeakPassword
    return PasswordHasher().hash(password)


def set_password(connection: Connection, agent_id: str, password_hash: str) -> None:
    """Change the password and end every session of the agent."""
    put_password(connection, agent_id, password_hash)
    revoke_all(connection, agent_id)


def put_password(connection: Connection, agent_id: str, password_hash: str) -> None:
    """Change the password and leave the sessions."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(password_hash=password_hash))


def password_hash_of(connection: Connection, login: str) -> tuple[Agent | None, str]:
    """Return the agent of a login with the stored hash, or None and an empty hash. For `check_password`."""
    row = connection.execute(select(agents).where(agents.c.login == login, agents.c.disabled.is_(False))).first()
    return (agent_in(row), row.password_hash) if row else (None, "")


def check_password(password_hash: str, password: str) -> bool:
    """Return whether the password fits. Takes as long for an unknown login (empty hash) as for a known one."""
    try:
        PasswordHasher().verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


@cache
def _nobody() -> str:
    return PasswordHasher().hash(secrets.token_urlsafe(32))


# --- links and sessions --------------------------------------------------------------------------------------------
def create_link(connection: Connection, agent_id: str, token: str, now: datetime) -> None:
    """Store a one-time login link: `/console/login?token=…`, good once and for 15 minutes.

    Args:
        token: from `new_token`; only its hash is kept.
    """
    store_login(connection, agent_id, "link", token, now, now + LINK_LASTS)


def use_link(connection: Connection, token: str, now: datetime) -> Agent:
    """Use up a one-time link.

    Raises:
        NotAllowed: it was used, is too old, or never was.
    """
    where = logins.c.hash == hash_token(token), logins.c.kind == "link", logins.c.expires_at > now
    row = connection.execute(
        select(agents).join(logins, logins.c.agent_id == agents.c.id).where(*where, agents.c.disabled.is_(False))
    ).first()
    if row is None or connection.execute(delete(logins).where(*where)).rowcount != 1:
        raise NotAllowed("This login link was used already or is too old. Ask for a new one.")
    return agent_in(row)


def start_session(connection: Connection, agent_id: str, token: str, now: datetime) -> None:
    """Store a new session and sweep out ended ones."""
    connection.execute(delete(logins).where(logins.c.expires_at <= now))
    store_login(connection, agent_id, "session", token, now, now + SESSION_LASTS)


def agent_of(connection: Connection, token: str, now: datetime, see: str = "own") -> Agent:
    """Return whose session this is.

    Args:
        see: the setting `[agents] see`; left out, agents see only what is theirs or nobody's.

    Raises:
        NotAllowed: it has ended: 3 h without action, 12 h in all, revoked, or the agent was disabled.
    """
    agent = agents_of(connection, [token], now, see).get(token)
    if agent is None:
        raise NotAllowed("Your session has ended. Log in again.")
    return agent


def agents_of(connection: Connection, tokens: Collection[str], now: datetime, see: str = "own") -> dict[str, Agent]:
    """Return whose these sessions are, without those that have ended, by one statement. Arguments as of `agent_of`."""
    by_hash = {hash_token(token): token for token in tokens}
    asked = {"hashes": sorted(by_hash), "now": now, "active": now - SESSION_IDLE}
    return {by_hash[row.hash]: agent_in(row, see) for row in connection.execute(_SESSIONS, asked)}


_SESSIONS: Select[Any] = (  # made once: it is asked with everything that a page reads or does
    select(*_OF_AGENT, logins.c.hash)
    .join(logins, logins.c.agent_id == agents.c.id)
    .where(
        logins.c.hash.in_(bindparam("hashes", expanding=True)),
        logins.c.kind == "session",
        logins.c.expires_at > bindparam("now"),
        logins.c.seen_at > bindparam("active"),
        agents.c.disabled.is_(False),
    )
)


def way_of(connection: Connection, token: str) -> str:
    """Return how a session was begun: `link`, `password` or `sso`; empty if there is none."""
    return connection.execute(select(logins.c.way).where(logins.c.hash == hash_token(token))).scalar() or ""


def touch(connection: Connection, token: str, agent_id: str, now: datetime) -> None:
    """Note that the agent did something, at most once a minute."""
    stale = logins.c.hash == hash_token(token), logins.c.seen_at < now - TOUCH_EVERY
    if connection.execute(update(logins).where(*stale).values(seen_at=now)).rowcount:
        earlier = or_(agents.c.seen_at.is_(None), agents.c.seen_at < now)
        connection.execute(update(agents).where(agents.c.id == agent_id, earlier).values(seen_at=now))


def revoke(connection: Connection, token: str) -> None:
    """End one session."""
    connection.execute(delete(logins).where(logins.c.hash == hash_token(token)))


def revoke_all(connection: Connection, agent_id: str) -> None:
    """End every session and link of an agent."""
    connection.execute(delete(logins).where(logins.c.agent_id == agent_id))


def store_login(
    connection: Connection,
    agent_id: str,
    kind: str,
    token: str,
    now: datetime,
    expires_at: datetime,
    came: tuple[str, str, str] = ("", "", ""),
) -> None:
    """Store the hash of a token that opens something until `expires_at`.

    Args:
        kind: `link`, `halfway` or `session`.
        came: the way of the login, the address and the browser.
    """
    way, address, browser = came
    row = {"hash": hash_token(token), "agent_id": agent_id, "kind": kind, "way": way}
    row |= {"address": address[:64], "browser": browser[:300]}
    connection.execute(logins.insert().values(**row, created_at=now, seen_at=now, expires_at=expires_at))


def hash_token(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
