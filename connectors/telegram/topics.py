"""Topics of a group (Bot API, ForumTopic): made, closed, opened again and written in, for the staff's own group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from telegram.error import BadRequest, TelegramError

from bot.messages import TOPIC_GONE, Chat, Receipt, SendStatus, Topic
from connectors.telegram.account import Account
from connectors.telegram.api import Api
from connectors.telegram.cutting import cut
from connectors.telegram.fields import a_number, a_text
from connectors.telegram.receipts import receipt_of

NAME_CHARACTERS = 128
"""Bot API, createForumTopic."""
_COLOURS = (0x6FB9F0, 0xFFD67E, 0xFB6F5F)
"""By priority: blue, yellow, red, of those that createForumTopic takes."""
_GONE = ("message thread not found", "topic_id_invalid", "topic_deleted")
_DONE = "topic_not_modified"
_METHODS = {"close": "CloseForumTopic", "reopen": "ReopenForumTopic"}


def in_topic(topic: Topic | None) -> dict[str, Any]:
    """Return the fields that put a message into a topic, as an answer to another where it is one."""
    if topic is None:
        return {}
    where = {"message_thread_id": int(topic.id)} if topic.id else {}
    if not topic.message:
        return where
    # An answer to a message that was deleted meanwhile is said all the same.
    return {**where, "reply_parameters": {"message_id": int(topic.message), "allow_sending_without_reply": True}}


async def change_topic(api: Api, chat: Chat, topic: Topic) -> Receipt:
    """Make a topic, close it or open it again. Of a new one `Receipt.platform_id` is the id."""
    try:
        if topic.act != "open":
            await api.call(_METHODS[topic.act], {"chat_id": chat.id, "message_thread_id": int(topic.id)})
            return Receipt(SendStatus.SENT, platform_id=topic.id)
        colour = _COLOURS[max(0, min(topic.priority, len(_COLOURS) - 1))]
        name = cut(topic.name, NAME_CHARACTERS)[0] or "?"
        made = await api.call("CreateForumTopic", {"chat_id": chat.id, "name": name, "icon_color": colour})
    except TelegramError as error:
        return topic_receipt(error)
    thread = a_number(made, "message_thread_id")
    # Without its id nobody can write in it: another one is made.
    return Receipt(SendStatus.UNSURE, reason="answer not understood") if thread is None else _made(thread)


def _made(thread: int) -> Receipt:
    return Receipt(SendStatus.SENT, platform_id=str(thread))


def topic_receipt(error: TelegramError) -> Receipt:
    """Tell what came of a message for a topic: a missing topic or right is no reason to give the whole group up."""
    receipt = receipt_of(error)
    if not isinstance(error, BadRequest):
        return receipt
    said = error.message.lower()
    if _DONE in said:
        return Receipt(SendStatus.SENT)
    if any(words in said for words in _GONE):
        return replace(receipt, status=SendStatus.REFUSED, reason=TOPIC_GONE)
    return replace(receipt, status=SendStatus.REFUSED) if "rights" in said else receipt


async def staff_group_faults(api: Api, account: Account) -> Sequence[str]:
    """Return why the bot cannot work in the staff's group, each with what to do; nothing if it can."""
    group = {"chat_id": account.staff_group}
    try:
        chat = await api.call("GetChat", group)
        member = await api.call("GetChatMember", {**group, "user_id": int(account.bot_id)})
    except BadRequest as error:
        return [f"Telegram knows no group {account.staff_group} with the bot in it ({error.message}). Add the bot."]
    except TelegramError as error:
        if receipt_of(error).status is SendStatus.UNREACHABLE:
            return ["The bot is not in the group. Add it, as an admin."]
        return [f"Telegram did not tell about the group ({type(error).__name__}). Check the token and try again."]
    faults = []
    if a_text(chat, "type") != "supergroup" or chat.get("is_forum") is not True:
        faults.append("The group has no topics. Turn Topics on in its settings; its number may change with that.")
    if a_text(member, "status") != "administrator" or member.get("can_manage_topics") is not True:
        faults.append("The bot may not manage topics. Make it an admin with the right to manage topics.")
    return faults
