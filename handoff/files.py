"""Pictures, voices and files of a conversation, as agents see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Select, bindparam, func, select

from bot.errors import NotAllowed, NotFound
from bot.first_bytes import HEAD_BYTES, picture_type, sound_type
from bot.messages import File
from bot.store.tables import media

MAX_PICTURE_BYTES = 5 * 1024 * 1024


class Shape(StrEnum):
    """How a file is shown."""

    PICTURE = "picture"
    SOUND = "sound"
    FILE = "file"
    """To be downloaded."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of one line.

    Attributes:
        kind: `image`, `voice`, `video` or `file`, as the platform called it.
        status: `new` (it is being fetched), `kept` or `lost`.
    """

    id: str
    kind: str
    shape: Shape
    status: str
    name: str


def attachments(connection: Connection, of: Column[int], message_ids: Iterable[int]) -> Mapping[int, list[Attachment]]:
    """Return the files of messages, by the message's id.

    Args:
        of: `media.c.inbox_id` or `media.c.outbox_id`.
    """
    found: defaultdict[int, list[Attachment]] = defaultdict(list)
    for row in connection.execute(_attached(of), {"messages": list(message_ids)}):
        shape = shape_of(row.head or b"")
        found[row.message_id].append(Attachment(row.id, row.kind, shape, row.status, row.name))
    return found


@cache
def _attached(of: Column[int]) -> Select[Any]:
    head = func.substr(media.c.body, 1, HEAD_BYTES, type_=LargeBinary).label("head")
    query = select(media.c.id, of.label("message_id"), media.c.kind, media.c.status, media.c.name, head)
    return query.where(of.in_(bindparam("messages", expanding=True))).order_by(media.c.created_at, media.c.id)


def shape_of(body: bytes) -> Shape:
    """Return how a file is shown, by its first bytes."""
    if picture_type(body):
        return Shape.PICTURE
    return Shape.SOUND if sound_type(body) else Shape.FILE


def file_of(connection: Connection, media_id: str) -> File:
    """Return a file with its bytes.

    Raises:
        NotFound: there is none, it is not fetched yet, or it is lost.
    """
    query = select(media.c.body, media.c.mime, media.c.name).where(media.c.id == media_id, media.c.status == "kept")
    row = connection.execute(query).first()
    if row is None or row.body is None:
        raise NotFound
    return File(row.body, row.mime, row.name)


def picture(body: bytes, name: str) -> File:
    """Return a picture that an agent wants to send.

    Raises:
        NotAllowed: it is longer than 5 MiB, or no PNG, JPEG, GIF or WebP.
    """
    mime = picture_type(body)
    if mime is None or len(body) > MAX_PICTURE_BYTES:
        raise NotAllowed("Only PNG, JPEG, GIF and WebP pictures up to 5 MB can be sent. Choose another file.")
    return File(body, mime, name[:200])
