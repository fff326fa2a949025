"""The plan of a sale as fields of a form and as YAML: what is filled in is written into the text, which counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.knowledge.yamlfile import Reading, is_list, is_map
from bot.shop.amounts import written_of
from bot.store.database import AnyRow

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

TEXTS = ("id", "sku", "price", "pay_url")
NUMBERS = ("pieces", "limit_each", "min_age_days", "hold_min", "offer_min")
TIMES = ("starts", "ends")
NOT_TOLD = "-"
"""In the place of a language: not there."""
FIELDS = (*TEXTS, *NUMBERS, *TIMES, "early")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sale can be told: a channel, or one group on it; `name` is for people."""

    channel: str
    chat: str
    name: str

    def value(self, language: str) -> str:
        """Return what the form sends for it: in which language it is told there, empty for the people's own."""
        return f"{self.channel}|{language}|{self.chat}"


def filled(text: str, fields: Mapping[str, str], places: Sequence[str], reading: Reading, zone: ZoneInfo) -> str:
    """Return the plan `text` with the fields of a form written into it; what else stands in it stays.

    Args:
        places: all that the form offers, as `Place.value` wrote them; what others the text names stays.
        zone: of the shop, by which a form shows times.
        reading: collects why the text could not be read; it is returned as it was then.
    """
    data = reading.yaml(text) if text.strip() else _empty()
    if data is None:
        return text
    shown = fields_in(text, zone)
    for name in FIELDS:
        value = fields.get(name, "").strip()
        if value == shown[name]:
            continue  # the text may say it more exactly
        if value:
            data[name] = _value(name, value)
        elif name in data:
            del data[name]
    offered = [_audience(place) for place in places if place]
    ours = {_place_of(one) for one in offered}
    kept = [one for one in _audiences(data) if _place_of(one) not in ours or "segment" in one]
    data["audiences"] = [*kept, *(one for one in offered if one.get("language") != NOT_TOLD)]
    return _dumped(data)


def _empty() -> CommentedMap:
    from ruamel.yaml.comments import CommentedMap

    return CommentedMap()


def _value(name: str, value: str) -> Any:
    if name in NUMBERS:
        return int(value) if value.isascii() and value.isdigit() else value
    if name in TIMES:
        return value.replace("T", " ")
    if name == "early":
        pairs = [pair.partition(":") for pair in value.replace("，", ",").replace("：", ":").split(",")]
        if all(minutes.strip().isdigit() for _, _, minutes in pairs):
            return {tier.strip(): int(minutes) for tier, _, minutes in pairs}
    return value


def _audience(place: str) -> dict[str, str]:
    channel, language, chat = (*place.split("|", 2), "", "")[:3]
    return {"channel": channel, **({"chat": chat} if chat else {}), **({"language": language} if language else {})}


def _audiences(data: Mapping[str, Any]) -> list[Any]:
    told = data.get("audiences")
    return [item for item in told if is_map(item)] if is_list(told) else []


def _place_of(audience: Mapping[str, Any]) -> tuple[str, str]:
    return str(audience.get("channel", "")), str(audience.get("chat", ""))


def told_once(places: Sequence[Place], text: str) -> list[Place]:
    """Return the places that a form can offer: not what the plan tells twice, in two languages, or to a segment."""
    data = Reading("").yaml(text) if text.strip() else None
    audiences = _audiences(data) if data is not None else []
    told = [_place_of(one) for one in audiences]
    to_segments = [_place_of(one) for one in audiences if "segment" in one]
    known = ((place, (place.channel, place.chat)) for place in places)
    return [place for place, where in known if told.count(where) < 2 and where not in to_segments]


def fields_in(text: str, zone: ZoneInfo) -> dict[str, str]:
    """Return the fields of a form as a plan says them; empty where it says none, or cannot be read."""
    data = Reading("").yaml(text) if text.strip() else None
    found = dict.fromkeys(FIELDS, "")
    for name in FIELDS if data is not None else ():
        if data is not None and data.get(name) is not None:
            found[name] = _shown(name, data[name], zone)
    return found


def _shown(name: str, value: Any, zone: ZoneInfo) -> str:
    if name == "early" and is_map(value):
        return ", ".join(f"{tier}: {minutes}" for tier, minutes in value.items())
    return _time(value, zone) if name in TIMES else str(value)


def _time(value: Any, zone: ZoneInfo) -> str:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{at.astimezone(zone) if at.tzinfo else at:%Y-%m-%dT%H:%M}"


def places_in(text: str) -> frozenset[str]:
    """Return the places that a plan tells, as `Place.value` writes them."""
    data = Reading("").yaml(text) if text.strip() else None
    items = _audiences(data) if data is not None else []
    return frozenset(
        Place(str(item.get("channel", "")), str(item.get("chat", "")), "").value(str(item.get("language", "")))
        for item in items
    )


def text_of_sale(sale: AnyRow, zone: ZoneInfo) -> str:
    """Return the plan of a sale that is in the shop. What it has more exactly than a plan is rounded up, and marked."""
    plan: dict[str, Any] = {
        "id": sale.id,
        "sku": sale.sku,
        "price": written_of(sale.price_minor, sale.currency),
        "currency": sale.currency,
        "pieces": sale.total,
        "limit_each": sale.limit_each,
        "early": _empty(),
        **{name: _whole(length_s, unit_s) for name, length_s, unit_s in _spans(sale)},
        **{
            key: f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
            for key, at in (("starts", sale.starts_at), ("ends", sale.ends_at))
            if at is not None
        },
        "pay_url": sale.pay_url,
        "audiences": list(sale.audiences),
        "texts": sale.texts,
    }
    early = [(tier, seconds, 60) for tier, seconds in sale.early.items()]
    plan["early"].update({tier: _whole(length_s, unit_s) for tier, length_s, unit_s in early})
    _mark(plan["early"], early)
    data = _empty()
    data.update({key: value for key, value in plan.items() if value not in ("", {}, [])})
    _mark(data, _spans(sale))
    return _dumped(data)


def _spans(sale: AnyRow) -> list[tuple[str, int, int]]:
    days, minutes = 86_400, 60
    return [
        ("min_age_days", sale.min_age_s, days),
        ("hold_min", sale.hold_s, minutes),
        ("offer_min", sale.offer_s, minutes),
    ]


def _whole(length_s: int, unit_s: int) -> int:
    return -(-length_s // unit_s)


def _mark(data: CommentedMap, spans: Sequence[tuple[str, int, int]]) -> None:
    """Write beside what is not exact how many seconds it was."""
    for name, length_s, unit_s in spans:
        if length_s % unit_s:
            data.yaml_add_eol_comment(f"{length_s} s", name)


def _dumped(data: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml, written = YAML(), StringIO()
    yaml.width = 4096  # a text stays on its line
    yaml.dump(data, written)
    return written.getvalue()
