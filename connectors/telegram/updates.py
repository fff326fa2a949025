"""Telegram's updates as the words of `bot.messages`. Pure: no I/O, and no input makes it raise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.messages import Chat, ChatKind, Event, Inbound, Media, Topic
from connectors.telegram.account import Account
from connectors.telegram.fields import a_list, a_number, a_text, a_time, an_object

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member", "poll_answer")
"""The kinds of update the shop asks for; Telegram leaves out the others."""

# A moving picture also has a `document`, so it stands before it.
_FILES = {
    "voice": "voice",
    "audio": "voice",
    "video": "video",
    "video_note": "video",
    "animation": "video",
    "document": "file",
    "sticker": "image",
}
_NO_FILE = ("sticker", "paid_media", "story", "location", "venue", "contact", "poll")
_CHAT_KINDS = {"private": ChatKind.PRIVATE, "group": ChatKind.GROUP, "supergroup": ChatKind.GROUP}
_GONE = ("left", "kicked")
Addressed = Literal["", "name", "reply"]
_START = re.compile(r"/start(?:\s+(\S.*))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Poll:
    """A vote that is on: where it is shown, and the `Outbound.id` of the message."""

    chat: Chat
    id: str


def update_id(update: object) -> int | None:
    """Return the number of an update, or None if this is not an update at all."""
    return a_number(update, "update_id")


def callback_id(update: object) -> str:
    """Return the id under which a tapped button waits for an answer, or an empty string."""
    return a_text(an_object(update, "callback_query"), "id")


def poll_id(update: object) -> str:
    """Return the poll that a customer voted in, or an empty string."""
    return a_text(an_object(update, "poll_answer"), "poll_id")


def parse(update: object, account: Account, now: datetime) -> Inbound | None:
    """Read one update of the Bot API; None if there is nothing for the shop in it. A vote is read by `vote`.

    Args:
        update: the decoded JSON. Unknown kinds and fields are ignored.
        now: aware UTC; stands in where Telegram gives no time (taps).

    Returns:
        Its key is `tg:{bot_id}:{update_id}`.
    """
    number = update_id(update)
    if number is None:
        return None
    key = f"tg:{account.bot_id}:{number}"
    readers = {"message": _message, "edited_message": _edited, "callback_query": _tap, "my_chat_member": _membership}
    for kind, read in readers.items():
        if body := an_object(update, kind):
            return read(body, key, account, now)
    return None


def vote(update: object, poll: Poll, account: Account, now: datetime) -> Inbound | None:
    """Read what a customer chose in `poll` (Bot API, PollAnswer); None for a voter that has no own account."""
    answer = an_object(update, "poll_answer")
    number, voter = update_id(update), an_object(answer, "user")
    if number is None or a_number(voter, "id") is None:
        return None
    taken = [option for option in a_list(answer, "option_ids") if isinstance(option, int)]
    return Inbound(
        key=f"tg:{account.bot_id}:{number}",
        chat=poll.chat,
        user=str(a_number(voter, "id")),
        sent_at=now,
        text=",".join(str(option) for option in sorted(taken)),
        name=_name(voter),
        language=a_text(voter, "language_code") or None,
        event=Event.VOTED,
        payload=poll.id,
    )


def _message(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    if a_number(body, "migrate_to_chat_id") is not None:
        return _moved(body, key, account, now)
    chat, sender = _chat(body, account), _sender(body)
    if chat is None or sender is None or body.get("is_automatic_forward") is True:
        return None
    if came_or_went := _members(body, key, chat, sender, now):
        return came_or_went
    text, media = _said(body, chat, account), _media(body)
    event, payload = None, ""
    is_customers = chat.kind is not ChatKind.STAFF
    if media is not None or any(body.get(kind) for kind in _NO_FILE):
        event = Event.MEDIA
    elif is_customers and (start := _START.fullmatch(text)):
        event, payload, text = Event.STARTED, (start[1] or "").strip(), ""
    elif not text:
        return None  # service messages: a pin, a new title
    return Inbound(
        key=key,
        chat=chat,
        user=_user(sender, chat),
        sent_at=a_time(body, "date") or now,
        text=text,
        name=_name(sender),
        language=a_text(sender, "language_code") or None,
        event=event,
        payload=payload,
        media=media,
        topic=_topic(body, chat),
        addressed=_addressed(body, chat, account),
    )


def _members(body: Mapping[str, Any], key: str, chat: Chat, sender: Mapping[str, Any], now: datetime) -> Inbound | None:
    """Read who came into a group or left it (Bot API, Message.new_chat_members, left_chat_member); bots do not count.

    These messages come to every bot in the group, whatever its privacy mode.
    """
    if chat.kind is not ChatKind.GROUP:
        return None
    left = an_object(body, "left_chat_member")
    people = [one for one in (left, *a_list(body, "new_chat_members")) if isinstance(one, dict)]
    ids = [str(a_number(one, "id")) for one in people if one.get("is_bot") is not True and a_number(one, "id")]
    if not ids:
        return None
    return Inbound(
        key=key,
        chat=chat,
        user=_user(sender, chat),
        sent_at=a_time(body, "date") or now,
        name=_name(sender),
        language=a_text(sender, "language_code") or None,
        event=Event.DEPARTED if left else Event.ARRIVED,
        payload=",".join(ids),
    )


def _edited(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    chat, sender = _chat(body, account), _sender(body)
    text = _said(body, chat, account) if chat else ""
    if chat is None or sender is None or not text:
        return None  # without words: a live location that moves
    return Inbound(
        key=key,
        chat=chat,
        user=_user(sender, chat),
        sent_at=a_time(body, "edit_date") or a_time(body, "date") or now,
        text=text,
        name=_name(sender),
        language=a_text(sender, "language_code") or None,
        event=Event.EDITED,
        topic=_topic(body, chat),
    )


def _moved(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    """Read that a group has another id now (Bot API, Message.migrate_to_chat_id), whoever caused it."""
    chat, sender = _chat(body, account), an_object(body, "from")
    if chat is None:
        return None
    new = str(a_number(body, "migrate_to_chat_id"))
    user = str(a_number(sender, "id") or chat.id)
    return Inbound(key, chat, user, a_time(body, "date") or now, name=_name(sender), event=Event.MOVED, payload=new)


def _tap(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    chat, sender, token = _chat(an_object(body, "message"), account), _sender(body), a_text(body, "data")
    if chat is None or sender is None or not token:
        return None
    return Inbound(
        key=key,
        chat=chat,
        user=str(a_number(sender, "id")),
        sent_at=now,
        name=_name(sender),
        language=a_text(sender, "language_code") or None,
        choice=token,
    )


def _membership(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    chat, sender = _chat(body, account), an_object(body, "from")
    before, after = (a_text(an_object(body, name), "status") for name in ("old_chat_member", "new_chat_member"))
    if chat is None or a_number(sender, "id") is None:
        return None
    if after in _GONE:
        event = Event.LEFT
    elif chat.kind is not ChatKind.PRIVATE and after and before in ("", *_GONE):
        event = Event.JOINED
    else:
        return None  # a private unblock is followed by /start; a change of rights says nothing
    sent_at = a_time(body, "date") or now
    return Inbound(key, chat, str(a_number(sender, "id")), sent_at, name=_name(sender), event=event)


def _media(body: Mapping[str, Any]) -> Media | None:
    """Return the file of a message; of a photo its largest size, which is the last (Bot API, Message.photo)."""
    sizes = [ref for size in a_list(body, "photo") if isinstance(size, dict) and (ref := a_text(size, "file_id"))]
    if sizes:
        return Media("image", sizes[-1])
    for name, kind in _FILES.items():
        file = an_object(body, name)
        ref = a_text(file, "file_id")
        if not ref or file.get("is_animated") is True or file.get("is_video") is True:
            continue
        is_picture = name == "document" and a_text(file, "mime_type").startswith("image/")
        return Media("image" if is_picture else kind, ref)
    return None


def _chat(body: Mapping[str, Any], account: Account) -> Chat | None:
    chat = an_object(body, "chat")
    number, kind = a_number(chat, "id"), _CHAT_KINDS.get(a_text(chat, "type"))
    if number is None or kind is None:
        return None
    is_staff = str(number) == account.staff_group
    return Chat(account.channel, str(number), ChatKind.STAFF if is_staff else kind)


def _topic(body: Mapping[str, Any], chat: Chat) -> Topic | None:
    """Return where in a group something was said.

    Without topics a reply has a `message_thread_id` too, but no `is_topic_message` (Bot API, Message).
    """
    if chat.kind is ChatKind.PRIVATE:
        return None
    thread = a_number(body, "message_thread_id") if body.get("is_topic_message") is True else None
    return Topic(str(thread or ""), str(a_number(body, "message_id") or ""))


def _sender(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return who wrote; other bots are left out so that two bots never talk to each other.

    An admin who hides the own name comes as a bot with `sender_chat`, and is heard.
    """
    sender = an_object(body, "from")
    if a_number(sender, "id") is None or (sender.get("is_bot") is True and not an_object(body, "sender_chat")):
        return None
    return sender


def _user(sender: Mapping[str, Any], chat: Chat) -> str:
    """Return the sender's id; empty for an anonymous admin of the staff: all of them have one id."""
    is_anyone = chat.kind is ChatKind.STAFF and sender.get("is_bot") is True
    return "" if is_anyone else str(a_number(sender, "id"))


def _said(body: Mapping[str, Any], chat: Chat, account: Account) -> str:
    """Return text or caption; in a group without the mention that only makes the bot listen."""
    text = a_text(body, "text") or a_text(body, "caption")
    if chat.kind is ChatKind.PRIVATE or not account.username:
        return text
    return re.sub(rf"\s*@{re.escape(account.username)}\b", "", text, flags=re.IGNORECASE).strip() or text


def _addressed(body: Mapping[str, Any], chat: Chat, account: Account) -> Addressed:
    """Tell how a group's message speaks to the bot: by its name, also in a command, or as a reply to it."""
    if chat.kind is not ChatKind.GROUP:
        return ""
    text = a_text(body, "text") or a_text(body, "caption")
    if account.username and re.search(rf"@{re.escape(account.username)}\b", text, flags=re.IGNORECASE):
        return "name"
    answered = an_object(an_object(body, "reply_to_message"), "from")
    return "reply" if str(a_number(answered, "id")) == account.bot_id else ""


def _name(sender: Mapping[str, Any]) -> str:
    return " ".join(part for part in (a_text(sender, "first_name"), a_text(sender, "last_name")) if part)
