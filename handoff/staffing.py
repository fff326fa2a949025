"""Looking after the agents: added, given a role, shut out, let in again. Every act is written down with who did it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from bot import audit
from bot.audit import What
from bot.errors import Conflict, NotAllowed, NotFound
from bot.store.tables import agents
from handoff import people, twofactor
from handoff.people import Agent
from handoff.roles import ROLES, ROLES_WITH, Right


class BadName(NotAllowed):
    """A login has 1 to 100 characters, and names have no line breaks. Choose another one."""

    code = "bad_name"


class NoEmail(NotAllowed):
    """That is not an e-mail address. Correct it."""

    code = "no_email"


class EmailTaken(Conflict):
    """Another agent has this e-mail address."""

    code = "email_taken"


class LastAdmin(Conflict):
    """This is the last admin. Make somebody else an admin first."""

    code = "last_admin"


@dataclass(frozen=True, slots=True)
class Staff:
    """An agent as the admin sees them."""

    agent: Agent
    email: str
    has_password: bool
    seen_at: datetime | None


def everybody(connection: Connection) -> tuple[Staff, ...]:
    """Return all agents by login, disabled ones last."""
    rows = connection.execute(select(agents).order_by(agents.c.disabled, agents.c.login))
    return tuple(Staff(people.agent_in(row), row.email, bool(row.password_hash), row.seen_at) for row in rows)


def add(
    connection: Connection, who: str, agent_id: str, login: str, name: str, role: str, email: str, now: datetime
) -> Agent:
    """Add an agent. They come in by a one-time link, or with the e-mail address by the single sign-on.

    Raises:
        Conflict: the login or the e-mail address is taken.
        NotAllowed: there is no such role, or the login is empty or too long.
    """
    login, name = login.strip(), name.strip()
    if not 1 <= len(login) <= 100 or not login.isprintable() or not name.isprintable():
        raise BadName
    agent = people.add_agent(connection, agent_id, login, (name or login)[:100], role, now)
    if email.strip():
        _put_email(connection, agent_id, email)
    audit.record(connection, who, What.AGENT_ADDED, f"agent:{agent_id}", now, after={"login": login, "role": role})
    return agent


def change_role(connection: Connection, who: str, agent_id: str, role: str, now: datetime) -> None:
    """Give an agent another role; it counts from their next click on. In a role that does not answer they have nothing.

    Raises:
        Conflict: nobody would be left to look after the agents.
        NotAllowed: there is no such role.
        NotFound: there is no such agent.
    """
    before = _row(connection, agent_id)
    if role not in ROLES:
        raise people.NoSuchRole
    if role == before.role:
        return
    if before.role == "admin":
        _another_admin(connection, agent_id)
    connection.execute(update(agents).where(agents.c.id == agent_id).values(role=role))
    if role not in ROLES_WITH[Right.ANSWER]:
        people.leave_crew(connection, agent_id, now)
    old, new = {"role": before.role}, {"role": role}
    audit.record(connection, who, What.ROLE, f"agent:{agent_id}", now, before=old, after=new)


def change_email(connection: Connection, who: str, agent_id: str, email: str, now: datetime) -> None:
    """Set the e-mail address by which the single sign-on knows an agent; empty takes it away.

    Raises:
        Conflict: another agent has it.
        NotFound: there is no such agent.
    """
    _row(connection, agent_id)
    _put_email(connection, agent_id, email)
    audit.record(connection, who, What.AGENT_CHANGED, f"agent:{agent_id}", now, after={"email": bool(email.strip())})


def disable(connection: Connection, who: str, agent_id: str, now: datetime) -> None:
    """Shut an agent out at once: sessions end, conversations go back to the queue.

    Raises:
        Conflict: nobody would be left to look after the agents.
        NotFound: there is no such agent.
    """
    if _row(connection, agent_id).role == "admin":
        _another_admin(connection, agent_id)
    people.disable_agent(connection, agent_id, now)
    audit.record(connection, who, What.AGENT_DISABLED, f"agent:{agent_id}", now, after={"disabled": True})


def enable(connection: Connection, who: str, agent_id: str, now: datetime) -> None:
    """Let an agent in again.

    Raises:
        NotFound: there is no such agent.
    """
    _row(connection, agent_id)
    connection.execute(update(agents).where(agents.c.id == agent_id).values(disabled=False))
    audit.record(connection, who, What.AGENT_DISABLED, f"agent:{agent_id}", now, after={"disabled": False})


def make_link(connection: Connection, who: str, agent_id: str, token: str, now: datetime) -> None:
    """Make a one-time login link of `token`, good for 15 minutes.

    Raises:
        NotFound: there is no such agent.
    """
    _row(connection, agent_id)
    people.create_link(connection, agent_id, token, now)
    audit.record(connection, who, What.LINK, f"agent:{agent_id}", now)


def reset_second_factor(connection: Connection, who: str, agent_id: str, now: datetime) -> None:
    """Forget the second factor of an agent who lost phone and recovery codes, and end their sessions.

    Raises:
        NotFound: there is no such agent.
    """
    _row(connection, agent_id)
    twofactor.switch_off(connection, agent_id)
    people.revoke_all(connection, agent_id)
    audit.record(connection, who, What.SECOND_FACTOR, f"agent:{agent_id}", now, after={"on": False})


def end_sessions(connection: Connection, who: str, agent_id: str, now: datetime) -> None:
    """End every session and link of an agent.

    Raises:
        NotFound: there is no such agent.
    """
    _row(connection, agent_id)
    people.revoke_all(connection, agent_id)
    audit.record(connection, who, What.SESSION_ENDED, f"agent:{agent_id}", now)


def _row(connection: Connection, agent_id: str) -> people.AgentRow:
    row = None if "\0" in agent_id else connection.execute(select(agents).where(agents.c.id == agent_id)).first()
    if row is None:
        raise NotFound
    return row


def _another_admin(connection: Connection, agent_id: str) -> None:
    # All admins are locked, in order: of two who shut each other out at the same moment one is refused.
    admins = agents.c.role == "admin", agents.c.disabled.is_(False)
    rows = connection.execute(select(agents.c.id).where(*admins).order_by(agents.c.id).with_for_update())
    if not [row.id for row in rows if row.id != agent_id]:
        raise LastAdmin


def _put_email(connection: Connection, agent_id: str, email: str) -> None:
    email = email.strip()
    if len(email) > 200 or (email and "@" not in email) or not email.isprintable():
        raise NoEmail
    taken = select(agents.c.id).where(func.lower(agents.c.email) == email.lower(), agents.c.id != agent_id)
    if email and connection.execute(taken).first():
        raise EmailTaken
    connection.execute(update(agents).where(agents.c.id == agent_id).values(email=email))
