"""Pictures to the platform and customers' files from it (WeChat: 新增临时素材 / Temporary Media)."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from datetime import datetime, timedelta

from requests import Response

from bot.clock import Clock
from bot.connector import Host
from bot.messages import File, Receipt, SendStatus
from connectors.wechat.account import Account, Service
from connectors.wechat.api import Api, NotTaken

DEAD_MEDIA = "wechat 40007"
_MARGIN = timedelta(hours=1)


class Files:
    """Uploads each picture once in three days, for all processes of the shop."""

    def __init__(self, account: Account, api: Api, host: Host, clock: Clock) -> None:
        self._account = account
        self._api = api
        self._host = host
        self._clock = clock

    async def media_id(self, picture: File) -> str:
        """Return the platform's id of `picture`, uploading it if it is not there.

        Raises:
            NotTaken: it is too large, or the platform did not take it.
        """
        limits = self._account.rights(self._clock.now().date()).limits
        if len(picture.body) > limits["picture_bytes"]:
            raise NotTaken(Receipt(SendStatus.REFUSED, reason=f"a picture of {len(picture.body)} bytes is too large"))
        if kept := await self._host.recall(_fact(picture)):
            known = json.loads(kept)
            if self._clock.now() < datetime.fromisoformat(known["until"]):
                return str(known["id"])
        media_id = await self._upload(picture)
        until = self._clock.now() + timedelta(seconds=limits["media_s"]) - _MARGIN
        await self._host.keep(_fact(picture), json.dumps({"id": media_id, "until": until.isoformat()}))
        return media_id

    async def forget(self, picture: File) -> None:
        """Upload `picture` anew the next time: the platform has lost it."""
        await self._host.keep(_fact(picture), "")

    async def fetch(self, media_id: str) -> File | None:
        """Return a customer's file, None if the platform has it no more (it keeps files for 3 days).

        Raises:
            OSError: it could not be fetched now.
        """
        try:
            answer = await self._api.get(Service.FILES, "media/get", media_id=media_id)
        except NotTaken as fault:
            if fault.receipt.reason == DEAD_MEDIA:
                return None
            raise OSError(f"WeChat gave no file: {fault.receipt.reason}") from fault
        if isinstance(answer, dict) and isinstance(answer.get("video_url"), str):
            answer = await self._api.download(answer["video_url"])
        if not isinstance(answer, Response):
            raise OSError("WeChat gave no file: its answer is not one")
        mime = answer.headers.get("Content-Type", "application/octet-stream").partition(";")[0]
        return File(answer.content, mime)

    async def _upload(self, picture: File) -> str:
        name = picture.name or f"picture{mimetypes.guess_extension(picture.mime) or ''}"
        answer = await self._api.upload(name, picture.body, picture.mime)
        media_id = answer.get("media_id") if isinstance(answer, dict) else None
        if not isinstance(media_id, str) or not media_id:
            raise NotTaken(Receipt(SendStatus.TRANSIENT, reason="the picture was not taken"))
        return media_id


def _fact(picture: File) -> str:
    return f"media:{hashlib.sha256(picture.body).hexdigest()}"
