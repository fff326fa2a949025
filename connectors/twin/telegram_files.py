"""The files of the stand-in Telegram, in memory."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mOYMWcJAAMuAZjNo3ghAAAAAElFTkSuQmCC")
"""A PNG of one pixel, for photos nobody gave a picture for."""

_FOLDERS = {"photo": "photos", "voice": "voice", "video": "videos", "document": "documents"}
_ENDINGS = {"photo": ".jpg", "voice": ".oga", "video": ".mp4", "document": ""}
_PICTURES = ((b"\x89PNG\r\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"RIFF", ".webp"))


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file and where it is downloaded; `size` is what Telegram says it has, in bytes."""

    id: str
    path: str
    body: bytes
    size: int


@dataclass(slots=True)
class Files:
    """Files by id and by path."""

    by_id: dict[str, StoredFile] = field(default_factory=dict)
    by_path: dict[str, StoredFile] = field(default_factory=dict)

    def put(self, kind: str, body: bytes, name: str = "", size: int | None = None) -> StoredFile:
        """Keep a file of a kind (photo, voice, video, document)."""
        number = len(self.by_id) + 1
        ending = picture_ending(body) or _ENDINGS[kind]
        path = f"{_FOLDERS[kind]}/{name or f'file_{number}{ending}'}"
        file = StoredFile(f"AgACtwin{number}", path, body, len(body) if size is None else size)
        self.by_id[file.id] = self.by_path[path] = file
        return file


def picture_ending(body: bytes) -> str:
    """Tell a picture by its first bytes; empty if it is none."""
    return next((ending for first, ending in _PICTURES if body.startswith(first)), "")


def as_media(kind: str, file: StoredFile, name: str = "", mime: str = "") -> dict[str, Any]:
    """Return the fields of a message that has the file; a photo comes in sizes, the largest last."""
    shared = {"file_id": file.id, "file_unique_id": f"AQAD{file.id}", "file_size": file.size}
    if kind == "photo":
        thumbnail = {"file_id": f"{file.id}s", "file_unique_id": f"AQAD{file.id}s", "width": 90, "height": 67}
        return {"photo": [thumbnail, {**shared, "width": 640, "height": 480}]}
    if kind == "voice":
        return {"voice": {**shared, "duration": 3, "mime_type": mime or "audio/ogg"}}
    if kind == "video":
        return {"video": {**shared, "duration": 3, "width": 640, "height": 480, "mime_type": mime or "video/mp4"}}
    return {"document": {**shared, "file_name": name or "file", "mime_type": mime or "application/octet-stream"}}
