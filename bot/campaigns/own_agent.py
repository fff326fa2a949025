"""The agent who is there for one customer (专属客服)."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, select, update

from bot.store.tables import agents, conversations

ANSWERING = ("agent", "lead", "admin")


def own_agent(connection: Connection, conversation_id: str, person_id: str) -> str:
    """Return the name of the agent who is there for a chat, empty if the shop has none.

    Who had it last stays. Else one is drawn by the person's id, and noted as the chat's last agent, so that the queue
    gives it to them first.
    """
    here = conversations.c.id == conversation_id
    last = select(agents.c.name).join(conversations, conversations.c.last_agent_id == agents.c.id)
    name = connection.execute(last.where(here, agents.c.disabled.is_(False))).scalar()
    if name is not None:
        return str(name)
    answering = agents.c.disabled.is_(False), agents.c.role.in_(ANSWERING)
    team = connection.execute(select(agents.c.id, agents.c.name).where(*answering).order_by(agents.c.id)).all()
    if not team:
        return ""
    drawn = team[int.from_bytes(hashlib.sha256(person_id.encode()).digest()[:8]) % len(team)]
    connection.execute(update(conversations).where(here).values(last_agent_id=drawn.id))
    return str(drawn.name)
