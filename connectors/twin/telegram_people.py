"""What people do in the stand-in Telegram, and which updates the bot gets of it."""

from __future__ import annotations

import re

from connectors.twin.telegram_world import Group, Json, Refused, User, World

_ENTITY = re.compile(r"(?P<bot_command>(?<!\S)/\w+(?:@\w+)?)|(?P<mention>@\w{4,32})")


class People:
    """Acts for every user of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def say(
        self,
        user: User,
        chat_id: int,
        text: str,
        media: Json | None = None,
        reply_to: int | None = None,
        thread: int | None = None,
    ) -> Json:
        """Let a user write; the first private message starts the bot, as pressing Start does."""
        world = self._world
        if chat_id in world.users:
            if user.blocked:
                raise Refused(409, "the user has blocked the bot")
            user.started = True
        body: Json = {**media, **({"caption": text} if text else {})} if media else {"text": text}
        if entities := _entities(text):
            body["caption_entities" if media else "entities"] = entities
        if reply_to is not None and (target := world.find(chat_id, reply_to)):
            body["reply_to_message"] = {k: v for k, v in target.items() if k != "reply_to_message"}
        if thread is not None:
            body |= self._in_topic(user, chat_id, thread)
        message = world.store(world.chat(chat_id), world.person(user), body)
        if self._bot_hears(chat_id, message):
            world.emit("message", message)
        return message

    def _in_topic(self, user: User, chat_id: int, thread: int) -> Json:
        """In a topic that is closed only admins write."""
        group = self._world.groups.get(chat_id)
        if group is None or thread not in group.topics:
            raise Refused(404, "there is no such topic")
        if group.topics[thread]["closed"] and user.id not in group.admins:
            raise Refused(409, "the topic is closed")
        return {"message_thread_id": thread, "is_topic_message": True}

    def edit(self, message: Json, text: str) -> None:
        """Let the author change a message."""
        field = "text" if "text" in message else "caption"
        message.update({field: text, "edit_date": self._world.seconds()})
        if self._bot_hears(message["chat"]["id"], message):
            self._world.emit("edited_message", dict(message))

    def tap(self, user: User, message: Json, data: str) -> str:
        """Let a user tap a button; return the id of the callback query."""
        taps = self._world.taps
        query_id = str(4_000_000_000 + len(taps))
        sender, chat_id = self._world.person(user), message["chat"]["id"]
        query = {"id": query_id, "from": sender, "chat_instance": str(chat_id), "data": data}
        taps[query_id] = {"user": user.id, "message_id": message["message_id"], "answered": False, "text": ""}
        self._world.emit("callback_query", {**query, "message": message})
        return query_id

    def vote(self, user: User, message: Json, options: list[int]) -> None:
        """Let a user choose in a poll, choose again, or take the vote back with no options."""
        poll = message["poll"]
        if poll["is_closed"]:
            raise Refused(409, "the poll is closed")
        if any(not 0 <= option < len(poll["options"]) for option in options):
            raise Refused(400, "the poll has no such option")
        if len(options) > 1 and not poll["allows_multiple_answers"]:
            raise Refused(400, "the poll takes one answer")
        votes = self._world.votes.setdefault(poll["id"], {})
        votes[user.id] = options
        for number, option in enumerate(poll["options"]):
            option["voter_count"] = sum(number in taken for taken in votes.values())
        poll["total_voter_count"] = sum(bool(taken) for taken in votes.values())
        self._world.emit("poll", dict(poll))
        if not poll["is_anonymous"]:
            ids = [poll["options"][option]["persistent_id"] for option in options]
            answer = {"poll_id": poll["id"], "user": self._world.person(user), "option_ids": options}
            self._world.emit("poll_answer", {**answer, "option_persistent_ids": ids})

    def set_blocked(self, user: User, blocked: bool) -> None:
        """Block or unblock the bot in the private chat."""
        if user.blocked != blocked:
            user.blocked = blocked
            self._membership(user, user.id, "kicked" if blocked else "member", "member" if blocked else "kicked")

    def set_member(self, user: User, group: Group, member: bool) -> None:
        """Add the bot to a group or remove it."""
        if group.has_bot != member:
            group.has_bot = member
            self._membership(user, group.id, "member" if member else "kicked", "left" if member else "member")

    def join(self, users: list[User], group: Group) -> None:
        """Let people come into a group, by one link or added together: one service message tells of all."""
        came = [self._world.person(user) for user in users]
        self._serve(users[0], group, {"new_chat_members": came})

    def leave(self, user: User, group: Group) -> None:
        """Let somebody leave a group."""
        self._serve(user, group, {"left_chat_member": self._world.person(user)})

    def _serve(self, user: User, group: Group, body: Json) -> None:
        """Put a service message into a group. Every bot there gets it (Bot features, privacy mode)."""
        world = self._world
        message = world.store(world.chat(group.id), world.person(user), body)
        if group.has_bot:
            world.emit("message", message)

    def migrate(self, group: Group) -> Group:
        """Turn a group into a supergroup with a new id, and tell the bot in both."""
        world = self._world
        moved = Group(-1_000_000_000_000 + group.id, group.title)
        world.groups[moved.id] = moved
        group.moved_to = moved.id
        someone = world.person(next(iter(world.users.values())))
        world.emit("message", world.store(world.chat(group.id), someone, {"migrate_to_chat_id": moved.id}))
        world.emit("message", world.store(world.chat(moved.id), someone, {"migrate_from_chat_id": group.id}))
        return moved

    def _membership(self, user: User, chat_id: int, new: str, old: str) -> None:
        world = self._world
        bot = {k: world.bot[k] for k in ("id", "is_bot", "first_name", "username")}

        def member(status: str) -> Json:
            return {"user": bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}

        body = {"chat": world.chat(chat_id), "from": world.person(user), "date": world.seconds()}
        world.emit("my_chat_member", {**body, "old_chat_member": member(old), "new_chat_member": member(new)})

    def _bot_hears(self, chat_id: int, message: Json) -> bool:
        """In a group with privacy mode on, the bot gets commands, mentions of it and replies to it only.

        As an admin it gets everything (Bot features, privacy mode).
        """
        world = self._world
        if chat_id in world.users:
            return True
        if not world.groups[chat_id].has_bot:
            return False
        text = str(message.get("text") or message.get("caption") or "")
        name = world.bot["username"].lower()
        to_bot = message.get("reply_to_message", {}).get("from", {}).get("id") == world.bot["id"]
        other_bot = re.match(r"/\w+@(\w+)", text)
        command = text.startswith("/") and (not other_bot or other_bot[1].lower() == name)
        return not world.privacy or world.groups[chat_id].manages or to_bot or f"@{name}" in text.lower() or command


def _entities(text: str) -> list[Json]:
    return [
        {"type": match.lastgroup, "offset": _utf16(text[: match.start()]), "length": _utf16(match[0])}
        for match in _ENTITY.finditer(text)
    ]


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
