"""Opens what WeCom sends to the callback: signature, age, cipher and form, in that order. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Mapping
from datetime import datetime
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy.enterprise.crypto import WeChatCrypto  # type: ignore[import-untyped]
from wechatpy.enterprise.exceptions import InvalidCorpIdException  # type: ignore[import-untyped]

from bot.errors import BadCallback, SettingsError

MAX_AGE_S = 300

# Base64 between the tags and nothing else: found without an XML parser, so nothing unsigned is ever parsed.
_ENCRYPTED = re.compile(rb"<Encrypt>\s{0,8}(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?\s{0,8}</Encrypt>")
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


class RefusedCallback(BadCallback):
    """A WeCom callback was refused. Compare token, key and corp id here with the app's "receive messages" page.

    Attributes:
        reason: one word for the metric.
        status: the HTTP status to answer with.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(f"WeCom callback refused: {reason}")
        self.reason = reason
        self.status = status


class Seal:
    """The secrets shared with WeCom for one callback address; it is always encrypted."""

    def __init__(self, corp_id: str, token: str, aes_key: str) -> None:
        """Check and keep the secrets.

        Args:
            aes_key: the EncodingAESKey, 43 characters of base64.

        Raises:
            SettingsError: a secret is empty (an empty token makes signatures forgeable), or the key is malformed.
        """
        if not corp_id or not token:
            raise SettingsError("WeCom: corp_id and token must not be empty. Copy them from the admin console.")
        if not _AES_KEY.fullmatch(aes_key) or len(base64.b64decode(aes_key + "=")) != 32:
            raise SettingsError("WeCom: aes_key must be the 43 characters of the EncodingAESKey.")
        self._token = token
        self._crypto = WeChatCrypto(token, aes_key, corp_id)

    def echo(self, query: Mapping[str, str], now: datetime) -> str:
        """Return the text inside `echostr` (WeCom: 回调配置 / Callback Configuration).

        Raises:
            RefusedCallback: the signature is wrong or too old, or the text cannot be opened.
        """
        return self._opened(query, query.get("echostr", ""), now)

    def open(self, query: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
        """Return the flat fields of a callback's XML.

        Raises:
            RefusedCallback: anything about it is wrong; nothing else is raised, whatever the bytes are.
        """
        found = _ENCRYPTED.search(body)
        if found is None:
            raise RefusedCallback("form", 400)
        xml = self._opened(query, found.group(1).decode("ascii"), now)
        try:
            fields = xmltodict.parse(xml)["xml"]
        except (ExpatError, KeyError, TypeError, ValueError) as fault:
            raise RefusedCallback("form", 400) from fault
        if not isinstance(fields, dict):
            raise RefusedCallback("form", 400)
        return {name: value for name, value in fields.items() if isinstance(value, str)}

    def _opened(self, query: Mapping[str, str], sealed: str, now: datetime) -> str:
        self._check(query, sealed, now)
        signature, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        try:
            text: str = self._crypto.decrypt_message({"Encrypt": sealed}, signature, timestamp, nonce)
        except InvalidCorpIdException as fault:
            raise RefusedCallback("corp_id", 403) from fault
        except (ValueError, TypeError, IndexError, struct.error) as fault:
            raise RefusedCallback("cipher", 400) from fault
        return text

    def _check(self, query: Mapping[str, str], sealed: str, now: datetime) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        parts = sorted(part.encode("utf-8", "replace") for part in (self._token, timestamp, nonce, sealed))
        expected = hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 (the platform's choice)
        if not hmac.compare_digest(expected.encode(), query.get("msg_signature", "").encode("utf-8", "replace")):
            raise RefusedCallback("signature", 403)
        if not re.fullmatch(r"[0-9]{1,11}", timestamp):
            raise RefusedCallback("form", 400)
        if abs(now.timestamp() - int(timestamp)) > MAX_AGE_S:
            raise RefusedCallback("stale", 403)
