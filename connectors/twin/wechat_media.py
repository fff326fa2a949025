"""Files on the platform (新增临时素材 / Upload Temporary Media)."""

from __future__ import annotations

import secrets

from connectors.twin.wechat_account import MEDIA_LIFE, Account, Call, Stored
from connectors.twin.wechat_errors import Refused

_MIB = 1024 * 1024
# The page names 10 M and 2 MB for pictures; the smaller one is enforced.
_MOST_BYTES = {"image": 2 * _MIB, "voice": 2 * _MIB, "video": 10 * _MIB, "thumb": 64 * 1024}
_TOO_LARGE = {"image": 40009, "voice": 40010, "video": 40011, "thumb": 40012}
_FORMS = {
    "image": {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp"},
    "thumb": {b"\xff\xd8\xff": "image/jpeg"},
    "voice": {b"#!AMR": "audio/amr", b"ID3": "audio/mpeg", b"\xff\xfb": "audio/mpeg", b"\xff\xf3": "audio/mpeg"},
}


def upload(account: Account, call: Call) -> dict[str, object]:
    """Keep a file for three days."""
    stored = _read(account, call, temporary=True)
    media_id = keep(account, stored)
    return {"type": stored.kind, "media_id": media_id, "created_at": int(call.now.timestamp())}


def add_material(account: Account, call: Call) -> dict[str, object]:
    """Keep a file for ever (新增永久素材 / Add Permanent Material)."""
    stored = _read(account, call, temporary=False)
    media_id = keep(account, stored)
    return {"media_id": media_id, "url": f"{call.base}/file/{media_id}"}


def get(account: Account, call: Call) -> Stored | dict[str, object]:
    """Return a temporary file; for a video, the address it can be had at."""
    media_id = call.query.get("media_id")
    stored = account.file(media_id, call.now)
    if stored.ends is None:
        raise Refused(40007)
    return {"video_url": f"{call.base}/file/{media_id}"} if stored.kind == "video" else stored


def keep(account: Account, stored: Stored) -> str:
    """Put a file on the shelf and return its id."""
    media_id = secrets.token_urlsafe(48)
    account.files[media_id] = stored
    return media_id


def _read(account: Account, call: Call, *, temporary: bool) -> Stored:
    kind = call.query.get("type", "")
    if kind not in _MOST_BYTES:
        raise Refused(40004)
    if call.file is None:
        raise Refused(41005)
    name, body = call.file
    if not body:
        raise Refused(44001)
    if len(body) > _MOST_BYTES[kind]:
        raise Refused(_TOO_LARGE[kind])
    return Stored(kind, body, _mime(kind, body), name, call.now + MEDIA_LIFE if temporary else None)


def _mime(kind: str, body: bytes) -> str:
    if kind == "video" and body[4:8] == b"ftyp":
        return "video/mp4"
    for start, mime in _FORMS.get(kind, {}).items():
        if body.startswith(start):
            return mime
    raise Refused(40005)
