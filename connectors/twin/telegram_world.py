"""What the stand-in Telegram knows and forbids: users, groups, messages, rates. No I/O; from the Bot API's rules."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.clock import Clock

Json = dict[str, Any]

_DEFAULT_UPDATES = frozenset({"message", "edited_message", "callback_query", "my_chat_member"})
_ENTITY = re.compile(r"(?P<bot_command>(?<!\S)/\w+(?:@\w+)?)|(?P<mention>@\w{4,32})")


class Refused(Exception):
    """The platform says no: an HTTP status, a description as Telegram words it, and extra parameters."""

    def __init__(self, status: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


@dataclass(slots=True)
class User:
    id: int
    name: str
    started: bool = False
    blocked: bool = False


@dataclass(slots=True)
class Group:
    id: int
    title: str
    has_bot: bool = True
    moved_to: int | None = None


@dataclass(slots=True)
class Bucket:
    """Tokens that refill with time: `size` at once, `per_s` a second."""

    size: float
    per_s: float
    level: float
    at: datetime

    def wait_s(self, now: datetime) -> float:
        """Refill, then return how long until one may be taken; 0 means now."""
        self.level = min(self.size, self.level + (now - self.at).total_seconds() * self.per_s)
        self.at = now
        return 0.0 if self.level >= 1 else (1 - self.level) / self.per_s


@dataclass(slots=True)
class World:
    """One bot, its users and groups."""

    bot: Json
    clock: Clock
    users: dict[int, User]
    groups: dict[int, Group]
    privacy: bool = True
    allowed: frozenset[str] = _DEFAULT_UPDATES
    messages: dict[int, list[Json]] = field(default_factory=dict)
    pending: list[Json] = field(default_factory=list)
    history: dict[int, Json] = field(default_factory=dict)
    taps: dict[str, Json] = field(default_factory=dict)
    typing_at: dict[int, datetime] = field(default_factory=dict)
    _last_message: int = 0
    _last_update: int = 700_000_000
    _overall: Bucket | None = None
    _private: dict[int, Bucket] = field(default_factory=dict)
    _group: dict[int, deque[datetime]] = field(default_factory=dict)

    # What the bot does.

    def chat_for_bot(self, chat_id: int) -> Json:
        """Return the chat the bot may write to.

        Raises:
            Refused: 400 unknown chat or moved group, 403 not started, blocked or not a member.
        """
        if user := self.users.get(chat_id):
            if user.blocked:
                raise Refused(403, "Forbidden: bot was blocked by the user")
            if not user.started:
                raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
            return self.chat(chat_id)
        group = self.groups.get(chat_id)
        if group is None:
            raise Refused(400, "Bad Request: chat not found")
        if group.moved_to is not None:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, description, {"migrate_to_chat_id": group.moved_to})
        if not group.has_bot:
            raise Refused(403, "Forbidden: bot was kicked from the group chat")
        return self.chat(chat_id)

    def post(self, chat_id: int, body: Json) -> Json:
        """Store a message of the bot. Raises Refused like `chat_for_bot`, or 429 when it comes too fast."""
        chat = self.chat_for_bot(chat_id)
        self._take_rate(chat_id)
        self.typing_at.pop(chat_id, None)
        return self._store(chat, {k: self.bot[k] for k in ("id", "is_bot", "first_name", "username")}, body)

    def _take_rate(self, chat_id: int) -> None:
        now = self.clock.now()
        overall = self._overall = self._overall or Bucket(30, 30, 30, now)
        wait_s = overall.wait_s(now)
        private = None
        if chat_id in self.users:
            private = self._private.setdefault(chat_id, Bucket(5, 1, 5, now))
            wait_s = max(wait_s, private.wait_s(now))
        else:
            sent = self._group.setdefault(chat_id, deque())
            while sent and (now - sent[0]).total_seconds() >= 60:
                sent.popleft()
            if len(sent) >= 20:
                wait_s = max(wait_s, 60 - (now - sent[0]).total_seconds())
        if wait_s > 0:
            retry_s = max(1, math.ceil(wait_s))
            description = f"Too Many Requests: retry after {retry_s}"
            raise Refused(429, description, {"retry_after": retry_s})
        overall.level -= 1
        if private is not None:
            private.level -= 1
        else:
            self._group[chat_id].append(now)

    # What people do.

    def say(self, user: User, chat_id: int, text: str, photo: bool = False, reply_to: int | None = None) -> Json:
        """Let a user write; the first private message starts the bot, as pressing Start does."""
        if chat_id in self.users:
            if user.blocked:
                raise Refused(409, "the user has blocked the bot")
            user.started = True
        body: Json = {"photo": photo_sizes(), "caption": text} if photo else {"text": text}
        if entities := _entities(text):
            body["caption_entities" if photo else "entities"] = entities
        if reply_to is not None and (target := self.find(chat_id, reply_to)):
            body["reply_to_message"] = {k: v for k, v in target.items() if k != "reply_to_message"}
        message = self._store(self.chat(chat_id), self.person(user), body)
        if chat_id in self.users or self._bot_hears(chat_id, message, text):
            self.emit("message", message)
        return message

    def tap(self, user: User, chat_id: int, message: Json, data: str) -> str:
        """Let a user tap a button; return the id of the callback query."""
        query_id = str(4_000_000_000 + len(self.taps))
        query = {"id": query_id, "from": self.person(user), "chat_instance": str(chat_id), "data": data}
        self.taps[query_id] = {"user": user.id, "message_id": message["message_id"], "answered": False, "text": ""}
        self.emit("callback_query", {**query, "message": message})
        return query_id

    def set_blocked(self, user: User, blocked: bool) -> None:
        """Block or unblock the bot in the private chat."""
        if user.blocked != blocked:
            user.blocked = blocked
            self._emit_membership(user, user.id, "kicked" if blocked else "member", "member" if blocked else "kicked")

    def set_member(self, user: User, group: Group, member: bool) -> None:
        """Add the bot to a group or remove it."""
        if group.has_bot != member:
            group.has_bot = member
            self._emit_membership(user, group.id, "member" if member else "kicked", "left" if member else "member")

    def migrate(self, group: Group) -> Group:
        """Turn a group into a supergroup with a new id, and tell the bot."""
        moved = Group(-1_000_000_000_000 + group.id, group.title)
        self.groups[moved.id] = moved
        group.moved_to = moved.id
        someone = self.person(next(iter(self.users.values())))
        self.emit("message", self._store(self.chat(group.id), someone, {"migrate_to_chat_id": moved.id}))
        return moved

    # Shapes.

    def chat(self, chat_id: int) -> Json:
        """Return a chat as the Bot API writes it."""
        if user := self.users.get(chat_id):
            return {"id": chat_id, "type": "private", "first_name": user.name}
        kind = "supergroup" if chat_id < -1_000_000_000_000 else "group"
        return {"id": chat_id, "type": kind, "title": self.groups[chat_id].title}

    def person(self, user: User) -> Json:
        """Return a user as the Bot API writes it."""
        language = "zh-hans" if re.search(r"[\u4e00-\u9fff]", user.name) else "en"
        return {"id": user.id, "is_bot": False, "first_name": user.name, "language_code": language}

    def find(self, chat_id: int, message_id: int) -> Json | None:
        """Return a message of a chat, if it is there."""
        return next((m for m in self.messages.get(chat_id, ()) if m["message_id"] == message_id), None)

    def emit(self, kind: str, body: Json) -> None:
        """Queue an update, unless the bot did not ask for its kind."""
        if kind in self.allowed:
            self.inject({kind: body})

    def inject(self, update: Json) -> Json:
        """Queue any update; without `update_id` it gets the next one."""
        if not isinstance(update.get("update_id"), int):
            self._last_update += 1
            update = {"update_id": self._last_update, **{k: v for k, v in update.items() if k != "update_id"}}
        self.pending.append(update)
        self.history[update["update_id"]] = update
        return update

    def _store(self, chat: Json, sender: Json, body: Json) -> Json:
        self._last_message += 1
        message = {"message_id": self._last_message, "from": sender, "chat": chat, "date": self._seconds(), **body}
        self.messages.setdefault(chat["id"], []).append(message)
        return message

    def _emit_membership(self, user: User, chat_id: int, new: str, old: str) -> None:
        bot = {k: self.bot[k] for k in ("id", "is_bot", "first_name", "username")}

        def member(status: str) -> Json:
            return {"user": bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}

        body = {"chat": self.chat(chat_id), "from": self.person(user), "date": self._seconds()}
        self.emit("my_chat_member", {**body, "old_chat_member": member(old), "new_chat_member": member(new)})

    def _bot_hears(self, chat_id: int, message: Json, text: str) -> bool:
        """In a group with privacy mode on, the bot gets commands, mentions of it and replies to it only."""
        if not self.groups[chat_id].has_bot:
            return False
        to_bot = message.get("reply_to_message", {}).get("from", {}).get("id") == self.bot["id"]
        mentioned = f"@{self.bot['username']}".lower() in text.lower()
        other_bot = re.match(r"/\w+@(\w+)", text)
        command = text.startswith("/") and (not other_bot or other_bot[1].lower() == self.bot["username"].lower())
        return not self.privacy or to_bot or mentioned or command

    def _seconds(self) -> int:
        return int(self.clock.now().timestamp())


def build_world(
    token: str, username: str, users: Sequence[tuple[int, str]], groups: Sequence[tuple[int, str]], clock: Clock,
    privacy: bool,
) -> World:  # fmt: skip
    """Return a world in which nobody has started the bot yet and the bot is a member of every group."""
    bot = {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": username, "username": username}
    abilities = {"can_join_groups": True, "can_read_all_group_messages": not privacy, "supports_inline_queries": False}
    return World(
        bot={**bot, **abilities},
        clock=clock,
        users={number: User(number, name) for number, name in users},
        groups={number: Group(number, title) for number, title in groups},
        privacy=privacy,
    )


def chat_of(update: Json) -> int:
    """Return the chat an update belongs to, so that its updates can be delivered in order; 0 for none."""
    for body in update.values():
        if isinstance(body, dict):
            holder = body if "chat" in body else body.get("message")
            chat = holder.get("chat") if isinstance(holder, dict) else None
            if isinstance(chat, dict) and isinstance(chat.get("id"), int):
                return int(chat["id"])
    return 0


def photo_sizes() -> list[Json]:
    """Return the sizes of a photo; the twin keeps no picture."""
    return [{"file_id": "AgACtwin", "file_unique_id": "AQADtwin", "width": 640, "height": 480}]


def _entities(text: str) -> list[Json]:
    return [
        {"type": match.lastgroup, "offset": _utf16(text[: match.start()]), "length": _utf16(match[0])}
        for match in _ENTITY.finditer(text)
    ]


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
