"""What the stand-in Telegram knows: the bot, users, groups, messages, and the updates that wait."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from connectors.twin.telegram_files import Files
from connectors.twin.telegram_rates import Rates

Json = dict[str, Any]
Method = Callable[[Json], Awaitable[object]]

# All kinds but chat_member and reactions (Bot API, setWebhook: allowed_updates).
_DEFAULT_UPDATES = frozenset(
    {"message", "edited_message", "callback_query", "my_chat_member", "poll", "poll_answer", "channel_post"}
)
_KEPT = timedelta(hours=24)  # Bot API, getting updates


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
    """A group. With `forum` it has topics, which the bot may look after if it `manages` them."""

    id: int
    title: str
    has_bot: bool = True
    moved_to: int | None = None
    forum: bool = False
    manages: bool = False
    admins: frozenset[int] = frozenset()
    topics: dict[int, Json] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """One bot, its users and groups.

    Attributes:
        pending: updates that the bot has not confirmed, in the order in which they are delivered.
        history: every update by its number, to repeat it.
        votes: options taken, by poll and user.
    """

    bot: Json
    clock: Clock
    users: dict[int, User]
    groups: dict[int, Group]
    privacy: bool
    allowed: frozenset[str] = _DEFAULT_UPDATES
    messages: dict[int, list[Json]] = field(default_factory=dict)
    pending: list[Json] = field(default_factory=list)
    history: dict[int, Json] = field(default_factory=dict)
    taps: dict[str, Json] = field(default_factory=dict)
    votes: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    typing_at: dict[int, datetime] = field(default_factory=dict)
    pinned: dict[int, int] = field(default_factory=dict)
    commands: list[Json] = field(default_factory=list)
    files: Files = field(default_factory=Files)
    rates: Rates = field(default_factory=Rates)
    _queued_at: dict[int, datetime] = field(default_factory=dict)
    _last_message: int = 0
    _last_update: int = 700_000_000

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
        if pause_s := self.rates.take(chat_id, chat_id in self.groups, self.clock.now()):
            raise Refused(429, f"Too Many Requests: retry after {pause_s}", {"retry_after": pause_s})
        self.typing_at.pop(chat_id, None)
        return self.store(chat, {k: self.bot[k] for k in ("id", "is_bot", "first_name", "username")}, body)

    def store(self, chat: Json, sender: Json, body: Json) -> Json:
        """Put a message into a chat."""
        self._last_message += 1
        message = {"message_id": self._last_message, "from": sender, "chat": chat, "date": self.seconds(), **body}
        self.messages.setdefault(chat["id"], []).append(message)
        return message

    def find(self, chat_id: int, message_id: int) -> Json | None:
        """Return a message of a chat, if it is there."""
        return next((m for m in self.messages.get(chat_id, ()) if m["message_id"] == message_id), None)

    def chat(self, chat_id: int) -> Json:
        """Return a chat as the Bot API writes it."""
        if user := self.users.get(chat_id):
            return {"id": chat_id, "type": "private", "first_name": user.name}
        kind = "supergroup" if chat_id < -1_000_000_000_000 else "group"
        group = self.groups[chat_id]
        return {"id": chat_id, "type": kind, "title": group.title, **({"is_forum": True} if group.forum else {})}

    def person(self, user: User) -> Json:
        """Return a user as the Bot API writes it."""
        language = "zh-hans" if re.search(r"[\u4e00-\u9fff]", user.name) else "en"
        return {"id": user.id, "is_bot": False, "first_name": user.name, "language_code": language}

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
        self._queued_at[update["update_id"]] = self.clock.now()
        return update

    def forget_old(self) -> None:
        """Drop updates that nobody took for 24 hours."""
        oldest = self.clock.now() - _KEPT
        self.pending[:] = [u for u in self.pending if self._queued_at[u["update_id"]] >= oldest]

    def seconds(self) -> int:
        return int(self.clock.now().timestamp())


def build_world(
    token: str, username: str, users: Sequence[tuple[int, str]], groups: Sequence[tuple[int, str]], clock: Clock,
    privacy: bool, forums: Sequence[tuple[int, str]] = (),
) -> World:  # fmt: skip
    """Return a world in which nobody has started the bot yet and the bot is a member of every group.

    In groups with topics it is an admin who manages them.
    """
    bot = {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": username, "username": username}
    abilities = {"can_join_groups": True, "can_read_all_group_messages": not privacy, "supports_inline_queries": False}
    return World(
        bot={**bot, **abilities},
        clock=clock,
        users={number: User(number, name) for number, name in users},
        groups={
            **{number: Group(number, title) for number, title in groups},
            **{number: Group(number, title, forum=True, manages=True) for number, title in forums},
        },
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
