"""What the form of a plan sent, taken in up to a size. Ask first who sends it: files go to the disk as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.types import Message

from bot.storable import storable

MOST_BYTES = 4_000_000
"""A plan of the most signs, each written as nine, and a file beside it."""
MOST_WORDS = 1000


@asynccontextmanager
async def form_in(request: Request) -> AsyncIterator[FormData]:
    """Give what a form sent, its files open for as long. Nothing may have been read of it before.

    Raises:
        HTTPException: 413, it is larger than `MOST_BYTES`, or 400, it is no form.
    """
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise MultiPartException("too large")  # upon which the files so far are closed
        return message

    try:
        form = await Request(request.scope, receive).form(max_files=1, max_part_size=MOST_BYTES)
    except (MultiPartException, HTTPException) as error:
        raise HTTPException(413 if taken > MOST_BYTES else 400) from error
    try:
        yield form
    finally:
        await form.close()


def words_in(form: FormData, name: str, without: str = "", most: int = MOST_WORDS) -> str:
    """Return one field.

    Args:
        without: what it is where it was not sent.
        most: characters.

    Raises:
        HTTPException: 422, it is longer, or a file.
    """
    return _checked(form.get(name, without), most)


def all_in(form: FormData, name: str) -> list[str]:
    """Return a field that is sent several times. Raises as `words_in`."""
    return [_checked(one, MOST_WORDS) for one in form.getlist(name)]


def _checked(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise HTTPException(422)
    return storable(value)
