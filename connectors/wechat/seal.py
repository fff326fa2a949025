"""Opens what WeChat posts to the callback: signature, age, cipher (if any) and form, in that order; seals replies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
from collections.abc import Mapping
from datetime import datetime
from xml.parsers.expat import ExpatError

from wechatpy.crypto import WeChatCrypto  # type: ignore[import-untyped]
from wechatpy.exceptions import InvalidAppIdException  # type: ignore[import-untyped]
from wechatpy.messages import BaseMessage  # type: ignore[import-untyped]
from wechatpy.parser import parse_message  # type: ignore[import-untyped]
from wechatpy.replies import ImageReply, TextReply  # type: ignore[import-untyped]

from bot.errors import BadCallback, SettingsError

MAX_AGE_S = 300
MAX_ECHO_CHARS = 256

# Base64 between the tags and nothing else: found without an XML parser, so nothing unsigned is ever parsed.
_ENCRYPTED = re.compile(rb"<Encrypt>\s{0,8}(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?\s{0,8}</Encrypt>")
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class RefusedCallback(BadCallback):
    """A WeChat callback was refused. Compare token, key and app id here with the account's settings page.

    Attributes:
        reason: one word for the metric.
        status: the HTTP status to answer with.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(f"WeChat callback refused: {reason}")
        self.reason = reason
        self.status = status


class Seal:
    """The secrets shared with WeChat for one account: "safe mode", or plain text for a test account alone."""

    def __init__(self, app_id: str, token: str, aes_key: str, test_account: bool = False) -> None:
        """Check and keep the secrets.

        Args:
            aes_key: the EncodingAESKey, 43 characters of base64; empty for a test account.
            test_account: take plain text, and nothing else. Its signature does not cover the message.

        Raises:
            SettingsError: a secret is empty (an empty token makes signatures forgeable), the key is malformed, or a
                test account has a key.
        """
        if not app_id or not token:
            raise SettingsError(
                "WeChat: app_id and token must not be empty. Copy them from the account's settings page."
            )
        if test_account and aes_key:
            raise SettingsError("WeChat: a test account has no aes_key. Remove aes_key or test_account.")
        if not test_account and (not _AES_KEY.fullmatch(aes_key) or len(base64.b64decode(aes_key + "=")) != 32):
            raise SettingsError("WeChat: aes_key must be the 43 characters of the EncodingAESKey.")
        self._token = token
        self._crypto = None if test_account else WeChatCrypto(token, aes_key, app_id)

    def echo(self, query: Mapping[str, str], now: datetime) -> str:
        """Return the `echostr` of a verification request (WeChat: 接入概述 / Access Overview).

        Raises:
            RefusedCallback: the signature is wrong or too old, or there is no echostr.
        """
        self._check(query.get("signature", ""), query, now)
        echo = query.get("echostr", "")
        if not 0 < len(echo) <= MAX_ECHO_CHARS:
            raise RefusedCallback("form", 400)
        return echo

    def open(self, query: Mapping[str, str], body: bytes, now: datetime) -> BaseMessage:
        """Return the parsed message of a callback.

        Raises:
            RefusedCallback: anything about it is wrong; nothing else is raised, whatever the bytes are.
        """
        xml = self._unsealed(self._crypto, query, body, now) if self._crypto else self._plain(query, body, now)
        try:
            message = parse_message(xml)
        except (ExpatError, KeyError, TypeError, AttributeError, ValueError) as fault:
            raise RefusedCallback("form", 400) from fault
        if not isinstance(message, BaseMessage):
            raise RefusedCallback("form", 400)
        return message

    def reply(self, message: BaseMessage, text: str, media_id: str, now: datetime) -> str:
        """Return the body that answers `message` (WeChat: 被动回复用户消息 / Passive Replies)."""
        sides = {"source": _safe(message.target), "target": _safe(message.source), "time": int(now.timestamp())}
        if media_id:
            xml = ImageReply(image=_safe(media_id), **sides).render()
        else:
            xml = TextReply(content=_safe(text), **sides).render()
        if self._crypto is None:
            return str(xml)
        return str(self._crypto.encrypt_message(xml, secrets.token_hex(8), str(int(now.timestamp()))))

    def _plain(self, query: Mapping[str, str], body: bytes, now: datetime) -> bytes:
        """Return the body of a test account's callback (WeChat: 接收普通消息 / Receiving Messages)."""
        self._check(query.get("signature", ""), query, now)
        if query.get("encrypt_type", "raw") != "raw":
            raise RefusedCallback("form", 400)
        return body

    def _unsealed(self, crypto: WeChatCrypto, query: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Return what an encrypted callback holds (WeChat: 消息加解密说明 / Message Encryption)."""
        found = _ENCRYPTED.search(body)
        if found is None:
            raise RefusedCallback("form", 400)
        encrypted = found.group(1).decode("ascii")
        signature = query.get("msg_signature", "")
        self._check(signature, query, now, encrypted)
        return _decrypt(crypto, encrypted, signature, query)

    def _check(self, signature: str, query: Mapping[str, str], now: datetime, *signed: str) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        parts = sorted(part.encode("utf-8", "replace") for part in (self._token, timestamp, nonce, *signed))
        expected = hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 (the platform's choice)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise RefusedCallback("signature", 403)
        if not re.fullmatch(r"[0-9]{1,11}", timestamp):
            raise RefusedCallback("form", 400)
        if abs(now.timestamp() - int(timestamp)) > MAX_AGE_S:
            raise RefusedCallback("stale", 403)


def _safe(text: str) -> str:
    """Return `text` so that it stays inside its element: wechatpy writes it into CDATA as it is."""
    return _NOT_IN_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>")


def _decrypt(crypto: WeChatCrypto, encrypted: str, signature: str, query: Mapping[str, str]) -> str:
    try:
        xml: str = crypto.decrypt_message(
            {"Encrypt": encrypted}, signature, query.get("timestamp", ""), query.get("nonce", "")
        )
    except InvalidAppIdException as fault:
        raise RefusedCallback("app_id", 403) from fault
    except (ValueError, TypeError, IndexError, struct.error) as fault:
        raise RefusedCallback("cipher", 400) from fault
    return xml
