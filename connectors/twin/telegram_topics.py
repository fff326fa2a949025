"""Groups with topics in the stand-in Telegram (Bot API, ForumTopic): who may make, close and write in them."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.twin.telegram_params import integer
from connectors.twin.telegram_world import Group, Json, Method, Refused, World

_COLOURS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)
_NAME_CHARACTERS = 128
_UNKNOWN = "Bad Request: message thread not found"


class Topics:
    """The bot's methods for topics, and what people do with topics."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.methods: Mapping[str, Method] = {
            "createforumtopic": self._create,
            "editforumtopic": self._edit,
            "closeforumtopic": self._close,
            "reopenforumtopic": self._reopen,
            "deleteforumtopic": self._delete,
            "getchatmember": self._member,
        }

    async def _create(self, params: Json) -> object:
        group = self._managed(params)
        name, colour = _name(params), integer(params, "icon_color", _COLOURS[0])
        if colour not in _COLOURS:
            raise Refused(400, "Bad Request: TOPIC_ICON_COLOR_INVALID")
        made = {"name": name, "icon_color": colour}
        message = self._world.post(group.id, {"forum_topic_created": made, "is_topic_message": True})
        thread = int(message["message_id"])
        message["message_thread_id"] = thread
        group.topics[thread] = {"message_thread_id": thread, **made, "closed": False}
        return {"message_thread_id": thread, **made}

    async def _edit(self, params: Json) -> object:
        group = self._managed(params)
        topic, name = self._topic(group, params), _name(params)
        self._tell(group, topic, {"forum_topic_edited": {"name": name}})
        topic["name"] = name
        return True

    async def _close(self, params: Json) -> object:
        return self._set(params, closed=True)

    async def _reopen(self, params: Json) -> object:
        return self._set(params, closed=False)

    def _set(self, params: Json, *, closed: bool) -> bool:
        group = self._managed(params)
        topic = self._topic(group, params)
        if topic["closed"] == closed:
            raise Refused(400, "Bad Request: TOPIC_NOT_MODIFIED")
        self._tell(group, topic, {"forum_topic_closed" if closed else "forum_topic_reopened": {}})
        topic["closed"] = closed
        return True

    def _tell(self, group: Group, topic: Json, body: Json) -> None:
        thread = {"message_thread_id": topic["message_thread_id"], "is_topic_message": True}
        self._world.post(group.id, {**body, **thread})

    async def _delete(self, params: Json) -> object:
        group = self._managed(params)
        self.forget(group, int(self._topic(group, params)["message_thread_id"]))
        return True

    def forget(self, group: Group, thread: int) -> None:
        """Delete a topic with all that was said in it; nobody is told of it."""
        group.topics.pop(thread, None)
        said = self._world.messages.get(group.id, [])
        said[:] = [message for message in said if message.get("message_thread_id") != thread]

    async def _member(self, params: Json) -> object:
        group = self._world.groups.get(integer(params, "chat_id"))
        user_id = integer(params, "user_id")
        if group is None:
            raise Refused(400, "Bad Request: chat not found")
        if user_id != self._world.bot["id"]:
            user = self._world.users.get(user_id)
            if user is None:
                raise Refused(400, "Bad Request: user not found")
            return {"status": "administrator" if user_id in group.admins else "member", "user": {"id": user_id}}
        status = ("administrator" if group.manages else "member") if group.has_bot else "left"
        return {"status": status, "user": {"id": user_id}, "can_manage_topics": group.manages}

    def _managed(self, params: Json) -> Group:
        chat = self._world.chat_for_bot(integer(params, "chat_id"))
        group = self._world.groups.get(int(chat["id"]))
        if group is None or not group.forum:
            raise Refused(400, "Bad Request: the chat is not a forum")
        if not group.manages:
            raise Refused(400, "Bad Request: not enough rights to manage topics")
        return group

    def _topic(self, group: Group, params: Json) -> Json:
        topic = group.topics.get(integer(params, "message_thread_id"))
        if topic is None:
            raise Refused(400, _UNKNOWN)
        return topic


def thread_of(world: World, chat_id: int, params: Json) -> Json:
    """Return the fields of a message of the bot that goes into a topic; nothing outside of topics.

    Raises:
        Refused: there is no such topic, or it is closed and the bot may not manage it.
    """
    if "message_thread_id" not in params:
        return {}
    group, thread = world.groups.get(chat_id), integer(params, "message_thread_id")
    topic = group.topics.get(thread) if group is not None else None
    if group is None or topic is None:
        raise Refused(400, _UNKNOWN)
    if topic["closed"] and not group.manages:
        raise Refused(400, "Bad Request: TOPIC_CLOSED")
    return {"message_thread_id": thread, "is_topic_message": True}


def answered(world: World, chat_id: int, params: Json) -> Json:
    """Return what a message of the bot answers to (Bot API, ReplyParameters)."""
    given = params.get("reply_parameters")
    if not isinstance(given, dict):
        return {}
    target = world.find(chat_id, integer(given, "message_id"))
    if target is None and not given.get("allow_sending_without_reply"):
        raise Refused(400, "Bad Request: message to be replied not found")
    return {} if target is None else {"reply_to_message": {k: v for k, v in target.items() if k != "reply_to_message"}}


def _name(params: Json) -> str:
    name = str(params.get("name", "")).strip()
    if not 1 <= len(name) <= _NAME_CHARACTERS:
        raise Refused(400, "Bad Request: topic name must be 1 to 128 characters")
    return name
