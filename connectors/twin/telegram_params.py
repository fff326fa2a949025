"""Reads and checks the parameters of a call of the Bot API, as Telegram does."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from connectors.twin.telegram_world import Json, Refused

_JSON_FIELDS = ("reply_markup", "reply_parameters", "allowed_updates", "options", "commands")


async def read_params(request: Request) -> Json:
    """Read the query, then a JSON, urlencoded or multipart body; nested values may be JSON in a string.

    Uploaded files come as bytes.
    """
    found: Json = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json":
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise Refused(400, "Bad Request: can't parse JSON object") from None
        found |= body if isinstance(body, dict) else {}
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form() as form:
            for name, value in form.items():
                found[name] = await value.read() if isinstance(value, UploadFile) else value
    for name in _JSON_FIELDS:
        if isinstance(found.get(name), str):
            found[name] = _decoded(found[name])
    return {name: False if value in ("false", "False") else value for name, value in found.items()}


def integer(params: Json, name: str, default: int | None = None) -> int:
    """Return a whole number; without a default it has to be there."""
    try:
        return int(str(params[name])) if name in params or default is None else default
    except (KeyError, ValueError):
        missing = "chat_id is empty" if name == "chat_id" else f"{name} is not specified or not a number"
        raise Refused(400, f"Bad Request: {missing}") from None


def words(params: Json, name: str, limit: int, what: str, needed: bool = True) -> str:
    """Return a text of at most `limit` UTF-16 units, without white space around it."""
    text = str(params.get(name, "")).strip()
    if needed and not text:
        raise Refused(400, f"Bad Request: {what} is empty")
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > limit:
        raise Refused(400, f"Bad Request: {what} is too long")
    return text


def markup(params: Json) -> Json:
    """Return `{"reply_markup": …}` with an inline keyboard that passes Telegram's checks, or nothing."""
    given = params.get("reply_markup")
    rows = given.get("inline_keyboard") if isinstance(given, dict) else None
    if not rows:
        return {}
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refused(400, 'Bad Request: field "inline_keyboard" must be an Array of Arrays')
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100 or any(len(row) > 8 for row in rows):
        raise Refused(400, "Bad Request: reply markup is too long")
    for button in buttons:
        if not isinstance(button, dict) or not str(button.get("text", "")).strip():
            raise Refused(400, "Bad Request: can't parse inline keyboard button: text is empty")
        if "url" in button:
            continue
        if "callback_data" not in button:
            raise Refused(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        if not 1 <= len(str(button["callback_data"]).encode()) <= 64:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return {"reply_markup": {"inline_keyboard": rows}}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(400, "Bad Request: object expected as reply markup") from None
