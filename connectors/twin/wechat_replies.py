"""Passive replies: what the shop puts into its answer to a push (被动回复 / Passive User Reply Message). Pure."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from connectors.twin.wechat_account import Account
from connectors.twin.wechat_cipher import decrypt, from_xml, sign, tree_of
from connectors.twin.wechat_content import article_of, text_of
from connectors.twin.wechat_errors import Refused
from connectors.twin.wechat_follower import Content, Follower

TRANSFER = "transfer_customer_service"


def read_reply(account: Account, user: Follower, body: str) -> Content | None:
    """Return what a passive reply shows, None for one that shows nothing (empty, or `success`).

    Raises:
        ValueError: it is malformed; the platform shows the user a notice instead.
    """
    if body in ("", "success"):
        return None
    try:
        root = tree_of(_unsealed(account, body) if account.aes_key else body)
        if _text(root, "ToUserName") != user.openid:
            raise ValueError("for another user")
        return _content(account, root)
    except KeyError as missing:
        raise ValueError(f"no {missing}") from missing
    except Refused as refused:
        raise ValueError(str(refused)) from refused


def _content(account: Account, root: Element) -> Content:
    kind = _text(root, "MsgType")
    if kind == TRANSFER:
        return Content(TRANSFER, "")
    if kind == "text":
        return Content("text", text_of(_text(root, "Content")))
    if kind in ("image", "voice"):
        media_id = _text(root, f"{kind.capitalize()}/MediaId")
        account.file(media_id, account.clock.now(), kind)
        return Content(kind, "", {"media": media_id})
    if kind == "news":
        articles = [{part.tag.lower(): part.text or "" for part in item} for item in root.findall("Articles/item")]
        if _text(root, "ArticleCount") != str(len(articles)):
            raise ValueError("wrong ArticleCount")
        return article_of(articles)
    raise ValueError("unknown MsgType")


def _text(root: Element, path: str) -> str:
    found = root.find(path)
    if found is None:
        raise KeyError(path)
    return found.text or ""


def _unsealed(account: Account, body: str) -> str:
    """Return the text inside an encrypted reply.

    Raises:
        ValueError, KeyError: it is not one, or its signature is wrong.
    """
    outer = from_xml(body)
    if outer["MsgSignature"] != sign(account.token, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"]):
        raise ValueError("wrong signature")
    return decrypt(account.aes_key, account.app_id, outer["Encrypt"])
