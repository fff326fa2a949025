"""Between wechatpy's messages and ours. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from wechatpy.messages import BaseMessage  # type: ignore[import-untyped]

from bot.errors import BadCallback
from bot.messages import Chat, Event, Grant, Inbound, Outbound

MAX_BYTES = 2048
"""WeChat: custom/send, longest text. Counted in bytes of UTF-8, not characters (error 45002)."""

SAID = (Grant(count=5, window_s=48 * 3600),)
ACTED = (Grant(count=3, window_s=60),)
"""WeChat: 客服消息 / Customer Service Messages: what a message and what a follow, scan or menu click opens."""

_MEDIA = {"image", "voice", "video", "shortvideo", "location", "link", "miniprogrampage"}
_CAPTION = {"voice": "recognition", "location": "label", "link": "title", "miniprogrampage": "title"}
_SCENE_EVENTS = {"subscribe_scan", "scan"}
_KNOWN_EVENTS = {"subscribe", "subscribe_scan_product", "unsubscribe", "click"} | _SCENE_EVENTS

_SENTENCE_END = re.compile(r"""[。！？；…!?]+[”’」』）"')]*\s*|(?<!\d)\.["')]*\s+|\n+""")
_JOINERS = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3"}


def inbounds(channel: str, app_id: str, message: BaseMessage) -> list[Inbound]:
    """Return what `message` says to the bot; an empty list for events that mean nothing to it.

    Raises:
        BadCallback: a field is missing or is not what the platform documents.
    """
    if message.type == "event":
        return _from_event(channel, app_id, message)
    if message.type == "text":
        return [_from_text(channel, app_id, message)]
    if message.type in _MEDIA:
        caption = _field(message, _CAPTION[message.type]) if message.type in _CAPTION else ""
        return [_inbound(channel, message, _message_key(app_id, message), SAID, text=caption, event=Event.MEDIA)]
    return []


def texts(message: Outbound, max_bytes: int = MAX_BYTES) -> list[str]:
    """Return the texts to send for `message`, in order, each at most `max_bytes` long.

    Choices become a numbered list: a tapped menu would open a window of one minute only, a typed number opens
    the full one.
    """
    listed = [f"{number}. {choice.label}" for number, choice in enumerate(message.choices, start=1)]
    return split("\n".join([message.text, *listed]) if message.text else "\n".join(listed), max_bytes)


def split(text: str, max_bytes: int) -> list[str]:
    """Cut `text` into pieces of at most `max_bytes` bytes, at sentence ends where there are any."""
    pieces = []
    rest = text.strip()
    while len(rest.encode()) > max_bytes:
        cut = _cut(rest, max_bytes)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [piece for piece in [*pieces, rest] if piece]


def _cut(text: str, max_bytes: int) -> int:
    """Return the index of the last good place to cut within `max_bytes`."""
    room = len(text.encode()[:max_bytes].decode("utf-8", "ignore"))
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, room)]
    if ends:
        return ends[-1]
    blank = max(text.rfind(" ", 0, room), text.rfind("，", 0, room) + 1)
    if blank > 0:
        return blank
    return _whole_character(text, room)


def _whole_character(text: str, index: int) -> int:
    """Move `index` back so that no accent, flag half or joined emoji is torn from what it belongs to."""
    for cut in range(index, max(0, index - 32), -1):
        after, before = text[cut], text[cut - 1]
        glued = after in _JOINERS or unicodedata.combining(after) or "\U0001f3fb" <= after <= "\U0001f3ff"
        flags = "\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff"
        if not glued and not flags and before != "\u200d":
            return cut
    return index


def _from_text(channel: str, app_id: str, message: BaseMessage) -> Inbound:
    # wechatpy 1.8 knows no bizmsgmenuid; its raw fields are in _data.
    tapped = message._data.get("bizmsgmenuid")  # noqa: SLF001 (nothing public holds it)
    if tapped is not None and not isinstance(tapped, str):
        raise BadCallback
    grants = ACTED if tapped else SAID
    text = _field(message, "content")
    return _inbound(channel, message, _message_key(app_id, message), grants, text=text, choice=tapped or None)


def _from_event(channel: str, app_id: str, message: BaseMessage) -> list[Inbound]:
    name: str = message.event
    if name not in _KNOWN_EVENTS:
        return []
    raw_key = message._data.get("EventKey") or ""  # noqa: SLF001 (nothing public holds it)
    if not isinstance(raw_key, str):
        raise BadCallback
    key = f"oa:{app_id}:{_field(message, 'source')}:{_number(message, 'time')}:{name}:{raw_key}"
    if name == "unsubscribe":
        return [_inbound(channel, message, key, (), event=Event.LEFT)]
    if name == "click":
        return [_inbound(channel, message, key, ACTED, choice=raw_key or None)]
    payload = raw_key if name in _SCENE_EVENTS else ""
    return [_inbound(channel, message, key, ACTED, event=Event.STARTED, payload=payload)]


def _inbound(
    channel: str,
    message: BaseMessage,
    key: str,
    grants: tuple[Grant, ...],
    *,
    text: str = "",
    event: Event | None = None,
    payload: str = "",
    choice: str | None = None,
) -> Inbound:
    user = _field(message, "source")
    if not user:
        raise BadCallback
    return Inbound(
        key=key,
        chat=Chat(channel, user),
        user=user,
        sent_at=_sent_at(message),
        text=text,
        event=event,
        payload=payload,
        choice=choice,
        grants=grants,
    )


def _message_key(app_id: str, message: BaseMessage) -> str:
    number = _number(message, "id")
    if number <= 0:
        raise BadCallback
    return f"oa:{app_id}:{number}"


def _sent_at(message: BaseMessage) -> datetime:
    try:
        return datetime.fromtimestamp(_number(message, "time"), UTC)
    except (OverflowError, OSError, ValueError) as fault:
        raise BadCallback from fault


def _field(message: BaseMessage, name: str) -> str:
    """Return a text field, empty if absent. A repeated or nested element comes as list or dict: refused."""
    value = getattr(message, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadCallback
    return value


def _number(message: BaseMessage, name: str) -> int:
    try:
        value = getattr(message, name)
    except ValueError as fault:
        raise BadCallback from fault
    if not isinstance(value, int):
        raise BadCallback
    return value
