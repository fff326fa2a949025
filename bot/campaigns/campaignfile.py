"""Reads the plan of a campaign to a segment, a YAML file. Each fault names the line and the way out."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from babel.numbers import get_currency_precision
from pydantic import ValidationError

from bot.campaigns.greeting_words import FIELDS as OF_GREETING
from bot.campaigns.planfaults import note_fault
from bot.campaigns.plans import (
    FESTIVAL,
    GREETING,
    RECALL,
    WAVES,
    CampaignBody,
    CouponBody,
    DaysBody,
    MoneyBody,
    SegmentBody,
)
from bot.campaigns.recall_words import FIELDS as OF_RECALL
from bot.campaigns.segments import Language
from bot.knowledge.fields import odd_braces, unknown_fields
from bot.knowledge.yamlfile import Reading, did_you_mean, is_map, line_of, read_text
from bot.shop.bodies import Body

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

HINTS = {
    "id": "Write a short name of small letters, digits and `-`, e.g. `id: recall-30`",
    "kind": "Write `kind: recall`, `kind: birthday` or `kind: festival`",
    "date": "Write month and day, e.g. `date: 12-25`",
    "lunar": "Write month and day of the Chinese calendar, e.g. `lunar: 8-15`",
    "segment": "Write whom it is for, e.g. `segment: {last_purchase_days: {from: 30, to: 59}}`",
    "segment.tiers": "Write a list of member tiers, e.g. `tiers: [gold, silver]`",
    "segment.spent": 'Write amounts, e.g. `spent: {from: "300.00", to: "5000.00"}`',
    "segment.last_purchase_days": "Write whole days, e.g. `last_purchase_days: {from: 30, to: 59}`",
    "segment.products": "Write a list of product ids, e.g. `products: [linen-dress]`",
    "segment.channels": "Write a list of channels, e.g. `channels: [telegram:shopbot]`",
    "segment.languages": "Write `languages: [zh]`, `[en]` or `[zh, en]`",
    "segment.tags": "Write a list of tags, e.g. `tags: [linen]`",
    "cycle": "Write `cycle: true` or leave it out",
    "coupon": 'Write e.g. `coupon: {code: BACK20, amount: "20.00", least: "99.00", days: 7}`, at least 5 days',
    "texts": "Write texts by language and wave: `texts: {zh: {first: …}}`; first, second and last, or greeting",
}
NESTED: dict[str, type[Body]] = {"segment": SegmentBody, "coupon": CouponBody}


def read_campaign(path: Path, currency: str, channels: Collection[str], reading: Reading) -> CampaignBody | None:
    """Return the plan in the file `path`, or None with its faults noted in `reading`.

    Args:
        currency: the shop's; amounts are in it.
        channels: those of the shop.
    """
    text = read_text(reading, path)
    data = None if text is None else reading.yaml(text)
    if data is None:
        return None
    _note_unknown_keys(data, reading)
    try:
        body = CampaignBody.model_validate(data)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] != "extra_forbidden":  # told above, with what is nearest
                note_fault(data, dict(fault), reading, HINTS)
        return None
    _check_days(data, body, reading)
    _check_kind(data, body, reading)
    _check_channels(data, body, channels, reading)
    _check_amounts(data, body, currency, reading)
    _check_texts(data, body, reading)
    return None if reading.faults else body


def _note_unknown_keys(data: CommentedMap, reading: Reading) -> None:
    reading.unknown_keys(data, tuple(CampaignBody.model_fields))
    for key, body in NESTED.items():
        if is_map(part := data.get(key)):
            reading.unknown_keys(part, tuple(body.model_fields))
    if is_map(segment := data.get("segment")):
        for key in ("spent", "last_purchase_days"):
            if is_map(span := segment.get(key)):
                reading.unknown_keys(span, ("from", "to"))


def _check_days(data: CommentedMap, body: CampaignBody, reading: Reading) -> None:
    days = body.segment.last_purchase_days
    hint = HINTS["segment.last_purchase_days"]
    if body.kind == RECALL and days.least is None:
        at = line_of(data, "segment" if "segment" in data else "kind")
        reading.fault(at, "a recall has to say for how many days somebody has not bought", hint)
    elif body.kind == RECALL and days.least is not None and days.least < 1:
        reading.fault(line_of(data["segment"], "last_purchase_days"), "`from` is less than a day", hint)
    for key in ("last_purchase_days", "spent"):
        span: DaysBody | MoneyBody = getattr(body.segment, key)
        if span.least is not None and span.most is not None and span.most < span.least:
            reading.fault(line_of(data["segment"], key), f"`to` of `{key}` is less than `from`", "Change the two")


def _check_kind(data: CommentedMap, body: CampaignBody, reading: Reading) -> None:
    """Note what does not go with the kind of the plan."""
    days = [key for key in ("date", "lunar") if data.get(key) is not None]
    if body.kind == FESTIVAL and len(days) != 1:
        at = line_of(data, days[1] if days else "kind")
        reading.fault(at, "a festival has one day", f"{HINTS['date']}; or: {HINTS['lunar']}")
    elif body.kind != FESTIVAL and days:
        reading.fault(line_of(data, days[0]), f"`{days[0]}` is for `kind: festival`", "Take it out")
    if body.kind != RECALL and body.cycle:
        reading.fault(line_of(data, "cycle"), "`cycle` is for `kind: recall`", "Take it out")
    missing = [one for one in body.segment.languages or Language if GREETING not in body.texts.get(one, {})]
    if body.kind == FESTIVAL and missing:
        problem = f"a festival has words of its own, and `{GREETING}` is not there in `{missing[0]}`"
        reading.fault(
            line_of(data, "texts" if "texts" in data else "kind"), problem, "Write it: `texts: {zh: {greeting: …}}`"
        )


def _check_channels(data: CommentedMap, body: CampaignBody, channels: Collection[str], reading: Reading) -> None:
    for place, channel in enumerate(body.segment.channels or ()):
        if channel not in channels:
            fix = did_you_mean(channel, channels) if channels else "Set it up in shop.toml"
            at = line_of(data["segment"]["channels"], place)
            reading.fault(at, f"the shop has no channel `{channel}`", fix)


def _check_amounts(data: CommentedMap, body: CampaignBody, currency: str, reading: Reading) -> None:
    digits = get_currency_precision(currency)
    amounts = [("segment", "spent", body.segment.spent.least), ("segment", "spent", body.segment.spent.most)]
    if body.coupon is not None:
        amounts += [("coupon", "amount", body.coupon.amount), ("coupon", "least", body.coupon.least)]
    for part, key, amount in amounts:
        if amount is not None and amount.scaleb(digits) != (amount.scaleb(digits)).to_integral_value():
            problem = f"`{key}` has more than {digits} digits behind the point, for {currency}"
            reading.fault(line_of(data[part], key), problem, HINTS.get(f"{part}.{key}", HINTS[part]))
    if body.coupon is not None and Decimal(0) < body.coupon.least < body.coupon.amount:
        problem = "the coupon takes off more than the goods must come to"
        reading.fault(line_of(data["coupon"], "amount"), problem, "Write `least` at least as high as `amount`")


def _check_texts(data: CommentedMap, body: CampaignBody, reading: Reading) -> None:
    waves, fields = (WAVES, OF_RECALL) if body.kind == RECALL else ((GREETING,), OF_GREETING)
    for language, texts in body.texts.items():
        of_language = data["texts"][language.value]
        for wave, said in texts.items():
            at = line_of(of_language, wave)
            if wave not in waves:
                reading.fault(at, f"`{wave}` is no text of `kind: {body.kind}`", f"Write {' or '.join(waves)}")
            for field, near in unknown_fields(said, fields):
                reading.fault(at, f"`{wave}` has no field `{{{field}}}`", f"Did you mean `{{{near}}}`?")
            for odd, fix in odd_braces(said):
                reading.fault(at, f"`{odd}` in `{wave}` is no field, so customers would read it", fix)
        other = Language.EN if language is Language.ZH else Language.ZH
        missing = sorted(set(texts) - set(body.texts.get(other, {})))
        spoken = body.segment.languages or list(Language)
        if missing and other in spoken:
            at = line_of(data["texts"], language.value)
            reading.fault(at, f"`{missing[0]}` is there in `{language}` only", f"Write it in `{other}`, too")
