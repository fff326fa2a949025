"""Reads the plan of a sale, a YAML file. Each fault names the line and the way out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from pydantic import Field, ValidationError

from bot.campaigns.announce import FIELDS
from bot.campaigns.chats import OWN_PAGES
from bot.campaigns.moments import AHEAD, AT, BY_HAND, CARD, PHRASES
from bot.campaigns.planfaults import note_fault
from bot.campaigns.planning import Planned
from bot.campaigns.plans import MoneyBody, SegmentBody
from bot.knowledge.fields import odd_braces, unknown_fields
from bot.knowledge.yamlfile import Reading, did_you_mean, line_of, read_text
from bot.shop.bodies import Body, Channel, Currency, Key, PayUrl, User, Word

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

HINTS = {
    "id": "Write a short name without blanks, e.g. `id: linen-november`",
    "sku": "Name one variant of the shop, e.g. `sku: linen-dress-blue-M`",
    "price": 'Write the price of a piece, e.g. `price: "199.00"`',
    "currency": "Write three capital letters, e.g. `currency: CNY`",
    "pieces": "Write how many pieces there are, e.g. `pieces: 300`",
    "limit_each": "Write how many pieces a person may have, 1 to 100",
    "early": "Write minutes by member tier, e.g. `early: {gold: 60}`",
    "min_age_days": "Write how many days old an account must be, 0 for any",
    "hold_min": "Write for how many minutes a piece is held, 1 to 1440",
    "offer_min": "Write for how many minutes the next in line has it, 1 to 1440",
    "starts": "Write day and time of the shop, e.g. `starts: 2026-12-01 20:00`",
    "ends": "Write day and time of the shop, later than `starts`, at most 7 days",
    "pay_url": "Write an address, e.g. `pay_url: https://shop.example/pay/{claim}`",
    "audiences": "Write a list; each item has `channel`, and `chat` for a group, e.g. `- channel: telegram:shopbot`",
    "audiences.segment": "Write whom you mean, e.g. `segment: {tiers: [gold], tags: [linen]}`",
    "texts": "Write texts by language and moment: `texts: {zh: {start: …}}`",
}
Language = Literal["zh", "en"]
LONGEST = timedelta(days=7)
_PRICE = Annotated[Decimal, Field(ge=0, le=10**9)]
_MINUTES = Annotated[int, Field(ge=1, le=1440)]


class Heard(Body):
    """Who hears of a sale: one chat, everyone on the channel who is in a segment, or who was seen there in a day."""

    channel: Channel
    chat: User | None = None
    language: Language | None = None
    segment: SegmentBody | None = None


class PlanBody(Body):
    """A plan as it is written."""

    id: Key
    sku: Key
    price: _PRICE
    currency: Currency | None = None
    pieces: Annotated[int, Field(ge=1, le=10**6)]
    limit_each: Annotated[int, Field(ge=1, le=100)] = 1
    early: Annotated[dict[Word, Annotated[int, Field(ge=1, le=10_080)]], Field(max_length=20)] = {}
    min_age_days: Annotated[int, Field(ge=0, le=3650)] = 0
    hold_min: _MINUTES = 10
    offer_min: _MINUTES = 5
    starts: datetime
    ends: datetime
    pay_url: PayUrl = ""
    audiences: Annotated[list[Heard], Field(min_length=1, max_length=50)]
    texts: dict[Language, dict[str, Annotated[str, Field(min_length=1, max_length=2000)]]] = {}


def read_plan(
    path: Path, zone: ZoneInfo, shop_currency: str, channels: Collection[str], now: datetime | None, reading: Reading
) -> Planned | None:
    """Return the plan in the file `path`, or None with its faults noted in `reading`. Arguments as of `plan_in`."""
    text = read_text(reading, path)
    return None if text is None else plan_in(text, zone, shop_currency, channels, now, reading)


def plan_in(
    text: str, zone: ZoneInfo, shop_currency: str, channels: Collection[str], now: datetime | None, reading: Reading
) -> Planned | None:
    """Return the plan that a text is, or None with its faults noted in `reading`.

    Args:
        channels: those of the shop.
        now: None where it does not matter whether its times are over.
    """
    data = reading.yaml(text)
    if data is None:
        return None
    reading.unknown_keys(data, tuple(PlanBody.model_fields))
    try:
        body = PlanBody.model_validate({key: data[key] for key in data if key in PlanBody.model_fields})
    except ValidationError as error:
        for fault in error.errors():
            note_fault(data, fault, reading, HINTS)
        return None
    starts, ends = in_zone(body.starts, zone), in_zone(body.ends, zone)
    _check_times(data, starts, ends, now, reading)
    _check_audiences(data, body, channels, starts, now, reading)
    _check_texts(data, body, reading)
    currency = body.currency or shop_currency
    _check_segments(data, body, currency == shop_currency, reading)
    price_minor = body.price.scaleb(get_currency_precision(currency))
    if price_minor != price_minor.to_integral_value():
        problem = f"`price` has more than {get_currency_precision(currency)} digits behind the point, for {currency}"
        reading.fault(line_of(data, "price"), problem, HINTS["price"])
    return None if reading.faults else _planned(body, starts, ends, currency, int(price_minor))


def in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _check_times(data: CommentedMap, starts: datetime, ends: datetime, now: datetime | None, reading: Reading) -> None:
    if now is not None and starts <= now:
        reading.fault(line_of(data, "starts"), "`starts` is over", "Write a time to come")
    if not starts < ends <= starts + LONGEST:
        reading.fault(line_of(data, "ends"), "`ends` is not within 7 days after `starts`", HINTS["ends"])


def _check_audiences(
    data: CommentedMap,
    body: PlanBody,
    channels: Collection[str],
    starts: datetime,
    now: datetime | None,
    reading: Reading,
) -> None:
    for place, audience in enumerate(body.audiences):
        at = line_of(data["audiences"], place)
        if audience.channel not in channels:
            fix = did_you_mean(audience.channel, channels) if channels else "Set it up in shop.toml"
            reading.fault(at, f"the shop has no channel `{audience.channel}`", fix)
        by_hand = audience.channel.partition(":")[0] in BY_HAND
        if by_hand and now is not None and starts - now < AT[AHEAD]:
            problem = f"`{audience.channel}` is sent by hand, and the start is less than two hours away"
            reading.fault(at, problem, "Begin later, or take it out")


def _check_segments(data: CommentedMap, body: PlanBody, in_shop_currency: bool, reading: Reading) -> None:
    for place, audience in enumerate(body.audiences):
        segment, kind = audience.segment, audience.channel.partition(":")[0]
        if segment is None:
            continue
        at = line_of(data["audiences"][place], "segment")
        if audience.chat or kind in BY_HAND or kind in OWN_PAGES:
            fix = "Write it beside a channel of private chats, without `chat`, or take it out"
            reading.fault(at, f"`segment` chooses nobody on `{audience.channel}`", fix)
        if segment.channels:
            reading.fault(at, "`segment` names `channels`, and the audience has its `channel`", "Take `channels` out")
        if not segment.model_dump(exclude_defaults=True):
            reading.fault(at, "`segment` is empty", HINTS["audiences.segment"])
        if segment.spent != MoneyBody() and not in_shop_currency:
            reading.fault(at, "`spent` is in the shop's currency, and the sale is not", "Take `spent` out")


def _check_texts(data: CommentedMap, body: PlanBody, reading: Reading) -> None:
    for language, texts in body.texts.items():
        for name, said in texts.items():
            at = line_of(data["texts"][language], name)
            moment = name.partition("@")[0]
            if moment not in PHRASES:
                reading.fault(at, f"there is no moment `{moment}`", did_you_mean(moment, PHRASES))
            for field, near in unknown_fields(said, FIELDS | ({"sale.as_of"} if moment == CARD else set())):
                reading.fault(at, f"`{name}` has no field `{{{field}}}`", f"Did you mean `{{{near}}}`?")
            for odd, fix in odd_braces(said):
                reading.fault(at, f"`{odd}` in `{name}` is no field, so customers would read it", fix)
        other: Language = "en" if language == "zh" else "zh"
        missing = sorted(set(texts) - set(body.texts.get(other, {})))
        if missing and _speaks(body, other):
            at = line_of(data["texts"], language)
            reading.fault(at, f"`{missing[0]}` is there in `{language}` only", f"Write it in `{other}`, too")


def _speaks(body: PlanBody, language: str) -> bool:
    """Return whether some of the audiences may be told in a language."""
    return any(audience.language in (None, language) for audience in body.audiences)


def _written(audience: Heard) -> dict[str, Any]:
    """Return an audience as it stands in a plan."""
    return audience.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _planned(body: PlanBody, starts: datetime, ends: datetime, currency: str, price_minor: int) -> Planned:
    values = {
        "sku": body.sku,
        "price_minor": price_minor,
        "currency": currency,
        "total": body.pieces,
        "limit_each": body.limit_each,
        "early": {tier: minutes * 60 for tier, minutes in body.early.items()},
        "min_age_s": body.min_age_days * 86_400,
        "hold_s": body.hold_min * 60,
        "offer_s": body.offer_min * 60,
        "length_s": int((ends - starts).total_seconds()),
        "starts_at": starts,
        "ends_at": ends,
        "pay_url": body.pay_url,
        "audiences": [_written(audience) for audience in body.audiences],
    }
    return Planned(body.id, values, {str(language): dict(texts) for language, texts in body.texts.items()})
