"""Reads what a browser sent. Everything in it is a stranger's: size, form and characters are checked here."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from bot.errors import BadCallback
from bot.first_bytes import picture_type
from bot.messages import File
from connectors.body import TooLong, read_body
from connectors.webchat.pictures import MAX_PICTURE_BYTES

MAX_BODY_BYTES = 16 * 1024
MAX_PICTURE_BODY_BYTES = MAX_PICTURE_BYTES * 4 // 3 + MAX_BODY_BYTES  # Base64 makes four bytes of three
MAX_TEXT_CHARACTERS = 2_000
MAX_CHOICE_BYTES = 64


class Refused(BadCallback):
    """The request was turned away.

    Attributes:
        status: HTTP status to answer with.
        reason: a short fixed word for the counter and the answer.
    """

    code = "webchat"

    def __init__(self, status: int, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


def _storable(text: str) -> str:
    """Refuse what a database cannot keep: NUL (PostgreSQL) and lone surrogates (not UTF-8)."""
    if "\x00" in text or re.search("[\ud800-\udfff]", text):
        raise ValueError("characters that no text has")
    return text


def _short(token: str) -> str:
    if len(token.encode(errors="replace")) > MAX_CHOICE_BYTES:
        raise ValueError("longer than any choice")
    return token


Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS), AfterValidator(_storable)]


class NewSession(BaseModel):
    """The body of POST session."""

    model_config = ConfigDict(strict=True)
    lang: Literal["zh", "en"] | None = None


class _Said(BaseModel):
    """What everything that a visitor sends has in common. `client_id` makes a repeat harmless."""

    model_config = ConfigDict(strict=True)
    token: Annotated[str, Field(max_length=300)]
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    text: Text = ""
    lang: Literal["zh", "en"] | None = None


class NewMessage(_Said):
    """The body of POST messages. A tapped button sends its token as `choice` and its label as `text`."""

    choice: Annotated[str, Field(min_length=1), AfterValidator(_storable), AfterValidator(_short)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> NewMessage:
        if not self.text.strip() and self.choice is None:
            raise ValueError("neither text nor choice")
        return self


class NewKey(BaseModel):
    """The body of POST typing: somebody is writing, but nothing is said yet."""

    model_config = ConfigDict(strict=True)
    token: Annotated[str, Field(max_length=300)]


class NewPicture(_Said):
    """The body of POST images: one picture in Base64, with its caption as `text`."""

    image: Base64Bytes

    def file(self) -> File:
        """Return the picture; its type is what its first bytes say.

        Raises:
            Refused: 413, it is longer than 5 MiB, or 415, it is no PNG, JPEG, GIF or WebP.
        """
        if len(self.image) > MAX_PICTURE_BYTES:
            raise Refused(413, "oversize")
        mime = picture_type(self.image)
        if mime is None:
            raise Refused(415, "type")
        return File(self.image, mime)


async def body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the body, never holding more than `limit` bytes of it.

    Raises:
        Refused: 413, it is longer.
    """
    try:
        return await read_body(request, limit)
    except TooLong as fault:
        raise Refused(413, "oversize") from fault


async def new_session(request: Request) -> NewSession:
    """Return the session that is asked for; an empty body asks for one without a language.

    Raises:
        Refused: 400 malformed or 413.
    """
    try:
        return NewSession.model_validate_json(await body(request) or b"{}")
    except ValidationError:
        raise Refused(400, "malformed") from None


async def new_message(request: Request) -> NewMessage:
    """Return the message that was sent.

    Raises:
        Refused: 400 malformed or 413.
    """
    try:
        return NewMessage.model_validate_json(await body(request))
    except ValidationError:
        raise Refused(400, "malformed") from None


async def new_key(request: Request) -> NewKey:
    """Return whose key was pressed.

    Raises:
        Refused: 400 malformed or 413.
    """
    try:
        return NewKey.model_validate_json(await body(request))
    except ValidationError:
        raise Refused(400, "malformed") from None


async def new_picture(request: Request) -> NewPicture:
    """Return the picture that was sent.

    Raises:
        Refused: 400 malformed or 413.
    """
    try:
        return NewPicture.model_validate_json(await body(request, MAX_PICTURE_BODY_BYTES))
    except ValidationError:
        raise Refused(400, "malformed") from None


def seen_id(request: Request) -> int:
    """Return the id of the last message the browser has, from Last-Event-ID; 0 if it has none.

    Raises:
        Refused: 400, it is not a number.
    """
    header = request.headers.get("last-event-id", "0")
    if not re.fullmatch(r"[0-9]{1,16}", header):
        raise Refused(400, "malformed")
    return int(header)
