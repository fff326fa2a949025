"""What a file is by its first bytes: names and declared types can say anything."""

from __future__ import annotations

HEAD_BYTES = 16
"""How many of them are looked at."""


def picture_type(body: bytes) -> str | None:
    """Return PNG, JPEG, GIF or WebP as a MIME type, None for anything else (SVG can carry scripts)."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    return None


def sound_type(body: bytes) -> str | None:
    """Return Ogg, MP3, WAV or MPEG-4 audio as a MIME type, None for what browsers do not play (AMR)."""
    if body.startswith(b"OggS"):
        return "audio/ogg"
    if body.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")):
        return "audio/mpeg"
    if body[:4] == b"RIFF" and body[8:12] == b"WAVE":
        return "audio/wav"
    if body[4:11] == b"ftypM4A":
        return "audio/mp4"
    return None
