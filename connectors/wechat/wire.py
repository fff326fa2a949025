"""What a callback says to the bot: wechatpy's messages in our words. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from wechatpy.messages import BaseMessage  # type: ignore[import-untyped]

from bot.errors import BadCallback
from bot.messages import Chat, Event, Grant, Inbound, Media
from connectors.wechat.account import Account
from connectors.wechat.notices import CHANGE, POPUP, credits_in, entries

MAX_CHOICE_CHARS = 64
MAX_OPENID_CHARS = 128
_MAX_DETAIL_CHARS = 64

_FILES = {"image": "image", "voice": "voice", "video": "video", "shortvideo": "video"}
_SHOWN = {"voice": "recognition", "miniprogrampage": "title"}
_MEDIA = {*_FILES, "location", "link", "miniprogrampage"}
_ENTER = "user_enter_tempsession"
_SCENE_EVENTS = {"subscribe_scan", "scan"}
_STARTS = {"subscribe", "subscribe_scan_product", _ENTER} | _SCENE_EVENTS
_KNOWN = {"unsubscribe", "click"} | _STARTS


def inbounds(account: Account, message: BaseMessage, grants: Mapping[str, Grant]) -> list[Inbound]:
    """Return what `message` says to the bot; an empty list for what means nothing to it.

    Args:
        grants: what the platform opens for an action, by `said` and `acted`.

    Raises:
        BadCallback: a field is missing or is not what the platform documents.
    """
    if message.type == "event":
        return _from_event(account, message, (grants["acted"],))
    if message.type == "text":
        # wechatpy 1.8 knows no bizmsgmenuid; its raw fields are in _data.
        tapped = _raw(message, "bizmsgmenuid")
        opened = grants["acted"] if tapped else grants["said"]
        said = _inbound(account, message, _message_key(account, message), (opened,))
        return [replace(said, text=_field(message, "content"), choice=_choice(tapped))]
    if message.type in _MEDIA:
        came = _inbound(account, message, _message_key(account, message), (grants["said"],))
        return [replace(came, text=_caption(message), event=Event.MEDIA, media=_media(message))]
    return []


def _from_event(account: Account, message: BaseMessage, acted: tuple[Grant, ...]) -> list[Inbound]:
    name: str = message.event
    if name in (POPUP, CHANGE):
        return _from_subscription(account, message)
    if name not in _KNOWN:
        return []
    raw_key = _raw(message, "SessionFrom" if name == _ENTER else "EventKey")
    key = _event_key(account, message, raw_key)
    if name == "unsubscribe":
        return [replace(_inbound(account, message, key, ()), event=Event.LEFT)]
    if name == "click":
        clicked = _inbound(account, message, key, acted)
        choice = _choice(raw_key)
        return [replace(clicked, choice=choice) if choice else replace(clicked, text=raw_key)]
    payload = raw_key if name in _SCENE_EVENTS or name == _ENTER else ""
    return [replace(_inbound(account, message, key, acted), event=Event.STARTED, payload=payload)]


def _choice(key: str) -> str | None:
    """Return the key of a button, None for one that is longer than ours: another program published it.

    A foreign key of a menu comes as `Inbound.text`; a tapped menu message has its label there already.
    """
    return key if 0 < len(key) <= MAX_CHOICE_CHARS else None


def _from_subscription(account: Account, message: BaseMessage) -> list[Inbound]:
    changed = credits_in(account, message)
    if not changed:
        return []
    templates = ",".join(str(entry.get("TemplateId")) for entry in entries(message))
    asked = _inbound(account, message, _event_key(account, message, templates), changed)
    return [replace(asked, event=Event.SUBSCRIBED)]


def _caption(message: BaseMessage) -> str:
    if message.type == "location":
        return _field(message, "label") or f"{_field(message, 'location_x')}, {_field(message, 'location_y')}"
    if message.type == "link":
        return f"{_field(message, 'title')}\n{_field(message, 'url')}".strip()
    return _field(message, _SHOWN[message.type]) if message.type in _SHOWN else ""


def _media(message: BaseMessage) -> Media | None:
    if message.type not in _FILES:
        return None
    media_id = _field(message, "media_id")
    return Media(_FILES[message.type], ref=media_id) if media_id else None


def _inbound(account: Account, message: BaseMessage, key: str, grants: tuple[Grant, ...]) -> Inbound:
    user = _field(message, "source")
    if not 0 < len(user) <= MAX_OPENID_CHARS:
        raise BadCallback
    return Inbound(key=key, chat=Chat(account.channel, user), user=user, sent_at=_sent_at(message), grants=grants)


def _message_key(account: Account, message: BaseMessage) -> str:
    number = _number(message, "id")
    if not 0 < number < 2**64:  # WeChat: 接收普通消息 / Receiving Messages: a 64-bit integer
        raise BadCallback
    return f"{account.key_prefix}:{number}"


def _event_key(account: Account, message: BaseMessage, detail: str) -> str:
    """Return the key of an event, which has no number (WeChat: 接收事件推送: by sender and second).

    A long detail (SessionFrom has up to 1,000 characters) stands in it by its SHA-256.
    """
    if len(detail) > _MAX_DETAIL_CHARS:
        detail = hashlib.sha256(detail.encode("utf-8", "replace")).hexdigest()
    return f"{account.key_prefix}:{_field(message, 'source')}:{_number(message, 'time')}:{message.event}:{detail}"


def _sent_at(message: BaseMessage) -> datetime:
    try:
        return datetime.fromtimestamp(_number(message, "time"), UTC)
    except (OverflowError, OSError, ValueError) as fault:
        raise BadCallback from fault


def _raw(message: BaseMessage, name: str) -> str:
    """Return a text that wechatpy has no name for, empty if absent."""
    value = message._data.get(name) or ""  # noqa: SLF001 (nothing public holds it)
    if not isinstance(value, str):
        raise BadCallback
    return value


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
