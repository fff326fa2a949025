"""Telegram's JSON to and from the words of `bot.messages`. Pure: no I/O, and no input makes it raise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.messages import Chat, ChatKind, Choice, Event, Inbound, Outbound

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""The kinds of update the shop asks for; Telegram leaves out the others."""

TEXT_LIMIT = 4096
"""Longest text of one message (Bot API, sendMessage). Counted here in UTF-16 units, the stricter reading."""

_MEDIA = (
    "photo",
    "video",
    "animation",
    "audio",
    "voice",
    "video_note",
    "document",
    "sticker",
    "paid_media",
    "story",
    "location",
    "venue",
    "contact",
    "poll",
)
_CHAT_KINDS = {"private": ChatKind.PRIVATE, "group": ChatKind.GROUP, "supergroup": ChatKind.GROUP}
_GONE = ("left", "kicked")
_START = re.compile(r"/start(?:\s+(\S.*))?\s*", re.DOTALL)
_SENTENCE_END = re.compile(r"[。！？；!?…;]+[”’」』\"')）]*|\.(?=\s)|\n")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Account:
    """The bot as Telegram knows it.

    Attributes:
        bot_id: the number before the colon of the token.
        username: without `@`; empty while it is not known yet.
    """

    channel: str
    bot_id: str
    username: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One message to send, with its rows of buttons."""

    text: str
    rows: tuple[tuple[Choice, ...], ...] = ()


def update_id(update: object) -> int | None:
    """Return the number of an update, or None if this is not an update at all."""
    return _number(update, "update_id") if isinstance(update, dict) else None


def callback_id(update: object) -> str:
    """Return the id under which a tapped button waits for an answer, or an empty string."""
    return _text(_object(update, "callback_query"), "id")


def parse(update: object, account: Account, now: datetime) -> list[Inbound]:
    """Read one update of the Bot API.

    Args:
        update: the decoded JSON. Unknown kinds and fields are ignored.
        now: aware UTC; stands in where Telegram gives no time (taps).

    Returns:
        No or one inbound; its key is `tg:{bot_id}:{update_id}`.
    """
    number = update_id(update)
    if number is None:
        return []
    key = f"tg:{account.bot_id}:{number}"
    for kind, read in (("message", _message), ("edited_message", _message), ("callback_query", _tap)):
        if body := _object(update, kind):
            found = read(body, key, account, now)
            return [found] if found else []
    if body := _object(update, "my_chat_member"):
        found = _membership(body, key, account, now)
        return [found] if found else []
    return []


def parts(message: Outbound) -> list[Part]:
    """Cut a message into what Telegram takes: texts of at most 4,096, the buttons under the last."""
    texts = split(message.text)
    return [*(Part(text) for text in texts[:-1]), Part(texts[-1], _rows(message.choices))]


def split(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Cut `text` at sentence ends, else at spaces, else between characters, into pieces of `limit` UTF-16 units."""
    pieces, rest = [], text.strip()
    while (room := _fitting(rest, limit)) < len(rest):
        cut = _cut(rest, room)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest or not pieces else pieces


def _message(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    chat, sender = _chat(body, account), _sender(body)
    if chat is None or sender is None or body.get("is_automatic_forward") is True:
        return None
    text = _text(body, "text") or _text(body, "caption")
    if chat.kind is ChatKind.GROUP:
        text = _without_mention(text, account)
    event, payload = None, ""
    if any(body.get(kind) for kind in _MEDIA):
        event = Event.MEDIA
    elif start := _START.fullmatch(text):
        event, payload, text = Event.STARTED, (start[1] or "").strip(), ""
    elif not text:
        return None  # service messages: a pin, a new title, somebody joined
    return Inbound(
        key=key,
        chat=chat,
        user=str(_number(sender, "id")),
        sent_at=_time(body, "edit_date") or _time(body, "date") or now,
        text=text,
        name=_name(sender),
        language=_text(sender, "language_code") or None,
        event=event,
        payload=payload,
    )


def _tap(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    chat, sender, token = _chat(_object(body, "message"), account), _sender(body), _text(body, "data")
    if chat is None or sender is None or not token:
        return None
    return Inbound(
        key=key,
        chat=chat,
        user=str(_number(sender, "id")),
        sent_at=now,
        name=_name(sender),
        language=_text(sender, "language_code") or None,
        choice=token,
    )


def _membership(body: Mapping[str, Any], key: str, account: Account, now: datetime) -> Inbound | None:
    chat, sender = _chat(body, account), _object(body, "from")
    before, after = (_text(_object(body, name), "status") for name in ("old_chat_member", "new_chat_member"))
    if chat is None or _number(sender, "id") is None:
        return None
    if after in _GONE:
        event = Event.LEFT
    elif chat.kind is ChatKind.GROUP and after and before in ("", *_GONE):
        event = Event.JOINED
    else:
        return None  # a private unblock is followed by /start; a change of rights says nothing
    sent_at = _time(body, "date") or now
    return Inbound(key, chat, str(_number(sender, "id")), sent_at, name=_name(sender), event=event)


def _chat(body: Mapping[str, Any], account: Account) -> Chat | None:
    chat = _object(body, "chat")
    number, kind = _number(chat, "id"), _CHAT_KINDS.get(_text(chat, "type"))
    return None if number is None or kind is None else Chat(account.channel, str(number), kind)


def _sender(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return who wrote; other bots are left out so that two bots never talk to each other.

    An admin who hides the own name comes as a bot with `sender_chat`, and is heard.
    """
    sender = _object(body, "from")
    if _number(sender, "id") is None or (sender.get("is_bot") is True and not _object(body, "sender_chat")):
        return None
    return sender


def _without_mention(text: str, account: Account) -> str:
    if not account.username:
        return text
    return re.sub(rf"\s*@{re.escape(account.username)}\b", "", text, flags=re.IGNORECASE).strip() or text


def _name(sender: Mapping[str, Any]) -> str:
    return " ".join(part for part in (_text(sender, "first_name"), _text(sender, "last_name")) if part)


def _object(body: object, name: str) -> Mapping[str, Any]:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, dict) else {}


def _number(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    fits = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return value if fits else None


def _text(body: Mapping[str, Any], name: str) -> str:
    """Return a text that every database takes: no lone surrogates, no NUL."""
    value = body.get(name)
    return value.encode("utf-8", "replace").decode().replace("\0", "") if isinstance(value, str) else ""


def _time(body: Mapping[str, Any], name: str) -> datetime | None:
    seconds = _number(body, name)
    if not seconds or seconds < 0:
        return None  # 0 marks an inaccessible message
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _rows(choices: tuple[Choice, ...]) -> tuple[tuple[Choice, ...], ...]:
    """Lay buttons out so that labels stay readable on a phone: short ones share a row."""
    longest = max((len(choice.label) for choice in choices), default=0)
    width = 4 if longest <= 4 else 2 if longest <= 12 else 1
    return tuple(choices[start : start + width] for start in range(0, len(choices), width))


def _fitting(text: str, limit: int) -> int:
    """Return how many characters from the start take at most `limit` UTF-16 units."""
    units = 0
    for index, char in enumerate(text):
        units += 2 if ord(char) > 0xFFFF else 1
        if units > limit:
            return index
    return len(text)


def _cut(text: str, room: int) -> int:
    """Return where to cut within `room` characters: the last sentence end or space in the second half, else there."""
    for pattern in (_SENTENCE_END, _SPACE):
        best = 0
        for match in pattern.finditer(text, room // 2):
            if match.end() > room:
                break
            best = match.end()
        if best:
            return best
    cut = room
    while cut > max(1, room - 32) and _joined(text[cut - 1], text[cut]):
        cut -= 1
    return cut


def _joined(left: str, right: str) -> bool:
    """Whether a cut between the two would break one emoji or accented letter into pieces."""
    code = ord(right)
    return (
        left == "\u200d"
        or code in (0x200D, 0xFE0E, 0xFE0F)
        or 0x0300 <= code <= 0x036F
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or (0x1F1E6 <= code <= 0x1F1FF and 0x1F1E6 <= ord(left) <= 0x1F1FF)  # flags are pairs
    )
