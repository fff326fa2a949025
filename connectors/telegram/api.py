"""Calls of the Bot API and downloads. Of python-telegram-bot only the transport and the errors are used."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from telegram import Bot, InputFile
from telegram.error import BadRequest, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot.errors import ZhangguiError
from bot.messages import File
from connectors.telegram.account import LOOPBACK
from connectors.telegram.fields import a_number, a_text

# RetryAfter.retry_after as a timedelta, which becomes the only form.
os.environ.setdefault("PTB_TIMEDELTA", "1")
# httpx logs every address at INFO, and a Bot API address holds the token.
logging.getLogger("httpx").setLevel(logging.WARNING)
# The library logs answers that it cannot read, and they hold what was written.
logging.getLogger("telegram").setLevel(logging.CRITICAL)

_MIME = MimeTypes()
_MIME.add_type("audio/ogg", ".oga")


class FileNotFetched(ZhangguiError, OSError):
    """Telegram did not hand out the file now. It is worth trying again."""

    code = "file"


class Api:
    """The Bot API for one bot.

    Args:
        base: address without the path.
        timeout_s: how long Telegram may take for an answer.
    """

    def __init__(self, token: str, base: str, timeout_s: float) -> None:
        self._files = f"{base.rstrip('/')}/file/bot{token}"
        self._timeout_s = timeout_s
        direct = {"trust_env": False} if urlsplit(base).hostname in LOOPBACK else {}
        self._request = HTTPXRequest(read_timeout=timeout_s, httpx_kwargs=direct)
        self._bot = Bot(
            token, base_url=f"{base.rstrip('/')}/bot", request=self._request, get_updates_request=self._request
        )

    async def call(self, method: str, fields: Mapping[str, Any] | None = None, wait_s: float = 0.0) -> Any:
        """Call one method and return its raw result: fields that are new or left out do not break it.

        Args:
            method: begins with a capital, e.g. `SendMessage`. Methods are case-insensitive (Bot API, making
                requests), and the library warns of names that it has itself.
            fields: `bot.messages.File` values are uploaded, other values sent as they are.
            wait_s: how much longer the answer may take.

        Raises:
            TelegramError: Telegram refused, or no answer came.
        """
        given = {name: _sendable(value) for name, value in (fields or {}).items()}
        try:
            return await self._bot.do_api_request(method, api_kwargs=given, read_timeout=self._timeout_s + wait_s)
        except (TypeError, KeyError, AttributeError, ValueError) as error:  # JSON, but not an answer of Telegram's
            raise NetworkError(f"not an answer of the Bot API: {type(error).__name__}") from error

    async def fetch(self, file_id: str, limit_bytes: int) -> File | None:
        """Download a file (Bot API, getFile). None if Telegram does not know it or it is too large.

        Raises:
            FileNotFetched: Telegram did not answer.
        """
        try:
            found = await self.call("GetFile", {"file_id": file_id})
            path = a_text(found, "file_path")
            if not path or (a_number(found, "file_size") or 0) > limit_bytes:
                return None
            body = await self._request.retrieve(f"{self._files}/{quote(path)}")
        except BadRequest:
            return None
        except TelegramError as error:
            raise FileNotFetched(f"A file was not fetched from Telegram: {type(error).__name__}.") from error
        name = PurePosixPath(path).name
        return File(body, _MIME.guess_type(name)[0] or "application/octet-stream", name)

    async def close(self) -> None:
        """Release the connections."""
        await self._request.shutdown()


def _sendable(value: Any) -> Any:
    if isinstance(value, File):
        return InputFile(value.body, filename=value.name or f"file{_MIME.guess_extension(value.mime) or ''}")
    return value
