"""What a message to a customer may hold (发送消息 of 微信客服): types and sizes, by the published page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.twin.wecom_answers import Refused
from connectors.twin.wecom_media import MediaShelf
from connectors.twin.wecom_people import Content

TEXT_BYTES = 2048
MENU_WORDS_BYTES = 1024
MENU_ITEMS = 10
ITEM_BYTES = 128
_FILES = ("image", "voice", "video", "file")
_CARDS = {"miniprogram": "title", "location": "name", "ca_link": "link_url"}


def read_content(body: Mapping[str, Any], media: MediaShelf, now: datetime) -> Content:
    """Return what `body` holds under its msgtype.

    Raises:
        Refused: 40007, 40008, 40058, 44004, 95008 or 95009.
    """
    kind = body.get("msgtype")
    part = body.get(kind) if isinstance(kind, str) else None
    if kind not in ("text", "msgmenu", "link", *_FILES, *_CARDS):
        raise Refused(40008, str(kind))
    if not isinstance(part, Mapping):
        raise Refused(40058, f"missing {kind}")
    if kind == "text":
        return Content("text", words(part.get("content"), TEXT_BYTES))
    if kind == "msgmenu":
        return _menu(part)
    if kind == "link":
        return _link(part, media, now)
    if kind in _FILES:
        media_id = str(part.get("media_id", ""))
        media.get(media_id, now, kind)
        return Content(kind, "", media_id=media_id)
    return Content(kind, words(part.get(_CARDS[kind]), TEXT_BYTES))


def words(value: object, max_bytes: int) -> str:
    """Return a text that is there and short enough.

    Raises:
        Refused: 44004 or 40058.
    """
    if not isinstance(value, str) or not value:
        raise Refused(44004)
    if len(value.encode(errors="replace")) > max_bytes:
        raise Refused(40058, f"exceed max length {max_bytes}")
    return value


def _menu(part: Mapping[str, Any]) -> Content:
    entries = part.get("list")
    if not isinstance(entries, list) or not entries:
        raise Refused(40058, "missing list")
    if len(entries) > MENU_ITEMS:
        raise Refused(95008)
    choices = tuple(_entry(entry) for entry in entries)
    ends = [words(part[end], MENU_WORDS_BYTES) for end in ("head_content", "tail_content") if part.get(end)]
    return Content("msgmenu", "\n".join(ends), choices)


def _entry(entry: object) -> tuple[str, str]:
    """Return the id and the words of a menu entry; only a `click` has an id."""
    kind = entry.get("type") if isinstance(entry, Mapping) else None
    if kind not in ("click", "view", "miniprogram", "text") or not isinstance(entry, Mapping):
        raise Refused(95009, str(kind))
    part = entry.get(kind)
    if not isinstance(part, Mapping):
        raise Refused(40058, f"missing {kind}")
    says = words(part.get("content"), ITEM_BYTES if kind == "click" else MENU_WORDS_BYTES)
    own_id = part.get("id", "") if kind == "click" else ""
    if not isinstance(own_id, str) or len(own_id.encode()) > ITEM_BYTES:
        raise Refused(40058, "id")
    return own_id, says


def _link(part: Mapping[str, Any], media: MediaShelf, now: datetime) -> Content:
    url = words(part.get("url"), TEXT_BYTES)
    media_id = str(part.get("thumb_media_id", ""))
    media.get(media_id, now, "image")
    return Content("link", words(part.get("title"), TEXT_BYTES), url=url, media_id=media_id)
