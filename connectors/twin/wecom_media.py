"""WeCom's temporary files (上传临时素材, 获取临时素材): they live three days."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from connectors.twin.wecom_answers import Call, Refused, Upload

LIFE = timedelta(days=3)
MIN_BYTES = 6
_MIB = 2**20
MAX_BYTES = {"image": 10 * _MIB, "voice": 2 * _MIB, "video": 10 * _MIB, "file": 20 * _MIB}


@dataclass(slots=True)
class MediaShelf:
    """Files by their media_id, with what they are and when they die."""

    _files: dict[str, tuple[str, Upload, datetime]] = field(default_factory=dict)

    def put(self, kind: str, upload: Upload, now: datetime) -> str:
        """Return the media_id of a new file."""
        media_id = secrets.token_urlsafe(32)
        self._files[media_id] = (kind, upload, now + LIFE)
        return media_id

    def get(self, media_id: str, now: datetime, kind: str = "") -> Upload:
        """Return a file that is alive and of `kind`, if one is asked for.

        Raises:
            Refused: 40007.
        """
        is_kind, upload, ends = self._files.get(media_id, ("", None, now))
        if upload is None or now >= ends or kind not in ("", is_kind):
            raise Refused(40007, media_id)
        return upload

    def upload(self, call: Call) -> dict[str, Any]:
        kind = call.query.get("type", "")
        if kind not in MAX_BYTES:
            raise Refused(40005, kind)
        if call.upload is None or not call.upload.data:
            raise Refused(44001)
        if not MIN_BYTES <= len(call.upload.data) <= MAX_BYTES[kind]:
            raise Refused(40006)
        media_id = self.put(kind, call.upload, call.now)
        return {"type": kind, "media_id": media_id, "created_at": str(int(call.now.timestamp()))}

    def download(self, call: Call) -> Response:
        upload = self.get(call.query.get("media_id", ""), call.now)
        name = f"attachment; filename*=UTF-8''{quote(upload.name)}"
        return Response(upload.data, media_type=upload.kind, headers={"Content-Disposition": name})
