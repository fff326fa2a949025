"""A chat that has another id from now on: a Telegram group became a supergroup."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from bot.messages import Chat
from bot.store.tables import conversations, outbox, sales, votes

OVER = ("ended", "drawn", "cancelled")


def move(connection: Connection, chat: Chat, new_chat: str) -> None:
    """Go on with a conversation under another chat id; if that has one of its own already, what waits goes there.

    Campaigns that name the chat name the new one from then on.
    """
    _rename_audiences(connection, chat, new_chat)
    both = conversations.c.channel == chat.channel, conversations.c.chat.in_((chat.id, new_chat))
    found = connection.execute(select(conversations.c.chat, conversations.c.id).where(*both))
    ids = {row.chat: row.id for row in found}
    if chat.id not in ids:
        return
    if new_chat not in ids:
        connection.execute(update(conversations).where(conversations.c.id == ids[chat.id]).values(chat=new_chat))
        return
    waits = outbox.c.conversation_id == ids[chat.id], outbox.c.status.in_(("waiting", "sending"))
    connection.execute(update(outbox).where(*waits).values(conversation_id=ids[new_chat], epoch=None))


def _rename_audiences(connection: Connection, chat: Chat, new_chat: str) -> None:
    old, new = {"channel": chat.channel, "chat": chat.id}, {"channel": chat.channel, "chat": new_chat}
    for table in (sales, votes):
        open_still = table.c.status.not_in(OVER)
        for row in connection.execute(select(table.c.id, table.c.audiences).where(open_still)).all():
            renamed = [{**one, **new} if old.items() <= one.items() else one for one in row.audiences]
            if renamed != row.audiences:
                connection.execute(update(table).where(table.c.id == row.id).values(audiences=renamed))
