"""How data is written for customers: money, days, products, orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, get_currency_precision

from bot.messages import Source
from bot.shop.port import Line, Money, Order

LOCALES = {"zh": "zh_CN", "en": "en_GB"}


def money(amount: Money, language: str) -> str:
    """Return e.g. `¥129.00`. Yen have no smaller unit, dinars have a thousand."""
    major = Decimal(amount.amount_minor).scaleb(-get_currency_precision(amount.currency))
    text: str = format_currency(major, amount.currency, locale=LOCALES[language])
    return text.replace("CN¥", "¥")


def day(moment: datetime, language: str, zone: ZoneInfo) -> str:
    """Return e.g. `11月22日` or `22 Nov`."""
    return format_date(moment.astimezone(zone), "M月d日" if language == "zh" else "d MMM", locale=LOCALES[language])


def time_of(moment: datetime, language: str, zone: ZoneInfo) -> str:
    """Return e.g. `11月22日 14:05` or `22 Nov, 14:05`."""
    pattern = "M月d日 HH:mm" if language == "zh" else "d MMM, HH:mm"
    return format_datetime(moment.astimezone(zone), pattern, locale=LOCALES[language])


def name(names: Mapping[str, str], language: str) -> str:
    return names.get(language) or next(iter(names.values()), "")


def line(item: Line, language: str) -> str:
    """Return e.g. `蓝色连衣裙（雾蓝，M）` or `Linen Dress (blue, M)`."""
    goods, colour = name(item.name, language), name(item.colour, language)
    return f"{goods}（{colour}，{item.size}）" if language == "zh" else f"{goods} ({colour}, {item.size})"


def counted(item: Line, language: str) -> str:
    """Return the line with its quantity where that is above one: `… (blue, M) ×2`."""
    return line(item, language) + (f" ×{item.quantity}" if item.quantity > 1 else "")


def lines(items: tuple[Line, ...], language: str) -> str:
    return listed((counted(item, language) for item in items), language)


def listed(words: Iterable[str], language: str) -> str:
    """Return e.g. `黑色、灰色` or `black, grey`, each word once."""
    return ("、" if language == "zh" else ", ").join(dict.fromkeys(words))


def order_source(order: Order) -> Source:
    """Name an order, in the state it was read in, as the source of a sentence."""
    return Source(f"order:{order.number}", order.status.value)
