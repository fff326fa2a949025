"""Which agent writes under which account in the staff's group: proven by a one-time code, undone at any time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update

from bot import audit
from bot.audit import What
from bot.errors import NotAllowed
from bot.store.insert import insert_once
from bot.store.tables import agent_accounts, agents, logins
from handoff import people
from handoff.people import Agent

KIND = "account"
"""What such a code is among the logins: it opens nothing else."""


def keep_code(connection: Connection, who: str, agent_id: str, code: str, now: datetime) -> None:
    """Store a code by which an account becomes this agent's, good once and for 15 minutes.

    Args:
        who: makes it, as in `bot.audit`.
        code: from `handoff.people.new_token`; only its hash is kept.
    """
    people.store_login(connection, agent_id, KIND, code, now, now + people.LINK_LASTS)
    audit.record(connection, who, What.LINK, f"agent:{agent_id}", now, after={"for": "account"})


def link(connection: Connection, channel: str, user: str, code: str, now: datetime) -> Agent:
    """Give an account to the agent of a code, and use the code up.

    Raises:
        NotAllowed: it was used, is too old, or never was.
    """
    where = logins.c.hash == people.hash_token(code), logins.c.kind == KIND, logins.c.expires_at > now
    of_code = select(agents).join(logins, logins.c.agent_id == agents.c.id).where(*where, agents.c.disabled.is_(False))
    row = connection.execute(of_code).first()
    if row is None or connection.execute(delete(logins).where(*where)).rowcount != 1:
        raise NotAllowed("This code was used already or is too old. Ask for a new one.")
    join(connection, channel, user, row.id, now)
    return people.agent_in(row)


def join(connection: Connection, channel: str, user: str, agent_id: str, now: datetime) -> None:
    """Make an account this agent's, whosever it was."""
    account = {"channel": channel, "user": user, "agent_id": agent_id, "at": now}
    if not insert_once(connection, agent_accounts, account):
        connection.execute(update(agent_accounts).where(*_is(channel, user)).values(agent_id=agent_id, at=now))
    after = {"account": channel}
    audit.record(connection, audit.by(agent_id), What.AGENT_CHANGED, f"agent:{agent_id}", now, after=after)


def agent_of(connection: Connection, channel: str, user: str, see: str) -> Agent | None:
    """Return the agent at work who has an account, None if nobody has.

    Args:
        see: the setting `[agents] see`.
    """
    of_account = select(agent_accounts.c.agent_id).where(*_is(channel, user))
    agent_id = connection.execute(of_account).scalar()
    if agent_id is None:
        return None
    try:
        return people.actor(connection, agent_id, see)
    except NotAllowed:  # disabled meanwhile
        return None


def forget(connection: Connection, who: str, agent_id: str, now: datetime) -> int:
    """Take all accounts and open codes from an agent. Return how many accounts it had."""
    connection.execute(delete(logins).where(logins.c.agent_id == agent_id, logins.c.kind == KIND))
    gone = connection.execute(delete(agent_accounts).where(agent_accounts.c.agent_id == agent_id)).rowcount
    audit.record(connection, who, What.AGENT_CHANGED, f"agent:{agent_id}", now, before={"accounts": gone})
    return gone


def _is(channel: str, user: str) -> tuple[ColumnElement[bool], ...]:
    return agent_accounts.c.channel == channel, agent_accounts.c.user == user
