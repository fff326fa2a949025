"""The platform's JSON to and from the words of Zhanggui. Pure: no I/O, and no input makes it raise."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.messages import Chat, Event, Grant, Inbound, Outbound, Receipt, SendStatus

_EVENTS = {"started": Event.STARTED, "left": Event.LEFT}
_SENTENCE_END = re.compile(r"(?<=[。！？!?…；;\n])|(?<=\.)(?=\s)")


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class _User(_Strict):
    id: Id
    name: str = ""
    language: str | None = None


class _Envelope(_Strict):
    """What every update has, whatever its kind."""

    id: Id
    kind: str


class _Update(_Envelope):
    time: Annotated[int, Field(gt=0, lt=2**33)]
    chat: Id
    user: _User
    text: str = ""
    choice: Id | None = None
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose updates are read, and what a message of the customer opens."""

    channel: str
    said: Grant


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return what the platform puts into `X-Signature`: HMAC-SHA256 of timestamp, dot and body, in hex."""
    return hmac.new(secret, timestamp.encode(errors="replace") + b"." + body, "sha256").hexdigest()


def parse(body: bytes, account: Account) -> list[Inbound] | None:
    """Read one update: no inbound for a kind that is not known, None for what is no update at all."""
    try:
        kind = _Envelope.model_validate_json(body).kind
        if kind not in ("message", "tap", *_EVENTS):
            return []
        return [_inbound(_Update.model_validate_json(body), account)]
    except ValidationError:
        return None


def _inbound(update: _Update, account: Account) -> Inbound:
    event = _EVENTS.get(update.kind)
    return Inbound(
        key=f"{account.channel}:{update.id}",
        chat=Chat(account.channel, update.chat),
        user=update.user.id,
        sent_at=datetime.fromtimestamp(update.time, UTC),
        text=_storable(update.text) if update.kind == "message" else "",
        name=_storable(update.user.name),
        language=update.user.language,
        event=event,
        payload=_storable(update.payload),
        choice=update.choice if update.kind == "tap" else None,
        grants=() if event else (account.said,),
    )


def _storable(text: str) -> str:
    """Leave out the one character that PostgreSQL cannot keep."""
    return text.replace("\0", "")


def requests(message: Outbound, limit: int) -> list[Mapping[str, Any]]:
    """Return the bodies to post, one for each piece of at most `limit` characters; the buttons are under the last."""
    texts = pieces(message.text, limit)
    bodies: list[dict[str, Any]] = [{"chat": message.chat.id, "text": text} for text in texts]
    if message.choices:
        bodies[-1]["choices"] = [{"token": choice.token, "label": choice.label} for choice in message.choices]
    return list(bodies)


def pieces(text: str, limit: int) -> list[str]:
    """Cut `text` at the last sentence end that fits, else at the last space, else between characters."""
    found, rest = [], text.strip()
    while len(rest) > limit:
        ends = [match.end() for match in _SENTENCE_END.finditer(rest, 1, limit + 1) if match.end() <= limit]
        cut = (ends and ends[-1]) or (rest.rfind(" ", 1, limit) + 1) or limit
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest]


def receipt_of(answer: httpx.Response) -> Receipt:
    """Tell what came of a post. Only what the platform says in its own words is believed."""
    if answer.status_code == httpx.codes.OK:
        platform_id = _object(answer).get("id")
        if isinstance(platform_id, str):
            return Receipt(SendStatus.SENT, platform_id=platform_id)
        return Receipt(SendStatus.UNSURE, reason="answer not understood")
    status = {
        400: SendStatus.REFUSED,
        401: SendStatus.TRANSIENT,  # the token can be put right, and the message is still good
        403: SendStatus.UNREACHABLE,
        404: SendStatus.UNREACHABLE,
        410: SendStatus.WINDOW_CLOSED,
        429: SendStatus.RATE_LIMITED,
    }.get(answer.status_code, SendStatus.UNSURE)
    return Receipt(status, reason=f"HTTP {answer.status_code}", retry_after_s=_pause_s(answer))


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _pause_s(answer: httpx.Response) -> float:
    given = answer.headers.get("retry-after", "")
    return float(given) if re.fullmatch(r"[0-9]{1,6}", given) else 1.0 if answer.status_code == 429 else 0.0
