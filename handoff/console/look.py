"""Small pieces of the screen. All text goes through `text`, which escapes: customers write some of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.element import Element

from bot.shop.port import Money
from handoff.console.labels import Labels

_HERE = Path(__file__).parent
_PLATFORMS = {
    "wechat": "WeChat",
    "miniprogram": "WeChat Mini Program",
    "wecom": "WeCom",
    "kf": "WeCom Service",
    "telegram": "Telegram",
    "web": "Web",
}


def dress(now: datetime, labels: Labels) -> None:
    """Add the console's style and script to the page being built."""
    words = {key: labels[key] for key in ("offline",)}
    start = json.dumps({"now": now.timestamp() * 1000, "words": words}).replace("<", "\\u003c")
    ui.add_css(_file("look.css"))
    ui.add_head_html(f"<script>window.zgStart = {start};\n{_file('look.js')}</script>")
    ui.colors(primary="#1b7a62", dark="#1c2220", dark_page="#141817")


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def box(classes: str, tag: str = "div") -> Element:
    """Return an empty box to be filled in a `with`."""
    return ui.element(tag).classes(classes)


def text(words: str, classes: str = "") -> ui.label:
    """Show words, escaped, with their line breaks."""
    return ui.label(words).classes(classes)


def button(label: str, icon: str, on_click: Callable[[], Any], classes: str = "zg-button") -> ui.button:
    """Show a button with an icon and a label."""
    return ui.button(label, icon=icon, on_click=on_click, color=None).props("flat dense no-caps").classes(classes)


def icon_button(label: str, icon: str, on_click: Callable[[], Any] | None, classes: str = "") -> ui.button:
    """Show a round button with an icon; the label is its tooltip and what a screen reader says."""
    made = ui.button(icon=icon, on_click=on_click, color=None).props("flat dense round").classes(f"zg-icon {classes}")
    made.props["aria-label"] = label
    with made:
        ui.tooltip(label)
    return made


def chip(words: str, classes: str = "") -> ui.label:
    """Show words in a small rounded field."""
    return text(words, f"zg-chip {classes}")


def moment(at: datetime) -> None:
    """Show a time of day (or a date, if it is not today) in the agent's own time zone."""
    box("zg-time", "time").props(f'data-at="{at.timestamp() * 1000:.0f}"')


def since(at: datetime, classes: str = "") -> None:
    """Show how long ago something was; it ticks in the browser and changes colour at 2 and 10 minutes."""
    box(f"zg-since {classes}", "span").props(f'data-since="{at.timestamp() * 1000:.0f}"')


def money(amount: Money) -> str:
    """Return an amount as people write it."""
    sign = {"CNY": "¥", "EUR": "€", "USD": "$", "GBP": "£"}.get(amount.currency, amount.currency + " ")
    return f"{sign}{amount.amount_minor / 100:,.2f}"


def channel_name(channel: str) -> str:
    """Return the platform's name of a channel such as `telegram:shopbot`."""
    platform = channel.partition(":")[0]
    return _PLATFORMS.get(platform, platform)
