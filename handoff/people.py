"""Agents, and how they prove that they are: one-time links, passwords, sessions. Only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, select, update

from bot.errors import Conflict, NotAllowed, NotFound
from bot.store.tables import agents, conversations, logins
from handoff import ownership

LINK_LASTS = timedelta(minutes=15)
SESSION_IDLE = timedelta(hours=3)
SESSION_LASTS = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
PASSWORD_LEAST = 10

ROLES = ("agent", "lead", "editor", "admin")
_ANSWERS = frozenset({"agent", "lead", "admin"})
_LEADS = frozenset({"lead", "admin"})


@dataclass(frozen=True, slots=True)
class Agent:
    """A human who answers customers. `role` is one of `ROLES`."""

    id: str
    login: str
    name: str
    role: str
    disabled: bool = False

    @property
    def answers(self) -> bool:
        """Whether this agent may see and answer conversations."""
        return self.role in _ANSWERS and not self.disabled

    @property
    def leads(self) -> bool:
        """Whether this agent may act on other agents' conversations and see unmasked data."""
        return self.role in _LEADS and not self.disabled


def new_token() -> str:
    """Return 256 random bits as text that fits into an address."""
    return secrets.token_urlsafe(32)


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
        raise NotAllowed(f"There is no role {role!r}. Choose one of: {', '.join(ROLES)}.")
    if connection.execute(select(agents.c.id).where(agents.c.login == login)).first():
        raise Conflict(f"The login {login!r} is taken. Choose another one.")
    connection.execute(agents.insert().values(id=agent_id, login=login, name=name, role=role, created_at=now))
    return Agent(agent_id, login, name, role)


def list_agents(connection: Connection) -> tuple[Agent, ...]:
    """Return every agent, disabled ones too, by login."""
    return tuple(_agent(row) for row in connection.execute(select(agents).order_by(agents.c.login)))


def find_agent(connection: Connection, login: str) -> Agent:
    """Return the agent with this login.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(select(agents).where(agents.c.login == login)).first()
    if row is None:
        raise NotFound(f"There is no agent with the login {login!r}. `zhanggui agents list` shows them all.")
    return _agent(row)


def disable_agent(connection: Connection, agent_id: str, now: datetime) -> None:
    """Shut an agent out at once: sessions end and their conversations go back to the queue."""
    changed = connection.execute(update(agents).where(agents.c.id == agent_id).values(disabled=True, status="off"))
    if changed.rowcount != 1:
        raise NotFound
    revoke_all(connection, agent_id)
    held = select(conversations.c.id).where(conversations.c.agent_id == agent_id).order_by(conversations.c.id)
    for conversation_id in connection.execute(held).scalars().all():
        ownership.release(connection, conversation_id, agent_id, now)


def _agent(row: Row[Any]) -> Agent:
    return Agent(row.id, row.login, row.name, row.role, row.disabled)


# --- passwords -----------------------------------------------------------------------------------------------------
def hash_password(password: str) -> str:
    """Return the Argon2id hash of a new password. Takes tens of milliseconds: not inside a transaction.

    Raises:
        NotAllowed: it is shorter than `PASSWORD_LEAST` characters.
    """
    if len(password) < PASSWORD_LEAST:
        raise NotAllowed(f"A password needs at least {PASSWORD_LEAST} characters. A short sentence is good.")
    return PasswordHasher().hash(password)


def set_password(connection: Connection, agent_id: str, password_hash: str) -> None:
    """Change the password and end every session of the agent."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(password_hash=password_hash))
    revoke_all(connection, agent_id)


def password_hash_of(connection: Connection, login: str) -> tuple[Agent | None, str]:
    """Return the agent of a login with the stored hash, or None and an empty hash. For `check_password`."""
    row = connection.execute(select(agents).where(agents.c.login == login, agents.c.disabled.is_(False))).first()
    return (_agent(row), row.password_hash) if row else (None, "")


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


class FailedLogins:
    """Slows down guessing: after three failures of one account from one address each next try has to wait longer.

    A delay and never a lock, so that nobody can shut an agent out from elsewhere. Kept in the memory of one process.
    """

    FREE = 3
    LONGEST_S = 60
    FORGET = timedelta(minutes=15)
    MOST = 10_000

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], tuple[int, datetime]] = {}

    def wait_s(self, login: str, address: str, now: datetime) -> int:
        """Return the seconds until this account may be tried again from this address; 0 is at once."""
        count, last = self._failures.get((login.casefold(), address), (0, now))
        if count < self.FREE or now - last > self.FORGET:
            return 0
        delay = timedelta(seconds=min(2 ** (count - self.FREE + 1), self.LONGEST_S))
        return max(0, -int((now - last - delay).total_seconds() // 1))

    def failed(self, login: str, address: str, now: datetime) -> None:
        """Count a failure."""
        key = login.casefold(), address
        count, last = self._failures.get(key, (0, now))
        self._failures[key] = (1 if now - last > self.FORGET else count + 1, now)
        if len(self._failures) > self.MOST:
            fresh = {k: v for k, v in self._failures.items() if now - v[1] <= self.FORGET}
            self._failures = dict(list(fresh.items())[-self.MOST // 2 :])

    def succeeded(self, login: str, address: str) -> None:
        """Forget the failures."""
        self._failures.pop((login.casefold(), address), None)


# --- links and sessions --------------------------------------------------------------------------------------------
def create_link(connection: Connection, agent_id: str, token: str, now: datetime) -> None:
    """Store a one-time login link: `/console/login?token=…`, good once and for 15 minutes.

    Args:
        token: from `new_token`; only its hash is kept.
    """
    _store(connection, agent_id, "link", token, now, now + LINK_LASTS)


def use_link(connection: Connection, token: str, now: datetime) -> Agent:
    """Use up a one-time link.

    Raises:
        NotAllowed: it was used, is too old, or never was.
    """
    where = logins.c.hash == _hash(token), logins.c.kind == "link", logins.c.expires_at > now
    row = connection.execute(
        select(agents).join(logins, logins.c.agent_id == agents.c.id).where(*where, agents.c.disabled.is_(False))
    ).first()
    if row is None or connection.execute(delete(logins).where(*where)).rowcount != 1:
        raise NotAllowed("This login link was used already or is too old. Ask for a new one.")
    return _agent(row)


def start_session(connection: Connection, agent_id: str, token: str, now: datetime) -> None:
    """Store a new session and sweep out ended ones."""
    connection.execute(delete(logins).where(logins.c.expires_at <= now))
    _store(connection, agent_id, "session", token, now, now + SESSION_LASTS)


def agent_of(connection: Connection, token: str, now: datetime) -> Agent:
    """Return whose session this is.

    Raises:
        NotAllowed: it has ended: 3 h without action, 12 h in all, revoked, or the agent was disabled.
    """
    row = connection.execute(
        select(agents)
        .join(logins, logins.c.agent_id == agents.c.id)
        .where(
            logins.c.hash == _hash(token),
            logins.c.kind == "session",
            logins.c.expires_at > now,
            logins.c.seen_at > now - SESSION_IDLE,
            agents.c.disabled.is_(False),
        )
    ).first()
    if row is None:
        raise NotAllowed("Your session has ended. Log in again.")
    return _agent(row)


def touch(connection: Connection, token: str, agent_id: str, now: datetime) -> None:
    """Note that the agent did something, at most once a minute."""
    stale = logins.c.hash == _hash(token), logins.c.seen_at < now - TOUCH_EVERY
    if connection.execute(update(logins).where(*stale).values(seen_at=now)).rowcount:
        connection.execute(update(agents).where(agents.c.id == agent_id).values(seen_at=now))


def revoke(connection: Connection, token: str) -> None:
    """End one session."""
    connection.execute(delete(logins).where(logins.c.hash == _hash(token)))


def revoke_all(connection: Connection, agent_id: str) -> None:
    """End every session and link of an agent."""
    connection.execute(delete(logins).where(logins.c.agent_id == agent_id))


def _store(connection: Connection, agent_id: str, kind: str, token: str, now: datetime, expires_at: datetime) -> None:
    row = {"hash": _hash(token), "agent_id": agent_id, "kind": kind}
    connection.execute(logins.insert().values(row | {"created_at": now, "seen_at": now, "expires_at": expires_at}))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
