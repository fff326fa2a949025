"""The plan of a campaign to a segment of people: as it is written, as it is stored, and as it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from babel.numbers import get_currency_precision
from pydantic import AfterValidator, ConfigDict, Field

from bot.campaigns.days import Day, day_in
from bot.campaigns.segments import Language, Segment, Span
from bot.shop.bodies import Body, Channel, Key, Word
from bot.shop.port import Money

RECALL, BIRTHDAY, FESTIVAL = "recall", "birthday", "festival"
Wave = Literal["first", "second", "last", "greeting"]
WAVES: tuple[Wave, ...] = ("first", "second", "last")
GREETING: Wave = "greeting"
OFFERED_FROM = 2
"""The wave of a recall from which on it names the coupon: who comes back for a word needs none."""
Amount = Annotated[Decimal, Field(ge=0, le=10**9)]
_Names = Annotated[list[Word], Field(min_length=1, max_length=50)]


class DaysBody(Body):
    """Whole days, both ends included."""

    model_config = ConfigDict(populate_by_name=True)
    least: Annotated[int | None, Field(alias="from", ge=0, le=3650)] = None
    most: Annotated[int | None, Field(alias="to", ge=0, le=3650)] = None


class MoneyBody(Body):
    """Amounts in the shop's currency, both ends included."""

    model_config = ConfigDict(populate_by_name=True)
    least: Annotated[Amount | None, Field(alias="from")] = None
    most: Annotated[Amount | None, Field(alias="to")] = None


class SegmentBody(Body):
    """Who is meant: whoever passes all that is written. The same form in every plan."""

    tiers: _Names | None = None
    spent: MoneyBody = MoneyBody()
    last_purchase_days: DaysBody = DaysBody()
    products: Annotated[list[Key], Field(min_length=1, max_length=50)] | None = None
    channels: Annotated[list[Channel], Field(min_length=1, max_length=50)] | None = None
    languages: Annotated[list[Language], Field(min_length=1, max_length=2)] | None = None
    tags: _Names | None = None


class CouponBody(Body):
    """A coupon that the shop takes at its checkout; `least` is what the goods must come to."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{3,24}$")]
    amount: Annotated[Decimal, Field(gt=0, le=10**9)]
    least: Amount = Decimal(0)
    days: Annotated[int, Field(ge=5, le=90)] = 7


def _day_of_sun(said: str) -> str:
    day_in(said)
    return said


def _day_of_moon(said: str) -> str:
    day_in(said, of_moon=True)
    return said


_MONTH_AND_DAY = Field(pattern=r"^\d{1,2}-\d{1,2}$")


class CampaignBody(Body):
    """A plan as it is written.

    Attributes:
        date, lunar: of a festival: month and day, of the sun's calendar or of the Chinese one.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")]
    kind: Literal["recall", "birthday", "festival"]
    segment: SegmentBody = SegmentBody()
    date: Annotated[str, AfterValidator(_day_of_sun), _MONTH_AND_DAY] | None = None
    lunar: Annotated[str, AfterValidator(_day_of_moon), _MONTH_AND_DAY] | None = None
    cycle: bool = False
    coupon: CouponBody | None = None
    texts: dict[Language, dict[Wave, Annotated[str, Field(min_length=1, max_length=2000)]]] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon as it is offered; `days` from the day of the offer on."""

    code: str
    amount: Money
    least: Money
    days: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it is used.

    Attributes:
        day: of a festival.
        by_cycle: whether the shop's own repeat cycle says when somebody is overdue, once it is known.
        texts: own words, by language and wave; where there are none the shop's phrases say it.
    """

    id: str
    kind: str
    segment: Segment
    by_cycle: bool
    offer: Offer | None
    texts: Mapping[str, Mapping[str, str]]
    day: Day | None = None

    @property
    def name(self) -> str:
        """By what its touches are known."""
        return f"{self.kind}:{self.id}"

    @property
    def waves(self) -> tuple[Wave, ...]:
        """What it says to one person, in order."""
        return WAVES if self.kind == RECALL else (GREETING,)


def stored(body: CampaignBody) -> dict[str, Any]:
    """Return a plan as it stands in `campaigns`."""
    return body.model_dump(mode="json", by_alias=True, exclude_none=True)


def plan_of(body: CampaignBody, currency: str) -> Plan:
    """Return a plan with its amounts in the smallest unit of the shop's currency."""
    segment, coupon = segment_of(body.segment, currency), body.coupon
    offer = None
    if coupon is not None:
        amount, least = _minor(coupon.amount, currency), _minor(coupon.least, currency)
        offer = Offer(coupon.code, Money(amount or 0, currency), Money(least or 0, currency), coupon.days)
    texts = {language.value: {str(wave): said for wave, said in of.items()} for language, of in body.texts.items()}
    said = body.date or body.lunar
    day = day_in(said, of_moon=body.date is None) if said else None
    return Plan(body.id, body.kind, segment, body.cycle, offer, texts, day)


def segment_of(body: SegmentBody, currency: str) -> Segment:
    """Return a segment with its amounts in the smallest unit of the shop's currency."""
    return Segment(
        tiers=frozenset(body.tiers or ()),
        spent_minor=Span(_minor(body.spent.least, currency), _minor(body.spent.most, currency)),
        bought_days=Span(body.last_purchase_days.least, body.last_purchase_days.most),
        products=frozenset(body.products or ()),
        channels=frozenset(body.channels or ()),
        languages=frozenset(body.languages or ()),
        tags=frozenset(body.tags or ()),
    )


def segment_in(audience: Mapping[str, Any], currency: str) -> Segment | None:
    """Return the segment that an audience names, None if it names none."""
    told = audience.get("segment")
    return segment_of(SegmentBody.model_validate(told), currency) if told else None


def _minor(amount: Decimal | None, currency: str) -> int | None:
    return None if amount is None else int(amount.scaleb(get_currency_precision(currency)))
