"""Reads the plan of a trial vote, a YAML file. Each fault names the line and the way out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from bot.campaigns.moments import BY_HAND
from bot.campaigns.planfaults import note_fault
from bot.campaigns.planfile import in_zone
from bot.knowledge.yamlfile import Reading, did_you_mean, line_of, read_text
from bot.shop.bodies import Body, Channel, PayUrl, User

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

HINTS = {
    "id": "Write up to 24 of a-z, 0-9 and -, e.g. `id: spring-fabric`",
    "question": "Write it in both languages: `question: {zh: …, en: …}`, at most 200 characters each",
    "options": "Write 2 to 12, each with `id`, `zh`, `en` and perhaps `tag`, e.g. `- {id: linen, zh: 亚麻, en: Linen}`",
    "prize": "Write it in both languages: `prize: {zh: …, en: …}`",
    "winners": "Write how many win, 1 to 1000, beside `prize`",
    "starts": "Write day and time of the shop, e.g. `starts: 2026-12-01 10:00`",
    "ends": "Write day and time of the shop, later than `starts`, at most 28 days",
    "audiences": "Write a list; each item has `channel`, and `chat` for a group, e.g. `- channel: telegram:shopbot`",
}
LONGEST = timedelta(days=28)
"""What a channel keeps of its polls, it keeps for 30 days."""
Name = Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""Part of the token of a choice, which has 64 bytes, and of a link's payload."""


class In(Body):
    """A text in both languages."""

    zh: Annotated[str, Field(min_length=1, max_length=200)]
    en: Annotated[str, Field(min_length=1, max_length=200)]


class Option(Body):
    """What can be chosen; `tag` is what is known then of who chose it."""

    id: Name
    zh: Annotated[str, Field(min_length=1, max_length=50)]  # a poll takes 100 UTF-16 units (Bot API, sendPoll)
    en: Annotated[str, Field(min_length=1, max_length=50)]
    tag: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Asked(Body):
    """Who is asked: one chat, or everyone seen on the channel in the last day.

    Attributes:
        link: where people vote who cannot do it here.
    """

    channel: Channel
    chat: User | None = None
    language: Literal["zh", "en"] | None = None
    link: PayUrl = ""


class VoteBody(Body):
    """A plan as it is written."""

    id: Name
    question: In
    options: Annotated[list[Option], Field(min_length=2, max_length=12)]
    prize: In | None = None
    winners: Annotated[int, Field(ge=0, le=1000)] = 0
    starts: datetime
    ends: datetime
    audiences: Annotated[list[Asked], Field(min_length=1, max_length=50)]


@dataclass(frozen=True, slots=True)
class PlannedVote:
    """A vote as it was planned; `values` are columns of `votes`."""

    id: str
    values: dict[str, Any]


def read_vote(
    path: Path, zone: ZoneInfo, channels: Collection[str], now: datetime, reading: Reading
) -> PlannedVote | None:
    """Return the plan in the file `path`, or None with its faults noted in `reading`.

    Args:
        channels: those of the shop.
    """
    text = read_text(reading, path)
    data = None if text is None else reading.yaml(text)
    if data is None:
        return None
    reading.unknown_keys(data, tuple(VoteBody.model_fields))
    try:
        body = VoteBody.model_validate({key: data[key] for key in data if key in VoteBody.model_fields})
    except ValidationError as error:
        for fault in error.errors():
            note_fault(data, fault, reading, HINTS)
        return None
    starts, ends = in_zone(body.starts, zone), in_zone(body.ends, zone)
    if ends <= now:
        reading.fault(line_of(data, "ends"), "`ends` is over", "Write a time to come")
    if not starts < ends <= starts + LONGEST:
        reading.fault(line_of(data, "ends"), "`ends` is not within 28 days after `starts`", HINTS["ends"])
    if bool(body.prize) != bool(body.winners):
        at = line_of(data, "prize" if body.prize else "winners")
        reading.fault(at, "`prize` and `winners` go together", HINTS["winners" if body.prize else "prize"])
    _check_options(data, body, reading)
    _check_audiences(data, body, channels, reading)
    return None if reading.faults else PlannedVote(body.id, _values(body, starts, ends))


def _check_options(data: CommentedMap, body: VoteBody, reading: Reading) -> None:
    for name in ("id", "zh", "en"):
        seen: set[str] = set()
        for place, option in enumerate(body.options):
            value = getattr(option, name)
            if value in seen:
                at = line_of(data["options"], place)
                reading.fault(at, f"two options have the `{name}` {value!r}", "Give each its own")
            seen.add(value)


def _check_audiences(data: CommentedMap, body: VoteBody, channels: Collection[str], reading: Reading) -> None:
    for place, audience in enumerate(body.audiences):
        at = line_of(data["audiences"], place)
        if audience.channel not in channels:
            fix = did_you_mean(audience.channel, channels) if channels else "Set it up in shop.toml"
            reading.fault(at, f"the shop has no channel `{audience.channel}`", fix)
        if audience.channel.partition(":")[0] in BY_HAND and not audience.link:
            fix = f"Write a `link` to a chat that brings `vote-{body.id}`, e.g. of 微信客服 with it as scene_param"
            reading.fault(at, f"nobody can vote on `{audience.channel}` itself", fix)


def _values(body: VoteBody, starts: datetime, ends: datetime) -> dict[str, Any]:
    return {
        "question": body.question.model_dump(),
        "options": [
            {"id": one.id, "tag": one.tag or f"{body.id}:{one.id}", "zh": one.zh, "en": one.en} for one in body.options
        ],
        "prize": body.prize.model_dump() if body.prize else {},
        "winners": body.winners,
        "audiences": [one.model_dump(exclude_none=True, exclude_defaults=True) for one in body.audiences],
        "starts_at": starts,
        "ends_at": ends,
    }
