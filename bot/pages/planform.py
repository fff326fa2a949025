"""The plan of a sale as fields of a form and as YAML: what is filled in is written into the text, which counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def filled(text: str, fields: Mapping[str, str], places: Sequence[str], reading: Reading) -> str:
    """Return the plan `text` with the fields of a form written into it; what else stands in it stays.

    Args:
        places: those that hear of it, as `Place.value` wrote them; of the others none hears.
        reading: collects why the text could not be read; it is returned as it was then.
    """
    data = reading.yaml(text) if text.strip() else _empty()
    if data is None:
        return text
    for name in FIELDS:
        value = fields.get(name, "").strip()
        if value:
            data[name] = _value(name, value)
        elif name in data:
            del data[name]
    data["audiences"] = [_audience(place) for place in places if place]
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


def fields_in(text: str) -> dict[str, str]:
    """Return the fields of a form as a plan says them; empty where it says none, or cannot be read."""
    data = Reading("").yaml(text) if text.strip() else None
    found = dict.fromkeys(FIELDS, "")
    for name in FIELDS if data is not None else ():
        if data is not None and data.get(name) is not None:
            found[name] = _shown(name, data[name])
    return found


def _shown(name: str, value: Any) -> str:
    if name == "early" and is_map(value):
        return ", ".join(f"{tier}: {minutes}" for tier, minutes in value.items())
    return str(value).replace(" ", "T")[:16] if name in TIMES else str(value)


def places_in(text: str) -> frozenset[str]:
    """Return the places that a plan tells, as `Place.value` writes them."""
    data = Reading("").yaml(text) if text.strip() else None
    told = data.get("audiences") if data is not None else None
    items = [item for item in told if is_map(item)] if is_list(told) else []
    return frozenset(
        Place(str(item.get("channel", "")), str(item.get("chat", "")), "").value(str(item.get("language", "")))
        for item in items
    )


def text_of_sale(sale: AnyRow, zone: ZoneInfo) -> str:
    """Return the plan of a sale that is in the shop."""
    plan = {
        "id": sale.id,
        "sku": sale.sku,
        "price": written_of(sale.price_minor, sale.currency),
        "currency": sale.currency,
        "pieces": sale.total,
        "limit_each": sale.limit_each,
        "early": {tier: seconds // 60 for tier, seconds in sale.early.items()},
        "min_age_days": sale.min_age_s // 86_400,
        "hold_min": sale.hold_s // 60,
        "offer_min": sale.offer_s // 60,
        **{
            key: f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
            for key, at in (("starts", sale.starts_at), ("ends", sale.ends_at))
            if at is not None
        },
        "pay_url": sale.pay_url,
        "audiences": list(sale.audiences),
        "texts": sale.texts,
    }
    return _dumped({key: value for key, value in plan.items() if value not in ("", {}, [])})


def _dumped(data: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml, written = YAML(), StringIO()
    yaml.width = 4096  # a text stays on its line
    yaml.dump(data, written)
    return written.getvalue()
