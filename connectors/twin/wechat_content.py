"""Customer messages as the shop sends them (发送客服消息 / Send Customer Service Messages). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.twin.wechat_account import Account
from connectors.twin.wechat_errors import Refused
from connectors.twin.wechat_follower import Content

MAX_TEXT_BYTES = 2048


def read_content(account: Account, body: Mapping[str, Any], types: frozenset[str], now: datetime) -> Content:
    """Return what a message shows.

    Args:
        types: message types that are allowed here.

    Raises:
        Refused: 40008 for another type, or what is wrong inside.
    """
    kind = body.get("msgtype")
    if not isinstance(kind, str) or kind not in types:
        raise Refused(40008)
    part = body.get(kind)
    if not isinstance(part, dict):
        raise Refused(44004 if kind == "text" else 47001)
    if kind == "text":
        return Content("text", text_of(part.get("content")))
    if kind in ("image", "voice"):
        account.file(part.get("media_id"), now, kind)
        return Content(kind, "", {"media": part["media_id"]})
    if kind == "news":
        return article_of(part.get("articles"))
    if kind == "msgmenu":
        return _menu(part)
    if kind == "miniprogrampage":
        account.file(part.get("thumb_media_id"), now)
        return Content(kind, _words(part, "title"), {"url": _words(part, "pagepath"), "app": part.get("appid", "")})
    return Content(kind, _words(part, "title"), {"url": _words(part, "url"), "about": part.get("description", "")})


def text_of(content: object) -> str:
    """Return a text.

    Raises:
        Refused: 44004 if empty, 45002 over 2,048 bytes.
    """
    if not isinstance(content, str) or not content:
        raise Refused(44004)
    if len(content.encode()) > MAX_TEXT_BYTES:
        raise Refused(45002)
    return content


def article_of(articles: object) -> Content:
    """Return the one article that a news message may have.

    Raises:
        Refused: 44003 for none, 45008 for more.
    """
    if not isinstance(articles, list) or not articles or not isinstance(articles[0], dict):
        raise Refused(44003)
    if len(articles) > 1:
        raise Refused(45008)
    (article,) = articles
    details = {"about": article.get("description", ""), "url": article.get("url", ""), "picture": article.get("picurl")}
    return Content("news", _words(article, "title"), details)


def _menu(part: Mapping[str, Any]) -> Content:
    items = part.get("list")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refused(47001)
    choices = [{"id": str(item.get("id", "")), "label": _words(item, "content")} for item in items]
    head = part.get("head_content", "")
    return Content("msgmenu", str(head), {"items": choices, "tail": part.get("tail_content", "")})


def _words(part: Mapping[str, Any], name: str) -> str:
    words = part.get(name)
    if not isinstance(words, str) or not words:
        raise Refused(47001)
    return words
