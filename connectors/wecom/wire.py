"""Between the messages of 微信客服 and ours. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.errors import BadCallback
from bot.messages import Chat, Event, Grant, Inbound, Media, Outbound, Report, SendStatus
from bot.storable import storable
from connectors.wechat.texts import numbered, split
from connectors.wecom.answers import FAILURES

CUSTOMER, SYSTEM = 3, 4
"""Values of `origin`; 5 is the staff in WeCom (WeCom: 微信客服 接收消息和事件 / Receiving Messages)."""

MAX_CHOICE_CHARS = 64
MAX_ID_CHARS = 128

_MEDIA = frozenset({"image", "voice", "video", "file"})
_CAPTIONS = {"location": "name", "link": "title", "miniprogram": "title"}


@dataclass(frozen=True, slots=True)
class Welcome:
    """The right to answer, once, a customer who opened the chat."""

    user: str
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What one item of `kf/sync_msg` means for us: at most one of these is set."""

    inbound: Inbound | None = None
    report: Report | None = None
    welcome: Welcome | None = None


def said(channel: str, open_kfid: str, item: Mapping[str, Any], grants: Mapping[str, Grant]) -> Said:
    """Return what `item` of `kf/sync_msg` says.

    Raises:
        BadCallback: a field is missing or is not what the platform documents.
    """
    if item.get("origin") == CUSTOMER:
        return Said(inbound=_from_customer(channel, open_kfid, item, grants["said"]))
    if item.get("origin") == SYSTEM and item.get("msgtype") == "event":
        return _from_event(channel, open_kfid, item)
    return Said()


def _from_customer(channel: str, open_kfid: str, item: Mapping[str, Any], grant: Grant) -> Inbound:
    kind = _text(item, "msgtype")
    given = item.get(kind)
    fields: Mapping[str, Any] = given if isinstance(given, dict) else {}
    user = _id(item, "external_userid")
    media = Media(kind, ref=_text(fields, "media_id")) if kind in _MEDIA else None
    if kind == "text":
        if not isinstance(content := fields.get("content"), str):
            raise BadCallback
        text = storable(content)
    else:
        text = storable(str(fields.get(_CAPTIONS.get(kind, ""), "")))
    tapped = storable(str(fields.get("menu_id", "")))
    return Inbound(
        key=f"kf:{open_kfid}:{_id(item, 'msgid')}",
        chat=Chat(channel, user),
        user=user,
        sent_at=_sent_at(item),
        text=text,
        event=None if kind == "text" else Event.MEDIA,
        choice=tapped if 0 < len(tapped) <= MAX_CHOICE_CHARS else None,  # ours are short; the text has the label
        grants=(grant,),
        media=media,
    )


def _from_event(channel: str, open_kfid: str, item: Mapping[str, Any]) -> Said:
    event = item.get("event")
    if not isinstance(event, dict):
        raise BadCallback
    name = event.get("event_type")
    if name == "msg_send_fail":
        kind = event.get("fail_type")
        status = FAILURES.get(kind, SendStatus.REFUSED) if isinstance(kind, int) else SendStatus.REFUSED
        sent = _text(event, "fail_msgid").rpartition("_")[0]
        return Said(report=Report(channel, sent, status, storable(f"wecom fail_type {kind}")))
    if name != "enter_session":
        return Said()
    user = _id(event, "external_userid")
    entered = Inbound(
        key=f"kf:{open_kfid}:{_id(item, 'msgid')}",
        chat=Chat(channel, user),
        user=user,
        sent_at=_sent_at(item),
        event=Event.STARTED,
        payload=storable(str(event.get("scene_param") or event.get("scene") or "")),
    )
    code = event.get("welcome_code")
    return Said(inbound=entered, welcome=Welcome(user, code, entered.sent_at) if isinstance(code, str) else None)


def texts(message: Outbound, max_bytes: int) -> list[str]:
    """Return the texts to send for `message`, in order; choices and the options of a poll as a numbered list."""
    labels = [choice.label for choice in message.choices] or list(message.poll)
    lines = [message.text, *numbered(labels)]
    return split("\n".join(line for line in lines if line), max_bytes)


def bodies(message: Outbound, limits: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what to send for the words of `message`: one menu where it fits, else texts.

    A tap on the menu counts as a message of the customer, unlike in an official account.
    """
    if _fits_menu(message, limits):
        taps = [{"type": "click", "click": {"id": c.token, "content": c.label}} for c in message.choices]
        return [{"msgtype": "msgmenu", "msgmenu": {"head_content": message.text, "list": taps}}]
    return [{"msgtype": "text", "text": {"content": text}} for text in texts(message, limits["text_bytes"])]


def _fits_menu(message: Outbound, limits: Mapping[str, int]) -> bool:
    return (
        0 < len(message.choices) <= min(3, limits["menu_items"])
        and len(message.text.encode()) <= limits["menu_text_bytes"]
        and all(len(choice.label.encode()) <= limits["menu_label_bytes"] for choice in message.choices)
        and all(len(choice.token.encode()) <= limits["menu_token_bytes"] for choice in message.choices)
    )


def message_id(outbound_id: str) -> str:
    """Return the id that stands for `outbound_id` at the platform: 28 characters, the same every time.

    A piece of the message has it with `_` and its number: at most 32 of `[0-9a-zA-Z_-]` (WeCom: 微信客服 发送消息 /
    Sending Messages).
    """
    return hashlib.sha256(outbound_id.encode()).hexdigest()[:28]


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not (kept := storable(value)):
        raise BadCallback
    return kept


def _id(fields: Mapping[str, Any], name: str) -> str:
    value = _text(fields, name)
    if len(value) > MAX_ID_CHARS:
        raise BadCallback
    return value


def _sent_at(item: Mapping[str, Any]) -> datetime:
    second = item.get("send_time")
    if not isinstance(second, int) or isinstance(second, bool) or not 0 <= second < 2**33:
        raise BadCallback
    return datetime.fromtimestamp(second, UTC)
